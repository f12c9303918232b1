"""One kit for every codec: what is written is read back, whole, in order, or refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.cache import CODECS
from dsbuilder.cache.codec import Codec
from dsbuilder.errors import CacheError, DataError
from dsbuilder.sample import ImageSignature, Sample, Signature, Target
from dsbuilder.targets import (
    KINDS,
    Boxes,
    BoxSet,
    ClassLabel,
    Instances,
    InstanceSet,
    Keypoints,
    Mask,
    MultiLabel,
    PointSet,
    Text,
    Value,
    signature_from_json,
    signature_to_json,
)
from dsbuilder.targets.stored import name_faults

STEM = "toy-train#00000-of-00001"


def boxes(count: int) -> BoxSet:
    """Some boxes, the first sample's none at all."""
    rng = np.random.default_rng(count)
    corners = np.sort(rng.random((count, 2, 2), np.float32), axis=1).reshape(-1, 4)
    words = np.array([f"ä {i}" for i in range(count)], object)
    return BoxSet(
        corners=corners,
        classes=np.arange(count) % 2,
        attributes={"area": rng.random(count, np.float32), "word": words},
    )


def points(count: int) -> PointSet:
    rng = np.random.default_rng(count)
    return PointSet(
        points=rng.random((count, 2, 2), np.float32), visibility=rng.integers(0, 3, (count, 2))
    )


THINGS = Instances(names=("a", "b"), attributes=(("area", "float32"), ("word", "string")))


def things(count: int) -> InstanceSet:
    """Some objects, the first sample's none at all; every second is a polygon."""
    rng = np.random.default_rng(count)
    objects = [
        {
            "label": "ab"[i % 2],
            "area": i / 3,
            "word": f"ä {i}",
            **(
                {"polygons": (rng.random((2, 6)) * 7).tolist(), "box": [0, 0.25, 0.5, 1]}
                if i % 2
                else {"counts": [i, 35 - i]}
            ),
        }
        for i in range(count)
    ]
    return THINGS.parse({"objects": objects, "size": [5, 7]})


TARGETS = {
    "label": (ClassLabel(names=("a", "b", "c")), lambda i: i % 3),
    "soft": (
        ClassLabel(names=("a", "b", "c"), soft=True),
        lambda i: (
            np.array([0.25, 0.25, 0.5], np.float32) if i % 2 else np.eye(3, dtype="f4")[i % 3]
        ),
    ),
    "several": (
        MultiLabel(names=("x", "y", "z")),
        lambda i: np.array([i % 2, 0, i % 3 > 1], np.float32),
    ),
    "value": (Value(), lambda i: np.array(i / 3, np.float32)),
    "values": (Value(size=2), lambda i: np.array([i, -i], np.float32)),
    "mask": (
        Mask(names=("sky", "sea"), ignore=255),
        lambda i: np.random.default_rng(i).choice(np.array([0, 1, 255], np.uint8), (5, 7)),
    ),
    "objects": (
        Boxes(names=("a", "b"), attributes=(("area", "float32"), ("word", "string"))),
        lambda i: boxes(i % 4),
    ),
    "things": (THINGS, lambda i: things(4 * (i % 4))),
    "keypoints": (Keypoints(names=("left", "right")), lambda i: points(i % 3)),
    "text": (Text(), lambda i: ["", "naïve", "猫 と 犬", "a\tb"][i % 4]),
}


def make_codec(name: str, image: str = "raw", channels: int = 3) -> Codec:
    targets = {key: target for key, (target, _) in TARGETS.items()}
    image_signature = ImageSignature(height=5, width=7, channels=channels)
    signature = Signature(image=image_signature, targets=targets)
    return CODECS[name](signature=signature, image=image)  # type: ignore[arg-type]


def make_samples(count: int, channels: int = 3) -> list[Sample]:
    rng = np.random.default_rng(count)
    return [
        Sample(
            key=f"dir/{i} ü.png//copy-{i}",
            image=rng.integers(0, 256, (5, 7, channels), dtype=np.uint8),
            targets={key: value(i) for key, (_, value) in TARGETS.items()},
        )
        for i in range(count)
    ]


def write(codec: Codec, folder: Path, samples: list[Sample]) -> list[tuple[int, int]]:
    payloads = [codec.encode(sample) for sample in samples]
    offsets = codec.write(folder, STEM, payloads, len(payloads))
    return list(zip(offsets, map(len, payloads), strict=True))


def assert_same(one: Sample, other: Sample) -> None:
    assert one.key == other.key
    assert np.array_equal(one.image, other.image)
    for name in TARGETS:
        first, second = one.targets[name], other.targets[name]
        if isinstance(first, (BoxSet, InstanceSet, PointSet)):
            assert first == second
        else:
            assert np.array_equal(first, second)


def test_every_kind_of_target_is_stored_here() -> None:
    assert {type(target) for target, _ in TARGETS.values()} == set(KINDS.values())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("name", "image"), [(name, "raw") for name in CODECS] + [("tfrecord", "png")]
)
def test_lossless_samples_come_back_equal(tmp_path, name, image, channels) -> None:
    codec, samples = make_codec(name, image, channels), make_samples(9, channels)
    places = write(codec, tmp_path, samples)
    shard = codec.open(tmp_path, STEM)
    for sample, (offset, length) in reversed(list(zip(samples, places, strict=True))):
        assert_same(codec.decode(shard.read(offset, length)), sample)


TRICKY = (
    *("offset", "image", "key", "label_weights", "label", "a.b", "a/b", "", ".a", "a ", "größe 猫"),
    *("None", "objects-bbox", "label.row_splits", "x", "y", "signature", "file_name", "A", "a"),
    *("__key__", "a\nb", "png", "%00", "con", "l" * 100, "{SPLIT}", "Price (EUR)", "\ud800", "#"),
)
NAMES = st.one_of(st.sampled_from(TRICKY), st.text(max_size=12))
CLASSES = st.lists(NAMES, min_size=2, max_size=4)


def drawn_kind(kind: str, classes: list[str]) -> tuple[Target, Any]:
    """A target of some classes, and a value of it."""
    names = tuple(classes)
    weights = np.eye(len(names), dtype=np.float32)[-1]
    box = BoxSet(corners=np.array([[0, 0, 0.5, 1]], np.float32), classes=np.array([len(names) - 1]))
    made: dict[str, tuple[Callable[[], Target], Any]] = {
        "class": (lambda: ClassLabel(names=names), len(names) - 1),
        "soft": (lambda: ClassLabel(names=names, soft=True), weights),
        "multi": (lambda: MultiLabel(names=names), weights),
        "value": (Value, np.array(4, np.float32)),
        "text": (Text, "words"),
        "mask": (lambda: Mask(names=names), np.ones((5, 7), np.uint8)),
        "boxes": (lambda: Boxes(names=names), box),
    }
    make, value = made[kind]
    return make(), value


DRAWN_KINDS = st.sampled_from(["class", "soft", "multi", "value", "text", "mask", "boxes"])
DRAWN = st.dictionaries(NAMES, st.tuples(DRAWN_KINDS, CLASSES), min_size=1, max_size=4)


@pytest.mark.parametrize("name", CODECS)
@given(drawn=DRAWN)
def test_targets_and_classes_of_any_name_come_back_or_are_refused(
    tmp_path_factory, name, drawn
) -> None:
    try:
        kinds = {key: drawn_kind(kind, classes) for key, (kind, classes) in drawn.items()}
    except DataError as error:
        assert "name" in str(error)
        return
    targets = {key: target for key, (target, _) in kinds.items()}
    if list(name_faults(targets)):
        return
    signature = Signature(image=ImageSignature(height=5, width=7, channels=3), targets=targets)
    assert signature_from_json(json.loads(json.dumps(signature_to_json(signature)))) == signature
    codec, folder = CODECS[name](signature=signature, image="raw"), tmp_path_factory.mktemp("names")
    [image] = (each.image for each in make_samples(1))
    values = {key: value for key, (_, value) in kinds.items()}
    sample = Sample(key="a.png", image=image, targets=values)
    [(offset, length)] = write(codec, folder, [sample])
    found = codec.decode(codec.open(folder, STEM).read(offset, length))
    assert found.key == sample.key and np.array_equal(found.image, image)
    for key, target in targets.items():
        one, other = target.raw(found.targets[key]), target.raw(values[key])
        assert np.array_equal(one, other) if target.of_pixels else one == other
    assert sorted(each.name for each in folder.iterdir()) == sorted(codec.files(STEM))


@pytest.mark.parametrize("name", CODECS)
def test_an_empty_shard_is_a_shard(tmp_path, name) -> None:
    codec = make_codec(name)
    assert write(codec, tmp_path, []) == []
    codec.open(tmp_path, STEM)


@pytest.mark.parametrize("name", CODECS)
def test_equal_samples_give_equal_files(tmp_path, name) -> None:
    codec = make_codec(name)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(codec, tmp_path / folder, make_samples(6))
    for file in codec.files(STEM):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_a_cut_shard_is_refused_wherever_it_is_cut(tmp_path_factory, name, data) -> None:
    folder = tmp_path_factory.mktemp("cut")
    codec, samples = make_codec(name), make_samples(4)
    places = write(codec, folder, samples)
    file = folder / codec.files(STEM)[0]
    whole = file.read_bytes()
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CacheError) as error:
        shard = codec.open(folder, STEM)
        for offset, length in places:
            shard.read(offset, length)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("name", CODECS)
def test_a_missing_shard_is_named(tmp_path, make_images, write_pipeline, name) -> None:
    make_images(count=3)
    path = write_pipeline(
        "name: toy\nsource: {use: folder, path: source}\n"
        f"finish: [{{use: resize, size: [8, 8]}}]\ncache: {{codec: {name}}}\n"
    )
    built = build_dataset(path, tmp_path / "out", workers=0)
    file = dsbuilder.load(built.path).codec.files(STEM)[0]
    lost: Any = built.path / file
    lost.unlink()
    with pytest.raises(CacheError) as error:
        dsbuilder.load(built.path)
    assert str(error.value) == (f"{lost}: no such file of the dataset. Build the dataset again.")
    with pytest.raises(CacheError, match=f"{file} is missing"):
        dsbuilder.Dataset(path=built.path, manifest=built.manifest).verify()
