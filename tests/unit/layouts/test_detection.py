"""COCO, YOLO and VOC: export, then read, gives the samples again.

The datasets are built of real photographs with drawn labels. Keys come back; pixels to the byte;
masks, keypoints' visibility and texts exactly; boxes and keypoints within 1e-4 pixels. What is
equal in all that a layout says of it comes back once.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detection import (
    CATEGORIES,
    CLASSES,
    HEIGHT,
    ONE_OBJECT,
    POINTS,
    WIDTH,
    assert_masks_come_back,
    build,
    build_masks,
    pairs,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.dataset import ExportableDataset
from dsbuilder.errors import DataError
from dsbuilder.images import rle
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.coco.kinds import KINDS
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.layouts.coco.writer import CocoExporter
from dsbuilder.layouts.file_names import quoted
from dsbuilder.layouts.voc.reader import Voc
from dsbuilder.layouts.voc.writer import VocExporter
from dsbuilder.layouts.yolo.reader import Yolo
from dsbuilder.layouts.yolo.writer import YoloExporter

IMAGES = {"coco": "images", "yolo": "images", "voc": "JPEGImages"}
EXPORTERS = {"coco": CocoExporter, "voc": VocExporter, "yolo": YoloExporter}


def pixels(low: float, side: int) -> st.SearchStrategy[float]:
    return st.floats(low, side, width=32)


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    xs = sorted(draw(st.tuples(pixels(0, WIDTH), pixels(0, WIDTH))))
    ys = sorted(draw(st.tuples(pixels(0, HEIGHT), pixels(0, HEIGHT))))
    return [xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]]


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """An annotation of every kind: a box, a region of a real outline, keypoints."""
    level = draw(st.integers(40, 200))
    region = np.asarray(Image.fromarray(data.camera()).resize((WIDTH, HEIGHT))) < level
    triples = [
        (draw(pixels(0, WIDTH)), draw(pixels(0, HEIGHT)), draw(st.integers(0, 2))) for _ in POINTS
    ]
    return {
        "category_id": draw(st.sampled_from(CATEGORIES)).id,
        "bbox": draw(boxes()),
        "segmentation": {"counts": rle.encode(region), "size": [HEIGHT, WIDTH]},
        "keypoints": [each for triple in triples for each in triple],
        "iscrowd": draw(st.integers(0, 1)),
        "attributes": {"difficult": draw(st.integers(0, 1)), "who": draw(st.sampled_from("xy"))},
    }


SETS = st.lists(st.lists(objects(), max_size=3), min_size=5, max_size=5)


def in_pixels(corners: list[float]) -> list[float]:
    """A box as VOC has it: where it is thinner than a pixel, that one which its middle lies in."""
    x_min, y_min, x_max, y_max = corners
    edges = []
    for low, high in ((x_min, x_max), (y_min, y_max)):
        first = max(1, math.ceil((low + high) / 2)) - 1
        edges.append((low, high) if high - low >= 1 else (first, first + 1))
    return [*edges[0][:1], *edges[1][:1], *edges[0][1:], *edges[1][1:]]


def assert_boxes(
    found: Any,
    original: Any,
    kinds: Any,
    names: tuple[str, ...],
    *,
    held: Callable[[list[float]], list[float]] = list,
) -> None:
    """Boxes are the same within 1e-4 pixels, though of those that are equal one may be left.

    Args:
      held: a box in pixels -> the one that the layout can hold.
    """
    scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])

    def rows(each: Any, classes: tuple[str, ...]) -> list[tuple[Any, ...]]:
        kept = [each.attributes[name].tolist() for name in names]
        labels = [classes[number] for number in each.classes]
        return list(zip(labels, map(held, (each.corners * scale).tolist()), *kept, strict=True))

    expected, got = rows(original, CLASSES), rows(found, kinds["objects"].names)
    for ours, theirs in ((expected, got), (got, expected)):
        for label, corners, *kept in ours:
            assert any(
                label == other and kept == others and np.allclose(corners, near, atol=1e-4)
                for other, near, *others in theirs
            )


def assert_points(found: Any, original: Any) -> None:
    """Keypoints are the same within 1e-6 of the sides, though of equal objects one may be left."""
    for ours, theirs in ((found, original), (original, found)):
        for each, seen in zip(ours.points, ours.visibility, strict=True):
            assert any(
                np.array_equal(seen, other) and np.allclose(each, near, atol=1e-6)
                for near, other in zip(theirs.points, theirs.visibility, strict=True)
            )


def check_coco(dataset: Dataset, folder: Path, *, attributes: tuple[str, ...]) -> None:
    export(dataset, folder, to="coco")
    options = {
        name: {split: f"annotations/{each.file}_{split}.json" for split in dataset.splits}
        for name, each in KINDS.items()
        if name != "instances"
    }
    for sample, values in pairs(dataset, Coco(path=folder, **options), "images/{split}/"):
        assert values["kinds"] == dataset.signature.targets
        assert values["kinds"]["objects"].numbers == tuple(each.id for each in CATEGORIES)
        assert_boxes(values["objects"], sample.targets["objects"], values["kinds"], attributes)
        assert np.array_equal(values["mask"], sample.targets["mask"])
        assert_points(values["keypoints"], sample.targets["keypoints"])
        assert values["text"] == sample.targets["text"]


def check_yolo(dataset: Dataset, folder: Path) -> None:
    export(dataset, folder, to="yolo")
    for sample, values in pairs(dataset, Yolo(path=folder), "images/{split}/"):
        assert values["kinds"]["objects"].names == CLASSES
        assert_boxes(values["objects"], sample.targets["objects"], values["kinds"], ())


def check_voc(dataset: Dataset, folder: Path, *, attributes: tuple[str, ...]) -> None:
    export(dataset, folder, to="voc")
    for sample, values in pairs(dataset, Voc(path=folder, mask=True), "JPEGImages/"):
        kinds = values["kinds"]
        assert kinds["objects"].names == CLASSES
        expected = sample.targets["objects"]
        assert_boxes(values["objects"], expected, kinds, attributes, held=in_pixels)
        assert kinds["mask"] == dataset.signature.targets["mask"]
        assert np.array_equal(values["mask"], sample.targets["mask"])


@pytest.mark.slow
@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a build takes minutes
)
@given(SETS)
def test_what_is_exported_is_read_again(tmp_path, found):
    dataset = build(tmp_path, found)
    stated = any(found)  # attributes are known from the first object on
    check_coco(
        dataset,
        tmp_path / "coco",
        attributes=("iscrowd", "difficult", "who") if stated else ("iscrowd",),
    )
    check_yolo(dataset, tmp_path / "yolo")
    check_voc(dataset, tmp_path / "voc", attributes=("difficult",) if stated else ())


@pytest.mark.parametrize("cache", ["image: jpeg", "image: raw", "codec: npy"])
def test_every_form_of_a_cache_is_exported(tmp_path, cache):
    dataset = build(tmp_path, ONE_OBJECT, cache)
    extension = "jpg" if cache == "image: jpeg" else "png"
    for to, folder in IMAGES.items():
        export(dataset, tmp_path / to, to=to)
        files = {each.name: each for each in (tmp_path / to / folder).rglob("*.*")}
        for split in dataset.splits:
            for sample in dataset.samples(split):
                name = quoted(sample.key)
                file = files.pop(name if extension == "png" else f"{name}.jpg")
                assert np.array_equal(decode(file.read_bytes(), mode="rgb"), sample.image)
        assert not files


def test_stored_jpeg_files_are_taken_over_byte_for_byte(tmp_path):
    dataset = build(tmp_path, ONE_OBJECT, "image: jpeg")
    opened = ExportableDataset(dataset)
    stored = {each.image for split in dataset.splits for each in opened.samples(split)}
    for to, folder in IMAGES.items():
        export(dataset, tmp_path / to, to=to)
        assert {each.read_bytes() for each in (tmp_path / to / folder).rglob("*.jpg")} == stored


@pytest.mark.parametrize(
    ("to", "notes"),
    [
        ("coco", []),
        (
            "yolo",
            [
                "left out: 'mask', 'text'",
                "attributes left out: 'iscrowd', 'difficult', 'who'",
                "edges of 'keypoints' left out",
            ],
        ),
        ("voc", ["left out: 'keypoints', 'text'", "attributes left out: 'iscrowd', 'who'"]),
    ],
)
def test_what_a_layout_cannot_hold_is_noted(tmp_path, to, notes):
    dataset = ExportableDataset(build(tmp_path / "set", ONE_OBJECT))
    (tmp_path / to).mkdir()
    assert EXPORTERS[to]().write(dataset, tmp_path / to).notes == notes


@pytest.mark.parametrize("to", ["coco", "voc"])
@pytest.mark.parametrize("background", ["sky", "background"])
@pytest.mark.parametrize("ignore", ["", ", ignore: 1", ", ignore: 7", ", ignore: 255"])
def test_masks_come_back_with_their_names_ids_and_pixels_to_ignore(
    tmp_path, to, background, ignore
):
    dataset = build_masks(tmp_path / "set", background=background, ignore=ignore)
    export(dataset, tmp_path / to, to=to)
    cls = {"coco": Coco, "voc": Voc}[to]
    options = {**cls.signs(tmp_path / to).options, "path": tmp_path / to}
    assert_masks_come_back(dataset, cls(**options))


@pytest.mark.parametrize(
    ("to", "kinds"),
    [
        ("coco", "boxes or instances or mask or keypoints or text"),
        ("yolo", "instances or boxes or keypoints or mask"),
        ("voc", "boxes or mask"),
    ],
)
def test_a_dataset_without_such_a_target_is_refused(
    make_images, write_pipeline, tmp_path, to, kinds
):
    make_images(count=3, size=(16, 20))
    pipeline = write_pipeline("name: pets\nsource: {use: folder, path: source}\n")
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    with pytest.raises(DataError, match=f"expected a target of kind {kinds}.*found 'label'"):
        export(dsbuilder.load(built.path), tmp_path / "x", to=to)


@pytest.mark.parametrize("to", ["coco", "voc", "yolo"])
def test_targets_come_back_under_the_names_and_in_the_order_of_the_dataset(
    tmp_path, build_all_kinds, to
):
    dataset = build_all_kinds(without=("label", "tags", "price", "pose"))
    export(dataset, tmp_path / to, to=to)
    cls = {"coco": Coco, "voc": Voc, "yolo": Yolo}[to]
    catalog = cls(**{**cls.signs(tmp_path / to).options, "path": tmp_path / to}).open()
    ours = [name for name in dataset.signature.targets if name in catalog.targets]
    assert list(catalog.targets) == ours
    held = {"coco": {"text", "mask", "objects", "joints"}, "voc": {"mask", "objects"}}
    assert set(ours) == held.get(to, {"objects"})
    assert all(record.targets.keys() == set(ours) for record in catalog.records)


@pytest.mark.parametrize("to", ["coco", "voc", "yolo"])
def test_what_decides_what_is_listed_is_watched(tmp_path, to):
    export(build(tmp_path / "set", ONE_OBJECT), tmp_path / to, to=to)
    cls = {"coco": Coco, "voc": Voc, "yolo": Yolo}[to]
    watched = cls(**{**cls.signs(tmp_path / to).options, "path": tmp_path / to}).open().watches()
    everything = {tmp_path / to, *(tmp_path / to).rglob("*")}
    of_records = {each for each in everything if each.suffix.lower() == ".png" and each.is_file()}
    assert set(watched) == everything - of_records
