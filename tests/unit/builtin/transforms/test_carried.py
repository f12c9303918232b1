"""Which kinds of target albumentations carries truly: a picture of places decides for every class.

Each pixel of the picture is painted with the place that it is at, so the result says of any of its
pixels where that was: a point must lie where its place is shown, a box around all that was in it,
and a mask must show its ids at their places.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from dsbuilder.builtin.transforms.albumentations import Albumentations
from dsbuilder.builtin.transforms.albumentations_recipe import members
from dsbuilder.builtin.transforms.albumentations_targets import NOT_CARRIED
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    ImageSignature,
    Instances,
    InstanceSet,
    Keypoints,
    Mask,
    PluginError,
    PointSet,
    Sample,
    Signature,
    Target,
)

HEIGHT, WIDTH = 96, 120
KINDS: Mapping[str, Target] = {
    "mask": Mask(names=("none", "thing", "other"), ignore=255),
    "boxes": Boxes(names=tuple("abcdef")),
    "instances": Instances(names=("thing",), attributes=(("n", "int64"),)),
    "keypoints": Keypoints(names=tuple(f"p{i}" for i in range(12))),
}
BOXES = np.array(
    [[10, 8, 50, 40], [70, 20, 110, 60], [20, 56, 60, 88], [64, 64, 100, 90], [4, 4, 24, 20]]
)
POINTS = np.array([[x, y] for x in (15.5, 42.5, 70.5, 104.5) for y in (14.5, 47.5, 80.5)])
REFERENCED = {"FDA", "HistogramMatching", "PixelDistributionAdaptation"}

STRIPES = 10
"""Instances are stripes that overlap by half: stripe n holds columns from 10 n to 10 n + 20."""

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "Affine": {"rotate": (-20, 20), "scale": (0.7, 1.3), "translate_percent": (-0.1, 0.1)},
    "CenterCrop": {"height": 70, "width": 90},
    "Crop": {"x_min": 5, "y_min": 3, "x_max": 100, "y_max": 80},
    "CropAndPad": {"percent": (-0.1, 0.2)},
    "ElasticTransform": {"alpha": 60, "sigma": 8},
    "GridElasticDeform": {"num_grid_xy": (4, 4), "magnitude": 6},
    "LongestMaxSize": {"max_size": 200},
    "PadIfNeeded": {"min_height": 140, "min_width": 150},
    "RandomCrop": {"height": 60, "width": 70},
    "RandomResizedCrop": {"size": (90, 100), "scale": (0.4, 1.0)},
    "RandomSizedCrop": {"min_max_height": (50, 90), "size": (80, 80)},
    "Resize": {"height": 150, "width": 90},
    "SmallestMaxSize": {"max_size": 70},
    "XYMasking": {"num_masks_x": 2, "mask_x_length": 8},
}
CLOSE = 1.0
"""Pixels that a box, or a point, may be away from what shows it."""
SEEDS = {"PiecewiseAffine": 2}
"""How often each is tried, where that is not 8 times: it takes a third of a second."""

pytestmark = pytest.mark.filterwarnings("ignore:.*very slow")


def places() -> Sample:
    """A picture of places: x and y in steps of half a pixel, and 255 where there is one."""
    rows, columns = np.indices((HEIGHT, WIDTH))
    image = np.stack([columns * 2, rows * 2, np.full_like(rows, 255)], axis=2).astype(np.uint8)
    mask = (1 + (columns >= WIDTH // 2)).astype(np.uint8)
    shares = (POINTS / (WIDTH, HEIGHT))[None].astype(np.float32)
    return Sample(
        key="places",
        image=image,
        targets={
            "mask": mask,
            "boxes": BoxSet(
                corners=(BOXES / ([WIDTH, HEIGHT] * 2)).astype(np.float32),
                classes=np.arange(len(BOXES)),
                attributes={},
            ),
            "instances": stripes(),
            "keypoints": PointSet(points=shares, visibility=np.full((1, len(POINTS)), 2, np.int64)),
        },
        positional=KINDS,
    )


def stripes() -> InstanceSet:
    objects = [
        {
            "label": "thing",
            "n": n,
            "polygons": [[10 * n, 0, 10 * n + 20, 0, 10 * n + 20, HEIGHT, 10 * n, HEIGHT]],
        }
        for n in range(STRIPES)
    ]
    found: InstanceSet = KINDS["instances"].parse({"objects": objects, "size": [HEIGHT, WIDTH]})
    return found


def shown(image: np.ndarray) -> np.ndarray:
    """The place that each pixel shows, `(H, W, 2)`; NaN where that is none, or a mix."""
    field = image[..., :2].astype(np.float64) / 2 + 0.5
    field[image[..., 2] < 255] = np.nan
    return field


def mask_is_true(sample: Sample) -> bool:
    columns, mask = shown(sample.image)[..., 0], sample.targets["mask"]
    sure = (np.abs(columns - WIDTH / 2) > 2) & (mask != 255)
    return bool((mask == 1 + (columns > WIDTH / 2))[sure].mean() > 0.98)


def instances_are_true(sample: Sample) -> bool:
    """Each stripe holds the pixels that show it, and those from outside are of none."""
    columns, value = shown(sample.image)[..., 0], sample.targets["instances"]
    masks = dict(zip(value.boxes.attributes["n"].tolist(), value.masks(), strict=True))
    outside = sample.targets["mask"] == 255
    for number in range(STRIPES):
        left, right = 10 * number, 10 * number + 20
        sure = np.minimum(np.abs(columns - left), np.abs(columns - right)) > 2
        sure &= ~outside
        mask = masks.get(number, np.zeros(columns.shape, bool))
        expected = (columns > left) & (columns < right)
        if (mask & outside).any() or not (mask == expected)[sure].mean() > 0.98:
            return False
    return True


def boxes_are_true(sample: Sample) -> bool:
    """Each box holds what is seen of it, closely where no edge cuts it; no other is seen much."""
    field, value = shown(sample.image), sample.targets["boxes"]
    height, width = field.shape[:2]
    for number, box in enumerate(BOXES):
        # What is shown is known to half a pixel: `inner` is seen for sure, `outer` perhaps.
        inner, outer = (
            ((field >= box[:2] + by) & (field <= box[2:] - by)).all(axis=2) for by in (0.6, -0.6)
        )
        own = value.corners[value.classes == number] * ([width, height] * 2)
        if not len(own) or not inner.any():
            if inner.sum() > 0.15 * (box[2] - box[0]) * (box[3] - box[1]):
                return False
            continue
        held, most = around(inner), around(outer)
        cut = (held[:2] <= 2).any() or (held[2:] >= [width - 2, height - 2]).any()
        if ((held - own[0]) * [1, 1, -1, -1] < -CLOSE).any():
            return False
        if not cut and ((most - own[0]) * [1, 1, -1, -1] > CLOSE).any():
            return False
    return True


def around(seen: np.ndarray) -> np.ndarray:
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def points_are_true(sample: Sample) -> bool:
    """What is shown at each point is its place, within a pixel; of none left out it is seen."""
    field, value = shown(sample.image), sample.targets["keypoints"]
    height, width = field.shape[:2]
    for number, point in enumerate(POINTS):
        if not value.visibility[0, number]:
            if (np.abs(field - point)[2:-2, 2:-2].max(axis=2) <= 0.5).any():
                return False
            continue
        x, y = value.points[0, number] * (width, height) - 0.5
        column, row = int(np.clip(x, 0, width - 2)), int(np.clip(y, 0, height - 2))
        near = field[row : row + 2, column : column + 2]
        stretch = max(1.0, np.abs(np.diff(near, axis=0)).max(), np.abs(np.diff(near, axis=1)).max())
        if np.isnan(near).any():
            continue  # at the edge of what is shown, or where something covers it
        right, down = x - column, y - row
        top, bottom = near
        weights = np.array([[1 - right, right]])
        place = (1 - down) * (weights @ top)[0] + down * (weights @ bottom)[0]
        if np.abs(place - point).max() > CLOSE * stretch + 0.25:
            return False
    return True


TRUE = {
    "mask": mask_is_true,
    "instances": instances_are_true,
    "boxes": boxes_are_true,
    "keypoints": points_are_true,
}


def is_moving(member: str) -> bool:
    """Whether a class is a single transform that moves what targets of an image say."""
    try:
        plugin = Albumentations(member=member, options=OPTIONS.get(member, {}))
    except (PluginError, ValueError):
        return False  # needs more than an image, or is a composition without children
    return plugin.geometry == "moves" and not hasattr(plugin._recipe.transform, "transforms")


def found_true(member: str, seeds: int) -> dict[str, bool]:
    """Whether each kind is carried truly, whatever the table says."""
    plugin = Albumentations(member=member, options=OPTIONS.get(member, {}))
    true = dict.fromkeys(TRUE, True)
    for seed in range(seeds):
        sample = plugin.apply(places(), {"seed": seed})
        true = {kind: true[kind] and holds(sample) for kind, holds in TRUE.items()}
    return true


def refused(member: str, kind: str) -> bool:
    """Whether `check` refuses a target of a kind."""
    plugin = Albumentations(member=member, options=OPTIONS.get(member, {}))
    image = ImageSignature(height=HEIGHT, width=WIDTH, channels=3)
    try:
        plugin.output_signature(Signature(image=image, targets={kind: KINDS[kind]}))
    except ValueError as error:
        assert NOT_CARRIED[member][kind] in str(error)
        return True
    return kind not in plugin.moves


# What a picture of places cannot show; see the test below.
UNSEEN = {("Morphological", "mask"), ("Morphological", "instances")}


@pytest.mark.parametrize("member", sorted(set(members()) - REFERENCED))
def test_what_is_carried_truly_is_taken_and_the_rest_refused(member) -> None:
    if not is_moving(member):
        assert member not in NOT_CARRIED
        return
    for kind, true in found_true(member, SEEDS.get(member, 8)).items():
        if (member, kind) not in UNSEEN:
            assert refused(member, kind) != true, kind


def test_a_dark_thing_that_a_dilation_shrinks_grows_in_its_mask() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    image[30:60, 40:80], mask[30:60, 40:80] = 0, 1
    kinds = {"mask": KINDS["mask"]}
    sample = Sample(key="dark", image=image, targets={"mask": mask}, positional=kinds)
    plugin = Albumentations(member="Morphological", options={"scale": (5, 5)})
    made = plugin.apply(sample, {"seed": 0})
    assert (made.image[..., 0] == 0).sum() < 30 * 40 < (made.targets["mask"] == 1).sum()
    assert refused("Morphological", "mask") and refused("Morphological", "instances")
