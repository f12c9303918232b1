"""Whether what lies in pixel coordinates goes where the pixels go.

An image is changed twice by the same params, with a dot and without; where the two results differ
the dot is seen, whatever happened to its color. A stage that says it moves nothing must leave it
where it was; of one that moves targets along, a keypoint on the dot must be there.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from dsbuilder.equality import is_same
from dsbuilder.images.bit_planes import pack
from dsbuilder.plugin import (
    BoxSet,
    InstanceSet,
    Motion,
    Params,
    PointSet,
    Sample,
    Stage,
    Transform,
    generator,
)
from dsbuilder.testing.cases import POSITIONAL, cases_of, described, signature_of
from dsbuilder.testing.laws import signature_or_refusal
from dsbuilder.testing.promises import Check, name_of, showing

_HEIGHT, _WIDTH = 96, 120
_RADIUS = 4.0
_PLACES = ((30.0, 26.0), (88.0, 34.0), (44.0, 74.0))
"""Where a dot is painted, x and y in pixels: never in the middle, which a turn leaves."""
_DRAWS, _MORE_DRAWS = 9, 3
"""How many dots are followed in images of the first mode that is taken, and in others."""
_SEEN = 24.0
"""Levels by which a dot must still differ to be seen."""
_SPREAD = 9.0
"""Pixels over which it may have spread to be in a place."""
_NEAR = 8.0
"""Pixels between a dot and its target that may be due to how an image was resampled; all three
are of an image of this size, and grow and shrink with the image."""
_LEAST_LEFT = 0.1
"""Share of an image that something must still cover to have left it in part."""
_FEWEST_WRONG, _LEAST_WRONG = 2, 0.2
"""Dots that lie elsewhere, and their share: a stage that looks at what it sees may move one."""
_STAYS = "pixels"
"""What is told of a transform that moves nothing: the place where the dot was painted."""


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A dot: where it is seen, and where its targets are, by kind; None where one is gone."""

    place: tuple[float, float]
    seen: np.ndarray
    told: Mapping[str, np.ndarray | None]
    scale: float

    def apart(self, kind: str) -> float:
        """The distance from a target in pixels of the image before."""
        told = self.told[kind]
        if told is None:
            return float("inf")
        return float(np.hypot(*(self.seen - told))) / self.scale


def check_places(plugin: Transform) -> None:
    """Checks that a transform's geometry is what it says; see this module's docstring."""
    assert plugin.geometry in ("fixed", "moves", "breaks"), (
        f"expected geometry 'fixed', 'moves' or 'breaks', found {plugin.geometry!r}."
    )
    if plugin.geometry == "fixed":
        _check_kept(plugin)
    kinds = tuple(kind for kind in POSITIONAL if kind in plugin.moves)
    if plugin.geometry == "breaks" or (plugin.geometry == "moves" and not kinds):
        return
    kinds = kinds if plugin.geometry == "moves" else ()
    draws = _DRAWS
    for channels in (3, 1, 4):
        sample = _sample(picture_of(channels), kinds, _PLACES[0])
        if signature_or_refusal(name_of(plugin), plugin.output_signature, signature_of(sample)):
            with showing(described(sample)):
                _check_dots(plugin, kinds, channels, draws)
            draws = _MORE_DRAWS


def _check_kept(plugin: Transform) -> None:
    """Checks that one that moves nothing leaves targets in pixel coordinates as they are."""
    for case in cases_of(plugin):
        with showing(case.shown):
            given = case.fresh()
            made = case.make(given, case.draw(given, generator("kit", "kept")))
            for name in case.given[0].positional:
                assert is_same(made.targets.get(name), case.given[0].targets[name]), (
                    f"expected geometry 'fixed' to leave '{name}' as they are, found others. Say "
                    "geometry='moves', or leave them."
                )


def check_motion(plugin: Transform) -> None:
    """Checks that a motion leads from the size that an image had to the one it has."""
    for case in cases_of(plugin):
        with showing(case.shown):
            sample = case.given[0]
            params = case.draw(case.fresh(), generator("kit", "motion"))
            motion = plugin.motion(sample, params)
            if motion is None:
                continue
            assert plugin.geometry == "moves", (
                f"expected no motion of geometry {plugin.geometry!r}. Say geometry='moves'."
            )
            sizes = sample.image.shape[:2], case.make(case.fresh(), params).image.shape[:2]
            assert (motion.before, motion.after) == sizes, (
                f"expected a motion between images of {sizes}, found one between "
                f"{(motion.before, motion.after)}. Correct motion()."
            )


def _check_dots(plugin: Transform, kinds: Collection[str], channels: int, draws: int) -> None:
    found = [
        one
        for seed in range(draws)
        for one in [_dot(plugin, kinds, channels, _PLACES[seed % len(_PLACES)], seed)]
        if one is not None
    ]
    for kind in kinds or (_STAYS,):
        told = [each for each in found if kind in each.told]
        wrong = [each for each in told if each.apart(kind) > _NEAR]
        if len(wrong) >= max(_FEWEST_WRONG, _LEAST_WRONG * len(told)):
            raise AssertionError(_said(kind, max(wrong, key=lambda each: each.apart(kind))))


def _said(kind: str, one: _Found) -> str:
    at = ", ".join(f"{each:g}" for each in one.place)
    seen, told = _shown(one.seen), one.told[kind]
    if kind == _STAYS:
        return (
            f"expected geometry 'fixed' to leave what is seen where it is, found that a dot at "
            f"({at}) went to {seen}. Say geometry='moves', and define motion()."
        )
    where = "gone" if told is None else f"at {_shown(told)}"
    return (
        f"expected targets to go where the pixels go, found that a dot at ({at}) is seen at "
        f"{seen}, and its {kind} target is {where}. Correct motion(), or what apply() does to the "
        "targets."
    )


def _shown(place: np.ndarray) -> str:
    return "({:.0f}, {:.0f})".format(*place)


def picture_of(channels: int) -> np.ndarray:
    """Returns an image `(96, 120, C)` uint8 with structure everywhere."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    texture = np.random.default_rng(0).normal(0, 6, (_HEIGHT, _WIDTH))
    plane = 90 + 30 * np.sin(x / 17) + 20 * np.cos(y / 13) + texture
    image = np.repeat(plane.clip(0, 255).astype(np.uint8)[..., None], channels, axis=2)
    if channels == 4:
        image[..., 3] = 255
    return image


def _dot(
    plugin: Transform,
    kinds: Collection[str],
    channels: int,
    place: tuple[float, float],
    seed: int,
) -> _Found | None:
    """Returns where a dot is after a draw; None where it is not seen."""
    plain, dotted = picture_of(channels), picture_of(channels)
    dotted[_disk(place), : min(channels, 3)] = 235
    for image in (plain, dotted):
        image.flags.writeable = False
    sample = _sample(plain, kinds, place)
    params = plugin.draw(sample, generator("kit", "positions", seed))
    moved = Stage(id="kit", plugin=plugin).apply(sample.replace(image=dotted), params)
    seen = _seen(plugin, sample, params, moved.image)
    if seen is None:
        return None
    told: dict[str, np.ndarray | None] = {kind: _told(moved, kind) for kind in kinds}
    scale = _scale(moved.image)
    if not _is_inside(seen, moved.image, _NEAR * scale) or _leaves(plugin.motion(sample, params)):
        told = {kind: where for kind, where in told.items() if where is not None}  # at an edge
    if not kinds:
        told = {_STAYS: np.array(place)}
    return _Found(place=place, seen=seen, told=told, scale=scale)


def _disk(place: tuple[float, float]) -> np.ndarray:
    """Returns where the dot is painted, bool `(96, 120)`."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH] + 0.5
    inside: np.ndarray = (rows - place[1]) ** 2 + (columns - place[0]) ** 2 <= _RADIUS**2
    return inside


def _leaves(motion: Motion | None) -> bool:
    """Whether a part of an image went outside: what is seen there may be repeated."""
    if motion is None:
        return False
    height, width = motion.before
    corners = motion.points(np.array([[0, 0], [width, 0], [0, height], [width, height]], float))
    sides = np.array([motion.after[1], motion.after[0]])
    low, high = corners.min(axis=0).clip(0, sides), corners.max(axis=0).clip(0, sides)
    return bool(_LEAST_LEFT < ((high - low) / sides).prod() < 1)


def _scale(image: np.ndarray) -> float:
    """Returns how much larger an image is than the one before."""
    return float(np.sqrt(image.shape[0] * image.shape[1] / (_HEIGHT * _WIDTH)))


def _is_inside(place: np.ndarray, image: np.ndarray, margin: float) -> bool:
    sides = np.array([image.shape[1], image.shape[0]])
    return bool((place > margin).all() and (place < sides - margin).all())


def _sample(image: np.ndarray, kinds: Collection[str], place: tuple[float, float]) -> Sample:
    """Returns a picture with the targets of a dot at a place."""
    share = np.array(place) / (_WIDTH, _HEIGHT)
    reach = np.array([_RADIUS, _RADIUS]) / (_WIDTH, _HEIGHT)
    boxes = BoxSet(
        corners=np.concatenate([share - reach, share + reach])[None].astype(np.float32),
        classes=np.array([0]),
    )
    disk = _disk(place)
    values = {
        "keypoints": PointSet(  # the second is not there
            points=np.array([[share, (0, 0)]], np.float32), visibility=np.array([[2, 0]])
        ),
        "boxes": boxes,
        "instances": InstanceSet(boxes=boxes, planes=pack([disk], disk.shape), outlines=((),)),
        "mask": disk.astype(np.uint8),
    }
    kept = {kind: values[kind] for kind in kinds}
    return Sample(
        key="kit",
        image=image,
        targets={"label": 0, **kept},
        positional={kind: POSITIONAL[kind] for kind in kept},
    )


def _seen(
    plugin: Transform, sample: Sample, params: Params, dotted: np.ndarray
) -> np.ndarray | None:
    """Returns the middle of where two results differ, x and y in pixels."""
    plain = Stage(id="kit", plugin=plugin).apply(sample, params).image
    if plain.shape != dotted.shape:
        return None
    apart = np.abs(dotted.astype(np.float64) - plain).max(axis=2)
    scale = 1.0 if dotted.dtype == np.uint8 else 255.0 / max(float(plain.max()), 1e-9)
    if apart.max() * scale < _SEEN:
        return None
    weights = np.where(apart > apart.max() / 2, apart, 0.0)
    rows, columns = np.mgrid[: apart.shape[0], : apart.shape[1]] + 0.5
    middle = np.array([(each * weights).sum() for each in (columns, rows)]) / weights.sum()
    spread = np.hypot(columns - middle[0], rows - middle[1])
    reach = _SPREAD * max(_scale(dotted), 1.0)
    return middle if (spread * weights).sum() / weights.sum() < reach else None


def _told(moved: Sample, kind: str) -> np.ndarray | None:
    """Returns where the target of a dot is, x and y in pixels; None where it is gone."""
    sides = np.array([moved.image.shape[1], moved.image.shape[0]])
    value = moved.targets[kind]
    if kind in ("mask", "instances"):
        shown = value == 1 if kind == "mask" else value.planes.any(axis=0)
        rows, columns = np.nonzero(shown)
        return np.array([columns.mean(), rows.mean()]) + 0.5 if len(rows) else None
    if kind == "keypoints":
        there = np.argwhere(value.visibility > 0)  # a mirror swaps left and right
        return np.asarray(value.points[tuple(there[0])] * sides) if len(there) else None
    if not len(value):
        return None
    corners = value.corners[0]
    return np.asarray((corners[:2] + corners[2:]) / 2 * sides)


MOTION = Check(
    name="motion",
    promises="motion() leads from the size that an image had to the one it has",
    run=check_motion,
)
PLACES = Check(
    name="places",
    promises="what geometry says is so: targets go where the pixels go, or both stay",
    run=check_places,
)
