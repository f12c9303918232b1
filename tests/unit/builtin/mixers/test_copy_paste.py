"""copy_paste: objects along their masks or boxes, above those of the sample."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.builtin.mixers.copy_paste import CopyPaste
from dsbuilder.dataset import find_problems
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    ImageSignature,
    Instances,
    Keypoints,
    Mask,
    Motion,
    PluginError,
    Range,
    Sample,
    Signature,
    Text,
    generator,
)
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan

SIZE = (40, 60)
KINDS = {
    "label": ClassLabel(names=("a", "b")),
    "mask": Mask(names=("ground", "thing")),
    "things": Instances(names=("x", "y"), attributes=(("n", "int64"), ("iscrowd", "int64"))),
}
SAME = {"place": [0, 0, *SIZE], "flip": False, "weight": 0.5}


def square(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def sample(number, *squares, size=SIZE, crowd=()):
    """An image of one color, the objects in which have colors of their own by their numbers."""
    objects = [
        {
            "label": "xy"[n % 2],
            "n": 10 * number + n,
            "iscrowd": int(n in crowd),
            "polygons": [square(*each)],
        }
        for n, each in enumerate(squares)
    ]
    value = KINDS["things"].parse({"objects": objects, "size": list(size)})
    image = np.full((*size, 3), 100 + number, np.uint8)
    for n, mask in enumerate(value.masks()):
        image[mask] = 10 * number + n
    image.flags.writeable = False
    return Sample(
        key=f"{number}",
        image=image,
        targets={
            "label": number,
            "mask": value.planes.any(axis=0).astype(np.uint8),
            "things": value,
        },
        positional={name: KINDS[name] for name in ("mask", "things")},
    )


ONE = sample(0, (5, 5, 25, 25), (30, 5, 50, 35), (52, 2, 58, 8))
OTHER = sample(1, (10, 10, 30, 30), (35, 0, 45, 12), (0, 36, 60, 40))


def test_what_is_pasted_covers_what_lies_below_and_boxes_are_around_what_is_left():
    params = {**SAME, "objects": [0]}
    found = CopyPaste().mix(ONE, [OTHER], params, KINDS)
    pasted, things = OTHER.targets["things"].mask(0), found.targets["things"]
    # Ghiasi et al. 2021: the other image where the mask of what is pasted is 1, else this one.
    expected = np.where(pasted[..., None], OTHER.image, ONE.image)
    assert np.array_equal(found.image, expected)
    assert things.boxes.attributes["n"].tolist() == [0, 1, 2, 10]
    assert KINDS["things"].classes(things) == ["x", "y", "x", "x"]
    for place in range(3):
        before = ONE.targets["things"].mask(place)
        assert np.array_equal(things.mask(place), before & ~pasted)
    assert np.array_equal(things.mask(3), pasted)
    corners = (things.boxes.corners * (60, 40, 60, 40)).round(3).tolist()
    assert corners == [[5, 5, 25, 25], [30, 5, 50, 35], [52, 2, 58, 8], [10, 10, 30, 30]]
    assert [len(each) for each in things.outlines] == [0, 1, 1, 1], "what is not covered is kept"
    assert np.array_equal(found.targets["mask"] == 1, things.planes.any(axis=0))
    assert found.targets["label"].tolist() == [0.5, 0.5]
    assert found.size_problem() is None


def test_a_box_shrinks_to_what_is_left_of_its_object():
    cover = sample(1, (0, 0, 15, 40))
    found = CopyPaste().mix(ONE, [cover], {**SAME, "objects": [0]}, KINDS)
    corners = found.targets["things"].boxes.corners[0] * (60, 40, 60, 40)
    assert corners.round(3).tolist() == [15, 5, 25, 25]


@pytest.mark.parametrize(("least", "kept"), [(0.5, True), (0.51, False)])
def test_an_object_that_is_covered_beyond_a_share_is_dropped(least, kept):
    half = sample(1, (0, 0, 15, 40))  # covers half of the first object below
    found = CopyPaste(min_visible=least).mix(ONE, [half], {**SAME, "objects": [0]}, KINDS)
    assert (0 in found.targets["things"].boxes.attributes["n"]) == kept
    whole = sample(1, (0, 0, 28, 40))
    gone = CopyPaste(min_visible=0).mix(ONE, [whole], {**SAME, "objects": [0]}, KINDS)
    assert gone.targets["things"].boxes.attributes["n"].tolist() == [1, 2, 10]


@pytest.mark.parametrize(("left", "kept"), [(-20, True), (-21, False)])
def test_an_object_that_is_pasted_over_the_edge_is_cut_or_left_out(left, kept):
    params = {**SAME, "place": [0, left, *SIZE], "objects": [0]}  # columns from 10 to 30
    found = CopyPaste(min_visible=0.5).mix(ONE, [OTHER], params, KINDS)
    assert (10 in found.targets["things"].boxes.attributes["n"]) == kept
    if kept:
        assert np.flatnonzero(found.targets["things"].mask(3).any(axis=0)).tolist() == [*range(10)]
    else:
        assert np.array_equal(found.image, ONE.image)


@given(seed=st.integers(0, 10**6), scale=st.sampled_from((0.5, 1.0, 2.0)), wide=st.booleans())
def test_every_object_lies_where_its_color_is(seed, scale, wide):
    other = sample(1, (10, 10, 30, 30), (35, 0, 45, 12), size=(30, 90) if wide else SIZE)
    plugin = CopyPaste(scale=Range(scale, scale), min_visible=0.0)
    params = plugin.draw(ONE, [other], generator("paste", seed))
    found = plugin.mix(ONE, [other], params, KINDS)
    things = found.targets["things"]
    pasted = np.zeros(SIZE, bool)
    for number, mask in zip(things.boxes.attributes["n"], things.masks(), strict=True):
        shown = found.image[..., 0] == number
        if number < 10:
            assert np.array_equal(shown, mask)
        else:
            pasted |= mask
            assert shown[inner(mask)].all()  # between two colors there are others
    assert params["weight"] == pytest.approx(1 - pasted.mean())
    assert found.targets["label"].tolist() == pytest.approx([1 - pasted.mean(), pasted.mean()])
    assert np.array_equal(found.image[~pasted], ONE.image[~pasted])
    assert json.loads(json.dumps(params)) == params


def inner(mask):
    """Pixels of a mask of which all within two are in it."""
    padded = np.pad(mask, 2, mode="constant")
    rows, columns = mask.shape
    shifts = [padded[y : y + rows, x : x + columns] for y in range(5) for x in range(5)]
    return np.logical_and.reduce(shifts)


def test_a_mirrored_object_is_pasted_with_its_mask():
    params = {**SAME, "flip": True, "objects": [1]}
    found = CopyPaste().mix(ONE, [OTHER], params, KINDS)
    pasted = OTHER.targets["things"].mask(1)[:, ::-1]
    assert np.array_equal(found.targets["things"].mask(len(found.targets["things"]) - 1), pasted)
    assert (found.image[pasted] == 11).all()


def test_a_mirrored_object_in_the_middle_has_the_box_around_its_pixels():
    middle = sample(1, (20, 10, 40, 30))
    value = middle.targets["things"]
    wide = replace(value.boxes, corners=np.array([[0, 0, 0.9, 1]], np.float32))
    middle = middle.replace(targets={**middle.targets, "things": replace(value, boxes=wide)})
    for flip, box in ((False, [0, 0, 54, 40]), (True, [20, 10, 40, 30])):
        found = CopyPaste().mix(ONE, [middle], {**SAME, "flip": flip, "objects": [0]}, KINDS)
        things = found.targets["things"]
        assert np.array_equal(things.mask(len(things) - 1), value.mask(0))
        assert (things.boxes.corners[-1] * (60, 40, 60, 40)).round(3).tolist() == box
        assert len(things.outlines[-1]) == (0 if flip else 1)


def test_objects_are_moved_once_where_a_sample_is_mixed(monkeypatch):
    moves = []
    plain = Motion.moved
    monkeypatch.setattr(
        Motion, "moved", lambda self, *a, **b: moves.append(self) or plain(self, *a, **b)
    )
    kinds = {"things": KINDS["things"]}
    found = CopyPaste().mix(ONE, [OTHER], {**SAME, "objects": [0]}, kinds)
    assert len(moves) == 1
    image = CopyPaste().apply(ONE, [OTHER], {**SAME, "objects": [0]}).image
    assert np.array_equal(found.image, image)


def test_crowds_are_not_pasted_and_nothing_is_a_sample_as_it_was():
    crowd = sample(1, (10, 10, 30, 30), crowd=(0,))
    for other in (crowd, sample(1)):
        params = CopyPaste().draw(ONE, [other], generator("none", 0))
        found = CopyPaste().mix(ONE, [other], params, KINDS)
        assert params["objects"] == [] and params["weight"] == 1.0
        assert np.array_equal(found.image, ONE.image)
        assert found.targets["things"] == ONE.targets["things"]


def test_as_many_are_pasted_as_are_allowed():
    draws = [CopyPaste(most=2).draw(ONE, [OTHER], generator("most", n)) for n in range(40)]
    assert {len(each["objects"]) for each in draws} == {1, 2}
    assert {number for each in draws for number in each["objects"]} == {0, 1, 2}
    assert {each["flip"] for each in draws} == {True, False}


def test_boxes_are_pasted_where_there_are_no_masks():
    kinds = {"boxes": KINDS["things"].boxes}

    def boxed(given):
        return given.replace(
            targets={"boxes": given.targets["things"].boxes}, positional={"boxes": kinds["boxes"]}
        )

    found = CopyPaste().mix(boxed(ONE), [boxed(OTHER)], {**SAME, "objects": [1]}, kinds)
    corners = (found.targets["boxes"].corners * (60, 40, 60, 40)).round(3).tolist()
    assert corners == [[5, 5, 25, 25], [30, 5, 50, 35], [52, 2, 58, 8], [35, 0, 45, 12]]
    assert found.targets["boxes"].attributes["n"].tolist() == [0, 1, 2, 11]
    assert (found.image[0:12, 35:45] == 11).all()
    cover = boxed(sample(1, (0, 0, 20, 40)))
    found = CopyPaste().mix(boxed(ONE), [cover], {**SAME, "objects": [0]}, kinds)
    assert (found.targets["boxes"].corners[0] * (60, 40, 60, 40)).round(3).tolist() == [
        20,
        5,
        25,
        25,
    ]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "expected one target of instances or boxes, which says what is pasted, found none"),
        (
            {"things": KINDS["things"], "boxes": Boxes(names=("x",))},
            "expected one target of instances or boxes, which says what is pasted, found things, b",
        ),
        ({"things": KINDS["things"], "p": Keypoints(names=("n",))}, "'keypoints' cannot be mixed"),
        ({"things": KINDS["things"], "t": Text()}, "'text' cannot be mixed"),
    ],
)
def test_what_it_cannot_paste_is_refused(targets, message):
    image = ImageSignature(height=40, width=60, channels=3)
    with pytest.raises(PluginError, match=message):
        CopyPaste().output_signature(Signature(image=image, targets=targets))


@pytest.mark.parametrize(
    "options", [{"most": 0}, {"scale": Range(5, 5)}, {"flip": 2}, {"min_visible": -1}]
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        CopyPaste(**options)


PIPELINE = """
name: pasted
source: {use: coco, path: set, instances: a.json}
split: {train: 0.75, test: 0.25}
augment: {copies: 2, stages: [{use: copy_paste, scale: [1, 1], flip: 0.5, p: 0.8}]}
cache: {image: png}
"""
COUNT = 12


@pytest.fixture
def pipeline(tmp_path):
    """Images of gray 100 and more, in which each object has a gray of its own."""
    (tmp_path / "set").mkdir()
    annotations, images = [], []
    for number in range(COUNT):
        image = np.full((*SIZE, 3), 150 + number, np.uint8)
        for n, (left, top) in enumerate(((4, 4), (30, 10))):
            right, bottom = left + 12 + number, top + 14
            image[top:bottom, left:right] = 1 + 2 * number + n
            entry = {"image_id": number, "category_id": 1, "id": len(annotations) + 1}
            entry["attributes"] = {"gray": 1 + 2 * number + n}
            annotations.append(
                {
                    **entry,
                    "bbox": [left, top, right - left, bottom - top],
                    "segmentation": [square(left, top, right, bottom)],
                }
            )
        Image.fromarray(image).save(tmp_path / f"set/{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 60, "height": 40})
    text = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]}
    (tmp_path / "set/a.json").write_text(json.dumps(text))
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return tmp_path / "p.yaml"


def test_a_build_and_a_stream_paste_objects_of_the_same_split_alone(pipeline, tmp_path):
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    assert find_problems(dataset) == []
    own = {}
    for split in dataset.splits:
        for each in dataset.samples(split):
            if "//" not in each.key:
                own[each.key] = (split, each.targets["instances"].boxes.attributes["gray"].tolist())
    of_train = {gray for split, grays in own.values() if split == "train" for gray in grays}
    pasted = 0
    for each in dataset.samples("train"):
        things = each.targets["instances"]
        grays = things.boxes.attributes["gray"].tolist()
        assert set(grays) <= of_train
        pasted += bool(set(grays) - set(own[each.key.partition("//")[0]][1]))
        for gray, mask in zip(grays, things.masks(), strict=True):
            assert np.array_equal(each.image[..., 0] == gray, mask)
    assert pasted >= COUNT * 3 / 4


def test_a_stream_pastes_objects_of_its_batches(pipeline, tmp_path):
    stages = "[{use: copy_paste, scale: [1, 1]}]"
    overrides = [
        "augment={copies: 0}",
        "finish=[{use: resize, size: [40, 60]}]",
        f"stream={{batch_size: 4, stages: {stages}}}",
    ]
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    dataset = dsbuilder.load(built.path)
    pasted = 0
    for batch in Feed(plan(dataset, "train")).batches(0):
        for row, image in enumerate(batch["image"]):
            stored = {name: batch[f"instances/{name}"][row] for name in ("bbox", "label", "gray")}
            stored = {name: column[stored["label"] >= 0] for name, column in stored.items()}
            runs = batch["instances/masks"][row]
            masks = np.repeat(np.arange(len(runs)) & 1, runs.clip(0)).reshape(-1, *SIZE)
            assert len(masks) == batch["instances/count"][row] == len(stored["gray"])
            pasted += len(masks) > 2
            for gray, mask in zip(stored["gray"], masks, strict=True):
                assert np.array_equal(image[..., 0] == gray, mask == 1)
    assert pasted


@pytest.mark.slow
def test_workers_paste_the_same(pipeline, tmp_path):
    one = build_dataset(pipeline, tmp_path / "one", workers=0)
    two = build_dataset(pipeline, tmp_path / "two", workers=2)
    assert (one.path / "SHA256SUMS").read_text() == (two.path / "SHA256SUMS").read_text()
