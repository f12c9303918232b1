"""What an inspector is: a plugin that looks at the data of a source and says what is wrong.

An inspector works in two steps, as a transform draws and then applies. `measure` looks at one
record, in a worker process; what it returns is small, so that a million records fit in memory.
`judge` looks at all measures at once, in the main process, and names the faults. Only `judge` knows
the other records, their splits and their classes; only `measure` sees pixels.

A record is read and decoded once for all inspectors, and not at all where none of them asks.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.sample import Record, Target

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of the data.

    Attributes:
      key: key of the record; None where the whole set is at fault.
      text: what was found, in one line for a person.
      value: what was measured, a JSON value.
      threshold: what it was held against, a JSON value; None where nothing was.
      others: keys of the other records that have to do with it.
      same: keys of those others that show the same, so that one of them all is enough: whatever
        inspectors say, one stays where they are set aside.
    """

    key: str | None
    text: str
    value: Any = None
    threshold: Any = None
    others: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


class _Memo:
    """Keeps what several inspectors ask for, so that it is made once."""

    memo: dict[Hashable, Any]

    def once(self, make: Callable[..., Result], *args: Hashable) -> Result:
        """Returns `make(self, *args)`, made at the first call for all inspectors."""
        place = (make, *args)
        if place not in self.memo:
            self.memo[place] = make(self, *args)
        result: Result = self.memo[place]
        return result


@dataclass(frozen=True, kw_only=True)
class View(_Memo):
    """One record as an inspector sees it; what it holds is read when it is asked for.

    Attributes:
      record: the record.
      kinds: the targets of the source by name.
      read: reads the record as the source does.
      decode: makes pixels of what was read, `(H, W, C)` uint8 in the pipeline's mode, upright.
      memo: what `once` has made.
    """

    record: Record
    kinds: Mapping[str, Target]
    read: Callable[[], bytes | np.ndarray]
    decode: Callable[[bytes | np.ndarray], np.ndarray]
    memo: dict[Hashable, Any] = field(default_factory=dict)

    @cached_property
    def stored(self) -> bytes | np.ndarray | DataError:
        """An encoded image or an array as the source reads it, or why it cannot be read.

        A record with an error is not read, for it may name no file, or another's.
        """
        if self.record.error is not None:
            return DataError(self.record.error)
        try:
            return self.read()
        except OSError as error:
            return DataError(f"the file cannot be read ({error.strerror or error}).")
        except DataError as error:
            return error

    @property
    def data(self) -> bytes | None:
        """The bytes of an encoded image; None where there are none to read."""
        return self.stored if isinstance(self.stored, bytes) else None

    @cached_property
    def decoded(self) -> np.ndarray | DataError:
        """The pixels, or why there are none."""
        if isinstance(self.stored, DataError):
            return self.stored
        try:
            return self.decode(self.stored)
        except DataError as error:
            return error

    @property
    def image(self) -> np.ndarray | None:
        """The pixels `(H, W, C)` uint8; None where the record cannot be decoded."""
        return None if isinstance(self.decoded, DataError) else self.decoded

    @cached_property
    def gray(self) -> np.ndarray | None:
        """The luma `(H, W)` uint8 (BT.601), over white where it is transparent; None as `image`."""
        if self.image is None:
            return None
        from dsbuilder.images import color

        return color.convert(self.image, "gray", background=(255, 255, 255))[:, :, 0]

    @cached_property
    def targets(self) -> Mapping[str, Any]:
        """The values of the targets by name; a DataError stands for one that cannot be read.

        Of a record with an error that is all of them.
        """
        if self.record.error is not None:
            return dict.fromkeys(self.kinds, DataError(self.record.error))
        return {name: self._target(name, kind) for name, kind in self.kinds.items()}

    def _target(self, name: str, kind: Target) -> Any:
        try:
            return kind.parse(self.record.targets[name])
        except DataError as error:
            return error

    def values(self, kind: type[Target]) -> Iterator[tuple[str, Any, Any]]:
        """Yields (name, target, value) of the targets of a kind that can be read."""
        for name, target in self.kinds.items():
            if isinstance(target, kind) and not isinstance(self.targets[name], DataError):
                yield name, target, self.targets[name]


@dataclass(frozen=True, kw_only=True)
class Seen(_Memo):
    """All records of a source as an inspector judges them.

    Attributes:
      records: sorted by key.
      measures: what `measure` returned for each of them.
      lost: why a record could not be measured at all, by key: a process died over it.
      kinds: the targets of the source by name.
      split_of: the split that each record belongs to, by key.
      memo: what `once` has made; all inspectors share it.
    """

    records: Sequence[Record]
    measures: Sequence[Any]
    lost: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Target] = field(default_factory=dict)
    split_of: Mapping[str, str] = field(default_factory=dict)
    memo: dict[Hashable, Any] = field(default_factory=dict)

    def measured(self) -> Iterator[tuple[Record, Any]]:
        """Yields every record that has a measure, with it."""
        for record, measure in zip(self.records, self.measures, strict=True):
            if measure is not None:
                yield record, measure


class Inspector(ABC):
    """Looks at the data of a source for one fault."""

    advice: ClassVar[str] = ""
    """What to do about a finding, as one sentence."""

    of_records: ClassVar[bool] = True
    """Whether a finding names a record, which can then be set aside; else the whole set."""

    @property
    def measures(self) -> bool:
        """Whether it looks at single records; what does not needs no worker."""
        return type(self).measure is not Inspector.measure

    def measure(self, view: View) -> Any:
        """Returns what there is to know of one record, as plain and small values; None if nothing.

        A pure function of the view; it runs in worker processes.
        """
        return None

    @abstractmethod
    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the findings; a pure function of what was seen, in the order of the records."""
