"""Export, then read, is the identity: on keys, splits, targets and pixels, for every layout.

A dataset is exported, and what `dsbuilder init` proposes for the folder reads it again. Keys are
the same but for `//` and a slash at the start, which a source may not give (`layouts/keys.py`);
what derives from one image is one group. Pixels are the same to the byte. Classes, numbers, texts,
masks, visibilities and attributes are the same, boxes and keypoints within 1e-4 pixels.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.export import EXPORTS, export
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.keys import of_source, root_of
from dsbuilder.pipelinefile import load_data
from dsbuilder.plugin import Sample, Source, Target
from dsbuilder.proposal.recognition import candidates
from dsbuilder.registry import discover
from dsbuilder.targets import Boxes

HEIGHT, WIDTH = 12, 16
WITHIN_PIXELS = 1e-4
CLASSES = ("zebra", "斑马", 'it\'s: a "cat"', "50 %, +", "never there")
ATTRIBUTES = ("difficult", "score", "who")
REGISTRY = discover()

ALL = ("label", "labels", "value", "text", "mask", "objects", "keypoints")
HELD: Mapping[str, tuple[str, ...]] = {
    "folder": ("label",),
    "folder with tables": ("label", "value", "text"),
    "imagefolder": ALL,
    "coco": ("text", "mask", "objects", "keypoints"),
    "yolo": ("objects",),
    "voc": ("mask", "objects"),
    "ocr": ("text",),
    "npz": ALL,
    "webdataset": ALL,
    "tfds": ALL,
}
"""Layout, and what makes it another -> the targets that it holds."""

KEPT: Mapping[str, tuple[str, ...]] = {"yolo": (), "voc": ("difficult",)}
"""Layout -> the attributes of boxes that it holds, where these are not all."""

LETTERS = "ab斑馬é0 '\"%+@~,;&#$=()[]{}!^-_."
PART = st.text(LETTERS, min_size=1, max_size=6).map(lambda text: f"x{text}x"[:7])
INNER = st.text(LETTERS, min_size=1, max_size=4).filter(lambda text: text[0] != ".")
WORDS = ("train", "val", "images", "masks", "cat")
FOLDER = st.one_of(st.sampled_from(WORDS), PART, INNER)


@st.composite
def paths(draw: st.DrawFn) -> list[str]:
    """Paths of images, nested, with all that a name may have; none is below another."""
    folders = st.lists(FOLDER, max_size=2).map("/".join)
    drawn = draw(st.lists(st.tuples(folders, PART), min_size=4, max_size=6, unique=True))
    found = [f"{folder}/{name}.png".lstrip("/ ") for folder, name in drawn]
    # The first have their like among what an export would call others.
    return list(dict.fromkeys([*found, "a.png", "a.png@copy-1.png", "images/a.png", "A.PNG"]))


def row(path: str, number: int, targets: tuple[str, ...]) -> dict[str, Any]:
    """What the source says of an image; every value differs from image to image."""
    boxes = [[number, 1.25, 2.5, 3], [0.1, number, 15, 2]][: number % 3]
    nose, tail = [number, 2.5, 2.0], [3.25, number, 1.0]
    cells = {
        "label": CLASSES[number % 4],
        "labels": list(CLASSES[: number % 4]),
        "value": [number / 7, -1e6],
        "text": ("", 'tom\'s "cat", 斑马', "  Exit 4 ")[number % 3],
        "mask_file_name": f".masks/{number}.png",
        "objects": {
            "bbox": boxes,
            "categories": [CLASSES[(number + n) % 4] for n in range(len(boxes))],
            "difficult": [number % 2] * len(boxes),
            "score": [0.5 + number] * len(boxes),
            "who": [f"é{number}"] * len(boxes),
        },
        "keypoints": [[*nose, *tail, 0.0, 0.0, 0.0], [*tail, *nose, *nose]][: (number + 1) % 3],
    }
    wanted = {"mask_file_name" if name == "mask" else name for name in targets}
    return {"file_name": path, **{name: cell for name, cell in cells.items() if name in wanted}}


def options(targets: tuple[str, ...], attributes: tuple[str, ...]) -> dict[str, Any]:
    known: Mapping[str, dict[str, Any]] = {
        "label": {"classes": CLASSES},
        "labels": {"labels_classes": CLASSES},
        "mask": {"mask_classes": ("sky", "sea", "background"), "ignore": "255"},
        "objects": {"object_classes": CLASSES, "attributes": attributes},
        "keypoints": {
            "keypoint_names": ("nose", "tail", "ear"),
            "keypoint_swaps": (("nose", "ear"),),
            "keypoint_edges": (("nose", "tail"),),
        },
    }
    return {name: each for target in targets for name, each in known.get(target, {}).items()}


def build(
    folder: Path, found: list[str], copies: int, layout: str, targets: tuple[str, ...] = ()
) -> Dataset:
    """Builds a dataset of targets, or all that a layout holds, with variants of its train split."""
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    (folder / "source/.masks").mkdir(parents=True)
    for number, path in enumerate(found):
        (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "source" / path, "PNG")
        ids = rng.choice(np.array([0, 1, 2, 255], np.uint8), (HEIGHT, WIDTH))
        Image.fromarray(ids).save(folder / f"source/.masks/{number}.png")
    targets = targets or HELD[layout]
    rows = [row(path, number, targets) for number, path in enumerate(found)]
    table = "".join(f"{json.dumps(each)}\n" for each in rows)
    (folder / "source/metadata.jsonl").write_text(table, encoding="utf-8")
    kept = options(targets, KEPT.get(layout, ATTRIBUTES))
    source = json.dumps({"use": "imagefolder", "path": "source", **kept})
    (folder / "p.yaml").write_text(
        f"name: law\nsource: {source}\nsplit: {{train: 0.6, test: 0.4, method: hash}}\n"
        f"augment: {{copies: {copies}, stages: [A.VerticalFlip]}}\n"
        f"finish: [{{use: resize, size: [{HEIGHT}, {WIDTH}]}}]\ncache: {{image: png}}\n",
        encoding="utf-8",
    )
    built = dsbuilder.build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)


def proposed(folder: Path) -> Source:
    """The source that `init` proposes for a folder, with the options that it proposes."""
    best = candidates(folder, REGISTRY)[0]
    stage = {"use": best.source, **best.signs.options}
    spec = load_data({"name": "x", "source": stage}, REGISTRY, origin="x", folder=folder)
    assert spec.settings.source is not None
    return spec.settings.source


def assert_alike(kind: Target, found: Any, expected: Any) -> None:
    """Two values are the same, positions within a tolerance."""
    one, other = kind.encode("x", found), kind.encode("x", expected)
    for name in other:
        if name in ("x/bbox", "x/points"):
            sides = np.tile([HEIGHT, WIDTH] if name == "x/bbox" else [WIDTH, HEIGHT], 2)
            near = np.abs(np.asarray(one[name]) - np.asarray(other[name]))
            assert (near * sides[: near.shape[-1]] < WITHIN_PIXELS).all()
        else:
            assert np.array_equal(one[name], other[name]), name


def pixels(source: Source, record: Any) -> np.ndarray:
    found = source.read(record)
    return found if isinstance(found, np.ndarray) else decode(found, mode="rgb")


def check(dataset: Dataset, source: Source) -> None:
    samples: dict[str, tuple[str, Sample]] = {
        each.key: (split, each) for split in dataset.splits for each in dataset.samples(split)
    }
    given_keys, records = of_source(samples), {each.key: each for each in source.records()}
    assert records.keys() == set(given_keys.values())
    kinds = source.targets(list(records.values()))
    stated = dataset.signature.targets
    assert kinds.keys() == stated.keys()
    for name, kind in kinds.items():
        expected: Any = stated[name]
        if not (isinstance(expected, Boxes) and not dataset_has_boxes(samples, name)):
            assert kind == expected
    groups: dict[str, set[str | None]] = {}
    for key, (split, sample) in samples.items():
        record = records[given_keys[key]]
        groups.setdefault(root_of(key), set()).add(record.group)
        assert record.split == split
        assert np.array_equal(pixels(source, record), sample.image)
        for name, kind in kinds.items():
            value = kind.parse(record.targets[name])
            assert_alike(kind, value, sample.targets[name])
    if samples.keys() != groups.keys():  # there are variants: one group of each image
        assert all(len(found) == 1 for found in groups.values())
        assert len(set.union(*groups.values()) - {None}) == len(groups)


def dataset_has_boxes(samples: Mapping[str, tuple[str, Sample]], name: str) -> bool:
    return any(len(sample.targets[name]) for _, sample in samples.values())


@pytest.mark.parametrize("layout", HELD)
@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a build takes minutes
)
@given(found=paths(), copies=st.integers(0, 2))
def test_what_is_exported_is_read_again_as_init_proposes(
    tmp_path: Path, layout: str, found: list[str], copies: int
) -> None:
    dataset = build(tmp_path, found, copies, layout)
    export(dataset, tmp_path / layout, to=layout.partition(" ")[0])
    check(dataset, proposed(tmp_path / layout))


@pytest.mark.parametrize(
    ("layout", "target"),
    [(layout, target) for layout in ("coco", "voc") for target in HELD[layout]],
)
def test_one_target_alone_is_read_again_without_another(tmp_path, layout: str, target: str) -> None:
    found = ["a.png", "b/斑马.png", "c.png", "d.png"]
    dataset = build(tmp_path, found, 0, layout, (target,))
    export(dataset, tmp_path / layout, to=layout)
    check(dataset, proposed(tmp_path / layout))


def test_every_layout_is_under_the_law() -> None:
    assert {layout.partition(" ")[0] for layout in HELD} == EXPORTS.keys()
