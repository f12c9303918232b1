"""What flows through a pipeline: records, samples, and the signature that describes them.

A **record** is an entry of a source before anything is decoded; a **sample** is the decoded unit; a
**target** says of which kind one label is. The signature (`SampleSpec`) is what `check` follows
through every stage without opening an image.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from dsbuilder.errors import PluginError

Params = dict[str, Any]
"""The JSON values that one stage drew for one sample."""

Mode = Literal["rgb", "gray", "rgba"]
CHANNELS: Mapping[Mode, int] = {"rgb": 3, "gray": 1, "rgba": 4}


@dataclass(frozen=True, kw_only=True)
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
    """

    key: str
    path: Path | None = None
    targets: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    split: str | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The decoded unit.

    Attributes:
      key: the record's key; of a derived sample, with how it was made appended after `//`.
      image: `(H, W, C)` uint8, RGB order, C in 1, 3, 4, unless the signature says another dtype.
      targets: values by target name; each target's kind says of which type.
    """

    key: str
    image: np.ndarray
    targets: Mapping[str, Any]

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with the given attributes changed."""
        return type(self)(**{**self.__dict__, **changes})


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One stored column of a target, as codecs and streams see it.

    Attributes:
      kind: how TensorFlow Datasets names it: a class id, a text, or a plain tensor.
      dtype: `int64`, `float32` or `string` (UTF-8 bytes).
      shape: of one sample's value; None marks an axis of variable length.
      names: class names in id order, for kind `class`.
    """

    kind: Literal["class", "text", "tensor"]
    dtype: Literal["int64", "float32", "string"]
    shape: tuple[int | None, ...] = ()
    names: tuple[str, ...] = ()


class Target(ABC):
    """What one label of a sample is: how it is read, stored, mixed and shown.

    A kind of target is a frozen dataclass in `targets/`; its fields are JSON values.
    """

    kind: ClassVar[str]
    positional: ClassVar[bool] = False
    """Whether values lie in pixel coordinates, so that a geometric change must move them."""

    @abstractmethod
    def parse(self, raw: Any) -> Any:
        """Returns the value of a record's raw label.

        Raises:
          DataError: the raw value is not one of this target.
        """

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
    def streamed(self, name: str) -> str:
        """Returns the name of the stored feature that a stream yields for this target."""

    @abstractmethod
    def show(self, value: Any) -> str:
        """Returns a value as a short caption."""

    def mixed(self) -> "Target":
        """Returns the target of a mix of samples.

        Raises:
          PluginError: values of this kind cannot be mixed.
        """
        raise PluginError(f"a target of kind '{self.kind}' cannot be mixed. Remove the mixer.")

    def mix(self, values: Sequence[Any], weights: Sequence[float]) -> Any:
        """Returns the value of `mixed()` for values that were mixed with weights that sum to 1."""
        raise NotImplementedError(f"{type(self).__name__} says it can be mixed but not how")


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """Shape and dtype of an image; None marks a side that varies from sample to sample."""

    height: int | None
    width: int | None
    channels: int
    dtype: str = "uint8"

    @property
    def shape(self) -> tuple[int | None, int | None, int]:
        """`(H, W, C)`."""
        return (self.height, self.width, self.channels)

    def accepts(self, image: np.ndarray) -> bool:
        """Whether an array has this shape and dtype."""
        if image.ndim != 3 or image.dtype != self.dtype:
            return False
        height, width, channels = image.shape
        return (
            channels == self.channels
            and self.height in (None, height)
            and self.width in (None, width)
        )

    def __str__(self) -> str:
        sides = "x".join("?" if side is None else str(side) for side in self.shape)
        return f"{sides} {self.dtype}"


@dataclass(frozen=True, kw_only=True)
class SampleSpec:
    """The signature of a sample: its image's shape and dtype, and its targets by name."""

    image: ImageSpec
    targets: Mapping[str, Target]

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with the given attributes changed."""
        return replace(self, **changes)

    def resized(self, height: int | None, width: int | None) -> Self:
        """Returns the signature after the image took another size."""
        return self.replace(image=replace(self.image, height=height, width=width))

    def mixed(self) -> Self:
        """Returns the signature after samples were mixed: every target in its mixed form."""
        return self.replace(targets={name: t.mixed() for name, t in self.targets.items()})

    @property
    def positional(self) -> tuple[str, ...]:
        """Names of the targets that lie in pixel coordinates."""
        return tuple(name for name, target in self.targets.items() if target.positional)

    def __str__(self) -> str:
        targets = ", ".join(f"{name}: {target}" for name, target in self.targets.items())
        return f"image {self.image}" + (f"; {targets}" if targets else "")
