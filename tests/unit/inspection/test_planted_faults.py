"""A set with planted faults: every one is found, by the inspector it is for, and nothing else."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from dsbuilder.builder import load_spec, survey
from dsbuilder.builder.inspecting import inspect_survey
from dsbuilder.inspection import Report, every

Found = dict[str, set[str | None]]

OPTIONS = "inspect: {rare_class: {least: 5}}"


def encoded(image: np.ndarray, format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format)
    return file.getvalue()


def inspected(pipeline: Path, workers: int = 0) -> Report:
    surveyed = survey(load_spec(pipeline))
    return inspect_survey(surveyed, every(surveyed.pipeline.spec), workers=workers)


def keys_of(report: Report) -> Found:
    return {name: {each.key for each in found} for name, found in report.findings.items() if found}


def tile_of(collection, key: str) -> np.ndarray:
    return np.array(Image.open(collection.folder / "source" / key))


def plant_files(collection) -> Found:
    """Files that cannot be decoded, and one that must not be."""
    tile = tile_of(collection, "coffee-01.png")
    jpeg, png = encoded(tile, "JPEG"), encoded(tile, "PNG")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0x40
    bomb = io.BytesIO()
    Image.new("1", (15_000, 14_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 200_000  # of 210 megapixels
    add = collection.add
    return {
        "empty_file": {add("empty.jpg", b"")},
        "truncated": {
            add("cut.jpg", jpeg[: len(jpeg) // 2]),
            add("cut.png", png[: len(png) // 2]),
            add("cut.webp", encoded(tile, "WEBP")[:-30]),
            add("cut.bmp", encoded(tile, "BMP")[:-30]),
            add("cut.gif", encoded(tile, "GIF")[:-30]),
            add("cut.tif", encoded(tile, "TIFF")[:-30]),
            add("cut.tif", encoded(tile, "TIFF")[:-30]),
        },
        "corrupt": {
            add("flipped.png", bytes(flipped)),
            add("text.jpg", b"<html>404 not found</html>"),
        },
        "huge": {add("bomb.png", bomb.getvalue())},
    }


def plant_pixels(collection) -> Found:
    """Images that show too little, each of a tile that the set does not hold."""
    spare = list(collection.tiles("camera"))
    strip = np.hstack(spare[3:5])[:20]
    blurred = cv2.GaussianBlur(spare[2], (0, 0), 3)
    noise = np.random.default_rng(0).integers(0, 3, (90, 90, 3), np.uint8)
    grainy = np.random.default_rng(0).normal(120, 5, (90, 90, 3)).astype(np.uint8)
    framed = np.full_like(spare[5], 255)
    framed[8:-8, 8:-8] = spare[5][8:-8, 8:-8]
    add = collection.add
    return {
        "dark": {add("dark.png", (spare[0] * 0.15).astype(np.uint8))},
        "bright": {add("bright.png", (255 - (255 - spare[1]) * 0.15).astype(np.uint8))},
        "blurred": {add("blurred.png", blurred)},
        "uniform": {
            add("gray.png", np.full((90, 90, 3), 120, np.uint8)),
            add("blank.png", 180 + noise),
            add("grainy.png", grainy),
        },
        "framed": {add("framed.png", framed)},
        "odd_aspect": {add("strip.png", np.ascontiguousarray(strip))},
        "tiny": {add("tiny.png", np.arange(36, 252, 2, np.uint8).reshape(6, 6, 3))},
        "odd_size": {"tiny.png", add("large.png", np.dstack([data.coins()[:300, :330]] * 3))},
    }


def plant_repeats(collection) -> Found:
    """The same picture again: the same pixels, nearly the same, in two classes, in two splits."""
    same = encoded(tile_of(collection, "china-00.png"), "BMP")
    near = cv2.resize(tile_of(collection, "china-01.png"), (70, 70), interpolation=cv2.INTER_AREA)
    leaked = encoded(tile_of(collection, "china-03.png"), "JPEG")
    other = tile_of(collection, "astronaut-02.png")

    def add(name: str, image: np.ndarray | bytes, of: str, **changes: str) -> str:
        known = collection.rows[of]["targets"]
        kept = {each: known[each] for each in ("label", "value", "text")}
        return collection.add(name, image, **{**kept, **changes})

    return {
        "exact_duplicate": {
            add("same.bmp", same, "china-00.png"),
            add("other.png", other, "astronaut-02.png", label="rocket"),
        },
        "near_duplicate": {
            add("near.png", near, "china-01.png"),
            add("leaked.jpg", leaked, "china-03.png", split="test"),
        },
        "two_labels": {"other.png", "astronaut-02.png"},
        "leak": {"china-03.png"},
    }


def plant_labels(collection) -> Found:
    """Labels that cannot be right."""
    folder = collection.folder / "source"
    ids = np.zeros((96, 96), np.uint8)
    Image.fromarray(ids + 9).save(folder / "wrong-ids.png")
    Image.fromarray(ids[:50]).save(folder / "wrong-size.png")
    flat = [{"label": "thing", "box": [0.2, 0.3, 0.2, 0.8]}]
    rows = collection.rows
    rows["flower-00.png"]["targets"]["value"] = 999
    rows["flower-01.png"]["targets"]["text"] = "caf\ufffd"
    rows["flower-02.png"]["targets"]["objects"] = flat
    rows["flower-04.png"]["targets"]["mask"] = {"path": str(folder / "wrong-ids.png")}
    rows["flower-05.png"]["targets"]["mask"] = {"path": str(folder / "wrong-size.png")}
    rows["flower-06.png"]["targets"]["mask"] = {"path": str(folder / "none.png")}
    rows["flower-07.png"]["targets"]["label"] = "odd"
    return {
        "out_of_range": {"flower-00.png"},
        "charset": {"flower-01.png"},
        "flat_box": {"flower-02.png"},
        "bad_target": {"flower-04.png", "flower-05.png", "flower-06.png"},
        "empty_class": {None},
        "rare_class": {None},
        "imbalance": {None},
    }


@pytest.fixture
def planted(clean) -> Found:
    faults: Found = {}
    for plant in (plant_files, plant_pixels, plant_repeats, plant_labels):
        faults |= plant(clean)
    assert len(faults) == 23
    return faults


def test_every_planted_fault_is_found_and_nothing_else(clean, planted: Found) -> None:
    assert keys_of(inspected(clean.write(OPTIONS))) == planted


def test_a_clean_set_has_no_findings_but_its_empty_classes(clean) -> None:
    report = inspected(clean.write(OPTIONS))
    assert keys_of(report) == {"empty_class": {None}}
    assert report.records == len(clean.rows) > 80
    assert [each.text for each in report.findings["empty_class"]] == [
        "no record has the class nothing (label)",
        "no record has the class odd (label)",
    ]


def test_any_number_of_workers_finds_the_same(clean, planted: Found) -> None:
    pipeline = clean.write(OPTIONS)
    assert inspected(pipeline, 3).findings == inspected(pipeline, 0).findings


def test_a_finding_names_its_value_its_threshold_and_its_others(clean, planted: Found) -> None:
    findings = inspected(clean.write(OPTIONS)).findings
    [dark] = findings["dark"]
    assert dark.value < dark.threshold == 0.2
    [leak] = findings["leak"]
    assert leak.others == ("leaked.jpg",)
    assert leak.text == "in train, shows the same picture as leaked.jpg in test"
    [huge] = findings["huge"]
    assert (huge.value, huge.threshold) == (210.0, 100.0)
    assert [each.others for each in findings["exact_duplicate"]] == [
        ("astronaut-02.png",),
        ("china-00.png",),
    ]
