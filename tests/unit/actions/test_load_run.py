"""A run that is loaded answers whatever holds an image, and the same for all of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.errors import DataError, SpecError

pytest.importorskip("dsbuilder.train.trainer")

PIPELINE = """
name: flowers
source: {use: folder, path: images}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [16, 16]}]
stream: {batch_size: 8}
train: {model: {use: cnn, width: 4, depth: 1, convolutions: 1}, epochs: 1}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with `runs/flowers-1`, and images of two classes in `holiday`."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    for number, name in enumerate(("rose", "tulip", "iris")):
        (home / "images" / name).mkdir(parents=True)
        for index in range(8):
            image = rng.integers(60 * number, 60 * number + 90, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(image).save(home / "images" / name / f"{index}.png")
    (home / "flowers.yaml").write_text(PIPELINE)
    flowers = dsbuilder.open(home / "flowers.yaml", out=home / "out")
    flowers.train(run=home / "runs" / "flowers-1", workers=0)
    (home / "holiday").mkdir()
    shutil.copy(home / "images" / "rose" / "0.png", home / "holiday" / "1.jpg")
    (home / "holiday" / "2.jpg").write_bytes(b"junk")
    return home


@pytest.fixture(scope="module")
def model(home):
    return dsbuilder.load_run(home / "runs" / "flowers-1")


def alike(one, two):
    assert one.value == two.value and dict(one.scores) == pytest.approx(dict(two.scores), abs=1e-5)


def test_arrays_pictures_and_paths_are_answered_alike(home, model):
    path = home / "images" / "tulip" / "3.png"
    expected = model.predict(path)
    assert expected.value in model.class_names == ("iris", "rose", "tulip")
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
        given = [str(path), picture, pixels, np.dstack([pixels, np.full((20, 30), 255, np.uint8)])]
        for each in given:
            alike(model.predict(each), expected)
        for each in (given, tuple(given), np.stack([pixels, pixels])):
            found = model.predict(each)
            assert len(found) == len(each)
            for one in found:
                alike(one, expected)
    assert model.predict([]) == []
    assert str(model.signature.image) == "16x16x3 uint8"


def test_pictures_of_any_mode_are_what_their_files_are(model, tmp_path):
    rgb = Image.fromarray(np.random.default_rng(1).integers(0, 255, (31, 17, 3), np.uint8))
    pictures = {
        "1.png": rgb.convert("1"),
        "L.png": rgb.convert("L"),
        "P.png": rgb.convert("P"),
        "LA.png": rgb.convert("LA"),
        "deep.png": Image.fromarray(np.full((9, 9), 40_000, np.uint16)),
        "CMYK.tif": rgb.convert("CMYK"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        alike(model.predict(picture), model.predict(tmp_path / name))
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        alike(model.predict(turned), model.predict(tmp_path / "turned.png"))


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 3)), np.zeros(5, np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image_is_told(model, wrong):
    with pytest.raises(DataError, match=r"images\[0\]: expected"):
        model.predict(wrong)
    with pytest.raises(DataError, match=r"images\[1\]: expected"):
        model.predict([np.zeros((4, 4, 3), np.uint8), wrong])


def test_several_views_are_averaged(home, model):
    path = home / "images" / "rose" / "1.png"
    flipped = dsbuilder.load_run(home / "runs" / "flowers-1", tta="flip", top=1)
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    both = [dict(each.scores) for each in model.predict([pixels, pixels[:, ::-1]])]
    (name, probability), *rest = flipped.predict(path).scores
    assert not rest
    assert probability == pytest.approx(np.mean([each[name] for each in both]), abs=1e-4)


def test_the_example_of_the_readme_runs(home, monkeypatch, capsys):
    text = (Path(__file__).parents[3] / "README.md").read_text()
    (code,) = re.findall(r"^```py\n(model = dsbuilder\.load_run\(.*?)^```", text, re.S | re.M)
    monkeypatch.chdir(home)
    exec(compile(code, "README.md", "exec"), {"dsbuilder": dsbuilder})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "('iris', 'rose', 'tulip') 16x16x3 uint8"
    assert shown[2] in (f"1.jpg {name}" for name in ("iris", "rose", "tulip"))
    assert shown[3].startswith("2.jpg holiday/2.jpg: expected an image")


def test_tensorflow_is_started_when_a_run_is_loaded_and_not_before():
    code = (
        "import sys, dsbuilder\n"
        "dsbuilder.load_run, dsbuilder.LoadedRun\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 1.5, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(home, threshold):
    with pytest.raises(SpecError, match="expected more than 0 and less than 1, found"):
        dsbuilder.load_run(home / "runs" / "flowers-1", threshold=threshold)
