"""What README.md, plugins/README.md and pipelines/README.md show runs as it stands there."""

import inspect
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw
from snippets import ROOT, blocks

import dsbuilder
from dsbuilder import plugin
from dsbuilder.cli.main import main
from dsbuilder.registry import discover


def run(words: Sequence[str]) -> str:
    assert words[0] == "dsbuilder"
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, (words, result.stdout, result.stderr)
    return result.stdout


def run_all(document: str, info: str, begins: str = "") -> None:
    found = [words for each in blocks(document, info, begins) for words in each.commands]
    assert found
    for words in found:
        run(words)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with pipelines and samples as a checkout has them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    for name in ("emoji", "digits"):
        shutil.copy(ROOT / f"pipelines/{name}.yaml", tmp_path / "pipelines")
        shutil.copytree(ROOT / f"samples/{name}", tmp_path / f"samples/{name}")
    return tmp_path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_the_commands_of_the_readme_run(here: Path) -> None:
    run_all("README.md", "sh")
    recorded, now = (pixels(home / "samples/preview.png") for home in (ROOT, here))
    assert recorded.shape == now.shape  # the picture of the README is what its command draws
    assert (np.abs(recorded - now).max(axis=2) > 48).mean() <= 0.02


@pytest.mark.slow
def test_the_way_from_a_folder_to_a_model_in_the_readme_runs(here: Path) -> None:
    run_all("README.md", "sh slow", "dsbuilder init")
    drawn = here / "runs/emoji-1/charts/mistakes.png"
    recorded, now = pixels(ROOT / "samples/mistakes.png"), pixels(drawn)
    assert recorded.shape[1] == now.shape[1]  # which mistakes there are, another machine may change
    assert np.abs(recorded[:90, :400] - now[:90, :400]).mean() < 3  # what stands above them, not
    assert (here / "runs/emoji-1/report.html").is_file()
    assert (here / "out/emoji/1.0.0/report.html").is_file()


@pytest.mark.slow
def test_what_trains_in_the_readme_runs(
    here: Path, make_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pipeline,) = blocks("README.md", "yaml", "name: flowers")
    make_images("flowers", classes=("rose", "tulip"), count=20, size=(120, 160))
    make_images("pipelines/holiday", classes=("here",), count=2, size=(300, 200))
    monkeypatch.chdir(here / "pipelines")
    Path("flowers.yaml").write_text(pipeline.text)
    run_all("README.md", "sh slow", "dsbuilder check flowers")
    assert Path("runs/flowers-1/report.html").is_file()

    import keras

    model = keras.Sequential(
        [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    )
    model.compile(loss="sparse_categorical_crossentropy")
    (code,) = blocks("README.md", "py slow")
    names = {"dataset": dsbuilder.load("out/flowers"), "model": model}
    exec(compile(code.text, "README.md", "exec"), names)
    assert model.optimizer.iterations == 10 * names["stream"].steps_per_epoch


@pytest.mark.slow
def test_the_export_of_a_model_in_the_readme_runs(here: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    (block,) = blocks("README.md", "console slow")
    (words,) = block.commands
    train = "dsbuilder train pipelines/digits.yaml --run runs/digits --epochs 2"
    run(train.split())
    printed = run(words).splitlines()
    shown = block.text.splitlines()[1:]
    assert [alike(each) for each in printed[: len(shown)]] == [alike(each) for each in shown]


def alike(line: str) -> str:
    """Returns a line of what is printed without its numbers, which another training changes."""
    return re.sub(r"[\d.]+(e-\d+)?", "#", line)


def test_the_plugin_of_the_readme_is_the_one_of_the_folder() -> None:
    (block,) = blocks("README.md", "python", '@transform("salt_pepper"')
    names = {**vars(plugin), "dataclass": dataclass}
    exec(compile(block.text, "README.md", "exec"), names)
    shown, real = names["SaltPepper"], discover([ROOT / "plugins"]).get("salt_pepper").cls
    assert shown() == shown(density=real().density)
    assert shown.__doc__ == inspect.getdoc(real).partition("\n")[0]
    for name in ("draw", "apply"):
        parameters = [
            list(inspect.signature(getattr(each, name)).parameters) for each in (shown, real)
        ]
        assert parameters[0] == parameters[1]
    body = inspect.getsource(real.draw).splitlines()[-1].strip()
    assert body in block.text


def test_the_commands_of_the_plugins_page_run(here: Path) -> None:
    shutil.copytree(
        ROOT / "plugins", here / "plugins", ignore=shutil.ignore_patterns("*.md", "pictures")
    )
    run_all("plugins/README.md", "sh")
    for made in ("resize.png", "docs/plugins/README.md", "tests/test_shear.py", "preview.png"):
        assert (here / made).is_file()


def striped(folder: Path, *, count: int = 16) -> None:
    """Makes images of three classes: bars that lean to the left or to the right, or stand."""
    rng = np.random.default_rng(3)
    for name, lean in (("left", -8), ("right", 8), ("upright", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Image.fromarray(rng.integers(0, 90, (24, 24, 3), np.uint8))
            x = int(rng.integers(9, 14))
            ImageDraw.Draw(image).line((x - lean, 2, x + lean, 22), fill="white", width=3)
            image.save(folder / name / f"{number}.png")


SEARCHED = """
name: {name}
source: {{use: folder, path: bars}}
split: {{train: 0.5, validation: 0.25, test: 0.25}}
augment: {{stages: [{{use: A.HorizontalFlip, p: 0.5}}, {{use: A.Affine, rotate: [-5, 5]}}]}}
finish: [{{use: resize, size: [24, 24]}}]
train: {{model: {{use: cnn, width: 4, depth: 2}}, epochs: 1}}
"""


@pytest.mark.slow
def test_the_searches_of_the_reference_run(here: Path) -> None:
    striped(here / "bars")
    for name in ("shades", "mirrored"):
        (here / f"{name}.yaml").write_text(SEARCHED.format(name=name))
    run_all("pipelines/README.md", "console slow")
    assert (here / "runs/shades-tune-1/tuning.json").is_file()
    assert (here / "runs/mirrored-ablation-1/ablation.md").is_file()


@pytest.mark.slow
def test_the_stream_on_the_device_of_the_reference_is_fitted_to(here: Path, make_images) -> None:
    (stages,) = blocks("pipelines/README.md", "yaml", "stream:\n  on: device")
    make_images("pets", classes=("cat", "dog"), count=12, size=(80, 80))
    head = (
        "name: pets\nsource: {use: folder, path: pets}\nsize: 64\nsplit: {train: 0.8, test: 0.2}\n"
    )
    (here / "pets.yaml").write_text(
        f"{head}prepare: [{{use: resize, size: [220, 220]}}]\n{stages.text}"
    )
    built = dsbuilder.open("pets.yaml").build(workers=0)

    import keras

    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    names = {
        "dataset": dsbuilder.load(built.path),
        "model": keras.Sequential(layers),
        "loss": "categorical_crossentropy",  # mixup mixes labels
    }
    (code,) = blocks("pipelines/README.md", "py slow")
    exec(compile(code.text, code.document, "exec"), names)
    assert names["model"].optimizer.iterations == 5 * names["train"].steps_per_epoch
