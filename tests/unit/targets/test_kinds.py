"""Every kind of target: what it reads and refuses, and that JSON keeps it."""

import contextlib
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsbuilder.errors import DataError, PluginError
from dsbuilder.images import polygon, rle
from dsbuilder.sample import Motion, Tile
from dsbuilder.targets import (
    KINDS,
    Boxes,
    BoxSet,
    ClassLabel,
    Instances,
    Keypoints,
    Mask,
    MultiLabel,
    Text,
    Value,
    counted,
    counts_of,
    from_json,
    to_json,
)

NAMES = ("cat", "dog", "猫 owl")
SAMPLES = (
    ClassLabel(names=NAMES),
    ClassLabel(names=NAMES, soft=True),
    MultiLabel(names=NAMES),
    Value(),
    Value(size=3),
    Text(),
    Mask(names=NAMES),
    Mask(names=NAMES, ignore=255),
    Boxes(names=NAMES),
    Boxes(names=NAMES, attributes=(("area", "float32"), ("word", "string"), ("crowd", "int64"))),
    Instances(names=NAMES),
    Instances(
        names=NAMES, attributes=(("area", "float32"), ("word", "string"), ("crowd", "int64"))
    ),
    Keypoints(names=("l", "nose", "r"), swaps=(("l", "r"),), edges=(("l", "nose"),)),
)


@pytest.mark.parametrize("target", SAMPLES, ids=str)
def test_json_keeps_a_target(target) -> None:
    assert from_json(json.loads(json.dumps(to_json(target)))) == target


def test_every_kind_is_tested_here() -> None:
    assert {type(target) for target in SAMPLES} == set(KINDS.values())


@pytest.mark.parametrize(
    ("target", "raw", "value"),
    [
        (MultiLabel(names=NAMES), [], [0, 0, 0]),
        (MultiLabel(names=NAMES), ["猫 owl", "cat", "cat"], [1, 0, 1]),
        (Value(), 3, 3.0),
        (Value(size=2), [1, -2.5], [1.0, -2.5]),
    ],
    ids=str,
)
def test_numbers_are_read(target, raw, value) -> None:
    parsed = target.parse(raw)
    assert parsed.dtype == np.float32
    assert parsed.tolist() == value


@pytest.mark.parametrize(
    ("target", "raw", "message"),
    [
        (MultiLabel(names=NAMES), "cat", "expected a list of class names"),
        (MultiLabel(names=NAMES), ["ct"], "found 'ct'. Did you mean 'cat'?"),
        (Value(), "3", "expected a number, found str"),
        (Value(), True, "expected a number, found bool"),
        (Value(), float("nan"), "expected a finite number"),
        (Value(), 1e300, "within float32"),
        (Value(), [1.0], "expected a number, found list"),
        (Value(size=2), [1.0], "expected a list of 2 numbers"),
        (Value(size=2), 1.0, "expected a list of 2 numbers"),
        (Boxes(names=NAMES), {}, "expected a list of boxes"),
        (Boxes(names=NAMES), [[0, 0, 1, 1]], "expected a box"),
        (Boxes(names=NAMES), [{"label": "cat", "box": [0, 0, 1]}], "expected a box"),
        (Boxes(names=NAMES), [{"label": "cat", "box": [0.5, 0, 0.4, 1]}], "each in [0, 1]"),
        (Boxes(names=NAMES), [{"label": "cat", "box": [0, 0, 1.01, 1]}], "each in [0, 1]"),
        (Boxes(names=NAMES), [{"label": "cow", "box": [0, 0, 1, 1]}], "one of the 3 classes"),
        (
            Boxes(names=NAMES, attributes=(("area", "int64"),)),
            [{"label": "cat", "box": [0, 0, 1, 1], "area": 0.5}],
            "attribute 'area': expected int64, found 0.5",
        ),
        (Instances(names=NAMES), [], "expected the objects of an image and its size"),
        (Instances(names=NAMES), {"objects": []}, "expected the size"),
        (
            Instances(names=NAMES),
            {"size": [4, 4], "objects": [{"label": "cat"}]},
            "expected a segment's polygons or its counts",
        ),
        (
            Instances(names=NAMES),
            {"size": [4, 4], "objects": [{"label": "cow", "counts": [0, 16]}]},
            "one of the 3 classes",
        ),
        (
            Instances(names=NAMES),
            {"size": [4, 4], "objects": [{"label": "cat", "counts": [16]}]},
            "expected a box of an object without a pixel",
        ),
        (
            Instances(names=NAMES),
            {"size": [4, 4], "objects": [{"label": "cat", "box": [0, 0, 2, 1], "counts": [16]}]},
            "each in [0, 1]",
        ),
        (Keypoints(names=("a",)), [[[0.5, 0.5, 3]]], "expected a visibility of 0, 1 or 2"),
        (Keypoints(names=("a",)), [[[1.5, 0.5, 1]]], "each in [0, 1]"),
        (Keypoints(names=("a", "b")), [[[0.5, 0.5, 1]]], "expected 2 keypoints"),
        (Mask(names=NAMES), "mask.png", "expected a mask's path or its segments"),
        (Mask(names=NAMES), {"segments": []}, "expected the size"),
        (
            Mask(names=NAMES),
            {"size": [10**5, 10**4], "segments": [{"label": "cat", "counts": [10**9]}]},
            "at most 178956970 pixels, found a size of 10000 x 100000",
        ),
        (
            Mask(names=NAMES),
            {"size": [4, 4], "segments": [{"label": "cow", "polygons": []}]},
            "one of the 3 classes",
        ),
        (
            Mask(names=NAMES),
            {"size": [4, 4], "segments": [{"label": "cat", "polygons": [[0, 0, 1, 1]]}]},
            "of 3 points or more, found 4 numbers",
        ),
        (
            Instances(names=NAMES),
            {"size": [4, 4], "objects": [{"label": "cat", "polygons": [[0, 0, 1e39, 0, 1, 1]]}]},
            "expected a polygon of coordinates below 1e+09 pixels, found 1e+39. Correct or remove",
        ),
        (
            Mask(names=NAMES),
            {"size": [4, 4], "segments": [{"label": "cat", "counts": [3, 4]}]},
            "expected runs over 4 x 4",
        ),
    ],
    ids=str,
)
def test_another_form_is_refused_with_what_was_expected(target, raw, message) -> None:
    with pytest.raises(DataError) as error:
        target.parse(raw)
    assert message in str(error.value)


CORNERS = st.tuples(*[st.floats(0, 1, width=32)] * 4).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
WEIGHTS = st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3)


def values(target) -> st.SearchStrategy:
    """Values of a target, as a dataset holds them."""
    ids = st.integers(0, len(NAMES) - 1)
    boxes = st.fixed_dictionaries(
        {"label": st.sampled_from(NAMES), "box": CORNERS},
        optional={},
    ).flatmap(
        lambda box: st.fixed_dictionaries(
            {"area": FLOATS, "word": st.text(max_size=4), "crowd": st.integers(-(2**63), 2**63 - 1)}
        ).map(lambda more: {**box, **more})
    )
    polygons = st.lists(st.lists(st.floats(-2, 8, width=32), min_size=6, max_size=6), min_size=1)
    runs = st.lists(st.booleans(), min_size=30, max_size=30).map(
        lambda row: rle.encode(np.array(row).reshape(5, 6))
    )
    segments = st.one_of(
        st.fixed_dictionaries({"polygons": polygons}), st.fixed_dictionaries({"counts": runs})
    )
    things = st.tuples(boxes, segments).map(lambda parts: {**parts[0], **parts[1]})
    points = st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32), st.integers(0, 2))
    rows = st.lists(st.lists(points.map(list), min_size=3, max_size=3), max_size=3)
    masks = st.lists(st.sampled_from((0, 1, 2, 255)[: 4 if getattr(target, "ignore", None) else 3]))
    return {
        "class": WEIGHTS.map(_normalized) if _is_soft(target) else ids,
        "multi_label": WEIGHTS.map(lambda w: np.array(w, np.float32)),
        "value": st.lists(FLOATS, min_size=3, max_size=3).map(
            lambda row: np.array(row if getattr(target, "size", 0) else row[0], np.float32)
        ),
        "text": st.text(max_size=9),
        "mask": masks.filter(bool).map(lambda row: np.array([row, row], np.uint8)),
        "boxes": st.lists(boxes, max_size=3).map(target.parse),
        "instances": st.lists(things, max_size=10).map(
            lambda found: target.parse({"objects": found, "size": [5, 6]})
        ),
        "keypoints": rows.map(target.parse),
    }[target.kind]


def _normalized(weights: list[float]) -> np.ndarray:
    total = np.array([*weights[:2], weights[2] + 0.1], np.float64)
    return (total / total.sum()).astype(np.float32)


def _is_soft(target) -> bool:
    return getattr(target, "soft", False)


@pytest.mark.parametrize("target", SAMPLES, ids=str)
@given(data=st.data())
def test_the_raw_label_of_a_value_is_parsed_to_it_again(target, data) -> None:
    value = data.draw(values(target))
    raw = json.loads(json.dumps(target.raw(value)))
    target.check(raw)
    found = target.parse(raw)
    assert np.array_equal(found, value) if isinstance(value, np.ndarray) else found == value
    assert sorted(set(target.stated(raw))) == sorted(set(target.classes(value)))


LEAVES = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        2,
        -1,
        0.5,
        1e300,
        float("nan"),
        float("inf"),
        10**400,
        2**63,
        "",
        "cat",
        "x",
    ]
) | st.sampled_from([[], {}, [0], {"label": "cat"}, [[]], {"box": [0, 0, 1, 1]}, ["cat"]])


def replaced(data: st.DataObject, raw):
    """A raw label, something in it replaced by another value."""
    if data.draw(st.integers(0, 3)) and isinstance(raw, (list, dict)) and raw:
        place = data.draw(st.sampled_from(list(raw) if isinstance(raw, dict) else range(len(raw))))
        copy = dict(raw) if isinstance(raw, dict) else list(raw)
        copy[place] = replaced(data, raw[place])
        return copy
    return data.draw(LEAVES)


@pytest.mark.parametrize("target", SAMPLES, ids=str)
@given(data=st.data())
def test_any_json_is_parsed_or_refused(target, data) -> None:
    raw = replaced(data, target.raw(data.draw(values(target))))
    with contextlib.suppress(DataError):
        target.check(raw)
        value = target.parse(raw)
        target.stated(raw)
        assert target.problem("x", target.encode("x", value)) is None


@pytest.mark.parametrize("target", SAMPLES[1:3], ids=str)
@pytest.mark.parametrize("raw", [{"cat": 1.5}, {"cat": True}, {"cow": 0.5}, {"cat": "1"}])
def test_weights_that_are_none_are_refused(target, raw) -> None:
    with pytest.raises(DataError, match=r"expected a weight in \[0, 1\]|one of the 3 classes"):
        target.parse(raw)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiLabel(names=("a", " b")),
        lambda: Mask(names=()),
        lambda: Mask(names=("a",), ignore=256),
        lambda: Boxes(names=("a",), attributes=(("label", "int64"),)),
        lambda: Boxes(names=("a",), attributes=(("x", "uint8"),)),  # type: ignore[arg-type]
        lambda: Instances(names=("a",), attributes=(("count", "int64"),)),
        lambda: Instances(names=("a",), attributes=(("bbox", "int64"),)),
        lambda: Keypoints(names=("a",), swaps=(("a", "b"),)),
        lambda: Keypoints(names=("a", "b"), swaps=(("a", "b"), ("b", "a"))),
        lambda: Value(size=-1),
    ],
)
def test_a_target_that_cannot_be_is_refused(make) -> None:
    with pytest.raises(DataError):
        make()


def test_an_absent_keypoint_has_no_place() -> None:
    found = Keypoints(names=("a", "b")).parse([[[7.5, -3, 0], [0.25, 1, 2]]])
    assert found.points.tolist() == [[[0, 0], [0.25, 1]]]
    assert found.visibility.tolist() == [[0, 2]]


def test_boxes_keep_their_attributes_through_storage() -> None:
    target = Boxes(names=NAMES, attributes=(("area", "float32"), ("word", "string")))
    value = target.parse(
        [
            {"label": "dog", "box": [0, 0.25, 0.5, 1], "area": 2, "word": "très"},
            {"label": "cat", "box": [0.5, 0, 1, 0.5], "area": 0.5, "word": ""},
        ]
    )
    assert target.encode("objects", value)["objects/bbox"][0].tolist() == [0.25, 0, 1, 0.5]
    assert target.decode("objects", target.encode("objects", value)) == value
    assert target.show(value) == "1 cat, 1 dog"
    assert target.classes(value) == ["dog", "cat"]


@pytest.mark.parametrize(
    "target",
    [Text(), Mask(names=NAMES), Boxes(names=NAMES), Instances(names=NAMES), Keypoints(names=NAMES)],
    ids=str,
)
def test_what_cannot_be_mixed_says_so(target) -> None:
    with pytest.raises(PluginError, match=f"kind '{target.kind}' cannot be mixed"):
        target.mixed()


@given(share=st.floats(0, 1))
def test_several_classes_and_values_mix_by_weight(share: float) -> None:
    several, value = MultiLabel(names=NAMES), Value(size=2)
    weights = (share, 1 - share)
    mixed = several.mix([several.parse(["cat", "dog"]), several.parse(["dog"])], weights)
    assert mixed == pytest.approx([share, 1, 0], abs=1e-6)
    assert several.mixed().problem("x", several.encode("x", mixed)) is None
    values = value.mix([value.parse([0, 4]), value.parse([1, 4])], weights)
    assert values == pytest.approx([1 - share, 4], abs=1e-6)


def test_stored_values_that_are_wrong_are_found() -> None:
    boxes = Boxes(names=("a",))
    outside = BoxSet(corners=np.array([[0, 0, 1.5, 1]], np.float32), classes=np.zeros(1, np.int64))
    assert "expected corners in [0, 1]" in str(boxes.problem("o", boxes.encode("o", outside)))
    unknown = BoxSet(corners=np.array([[0, 0, 1, 1]], np.float32), classes=np.ones(1, np.int64))
    with pytest.raises(ValueError, match=r"expected a class in \[0, 1\), found 1"):
        boxes.decode("o", boxes.encode("o", unknown))
    mask = Mask(names=("a", "b"), ignore=255)
    ids = np.array([[0, 1], [255, 7]], np.uint8)
    with pytest.raises(ValueError, match=r"expected ids in \[0, 2\), found 7"):
        mask.decode("m", mask.encode("m", ids))
    points = Keypoints(names=("nose",))
    one = {"p/points": np.zeros((1, 1, 2)), "p/visibility": np.zeros((2, 1))}
    with pytest.raises(ValueError, match="as many points as visibilities, found 1 and 2 objects"):
        points.decode("p", one)
    with pytest.raises(ValueError, match=r"expected a class in \[0, 2\), found -1"):
        ClassLabel(names=("a", "b")).decode("l", {"l": np.array(-1)})
    several = MultiLabel(names=("a", "b"))
    assert "weights in [0, 1]" in str(
        several.problem("s", several.encode("s", np.array([2, 0], np.float32)))
    )


class TestInstances:
    TARGET = Instances(names=NAMES, attributes=(("crowd", "int64"),))

    def value(self):
        """Three objects in 6 x 8 pixels: a polygon, what it covers in part, and a corner."""
        corner = np.zeros((6, 8), bool)
        corner[5, 7] = True
        objects = [
            {"label": "dog", "box": [0, 0, 0.9, 1], "polygons": [[1, 1, 5.1, 1, 1, 5.3]]},
            {"label": "cat", "counts": [12, 12, 24]},
            {"label": "cat", "counts": rle.encode(corner)},
        ]
        numbered = [{**each, "crowd": place} for place, each in enumerate(objects)]
        return self.TARGET.parse({"objects": numbered, "size": [6, 8]})

    def test_a_mask_is_what_its_polygon_or_its_run_lengths_cover(self) -> None:
        value = self.value()
        expected = polygon.fill([np.float32([1, 1, 5.1, 1, 1, 5.3])], (6, 8)).astype(bool)
        assert np.array_equal(value.mask(0), expected) and value.mask(0).sum() == 10
        assert value.mask(1).T.reshape(-1).nonzero()[0].tolist() == [*range(12, 24)]
        assert self.TARGET.show(value) == "2 cat, 1 dog"
        assert self.TARGET.held(value) == 3 and value.shape == (6, 8)

    def test_a_box_that_is_not_stated_is_the_one_around_the_pixels(self) -> None:
        corners = self.value().boxes.corners
        assert corners[0].tolist() == pytest.approx([0, 0, 0.9, 1])
        assert corners[1].tolist() == [2 / 8, 0, 4 / 8, 1]

    def test_storage_keeps_masks_boxes_attributes_and_polygons(self) -> None:
        value = self.value()
        stored = self.TARGET.encode("objects", value)
        assert stored["objects/masks"].sum() == 3 * 6 * 8
        assert self.TARGET.decode("objects", stored) == value
        raw = self.TARGET.raw(value)["objects"]
        assert raw[0]["polygons"] == [[1, 1, 5.1, 1, 1, 5.3]] and "counts" not in raw[0]
        assert raw[1]["counts"] == rle.encode(value.mask(1)) and "polygons" not in raw[1]

    @pytest.mark.parametrize(
        ("name", "wrong", "message"),
        [
            ("count", np.int64(2), "expected 2 boxes, found 3"),
            ("masks", np.array([1, 2]), "expected runs over 3 masks of 8 x 6 pixels"),
            ("masks", np.array([150, -6]), "expected runs over 3 masks"),
            ("size", np.array([0, 8]), "expected masks of 1 pixel or more"),
            ("polygons", np.array([[3, 3]]), "of 3 objects"),
            ("polygons", np.array([[0, 2]]), "expected polygons of 3 points or more"),
        ],
    )
    def test_what_is_stored_wrong_is_found(self, name, wrong, message) -> None:
        stored = {**self.TARGET.encode("o", self.value()), f"o/{name}": wrong}
        with pytest.raises(ValueError, match=message):
            self.TARGET.problem("o", stored)

    def test_what_leaves_the_image_is_dropped_with_its_class_box_and_attributes(self) -> None:
        left = Motion.of_box((6, 8), (0, 0, 6, 4), (0, 0, 6, 4), (6, 4))
        found = self.TARGET.move(self.value(), left)
        assert found.shape == (6, 4) and self.TARGET.classes(found) == ["dog", "cat"]
        assert found.boxes.attributes["crowd"].tolist() == [0, 1]
        assert np.array_equal(found.mask(0), self.value().mask(0)[:, :4])
        assert found.boxes.corners[0].tolist() == pytest.approx([1 / 4, 1 / 6, 1, 5 / 6])
        assert found.outlines == ((), ())

    def test_what_nothing_moved_keeps_its_polygons(self) -> None:
        still = Motion.of_box((6, 8), (0, 0, 6, 8), (0, 0, 6, 8), (6, 8))
        assert self.TARGET.move(self.value(), still) == self.value()

    def test_an_object_without_a_pixel_does_not_stay_where_it_was_said_to_be(self) -> None:
        thin = {"label": "cat", "box": [0, 0, 0.1, 0.1], "polygons": [[0, 0, 0.2, 0, 0, 0.2]]}
        target = Instances(names=NAMES)
        value = target.parse({"objects": [thin], "size": [6, 8]})
        assert len(value) == 1 and not value.mask(0).any()
        still, mirrored = (
            Motion.of_box((6, 8), (0, 0, 6, 8), (0, 0, 6, 8), (6, 8), mirrored=each)
            for each in (False, True)
        )
        assert target.move(value, still) == value and len(target.move(value, mirrored)) == 0

    def test_a_mask_that_is_its_own_mirror_image_takes_its_box_and_polygons_along(self) -> None:
        middle = {"label": "cat", "box": [0, 0, 0.75, 1], "polygons": [[1, 0, 3, 0, 3, 1, 1, 1]]}
        target = Instances(names=NAMES)
        value = target.parse({"objects": [middle], "size": [1, 4]})
        mirror = Motion.of_box((1, 4), (0, 0, 1, 4), (0, 0, 1, 4), (1, 4), mirrored=True)
        found = target.move(value, mirror)
        assert np.array_equal(found.planes, value.planes) and found.outlines == ((),)
        assert found.boxes.corners.tolist() == [[0.25, 0, 0.75, 1]]

    def test_objects_of_tiles_lie_side_by_side(self) -> None:
        value = self.value()
        tiles = [Tile(before=(6, 8), box=(0, 0, 6, 8), place=(0, left, 6, 8)) for left in (0, 8)]
        found = self.TARGET.tile([value, value], tiles, (6, 16))
        assert len(found) == 6 and found.shape == (6, 16)
        for place in range(3):
            assert np.array_equal(found.mask(place)[:, :8], value.mask(place))
            assert np.array_equal(found.mask(place + 3)[:, 8:], value.mask(place))
            assert not found.mask(place)[:, 8:].any()


class TestMasks:
    def write(self, tmp_path, image: Image.Image, **options) -> dict[str, str]:
        path = tmp_path / "mask.png"
        image.save(path, **options)
        return {"path": str(path)}

    def test_a_palette_is_read_by_its_indices(self, tmp_path) -> None:
        ids = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)
        image = Image.fromarray(ids).convert("L")
        image.putpalette([value for i in range(256) for value in (255 - i, i, 7)])
        raw = self.write(tmp_path, image)
        target = Mask(names=NAMES, ignore=255)
        assert np.array_equal(target.parse(raw), ids)
        assert target.classes(ids) == list(NAMES)
        assert target.show(ids) == "cat 33%, 猫 owl 33%, dog 17%, ignored 17%"

    @pytest.mark.parametrize("bits", [1, 2, 4])
    def test_a_palette_of_few_bits_is_read_by_its_indices(self, tmp_path, bits) -> None:
        ids = np.array([[0, 1], [1, 0]], np.uint8)
        image = Image.fromarray(ids).convert("L")
        image.putpalette([255, 0, 0, 0, 255, 0])
        assert np.array_equal(Mask(names=NAMES).parse(self.write(tmp_path, image, bits=bits)), ids)

    def test_one_bit_is_a_mask_of_two_classes(self, tmp_path) -> None:
        ids = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
        raw = self.write(tmp_path, Image.fromarray(ids * 255).convert("1"))
        assert np.array_equal(Mask(names=("off", "on")).parse(raw), ids)

    def test_values_stand_for_classes(self, tmp_path) -> None:
        raw = self.write(tmp_path, Image.fromarray(np.array([[0, 128, 255]], np.uint8)))
        values = {"0": 0, "128": 2, "255": 1}
        assert Mask(names=NAMES).parse({**raw, "values": values}).tolist() == [[0, 2, 1]]
        with pytest.raises(DataError, match=r"mask mask.png: .* found 255\. Add"):
            Mask(names=NAMES).parse({**raw, "values": {"0": 0, "128": 2}})

    def test_colors_stand_for_classes_whether_by_palette_or_pixel(self, tmp_path) -> None:
        colors = np.array([[[255, 0, 128], [0, 0, 0]], [[0, 0, 0], [1, 2, 3]]], np.uint8)
        values = {"#ff0080": 2, "#000000": 0, "#010203": 1}
        for image in (Image.fromarray(colors), Image.fromarray(colors).quantize(3)):
            raw = {**self.write(tmp_path, image), "values": values}
            assert Mask(names=NAMES).parse(raw).tolist() == [[2, 0], [0, 1]]
        with pytest.raises(DataError, match="found #010203"):
            Mask(names=NAMES).parse({**raw, "values": {"#ff0080": 2, "#000000": 0}})

    def test_colors_without_a_map_are_refused(self, tmp_path) -> None:
        raw = self.write(tmp_path, Image.new("RGB", (2, 2), (1, 2, 3)))
        with pytest.raises(DataError, match="found one of colors"):
            Mask(names=NAMES).parse(raw)

    def test_a_file_within_another_is_read_by_its_place(self, tmp_path) -> None:
        raw = self.write(tmp_path, Image.fromarray(np.array([[0, 1]], np.uint8)))
        data = (tmp_path / "mask.png").read_bytes()
        (tmp_path / "all").write_bytes(b"before" + data + b"after")
        place = {"path": str(tmp_path / "all"), "offset": 6, "length": len(data)}
        target = Mask(names=NAMES)
        assert target.parse(place).tolist() == target.parse(raw).tolist() == [[0, 1]]
        assert target.identity(place) == target.identity(raw)

    def test_a_jpeg_is_refused(self, tmp_path) -> None:
        path = tmp_path / "mask.jpg"
        Image.new("L", (8, 8)).save(path)
        with pytest.raises(DataError, match="lossless format, found a JPEG"):
            Mask(names=NAMES).parse({"path": str(path)})

    def test_a_missing_file_is_named_and_only_when_it_is_read(self, tmp_path) -> None:
        raw = {"path": str(tmp_path / "none.png")}
        Mask(names=NAMES).check(raw)
        with pytest.raises(DataError, match=r"mask none\.png: the file cannot be read"):
            Mask(names=NAMES).parse(raw)

    def test_an_unknown_id_is_refused(self, tmp_path) -> None:
        raw = self.write(tmp_path, Image.fromarray(np.array([[0, 3]], np.uint8)))
        with pytest.raises(DataError, match=r"^mask .*\.png: expected ids in \[0, 3\), found 3"):
            Mask(names=NAMES).parse(raw)

    def test_later_segments_cover_earlier_ones(self) -> None:
        raw = {
            "size": [3, 4],
            "segments": [
                {"label": "dog", "polygons": [[0, 0, 3, 0, 3, 3, 0, 3]]},
                {"label": "猫 owl", "counts": [6, 6]},
            ],
        }
        assert Mask(names=NAMES).parse(raw).tolist() == [[1, 1, 2, 2]] * 3

    def test_where_a_mask_lies_is_no_part_of_its_identity(self) -> None:
        target = Mask(names=NAMES)
        one = target.identity({"path": "/a/b.png", "values": {"1": 0}})
        assert one == target.identity({"path": "/c.png", "values": {"1": 0}})
        assert one != target.identity({"path": "/c.png", "values": {"1": 1}})


def test_classes_of_each_target_are_counted_by_its_own_names():
    kinds = {
        "label": ClassLabel(names=("a", "b")),
        "tags": MultiLabel(names=("a", "c")),
        "age": Value(),
    }
    counts = Counter()
    for label, tags in ((0, [1, 1]), (1, [1, 0]), (1, [0, 0])):
        values = {"label": label, "tags": np.array(tags, np.float32), "age": 3.0}
        counts.update(counted(kinds, values))
    assert counts_of("label", kinds, counts) == {"a": 1, "b": 2}
    assert counts_of("tags", kinds, counts) == {"a": 2, "c": 1}
    assert counts_of("age", kinds, counts) == {}
