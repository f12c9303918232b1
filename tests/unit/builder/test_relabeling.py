"""A stage of `prepare` may change what records say: merge classes, drop a target, add one."""

from pathlib import Path

import numpy as np
import pytest
from conftest import noise
from PIL import Image

from dsbuilder import Dataset, load
from dsbuilder.builder import build_dataset

PLUGINS = '''
"""Other labels than those of the records."""
from dataclasses import dataclass

from dsbuilder.plugin import ClassLabel, Params, Sample, Signature, Transform, Value, transform


class Fixed(Transform):
    draws = False

    def draw(self, sample, rng):
        return {}


@transform("pets", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Pets(Fixed):
    """Makes pets of cats and dogs."""

    def output_signature(self, signature: Signature) -> Signature:
        kinds = {**signature.targets, "label": ClassLabel(names=("car", "pet"))}
        return signature.replace(targets=kinds)

    def apply(self, sample: Sample, params: Params) -> Sample:
        label = int(sample.targets["label"] > 0)  # of car, cat, dog
        return sample.replace(targets={**sample.targets, "label": label})


@transform("brightness", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Brightness(Fixed):
    """Adds how bright the image is, and drops the class."""

    def output_signature(self, signature: Signature) -> Signature:
        return signature.replace(targets={"brightness": Value()})

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(targets={"brightness": float(sample.image.mean())})


@transform("unboxed", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Unboxed(Fixed):
    """Says how many boxes there are, and drops them."""

    def output_signature(self, signature: Signature) -> Signature:
        return signature.replace(targets={"count": Value()})

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(targets={"count": float(len(sample.targets["objects"].classes))})
'''
BOXED = """
name: unboxed
source: {{use: yolo, path: boxed}}
prepare: [{{use: unboxed}}, {{use: A.VerticalFlip, p: 1}}]
augment: {{copies: 1, stages: [{{use: A.HorizontalFlip, p: 1}}, {{use: mixup}}]}}
finish: [{{use: resize, size: [{size}, 12]}}]
build: {{keep_prepared: {kept}}}
"""
PIPELINE = """
name: relabeled
source: {{use: folder, path: images}}
prepare: [{{use: {stage}}}]
augment: {{copies: 1, stages: [{{use: A.HorizontalFlip}}]}}
finish: [{{use: resize, size: [{size}, 12]}}]
build: {{keep_prepared: {kept}}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "labels.py").write_text(PLUGINS, encoding="utf-8")
    for place, label in enumerate(("car", "cat", "dog")):
        (tmp_path / "images" / label).mkdir(parents=True)
        for index in range(4):
            image = Image.fromarray(noise(9 * place + index, (16, 16)))
            image.save(tmp_path / "images" / label / f"{index}.png")
    return tmp_path


def built(home: Path, stage: str, size: int = 12, kept: str = "false") -> Dataset:
    path = home / "p.yaml"
    path.write_text(PIPELINE.format(stage=stage, size=size, kept=kept), encoding="utf-8")
    return load(build_dataset(path, home / "out", workers=0).path)


@pytest.mark.parametrize("kept", ["false", "true"])
def test_classes_are_merged(home: Path, kept: str) -> None:
    for size in (12, 14):  # the second time of originals that were kept, where they are
        dataset = built(home, "pets", size, kept)
        assert dataset.class_names == ("car", "pet")
        samples = [each for split in dataset.splits for each in dataset.samples(split)]
        said = {each.key.split("//")[0]: each.targets["label"] for each in samples}
        assert len(said) == 12
        assert all(label == (not key.startswith("car/")) for key, label in said.items())
        dataset.verify()
        told = dataset.explain(samples[0].key, output=home / "a.png", plugins=[home / "plugins"])
        assert told.targets["label"] in ("car", "pet") and not told.notes


def test_a_target_is_dropped_and_one_is_made(home: Path) -> None:
    dataset = built(home, "brightness")
    assert list(dataset.signature.targets) == ["brightness"]
    for split in dataset.splits:
        for sample in dataset.samples(split):
            with Image.open(home / "images" / sample.key.split("//")[0]) as image:
                mean = np.asarray(image).mean()
            assert sample.targets["brightness"] == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("kept", ["false", "true"])
def test_boxes_that_are_dropped_move_no_more(home: Path, kept: str) -> None:
    (home / "boxed" / "images").mkdir(parents=True)
    (home / "boxed" / "labels").mkdir()
    for index in range(6):
        Image.fromarray(noise(index, (16, 16))).save(home / "boxed" / "images" / f"{index}.png")
        boxes = "".join(f"0 0.{each}5 0.5 0.1 0.25\n" for each in range(3, 3 + index % 3))
        (home / "boxed" / "labels" / f"{index}.txt").write_text(boxes, encoding="utf-8")
    (home / "boxed" / "data.yaml").write_text("train: images\nnames: [cat]\n", encoding="utf-8")
    for size in (12, 14):
        path = home / "p.yaml"
        path.write_text(BOXED.format(size=size, kept=kept), encoding="utf-8")
        dataset = load(build_dataset(path, home / "out", workers=0).path)
        assert list(dataset.signature.targets) == ["count"]
        samples = [each for split in dataset.splits for each in dataset.samples(split)]
        originals = [each for each in samples if "//" not in each.key]
        assert len(originals) == 6
        for each in originals:
            assert each.targets["count"] == int(Path(each.key).stem) % 3
        dataset.verify()
        made = next(each for each in samples if "//" in each.key)
        told = dataset.explain(made.key, output=home / "a.png", plugins=[home / "plugins"])
        assert list(told.targets) == ["count"] and not told.notes
