"""Boxes around objects, each with a class and attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, ClassVar, Literal

import numpy as np

from dsbuilder.batches import BatchMotion
from dsbuilder.errors import DataError
from dsbuilder.paths import is_utf8
from dsbuilder.sample import Feature, Motion, Target, Tile, Window
from dsbuilder.targets import joining
from dsbuilder.targets.naming import check_ids, check_names, id_of
from dsbuilder.targets.number import is_number

Dtype = Literal["int64", "float32", "string"]

_OWN = ("bbox", "label", "box")
_DTYPES: Mapping[str, Any] = {"int64": np.int64, "float32": np.float32, "string": object}
_YX = [1, 0, 3, 2]
_MOST_SHOWN = 4
_ROUNDING = 1e-6
_INT64 = 1 << 63
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxSet:
    """The boxes of one sample.

    Attributes:
      corners: float32 `(n, 4)`, x_min, y_min, x_max, y_max as shares of the image's sides.
      classes: int64 `(n,)`, class ids.
      attributes: an array `(n,)` for each, by name: int64, float32, or texts as objects.
    """

    corners: np.ndarray
    classes: np.ndarray
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.corners)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BoxSet)
            and np.array_equal(self.corners, other.corners)
            and np.array_equal(self.classes, other.classes)
            and self.attributes.keys() == other.attributes.keys()
            and all(np.array_equal(v, other.attributes[k]) for k, v in self.attributes.items())
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    def take(self, kept: np.ndarray, corners: np.ndarray) -> "BoxSet":
        """Returns the boxes of some places, with new corners; attributes follow.

        Args:
          kept: places among the boxes.
          corners: `(len(kept), 4)`.
        """
        return BoxSet(
            corners=np.asarray(corners, np.float32).reshape(-1, 4),
            classes=self.classes[kept],
            attributes={name: values[kept] for name, values in self.attributes.items()},
        )

    @staticmethod
    def joined(sets: "Sequence[BoxSet]") -> "BoxSet":
        """Returns the boxes of one set or more, of the same attributes, one after the other."""
        return BoxSet(
            corners=np.concatenate([each.corners for each in sets]),
            classes=np.concatenate([each.classes for each in sets]),
            attributes={
                name: np.concatenate([each.attributes[name] for each in sets])
                for name in sets[0].attributes
            },
        )


@dataclass(frozen=True, kw_only=True)
class Boxes(Target):
    """Boxes with a class and attributes; corners are shares of the image's sides.

    Stored are `objects/bbox` float32 `(n, 4)` in the order y_min, x_min, y_max, x_max that
    TensorFlow takes, `objects/label` int64 `(n,)` and each attribute `(n,)`, if the target is
    called `objects`.

    Attributes:
      names: class names in id order.
      attributes: (name, `int64`, `float32` or `string`) of what else is known of every box.
      numbers: what the source numbers the classes with, where that is not 1, 2, 3, ...; ids are
        places in `names` all the same, and an export to such a layout writes the numbers again.
    """

    kind: ClassVar[str] = "boxes"
    positional: ClassVar[bool] = True
    least_area: ClassVar[float] = 1.0
    """Square pixels that must be left of a box that is moved, or it is dropped."""
    least_visible: ClassVar[float] = 0.05
    """Share of a box that must still lie in the image when it is moved, or it is dropped."""
    loses: ClassVar[str] = "boxes, of which less than 1 square pixel or 5 % was left in the image"
    names: tuple[str, ...]
    attributes: tuple[tuple[str, Dtype], ...] = ()
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_names(self.names)
        if self.numbers and len(set(self.numbers)) != len(self.names):
            raise DataError(
                f"expected a number of its own for each of {len(self.names)} classes, found "
                f"{list(self.numbers)}."
            )
        check_names([name for name, _ in self.attributes], "attribute")
        for name, dtype in self.attributes:
            if name in _OWN or "/" in name:
                raise DataError(f"expected another name of an attribute of boxes, found '{name}'.")
            if dtype not in _DTYPES:
                raise DataError(
                    f"attribute '{name}': expected int64, float32 or string, found '{dtype}'."
                )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    def parse(self, raw: Any) -> BoxSet:
        """Returns the boxes of a list of `{"label": name, "box": [x, y, x, y], attribute: ...}`."""
        if not isinstance(raw, (list, tuple)):
            raise DataError(f"expected a list of boxes, found {type(raw).__name__} {raw!r}.")
        return BoxSet(
            corners=np.array([_corners(box) for box in raw], np.float32).reshape(-1, 4),
            classes=np.array([id_of(self.names, box.get("label")) for box in raw], np.int64),
            attributes={
                name: _column(dtype, [_attribute(box, name, dtype) for box in raw])
                for name, dtype in self.attributes
            },
        )

    def held(self, value: BoxSet) -> int:
        """The number of boxes."""
        return len(value)

    def raw(self, value: BoxSet) -> list[dict[str, Any]]:
        """Returns `{"label": name, "box": [x, y, x, y], attribute: ...}` of each box."""
        columns = {name: values.tolist() for name, values in value.attributes.items()}
        rows = zip(self.classes(value), value.corners.tolist(), strict=True)
        return [
            {"label": label, "box": box, **{name: each[row] for name, each in columns.items()}}
            for row, (label, box) in enumerate(rows)
        ]

    def features(self, name: str) -> dict[str, Feature]:
        """`name/bbox`, `name/label` and `name/<attribute>`, each of any length."""
        stored = {
            f"{name}/bbox": Feature(kind="box", dtype="float32", shape=(None, 4)),
            f"{name}/label": Feature(kind="class", dtype="int64", shape=(None,), names=self.names),
        }
        for attribute, dtype in self.attributes:
            kind: Literal["text", "tensor"] = "text" if dtype == "string" else "tensor"
            stored[f"{name}/{attribute}"] = Feature(kind=kind, dtype=dtype, shape=(None,))
        return stored

    def encode(self, name: str, value: BoxSet) -> dict[str, Any]:
        """Returns corners in the order y, x, y, x, ids, and attributes."""
        stored: dict[str, Any] = {
            f"{name}/bbox": np.asarray(value.corners, np.float32)[:, _YX],
            f"{name}/label": np.asarray(value.classes, np.int64),
        }
        for attribute, dtype in self.attributes:
            values = value.attributes[attribute]
            is_text = dtype == "string"
            stored[f"{name}/{attribute}"] = [v.encode() for v in values] if is_text else values
        return stored

    def decode(self, name: str, features: Mapping[str, Any]) -> BoxSet:
        """Returns the boxes.

        Raises:
          ValueError: there is not one known class, and one value of each attribute, for each.
        """
        corners = np.asarray(features[f"{name}/bbox"], np.float32).reshape(-1, 4)
        value = BoxSet(
            corners=np.ascontiguousarray(corners[:, _YX]),
            classes=np.asarray(features[f"{name}/label"], np.int64).reshape(-1),
            attributes={
                attribute: _column(dtype, _decoded(dtype, features[f"{name}/{attribute}"]))
                for attribute, dtype in self.attributes
            },
        )
        lengths = {len(value), len(value.classes), *map(len, value.attributes.values())}
        if len(lengths) > 1:
            raise ValueError(f"expected columns of one length, found {sorted(lengths)}")
        check_ids(value.classes.tolist(), self.names)
        return value

    def streamed(self, name: str) -> tuple[str, ...]:
        """All that is stored."""
        return tuple(self.features(name))

    def show(self, value: BoxSet) -> str:
        """How many boxes of each class there are."""
        counts = np.bincount(value.classes, minlength=len(self.names))
        shown = [f"{counts[n]} {self.names[n]}" for n in np.flatnonzero(counts)]
        more = [f"{len(shown) - _MOST_SHOWN} more"] if len(shown) > _MOST_SHOWN else []
        return ", ".join([*shown[:_MOST_SHOWN], *more]) or "no boxes"

    def classes(self, value: BoxSet) -> list[str]:
        """The class of each box."""
        return [self.names[number] for number in value.classes]

    def stated(self, raw: Any) -> list[str]:
        """The class of each box."""
        return [str(box["label"]) for box in raw]

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says of boxes outside of the image, ids that are no class, and columns that differ."""
        value = self.decode(name, features)
        corners = value.corners
        if not ((corners >= 0) & (corners <= 1)).all():
            return f"expected corners in [0, 1], found {corners.min():g} to {corners.max():g}"
        if (corners[:, :2] > corners[:, 2:]).any():
            return "expected x_min <= x_max and y_min <= y_max, found another order"
        return None

    def move(self, value: BoxSet, motion: Motion) -> BoxSet:
        """Returns the boxes around where the corners went, cut at the image's edges.

        A box of which less than `least_visible` or `least_area` is left is dropped.
        """
        height, width = motion.after
        sides = np.array([width, height], np.float64)
        moved = motion.points(_four(value.corners) * motion.before[::-1]) / sides
        whole = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
        cut = whole.clip(0.0, 1.0)
        area, left = _area(whole), _area(cut)
        kept = (left * width * height >= self.least_area) & (left >= self.least_visible * area)
        places = np.flatnonzero(kept)
        return value.take(places, cut[places])

    def move_batch(self, columns: Mapping[str, Any], motion: BatchMotion) -> dict[str, Any]:
        """Returns the boxes as `move` does; of each sample those that are kept stand first."""
        ops, (height, width) = motion.ops, motion.after
        bbox = columns["bbox"]
        tall, wide = motion.before
        y = [bbox[..., side] * tall for side in (0, 2)]
        x = [bbox[..., side] * wide for side in (1, 3)]
        corners = [motion.points(ops.stack([across, down], -1)) for across in x for down in y]
        xs = [each[..., 0] / width for each in corners]
        ys = [each[..., 1] / height for each in corners]
        low, high = ops.minimum, ops.maximum
        sides = [reduce(of, along) for of in (low, high) for along in (ys, xs)]
        whole = ops.stack(sides, -1)
        cut = ops.clip(whole, 0.0, 1.0)
        area, left = _area(whole), _area(cut)
        kept = (left * width * height >= self.least_area) & (left >= self.least_visible * area)
        kept = kept & (columns["label"] >= 0)
        count = ops.shape(bbox)[1]
        places = ops.arange(count, dtype="int32")[None, :]
        order = ops.argsort(ops.where(kept, places, places + count), axis=1)
        there = places < ops.sum(ops.cast(kept, "int32"), axis=1, keepdims=True)
        found = {"bbox": ops.where(there[..., None], _ordered(cut, order, ops), 0.0)}
        for name, values in columns.items():
            if name != "bbox":
                none = ops.cast(-1 if "int" in str(values.dtype) else 0, values.dtype)
                found[name] = ops.where(there, ops.take_along_axis(values, order, axis=1), none)
        return found

    def cut(self, raw: Any, window: Window) -> list[dict[str, Any]]:
        """Returns the boxes of a part, cut at its edges, but those of which too little is seen."""
        corners = np.array([_corners(box) for box in raw], np.float64).reshape(-1, 4)
        kept, cut = cut_at(corners, window)
        pairs = zip(kept.tolist(), cut.tolist(), strict=True)
        return [{**raw[place], "box": box} for place, box in pairs]

    def counted_in(self, raw: Any, windows: Sequence[Window]) -> tuple[int, int, int]:
        """Counts boxes."""
        return counted_in(np.array([_corners(box) for box in raw]), windows)

    def joined(
        self,
        values: Sequence[BoxSet],
        windows: Sequence[Window],
        scores: Sequence[np.ndarray] | None = None,
        least: float = joining.LABELS,
    ) -> BoxSet:
        """Returns the boxes of the whole image: those that a seam cut in one piece, each once.

        Of boxes that are one, one that no seam cuts is taken as it is, else that around all.

        Args:
          scores: of a detector, how sure it is of each box of each window: of several that no seam
            cuts the surest is taken.
          least: see `joining.py`.
        """
        places = [joining.in_image(v.corners, w) for v, w in zip(values, windows, strict=True)]
        sets = joining.groups(
            [each.classes for each in values],
            windows,
            lambda one, other: joining.agreement(
                places[one], places[other], (windows[one], windows[other])
            ),
            least,
        )
        cut = [joining.seams(p, w) for p, w in zip(places, windows, strict=True)]
        sure = scores or [np.zeros(len(each)) for each in values]
        height, width = windows[0].image
        starts = np.cumsum([0, *(len(each) for each in values)])
        kept, corners = [], []
        for members in sets:
            whole = [each for each in members if not cut[each[0]][each[1]]]
            at, place = max(whole or members, key=lambda each: sure[each[0]][each[1]])
            around = np.stack([places[a][p] for a, p in ([(at, place)] if whole else members)])
            kept.append(int(starts[at]) + place)
            corners.append([*around[:, :2].min(axis=0), *around[:, 2:].max(axis=0)])
        shares = np.array(corners, np.float64).reshape(-1, 4) / [width, height, width, height]
        return BoxSet.joined(values).take(np.array(kept, np.int64), shares.clip(0, 1))

    def tiled(self) -> "Boxes":
        """Boxes as well."""
        return self

    def tile(
        self, values: Sequence[BoxSet], tiles: Sequence[Tile], canvas: tuple[int, int]
    ) -> BoxSet:
        """Returns the boxes of all tiles, each cut at the edges of its own; see `move`."""
        return BoxSet.joined(
            [
                self.move(self.move(value, tile.cut()), tile.laid(canvas))
                for value, tile in zip(values, tiles, strict=True)
            ]
        )

    def __str__(self) -> str:
        return f"boxes of {len(self.names)} {'class' if len(self.names) == 1 else 'classes'}"


def cut_at(corners: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places of boxes that are seen in a window, and their corners in its shares.

    Args:
      corners: `(n, 4)`, x_min, y_min, x_max, y_max as shares of the whole image's sides.
    """
    (tall, wide), (top, left, height, width) = window.image, window.box
    whole = corners * np.array([wide, tall, wide, tall], np.float64)
    _, _, high, broad = window.inside
    cut = whole.clip([left, top, left, top], [left + broad, top + high, left + broad, top + high])
    area, seen = _area(whole), _area(cut)
    least = max(window.least_visible, Boxes.least_visible)
    kept = np.flatnonzero((seen >= Boxes.least_area) & (seen >= least * area))
    shares = (cut[kept] - [left, top, left, top]) / [width, height, width, height]
    return kept, shares


def counted_in(corners: np.ndarray, windows: Sequence[Window]) -> tuple[int, int, int]:
    """Returns how many boxes there are, how many no window shows whole, how many none has.

    Args:
      corners: as `cut_at` takes them.
    """
    boxes = corners.astype(np.float64).reshape(-1, 4)
    shown, whole = np.zeros(len(boxes), bool), np.zeros(len(boxes), bool)
    for window in windows if len(boxes) else ():
        kept, _ = cut_at(boxes, window)
        (tall, wide), (top, left, height, width) = window.image, window.inside
        low = np.array([left / wide, top / tall]) - _ROUNDING
        high = np.array([(left + width) / wide, (top + height) / tall]) + _ROUNDING
        shown[kept] = True
        whole |= ((boxes[:, :2] >= low) & (boxes[:, 2:] <= high)).all(axis=1)
    return len(boxes), int((shown & ~whole).sum()), int((~shown).sum())


def _corners(box: Any) -> list[float]:
    corners = box.get("box") if isinstance(box, Mapping) else None
    if not isinstance(corners, (list, tuple)) or len(corners) != 4:
        raise DataError(f"expected a box [x_min, y_min, x_max, y_max], found {box!r}.")
    x_min, y_min, x_max, y_max = corners
    if not all(map(is_number, corners)) or not (
        0 <= x_min <= x_max <= 1 and 0 <= y_min <= y_max <= 1
    ):
        raise DataError(
            "expected a box [x_min, y_min, x_max, y_max] of shares of the image's sides, each in "
            f"[0, 1], found {list(corners)}."
        )
    return [float(corner) for corner in corners]


def _attribute(box: Mapping[str, Any], name: str, dtype: Dtype) -> Any:
    found = box.get(name)
    fits = {
        "string": isinstance(found, str) and is_utf8(found),
        "int64": isinstance(found, int) and -_INT64 <= found < _INT64,
        "float32": isinstance(found, (int, float)) and (found != found or abs(found) <= _LARGEST),
    }
    if not fits[dtype]:
        raise DataError(f"attribute '{name}': expected {dtype}, found {found!r} of a box.")
    return found


def _column(dtype: Dtype, values: Any) -> np.ndarray:
    column = np.empty(len(values), _DTYPES[dtype])
    column[:] = values
    return column


def _decoded(dtype: Dtype, values: Any) -> Any:
    return [bytes(value).decode() for value in values] if dtype == "string" else values


def _four(corners: np.ndarray) -> np.ndarray:
    """Returns the four corner points of each box, `(n, 4, 2)` as x, y."""
    x_min, y_min, x_max, y_max = corners.astype(np.float64).T
    xs = np.stack([x_min, x_max, x_max, x_min], axis=1)
    ys = np.stack([y_min, y_min, y_max, y_max], axis=1)
    return np.stack([xs, ys], axis=2)


def _area(corners: Any) -> Any:
    """Returns the area of each box `(..., 4)`, in the square of its unit."""
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])


def _ordered(corners: Any, order: Any, ops: Any) -> Any:
    """Returns boxes `(B, n, 4)` in another order, `(B, n)`."""
    sides = [ops.take_along_axis(corners[..., side], order, axis=1) for side in range(4)]
    return ops.stack(sides, axis=-1)
