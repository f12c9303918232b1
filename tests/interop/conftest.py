"""A dataset with boxes, masks, keypoints and captions of real photographs, built once."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.builder import build_dataset
from dsbuilder.images import rle
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.annotation import CocoCategory

CATEGORIES = [
    CocoCategory(id=3, name="zebra", keypoints=("nose", "left_ear", "right_ear")),
    CocoCategory(id=7, name="coffee cup"),
    CocoCategory(id=8, name="斑马"),
]
SIZE = (60, 80)


def annotations(number: int) -> list[dict[str, object]]:
    """Some objects of an image; the last image has none."""
    rng = np.random.default_rng(number)
    objects = []
    for category in CATEGORIES[: 3 - number]:
        x, y = rng.uniform(0, 40, 2).tolist()
        width, height = rng.uniform(10, 20, 2).tolist()
        region = np.zeros(SIZE, np.uint8)
        region[int(y) : int(y + height), int(x) : int(x + width)] = 1
        points = [[x + 1, y + 1, 2], [x + width / 2, y + 2, 1], [x + width, y + height, 2]]
        objects.append(
            {
                "category_id": category.id,
                "bbox": [x, y, width, height],
                "segmentation": {"counts": rle.encode(region), "size": list(SIZE)},
                **(
                    {"keypoints": [each for point in points for each in point]}
                    if category.keypoints
                    else {}
                ),
            }
        )
    return objects


@pytest.fixture(scope="session")
def detection(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four photographs of 60 x 80 pixels in two splits; targets objects, mask, keypoints, text."""
    folder = tmp_path_factory.mktemp("detection")
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    images, entries, captions = [], [], []
    for number, picture in enumerate(pictures):
        name = f"picture {number}.png"
        Image.fromarray(picture).resize(SIZE[::-1]).save(folder / name)
        images.append(coco.CocoImage(id=number, file_name=name, size=SIZE))
        entries += [{"image_id": number, **each} for each in annotations(number)]
        captions.append({"image_id": number, "caption": f"picture {number}"})
    for file, found in (("a.json", entries), ("text.json", captions)):
        (folder / file).write_text(coco.written(images, found, CATEGORIES), encoding="utf-8")
    (folder / "p.yaml").write_text(
        "name: photos\n"
        "source: {use: coco, path: ., objects: a.json, mask: a.json, keypoints: a.json,"
        " text: text.json}\n"
        "split: {train: 0.5, validation: 0.5}\n"
        "finish: [{use: resize, size: [60, 80]}]\ncache: {image: png}\n"
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=1)
    return dsbuilder.load(built.path)
