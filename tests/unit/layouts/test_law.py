"""Export, then read, is the identity: on keys, splits, targets and pixels, for every layout.

A dataset is exported, and what `dsbuilder init` proposes for the folder reads it again. Keys are
the same but for `//` and a slash at the start, which a source may not give (`layouts/keys.py`);
what derives from one image is one group. Pixels are the same to the byte. Names of targets and
classes, numbers, texts, masks, visibilities and attributes are the same, boxes, keypoints and
polygons within 1e-4 pixels.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.keys import of_source, root_of
from dsbuilder.layouts.yolo.reader import Yolo
from dsbuilder.pipelinefile import load_data
from dsbuilder.plugin import Catalog, Sample, Source, Target
from dsbuilder.proposal.recognition import candidates
from dsbuilder.registry import discover
from dsbuilder.targets import (
    Boxes,
    ClassLabel,
    Instances,
    Keypoints,
    Mask,
    MultiLabel,
    Text,
    Value,
    to_json,
)
from dsbuilder.targets.stored import name_faults

HEIGHT, WIDTH = 12, 16
WITHIN_PIXELS = 1e-4
CLASSES = ("zebra", "斑马", 'it\'s: a "cat"', "50 %, +", "never there")
ATTRIBUTES = (("difficult", "int64"), ("score", "float32"), ("who", "string"))
REGISTRY = discover()

ALL = ("label", "labels", "value", "text", "mask", "objects", "things", "keypoints")
HELD: Mapping[str, tuple[str, ...]] = {
    "folder": ("label",),
    "folder with tables": ("label", "value", "text"),
    "imagefolder": tuple(kind for kind in ALL if kind != "things"),
    "coco": ("text", "mask", "objects", "things", "keypoints"),
    "coco of instances": ("things", "keypoints"),
    "yolo": ("objects",),
    "yolo of instances": ("things",),
    "voc": ("mask", "objects"),
    "ocr": ("text",),
    "npz": ALL,
    "webdataset": ALL,
    "tfds": ALL,
}
"""Layout, and what makes it another -> the kinds of target that it holds, as they are called."""

KEPT: Mapping[str, tuple[str, ...]] = {
    "yolo": (),
    "yolo of instances": (),
    "voc": ("difficult",),
}
"""Layout -> the attributes of boxes and instances that it holds, where these are not all."""

SOURCE = '''
"""Samples that a test describes."""

import json
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.plugin import Catalog, Listing, Record, Source, source, targets_from_json


@source("described")
@dataclass(frozen=True, kw_only=True)
class Described(Source):
    """Reads `described.json`.

    Attributes:
      path: its folder.
    """

    path: Path

    def open(self) -> Catalog:
        return Opened(self.path)


@dataclass(frozen=True)
class Opened(Catalog):
    path: Path

    def scan(self) -> Listing:
        said = json.loads((self.path / "described.json").read_text("utf-8"))
        return Listing(
            records=[
                Record(
                    key=each["key"],
                    path=self.path / each["file"],
                    targets=each["targets"],
                    files=tuple(Path(file) for file in each["files"]),
                )
                for each in said["records"]
            ],
            targets=targets_from_json(said["targets"], "described.json"),
        )
'''

LETTERS = "ab斑馬é0 '\"%+@~,;&#$=()[]{}!^-_."
PART = st.text(LETTERS, min_size=1, max_size=6).map(lambda text: f"x{text}x"[:7])
INNER = st.text(LETTERS, min_size=1, max_size=4).filter(lambda text: text[0] != ".")
WORDS = ("train", "val", "images", "masks", "cat")
FOLDER = st.one_of(st.sampled_from(WORDS), PART, INNER)

TRICKY = (
    *("offset", "image", "key", "label_weights", "label", "labels", "text", "mask", "a.b", "a/b"),
    *("", "größe 猫", "None", "x", "y", "signature", "file_name", "mask_file_name", "objects", "A"),
    *("a", "__key__", "__url__", "png", "cls", "txt", "json", "width", "height", "split", "group"),
    *("objects-bbox", "label.row_splits", "Price (EUR)", "%s", "bbox", "categories", "ignore", "0"),
)
NAME = st.one_of(st.sampled_from(TRICKY), st.text(LETTERS, max_size=8))
CLASS = st.one_of(st.sampled_from((*TRICKY, *CLASSES)), st.text(LETTERS, max_size=8))


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a dataset is made of.

    Attributes:
      keys: keys of the records.
      copies: number of variants of each that is in train.
      names: name of the target of each kind, where it is not called after its kind.
      classes: names of classes.
    """

    keys: Sequence[str]
    copies: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = CLASSES

    def name(self, kind: str) -> str:
        return self.names.get(kind, kind)


@st.composite
def paths(draw: st.DrawFn) -> list[str]:
    """Paths of images, nested, with all that a name may have; none is below another."""
    folders = st.lists(FOLDER, max_size=2).map("/".join)
    drawn = draw(st.lists(st.tuples(folders, PART), min_size=4, max_size=6, unique=True))
    found = [f"{folder}/{name}.png".lstrip("/ ") for folder, name in drawn]
    # The first have their like among what an export would call others.
    return list(dict.fromkeys([*found, "a.png", "a.png@copy-1.png", "images/a.png", "A.PNG"]))


KEYS = st.builds(Drawn, keys=paths(), copies=st.integers(0, 2))
NAMED = st.builds(
    Drawn,
    keys=st.just(["a.png", "b/斑马.png", "c.png", "d.png", "e.png", "f.png"]),
    copies=st.integers(0, 1),
    names=st.fixed_dictionaries({}, optional=dict.fromkeys(ALL, NAME)),
    classes=st.lists(CLASS, min_size=2, max_size=5, unique=True).map(tuple),
)


def raw(number: int, drawn: Drawn, mask: Path) -> dict[str, Any]:
    """What the source says of an image, by kind; every value differs from image to image."""
    names = drawn.classes
    corners = [[number, 1.25, number + 2.5, 4.25], [0.1, number, 15.1, number + 2]][: number % 3]
    nose, tail = [number / WIDTH, 2.5 / HEIGHT, 2], [3.25 / WIDTH, number / HEIGHT, 1]
    return {
        "label": names[number % max(2, len(names) - 1)],
        "labels": list(names[: number % 4]),
        "value": [number / 7, -1e6],
        "text": ("", 'tom\'s "cat", 斑马', "  Exit 4 ")[number % 3],
        "mask": {"path": str(mask)},
        "objects": [
            {
                "label": names[(number + place) % len(names)],
                "box": [x / WIDTH, y / HEIGHT, right / WIDTH, bottom / HEIGHT],
                "difficult": number % 2,
                "score": 0.5 + number,
                "who": f"é{number}",
            }
            for place, (x, y, right, bottom) in enumerate(corners)
        ],
        "things": {
            "size": [HEIGHT, WIDTH],
            "objects": [
                {
                    "label": names[(number + place) % len(names)],
                    "difficult": place % 2,
                    "score": 0.5 + number,
                    "who": f"é{number}",
                    **segment,
                }
                for place, segment in enumerate(segments(number))
            ],
        },
        "keypoints": [[nose, tail, [0, 0, 0]], [tail, nose, nose]][: (number + 1) % 3],
    }


def segments(number: int) -> list[dict[str, Any]]:
    """Objects of polygons, of one part and of two, that overlap or not, and of run lengths."""
    found: list[dict[str, Any]] = []
    for n in range(number % 4):
        one, other = [1.25, 1, 9 + n / 7, 2, 3, 7.5], [4, 4, 15.5, 3 + n, 9, 12]
        apart = [12, 0, 15 + n / 9, 0.25, 13, 3]
        found += [{"polygons": each} for each in ([one], [one, other], [one, apart])]
        found.append({"counts": [n, 5, 7, 13, HEIGHT * WIDTH - 25 - n]})
    return found


def kinds_of(drawn: Drawn, attributes: Sequence[str] | None) -> dict[str, Target]:
    kept = [each for each in ATTRIBUTES if attributes is None or each[0] in attributes]
    return {
        "label": ClassLabel(names=drawn.classes),
        "labels": MultiLabel(names=drawn.classes),
        "value": Value(size=2),
        "text": Text(),
        "mask": Mask(names=("sky", "sea", "background"), ignore=255),
        "objects": Boxes(names=drawn.classes, attributes=tuple(kept)),  # type: ignore[arg-type]
        "things": Instances(names=drawn.classes, attributes=tuple(kept)),  # type: ignore[arg-type]
        "keypoints": Keypoints(
            names=("nose", "tail", "ear"), swaps=(("nose", "ear"),), edges=(("nose", "tail"),)
        ),
    }


def build(folder: Path, drawn: Drawn, layout: str, kinds: tuple[str, ...] = ()) -> Dataset:
    """Builds a dataset of some kinds, or all that a layout holds, with variants of its train."""
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    (folder / "source/masks").mkdir(parents=True)
    (folder / "plugins").mkdir()
    (folder / "plugins/described.py").write_text(SOURCE)
    wanted = kinds or HELD[layout]
    records = []
    for number, key in enumerate(drawn.keys):
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"source/{number}.png")
        ids = rng.choice(np.array([0, 1, 2, 255], np.uint8), (HEIGHT, WIDTH))
        mask = folder / f"source/masks/{number}.png"
        Image.fromarray(ids).save(mask)
        labels = {drawn.name(k): v for k, v in raw(number, drawn, mask).items() if k in wanted}
        files = [str(mask)] if "mask" in wanted else []
        records.append({"key": key, "file": f"{number}.png", "targets": labels, "files": files})
    stated = kinds_of(drawn, KEPT.get(layout))
    targets = {drawn.name(kind): to_json(stated[kind]) for kind in wanted}
    text = json.dumps({"targets": targets, "records": records})
    (folder / "source/described.json").write_text(text, encoding="utf-8")
    (folder / "p.yaml").write_text(
        "name: law\nsource: {use: described, path: source}\n"
        "split: {train: 0.6, test: 0.4, method: hash}\n"
        f"augment: {{copies: {drawn.copies}, stages: [A.VerticalFlip]}}\n"
        f"finish: [{{use: resize, size: [{HEIGHT}, {WIDTH}]}}]\ncache: {{image: png}}\n",
        encoding="utf-8",
    )
    built = build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)


def proposed(folder: Path) -> Source:
    """The source that `init` proposes for a folder, with the options that it proposes."""
    best = candidates(folder, REGISTRY)[0]
    stage = {"use": best.source, **best.signs.options}
    spec = load_data({"name": "x", "source": stage}, REGISTRY, origin="x", folder=folder)
    assert spec.settings.source is not None
    return spec.settings.source


def assert_alike(kind: Target, found: Any, expected: Any, *, is_outlined: bool) -> None:
    """Two values are the same, positions within a tolerance.

    Args:
      is_outlined: whether instances are polygons of one part now, with the boxes around them.
    """
    one, other = kind.encode("x", found), kind.encode("x", expected)
    for name in other:
        if is_outlined and name in ("x/polygons", "x/points"):
            continue
        if is_outlined and name == "x/bbox":
            near = np.abs(np.asarray(one[name]) - np.asarray(other[name]))
            assert (near * np.tile([HEIGHT, WIDTH], 2) <= 1).all()
        elif name in ("x/bbox", "x/points"):
            sides = np.tile([HEIGHT, WIDTH] if name == "x/bbox" else [WIDTH, HEIGHT], 2)
            near = np.abs(np.asarray(one[name]) - np.asarray(other[name]))
            assert (near * sides[: near.shape[-1]] < WITHIN_PIXELS).all()
        else:
            assert np.array_equal(one[name], other[name]), name


def pixels(catalog: Catalog, record: Any) -> np.ndarray:
    found = catalog.read(record)
    return found if isinstance(found, np.ndarray) else decode(found, mode="rgb")


def check(dataset: Dataset, source: Source) -> None:
    samples: dict[str, tuple[str, Sample]] = {
        each.key: (split, each) for split in dataset.splits for each in dataset.samples(split)
    }
    catalog, reader = source.open(), source.open()
    given_keys, records = of_source(samples), {each.key: each for each in catalog.records}
    assert records.keys() == set(given_keys.values())
    stated = dataset.signature.targets
    assert catalog.targets.keys() == stated.keys()
    for name, kind in catalog.targets.items():
        expected: Any = stated[name]
        if not (isinstance(expected, (Boxes, Instances)) and not dataset_has_boxes(samples, name)):
            assert kind == expected
    groups: dict[str, set[str | None]] = {}
    for key, (split, sample) in samples.items():
        record = records[given_keys[key]]
        groups.setdefault(root_of(key), set()).add(record.group)
        assert record.split == split
        assert np.array_equal(pixels(reader, record), sample.image)
        for name, kind in catalog.targets.items():
            value = kind.parse(record.targets[name])
            is_outlined = isinstance(source, Yolo) and isinstance(kind, Instances)
            assert_alike(kind, value, sample.targets[name], is_outlined=is_outlined)
    if samples.keys() != groups.keys():  # there are variants: one group of each image
        assert all(len(found) == 1 for found in groups.values())
        assert len(set.union(*groups.values()) - {None}) == len(groups)


def dataset_has_boxes(samples: Mapping[str, tuple[str, Sample]], name: str) -> bool:
    return any(len(sample.targets[name]) for _, sample in samples.values())


LAW = settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a build takes minutes
)


@pytest.mark.parametrize("layout", HELD)
@LAW
@given(drawn=KEYS)
def test_what_is_exported_is_read_again_as_init_proposes(
    tmp_path: Path, layout: str, drawn: Drawn
) -> None:
    dataset = build(tmp_path, drawn, layout)
    export(dataset, tmp_path / layout, to=layout.partition(" ")[0])
    check(dataset, proposed(tmp_path / layout))


@pytest.mark.parametrize("layout", HELD)
@LAW
@given(drawn=NAMED)
def test_targets_and_classes_of_any_legal_name_are_read_again(
    tmp_path: Path, layout: str, drawn: Drawn
) -> None:
    names = [drawn.name(kind) for kind in HELD[layout]]
    assume(len(set(names)) == len(names))
    try:
        kinds = kinds_of(drawn, KEPT.get(layout))
    except DataError:
        assume(False)  # a class that no target can have
    assume(not list(name_faults({drawn.name(kind): kinds[kind] for kind in HELD[layout]})))
    dataset = build(tmp_path, drawn, layout)
    export(dataset, tmp_path / layout, to=layout.partition(" ")[0])
    check(dataset, proposed(tmp_path / layout))


@pytest.mark.parametrize(
    ("layout", "target"),
    [(layout, target) for layout in ("coco", "voc") for target in HELD[layout]],
)
def test_one_target_alone_is_read_again_without_another(tmp_path, layout: str, target: str) -> None:
    drawn = Drawn(keys=["a.png", "b/斑马.png", "c.png", "d.png"])
    dataset = build(tmp_path, drawn, layout, (target,))
    export(dataset, tmp_path / layout, to=layout)
    check(dataset, proposed(tmp_path / layout))


def test_every_layout_is_under_the_law() -> None:
    known = {plugin.name for plugin in REGISTRY.of_kind("exporter")}
    assert {layout.partition(" ")[0] for layout in HELD} == known
