"""Datasets with boxes, masks, keypoints and texts of real photographs, and what is read of them."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.builder import build_dataset
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.annotation import CocoCategory
from dsbuilder.layouts.file_names import quoted
from dsbuilder.plugin import Sample, Source

HEIGHT, WIDTH = 30, 40
CLASSES = ("zebra", "斑马", 'it\'s: a "cat"')
POINTS = ("nose", "left_eye", "right_eye")
CATEGORIES = [
    CocoCategory(id=10 * number, name=name, keypoints=POINTS, edges=(("nose", "left_eye"),))
    for number, name in enumerate(CLASSES, start=1)
]

_NAMES = ("a.png", "b c.png", "斑马's.PNG", "sub/d.png", "e.1.png")

ONE_OBJECT: list[list[dict[str, Any]]] = [
    [
        {
            "category_id": 20,
            "bbox": [4.0, 3.0, 20.0, 15.0],
            "segmentation": {"counts": [100, 50, 1050], "size": [HEIGHT, WIDTH]},
            "keypoints": [20.0, 15.0, 2, 4.0, 3.0, 1, 0.0, 0.0, 0],
            "iscrowd": 0,
            "attributes": {"difficult": 1, "who": "x"},
        }
    ],
    *[[]] * 4,
]
"""Annotations of five images, of which the first has an object."""


def photographs() -> list[np.ndarray]:
    """Five small crops of real pictures, `(30, 40, 3)`."""
    pictures = [
        data.astronaut(),
        data.coffee(),
        data.chelsea(),
        data.rocket(),
        data.astronaut()[200:],
    ]
    small = [Image.fromarray(each).resize((WIDTH, HEIGHT)) for each in pictures]
    return [np.asarray(each) for each in small]


def build(
    folder: Path,
    found: list[list[dict[str, Any]]],
    cache: str = "image: png",
    more: str = "",
    categories: Sequence[CocoCategory] = CATEGORIES,
) -> Dataset:
    """Builds a dataset with targets objects, mask, keypoints and text.

    Args:
      found: annotations of each of the five images.
      more: further options of the source.
    """
    shutil.rmtree(folder, ignore_errors=True)
    images = []
    for number, (name, picture) in enumerate(zip(_NAMES, photographs(), strict=True)):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, "PNG")
        images.append(coco.CocoImage(id=number, file_name=name, size=(HEIGHT, WIDTH)))
    entries = [{"image_id": n, **each} for n, each in enumerate(found) for each in found[n]]
    captions = [{"image_id": n, "caption": f"picture {n}\nof 斑马"} for n in range(len(images))]
    for file, annotations in (("a.json", entries), ("text.json", captions)):
        text = coco.written(images, annotations, categories)
        (folder / file).write_text(text, encoding="utf-8")
    options = "objects: a.json, mask: a.json, keypoints: a.json, text: text.json"
    (folder / "p.yaml").write_text(
        f"name: all\nsource: {{use: coco, path: ., {options}, images: images{more}}}\n"
        "split: {train: 0.6, validation: 0.2, test: 0.2, method: hash}\n"
        f"finish: [{{use: resize, size: [{HEIGHT}, {WIDTH}]}}]\ncache: {{{cache}}}\n",
        encoding="utf-8",
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)


def build_masks(folder: Path, *, background: str, ignore: str = ", ignore: 255") -> Dataset:
    """Builds two images with masks of two classes and, if they say so, of pixels to ignore."""
    stored = int(ignore.partition(": ")[2] or 1)
    for number, picture in enumerate(photographs()[:2]):
        ids = np.zeros((HEIGHT, WIDTH), np.uint8)
        ids[:10, :20], ids[20:, 20:] = 1, stored
        for place, image in (("images", picture), ("masks", ids)):
            (folder / place).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / place / f"{number}.png")
    (folder / "p.yaml").write_text(
        f"name: masks\nsource: {{use: image_mask, path: ., classes: [{background}, sea]{ignore}}}\n"
        "split: {train: 1}\ncache: {image: png}\n"
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)


def pairs(dataset: Dataset, source: Source, folder: str) -> Iterator[tuple[Sample, dict[str, Any]]]:
    """Yields each sample with what the source reads of its export; checks keys and pixels.

    Args:
      folder: where images lie, as `images/{split}/`.
    """
    catalog = source.open()
    records = {record.key: record for record in catalog.records}
    for split in dataset.splits:
        for sample in dataset.samples(split):
            record = records.pop(sample.key)
            assert record.path is not None
            place = record.path.relative_to(source.path).as_posix()  # type: ignore[attr-defined]
            assert place == folder.format(split=split) + quoted(sample.key)
            assert record.split == split
            image = decode(catalog.read(record), mode="rgb")
            assert np.array_equal(image, sample.image)
            values = {key: kind.parse(record.targets[key]) for key, kind in catalog.targets.items()}
            yield sample, {**values, "kinds": catalog.targets}
    assert not records


def assert_masks_come_back(dataset: Dataset, source: Source, name: str = "mask") -> None:
    """The target of masks is the same, and so is the mask of every training sample."""
    catalog = source.open()
    records = {record.key: record for record in catalog.records}
    target = catalog.targets[name]
    assert target == dataset.signature.targets[name]
    for sample in dataset.samples("train"):
        found = target.parse(records[sample.key].targets[name])
        assert np.array_equal(found, sample.targets[name])
