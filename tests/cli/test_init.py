"""`dsbuilder init`: what it says of a folder, and what it refuses."""

import json
import shutil
from pathlib import Path

from PIL import Image
from ruamel.yaml import YAML

SOURCE = Path("source")
SAMPLES = Path(__file__).parents[2] / "samples"


def test_init_says_which_layout_it_is_and_writes_a_pipeline(pets: Path, call) -> None:
    result = call("init source --output mine.yaml")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["layout", "certainty", "why"]
    assert lines[1].split(maxsplit=3) == [
        *("folder", "*", "0.85"),
        "16 images in 2 class folders: 'cat', 'dog'",
    ]
    (others,) = (line for line in lines if line.startswith("not "))
    assert ", list, " in others and others.endswith("; --json says why")
    assert "The pipeline is right: 43 samples in 3 shards." in lines
    assert lines[-4:] == [
        "mine.yaml: written",
        "next: dsbuilder inspect mine.yaml",
        "      dsbuilder preview mine.yaml",
        "      dsbuilder build mine.yaml",
    ]
    written = YAML(typ="safe").load((pets / "mine.yaml").read_text())
    assert written["name"] == "source"
    assert written["source"] == {"use": "folder", "path": "source"}
    assert call("check mine.yaml").exit_code == 0


def test_every_line_of_the_pipeline_has_a_comment_or_speaks_for_itself(pets: Path, call) -> None:
    call("init source")
    lines = (pets / "source.yaml").read_text().splitlines()
    assert sum("#" in line for line in lines) * 2 > len(lines)
    assert not [line for line in lines if len(line) > 120]


def test_paths_are_relative_to_the_pipeline_wherever_it_lies(pets: Path, call) -> None:
    (pets / "deep/er").mkdir(parents=True)
    assert call("init source --output deep/er/pets.yaml").exit_code == 0
    assert "path: ../../source" in (pets / "deep/er/pets.yaml").read_text()
    moved = shutil.copytree(pets, pets.parent / "moved")
    assert call(f"check {moved}/deep/er/pets.yaml").exit_code == 0


def test_a_file_that_exists_is_left_as_it_is(pets: Path, call) -> None:
    (pets / "source.yaml").write_text("mine")
    result = call("init source")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: source.yaml: the file exists; `dsbuilder build source.yaml` builds it. "
        "Name another with --output (in Python `output`), or remove it.\n"
    )
    assert (pets / "source.yaml").read_text() == "mine"


def test_init_as_json(pets: Path, call) -> None:
    document = json.loads(call("init source --json").stdout)
    assert document["output"] == str(pets / "source.yaml")
    assert document["source"] == {"use": "folder", "path": "source"}
    assert document["recognized"][0] == {
        "source": "folder",
        "certainty": 0.85,
        "reason": "16 images in 2 class folders: 'cat', 'dog'",
    }
    assert document["check"]["samples"] == {"train": 36, "validation": 3, "test": 4}
    assert document["warnings"] == []


def test_two_layouts_that_are_nearly_as_likely_are_told(pets: Path, call) -> None:
    names = [path.relative_to(SOURCE).as_posix() for path in SOURCE.glob("*/*.png")]
    lines = [f"{name} {name[-5] in '0123'}\n" for name in sorted(names)]
    (pets / "source/labels.txt").write_text("".join(lines))
    result = call("init source --output a.yaml")
    assert "use: list" in (pets / "a.yaml").read_text()
    assert "warning: 'folder' is nearly as likely as 'list': 16 images" in result.stderr
    assert "--use folder (in Python `use`) takes it." in result.stderr
    assert call("init source --output b.yaml --use folder").exit_code == 0
    assert "use: folder" in (pets / "b.yaml").read_text()


def test_nothing_is_written_for_a_folder_that_cannot_be_read(pets: Path, call) -> None:
    for path in (pets / "source").rglob("*.png"):
        path.write_bytes(b"no image at all")
    result = call("init source")
    assert result.exit_code == 1
    assert "expected images, found none that can be read among 16 looked at" in result.stderr
    assert not (pets / "source.yaml").exists()


def test_images_that_cannot_be_read_are_told_beforehand(pets: Path, call) -> None:
    (pets / "source/cat/3.png").write_bytes(b"")
    result = call("init source")
    assert result.exit_code == 0
    assert (
        "warning: 1 of 16 images that were looked at cannot be read, such as 'cat/3.png': "
        in result.stderr
    )


def test_a_pipeline_within_its_own_data_is_warned_of(pets: Path, call, monkeypatch) -> None:
    monkeypatch.chdir(pets / "source")
    result = call("init .")
    assert "warning: source.yaml lies in the folder that it reads: pictures" in result.stderr
    assert "  path: . " in (pets / "source/source.yaml").read_text()
    assert call("check source.yaml").exit_code == 0


def test_an_unknown_layout_lists_the_reasons_and_a_better_folder(pets: Path, call) -> None:
    shutil.move(pets / "source", pets / "data/animals/source")
    result = call("init data/animals")
    assert result.exit_code == 1
    assert "  folder: 16 images in one class folder alone, 'source'" in result.stderr
    assert result.stderr.splitlines()[-2:] == [
        "  Did you mean data/animals/source (folder)?",
        "  Else give each class a folder (data/animals/CLASS/1.jpg), or write "
        "data/animals/labels.csv with the columns image and label; then try again.",
    ]


def test_an_output_that_cannot_be_written_is_an_error(pets: Path, call) -> None:
    result = call("init source --output nowhere/pets.yaml")
    assert result.exit_code == 1
    assert result.stderr == ("error: nowhere/pets.yaml: its folder does not exist. Make it.\n")


def bursts_of(folder: Path) -> None:
    """Two classes of ten bursts of three each, whose numbers leave wide gaps."""
    for number in range(60):
        path = folder / "cd"[number // 30] / f"IMG_{number // 3 * 25 + number % 3:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), (number * 4, 90, 200 - number)).save(path)


def test_bursts_are_proposed_as_groups_in_a_comment(tmp_path: Path, call, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    bursts_of(tmp_path / "photos")
    assert call("init photos").exit_code == 0
    text = Path("photos.yaml").read_text()
    _, found, then = text.partition(
        "# At least 20 groups of pictures whose files are numbered one after "
    )
    proposed = then.splitlines()[2]
    assert found
    assert proposed.startswith("# split: {train: 0.8,") and "group: sequence}" in proposed
    assert "crossing_groups: warn" in text
    cut = json.loads(call("inspect photos.yaml --json").stdout)["findings"]
    assert "crossing_groups" in json.dumps(cut)
    lines = [line for line in text.splitlines() if not line.startswith("split:")]
    changed = "\n".join(proposed[2:] if line == proposed else line for line in lines)
    Path("photos.yaml").write_text(changed)
    assert call("check photos.yaml").exit_code == 0
    whole = json.loads(call("inspect photos.yaml --json").stdout)["findings"]
    assert "crossing_groups" not in json.dumps(whole)


def test_times_are_proposed_where_names_say_nothing(pets: Path, call) -> None:
    for number in range(24):
        block = Image.Exif()
        block[0x010F] = "Maker"
        block.get_ifd(0x8769)[0x9003] = f"2024:05:06 {number // 3:02d}:00:{number % 3:02d}"
        path = SOURCE / "cat" / f"{number * 7919 % 1009:x}h.jpg"
        Image.new("RGB", (64, 64), (number * 9, 90, 20)).save(pets / path, exif=block)
    call("init source")
    text = (pets / "source.yaml").read_text()
    assert "# At least 8 groups of pictures that one camera took within 5 s of each other" in text
    assert "test: 0.1, group: time}" in text or "test: 0.2, group: time}" in text


def test_no_groups_are_proposed_where_nothing_speaks_for_them(pets: Path, call) -> None:
    for folder, options in (("emoji", ""), ("digits", "--use list")):
        call(f"init {SAMPLES / folder} --output {folder}.yaml {options}")
        text = (pets / f"{folder}.yaml").read_text()
        assert "group:" not in text and "crossing_groups" not in text, folder
