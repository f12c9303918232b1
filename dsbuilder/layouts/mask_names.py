"""Which value of a mask's pixels is which class: options -> a target, and a guess from masks."""

import hashlib
import heapq
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.images import color_name
from dsbuilder.images.mask import stored_values
from dsbuilder.plugin import DataError, Mask

_IGNORED = 255
_MOST = 200
_SOME = 32


@dataclass(frozen=True, kw_only=True)
class MaskNames:
    """What options say of the values in masks.

    Attributes:
      classes: names in id order; without `colors` the stored values are the ids.
      colors: a color or a stored value -> its class.
      ignore: the color or the stored value that is of no class.

    Raises:
      ValueError: the options contradict each other, or say nothing.
    """

    classes: tuple[str, ...] | None
    colors: Mapping[str, str] | None
    ignore: str | None

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError(
                "the names of the masks' classes are missing. List them in id order, or "
                "map colors or values to them, such as {'#ff0000': road}."
            )
        absent = sorted(set((self.colors or {}).values()) - set(self.names))
        if absent:
            raise ValueError(f"colors: expected classes that are listed, found '{absent[0]}'.")
        keys = [_key(each) for each in (*(self.colors or {}), self.ignore) if each is not None]
        if len({key.startswith("#") for key in keys}) > 1:
            raise ValueError("expected colors alone or stored values alone, found both.")
        if len(set(keys)) < len(keys):
            raise ValueError("expected each color or value once, found one twice.")
        if self.colors is None and self.ignore is not None and not _is_id(self.ignore):
            raise ValueError(f"ignore: expected a value in [0, 255], found '{self.ignore}'.")

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in id order; of `colors` in the order in which they first appear."""
        return self.classes or tuple(dict.fromkeys((self.colors or {}).values()))

    @property
    def values(self) -> dict[str, int] | None:
        """Id by stored value or color; None where the stored values are the ids."""
        if self.colors is None:
            return None
        ids = {_key(key): self.names.index(name) for key, name in self.colors.items()}
        return ids if self.ignore is None else {**ids, _key(self.ignore): _IGNORED}

    @property
    def target(self) -> Mask:
        """The target of such masks."""
        if self.ignore is None:
            return Mask(names=self.names)
        return Mask(names=self.names, ignore=int(self.ignore) if self.colors is None else _IGNORED)


def _is_id(text: str) -> bool:
    return text.isdecimal() and int(text) <= _IGNORED


def _key(text: str) -> str:
    """Returns a stored value as it stands, a color as `#rrggbb`."""
    if text.isdecimal():
        return str(int(text))
    return "#{:02x}{:02x}{:02x}".format(*color_name.parse("colors", text))


def guessed(paths: Sequence[Path]) -> dict[str, object]:
    """Returns `classes` or `colors`, and `ignore`, as the values of some masks suggest.

    Up to 200 masks are all opened, of more than that some; those that cannot be read say nothing.
    Empty if none can be read.
    """
    found: set[str] = set()
    for path in paths if len(paths) <= _MOST else _some(paths):
        try:
            found.update(stored_values(path.read_bytes()))
        except (DataError, OSError):
            continue
    ids = sorted(int(value) for value in found if value.isdecimal())
    if not found or len(ids) < len(found):
        return {"colors": {value: value.lstrip("#") for value in sorted(found)}} if found else {}
    ignored = ids[-1] == _IGNORED and len(ids) > 2
    known = ids[:-1] if ignored else ids
    options: dict[str, object] = {"ignore": str(_IGNORED)} if ignored else {}
    if known[-1] < 2 * len(known):
        return {"classes": tuple(f"class {each}" for each in range(known[-1] + 1)), **options}
    return {"colors": {str(each): f"class {each}" for each in known}, **options}


def _some(paths: Sequence[Path]) -> list[Path]:
    """Returns a few paths by a hash, since every n-th of numbered names may be of one kind.

    The same ones wherever the folder lies that all are in.
    """
    start = len(os.path.commonpath(paths))
    return heapq.nsmallest(_SOME, paths, key=lambda path: _hash(str(path)[start:]))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
