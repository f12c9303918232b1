"""Whether what lies in pixel coordinates goes where the pixels go.

An image is changed twice by the same params, with a dot and without; where the two results differ
the dot is seen, whatever happened to its color. A stage that says it moves nothing must leave it
where it was; of one that moves targets along, a keypoint on the dot must be there.
"""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    Keypoints,
    Motion,
    Params,
    PointSet,
    Sample,
    Signature,
    Stage,
    Target,
    Transform,
    generator,
)
from dsbuilder.testing.laws import name_of

_HEIGHT, _WIDTH = 96, 120
_RADIUS = 4.0
_PLACES = ((30.0, 26.0), (88.0, 34.0), (44.0, 74.0))
"""Where a dot is painted, x and y in pixels: never in the middle, which a turn leaves."""
_DRAWS = 12
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
_KINDS: dict[str, Target] = {
    "keypoints": Keypoints(names=("dot",)),
    "boxes": Boxes(names=("dot",)),
}


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A dot: where it is seen, and where its target is; None where that is gone."""

    place: tuple[float, float]
    seen: np.ndarray
    told: np.ndarray | None

    scale: float

    @property
    def apart(self) -> float:
        """The distance in pixels of the image before."""
        if self.told is None:
            return float("inf")
        return float(np.hypot(*(self.seen - self.told))) / self.scale


def check_positions(plugin: Transform, signature: Signature) -> None:
    """Checks that a transform's geometry is what it says; see this module's docstring.

    Args:
      signature: of images of `picture_of`, which the transform takes.
    """
    if plugin.geometry == "breaks":
        return
    kind = next((each for each in _KINDS if each in plugin.moves), None)
    if plugin.geometry == "moves" and kind is None:
        return
    channels = signature.image.channels
    found = [
        one
        for seed in range(_DRAWS)
        for one in [_dot(plugin, kind, channels, _PLACES[seed % len(_PLACES)], seed)]
        if one is not None
    ]
    wrong = [each for each in found if each.apart > _NEAR]
    if len(wrong) >= max(_FEWEST_WRONG, _LEAST_WRONG * len(found)):
        raise AssertionError(_said(plugin, max(wrong, key=lambda each: each.apart)))


def _said(plugin: Transform, one: _Found) -> str:
    name, at = name_of(plugin), ", ".join(f"{each:g}" for each in one.place)
    seen = _shown(one.seen)
    told = "gone" if one.told is None else f"at {_shown(one.told)}"
    image = f"in an image of {_HEIGHT}x{_WIDTH}"
    if plugin.geometry == "fixed":
        return (
            f"{name}: expected geometry 'fixed' to leave what is seen where it is, found that a "
            f"dot at ({at}) {image} went to {seen}. Say geometry='moves', and define motion()."
        )
    return (
        f"{name}: expected targets to go where the pixels go, found that a dot at ({at}) {image} "
        f"is seen at {seen}, and its target is {told}. Correct motion(), or what apply() does "
        "to the targets."
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
    plugin: Transform, kind: str | None, channels: int, place: tuple[float, float], seed: int
) -> _Found | None:
    """Returns where a dot is after a draw; None where it is not seen, or only at an edge."""
    plain, dotted = picture_of(channels), picture_of(channels)
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH] + 0.5
    inside = (rows - place[1]) ** 2 + (columns - place[0]) ** 2 <= _RADIUS**2
    dotted[inside, : min(channels, 3)] = 235
    for image in (plain, dotted):
        image.flags.writeable = False
    sample = _sample(plain, kind, place)
    params = plugin.draw(sample, generator("kit", "positions", seed))
    moved = Stage(id="kit", plugin=plugin).apply(sample.replace(image=dotted), params)
    seen = _seen(plugin, sample, params, moved.image)
    told = np.array(place) if plugin.geometry == "fixed" else _told(moved, kind)
    scale = _scale(moved.image)
    if seen is None:
        return None
    if told is None and (
        not _is_inside(seen, moved.image, _NEAR * scale) or _leaves(plugin.motion(sample, params))
    ):
        return None
    return _Found(place=place, seen=seen, told=told, scale=scale)


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


def _sample(image: np.ndarray, kind: str | None, place: tuple[float, float]) -> Sample:
    share = np.array(place) / (_WIDTH, _HEIGHT)
    reach = np.array([_RADIUS, _RADIUS]) / (_WIDTH, _HEIGHT)
    values = {
        "keypoints": PointSet(
            points=share[None, None].astype(np.float32), visibility=np.array([[2]])
        ),
        "boxes": BoxSet(
            corners=np.concatenate([share - reach, share + reach])[None].astype(np.float32),
            classes=np.array([0]),
        ),
    }
    if kind is None:
        return Sample(key="kit", image=image, targets={"label": 0})
    return Sample(
        key="kit",
        image=image,
        targets={"label": 0, "dot": values[kind]},
        positional={"dot": _KINDS[kind]},
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


def _told(moved: Sample, kind: str | None) -> np.ndarray | None:
    """Returns where the target of a dot is, x and y in pixels."""
    sides = np.array([moved.image.shape[1], moved.image.shape[0]])
    value = moved.targets["dot"]
    if kind == "keypoints":
        return value.points[0, 0] * sides if len(value) and value.visibility[0, 0] else None
    if not len(value):
        return None
    corners = value.corners[0]
    return np.asarray((corners[:2] + corners[2:]) / 2 * sides)


def without_objects(
    height: int, width: int, channels: int, kinds: Container[str] = frozenset(_KINDS)
) -> Sample:
    """Returns a sample that could have objects and has none; its image is read-only.

    Args:
      kinds: kinds of target that it could have, of `boxes` and `keypoints`.
    """
    image = np.full((height, width, channels), 99, np.uint8)
    image.flags.writeable = False
    values = {
        "keypoints": PointSet(
            points=np.zeros((0, 1, 2), np.float32), visibility=np.zeros((0, 1), np.int64)
        ),
        "boxes": BoxSet(corners=np.zeros((0, 4), np.float32), classes=np.zeros(0, np.int64)),
    }
    kept = {name: value for name, value in values.items() if name in kinds}
    return Sample(
        key="kit",
        image=image,
        targets={"label": 0, **kept},
        positional={name: _KINDS[name] for name in kept},
    )
