"""What flows through a pipeline: records, samples, and the signature that describes them.

A **record** is an entry of a source before anything is decoded; a **sample** is the decoded unit; a
**target** says of which kind one label is. The signature (`Signature`) is what `check` follows
through every stage without opening an image.
"""

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from dsbuilder.batches import BatchMotion
from dsbuilder.errors import PluginError

Params = dict[str, Any]
"""The JSON values that one stage drew for one sample."""


class _Short(reprlib.Repr):
    """Shortens values, arrays of more than a few numbers to their shape."""

    _FEW = 6

    def __init__(self) -> None:
        super().__init__()
        self.maxstring, self.maxother = 80, 80

    def repr1(self, x: Any, level: int) -> str:
        return super().repr1(x.item() if isinstance(x, np.generic) else x, level)

    def repr_ndarray(self, array: np.ndarray, level: int) -> str:
        """Returns the numbers of a small array, else its shape and type."""
        if array.size <= self._FEW:
            return repr(array.tolist())
        return f"<{'x'.join(map(str, array.shape))} {array.dtype}>"


def short(value: Any) -> str:
    """Returns a value as a short text: of an array of many numbers its shape and type."""
    return _Short().repr(value)


Mode = Literal["rgb", "gray", "rgba"]
CHANNELS: Mapping[Mode, int] = {"rgb": 3, "gray": 1, "rgba": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A located, undecoded entry of a source.

    Attributes:
      key: unique and stable in the source, usually the posix path below its root.
      path: the file that holds the pixels; None for a source that makes its arrays itself.
      targets: raw label values as found, by target name; `Target.parse` reads them.
      group: records of one group never end in two splits; None where the source knows no groups.
      split: the split that the layout states (`train`, `validation`, `test`), or None.
      files: further files that the targets are read from, such as a mask; their content counts as
        that of `path` does.
      size: (height, width) that an annotation states and positions were divided by; None where the
        image was asked. An upright image of other proportions is refused.
      place: where in the file of `path` the record lies, as JSON values that the source's catalog
        knows: a byte offset, a member of an archive, a row. Empty where the file is the image.
      error: why it cannot be read as its source lists it, sentences that begin with file and line;
        None if it can. A record with an error is set aside, and need have no targets.
    """

    key: str
    path: Path | None = None
    targets: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    split: str | None = None
    files: tuple[Path, ...] = ()
    size: tuple[int, int] | None = None
    place: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    def to_json(self) -> list[Any]:
        """Returns the record as JSON values, for another process."""
        path = None if self.path is None else str(self.path)
        files = [str(file) for file in self.files]
        parts = (self.key, path, dict(self.targets), self.group, self.split, files, self.size)
        return [*parts, dict(self.place), self.error]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Self:
        """Returns the record that `to_json` described."""
        key, path, targets, group, split, files, size, place, error = row
        return cls(
            key=key,
            path=None if path is None else Path(path),
            targets=targets,
            group=group,
            split=split,
            files=tuple(Path(file) for file in files),
            size=None if size is None else (size[0], size[1]),
            place=place,
            error=error,
        )

    def size_problem(self, image: np.ndarray) -> str | None:
        """Says that the decoded image has other proportions than `size`; None if it has not.

        It may be smaller, since a large image may be decoded at a reduced scale.
        """
        if self.size is None:
            return None
        (height, width), (rows, columns) = self.size, image.shape[:2]
        if abs(rows * width - columns * height) <= 2 * max(height, width):
            return None
        stated = f"{width} x {height}, as its annotation states"
        return f"expected an upright image of {stated}, found {columns} x {rows}"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The decoded unit.

    Attributes:
      key: the record's key; of a derived sample, with how it was made appended after `//`.
      image: `(H, W, C)` uint8, RGB order, C in 1, 3, 4, unless the signature says another dtype.
      targets: values by target name; each target's kind says of which type.
      positional: the kinds of those targets that lie in pixel coordinates, by their names.
    """

    key: str
    image: np.ndarray
    targets: Mapping[str, Any]
    positional: Mapping[str, "Target"] = field(default_factory=dict)

    def __repr__(self) -> str:
        targets = "".join(f", {name}={short(value)}" for name, value in self.targets.items())
        return f"Sample({self.key!r}, image={short(self.image)}{targets})"

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with the given attributes changed; a target that is gone has no kind."""
        kinds, targets = self.positional, changes.get("targets")
        if (
            targets is not None
            and "positional" not in changes
            and not kinds.keys() <= targets.keys()
        ):
            changes["positional"] = {n: kind for n, kind in kinds.items() if n in targets}
        return type(self)(**{**self.__dict__, **changes})

    def moved(self, motion: "Motion") -> Self:
        """Returns a copy whose targets in pixel coordinates went where the pixels did."""
        changed = {
            name: kind.move(self.targets[name], motion) for name, kind in self.positional.items()
        }
        return self.replace(targets={**self.targets, **changed})

    def size_problem(self) -> str | None:
        """Says which target has another height or width than the image; None if none has."""
        for name, kind in self.positional.items():
            size = self.image.shape[:2]
            found = self.targets[name].shape[:2] if kind.of_pixels else size
            if found != size:
                wanted = f"the {kind.kind} '{name}' to have the image's size, {size[1]} x {size[0]}"
                return f"expected {wanted}, found {found[1]} x {found[0]}"
        return None


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One stored column of a target, as codecs and streams see it.

    A name such as `objects/bbox` puts a feature into a group. Where the first axis has any length,
    the npy codec stores the values of all samples one after the other, with `row_splits`.

    Attributes:
      kind: how TensorFlow Datasets names it: class ids, a text, boxes (y_min, x_min, y_max, x_max
        as shares of the sides), or a plain tensor; `mask` is class ids of the image's size, which
        an Example holds as a PNG; `runs` are the run lengths of binary masks of that size, one
        after the other (`images/bit_planes.py`).
      dtype: `int64`, `float32`, `string` (UTF-8 bytes), or `uint8` of a mask.
      shape: shape of one sample's value; None marks an axis of variable length.
      names: class names in id order, of kinds `class` and `mask`.
    """

    kind: Literal["class", "text", "tensor", "box", "mask", "runs"]
    dtype: Literal["int64", "float32", "string", "uint8"]
    shape: tuple[int | None, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def is_ragged(self) -> bool:
        """Whether samples have any number of values, along the first axis."""
        return self.kind != "mask" and None in self.shape[:1]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Where the pixels of an image went, in continuous coordinates: a pixel's center is at +0.5.

    Attributes:
      matrix: float64 `(3, 3)`, takes (x, y, 1) before to (x, y, 1) after, up to a factor.
      before, after: (height, width) of the image.
    """

    matrix: np.ndarray
    before: tuple[int, int]
    after: tuple[int, int]

    @classmethod
    def of_box(
        cls,
        before: tuple[int, int],
        box: tuple[int, int, int, int],
        place: tuple[int, int, int, int],
        after: tuple[int, int],
        *,
        mirrored: bool = False,
    ) -> Self:
        """Returns the motion of a box of an image that is resized and laid on another.

        Args:
          box, place: (top, left, height, width) before and after.
          mirrored: whether the box is flipped from left to right.
        """
        (top, left, height, width), (new_top, new_left, new_height, new_width) = box, place
        x, y = new_width / width, new_height / height
        shift_x, shift_y = new_left - x * left, new_top - y * top
        if mirrored:
            x, shift_x = -x, 2 * new_left + new_width - shift_x
        matrix = np.array([[x, 0, shift_x], [0, y, shift_y], [0, 0, 1]], np.float64)
        return cls(matrix=matrix, before=before, after=after)

    @property
    def stays(self) -> bool:
        """Whether every pixel stays where it was."""
        return self.before == self.after and np.array_equal(self.matrix, np.eye(3))

    @property
    def mirrors(self) -> bool:
        """Whether left and right change places, as in a mirror."""
        return bool(np.linalg.det(self.matrix) < 0)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Returns where points `(..., 2)`, as x, y in pixels, went, float64."""
        moved = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        shared: np.ndarray = moved[..., :2] / moved[..., 2:]
        return shared

    def moved(self, pixels: np.ndarray, *, outside: int) -> np.ndarray:
        """Returns pixels where they went, of nearest neighbors.

        Args:
          pixels: `(H, W)`, or `(n, H, W)` of several at a time.
          outside: the value of what lies outside of the image before.
        """
        height, width = self.before
        rows, columns = self._origins()
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        found = pixels[..., rows.clip(0, height - 1), columns.clip(0, width - 1)]
        moved: np.ndarray = np.where(inside, found, pixels.dtype.type(outside))
        return moved

    def _origins(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the row and the column that each pixel afterwards was nearest to, int64."""
        back = np.linalg.inv(self.matrix)
        xs, ys = np.arange(self.after[1]) + 0.5, np.arange(self.after[0])[:, None] + 0.5
        if not back[[0, 1, 2, 2], [1, 0, 0, 1]].any():  # nothing turns: a row, a column
            x = (back[0, 0] * xs + back[0, 2]) / back[2, 2]
            y = (back[1, 1] * ys + back[1, 2]) / back[2, 2]
            return _floored(y), _floored(x)
        x, y, share = (row[0] * xs + row[1] * ys + row[2] for row in back)
        return _floored(y / share), _floored(x / share)


def _floored(values: np.ndarray) -> np.ndarray:
    # What rounding moved below a whole number is not the pixel before.
    return np.floor(values + 1e-9).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A part of an image that is laid on a canvas beside others.

    Attributes:
      before: (height, width) of the image in pixels.
      box: (top, left, height, width) of the part.
      place: (top, left, height, width) where it lies then, resized to it; of 1 pixel or more.
    """

    before: tuple[int, int]
    box: tuple[int, int, int, int]
    place: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Its (height, width) on the canvas."""
        return self.place[2:]

    def cut(self) -> Motion:
        """Returns the motion of the image to the part alone, of the size that it has then."""
        return Motion.of_box(self.before, self.box, (0, 0, *self.size), self.size)

    def laid(self, canvas: tuple[int, int]) -> Motion:
        """Returns the motion of the part alone to its place on a canvas of (height, width)."""
        return Motion.of_box(self.size, (0, 0, *self.size), self.place, canvas)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a large image that becomes an image of its own.

    Attributes:
      image: (height, width) of the whole in pixels.
      box: (top, left, height, width) of the part. It begins in the image and may end beyond its
        lower and right edges.
      least_visible: share of an object that must lie in it, or it is not among its labels.
    """

    image: tuple[int, int]
    box: tuple[int, int, int, int]
    least_visible: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """Its (height, width)."""
        return self.box[2:]

    @property
    def inside(self) -> tuple[int, int, int, int]:
        """What of its box lies in the image."""
        top, left, height, width = self.box
        return top, left, min(height, self.image[0] - top), min(width, self.image[1] - left)

    def within(self, outer: "Window | None") -> "Window":
        """Returns the same part of the image that the whole is a window of itself."""
        if outer is None:
            return self
        top, left = outer.box[0] + self.box[0], outer.box[1] + self.box[1]
        return replace(self, image=outer.image, box=(top, left, *self.size))

    def laid(self) -> Motion:
        """Returns the motion of the part to its place in the image."""
        whole = (0, 0, *self.size)
        return Motion.of_box(self.size, whole, self.box, self.image)

    def to_json(self) -> list[list[int]]:
        """Returns image and box as JSON values."""
        return [list(self.image), list(self.box)]

    @classmethod
    def from_json(cls, described: Any) -> Self:
        """Returns the window that `to_json` described.

        Raises:
          ValueError: it is none.
        """
        numbers = [n for part in described for n in part] if _is_window(described) else []
        if len(numbers) != 6 or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(f"expected [[height, width], [top, left, height, width]]: {described}")
        height, width, top, left, tall, wide = numbers
        return cls(image=(height, width), box=(top, left, tall, wide))


def _is_window(described: Any) -> bool:
    is_pair = isinstance(described, (list, tuple)) and len(described) == 2
    return is_pair and all(isinstance(each, (list, tuple)) for each in described)


class Target(ABC):
    """What one label of a sample is: how it is read, stored, moved, mixed and shown.

    A kind of target is a frozen dataclass in `targets/`; its fields are JSON values.
    """

    kind: ClassVar[str]
    positional: ClassVar[bool] = False
    """Whether values lie in pixel coordinates, so that a geometric change must move them."""
    of_pixels: ClassVar[bool] = False
    """Whether values have the image's own height and width, which their `shape` begins with."""
    loses: ClassVar[str] = ""
    """What a stage that moves pixels may lose of a value, as a noun, and behind a comma why."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in id order; none of a kind without classes."""
        return ()

    @abstractmethod
    def parse(self, raw: Any) -> Any:
        """Returns the value of a record's raw label.

        Raises:
          DataError: the raw value is not one of this target.
        """

    @abstractmethod
    def raw(self, value: Any) -> Any:
        """Returns the raw label, of JSON values, that `parse` makes this value of again."""

    def check(self, raw: Any) -> None:
        """Checks a raw label before a build begins; it may leave out what would open a file.

        Raises:
          DataError: the raw value is not one of this target.
        """
        self.parse(raw)

    def identity(self, raw: Any) -> Any:
        """Returns what of a raw label decides its value, beside the content of record files."""
        return raw

    def held(self, value: Any) -> int:
        """Returns how many things a value holds of those that a stage may lose; see `loses`."""
        return 0

    @abstractmethod
    def features(self, name: str) -> dict[str, Feature]:
        """Returns what is stored for the target called `name`, by feature name."""

    @abstractmethod
    def encode(self, name: str, value: Any) -> dict[str, Any]:
        """Returns the stored features of a value: ints, floats, bytes or flat arrays."""

    @abstractmethod
    def decode(self, name: str, features: Mapping[str, Any]) -> Any:
        """Returns the value that `encode` stored."""

    @abstractmethod
    def streamed(self, name: str) -> tuple[str, ...]:
        """Returns the names of the stored features that a stream yields for this target.

        Several are yielded as a dict, by what stands in their names after `name/`.
        """

    @abstractmethod
    def show(self, value: Any) -> str:
        """Returns a value as a short caption."""

    def classes(self, value: Any) -> Sequence[str]:
        """Returns the classes that a value counts for, each as often as it counts."""
        return ()

    def stated(self, raw: Any) -> Sequence[str]:
        """Returns the classes that a raw label counts for, as far as it says them itself."""
        return ()

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says what is wrong with stored features; None if nothing is.

        Raises:
          ValueError: the features are of another form.
        """
        self.decode(name, features)
        return None

    def move(self, value: Any, motion: Motion) -> Any:
        """Returns a value of a positional kind where the pixels went.

        Raises:
          PluginError: the kind cannot be moved.
        """
        raise PluginError(f"a target of kind '{self.kind}' cannot be moved. Use another transform.")

    @property
    def has_twin(self) -> bool:
        """Whether values of a positional kind can be moved in batches, on a device that trains."""
        return not self.positional or type(self).move_batch is not Target.move_batch

    def move_batch(self, columns: Any, motion: BatchMotion) -> Any:
        """Returns the values of a batch where the pixels went: the twin of `move`.

        Args:
          columns: what a stream yields of the target: a tensor, or a mapping of several.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be moved in batches")

    def mix_batch(self, columns: Sequence[Any], weights: Any, ops: Any) -> Any:
        """Returns the values of a batch of mixes: the twin of `mix`.

        Args:
          columns: what a stream yields of the target, for each of those that are mixed.
          weights: float32 `(B, n)` of them; they sum to 1.
          ops: `keras.ops`.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be mixed in batches")

    def cut(self, raw: Any, window: Window) -> Any:
        """Returns the raw label of a part of the image; of what has no place in it, the label.

        Raises:
          DataError: the label is of an image of another size.
        """
        return raw

    def counted_in(self, raw: Any, windows: Sequence[Window]) -> tuple[int, int, int]:
        """Returns how many objects a label has, how many no window shows whole, how many none has.

        All 0 of a kind without objects.
        """
        return 0, 0, 0

    def joined(self, values: Sequence[Any], windows: Sequence[Window]) -> Any:
        """Returns the value of an image of the values of its parts; see `targets/joining.py`.

        Args:
          values: at least one, each of the window at its place.
        """
        return values[0]

    def mixed(self) -> "Target":
        """Returns the target of a mix of samples.

        Raises:
          PluginError: values of this kind cannot be mixed.
        """
        raise PluginError(f"a target of kind '{self.kind}' cannot be mixed. Remove the mixer.")

    def mix(self, values: Sequence[Any], weights: Sequence[float]) -> Any:
        """Returns the value of `mixed()` for values that were mixed with weights that sum to 1."""
        raise NotImplementedError(f"{type(self).__name__} says it can be mixed but not how")

    def tiled(self) -> "Target":
        """Returns the target of an image that is made of parts of several, side by side.

        Raises:
          PluginError: values of this kind cannot be brought together so.
        """
        return self.mixed()

    def tile(self, values: Sequence[Any], tiles: Sequence[Tile], canvas: tuple[int, int]) -> Any:
        """Returns the value of `tiled()` of a canvas of (height, width) that tiles cover.

        Args:
          values: one of each tile's image.
        """
        areas = [tile.size[0] * tile.size[1] for tile in tiles]
        return self.mix(values, [area / sum(areas) for area in areas])


@dataclass(frozen=True, kw_only=True)
class ImageSignature:
    """Shape and dtype of an image; None marks a side that varies, never over that of `within`."""

    height: int | None
    width: int | None
    channels: int
    dtype: str = "uint8"
    within: tuple[int, int] | None = None

    @property
    def shape(self) -> tuple[int | None, int | None, int]:
        """`(H, W, C)`."""
        return (self.height, self.width, self.channels)

    def accepts(self, image: np.ndarray) -> bool:
        """Whether an array has this shape and dtype."""
        if image.ndim != 3 or image.dtype != self.dtype:
            return False
        return all(side in (None, of) for side, of in zip(self.shape, image.shape, strict=True))

    def __str__(self) -> str:
        sides = "x".join("?" if side is None else str(side) for side in self.shape)
        return f"{sides} {self.dtype}"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The signature of a sample: its image's shape and dtype, and its targets by name."""

    image: ImageSignature
    targets: Mapping[str, Target]

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with the given attributes changed."""
        return replace(self, **changes)

    def resized(self, height: int | None, width: int | None) -> Self:
        """Returns the signature after the image took another size."""
        return self.replace(image=replace(self.image, height=height, width=width, within=None))

    @property
    def positional(self) -> dict[str, Target]:
        """The targets that lie in pixel coordinates, by name."""
        return {name: target for name, target in self.targets.items() if target.positional}

    def __str__(self) -> str:
        targets = ", ".join(f"{name}: {target}" for name, target in self.targets.items())
        return f"image {self.image}" + (f"; {targets}" if targets else "")
