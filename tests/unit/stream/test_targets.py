"""Every kind of target streams as the codec decodes it, natively and fresh, padded where it varies.

The law: unpadded and decoded by its kind, a row of a stream is the target of the sample it is of.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dsbuilder import Dataset
from dsbuilder.errors import DataError
from dsbuilder.images import bit_planes
from dsbuilder.sample import Sample
from dsbuilder.stream import tensorflow_instances
from dsbuilder.stream.columns import PADDING
from dsbuilder.stream.tensorflow import value_statistics
from dsbuilder.targets import InstanceSet

# Tests share datasets and open the streams that they compare.
pytestmark = pytest.mark.filterwarnings("ignore:.*found it opened again")

CODECS = ["tfrecord", "npy"]
# What both codecs stream is compared by one test; here one stands for the other.
ONE_OF_TWO = ["tfrecord", pytest.param("npy", marks=pytest.mark.slow)]
SOURCE = '''
"""Noise with a target of every kind."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import (
    Boxes,
    Catalog,
    ClassLabel,
    Instances,
    Keypoints,
    Listing,
    Mask,
    MultiLabel,
    Record,
    Source,
    Target,
    Text,
    Value,
    generator,
    source,
)

KINDS = {
    "label": ClassLabel(names=("a", "b")),
    "labels": MultiLabel(names=("x", "y", "z")),
    "value": Value(),
    "pose": Value(size=3),
    "text": Text(),
    "mask": Mask(names=("no", "yes"), ignore=255),
    "objects": Boxes(names=("a", "b"), attributes=(("number", "int64"), ("area", "float32"),
                                                   ("word", "string"))),
    "things": Instances(names=("a", "b"), attributes=(("number", "int64"),)),
    "keypoints": Keypoints(names=("left", "right"), swaps=(("left", "right"),)),
}


@source("every_kind")
@dataclass(frozen=True, kw_only=True)
class EveryKind(Source):
    """Noise."""

    kinds: tuple[str, ...] = tuple(KINDS)
    names: tuple[str, ...] = ()

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: EveryKind

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for i in range(20):
            raw = {
                "label": "ab"[i % 2],
                "labels": [["x", "z"], [], ["y"]][i % 3],
                "value": i / 7,
                "pose": [i, -i, 0.5],
                "text": ["", "ü ö", "猫"][i % 3],
                "mask": {"size": [12, 14], "segments": [{"label": "yes", "polygons": [
                    [0, 0, 2 + i % 9, 0, 2 + i % 9, 8, 0, 8]]}]},
                "objects": [
                    {"label": "ab"[n % 2], "box": [n / 10, 0.1, n / 10 + 0.3, 0.9 - i / 40],
                     "number": n - 2, "area": n / 3, "word": f"ä{n}"}
                    for n in range(i % 4)
                ],
                "things": {"size": [12, 14], "objects": [
                    {"label": "ab"[n % 2], "number": n, **(
                        {"counts": [n * 7, 4 + 3 * i, 12 * 14 - n * 7 - 4 - 3 * i]} if n % 2 else
                        {"polygons": [[n, 0, 14, 3, n, 12]]})}
                    for n in range(i % 4 * 3)
                ]},
                "keypoints": [[[0.1 * n, 0.2, 2], [0.5, 0.25, n % 3]] for n in range(i % 3)],
            }
            yield Record(key=f"{i}", targets={name: raw[kind] for name, kind in self._named()})

    def _targets(self) -> Mapping[str, Target]:
        return {name: KINDS[kind] for name, kind in self._named()}

    def _named(self) -> Iterator[tuple[str, str]]:
        return zip(self.source.names or self.source.kinds, self.source.kinds)

    def identity(self, record: Record) -> str:
        return record.key

    def read(self, record: Record) -> np.ndarray:
        return generator("pixels", record.key).integers(0, 256, (12, 14, 3), dtype=np.uint8)
'''
ALL = ("label", "labels", "value", "pose", "text", "mask", "objects", "things", "keypoints")
FLIP = "stream: {{stages: [{{use: A.HorizontalFlip, p: {p}}}]}}"


@pytest.fixture(scope="module")
def make(build, tmp_path_factory) -> Any:
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "every_kind.py").write_text(SOURCE, encoding="utf-8")

    def made(codec: str, *kinds: str, rest: str = "", names: Sequence[str] = ()) -> Dataset:
        return build(
            codec,
            source=f"kinds: [{', '.join(kinds)}], names: {json.dumps(list(names))}",
            use="every_kind",
            rest=rest,
            plugins=[folder],
        )

    return made


def rows(dataset: Dataset, **options: Any) -> Iterator[tuple[str, np.ndarray, Any]]:
    """Key, image and targets of every sample that a stream of batches of 6 yields, as numpy."""
    for images, targets, keys in dataset.stream("train", keys=True, batch_size=6, **options):
        for i, key in enumerate(keys.numpy()):
            yield (
                key.decode(),
                images[i].numpy(),
                tf.nest.map_structure(lambda column, i=i: column[i].numpy(), targets),
            )


def decoded(dataset: Dataset, name: str, streamed: Any) -> Any:
    """What a kind makes of a streamed value without its padding."""
    kind = dataset.signature.targets[name]
    if kind.kind == "mask":
        return streamed
    if not isinstance(streamed, dict):
        return kind.decode(name, {kind.streamed(name)[0]: streamed})
    if kind.kind == "instances":
        return things_of(kind, name, streamed)
    present = streamed["label" if kind.kind == "boxes" else "visibility"]
    count = int((present.reshape(len(present), -1) >= 0).all(axis=1).sum())
    for column in streamed.values():
        dtype = {"i": "int64", "f": "float32"}.get(column.dtype.kind, "string")
        assert all(np.all(each == PADDING[dtype]) for each in column[count:])
    return kind.decode(name, {f"{name}/{part}": v[:count] for part, v in streamed.items()})


def things_of(kind: Any, name: str, streamed: Any) -> InstanceSet:
    """The objects of a row, without their polygons, which are not streamed."""
    count, masks = int(streamed["count"]), streamed["masks"]
    assert masks.dtype == np.uint8 and len(masks) == len(streamed["label"])
    assert (streamed["label"][count:] == -1).all() and not masks[count:].any()
    parts = {f"{name}/{part}": streamed[part][:count] for part in ("bbox", "label", "number")}
    return InstanceSet(
        boxes=kind.boxes.decode(name, parts),
        planes=bit_planes.pack(masks[:count], masks.shape[1:]),
        outlines=((),) * count,
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, InstanceSet):
        return one.boxes == other.boxes and np.array_equal(one.planes, other.planes)
    return bool(np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other)


@pytest.mark.slow  # all of them together are streamed by the next test
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", ALL)
def test_a_single_target_streams_as_it_is_stored(make, codec, name) -> None:
    dataset = make(codec, name)
    known = {sample.key: sample for sample in dataset.samples("train")}
    seen = list(rows(dataset))
    assert sorted(key for key, *_ in seen) == sorted(known)
    for key, image, value in seen:
        assert np.array_equal(image, known[key].image)
        assert same(decoded(dataset, name, value), known[key].targets[name])


@pytest.mark.parametrize("codec", CODECS)
def test_several_targets_stream_as_a_dict_in_a_stated_form(make, codec) -> None:
    dataset = make(codec, *ALL)
    known = {sample.key: sample for sample in dataset.samples("train")}
    stream = dataset.stream("train", keys=True)
    assert_forms(stream.element_spec[1])
    for key, _, values in rows(dataset):
        assert set(values) == set(ALL)
        for name, value in values.items():
            assert same(decoded(dataset, name, value), known[key].targets[name])


def assert_forms(found: Any) -> None:
    expected = {
        "labels": (tf.float32, [3]),
        "value": (tf.float32, []),
        "pose": (tf.float32, [3]),
        "text": (tf.string, []),
        "mask": (tf.uint8, [12, 14]),
        "label": (tf.int64, []),
    }
    for name, (dtype, shape) in expected.items():
        assert (found[name].dtype, found[name].shape[1:].as_list()) == (dtype, shape)
    boxes, things, points = found["objects"], found["things"], found["keypoints"]
    assert set(things) == {"bbox", "label", "number", "count", "masks"}
    assert things["masks"].shape.as_list() == [None, None, 12, 14]
    assert (things["masks"].dtype, things["count"].dtype) == (tf.uint8, tf.int64)
    assert boxes["bbox"].shape.as_list() == [None, None, 4] and boxes["label"].dtype == tf.int64
    assert set(boxes) == {"bbox", "label", "number", "area", "word"}
    assert points["points"].shape.as_list() == [None, None, 2, 2]
    assert points["visibility"].dtype == tf.int64


ODD = ("offset", "a.b", "größe 猫", "label_weights", "None", "x", "Price (EUR)", "__key__", "z")


@pytest.mark.parametrize("codec", ONE_OF_TWO)
@pytest.mark.parametrize("rest", ["", FLIP.format(p=0.0)], ids=["native", "fed"])
def test_targets_of_any_legal_name_stream_under_it(make, codec, rest) -> None:
    dataset = make(codec, *ALL, rest=rest, names=ODD)
    known = {sample.key: sample for sample in dataset.samples("train")}
    seen = list(rows(dataset))
    assert {key for key, *_ in seen} == set(known)
    for key, image, values in seen:
        assert np.array_equal(image, known[key].image)
        assert set(values) == set(ODD)
        for name, value in values.items():
            assert same(decoded(dataset, name, value), known[key].targets[name])


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_native_and_fed_streams_have_one_form(make, codec) -> None:
    native, fed = (make(codec, *ALL, rest=r).stream("train") for r in ("", FLIP.format(p=1.0)))
    assert native.element_spec == fed.element_spec


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_fresh_flips_move_what_lies_in_the_image(make, codec) -> None:
    dataset = make(codec, *ALL, rest=FLIP.format(p=0.5))
    known = {sample.key: sample for sample in dataset.samples("train")}
    flips = 0
    for key, image, values in rows(dataset):
        stored = known[key]
        flipped = not np.array_equal(image, stored.image)
        flips += flipped
        assert np.array_equal(image, stored.image[:, ::-1] if flipped else stored.image)
        assert_moved(dataset, values, stored, flipped=flipped)
    assert 2 < flips < len(known) - 2


def assert_moved(dataset: Dataset, values: Any, stored: Sample, *, flipped: bool) -> None:
    found = {name: decoded(dataset, name, value) for name, value in values.items()}
    mask, boxes = stored.targets["mask"], stored.targets["objects"].corners
    points = stored.targets["keypoints"].points
    if flipped:
        mask = mask[:, ::-1]
        boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)
    assert np.array_equal(found["mask"], mask)
    things = [each[:, ::-1] if flipped else each for each in stored.targets["things"].masks()]
    assert len(found["things"]) == len(things)
    assert all(map(np.array_equal, found["things"].masks(), things))
    assert np.allclose(found["objects"].corners, boxes, atol=1e-6)
    assert len(found["keypoints"]) == len(points)
    for name in ("label", "labels", "value", "pose", "text"):
        assert same(found[name], stored.targets[name])


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_targets_that_are_asked_for_come_alone(make, codec) -> None:
    dataset = make(codec, *ALL)
    images, mask = next(iter(dataset.stream("train", targets=["mask"])))
    assert mask.shape == images.shape[:3]
    _, chosen = next(iter(dataset.stream("train", targets=["value", "label"])))
    assert set(chosen) == {"value", "label"}
    assert dataset.stream("train", targets=["labels"]).class_names == ("x", "y", "z")
    with pytest.raises(DataError, match=r"expected a target 'maks', found label.*mask"):
        dataset.stream("train", targets=["maks"])


@pytest.mark.parametrize("codec", ONE_OF_TWO)
@pytest.mark.parametrize("rest", ["", FLIP.format(p=0.0)], ids=["native", "fed"])
def test_instances_stream_as_one_map_on_request(make, codec, rest) -> None:
    dataset = make(codec, *ALL, rest=rest)
    known = {sample.key: sample.targets["things"] for sample in dataset.samples("train")}
    for key, _, values in rows(dataset, targets=["things", "label"], instances="ids"):
        things, ids = known[key], values["things"]["ids"]
        expected = np.zeros((12, 14), np.int32)
        masks = enumerate(things.masks(), start=1)
        for number, mask in sorted(masks, key=lambda each: -each[1].sum()):
            expected[mask] = number
        assert ids.dtype == np.int32 and np.array_equal(ids, expected)
        assert int(values["things"]["count"]) == len(things) and "masks" not in values["things"]
    with pytest.raises(ValueError, match="expected a form of instances 'masks' or 'ids', found"):
        dataset.stream("train", instances="both")


def columns_of(*rows: np.ndarray) -> dict[str, tf.Tensor]:
    """The columns that stand for samples with some masks `(n, H, W)` each."""
    found = [bit_planes.runs(bit_planes.pack(row, row.shape[1:]), len(row)) for row in rows]
    runs = np.full((len(rows), max(map(len, found))), -1)
    for padded, each in zip(runs, found, strict=True):
        padded[: len(each)] = each
    return {
        "masks": tf.constant(runs, tf.int64),
        "label": tf.zeros((len(rows), max(map(len, rows))), tf.int64),
    }


def test_runs_over_the_end_of_an_object_and_equal_areas_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    drawn = ((6, 0.8), (0, 0), (5, 1), (4, 0), (3, 0.5))
    rows = [rng.random((count, 2, 3)) < share for count, share in drawn]
    columns = columns_of(*rows)
    ids = tensorflow_instances.ids(columns, (2, 3))["ids"].numpy()
    masks = tensorflow_instances.masks(columns, (2, 3))["masks"].numpy()
    for row, found, dense in zip(rows, ids, masks, strict=True):
        expected = np.zeros((2, 3), np.int32)
        for number, mask in sorted(enumerate(row, start=1), key=lambda each: -each[1].sum()):
            expected[mask] = number
        assert np.array_equal(found, expected)
        assert np.array_equal(dense[: len(row)], row) and not dense[len(row) :].any()


def test_objects_may_have_more_pixels_in_all_than_int32_counts() -> None:
    count, size = 513, (2048, 2048)  # the masks would take 4 GB
    end = count * size[0] * size[1]
    columns = {
        "masks": tf.constant([[0, 3, end - 5, 2], [-1, -1, -1, -1]], tf.int64),
        "label": tf.zeros((2, count), tf.int64),
    }
    one, none = tensorflow_instances.ids(columns, size)["ids"].numpy()
    assert one[0, :4].tolist() == [1, 1, 1, 0] and one[-1, -3:].tolist() == [0, count, count]
    assert np.count_nonzero(one) == 5 and not none.any()


def test_both_codecs_stream_the_same(make) -> None:
    one, other = (
        next(iter(make(codec, *ALL).stream("train", batch_size=100, keys=True))) for codec in CODECS
    )
    orders = [np.argsort(batch[-1].numpy()) for batch in (one, other)]
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a.numpy()[orders[0]], b.numpy()[orders[1]])


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_statistics_of_numbers_are_those_of_the_train_split(make, codec) -> None:
    dataset = make(codec, *ALL)
    for name in ("value", "pose"):
        stored = [np.reshape(each.targets[name], -1) for each in dataset.samples("train")]
        mean, deviation = value_statistics(dataset, name)
        assert np.allclose(mean, np.mean(stored, axis=0, dtype=np.float64), rtol=1e-12)
        expected = np.std(stored, axis=0, dtype=np.float64)
        assert np.allclose(deviation, np.where(expected > 0, expected, 1.0), rtol=1e-12)
