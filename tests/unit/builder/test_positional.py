"""Masks, boxes and keypoints through a whole build, with either codec: the law of painting."""

import json
import re

import numpy as np
import pytest
from painting import check_boxes, check_mask, check_points, codes, dot_at, painted
from PIL import Image

import dsbuilder
from dsbuilder.actions.check import count_classes
from dsbuilder.builder import build_dataset, load_spec, survey
from dsbuilder.builder.replay import reopen
from dsbuilder.dataset import diff, find_problems
from dsbuilder.dataset.explanation import stored
from dsbuilder.errors import DataError, SpecError
from dsbuilder.images import rle
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan

SOURCE = '''
"""Painted samples."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.plugin import (
    Boxes,
    Catalog,
    Instances,
    Keypoints,
    Listing,
    Mask,
    Record,
    Source,
    Target,
    source,
)


@source("painted")
@dataclass(frozen=True, kw_only=True)
class Painted(Source):
    """Reads `labels.json`.

    Attributes:
      path: the folder.
    """

    path: Path

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Painted

    @property
    def things(self):
        """What is said of instances, if it is."""
        path = self.source.path / "things.json"
        return json.loads(path.read_text()) if path.exists() else None

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        labels = json.loads((self.source.path / "labels.json").read_text())
        for path in sorted(self.source.path.glob("*.png")):
            if path.stem.startswith("mask"):
                continue
            mask = self.source.path / f"mask-{path.name}"
            targets = {**labels, "mask": {"path": str(mask)}}
            if self.things is not None:
                targets["things"] = self.things
            yield Record(key=path.name, path=path, targets=targets, files=(mask,))

    def _targets(self) -> Mapping[str, Target]:
        return {
            "mask": Mask(names=("none", "box", "dot"), ignore=255),
            "objects": Boxes(
                names=("a", "b", "c"), attributes=(("number", "int64"), ("word", "string"))
            ),
            **({} if self.things is None else {"things": Instances(names=("box", "dot"))}),
            "keypoints": Keypoints(names=("left", "nose", "right"), swaps=(("left", "right"),)),
        }
'''
PIPELINE = """
name: toy
source: {use: painted, path: source}
split: {train: 0.8, test: 0.2}
prepare: [{use: resize, short: 90}]
augment:
  copies: 4
  stages:
    - {use: A.Affine, rotate: [-20, 20], p: 0.5}
    - use: one_of
      stages: [{use: A.HorizontalFlip, p: 1}, {use: A.Transpose, p: 1}]
      p: 0.5
finish: [{use: resize, size: [80, 100], fit: pad, background: black}]
cache: {image: png, shard_mb: 0.05}
stream: {stages: [{use: A.VerticalFlip, p: 0.5}]}
"""
COUNT = 10
THINGS = ("box", "dot")


@pytest.fixture
def pipeline(tmp_path, write_pipeline):
    folder = tmp_path / "source"
    folder.mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/painted.py").write_text(SOURCE)
    sample = painted()
    objects, points = sample.targets["objects"], sample.targets["keypoints"]
    labels = {
        "objects": [
            {"label": "abc"[i], "box": objects.corners[i].tolist(), "number": 10 + i, "word": w}
            for i, w in enumerate("xyz")
        ],
        "keypoints": [
            [
                [*map(float, xy), int(v)]
                for xy, v in zip(points.points[0], points.visibility[0], strict=True)
            ]
        ],
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    for index in range(COUNT):
        Image.fromarray(sample.image).save(folder / f"{index}.png")
        Image.fromarray(sample.targets["mask"]).save(folder / f"mask-{index}.png")
    return write_pipeline(PIPELINE)


def say_things(folder) -> None:
    """Says of ten instances, five times each class, that they are what the mask has of it."""
    ids = painted().targets["mask"]
    things = [{"label": each, "counts": rle.encode(ids == n)} for n, each in enumerate(THINGS, 1)]
    raw = {"objects": things * 5, "size": list(ids.shape)}
    (folder / "things.json").write_text(json.dumps(raw))


def check_things(sample) -> None:
    """Every object of a class covers the pixels that the mask has of it, and its box is around."""
    things, (height, width) = sample.targets["things"], sample.image.shape[:2]
    assert len(things) == 10 and things.outlines == ((),) * 10
    for place, mask in enumerate(things.masks()):
        assert np.array_equal(mask, sample.targets["mask"] == 1 + things.boxes.classes[place])
        rows, columns = np.nonzero(mask)
        edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert np.allclose(things.boxes.corners[place] * ([width, height] * 2), edges, atol=1e-3)


def check(sample) -> None:
    check_mask(sample, 0.94)
    check_boxes(sample, reach=2.5)
    swapped = dot_at(sample, 0) == 2 or dot_at(sample, 2) == 0
    check_points(sample, order=(2, 1, 0) if swapped else (0, 1, 2))


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_what_is_drawn_lies_under_what_was_built(pipeline, tmp_path, codec) -> None:
    image = "raw" if codec == "npy" else "png"
    overrides = [f"cache.codec={codec}", f"cache.image={image}"]
    say_things(tmp_path / "source")
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    dataset = dsbuilder.load(built.path)
    count = 0
    for split in dataset.splits:
        for sample in dataset.samples(split):
            assert sample.image.shape == (80, 100, 3)
            check(sample)
            check_things(sample)
            count += 1
    assert count == COUNT + 4 * 8
    assert find_problems(dataset) == []
    classes = dataset.manifest.class_counts("test")
    objects = {"objects/a": 2, "objects/b": 2, "objects/c": 2}
    objects |= {"things/box": 10, "things/dot": 10}
    assert classes == {"none": 2, "box": 2, "dot": 2, **objects}


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_four_images_lie_side_by_side_with_their_masks_and_boxes(pipeline, tmp_path, codec) -> None:
    without = re.sub(r' *"keypoints": Keypoints.*\n', "", SOURCE)
    (tmp_path / "plugins/painted.py").write_text(without)
    labels = json.loads((tmp_path / "source/labels.json").read_text())
    labels.pop("keypoints")
    (tmp_path / "source/labels.json").write_text(json.dumps(labels))
    stages = "[{use: mosaic, p: 0.8}, {use: A.HorizontalFlip, p: 0.5}]"
    overrides = [f"augment.stages={stages}", f"cache.codec={codec}", "stream={}"]
    image = "raw" if codec == "npy" else "png"
    overrides += ["split={train: 1}", f"cache.image={image}"]
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    dataset = dsbuilder.load(built.path)
    assert find_problems(dataset) == []
    counts = []
    for sample in dataset.samples("train"):
        check_mask(sample, 0.9)
        boxes = sample.targets["objects"]
        assert boxes.attributes["number"].tolist() == (10 + boxes.classes).tolist()
        counts.append(len(boxes))
        check_colors(sample)
    assert counts.count(3) >= COUNT and max(counts) >= 9
    again = build_dataset(pipeline, tmp_path / "again", workers=2, overrides=overrides)
    assert (again.path / "SHA256SUMS").read_text() == (built.path / "SHA256SUMS").read_text()
    fresh = [*overrides[1:], "augment={copies: 0}", f"stream={{stages: {stages}, batch_size: 5}}"]
    streamed = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=fresh)
    batches = [*Feed(plan(dsbuilder.load(streamed.path), "train")).batches(0)]
    longest = [batch["objects/label"].shape[1] for batch in batches]
    assert len(batches) == 2 and max(longest) > 3 and batches[0]["mask"].shape == (5, 80, 100)


def check_colors(sample) -> None:
    """Each box surrounds pixels of its own color."""
    code, dot = codes(sample.image)
    height, width = sample.image.shape[:2]
    value = sample.targets["objects"]
    for number, corners in zip(value.classes, value.corners * ([width, height] * 2), strict=True):
        left, top, right, bottom = corners.round().astype(int)
        inside = np.s_[top:bottom, left:right]
        if (bottom - top) * (right - left) > 60:
            assert (code[inside][~dot[inside]] == number + 1).mean() > 0.6


@pytest.mark.slow
def test_a_build_elsewhere_has_the_same_bytes_and_another_mask_other_ones(
    pipeline, tmp_path
) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    (tmp_path / "moved").mkdir()
    for name in ("source", "plugins", "pipeline.yaml"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    again = build_dataset(tmp_path / "moved/pipeline.yaml", tmp_path / "other", workers=0)
    sums = [(each.path.resolve() / "SHA256SUMS").read_text() for each in (first, again)]
    assert sums[0] == sums[1]
    mask = tmp_path / "moved/source/mask-3.png"
    Image.fromarray(np.zeros_like(np.asarray(Image.open(mask)))).save(mask)
    changed = build_dataset(tmp_path / "moved/pipeline.yaml", tmp_path / "other", workers=0)
    assert 1 <= changed.made <= 5
    sample = next(
        each
        for split in changed.manifest.splits
        for each in dsbuilder.load(changed.path).samples(split)
        if each.key == "3.png"
    )
    assert set(np.unique(sample.targets["mask"])) <= {0, 255}


def test_a_mask_of_another_size_is_a_fault_of_the_data(pipeline, tmp_path) -> None:
    Image.new("L", (128, 95)).save(tmp_path / "source/mask-3.png")
    with pytest.raises(DataError) as error:
        build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["build.on_error=stop"])
    assert (
        "3.png: expected the mask 'mask' to have the image's size, 128 x 96, found 128 x 95"
    ) in str(error.value)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("{use: A.MotionBlur, p: 1}", None),
        ("{use: A.MaskDropout, p: 1}", "A.MaskDropout: expected a transform of an image alone"),
        ("{use: mixup}", "a target of kind 'mask' cannot be mixed"),
        ("{use: A.RandomCropNearBBox, p: 1}", "expected a transform of an image alone"),
        ("{use: A.PixelDropout, mask_drop_value: 1, p: 1}", None),
        (
            "{use: A.SelectiveChannelTransform, transforms: [A.HorizontalFlip], p: 1}",
            "whose geometry 'breaks' does not",
        ),
    ],
)
def test_what_does_not_move_along_is_refused_before_a_build(pipeline, stage, message) -> None:
    overrides = [f"augment.stages=[{stage}]"]
    if message is None:
        survey(load_spec(pipeline, overrides))
        return
    with pytest.raises(SpecError) as error:
        survey(load_spec(pipeline, overrides))
    assert message in str(error.value)


def test_large_jpegs_of_masks_are_decoded_whole(pipeline, tmp_path) -> None:
    sample = painted()
    large = np.repeat(np.repeat(sample.image, 8, axis=0), 8, axis=1)
    mask = np.repeat(np.repeat(sample.targets["mask"], 8, axis=0), 8, axis=1)
    for index in range(COUNT):
        Image.fromarray(large).save(
            tmp_path / f"source/{index}.png", format="JPEG", quality=95, subsampling=0
        )
        Image.fromarray(mask).save(tmp_path / f"source/mask-{index}.png")
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["build.on_error=stop"])
    for sample in dsbuilder.load(built.path).samples("test"):
        check(sample)


def test_replay_makes_the_same_bytes_and_diff_names_what_changed(pipeline, tmp_path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    before = dsbuilder.load(built.path)
    reopened = reopen(before, plugins=[tmp_path / "plugins"])
    for shard, entry in before.entries("train"):
        remade = reopened.remake(entry)
        assert before.codec.encode(remade.steps[-1].after) == stored(before, shard, entry)
        assert list(reopened.differences(entry)) == []
    labels = tmp_path / "source/labels.json"
    raw = json.loads(labels.read_text())
    raw["objects"][0]["box"][0] += 0.125
    labels.write_text(json.dumps(raw))
    again = build_dataset(pipeline, tmp_path / "out", workers=0)
    difference = diff(before, dsbuilder.load(again.path))
    assert len(difference.changes) == COUNT + 4 * 8
    assert {reason for _, reason, _ in difference.reasons()} == {
        f"the mask, objects, keypoints of {index}.png changed" for index in range(COUNT)
    }


def test_boxes_are_counted_before_a_build(pipeline) -> None:
    surveyed = survey(load_spec(pipeline, []))
    counts = count_classes(surveyed)
    assert counts["train"]["objects/a"] == 8
    assert counts["train"]["none"] == 0  # it stands in a file


@pytest.mark.slow
def test_originals_are_kept_with_targets_that_moved(pipeline, tmp_path) -> None:
    keep, other = "build.keep_prepared=true", "augment.stages[0].p=0.9"
    build_dataset(pipeline, tmp_path / "out", workers=0, overrides=[keep])
    assert len(list((tmp_path / "out/toy/.builds/prepared").glob("*/*/*"))) == COUNT
    changed = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=[keep, other])
    plain = build_dataset(pipeline, tmp_path / "plain", workers=0, overrides=[other])
    shards = [sorted(each.path.resolve().glob("*.tfrecord*")) for each in (changed, plain)]
    assert [path.read_bytes() for path in shards[0]] == [path.read_bytes() for path in shards[1]]
