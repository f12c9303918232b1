"""Labels that are wrong are found by models that never saw them, and mended by what is written."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.errors import DataError, SpecError

pytest.importorskip("keras")

PIPELINE = """
name: shades
source: {use: folder, path: images}
split: {train: 0.8, test: 0.2}
synthesize: [{use: blank, count: 6, splits: test}]
finish: [{use: resize, size: [6, 6]}]
cache: {codec: npy, image: raw}
stream: {batch_size: 16}
train:
  model: {use: mlp, width: 16, depth: 1}
  optimizer: {use: adam, learning_rate: 0.03}
  epochs: 6
"""
PLUGIN = '''
"""Black images that are called red."""
from dataclasses import dataclass
import numpy as np
from dsbuilder import plugin as ds


@ds.synthesizer("blank")
@dataclass(frozen=True, kw_only=True)
class Blank(ds.Synthesizer):
    """Draws nothing."""

    def output_signature(self, mode):
        image = ds.ImageSignature(height=6, width=6, channels=3)
        names = ("blue", "green", "rare", "red")
        return ds.Signature(image=image, targets={"label": ds.ClassLabel(names=names)})

    def draw(self, rng):
        return {}

    def render(self, key, params, mode):
        return ds.Sample(key=key, image=np.zeros((6, 6, 3), np.uint8), targets={"label": "red"})
'''
COLORS = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220)}
WRONG = {"18.png": ("red", "green"), "49.png": ("blue", "red")}
"""Files -> what they show, and what they are labeled."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Shades in folders, two in the wrong one, and two of a class of their own."""
    home = tmp_path_factory.mktemp("suspects")
    rng = np.random.default_rng(0)
    for number in range(84):
        color = list(COLORS)[number % 3]
        name = f"{number}.png"
        spread = 40 if name not in WRONG else 0  # the purer, the surer the model is
        color, label = WRONG.get(name, (color, color))
        folder = home / "images" / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.normal(COLORS[color], spread, (6, 6, 3)).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    (home / "images" / "rare").mkdir()
    for number in range(2):
        Image.new("RGB", (6, 6), "white").save(home / "images" / "rare" / f"{number}.png")
    (home / "plugins").mkdir()
    (home / "plugins" / "blank.py").write_text(PLUGIN)
    (home / "shades.yaml").write_text(PIPELINE)
    return home


@pytest.fixture(scope="module")
def found(home):
    """What is found of the labels, with all that is written."""
    return dsbuilder.open(home / "shades.yaml").suspects(
        folds=3,
        run=home / "folds",
        exclude=home / "exclude.txt",
        corrections=home / "corrections.csv",
        sheet=home / "sheet.png",
    )


KEYS = {f"{label}/{name}": color for name, (color, label) in WRONG.items()}


def labels_of(built):
    dataset = dsbuilder.load(built.path)
    samples = (sample for split in dataset.splits for sample in dataset.samples(split))
    return {each.key: dataset.class_names[each.targets["label"]] for each in samples}


@pytest.mark.slow
def test_wrong_labels_are_found_and_synthesized_samples_passed_over(found, home):
    target = found.targets["label"]
    assert {each.key: each.suggested for each in target.suspects} == KEYS
    assert (found.records, found.untested) == (84, 2)
    assert not any("the source is another" in each for each in found.warnings)
    (untested,) = [each for each in found.warnings if "every fold" in each]
    assert untested.startswith("2 records are trained on in every fold, those of classes too small")
    assert "'rare' (2)" in untested
    assert [each.name for each in target.classes] == ["blue", "green", "rare", "red"]
    assert sum(each.records for each in target.classes) == 84
    assert 1 < target.expected < 5
    written = json.loads((home / "folds" / "suspects.json").read_text())
    assert written["targets"]["label"]["suspects"][0]["key"] == target.suspects[0].key
    with Image.open(home / "sheet.png") as sheet:
        assert sheet.width > 100
    folds = [Path(each).parts[-2:] for each in (home / "folds").glob("fold-*/best.keras")]
    assert len(folds) == 3


@pytest.mark.slow
def test_corrections_that_are_applied_mend_the_labels(found, home, tmp_path):
    with (home / "corrections.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["key"]: (line["given"], line["value"]) for line in lines} == {
        key: (key.partition("/")[0], color) for key, color in KEYS.items()
    }
    opened = dsbuilder.open(
        home / "shades.yaml", overrides=[f"source.corrections={home / 'corrections.csv'}"]
    )
    labels = labels_of(opened.build(tmp_path / "out", workers=0))
    assert {key: labels[key] for key in KEYS} == KEYS
    others = {key: label for key, label in labels.items() if ".png" in key and key not in KEYS}
    assert len(others) == 84 and all(key.startswith(label) for key, label in others.items())


@pytest.mark.slow
def test_what_is_excluded_is_not_built_and_what_stands_is_not_trained_again(found, home, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in home.glob("folds/fold-*/*.keras")}
    line = ["suspects", str(home / "shades.yaml"), "--run", str(home / "folds")]
    again = CliRunner().invoke(main, [*line, "--exclude", str(tmp_path / "exclude.txt")])
    assert again.exit_code == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "2 of 84 records have a suspect label." in again.stdout
    first = found.targets["label"].suspects[0]
    assert first.key in again.stdout and first.remark in again.stdout
    assert (tmp_path / "exclude.txt").read_text() == (home / "exclude.txt").read_text()
    opened = dsbuilder.open(home / "shades.yaml")
    built = opened.build(tmp_path / "out", workers=0, exclude=tmp_path / "exclude.txt")
    assert len([key for key in labels_of(built) if ".png" in key]) == 84
    assert not KEYS.keys() & labels_of(built).keys()
    mended = ["--set", f"source.corrections={home / 'corrections.csv'}", "--json"]
    given = json.loads(CliRunner().invoke(main, [*line, *mended]).stdout)
    assert {each["key"] for each in given["targets"]["label"]["suspects"]} == set(KEYS)
    assert any("the source is another than the folds" in each for each in given["warnings"])


def test_corrections_that_cannot_be_written_are_refused_before_a_training(home, tmp_path):
    opened = dsbuilder.open(home / "shades.yaml")
    with pytest.raises(DataError, match=r"ends in one of \.csv, \.tsv, \.jsonl"):
        opened.suspects(run=tmp_path / "folds", corrections=tmp_path / "mended.xlsx")
    masks = tmp_path / "masks"
    (masks / "images").mkdir(parents=True)
    (masks / "masks").mkdir()
    for number in range(6):
        Image.new("RGB", (16, 16)).save(masks / "images" / f"{number}.png")
        Image.fromarray(np.indices((16, 16))[0].astype(np.uint8) % 2).save(
            masks / "masks" / f"{number}.png"
        )
    (tmp_path / "masks.yaml").write_text(
        "name: masks\nsource: {use: image_mask, path: masks, images: images, masks: masks, "
        "classes: [ground, it]}\nfinish: [{use: resize, size: [16, 16]}]\n"
        "train: {model: {use: unet, width: 4, depth: 2}, epochs: 1}\n"
    )
    opened = dsbuilder.open(tmp_path / "masks.yaml")
    with pytest.raises(SpecError, match="found 'mask' of kind 'mask'"):
        opened.suspects(run=tmp_path / "folds", corrections=tmp_path / "mended.csv")
    assert not (tmp_path / "folds").exists()
