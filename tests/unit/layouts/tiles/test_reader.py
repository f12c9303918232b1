"""Tiles as a source: keys, groups, labels and pixels, what is told, and the same bytes always."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reading import refused

import dsbuilder
from dsbuilder.actions.join_tiles import join_tiles
from dsbuilder.builder import build_dataset
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.layouts.folder.reader import Folder
from dsbuilder.layouts.images.reader import Images
from dsbuilder.layouts.ocr.reader import Ocr
from dsbuilder.layouts.several.reader import Several
from dsbuilder.layouts.tfrecord.reader import TFRecord
from dsbuilder.layouts.tiles.format import placed
from dsbuilder.layouts.tiles.reader import Tiles

SIZES = {"a.png": (90, 130), "b.tif": (70, 64), "c.bmp": (30, 200)}


def painted(size: tuple[int, int], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
    return np.asarray(small.resize(size[::-1], Image.Resampling.BICUBIC))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three images of several sizes and formats."""
    root = tmp_path / "pictures"
    root.mkdir()
    for number, (name, size) in enumerate(SIZES.items()):
        options: dict[str, Any] = {"tiffinfo": {278: 16}} if name.endswith("tif") else {}
        Image.fromarray(painted(size, number)).save(root / name, **options)
    return root


@pytest.fixture
def coco(pictures: Path) -> Path:
    """The same with boxes, masks and keypoints in one COCO file."""
    images, objects = [], []
    for number, (name, (height, width)) in enumerate(SIZES.items(), start=1):
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for place, (x, y, w, h) in enumerate(((3, 4, 12, 9), (20.5, 2, width - 25, 20.25))):
            polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
            objects.append(
                {
                    "id": number * 10 + place,
                    "image_id": number,
                    "category_id": 1 + place,
                    "bbox": [x, y, w, h],
                    "segmentation": [polygon],
                    "area": w * h,
                    "iscrowd": 0,
                    "keypoints": [x, y, 2, x + w, y + h, 1],
                    "num_keypoints": 2,
                }
            )
    points = {"keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}
    categories = [{"id": 1, "name": "cat", **points}, {"id": 2, "name": "dog", **points}]
    document = {"images": images, "annotations": objects, "categories": categories}
    (pictures / "all.json").write_text(json.dumps(document))
    return pictures


def test_every_image_is_covered_by_tiles_of_one_size_in_one_group(pictures: Path) -> None:
    catalog = Tiles(of=Images(path=pictures), size=(40, 50), overlap=10).open()
    assert catalog.size == (40, 50)
    assert catalog.targets == {}
    names: dict[str, set[str | None]] = {}
    for record in catalog.records:
        place = placed(record.key)
        assert place is not None
        names.setdefault(place.image, set()).add(record.group)
        top, left, height, width = place.inside
        tile = catalog.read(record)
        whole = decode((pictures / place.image).read_bytes(), mode="rgb")
        assert tile.shape == (40, 50, 3)
        assert np.array_equal(tile[:height, :width], whole[top : top + height, left : left + width])
        assert not tile[height:].any()
    assert names == {name: {name} for name in SIZES}
    assert "c.bmp@tile-000000-000000-30-50-in-40-50" in {each.key for each in catalog.records}


def test_a_worker_that_lists_nothing_reads_a_tile(pictures: Path) -> None:
    source = Several(
        sources={
            "x": Tiles(of=Images(path=pictures), size=32, overlap=0),
            "y": Tiles(of=Images(path=pictures), size=32, overlap=8, edge="pad"),
        }
    )
    listed = source.open()
    assert listed.size == (32, 32)
    fresh = source.open()
    for record in listed.records:
        assert np.array_equal(fresh.read(record), listed.read(record))


def test_labels_that_cannot_be_said_of_a_part_are_refused_and_others_are_told(
    pictures: Path, make_images: Callable[..., Path]
) -> None:
    (pictures / "gt.txt").write_text("a.png\tabc\n")
    message = refused(Tiles(of=Ocr(path=pictures, file="gt.txt"), size=32, overlap=0))
    assert "found 'text' of kind 'text'. Leave it out of the source." in message
    catalog = Tiles(of=Folder(path=make_images(count=1)), size=20, overlap=4).open()
    assert catalog.notes == ["'label' of an image stands for each of its tiles"]
    assert {each.targets["label"] for each in catalog.records} == {"cat", "dog", "owl"}


def source_of(coco: Path, **options: Any) -> Tiles:
    boxes = Coco(path=coco, objects="all.json", keypoints="all.json", images=".")
    return Tiles(of=boxes, **options)


def test_boxes_are_cut_and_what_is_lost_is_told(coco: Path) -> None:
    catalog = source_of(coco, size=40, overlap=10).open()
    assert catalog.notes == [
        "of 6 objects of 'objects' 3 are whole in no tile, and 0 in none, as less than 5% or a "
        "square pixel of them lies in each"
    ]
    for record in catalog.records:
        for box in record.targets["objects"]:
            assert min(box["box"]) >= 0
            assert max(box["box"]) <= 1
    strict = source_of(coco, size=40, overlap=10, min_visible=1.0).open()
    assert "6 objects of 'objects' 0 are whole in no tile, and 3 in none" in strict.notes[0]


def test_a_share_of_the_tiles_without_an_object_is_kept_and_the_same_ones(coco: Path) -> None:
    everything = source_of(coco, size=16, overlap=0).open().records
    with_objects = {
        each.key for each in everything if each.targets["objects"] or each.targets["keypoints"]
    }
    none = source_of(coco, size=16, overlap=0, keep_empty=0.0).open()
    assert {each.key for each in none.records} == with_objects
    left = len(everything) - len(with_objects)
    assert none.notes[-1] == (
        f"{left} of {len(everything)} tiles were left out, which show no object (keep_empty: 0)"
    )
    some = {each.key for each in source_of(coco, size=16, overlap=0, keep_empty=0.3).open().records}
    more = {each.key for each in source_of(coco, size=16, overlap=0, keep_empty=0.6).open().records}
    assert with_objects < some < more < {each.key for each in everything}
    with_nothing = Tiles(of=Images(path=coco), size=16, overlap=0, keep_empty=0.5)
    assert "expected labels that lie in the image, which a tile may lack" in refused(with_nothing)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size: expected a pixel or more, found [0, 0]."),
        ({"size": 10, "overlap": 5}, "overlap: expected less than half of the size [10, 10]"),
        ({"min_visible": 1.5}, "min_visible: expected a share in [0, 1], found 1.5."),
        ({"keep_empty": -1}, "keep_empty: expected a share in [0, 1], found -1."),
        ({"memory_mb": 0}, "memory_mb: expected more than 0, found 0."),
    ],
)
def test_wrong_options_are_refused(pictures: Path, options: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Tiles(of=Images(path=pictures), **options)
    assert str(caught.value).startswith(message)


def test_what_cannot_be_read_is_a_record_with_an_error(coco: Path) -> None:
    (coco / "a.png").write_bytes(b"junk")
    document = json.loads((coco / "all.json").read_text())
    document["images"][1]["height"] = 35  # of b.tif, which has 70
    (coco / "all.json").write_text(json.dumps(document))
    catalog = source_of(coco, size=40, overlap=0).open()
    errors = {each.key: each.error for each in catalog.records if each.error}
    assert errors.keys() == {"a.png", "b.tif"}
    assert "expected an image" in str(errors["a.png"])
    assert "expected an upright image of 64 x 35" in str(errors["b.tif"])
    small = Tiles(of=Images(path=coco), size=16, overlap=0, memory_mb=0.01).open()
    record = next(each for each in small.records if each.key.startswith("c.bmp"))
    assert small.read(record).shape == (16, 16, 3)
    Image.fromarray(painted(SIZES["a.png"], 0)).save(coco / "a.png")
    small = Tiles(of=Images(path=coco), size=16, overlap=0, memory_mb=0.1).open()
    (too_large,) = (each for each in small.records if each.error)
    assert too_large.key == "a.png"
    assert "found one of 130 x 90 pixels in one piece, which take 0 MB" in str(too_large.error)


PIPELINE = """
name: tiled
source:
  use: tiles
  of: {use: coco, path: pictures, objects: all.json, instances: all.json, keypoints: all.json,
       mask: all.json, images: .}
  size: 40
  overlap: 10
split: {train: 0.5, test: 0.5}
cache: {image: png, shard_mb: 0.01}
"""


def test_a_build_is_the_same_on_any_number_of_workers_and_joins_to_what_there_was(
    coco: Path, write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_pipeline(PIPELINE)
    sums = set()
    for workers in (0, 1, 3):
        built = build_dataset(path, tmp_path / f"out{workers}", workers=workers)
        sums.add((built.path / "SHA256SUMS").read_text())
    assert len(sums) == 1
    dataset = dsbuilder.load(built.path)
    assert dataset.signature.image.shape == (40, 40, 3)
    split_of: dict[str, set[str]] = {}
    samples = []
    for split in dataset.splits:
        for sample in dataset.samples(split):
            place = placed(sample.key)
            assert place is not None
            split_of.setdefault(place.image, set()).add(split)
            samples.append(sample)
    assert split_of.keys() == SIZES.keys()
    assert all(len(each) == 1 for each in split_of.values())
    assert len(set(map(frozenset, split_of.values()))) == 2
    kinds = ("objects", "instances", "keypoints", "mask")
    options: dict[str, Any] = dict.fromkeys(kinds, "all.json")
    catalog = Coco(path=coco, images=".", **options).open()
    records = {each.key: each for each in catalog.records}
    for whole in join_tiles(samples, dataset.signature.targets):
        record = records[whole.key]
        assert np.array_equal(whole.image, decode((coco / whole.key).read_bytes(), mode="rgb"))
        there = {
            name: kind.parse(record.targets[name])
            for name, kind in dataset.signature.targets.items()
        }
        assert np.array_equal(whole.targets["mask"], there["mask"])
        found, truth = whole.targets["instances"], there["instances"]
        order = np.argsort(found.boxes.classes)
        assert len(found) == len(truth) == 2
        for place, number in enumerate(order):
            assert np.array_equal(found.mask(int(number)), truth.mask(place))
        boxes = whole.targets["objects"]
        assert np.allclose(boxes.corners[np.argsort(boxes.classes)], there["objects"].corners)
        points = whole.targets["keypoints"]
        assert len(points) == 2 or len(points) == 3  # the ends of one lie far apart
        known = points.points[points.visibility > 0]
        assert all(
            np.abs(known - each).max(axis=1).min() < 1e-6
            for each in there["keypoints"].points.reshape(-1, 2)
        )


def test_a_changed_image_makes_its_own_tiles_again_and_another_size_all(
    coco: Path, write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_pipeline(PIPELINE)
    first = build_dataset(path, tmp_path / "out", workers=0)
    Image.fromarray(painted(SIZES["b.tif"], 77)).save(coco / "b.tif")
    again = build_dataset(path, tmp_path / "out", workers=0)
    own = sum(
        each.key.startswith("b.tif")
        for split in ("train", "test")
        for each in dsbuilder.load(again.path).samples(split)
    )
    assert again.made == own
    other = build_dataset(path, tmp_path / "out", workers=0, overrides=["source.size=24"])
    assert other.reused == 0
    assert other.made > first.made


def test_tiles_of_tiles_and_of_a_built_dataset(
    coco: Path, write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    twice = Tiles(of=source_of(coco, size=40, overlap=0), size=16, overlap=4).open()
    once = {each.key: each for each in source_of(coco, size=40, overlap=0).open().records}
    record = next(each for each in twice.records if each.key.startswith("a.png"))
    place = placed(record.key)
    assert place is not None
    assert place.image in once
    assert twice.read(record).shape == (16, 16, 3)
    built = build_dataset(write_pipeline(PIPELINE), tmp_path / "out", workers=0)
    again = TFRecord(path=built.path).open().records
    assert {each.group for each in again} == set(SIZES)  # also where it is dealt anew
    stored = Tiles(of=TFRecord(path=built.path), size=20, overlap=0).open()
    assert stored.size == (20, 20)
    assert len(stored.records) >= 4 * 10
    assert stored.read(stored.records[0]).shape == (20, 20, 3)
    kinds = stored.targets
    for tile in stored.records[:20]:
        for name, kind in kinds.items():
            kind.parse(tile.targets[name])
