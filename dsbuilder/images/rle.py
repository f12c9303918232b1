"""Run lengths of a binary mask, as COCO writes them: bytes <-> plain data.

The pixels are walked down the columns, left to right; the runs alternate between 0 and 1 and begin
with 0. The compressed form writes every run from the fourth on as its difference from the run two
before it, in groups of five bits, lowest first, each as one printable character from `0` on; the
sixth bit says that more follow, the fifth of the last group is the sign.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError

Counts: TypeAlias = str | Sequence[int]
"""Run lengths: compressed in a text, or as whole numbers."""

_FIRST = ord("0")


def decode(counts: Counts, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Returns the mask of run lengths, `(H, W)` uint8 of 0 and 1.

    Args:
      size: (height, width) in pixels.

    Raises:
      DataError: the counts are malformed, or do not fill the size.
    """
    height, width = size
    lengths = _filling(counts, size)
    values = np.arange(len(lengths), dtype=np.uint8) & 1
    flat = np.repeat(values, lengths)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def decode_box(
    counts: Counts, size: tuple[int, int], box: tuple[int, int, int, int]
) -> npt.NDArray[np.uint8]:
    """Returns what a box (top, left, height, width) within the mask of run lengths holds.

    Raises:
      DataError: as `decode`.
    """
    top, left, height, width = box
    ends = np.cumsum(_filling(counts, size))
    low, high = left * size[0], (left + width) * size[0]
    first, last = np.searchsorted(ends, (low, high - 1), side="right")
    lengths = np.diff(ends[first : last + 1].clip(low, high), prepend=low)
    values = np.arange(first, last + 1).astype(np.uint8) & 1
    columns = np.repeat(values, lengths).reshape(width, size[0])
    return np.ascontiguousarray(columns[:, top : top + height].T)


def bounds(counts: Counts, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Returns left, top, right and bottom of the pixels of a mask; None of one without any.

    Raises:
      DataError: as `decode`.
    """
    ends = np.cumsum(_filling(counts, size))
    starts, stops = ends[0:-1:2], ends[1::2]
    kept = stops > starts
    starts, stops = starts[kept], stops[kept]
    if not len(starts):
        return None
    height = size[0]
    left, right = int(starts[0] // height), int((stops[-1] - 1) // height) + 1
    if (starts // height != (stops - 1) // height).any():  # such a run goes on in the next column
        return left, 0, right, height
    return left, int((starts % height).min()), right, int(((stops - 1) % height).max()) + 1


def encode(mask: npt.NDArray[np.generic]) -> str:
    """Returns the compressed run lengths of a `(H, W)` mask; all that is not zero counts as 1."""
    lengths = _lengths(mask)
    before = [0, 0, 0, *lengths[1:]]
    return "".join(_written(run - past) for run, past in zip(lengths, before, strict=False))


def _filling(counts: Counts, size: tuple[int, int]) -> list[int]:
    """Returns run lengths, which must fill a size."""
    height, width = size
    lengths = runs(counts)
    if sum(lengths) != height * width:
        raise DataError(
            f"expected runs over {width} x {height} = {height * width} pixels, "
            f"found {sum(lengths)}. Correct the size or the counts."
        )
    return lengths


def runs(counts: Counts) -> list[int]:
    """Returns run lengths as whole numbers.

    Raises:
      DataError: the counts are malformed.
    """
    if not isinstance(counts, (str, list, tuple)):
        raise DataError(f"expected run lengths, found {counts!r}. Correct the counts.")
    lengths = _unpacked(counts) if isinstance(counts, str) else list(counts)
    wrong = [run for run in lengths if not _is_length(run)]
    if wrong:
        raise DataError(
            f"expected run lengths of 0 or more, found {wrong[0]!r}. Correct the counts."
        )
    return lengths


def _is_length(run: object) -> bool:
    return isinstance(run, int) and not isinstance(run, bool) and run >= 0


def _lengths(mask: npt.NDArray[np.generic]) -> list[int]:
    flat = (mask != 0).T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    bounds = np.concatenate(([0], changes, [flat.size]))
    lengths: list[int] = np.diff(bounds).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def _written(number: int) -> str:
    """Returns a number in groups of five bits, lowest first."""
    letters = []
    while True:
        group, number = number & 0x1F, number >> 5
        is_last = number == (-1 if group & 0x10 else 0)
        letters.append(chr(_FIRST + (group if is_last else group | 0x20)))
        if is_last:
            return "".join(letters)


def _unpacked(text: str) -> list[int]:
    lengths: list[int] = []
    for number in _numbers(text):
        lengths.append(number + lengths[-2] if len(lengths) > 2 else number)
    return lengths


def _numbers(text: str) -> Iterator[int]:
    number, shift = 0, 0
    for letter in text:
        group = ord(letter) - _FIRST
        if not 0 <= group < 0x40 or shift > 60:
            raise DataError(
                f"expected compressed run lengths, found {letter!r} in them. Correct the counts."
            )
        number |= (group & 0x1F) << shift
        shift += 5
        if not group & 0x20:
            yield number - (1 << shift) if group & 0x10 else number
            number, shift = 0, 0
    if shift:
        raise DataError("expected compressed run lengths, found them cut. Correct the counts.")
