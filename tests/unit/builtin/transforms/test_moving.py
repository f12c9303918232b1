"""The law of painting: what is drawn from a target lies under the target that went along."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from painting import (
    HEIGHT,
    IGNORED,
    KINDS,
    WIDTH,
    check_boxes,
    check_mask,
    check_points,
    codes,
    dot_at,
    painted,
)

from dsbuilder.builtin.transforms.albumentations import Albumentations
from dsbuilder.builtin.transforms.fused_crop_resize_flip import FusedCropResizeFlip
from dsbuilder.builtin.transforms.one_of import OneOf
from dsbuilder.builtin.transforms.resize import Resize
from dsbuilder.builtin.transforms.some_of import SomeOf
from dsbuilder.plugin import (
    BoxSet,
    ImageSignature,
    Instances,
    Mask,
    PointSet,
    Range,
    Sample,
    Signature,
    Stage,
    Transform,
    generator,
)


def moved(plugin: Transform, seed: int) -> Sample:
    """A sample after a transform as a stage applies it."""
    image = ImageSignature(height=HEIGHT, width=WIDTH, channels=3)
    plugin.output_signature(Signature(image=image, targets=KINDS))
    stage = Stage(id="stage", plugin=plugin)
    sample = painted()
    params = stage.draw(sample, generator("moving", seed))
    assert params is not None
    return stage.apply(sample, params)


PLAIN: list[Transform] = [
    Resize(short=64),
    Resize(short=150),
    Resize(size=(64, 64), fit="stretch"),
    Resize(size=(80, 60), fit="crop"),
    Resize(size=(200, 120), fit="crop"),
    Resize(size=(100, 70), fit="pad", background="black"),
    Resize(size=(200, 300), fit="pad", background="black"),
    Resize(size=(HEIGHT, WIDTH)),
    Resize(size=(61, 77), fit="stretch", interpolation="nearest"),
]


@pytest.mark.parametrize("plugin", PLAIN, ids=str)
def test_a_resize_carries_targets_along(plugin) -> None:
    sample = moved(plugin, 0)
    check_mask(sample)
    check_boxes(sample)
    check_points(sample, reach=1.0)


@given(seed=st.integers(0, 10**6), flip=st.sampled_from([0.0, 1.0]))
def test_a_fused_crop_carries_targets_along(seed, flip) -> None:
    plugin = FusedCropResizeFlip(size=(80, 88), scale=Range(0.3, 1), flip=flip)
    sample = moved(plugin, seed)
    check_mask(sample)
    check_boxes(sample, reach=2.5)
    check_points(sample, order=(2, 1, 0) if flip else (0, 1, 2))


@given(
    height=st.integers(20, 200),
    width=st.integers(20, 200),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
)
def test_a_mask_moves_as_its_picture_does_without_new_values(height, width, fit) -> None:
    # Of an odd side no center falls between two pixels, where either would be the nearest.
    mask = np.pad(painted().targets["mask"], ((0, 1), (0, 1)))
    sample = painted().replace(targets={"mask": mask}, positional={"mask": KINDS["mask"]})
    picture = np.repeat(mask[..., None], 3, axis=2)
    plugin = Resize(
        size=(height, width), fit=fit, interpolation="nearest", background=(IGNORED,) * 3
    )
    made = Stage(id="s", plugin=plugin).apply(sample.replace(image=picture), {})
    same = made.image[..., 0] == made.targets["mask"]
    assert same.mean() > 0.95 if fit == "crop" else same.all()


def test_nested_stages_pass_the_motion_on() -> None:
    flip = FusedCropResizeFlip(size=(HEIGHT, WIDTH), flip=1.0)
    stage = Stage(id="flip", plugin=flip)
    for plugin in (OneOf(stages=(stage,)), SomeOf(stages=(stage,), pick=1)):
        assert plugin.moves == ("mask", "instances", "boxes", "keypoints")
        sample = moved(plugin, 3)
        check_mask(sample)
        check_boxes(sample, reach=2.5)
        check_points(sample, order=(2, 1, 0))


MEMBERS: list[tuple[str, dict[str, Any]]] = [
    ("HorizontalFlip", {}),
    ("VerticalFlip", {}),
    ("Transpose", {}),
    ("RandomRotate90", {}),
    ("D4", {}),
    ("SquareSymmetry", {}),
    ("Rotate", {"limit": (-45, 45)}),
    ("SafeRotate", {"limit": (-45, 45)}),
    ("Affine", {"rotate": (-20, 20), "scale": (0.7, 1.3), "translate_percent": (-0.1, 0.1)}),
    ("ShiftScaleRotate", {}),
    ("Perspective", {}),
    ("RandomResizedCrop", {"size": (90, 100), "scale": (0.4, 1.0)}),
    ("RandomCrop", {"height": 60, "width": 70}),
    ("CenterCrop", {"height": 70, "width": 90}),
    ("Crop", {"x_min": 5, "y_min": 3, "x_max": 100, "y_max": 80}),
    ("RandomSizedCrop", {"min_max_height": (50, 90), "size": (80, 80)}),
    ("RandomCropFromBorders", {}),
    ("CropAndPad", {"percent": (-0.1, 0.2)}),
    ("Pad", {"padding": (5, 20)}),
    ("PadIfNeeded", {"min_height": 140, "min_width": 150, "border_mode": "constant"}),
    ("Resize", {"height": 150, "width": 90}),
    ("SmallestMaxSize", {"max_size": 60}),
    ("LongestMaxSize", {"max_size": 200}),
    ("RandomScale", {"scale_limit": (-0.3, 0.5)}),
    ("NoOp", {}),
    (
        "Compose",
        {
            "transforms": [
                {"use": "A.Affine", "rotate": (-15, 15), "p": 1.0},
                {"use": "A.OneOf", "transforms": ["A.HorizontalFlip", "A.VerticalFlip"]},
                {"use": "A.RandomCrop", "height": 80, "width": 90, "p": 0.7},
            ]
        },
    ),
    ("Sequential", {"transforms": [{"use": "A.Transpose", "p": 1.0}, "A.RandomRotate90"]}),
    ("OneOf", {"transforms": ["A.D4", "A.GaussianBlur"]}),
    ("SomeOf", {"transforms": ["A.HorizontalFlip", "A.Transpose"], "n": 1}),
]
BENDING: list[tuple[str, dict[str, Any]]] = [
    ("ElasticTransform", {"alpha": 30, "sigma": 8}),
    ("GridDistortion", {"distort_limit": (-0.15, 0.15)}),
    ("OpticalDistortion", {"distort_limit": (-0.1, 0.1)}),
    ("ThinPlateSpline", {"scale_range": (0.05, 0.1)}),
    ("PiecewiseAffine", {"scale": (0.01, 0.02)}),
    ("GridElasticDeform", {"num_grid_xy": (4, 4), "magnitude": 4}),
]


DRAWS = {"PiecewiseAffine": 1}
"""How often each is tried, where that is not 6 times: it takes a third of a second."""


@pytest.mark.parametrize(("member", "options"), MEMBERS, ids=[name for name, _ in MEMBERS])
def test_albumentations_carries_targets_along(member, options) -> None:
    plugin = Albumentations(member=member, options=options)
    for seed in range(12):
        sample = moved(plugin, seed)
        check_mask(sample, 0.95)
        check_boxes(sample, reach=2.5)
        swapped = dot_at(sample, 0) == 2 or dot_at(sample, 2) == 0
        check_points(sample, order=(2, 1, 0) if swapped else (0, 1, 2))


@pytest.mark.parametrize(("member", "options"), BENDING, ids=[name for name, _ in BENDING])
def test_what_bends_carries_targets_along(member, options) -> None:
    plugin = Albumentations(member=member, options=options)
    for seed in range(DRAWS.get(member, 6)):
        sample = moved(plugin, seed)
        check_mask(sample)
        check_boxes(sample)
        check_points(sample, reach=1.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("member", "options"), MEMBERS + BENDING, ids=[name for name, _ in MEMBERS + BENDING]
)
def test_pixels_are_the_same_with_and_without_targets(member, options) -> None:
    plugin = Albumentations(member=member, options=options)
    plain = painted().replace(positional={}, targets={})
    for seed in range(DRAWS.get(member, 6)):
        params = {"seed": seed}
        bare = plugin.apply(plain, params)
        carried = plugin.apply(painted(), params)
        assert np.array_equal(bare.image, carried.image)
        assert np.array_equal(plugin.apply(plain, params).image, bare.image)
        again = plugin.apply(painted(), params)
        assert again.targets["objects"] == carried.targets["objects"]
        assert again.targets["keypoints"] == carried.targets["keypoints"]


@pytest.mark.parametrize("member", ["HorizontalFlip", "VerticalFlip", "Transpose"])
def test_a_mirror_swaps_left_and_right(member) -> None:
    before, after = painted(), moved(Albumentations(member=member), 0)
    assert after.targets["keypoints"].visibility.tolist() == [[2, 1, 2]]
    sides = {"HorizontalFlip": (-1, 1), "VerticalFlip": (1, -1), "Transpose": (1, 1)}[member]
    shares = before.targets["keypoints"].points[0]
    shares = shares[:, ::-1] if member == "Transpose" else shares
    flipped = np.where(np.array(sides) < 0, 1 - shares, shares)
    assert after.targets["keypoints"].points[0] == pytest.approx(flipped[[2, 1, 0]], abs=1e-4)


def test_a_shuffle_of_tiles_swaps_nothing_and_does_not_take_boxes() -> None:
    plugin = Albumentations(member="RandomGridShuffle", options={"grid": (3, 3)})
    nested = Albumentations(member="Compose", options={"transforms": ["A.RandomGridShuffle"]})
    for each in (plugin, nested):
        assert each.moves == ("mask", "instances", "keypoints")
        with pytest.raises(
            ValueError, match=r"'objects' \(boxes\) along, found that it tears them"
        ):
            moved(each, 0)
    kinds = {name: kind for name, kind in KINDS.items() if name != "objects"}
    for seed in range(12):
        sample = plugin.apply(painted().replace(positional=kinds), {"seed": seed})
        assert dot_at(sample, 0) in (0, None)


@pytest.mark.parametrize("name", ["objects", "keypoints"])
def test_a_sample_without_any_is_carried_along(name) -> None:
    empty = {
        "objects": BoxSet(
            corners=np.zeros((0, 4), np.float32),
            classes=np.zeros(0, np.int64),
            attributes={"number": np.zeros(0, np.int64), "word": np.zeros(0, object)},
        ),
        "keypoints": PointSet(
            points=np.zeros((0, 3, 2), np.float32), visibility=np.zeros((0, 3), np.int64)
        ),
    }
    sample = painted()
    sample = sample.replace(targets={**sample.targets, name: empty[name]})
    for plugin in (Albumentations(member="Rotate"), Resize(short=50), Resize(size=(9, 9))):
        made = Stage(id="s", plugin=plugin).apply(sample, {"seed": 1})
        assert made.targets[name] == empty[name]


def test_a_keypoint_that_leaves_the_image_is_absent() -> None:
    plugin = Albumentations(member="Crop", options={"x_max": 60, "y_max": 50})
    sample = moved(plugin, 0)
    assert sample.targets["keypoints"].visibility.tolist() == [[2, 0, 0]]
    assert sample.targets["keypoints"].points[0, 1:].tolist() == [[0, 0], [0, 0]]
    assert sample.targets["objects"].classes.tolist() == [0]


def test_several_targets_of_a_kind_go_along() -> None:
    sample = painted()
    kinds = {**KINDS, "second": KINDS["mask"], "more": KINDS["objects"], "pose": KINDS["keypoints"]}
    targets = {
        **sample.targets,
        "second": sample.targets["mask"],
        "more": sample.targets["objects"],
        "pose": sample.targets["keypoints"],
    }
    both = sample.replace(targets=targets, positional=kinds)
    plugin = Albumentations(member="Rotate", options={"limit": (30, 30)})
    one, made = plugin.apply(sample, {"seed": 5}), plugin.apply(both, {"seed": 5})
    assert np.array_equal(made.targets["second"], one.targets["mask"])
    for name, other in (("objects", "more"), ("keypoints", "pose")):
        assert made.targets[name] == made.targets[other] == one.targets[name]


def test_what_a_mask_cannot_take_is_refused_by_the_signature() -> None:
    image = ImageSignature(height=HEIGHT, width=WIDTH, channels=3)
    plugin = Albumentations(
        member="Resize", options={"height": 9, "width": 9, "mask_interpolation": "linear"}
    )
    with pytest.raises(ValueError, match="mask_interpolation: expected nearest"):
        plugin.output_signature(Signature(image=image, targets=KINDS))
    dropped = Albumentations(member="PixelDropout", options={"mask_drop_value": 3})
    dropped.output_signature(Signature(image=image, targets={"mask": Mask(names=("a",))}))
    with pytest.raises(ValueError, match="mask_drop_value: expected 0 where there are instances"):
        things = {"things": Instances(names=("a",))}
        dropped.output_signature(Signature(image=image, targets=things))
    masks = {"one": Mask(names=("a",)), "two": Mask(names=("a",), ignore=255)}
    with pytest.raises(ValueError, match="expected masks that all ignore the same id"):
        Albumentations(member="Rotate").output_signature(Signature(image=image, targets=masks))


def test_what_a_border_reflects_has_boxes_of_its_own_and_no_keypoints() -> None:
    options = {"border_mode": "reflect_101", "translate_percent": (0.3, 0.3)}
    plugin = Albumentations(member="Affine", options=options)
    image = ImageSignature(height=HEIGHT, width=WIDTH, channels=3)
    with pytest.raises(ValueError, match="border_mode: expected constant, replicate or wrap"):
        plugin.output_signature(Signature(image=image, targets=KINDS))
    boxes = {"objects": KINDS["objects"]}
    plugin.output_signature(Signature(image=image, targets=boxes))
    sample = plugin.apply(painted().replace(positional=boxes), {"seed": 1})
    value: BoxSet = sample.targets["objects"]
    assert len(value) > 3
    assert value.attributes["number"].tolist() == (10 + value.classes).tolist()
    code, dot = codes(sample.image)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    for number in range(3):
        covered = np.zeros((HEIGHT, WIDTH), bool)
        for left, top, right, bottom in value.corners[value.classes == number] * (
            [WIDTH, HEIGHT] * 2
        ):
            covered |= (
                (columns > left - 2)
                & (columns < right + 2)
                & (rows > top - 2)
                & (rows < bottom + 2)
            )
        seen = (code == number + 1) & ~dot
        assert (seen & covered).sum() >= 0.97 * seen.sum()
