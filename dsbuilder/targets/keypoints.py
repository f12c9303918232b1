"""Named points of objects, such as the joints of a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from dsbuilder.batches import BatchMotion
from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.sample import Feature, Motion, Target, Window
from dsbuilder.targets import joining
from dsbuilder.targets.naming import check_names
from dsbuilder.targets.number import is_number

ABSENT, HIDDEN, VISIBLE = 0, 1, 2
_SAME = 1.0
"""Pixels within which a point of one window is that of another."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PointSet:
    """The keypoints of one sample, of n objects with k points each.

    Attributes:
      points: float32 `(n, k, 2)`, x, y as shares of the image's sides; 0, 0 where absent.
      visibility: int64 `(n, k)`: 0 absent, 1 hidden, 2 visible.
    """

    points: np.ndarray
    visibility: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PointSet)
            and np.array_equal(self.points, other.points)
            and np.array_equal(self.visibility, other.visibility)
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays


@dataclass(frozen=True, kw_only=True)
class Keypoints(Target):
    """Named points of any number of objects, as shares of the image's sides.

    Stored are `keypoints/points` float32 `(n, k, 2)` as x, y and `keypoints/visibility` int64
    `(n, k)`, if the target is called `keypoints`.

    Attributes:
      names: names of the points, in the order in which an object has them.
      swaps: pairs of names, (left, right), that change places when an image is mirrored.
      edges: pairs of names between which a line is drawn.
    """

    kind: ClassVar[str] = "keypoints"
    positional: ClassVar[bool] = True
    loses: ClassVar[str] = "keypoints, which lay outside of the image then"
    names: tuple[str, ...]
    swaps: tuple[tuple[str, str], ...] = ()
    edges: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_names(self.names, "keypoint")
        for option in ("swaps", "edges"):
            for name in (name for pair in getattr(self, option) for name in pair):
                if name not in self.names:
                    hint = did_you_mean(name, self.names)
                    raise DataError(f"{option}: expected a keypoint, found '{name}'.{hint}")
        swapped = [name for pair in self.swaps for name in pair]
        if len(set(swapped)) < len(swapped):
            raise DataError(f"swaps: expected every name once, found {list(self.swaps)}.")

    @cached_property
    def mirrored(self) -> np.ndarray:
        """For each point, the one whose place it takes when an image is mirrored, int64 `(k,)`."""
        order = np.arange(len(self.names))
        for left, right in self.swaps:
            one, other = self.names.index(left), self.names.index(right)
            order[one], order[other] = other, one
        return order

    def parse(self, raw: Any) -> PointSet:
        """Returns the points of a list with, for each object, [x, y, visibility] of each point."""
        if not isinstance(raw, (list, tuple)):
            raise DataError(f"expected a list of objects, found {type(raw).__name__} {raw!r}.")
        for found in raw:
            self._check_object(found)
        flat = np.array(raw, np.float64).reshape(-1, len(self.names), 3)
        visibility = flat[:, :, 2].astype(np.int64)
        points = np.where(visibility[:, :, None] > ABSENT, flat[:, :, :2], 0.0)
        return PointSet(points=points.astype(np.float32), visibility=visibility)

    def _check_object(self, found: Any) -> None:
        if not isinstance(found, (list, tuple)) or len(found) != len(self.names):
            raise DataError(f"expected {len(self.names)} keypoints of an object, found {found!r}.")
        for point in found:
            if not isinstance(point, (list, tuple)) or len(point) != 3:
                raise DataError(f"expected a keypoint [x, y, visibility], found {point!r}.")
            x, y, visibility = point
            if not all(map(is_number, point)):
                raise DataError(f"expected three numbers of a keypoint, found {point!r}.")
            if visibility not in (ABSENT, HIDDEN, VISIBLE):
                raise DataError(f"expected a visibility of 0, 1 or 2, found {visibility!r}.")
            if visibility and not (0 <= x <= 1 and 0 <= y <= 1):
                raise DataError(
                    "expected a keypoint [x, y, visibility] in shares of the image's sides, each "
                    f"in [0, 1], found {list(point)}."
                )

    def held(self, value: PointSet) -> int:
        """The number of points that are not absent."""
        return int((value.visibility > ABSENT).sum())

    def raw(self, value: PointSet) -> list[list[list[float]]]:
        """Returns [x, y, visibility] of each point of each object."""
        rows = zip(value.points.tolist(), value.visibility.tolist(), strict=True)
        return [
            [[x, y, seen] for (x, y), seen in zip(places, visible, strict=True)]
            for places, visible in rows
        ]

    def features(self, name: str) -> dict[str, Feature]:
        """`name/points` and `name/visibility`, for any number of objects."""
        count = len(self.names)
        return {
            f"{name}/points": Feature(kind="tensor", dtype="float32", shape=(None, count, 2)),
            f"{name}/visibility": Feature(kind="tensor", dtype="int64", shape=(None, count)),
        }

    def encode(self, name: str, value: PointSet) -> dict[str, Any]:
        """Returns points and visibility."""
        return {
            f"{name}/points": np.asarray(value.points, np.float32),
            f"{name}/visibility": np.asarray(value.visibility, np.int64),
        }

    def decode(self, name: str, features: Mapping[str, Any]) -> PointSet:
        """Returns the points.

        Raises:
          ValueError: there is not one visibility for each.
        """
        count = len(self.names)
        points = np.asarray(features[f"{name}/points"], np.float32)
        visibility = np.asarray(features[f"{name}/visibility"], np.int64)
        value = PointSet(
            points=points.reshape(-1, count, 2), visibility=visibility.reshape(-1, count)
        )
        if len(value.points) != len(value.visibility):
            sizes = f"{len(value.points)} and {len(value.visibility)}"
            raise ValueError(f"expected as many points as visibilities, found {sizes} objects")
        return value

    def streamed(self, name: str) -> tuple[str, ...]:
        """Points and visibility."""
        return tuple(self.features(name))

    def show(self, value: PointSet) -> str:
        """How many objects there are, and how many of their points are known."""
        known = int((value.visibility > ABSENT).sum())
        noun = "object" if len(value) == 1 else "objects"
        return f"{len(value)} {noun}, {known} of {value.visibility.size} keypoints"

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says of points outside of the image and of unknown visibilities."""
        value = self.decode(name, features)
        if not ((value.points >= 0) & (value.points <= 1)).all():
            return f"expected points in [0, 1], found {value.points.min()} to {value.points.max()}"
        if not np.isin(value.visibility, (ABSENT, HIDDEN, VISIBLE)).all():
            return f"expected visibilities 0, 1 or 2, found {value.visibility.max()}"
        return None

    def move(self, value: PointSet, motion: Motion) -> PointSet:
        """Returns the points where the pixels went; absent where they left the image."""
        pixels = value.points.astype(np.float64) * motion.before[::-1]
        return self.placed(value, motion.points(pixels), motion.after, mirrored=motion.mirrors)

    def move_batch(self, columns: Mapping[str, Any], motion: BatchMotion) -> dict[str, Any]:
        """Returns `points` and `visibility` where the pixels went; objects that are none stay."""
        ops, count = motion.ops, len(self.names)
        before = ops.convert_to_tensor([float(side) for side in motion.before[::-1]], "float32")
        after = ops.convert_to_tensor([float(side) for side in motion.after[::-1]], "float32")
        shape = ops.shape(columns["points"])
        flat = ops.reshape(columns["points"] * before, (shape[0], shape[1] * count, 2))
        shares = ops.reshape(motion.points(flat) / after, shape)
        inside = ops.all((shares >= 0) & (shares <= 1), axis=-1)
        known = columns["visibility"]
        known = ops.where(inside | (known < 0), known, ops.cast(ABSENT, known.dtype))
        points = ops.where(known[..., None] > ABSENT, shares, 0.0)
        if not self.swaps:
            return {"points": points, "visibility": known}
        order = ops.convert_to_tensor(self.mirrored, "int32")
        mirrors = motion.mirrors[:, None, None]
        return {
            "points": ops.where(mirrors[..., None], ops.take(points, order, axis=2), points),
            "visibility": ops.where(mirrors, ops.take(known, order, axis=2), known),
        }

    def placed(
        self, value: PointSet, pixels: np.ndarray, size: tuple[int, int], *, mirrored: bool
    ) -> PointSet:
        """Returns the points at other places of another image; absent where these lie outside.

        Args:
          pixels: `(n, k, 2)`, where each point went, as x, y in pixels.
          size: (height, width) of the image.
          mirrored: whether left and right, as `swaps` says, change places.
        """
        shares = pixels / np.array(size[::-1], np.float64)
        inside = ((shares >= 0) & (shares <= 1)).all(axis=2)
        visibility = np.where(inside, value.visibility, ABSENT)
        points = np.where(visibility[:, :, None] > ABSENT, shares, 0.0).astype(np.float32)
        if mirrored:
            points, visibility = points[:, self.mirrored], visibility[:, self.mirrored]
        return PointSet(points=points, visibility=visibility)

    def cut(self, raw: Any, window: Window) -> list[Any]:
        """Returns the points that lie in a part; an object that has none there is left out."""
        value = self.parse(raw)
        (top, left, height, width), (tall, wide) = window.box, window.image
        flat = np.array(raw, np.float64).reshape(-1, len(self.names), 3)
        _, _, high, broad = window.inside
        pixels = flat[:, :, :2] * [wide, tall] - [left, top]
        inside = ((pixels >= 0) & (pixels <= [broad, high])).all(axis=2)
        seen = np.where(inside, value.visibility, ABSENT)
        shares = np.where(seen[:, :, None] > ABSENT, pixels / [width, height], 0.0)
        objects = [
            [[x, y, known] for (x, y), known in zip(places, own, strict=True)]
            for places, own in zip(shares.tolist(), seen.tolist(), strict=True)
        ]
        return [each for each, own in zip(objects, seen, strict=True) if own.any()]

    def joined(self, values: Sequence[PointSet], windows: Sequence[Window]) -> PointSet:
        """Returns the points of the whole; objects are one if they have a point at one place."""
        size = windows[0].image
        pairs = list(zip(values, windows, strict=True))
        places = [window.laid().points(_pixels(v.points, window.size)) for v, window in pairs]

        def agree(one: int, other: int) -> np.ndarray:
            apart = np.abs(places[one][:, None] - places[other][None]).max(axis=3)
            both = (values[one].visibility > ABSENT)[:, None] & (values[other].visibility > ABSENT)
            alike = both & (apart <= _SAME)
            same: np.ndarray = alike.any(axis=2) & ~(both & ~alike).any(axis=2)
            return same.astype(np.float64)

        kinds = [np.zeros(len(each), np.int64) for each in values]
        sets = joining.groups(kinds, windows, agree, 1.0)
        count = len(self.names)
        points = np.zeros((len(sets), count, 2), np.float64)
        visibility = np.zeros((len(sets), count), np.int64)
        for row, members in enumerate(sets):
            for at, place in reversed(members):
                known = values[at].visibility[place] > ABSENT
                points[row][known] = places[at][place][known]
                visibility[row][known] = values[at].visibility[place][known]
        shares = np.where(visibility[:, :, None] > ABSENT, points / [size[1], size[0]], 0.0)
        return PointSet(points=shares.clip(0, 1).astype(np.float32), visibility=visibility)

    def __str__(self) -> str:
        return f"{len(self.names)} keypoints"


def _pixels(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    pixels: np.ndarray = points.astype(np.float64) * size[::-1]
    return pixels
