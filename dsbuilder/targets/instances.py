"""Objects, each with a mask of its own, a class, a box and attributes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.images import bit_planes, rle
from dsbuilder.sample import Feature, Motion, Target, Tile, Window
from dsbuilder.targets import joining
from dsbuilder.targets.boxes import Boxes, BoxSet, Dtype, counted_in, cut_at
from dsbuilder.targets.segment import (
    WINDOW,
    bounds,
    check_segment,
    check_size,
    covered,
    size_of,
    window_of,
)

_OUTLINE = ("polygons", "counts")
Outline = tuple[np.ndarray, ...]
"""Polygons of an object, each float32 `(k, 2)`, x, y in pixels; none where they are not known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class InstanceSet:
    """The objects of one sample.

    Attributes:
      boxes: boxes, classes and attributes of the n objects.
      planes: uint8 `(ceil(n / 8), H, W)`, their masks, of the image's size; see `bit_planes`.
      outlines: polygons that a mask was made of, as long as nothing moved it; one entry an object.
    """

    boxes: BoxSet
    planes: np.ndarray
    outlines: tuple[Outline, ...]

    def __len__(self) -> int:
        return len(self.boxes)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, InstanceSet)
            and self.boxes == other.boxes
            and np.array_equal(self.planes, other.planes)
            and [len(each) for each in self.outlines] == [len(each) for each in other.outlines]
            and all(map(np.array_equal, chain(*self.outlines), chain(*other.outlines)))
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the masks."""
        return bit_planes.sizes(self.planes)

    def mask(self, place: int) -> np.ndarray:
        """Returns the mask of an object, bool `(H, W)`."""
        return bit_planes.mask_of(self.planes, place)

    def masks(self) -> Iterator[np.ndarray]:
        """Yields the mask of every object, bool `(H, W)`."""
        return bit_planes.unpack(self.planes, len(self))

    def polygons(self, place: int) -> list[list[float]]:
        """Returns the polygons of an object, `[x0, y0, x1, y1, ...]` in pixels, if they are known.

        Numbers are the shortest that float32 tells apart: those that were read, of up to 7 digits.
        """
        return [[float(str(n)) for n in each.reshape(-1)] for each in self.outlines[place]]

    def take(self, places: Sequence[int]) -> "InstanceSet":
        """Returns the objects of some places."""
        kept = np.asarray(places, np.int64)
        return InstanceSet(
            boxes=self.boxes.take(kept, self.boxes.corners[kept]),
            planes=bit_planes.take(self.planes, places),
            outlines=tuple(self.outlines[place] for place in places),
        )

    def areas(self) -> np.ndarray:
        """Returns the number of pixels of each object, int64 `(n,)`."""
        return np.array([np.count_nonzero(mask) for mask in self.masks()], np.int64)

    def covering(
        self, planes: np.ndarray, least: np.ndarray | float = 1.0, *, moved: bool = False
    ) -> "InstanceSet":
        """Returns the objects with other masks, perhaps of another size, and the boxes around them.

        Unless all were moved, one whose mask is as it was keeps its box and its polygons. One
        without a pixel is dropped.

        Args:
          planes: see `planes` of the class.
          least: pixels that others must cover, or they are dropped, `(n,)` or of all.
          moved: whether the objects lie elsewhere now; then a mask may be as it was by chance.
        """
        wanted = np.broadcast_to(least, len(self))
        still = np.zeros(len(self), bool) if moved else self._still(planes)
        found = []
        for place, mask in enumerate(bit_planes.unpack(planes, len(self))):
            around = bit_planes.shares(mask)
            if around is None:
                continue
            if still[place]:
                found.append((place, self.boxes.corners[place], self.outlines[place]))
            elif np.count_nonzero(mask) >= wanted[place]:
                found.append((place, np.array(around), ()))
        kept = [place for place, *_ in found]
        corners = np.array([each for _, each, _ in found])
        return InstanceSet(
            boxes=self.boxes.take(np.array(kept, np.int64), corners),
            planes=planes if len(kept) == len(self) else bit_planes.take(planes, kept),
            outlines=tuple(outline for *_, outline in found),
        )

    def _still(self, planes: np.ndarray) -> np.ndarray:
        """Returns whether the mask of each object is the same in other planes, `(n,)`."""
        if planes.shape != self.planes.shape:
            return np.zeros(len(self), bool)
        pixels = (planes ^ self.planes).reshape(len(planes), planes.shape[1] * planes.shape[2])
        changed = np.unpackbits(np.bitwise_or.reduce(pixels, axis=1), bitorder="little")
        still: np.ndarray = changed[: len(self)] == 0
        return still

    @staticmethod
    def joined(sets: "Sequence[InstanceSet]") -> "InstanceSet":
        """Returns the objects of one set or more of one size, one after the other."""
        masks = chain.from_iterable(each.masks() for each in sets)
        return InstanceSet(
            boxes=BoxSet.joined([each.boxes for each in sets]),
            planes=bit_planes.pack(masks, sets[0].shape),
            outlines=tuple(chain.from_iterable(each.outlines for each in sets)),
        )


@dataclass(frozen=True, kw_only=True)
class Instances(Target):
    """Objects with a mask each: whole ones, which may cover each other.

    A raw value is `{"objects": [...], "size": [height, width]}` in pixels. An object is `{"label":
    name, "box": [x_min, y_min, x_max, y_max], attribute: ...}` as of boxes, with `"polygons":
    [[x0, y0, ...], ...]` or `"counts"`, COCO's run lengths. Without a box it has that around its
    pixels.

    Stored are, beside what boxes store, `objects/count` and `objects/size` (height, width), and
    `objects/masks`, the run lengths of all masks one after the other (`images/bit_planes.py`), if
    the target is called `objects`. Polygons stay as they are while nothing moves an object:
    `objects/points` float32 `(k, 2)` of all, and `objects/polygons` int64 `(m, 2)`, the object of
    each and how many points it has. What moves an image moves the masks, as it does a target
    `mask`; then boxes are those around the pixels, and polygons are gone.

    Attributes:
      names: class names in id order.
      attributes: see `Boxes`.
      numbers: see `Boxes`.
    """

    kind: ClassVar[str] = "instances"
    positional: ClassVar[bool] = True
    of_pixels: ClassVar[bool] = True
    own: ClassVar[tuple[str, ...]] = (
        "count",
        "size",
        "masks",
        "polygons",
        "points",
        "counts",
        "segmentation",
    )
    """Names that no attribute may have, beside those of `Boxes`."""
    loses: ClassVar[str] = "objects, of which no pixel was left in the image"
    names: tuple[str, ...]
    attributes: tuple[tuple[str, Dtype], ...] = ()
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        taken = [name for name, _ in self.boxes.attributes if name in self.own]
        if taken:
            raise DataError(
                f"expected another name of an attribute of instances, found '{taken[0]}'."
            )

    @cached_property
    def boxes(self) -> Boxes:
        """What the objects are without their masks."""
        return Boxes(names=self.names, attributes=self.attributes, numbers=self.numbers)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    def check(self, raw: Any) -> None:
        """Raises a DataError unless a raw value has the form of one; fills no mask."""
        if not isinstance(raw, Mapping) or not isinstance(raw.get("objects"), (list, tuple)):
            raise DataError(f"expected the objects of an image and its size, found {raw!r}.")
        size_of(raw)
        window_of(raw)
        for each in raw["objects"]:
            check_segment(each)
        self.boxes.parse([{"box": [0, 0, 1, 1], **each} for each in raw["objects"]])

    def parse(self, raw: Any) -> InstanceSet:
        """Returns the objects.

        Raises:
          DataError: they are malformed, or one has neither a box nor a pixel.
        """
        self.check(raw)
        size, objects = size_of(raw), raw["objects"]
        window = window_of(raw)
        if window is not None:
            return self._of_window(objects, size, window)
        outlines = tuple(map(_outline, objects))
        masks = (_covered(*each, size) for each in zip(objects, outlines, strict=True))
        planes = bit_planes.pack(masks, size)
        boxed = [_boxed(each, planes, place) for place, each in enumerate(objects)]
        return InstanceSet(boxes=self.boxes.parse(boxed), planes=planes, outlines=outlines)

    def _of_window(
        self, objects: Sequence[Mapping[str, Any]], size: tuple[int, int], window: Window
    ) -> InstanceSet:
        """Returns what is seen of objects in a window; those without a pixel there are dropped."""
        masks = (_covered(each, _outline(each), size, window) for each in objects)
        planes = bit_planes.pack(masks, window.size)
        boxes = [{**_bare(each), "box": [0, 0, 1, 1]} for each in objects]
        outlines = ((),) * len(objects)
        found = InstanceSet(boxes=self.boxes.parse(boxes), planes=planes, outlines=outlines)
        return found.covering(planes, moved=True)

    def raw(self, value: InstanceSet) -> dict[str, Any]:
        """Returns the objects, with polygons where they are known, else run lengths."""
        objects = [
            {**box, "polygons": value.polygons(place)}
            if value.outlines[place]
            else {**box, "counts": rle.encode(value.mask(place))}
            for place, box in enumerate(self.boxes.raw(value.boxes))
        ]
        return {"objects": objects, "size": list(value.shape)}

    def held(self, value: InstanceSet) -> int:
        """The number of objects."""
        return len(value)

    def features(self, name: str) -> dict[str, Feature]:
        """What boxes store, the masks, and the polygons."""
        return {
            **self.boxes.features(name),
            f"{name}/count": Feature(kind="tensor", dtype="int64"),
            f"{name}/size": Feature(kind="tensor", dtype="int64", shape=(2,)),
            f"{name}/masks": Feature(kind="runs", dtype="int64", shape=(None,)),
            f"{name}/polygons": Feature(kind="tensor", dtype="int64", shape=(None, 2)),
            f"{name}/points": Feature(kind="tensor", dtype="float32", shape=(None, 2)),
        }

    def encode(self, name: str, value: InstanceSet) -> dict[str, Any]:
        """Returns boxes, run lengths and polygons."""
        polygons = [(n, each) for n, outline in enumerate(value.outlines) for each in outline]
        lengths = [(number, len(each)) for number, each in polygons]
        return {
            **self.boxes.encode(name, value.boxes),
            f"{name}/count": np.int64(len(value)),
            f"{name}/size": np.array(value.shape, np.int64),
            f"{name}/masks": bit_planes.runs(value.planes, len(value)),
            f"{name}/polygons": np.array(lengths, np.int64).reshape(-1, 2),
            f"{name}/points": np.concatenate(
                [np.zeros((0, 2), np.float32), *(each for _, each in polygons)]
            ),
        }

    def decode(self, name: str, features: Mapping[str, Any]) -> InstanceSet:
        """Returns the objects.

        Raises:
          ValueError: masks or polygons are not those of as many objects as there are boxes.
        """
        boxes = self.boxes.decode(name, features)
        count = int(np.asarray(features[f"{name}/count"]).reshape(()))
        if count != len(boxes):
            raise ValueError(f"expected {count} boxes, found {len(boxes)}")
        height, width = np.asarray(features[f"{name}/size"], np.int64).reshape(2).tolist()
        if min(height, width) < 1:
            raise ValueError(f"expected masks of 1 pixel or more, found {width} x {height}")
        lengths = np.asarray(features[f"{name}/masks"], np.int64).reshape(-1)
        return InstanceSet(
            boxes=boxes,
            planes=bit_planes.of_runs(lengths, count, (height, width)),
            outlines=_outlines(
                count,
                np.asarray(features[f"{name}/polygons"], np.int64).reshape(-1, 2),
                np.asarray(features[f"{name}/points"], np.float32).reshape(-1, 2),
            ),
        )

    def streamed(self, name: str) -> tuple[str, ...]:
        """What boxes stream, how many objects there are, and their masks."""
        return (*self.boxes.streamed(name), f"{name}/count", f"{name}/masks")

    def show(self, value: InstanceSet) -> str:
        """How many objects of each class there are."""
        return self.boxes.show(value.boxes) if len(value) else "no objects"

    def classes(self, value: InstanceSet) -> list[str]:
        """The class of each object."""
        return self.boxes.classes(value.boxes)

    def stated(self, raw: Any) -> list[str]:
        """The class of each object."""
        return self.boxes.stated(raw["objects"])

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says of boxes outside of the image; what else is wrong, `decode` raises."""
        self.decode(name, features)
        return self.boxes.problem(name, features)

    def move(self, value: InstanceSet, motion: Motion) -> InstanceSet:
        """Returns the objects where their pixels went, of nearest neighbors.

        Those of which no pixel is left are dropped; where all stay, they keep their polygons.
        """
        if motion.stays:
            return value
        return value.covering(motion.moved(value.planes, outside=0), moved=True)

    def cut(self, raw: Any, window: Window) -> dict[str, Any]:
        """Returns the objects of which enough lies in a part, judged by their boxes."""
        check_size(raw, window)
        own, size = window.within(window_of(raw)), size_of(raw)
        around = [_around(each, size) for each in raw["objects"]]
        kept, _ = cut_at(np.array(around, np.float64).reshape(-1, 4), own)
        objects = [raw["objects"][place] for place in kept.tolist()]
        return {**raw, "objects": objects, WINDOW: own.to_json()}

    def counted_in(self, raw: Any, windows: Sequence[Window]) -> tuple[int, int, int]:
        """Counts objects, by their boxes."""
        size = size_of(raw)
        return counted_in(np.array([_around(each, size) for each in raw["objects"]]), windows)

    def joined(self, values: Sequence[InstanceSet], windows: Sequence[Window]) -> InstanceSet:
        """Returns the objects of the whole: what is seen of each in all windows, in one mask."""
        places = [
            joining.in_image(v.boxes.corners, w) for v, w in zip(values, windows, strict=True)
        ]

        def agree(one: int, other: int) -> np.ndarray:
            near = joining.agreement(places[one], places[other], (windows[one], windows[other]))
            for first, second in np.argwhere(near > 0).tolist():
                masks = values[one].mask(first), values[other].mask(second)
                near[first, second] = joining.overlap(*masks, windows[one], windows[other])
            return near

        sets = joining.groups(
            [each.boxes.classes for each in values], windows, agree, joining.LABELS
        )
        size = windows[0].image
        planes = bit_planes.pack((_united(each, values, windows) for each in sets), size)
        starts = np.cumsum([0, *(len(each) for each in values)])
        first = np.array([int(starts[at]) + place for (at, place), *_ in sets], np.int64)
        boxes = BoxSet.joined([each.boxes for each in values])
        found = InstanceSet(
            boxes=boxes.take(first, boxes.corners[first]),
            planes=planes,
            outlines=((),) * len(sets),
        )
        return found.covering(planes, moved=True)

    def tiled(self) -> "Instances":
        """Instances as well."""
        return self

    def tile(
        self, values: Sequence[InstanceSet], tiles: Sequence[Tile], canvas: tuple[int, int]
    ) -> InstanceSet:
        """Returns the objects of all tiles, each cut at the edges of its own."""
        return InstanceSet.joined(
            [
                self.move(self.move(value, tile.cut()), tile.laid(canvas))
                for value, tile in zip(values, tiles, strict=True)
            ]
        )

    def __str__(self) -> str:
        return f"instances of {len(self.names)} {'class' if len(self.names) == 1 else 'classes'}"


def _outline(found: Mapping[str, Any]) -> Outline:
    polygons = found.get("polygons", ())
    return tuple(np.asarray(each, np.float32).reshape(-1, 2) for each in polygons)


def _covered(
    found: Mapping[str, Any],
    outline: Outline,
    size: tuple[int, int],
    window: Window | None = None,
) -> np.ndarray:
    """Returns the pixels of an object: of the polygons as they will be stored."""
    if "counts" in found:
        return covered(found, size, window)
    return covered({"polygons": [each.reshape(-1) for each in outline]}, size, window)


def _around(found: Mapping[str, Any], size: tuple[int, int]) -> Sequence[float]:
    """Returns the box of an object in shares of the sides; one without area of what has none."""
    if "box" in found:
        return list(found["box"])
    around = bounds(found, size)
    if around is None:
        return [0.0] * 4
    shares = around / [size[1], size[0], size[1], size[0]]
    return list(shares.clip(0, 1).tolist())


def _united(
    members: Sequence[tuple[int, int]],
    values: Sequence[InstanceSet],
    windows: Sequence[Window],
) -> np.ndarray:
    """Returns the mask of an object in the whole image, of what is seen of it in windows."""
    whole = np.zeros(windows[0].image, bool)
    for at, place in members:
        top, left, height, width = windows[at].inside
        mask = values[at].mask(place)[:height, :width]
        whole[top : top + height, left : left + width] |= mask
    return whole


def _bare(found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an object without what it covers."""
    return {name: each for name, each in found.items() if name not in _OUTLINE}


def _boxed(found: Mapping[str, Any], planes: np.ndarray, place: int) -> dict[str, Any]:
    """Returns the raw label of an object's box."""
    box = _bare(found)
    if "box" not in box:
        around = bit_planes.shares(bit_planes.mask_of(planes, place))
        if around is None:
            raise DataError(f"expected a box of an object without a pixel, found {box!r}.")
        box["box"] = list(around)
    return box


def _outlines(count: int, polygons: np.ndarray, points: np.ndarray) -> tuple[Outline, ...]:
    """Returns the polygons of each object, of how many points each has and the points of all."""
    numbers, lengths = polygons.T
    if (
        (lengths < 3).any()
        or int(lengths.sum()) != len(points)
        or (numbers < 0).any()
        or (numbers >= count).any()
    ):
        raise ValueError(
            f"expected polygons of 3 points or more, {len(points)} in all, of {count} objects, "
            f"found {polygons.tolist()[:4]}"
        )
    found: list[list[np.ndarray]] = [[] for _ in range(count)]
    starts = np.cumsum(lengths) - lengths
    for number, start, length in zip(numbers.tolist(), starts, lengths, strict=True):
        found[number].append(points[start : start + length])
    return tuple(map(tuple, found))
