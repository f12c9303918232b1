"""pycocotools, the reference reader of COCO, agrees with us."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.images import polygon, rle
from dsbuilder.layouts.file_names import quoted

reference = tools.module("pycocotools.mask")
COCO = tools.module("pycocotools.coco").COCO
COCOeval = tools.module("pycocotools.cocoeval").COCOeval

# pycocotools hands numpy 2 arrays by an interface that numpy is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def real_masks():
    """Masks with the ragged outlines of real pictures."""
    for picture, threshold in ((data.coins(), 110), (data.camera(), 60), (data.page(), 130)):
        yield (picture > threshold).astype(np.uint8)


def test_run_lengths_are_the_same_text_and_the_same_mask():
    for mask in real_masks():
        theirs = reference.encode(np.asfortranarray(mask))
        assert rle.encode(mask) == theirs["counts"].decode()
        assert np.array_equal(rle.decode(theirs["counts"].decode(), mask.shape), mask)
        assert np.array_equal(
            reference.decode({"size": mask.shape, "counts": theirs["counts"]}), mask
        )


def test_polygons_cover_what_theirs_cover_but_for_pixels_on_the_outline():
    rng = np.random.default_rng(3)
    for _ in range(30):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
        radius = rng.uniform(40, 90, 12)
        flat = np.stack([100 + radius * np.cos(angles), 100 + radius * np.sin(angles)], 1).ravel()
        theirs = reference.decode(reference.frPyObjects([flat.tolist()], 200, 200))[..., 0]
        ours = polygon.fill([flat], (200, 200))
        both, either = (ours & theirs).sum(), (ours | theirs).sum()
        assert both / either > 0.97


SIZE = np.array([80, 60])


def opened(folder: Path, kind: str, split: str) -> COCO:
    return COCO(str(folder / f"annotations/{kind}_{split}.json"))


def by_name(found: COCO) -> dict[str, list[dict[str, Any]]]:
    """File name of an image -> its annotations."""
    return {
        each["file_name"]: found.loadAnns(found.getAnnIds(imgIds=[each["id"]]))
        for each in found.loadImgs(found.getImgIds())
    }


@pytest.fixture
def exported(detection: Dataset, tmp_path: Path) -> Path:
    export(detection, tmp_path / "coco", to="coco")
    return tmp_path / "coco"


def test_it_reads_our_boxes_points_and_captions(detection: Dataset, exported: Path) -> None:
    names = detection.signature.targets["objects"].class_names
    for split in detection.splits:
        boxes, points, texts = (
            opened(exported, kind, split) for kind in ("instances", "person_keypoints", "captions")
        )
        for sample in detection.samples(split):
            name, objects = quoted(sample.key), sample.targets["objects"]
            assert (exported / "images" / split / name).is_file()
            found = by_name(boxes)[name]
            assert [boxes.cats[each["category_id"]]["name"] for each in found] == [
                names[number] for number in objects.classes
            ]
            for each, corners in zip(found, objects.corners.astype(np.float64), strict=True):
                expected = np.concatenate([corners[:2] * SIZE, (corners[2:] - corners[:2]) * SIZE])
                assert np.allclose(each["bbox"], expected, atol=1e-4)
            for each, shares in zip(
                by_name(points)[name], sample.targets["keypoints"].points, strict=True
            ):
                pixels = np.array(each["keypoints"]).reshape(-1, 3)[:, :2]
                assert np.allclose(pixels, shares * SIZE, atol=1e-4)
            assert [each["caption"] for each in by_name(texts)[name]] == [sample.targets["text"]]


def test_it_makes_the_masks_that_we_wrote(detection: Dataset, exported: Path) -> None:
    names = detection.signature.targets["mask"].class_names
    for split in detection.splits:
        found = opened(exported, "stuff", split)
        for sample in detection.samples(split):
            mask = np.zeros((60, 80), np.uint8)
            for each in by_name(found)[quoted(sample.key)]:
                number = names.index(found.cats[each["category_id"]]["name"])
                mask[found.annToMask(each) == 1] = number
                assert found.annToMask(each).sum() == each["area"]
            assert np.array_equal(mask, sample.targets["mask"])


@pytest.mark.parametrize(
    ("kind", "scored"), [("instances", "bbox"), ("person_keypoints", "keypoints")]
)
def test_it_gives_full_marks_to_what_we_wrote(exported: Path, kind: str, scored: str) -> None:
    for split in ("train", "validation"):
        truth = opened(exported, kind, split)
        answers = [{**each, "score": 0.9} for each in truth.dataset["annotations"]]
        if not answers:
            continue
        scores = COCOeval(truth, truth.loadRes(answers), scored)
        if scored == "keypoints":
            scores.params.kpt_oks_sigmas = np.full(3, 0.05)
            scores.params.areaRng = [[0, 1e10]] * 3
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
        assert scores.stats[0] == pytest.approx(1.0)


def test_it_reads_our_instances(tmp_path: Path) -> None:
    """Run lengths are our masks to the pixel, polygons those that were read, ours but for edges."""
    dataset = instances(tmp_path)
    export(dataset, tmp_path / "coco", to="coco")
    keys = json.loads((tmp_path / "coco/dsbuilder.json").read_text())["keys"]
    files = {key: name.rpartition("/")[2] for name, key in keys.items()}
    moved = kept = 0
    for split in dataset.splits:
        found = opened(tmp_path / "coco", "instances", split)
        for sample in dataset.samples(split):
            value = sample.targets["instances"]
            own = by_name(found)[files.get(sample.key, sample.key)]
            assert len(own) == len(value)
            for each, mask in zip(own, value.masks(), strict=True):
                theirs = found.annToMask(each).astype(bool)
                if isinstance(each["segmentation"], dict):
                    moved += 1
                    assert np.array_equal(theirs, mask) and each["area"] == mask.sum()
                else:
                    kept += 1
                    assert each["segmentation"] == OUTLINES[each["category_id"]]
                    assert (theirs & mask).sum() / (theirs | mask).sum() > 0.95
    assert moved and kept


OUTLINES = {
    3: [[10.25, 8, 50.5, 12.125, 40, 50], [55, 3, 75, 5, 70, 22.75]],
    7: [[5, 30, 30, 28, 33.3333, 55, 9, 52]],
}


def instances(folder: Path) -> Dataset:
    """Builds a dataset of polygons that nothing moves, and of mirrored copies."""
    rng = np.random.default_rng(0)
    (folder / "set").mkdir()
    for number in range(4):
        pixels = rng.integers(0, 256, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"set/{number}.png")
    annotations = [
        {
            "id": 1 + 2 * n + m,
            "image_id": n,
            "category_id": category,
            "segmentation": OUTLINES[category],
        }
        for n in range(4)
        for m, category in enumerate(OUTLINES)
    ]
    text = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 60} for n in range(4)],
        "annotations": annotations,
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
    }
    (folder / "set/a.json").write_text(json.dumps(text))
    (folder / "p.yaml").write_text(
        "name: toy\nsource: {use: coco, path: set, instances: a.json}\n"
        "split: {train: 0.5, test: 0.5}\ncache: {image: png}\n"
        "augment: {copies: 1, stages: [{use: A.HorizontalFlip, p: 1}]}\n"
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)
