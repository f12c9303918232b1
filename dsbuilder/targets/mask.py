"""A class for every pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dsbuilder.batches import BatchMotion
from dsbuilder.errors import DataError
from dsbuilder.images import rle
from dsbuilder.sample import Feature, Motion, Target, Tile, Window
from dsbuilder.targets import joining
from dsbuilder.targets.naming import check_names, id_of
from dsbuilder.targets.segment import (
    WINDOW,
    bounds,
    check_segment,
    check_size,
    covered,
    padded,
    size_of,
    window_of,
)

_MOST_SHOWN = 4
_PLACE = frozenset({"path", "offset", "length"})


@dataclass(frozen=True, kw_only=True)
class Mask(Target):
    """Class ids, uint8 `(H, W)`, of the image's size; stored as PNG, as an array by the npy codec.

    A raw value is a file, `{"path": ..., "values": {"<stored value or #rrggbb>": id}}`, whose
    stored values are ids where `values` is left out, or segments,
    `{"segments": [{"label": name, "polygons": [[x0, y0, ...], ...]}, ...], "size": [height,
    width]}` in pixels, with `"counts"`, COCO's run lengths, in place of polygons where they are
    known. A file may lie in another one: `"offset"` and `"length"` say from which byte on, and how
    many; what it holds must then be told by the source's `identity`. `"window"`, as
    `Window.to_json` has it, says that it is of a part of that image. Later segments cover earlier
    ones; what none covers is of class 0. The label None says that pixels are to ignore.

    Attributes:
      names: class names in id order, at most 256.
      ignore: an id of pixels that are of no known class, in [0, 255]; None if there is none.
    """

    kind: ClassVar[str] = "mask"
    positional: ClassVar[bool] = True
    of_pixels: ClassVar[bool] = True
    loses: ClassVar[str] = "masks, of which nothing but the first class was left"
    names: tuple[str, ...]
    ignore: int | None = None

    def __post_init__(self) -> None:
        check_names(self.names)
        if not 1 <= len(self.names) <= 256:
            raise DataError(f"expected 1 to 256 classes in a mask, found {len(self.names)}.")
        if self.ignore is not None and not 0 <= self.ignore <= 255:
            raise DataError(f"expected an id to ignore in [0, 255], found {self.ignore}.")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    def held(self, value: np.ndarray) -> int:
        """1 if a pixel is of another class than the first, else 0."""
        return int(((value != 0) & (value != self.ignore)).any() if self.ignore else value.any())

    def check(self, raw: Any) -> None:
        """Raises a DataError unless a raw value has the form of one; opens no file."""
        if not isinstance(raw, Mapping) or ("path" in raw) == ("segments" in raw):
            raise DataError(f"expected a mask's path or its segments, found {raw!r}.")
        if "path" in raw:
            _check_place(raw)
            window_of(raw)
            return
        size_of(raw)
        window_of(raw)
        if not isinstance(raw["segments"], (list, tuple)):
            raise DataError(f"expected a list of segments, found {raw['segments']!r}.")
        for segment in raw["segments"]:
            self._check_segment(segment)

    def _check_segment(self, segment: Any) -> None:
        check_segment(segment)
        self._id_of(segment.get("label", ""))

    def parse(self, raw: Any) -> np.ndarray:
        """Returns the class ids; reads the file that the raw value names.

        Raises:
          DataError: the file cannot be read, or holds a value that stands for no class.
        """
        self.check(raw)
        if "path" not in raw:
            return self._checked(self._of_segments(raw))
        try:
            return self._checked(self._of_file(raw))
        except DataError as error:
            raise DataError(f"mask {Path(raw['path']).name}: {error}") from None

    def _of_file(self, raw: Mapping[str, Any]) -> np.ndarray:
        from dsbuilder.images import mask as mask_format

        window = window_of(raw)
        if window is not None:
            return self._of_window(raw, window)
        try:
            with Path(raw["path"]).open("rb") as file:
                file.seek(raw.get("offset", 0))
                data = file.read(raw.get("length", -1))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DataError(f"the file cannot be read ({reason}).") from None
        return mask_format.read_ids(data, raw.get("values"))

    def _of_window(self, raw: Mapping[str, Any], window: Window) -> np.ndarray:
        from dsbuilder.images import mask as mask_format

        place = mask_format.MaskFile(Path(raw["path"]), raw.get("offset"), raw.get("length"))
        try:
            found, size = mask_format.read_window(place, raw.get("values"), window.inside)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DataError(f"the file cannot be read ({reason}).") from None
        if size != window.image:
            height, width = window.image
            raise DataError(
                f"expected a mask of its image's size, {width} x {height}, found {size[1]} x "
                f"{size[0]}. Replace one of the two files."
            )
        return padded(found, window, outside=self.outside)

    def _of_segments(self, raw: Mapping[str, Any]) -> np.ndarray:
        size, window = size_of(raw), window_of(raw)
        inside = window.inside if window is not None else (0, 0, *size)
        mask = np.zeros(inside[2:], np.uint8)
        part = None if window is None else Window(image=size, box=inside)
        for segment in raw["segments"]:
            mask[covered(segment, size, part)] = self._id_of(segment["label"])
        return mask if window is None else padded(mask, window, outside=self.outside)

    def _id_of(self, label: Any) -> int:
        if label is None and self.ignore is not None:
            return self.ignore
        return id_of(self.names, label)

    def _checked(self, mask: np.ndarray) -> np.ndarray:
        problem = self._wrong(mask)
        if problem:
            raise DataError(f"{problem}. Correct the mask, or say which value is which class.")
        return mask

    def identity(self, raw: Any) -> Any:
        """The raw value without the place of a file, whose content counts."""
        if "path" not in raw:
            return raw
        return {name: value for name, value in raw.items() if name not in _PLACE}

    def raw(self, value: np.ndarray) -> dict[str, Any]:
        """Returns a segment of each class that some pixel has, as run lengths."""
        found = np.flatnonzero(_counts(value)).tolist()
        labels = {n: None if n == self.ignore else self.names[n] for n in found}
        segments = [{"label": labels[n], "counts": rle.encode(value == n)} for n in found]
        return {"segments": segments, "size": list(value.shape)}

    def features(self, name: str) -> dict[str, Feature]:
        """`name`: the ids, of the image's size."""
        return {name: Feature(kind="mask", dtype="uint8", shape=(None, None), names=self.names)}

    def encode(self, name: str, value: np.ndarray) -> dict[str, Any]:
        """Returns the ids as a gray PNG."""
        from dsbuilder.images import mask as mask_format

        return {name: mask_format.encode_ids(value)}

    def decode(self, name: str, features: Mapping[str, Any]) -> np.ndarray:
        """Returns the ids of a PNG.

        Raises:
          ValueError: one of them is of no class.
        """
        from dsbuilder.images import mask as mask_format

        stored = features[name]
        mask = mask_format.decode_ids(stored if isinstance(stored, bytes) else stored[0])
        wrong = self._wrong(mask)
        if wrong is not None:
            raise ValueError(wrong)
        return mask

    def streamed(self, name: str) -> tuple[str, ...]:
        """The ids."""
        return (name,)

    def show(self, value: np.ndarray) -> str:
        """The classes with their shares of the area, the largest first."""
        counts = _counts(value)
        order = [number for number in np.argsort(-counts, kind="stable") if counts[number]]
        shown = [f"{self._name(int(number))} {counts[number] / value.size:.0%}" for number in order]
        more = [f"{len(shown) - _MOST_SHOWN} more"] if len(shown) > _MOST_SHOWN else []
        return ", ".join([*shown[:_MOST_SHOWN], *more])

    def _name(self, number: int) -> str:
        if number == self.ignore:
            return "ignored"
        return self.names[number] if number < len(self.names) else f"unknown {number}"

    def classes(self, value: np.ndarray) -> list[str]:
        """Each class that some pixel has, once."""
        found = np.flatnonzero(_counts(value))
        return [self.names[number] for number in found if number != self.ignore]

    def stated(self, raw: Any) -> list[str]:
        """The class of each segment, once; what a file holds is not known before it is read."""
        labels = (segment["label"] for segment in raw.get("segments", ()))
        return sorted({str(label) for label in labels if label is not None})

    def _wrong(self, mask: np.ndarray) -> str | None:
        found = np.flatnonzero(_counts(mask))
        wrong = [n for n in found.tolist() if n >= len(self.names) and n != self.ignore]
        if not wrong:
            return None
        shown = ", ".join(map(str, wrong[:_MOST_SHOWN]))
        return f"expected ids in [0, {len(self.names)}), found {shown}"

    @property
    def outside(self) -> int:
        """The id of what lies outside of the image."""
        return 0 if self.ignore is None else self.ignore

    def move(self, value: np.ndarray, motion: Motion) -> np.ndarray:
        """Returns the ids where the pixels went, of nearest neighbors."""
        return motion.moved(value, outside=self.outside)

    def move_batch(self, columns: Any, motion: BatchMotion) -> Any:
        """Returns the ids where the pixels went, uint8 `(B, h, w)`."""
        return motion.moved(columns, outside=self.outside)

    def cut(self, raw: Any, window: Window) -> dict[str, Any]:
        """Returns the part of a file that lies in a window, or the segments that reach into it."""
        if "segments" not in raw:
            return {**raw, WINDOW: window.within(window_of(raw)).to_json()}
        check_size(raw, window)
        own, size = window.within(window_of(raw)), size_of(raw)
        top, left, height, width = own.inside
        kept = []
        for segment in raw["segments"]:
            around = bounds(segment, size)
            if (
                around is not None
                and (around[2:] > [left, top]).all()
                and (around[:2] < [left + width, top + height]).all()
            ):
                kept.append(segment)
        return {**raw, "segments": kept, WINDOW: own.to_json()}

    def joined(self, values: Sequence[np.ndarray], windows: Sequence[Window]) -> np.ndarray:
        """Returns the ids of the whole; where windows overlap, of that in whose middle a pixel is.

        What no window shows is of what lies outside.
        """
        whole = np.full(windows[0].image, self.outside, np.uint8)
        depth = np.zeros(windows[0].image, np.uint16)
        for value, window in sorted(
            zip(values, windows, strict=True), key=lambda each: each[1].box
        ):
            top, left, height, width = window.inside
            place = slice(top, top + height), slice(left, left + width)
            own = joining.depth(window)
            better = own > depth[place]
            whole[place][better] = value[:height, :width][better]
            depth[place][better] = own[better]
        return whole

    def tiled(self) -> "Mask":
        """A mask as well."""
        return self

    def tile(
        self, values: Sequence[np.ndarray], tiles: Sequence[Tile], canvas: tuple[int, int]
    ) -> np.ndarray:
        """Returns the ids of all tiles."""
        whole = np.full(canvas, self.outside, np.uint8)
        for value, each in zip(values, tiles, strict=True):
            top, left, height, width = each.place
            whole[top : top + height, left : left + width] = self.move(value, each.cut())
        return whole

    def __str__(self) -> str:
        return f"mask of {len(self.names)}"


def _check_place(raw: Mapping[str, Any]) -> None:
    places = [raw[name] for name in ("offset", "length") if name in raw]
    if not isinstance(raw["path"], str) or any(type(n) is not int or n < 0 for n in places):
        raise DataError(f"expected the path of a mask, and where it lies in it, found {raw!r}.")
    if not isinstance(raw.get("values", {}), Mapping):
        raise DataError(f"expected ids by stored value, found {raw['values']!r}.")


def _counts(mask: np.ndarray) -> np.ndarray:
    from dsbuilder.images.mask import count_ids

    return count_ids(mask)
