"""What the exporter of a layout writes, its source reads: keys, splits, targets and pixels.

Datasets are drawn, with target and class names that readers might trip over, and several targets of
a kind. The source has no options but where the export lies.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsbuilder.images.encoding import decode, encode
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.keys import of_source, root_of
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    DataError,
    Exportable,
    Exporter,
    ImageSignature,
    Instances,
    Keypoints,
    Mask,
    MultiLabel,
    Signature,
    Source,
    StoredSample,
    Target,
    Text,
    Value,
)
from dsbuilder.registry import discover

HEIGHT, WIDTH = 6, 8
REGISTRY = discover()

KINDS = (ClassLabel, MultiLabel, Value, Text, Mask, Boxes, Keypoints)
HELD: Mapping[str, Sequence[type[Target]]] = {
    "coco": (Boxes, Instances, Keypoints, Mask, Text),
    "folder": (ClassLabel, Text, Value),
    "imagefolder": KINDS,
    "ocr": (Text,),
}
"""Layout -> the kinds that it holds."""
ONE_OF_A_KIND = ("coco",)
"""Layouts that hold the first target of each kind."""
ONE_ALONE = ("ocr",)
"""Layouts that hold one target alone, and of texts those that fit on a line."""

TEXTS = ("", " a ", "[1, 2]", "'\"猫,;", "1", "a\\b", '"x"')
LONG_TEXTS = ("a\tb", "two\nlines\r")

WORDS = (
    *("file_name", "file_name_", "mask_file_name", "file_names", "width", "height", "label"),
    *(
        "objects",
        "keypoints",
        "mask",
        "masks",
        "split",
        "offset",
        "a.b",
        "a/b",
        "../x",
        "é 猫",
        "-",
    ),
)
NAMES = st.text("ab._猫", min_size=1, max_size=4).filter(lambda name: name[0] != ".")
TARGET_NAMES = st.one_of(st.sampled_from(WORDS), NAMES)
CLASS_WORDS = ("cat", "..", "a.b", "a/b", "con", "1", "0", "train", "猫 x", "'\"", "+", "%2B", ".h")
CONTROLS = ("a\\nb", "\x1b[2J'\x7f\x9f")
CLASSES = st.lists(
    st.sampled_from((*CLASS_WORDS, *CONTROLS)), min_size=2, max_size=4, unique=True
).map(tuple)
ATTRIBUTES = st.lists(
    st.tuples(
        st.sampled_from(("categories", "categories_", "labels", "score", "a.b")),
        st.sampled_from(("int64", "float32", "string")),
    ),
    max_size=2,
    unique_by=lambda each: each[0],
).map(tuple)
KEYS = (
    *("cat/tom.png", "cat/tom.png//copy-1", "a.png", "A.PNG", "/words/1", "a.png@copy-1"),
    *("train/cat/x", "images/a.png", "masks/a.png", "größe 1.png"),
)


def kinds(held: Sequence[type[Target]]) -> st.SearchStrategy[Target]:
    known: Mapping[type[Target], st.SearchStrategy[Target]] = {
        ClassLabel: st.builds(ClassLabel, names=CLASSES),
        MultiLabel: st.builds(MultiLabel, names=CLASSES),
        Value: st.builds(Value, size=st.integers(0, 2)),
        Text: st.builds(Text),
        Mask: st.builds(Mask, names=CLASSES, ignore=st.sampled_from((None, 255))),
        Boxes: st.builds(Boxes, names=CLASSES, attributes=ATTRIBUTES),
        Instances: st.builds(Instances, names=CLASSES, attributes=ATTRIBUTES),
        Keypoints: st.builds(
            Keypoints,
            names=st.just(("nose", "tail")),
            swaps=st.sampled_from(((), (("nose", "tail"),))),
        ),
    }
    return st.one_of([known[kind] for kind in held])


def raw(kind: Any, rng: np.random.Generator) -> Any:
    """A raw label, drawn."""
    if isinstance(kind, ClassLabel):
        return str(rng.choice(kind.names))
    if isinstance(kind, MultiLabel):
        return [name for name in kind.names if rng.random() < 0.5]
    if isinstance(kind, Value):
        return rng.normal(size=kind.size).tolist() if kind.size else float(rng.normal())
    if isinstance(kind, Text):
        return str(rng.choice(TEXTS))
    places = range(int(rng.integers(3)))
    if isinstance(kind, (Boxes, Instances)):
        values = {"int64": int(rng.integers(2**40)), "float32": 0.25, "string": "é"}
        known = {name: values[dtype] for name, dtype in kind.attributes}
        boxes = [{"label": kind.names[0], "box": [0.1, 0.25, 0.5, 1], **known} for _ in places]
        if isinstance(kind, Boxes):
            return boxes
        segments = {"polygons": [[0.5, 1.1, 7, 2, 3.3, 5]]}, {"counts": [7, 9, 32]}
        objects = [{**one, **two} for one, two in zip(boxes, segments, strict=False)]
        return {"objects": objects, "size": [HEIGHT, WIDTH]}
    return [[[0.1, 0.5, 2], [0, 0, 0]] for _ in places]


class Drawn(Exportable):
    """A dataset in memory: two splits, keys of all sorts."""

    def __init__(
        self, targets: Mapping[str, Target], keys: Sequence[str], image: Any, *, is_alone: bool
    ) -> None:
        self.name, self.version, self.where = "drawn", "1.0.0", "drawn"
        pixels = ImageSignature(height=HEIGHT, width=WIDTH, channels=3)
        self.signature = Signature(image=pixels, targets=targets)
        self.image, self.splits = image, ("train", "test")
        self.is_alone = is_alone
        self.keys = {"train": keys[::2], "test": keys[1::2]}

    def shards(self, split: str) -> Sequence[int]:
        return (len(self.keys[split]),)

    def samples(self, split: str, shard: int | None = None) -> Iterator[StoredSample]:
        for key in self.keys[split]:
            rng = np.random.default_rng(list(key.encode()))
            pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
            yield StoredSample(
                key=key,
                image=encode(pixels, "jpeg" if self.image == "jpeg" else "png"),
                targets={
                    name: value(kind, rng, is_alone=self.is_alone)
                    for name, kind in self.signature.targets.items()
                },
            )


def value(kind: Any, rng: np.random.Generator, *, is_alone: bool) -> Any:
    if isinstance(kind, Text) and not is_alone and rng.random() < 0.3:
        return str(rng.choice(LONG_TEXTS))
    if isinstance(kind, Mask):
        return rng.integers(0, len(kind.names), (HEIGHT, WIDTH), np.uint8)
    return kind.parse(raw(kind, rng))


@st.composite
def datasets(draw: st.DrawFn, layout: str) -> Drawn:
    is_alone = layout in ONE_ALONE
    most = 1 if is_alone else 4
    targets = draw(st.dictionaries(TARGET_NAMES, kinds(HELD[layout]), min_size=1, max_size=most))
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=2, max_size=6, unique=True))
    image = draw(st.sampled_from(("jpeg", "png", "raw")))
    return Drawn(targets, keys, image, is_alone=is_alone)


def targets_held(layout: str, targets: Mapping[str, Target]) -> Mapping[str, Target]:
    if layout not in ONE_OF_A_KIND:
        return targets
    first = {type(kind): name for name, kind in reversed(targets.items())}
    return {name: kind for name, kind in targets.items() if first[type(kind)] == name}


def classes_held(layout: str, dataset: Drawn) -> list[str]:
    held = targets_held(layout, dataset.signature.targets).values()
    return [name for kind in held for name in kind.class_names]


def check(
    dataset: Drawn, source: Source, written: Mapping[str, int], *, targets: Mapping[str, Target]
) -> None:
    catalog = source.open()
    samples = {each.key: each for split in dataset.splits for each in dataset.samples(split)}
    given_keys, records = of_source(samples), {each.key: each for each in catalog.records}
    assert written == {split: len(keys) for split, keys in dataset.keys.items()}
    assert records.keys() == set(given_keys.values())
    assert list(catalog.targets.items()) == list(targets.items())
    assert [note for note in catalog.notes if not note.startswith("no image was found of")] == []
    groups: dict[str, set[str | None]] = {}
    for key, sample in samples.items():
        record = records[given_keys[key]]
        groups.setdefault(root_of(key), set()).add(record.group)
        assert key in dataset.keys[record.split or ""]
        assert np.array_equal(pixels(catalog.read(record)), pixels(sample.image))
        assert list(record.targets) == list(catalog.targets)
        for name, kind in catalog.targets.items():
            assert_alike(kind, kind.parse(record.targets[name]), sample.targets[name])
    assert all(len(found) == 1 for found in groups.values())


def pixels(image: Any) -> np.ndarray:
    return image if isinstance(image, np.ndarray) else decode(image, mode="rgb")


def assert_alike(kind: Target, found: Any, expected: Any) -> None:
    """Two values are the same, positions within 1e-5 of the sides."""
    one, other = kind.encode("x", found), kind.encode("x", expected)
    for name in other:
        if name in ("x/bbox", "x/points"):
            assert np.allclose(one[name], other[name], atol=1e-5)
        else:
            assert np.array_equal(one[name], other[name]), name


def plugin(kind: str, name: str) -> Any:
    return next(each.cls for each in REGISTRY.of_kind(kind) if each.name == name)


@pytest.mark.parametrize("layout", HELD)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_an_exporter_writes_its_source_reads(layout: str, data: st.DataObject) -> None:
    dataset = data.draw(datasets(layout))
    exporter: Exporter = plugin("exporter", layout)()
    if layout == "voc" and CONTROLS[1] in classes_held(layout, dataset):
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.raises(DataError, match="control"),
        ):
            exporter.write(dataset, Path(folder))
        return
    with tempfile.TemporaryDirectory() as folder:
        written = exporter.write(dataset, Path(folder))
        sidecar.write(Path(folder), dataset.signature, written.keys, targets=written.targets)
        targets = targets_held(layout, dataset.signature.targets)
        source = plugin("source", layout)(path=Path(folder))
        check(dataset, source, written.samples, targets=targets)
