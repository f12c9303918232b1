"""The pages of tasks: what each shows is a pipeline that builds, by the commands as they stand."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw
from tools import DEJAVU, needs_dejavu, place

from dsbuilder.cli.main import main

PAGES = Path(__file__).parents[2] / "pipelines"
COUNT = 24


def photos(here: Path, make_images) -> None:
    make_images("photos", classes=("cat", "dog"), count=COUNT, size=(120, 160), suffix="jpg")


def few(here: Path, make_images) -> None:
    make_images("few", classes=("cat", "dog"), count=12, size=(100, 100), suffix="jpg")


def cars(here: Path, make_images) -> None:
    splits = ("train", "val")
    make_images("cars/images", classes=splits, count=COUNT, size=(96, 128), suffix="jpg")
    for split in splits:
        labels = here / "cars/labels" / split
        labels.mkdir(parents=True)
        for number in range(COUNT):
            (labels / f"{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.4 0.3\n")
    (here / "cars/data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/val\nnames: [car, van]\n"
    )


def cells(here: Path, make_images) -> None:
    images = make_images("made", classes=("images",), count=COUNT, size=(96, 96))
    shutil.move(images, here / "cells")
    (here / "cells/masks").mkdir()
    for number in range(COUNT):
        with Image.open(here / f"cells/images/{number}.png") as image:
            mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse((20, 20, 40 + number, 60), fill=1)
        mask.save(here / f"cells/masks/{number}.png")


def meters(here: Path, make_images) -> None:
    images = make_images("made", classes=("meters",), count=COUNT, size=(90, 120), suffix="jpg")
    shutil.move(images / "meters", here / "meters")
    rows = [f"{number}.jpg,{1.5 * number}\n" for number in range(COUNT)]
    (here / "meters/labels.csv").write_text("image,litres\n" + "".join(rows))


def lines(here: Path, make_images) -> None:
    (here / "fonts").mkdir()
    shutil.copy(place(DEJAVU), here / "fonts")
    (here / "lines").mkdir()
    Image.new("L", (128, 32), 255).save(here / "lines/1.png")


DATA: dict[str, Callable[..., None]] = {
    "classify_photos": photos,
    "build_for_a_detector": cars,
    "segment": cells,
    "read_text": lines,
    "regress": meters,
    "few_images": few,
}


def commands(text: str, kind: str) -> list[list[str]]:
    """Returns the commands of the blocks of a kind, without their comments."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    told = [shlex.split(each, comments=True) for block in blocks for each in block.splitlines()]
    assert all(words[0] == "dsbuilder" for words in told)
    return told


def run(told: list[list[str]]) -> None:
    for words in told:
        result = CliRunner().invoke(main, words[1:])
        assert result.exit_code == 0, (words, result.stdout, result.stderr)


def written(page: str, here: Path, make_images, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes what a page is about, and its pipeline, in the current folder; returns its text."""
    monkeypatch.chdir(here)
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    (pipeline,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (name,) = re.findall(r"^name: (\w+)$", pipeline, re.MULTILINE)
    assert f"`{name}.yaml`" in text
    (here / f"{name}.yaml").write_text(pipeline, encoding="utf-8")
    DATA[page](here, make_images)
    return text


def pages(*marks: pytest.MarkDecorator) -> list:
    needs = {"read_text": [needs_dejavu]}
    return [pytest.param(page, marks=[*needs.get(page, ()), *marks], id=page) for page in DATA]


@pytest.mark.parametrize("page", pages())
def test_the_pipeline_of_a_page_builds_by_its_commands(
    page: str, tmp_path: Path, make_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written(page, tmp_path, make_images, monkeypatch)
    told = commands(text, "sh")
    assert {"check", "build"} <= {words[1] for words in told}
    run(told)
    assert next(tmp_path.glob("out/*/1.0.0/metadata.json")).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", pages())
def test_the_training_of_a_page_runs_by_its_commands(
    page: str, tmp_path: Path, make_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written(page, tmp_path, make_images, monkeypatch)
    run(commands(text, "sh slow"))


def test_there_is_a_page_for_each_task_and_the_reference_names_all() -> None:
    there = {path.stem for path in PAGES.glob("*.md")} - {"README", "coming_from", "plugins"}
    assert there == set(DATA)
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    assert all(f"({page}.md)" in text for page in (*DATA, "coming_from"))


def theirs(here: Path, make_images) -> None:
    """Makes what the page `coming from` reads: folders, labels of YOLO, a table, a tfds dataset."""
    make_images("photos", classes=("cat", "dog"), count=20, size=(100, 100), suffix="jpg")
    cars(here, make_images)
    (here / "made.yaml").write_text(
        "name: photos\nsource: {use: folder, path: photos}\nsplit: {train: 0.8, test: 0.2}\n"
    )
    run([["dsbuilder", "build", "made.yaml", "--out", "tfds", "--workers", "0"]])
    run([["dsbuilder", "export", "tfds/photos/1.0.0", "--to", "imagefolder", "--out", "hub"]])


def test_every_pipeline_of_coming_from_builds_and_its_python_runs(
    tmp_path: Path, make_images, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    theirs(tmp_path, make_images)
    text = (PAGES / "coming_from.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(yaml|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks].count("yaml") == 6
    for kind, block in blocks:
        if kind == "python":
            exec(compile(block, "coming_from.md", "exec"), {})
            continue
        (name,) = re.findall(r"^name: (\w+)$", block, re.MULTILINE)
        (tmp_path / f"{name}.yaml").write_text(block)
        run([["dsbuilder", "build", f"{name}.yaml", "--workers", "0"]])
    said = capsys.readouterr().out
    assert "(16, 96, 96, 3) (16,)" in said and "['cat', 'dog']" in said.replace("(", "[").replace(
        ")", "]"
    )
    run(
        [shlex.split(each) for each in re.findall(r"`(dsbuilder export [^`]*1\.0\.0 [^`]*)`", text)]
    )


def test_every_stage_that_coming_from_names_is_one(
    tmp_path: Path, make_images, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_images("photos", classes=("cat", "dog"), count=4)
    text = (PAGES / "coming_from.md").read_text(encoding="utf-8")
    stages = set(re.findall(r"`(\{use: A\.[^`]*\})`", text))
    stages |= {f"{{use: {each}}}" for each in re.findall(r"`(A\.\w+)`", text)}
    pipeline = (
        "name: p\nsource: {use: folder, path: photos}\nfinish: [{use: resize, size: [32, 32]}]\n"
    )
    lines = "".join(f"    - {each}\n" for each in sorted(stages))
    (tmp_path / "p.yaml").write_text(f"{pipeline}augment:\n  stages:\n{lines}")
    assert len(stages) > 10
    run([["dsbuilder", "check", "p.yaml"]])
