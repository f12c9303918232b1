"""Keypoints and masks of a YOLO export: what is written is read again as it was."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.dataset import ExportableDataset
from dsbuilder.errors import DataError
from dsbuilder.images import png
from dsbuilder.layouts import keys
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo import writer
from dsbuilder.layouts.yolo.line import Pose, YoloObject
from dsbuilder.layouts.yolo.reader import Yolo
from dsbuilder.layouts.yolo.writer import YoloExporter
from dsbuilder.plugin import Instances

POSE = Pose(names=("nose", "l", "r"), swaps=(("l", "r"),))
SHARE = st.floats(0.25, 0.75, width=32)
POINT = st.tuples(SHARE, SHARE, st.integers(1, 2)) | st.just((0.0, 0.0, 0))
OBJECT = st.tuples(st.integers(0, 1), st.floats(0, 0.25, width=32), st.tuples(POINT, POINT, POINT))


def build(folder: Path, objects: list[list[YoloObject]], *more: str) -> Dataset:
    """Builds a dataset of a pose set with an image for each list of objects."""
    shutil.rmtree(folder, ignore_errors=True)
    for number, rows in enumerate(objects):
        for name in ("images", "labels"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = np.full((12, 16, 3), number, np.uint8)
        (folder / f"images/{number}.png").write_bytes(png.encode(pixels))
        (folder / f"labels/{number}.txt").write_text(yolo.written_labels(rows))
    text = yolo.written_data(("cat", "斑马"), {"train": "images"}, pose=POSE)
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    (folder / "p.yaml").write_text(
        "name: pose\nsource: {use: yolo, path: .}\ncache: {image: png}\n"
        "split: {method: hash, train: 0.5, test: 0.5}\n"
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=0, overrides=more)
    return dsbuilder.load(built.path)


@settings(max_examples=12)
@given(st.lists(st.lists(OBJECT, max_size=3), min_size=4, max_size=4))
def test_keypoints_are_exported_and_read_again(tmp_path_factory, found) -> None:
    rows = [
        [YoloObject(number, (low, low, 1.0, 1.0), points=points) for number, low, points in each]
        for each in found
    ]
    folder = tmp_path_factory.getbasetemp() / "pose"
    dataset = build(folder, rows)
    export(dataset, folder / "yolo", to="yolo")
    catalog = Yolo(path=folder / "yolo").open()
    records, kinds = {record.key: record for record in catalog.records}, catalog.targets
    assert kinds == dataset.signature.targets
    for split in dataset.splits:
        samples = list(dataset.samples(split))
        for sample in samples:
            record = records.pop(keys.of_source([sample.key])[sample.key])
            assert record.split == split
            values = {name: kind.parse(record.targets[name]) for name, kind in kinds.items()}
            boxes, points = sample.targets["objects"], sample.targets["keypoints"]
            assert np.allclose(values["objects"].corners, boxes.corners, atol=1e-7)
            assert values["objects"].classes.tolist() == boxes.classes.tolist()
            assert np.allclose(values["keypoints"].points, points.points, atol=1e-7)
            assert np.array_equal(values["keypoints"].visibility, points.visibility)
    assert not records


SOME = [
    [YoloObject(0, (0.0, 0.0, 1.0, 1.0), points=((0.5, 0.5, 2), (0.75, 0.5, 2), (0, 0, 0)))]
] * 4


def test_keypoints_whose_boxes_were_dropped_are_left_out_and_that_is_said(tmp_path) -> None:
    # Of the object to the left the crop leaves neither box nor points, of the right one both.
    left = YoloObject(0, (0.0, 0.0, 0.25, 0.25), points=((0.1, 0.1, 2), (0.2, 0.2, 2), (0, 0, 0)))
    rows = [[left, *SOME[0]]] * 4
    crop = "prepare=[{use: A.Crop, x_min: 8, y_min: 6, x_max: 16, y_max: 12, p: 1}]"
    dataset = build(tmp_path / "set", rows, crop)
    (tmp_path / "notes").mkdir()
    notes = YoloExporter().write(ExportableDataset(dataset), tmp_path / "notes").notes
    assert notes[0].startswith("'keypoints' is left out, since not every box of 'objects' has poin")
    assert len(notes) == 1
    export(dataset, tmp_path / "yolo", to="yolo")
    assert set(Yolo(path=tmp_path / "yolo").open().targets) == {"objects"}


def test_keypoints_without_boxes_have_boxes_around_them_for_other_readers_alone(
    tmp_path, build_all_kinds
) -> None:
    others = ("label", "tags", "price", "pose", "text", "mask", "objects")
    dataset = build_all_kinds(without=others)
    export(dataset, tmp_path / "yolo", to="yolo")
    catalog = Yolo(path=tmp_path / "yolo").open()
    assert catalog.targets == dataset.signature.targets
    parse = catalog.targets["joints"].parse
    found = sum(len(parse(each.targets["joints"])) for each in catalog.records)
    stored = (each for split in dataset.splits for each in dataset.samples(split))
    assert found == sum(len(each.targets["joints"]) for each in stored) > 0
    (tmp_path / "yolo/dsbuilder.json").unlink()
    catalog = Yolo(path=tmp_path / "yolo").open()
    assert catalog.targets["objects"].names == ("object",)
    assert sum(len(each.targets["objects"]) for each in catalog.records) == found


@pytest.mark.parametrize("how", ["mirrored", "plain"])
def test_pairs_survive_so_that_a_mirror_swaps_them(tmp_path, how: str) -> None:
    export(build(tmp_path / "set", SOME), tmp_path / "yolo", to="yolo")
    (tmp_path / "p.yaml").write_text(
        "name: again\nsource: {use: yolo, path: yolo}\ncache: {image: png}\n"
        + ("prepare: [{use: A.HorizontalFlip, p: 1}]\n" if how == "mirrored" else "")
    )
    built = build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)
    sample = next(dsbuilder.load(built.path).samples("train"))
    points = sample.targets["keypoints"].points[0].tolist()
    assert points == ([[0.5, 0.5], [0, 0], [0.25, 0.5]] if how == "mirrored" else points)


MASKS = arrays.arrays(np.uint8, (7, 9), elements=st.integers(0, 2))


def build_masks(folder: Path, masks: list[np.ndarray], more: str = "") -> Dataset:
    shutil.rmtree(folder, ignore_errors=True)
    for number, ids in enumerate(masks):
        for name, pixels in (("images", np.full((7, 9, 3), number, np.uint8)), ("masks", ids)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / f"{number}.png").write_bytes(png.encode(np.atleast_3d(pixels)))
    (folder / "p.yaml").write_text(
        f"name: masks\nsource: {{use: image_mask, path: ., {more or CLASSES}}}\n"
        "cache: {image: png}\nsplit: {train: 1}\n"
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)


CLASSES = "classes: [background, sky, 斑马]"


@settings(max_examples=12)
@given(st.lists(MASKS, min_size=2, max_size=2))
def test_masks_are_exported_as_polygons_and_read_again_to_the_pixel(
    tmp_path_factory, found
) -> None:
    folder = tmp_path_factory.getbasetemp() / "masks"
    dataset = build_masks(folder, found)
    export(dataset, folder / "yolo", to="yolo")
    options = Yolo.signs(folder / "yolo").options
    assert options == {"path": ".", "polygons": "mask"}
    catalog = Yolo(path=folder / "yolo", polygons="mask").open()
    records, kinds = {record.key: record for record in catalog.records}, catalog.targets
    assert kinds == dataset.signature.targets
    for sample in dataset.samples("train"):
        mask = kinds["mask"].parse(records[sample.key].targets["mask"])
        assert np.array_equal(mask, sample.targets["mask"])


@pytest.mark.parametrize(
    ("points", "size"),
    [
        ([-500, 0, 100, 0, 100, 50, -500, 50], (100, 640)),
        ([-1, 0, 100, 0, 100, 100], (100, 100)),
        ([0, 0, 9, 0, 9, 7, 0, 7], (7, 9)),
    ],
    ids=["far", "near", "inside"],
)
def test_instances_that_reach_out_of_the_image_come_back_to_the_pixel(tmp_path, points, size):
    kind = Instances(names=("cat",))
    objects = [{"label": "cat", "polygons": [points]}]
    value = kind.parse({"objects": objects, "size": list(size)})
    height, width = size
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.png").write_bytes(png.encode(np.zeros((*size, 3), np.uint8)))
    (tmp_path / "labels/a.txt").write_text(yolo.written_labels(writer._instances(value)))
    data = yolo.written_data(("cat",), {"train": "images"})
    (tmp_path / "data.yaml").write_text(data, encoding="utf-8")
    (record,) = Yolo(path=tmp_path, polygons="instances").open().records
    assert record.error is None
    found = kind.parse(record.targets["instances"])
    assert np.array_equal(found.mask(0), value.mask(0)) and value.mask(0).any()
    left, top, right, bottom = found.boxes.corners[0] * (width, height, width, height)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "classes: [sky, sea, land]",
            "expected 'background' as the class 0 of a mask, found 'sky'",
        ),
        (
            CLASSES + ", ignore: '255'",
            "expected a class for every pixel, found pixels to ignore at",
        ),
    ],
)
def test_a_mask_that_polygons_cannot_say_is_refused(tmp_path, options: str, message: str) -> None:
    ids = np.full((7, 9), 255 if "255" in options else 1, np.uint8)
    dataset = build_masks(tmp_path / "masks", [ids], options)
    with pytest.raises(DataError, match=message):
        export(dataset, tmp_path / "yolo", to="yolo")
    assert not (tmp_path / "yolo").exists()


def test_an_ignored_id_of_which_there_are_no_pixels_comes_back(tmp_path) -> None:
    dataset = build_masks(
        tmp_path / "set", [np.ones((7, 9), np.uint8)], CLASSES + ", ignore: '255'"
    )
    export(dataset, tmp_path / "yolo", to="yolo")
    targets = Yolo(path=tmp_path / "yolo", polygons="mask").open().targets
    assert targets == dataset.signature.targets


@pytest.mark.parametrize(("old", "new"), [("'cat'", "'cow'"), ("'nose'", "'beak'")])
def test_names_that_the_sidecar_does_not_state_are_refused(tmp_path, old, new) -> None:
    export(build(tmp_path / "set", SOME), tmp_path / "yolo", to="yolo")
    path = tmp_path / "yolo/data.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=rf"names that dsbuilder\.json states, found {new}"):
        Yolo(path=tmp_path / "yolo").open().scan()
