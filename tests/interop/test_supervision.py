"""supervision opens our exports of COCO, YOLO and VOC, and we read what it writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from PIL import Image

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.layouts.file_names import quoted
from dsbuilder.layouts.voc.reader import Voc
from dsbuilder.layouts.yolo.reader import Yolo

supervision = tools.module("supervision")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

SCALE = np.array([80, 60, 80, 60])


def expected(dataset: Dataset, split: str) -> dict[str, list[tuple[str, list[float]]]]:
    """File name -> class and corners in pixels of every box, sorted."""
    names = dataset.signature.targets["objects"].class_names
    return {
        quoted(sample.key): rows(sample.targets["objects"], names)
        for sample in dataset.samples(split)
    }


def rows(boxes: Any, names: Any) -> list[tuple[str, list[float]]]:
    labels = [names[number] for number in boxes.classes]
    return sorted(zip(labels, (boxes.corners * SCALE).tolist(), strict=True))


def opened(found: Any) -> dict[str, list[tuple[str, list[float]]]]:
    """The same of what supervision read."""
    return {
        Path(path).name: sorted(
            zip([found.classes[n] for n in each.class_id], each.xyxy.tolist(), strict=True)
        )
        for path, _, each in found
    }


def assert_same(one: dict[str, Any], other: dict[str, Any], within: float) -> None:
    assert one.keys() == other.keys()
    for name, boxes in one.items():
        assert [label for label, _ in boxes] == [label for label, _ in other[name]]
        for (_, corners), (_, others) in zip(boxes, other[name], strict=True):
            assert corners == pytest.approx(others, abs=within)


def splits(dataset: Dataset) -> Iterator[tuple[str, dict[str, Any]]]:
    for split in dataset.splits:
        found = expected(dataset, split)
        assert found
        yield split, found


def test_it_opens_our_yolo(detection: Dataset, tmp_path: Path) -> None:
    export(detection, tmp_path / "yolo", to="yolo")
    for split, boxes in splits(detection):
        found = supervision.DetectionDataset.from_yolo(
            images_directory_path=str(tmp_path / "yolo/images" / split),
            annotations_directory_path=str(tmp_path / "yolo/labels" / split),
            data_yaml_path=str(tmp_path / "yolo/data.yaml"),
        )
        assert tuple(found.classes) == detection.signature.targets["objects"].class_names
        assert_same(opened(found), boxes, 1e-4)


def test_it_opens_our_voc(detection: Dataset, tmp_path: Path) -> None:
    export(detection, tmp_path / "voc", to="voc")
    found = supervision.DetectionDataset.from_pascal_voc(
        images_directory_path=str(tmp_path / "voc/JPEGImages"),
        annotations_directory_path=str(tmp_path / "voc/Annotations"),
    )
    boxes = {name: each for _, part in splits(detection) for name, each in part.items()}
    assert_same(opened(found), boxes, 1e-4)


def test_it_opens_our_coco(detection: Dataset, tmp_path: Path) -> None:
    export(detection, tmp_path / "coco", to="coco")
    for split, boxes in splits(detection):
        found = supervision.DetectionDataset.from_coco(
            images_directory_path=str(tmp_path / "coco/images" / split),
            annotations_path=str(tmp_path / f"coco/annotations/instances_{split}.json"),
        )
        assert_same(opened(found), boxes, 1e-4)


@pytest.fixture
def theirs(detection: Dataset, tmp_path: Path) -> Any:
    """A dataset of supervision with the boxes of the training split."""
    export(detection, tmp_path / "yolo", to="yolo")
    return supervision.DetectionDataset.from_yolo(
        images_directory_path=str(tmp_path / "yolo/images/train"),
        annotations_directory_path=str(tmp_path / "yolo/labels/train"),
        data_yaml_path=str(tmp_path / "yolo/data.yaml"),
    )


def read(source: Any) -> dict[str, list[tuple[str, list[float]]]]:
    catalog = source.open()
    target = catalog.targets["objects"]
    return {
        record.path.name: rows(target.parse(record.targets["objects"]), target.names)
        for record in catalog.records
    }


def test_we_read_its_yolo(theirs: Any, tmp_path: Path) -> None:
    theirs.as_yolo(
        images_directory_path=str(tmp_path / "out/images/train"),
        annotations_directory_path=str(tmp_path / "out/labels/train"),
        data_yaml_path=str(tmp_path / "out/data.yaml"),
    )
    data = tmp_path / "out/data.yaml"
    data.write_text(data.read_text(encoding="utf-8") + "train: images/train\n", encoding="utf-8")
    assert_same(read(Yolo(path=tmp_path / "out")), opened(theirs), 1e-3)


def test_we_read_its_voc(theirs: Any, tmp_path: Path) -> None:
    theirs.as_pascal_voc(
        images_directory_path=str(tmp_path / "out/JPEGImages"),
        annotations_directory_path=str(tmp_path / "out/Annotations"),
    )
    assert_same(read(Voc(path=tmp_path / "out")), opened(theirs), 0.51)  # it rounds to pixels


def test_we_read_its_coco(theirs: Any, tmp_path: Path) -> None:
    theirs.as_coco(
        images_directory_path=str(tmp_path / "out/images"),
        annotations_path=str(tmp_path / "out/a.json"),
    )
    assert_same(read(Coco(path=tmp_path / "out", objects="a.json")), opened(theirs), 1e-3)


def test_we_read_polygons_that_it_wrote(tmp_path: Path) -> None:
    ids = np.zeros((2, 60, 80), bool)
    ids[0, 10:40, 20:60], ids[1, 20:30, 30:50] = True, True
    boxes = np.array([[20, 10, 60, 40], [30, 20, 50, 30]], np.float32)
    found = supervision.Detections(xyxy=boxes, mask=ids, class_id=np.array([0, 1]))
    place = str(tmp_path / "a.png")
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(place)
    theirs = supervision.DetectionDataset(
        classes=["sky", "sea"], images=[place], annotations={place: found}
    )
    theirs.as_yolo(
        images_directory_path=str(tmp_path / "out/images/train"),
        annotations_directory_path=str(tmp_path / "out/labels/train"),
        data_yaml_path=str(tmp_path / "out/data.yaml"),
    )
    data = tmp_path / "out/data.yaml"
    data.write_text(data.read_text(encoding="utf-8") + "train: images/train\n", encoding="utf-8")
    source = Yolo(path=tmp_path / "out", polygons="both")
    catalog = source.open()
    [record], kinds = catalog.records, catalog.targets
    mask = kinds["mask"].parse(record.targets["mask"])
    expected = np.where(ids[1], 2, ids[0])
    assert (mask != expected).mean() < 0.03  # its outlines run through the centers of pixels
    corners = kinds["objects"].parse(record.targets["objects"]).corners * SCALE
    assert np.abs(corners - boxes).max() <= 1.01


def test_it_opens_polygons_that_we_wrote(tmp_path: Path) -> None:
    ids = np.zeros((60, 80), np.uint8)
    ids[10:40, 20:60], ids[20:30, 30:50] = 1, 2
    for name, pixels in (("images", np.zeros((60, 80, 3), np.uint8)), ("masks", ids)):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "set" / name / "a.png")
    (tmp_path / "p.yaml").write_text(
        "name: masks\nsource: {use: image_mask, path: set, classes: [background, sky, sea]}\n"
        "cache: {image: png}\nsplit: {train: 1}\n"
    )
    built = build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)
    export(dsbuilder.load(built.path), tmp_path / "yolo", to="yolo")
    found = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(tmp_path / "yolo/images/train"),
        annotations_directory_path=str(tmp_path / "yolo/labels/train"),
        data_yaml_path=str(tmp_path / "yolo/data.yaml"),
        force_masks=True,
    )
    [(_, _, objects)] = list(found)
    assert [found.classes[number] for number in objects.class_id] == ["sky", "sea"]
    for number, mask in zip((1, 2), objects.mask, strict=True):
        assert (mask != (ids == number)).mean() < 0.05  # it paints the pixels on the outline
