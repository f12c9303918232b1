"""CSV files that hold pixels: a row an image, as many data sets on Kaggle are given out.

    label,pixel0,pixel1,...      emotion,pixels,Usage                7,0,0,254,...
    7,0,254,...                  3,70 80 82 ...,Training             1,0,3,255,...

A pixel has a column of its own, or all stand in one column `pixels` with spaces between. There is a
line of column names or, as on the right, none, and then the label comes first. The columns between
label and pixels are passed over. Files are UTF-8, with or without a byte order mark; lines end in a
line feed, with or without a carriage return; blank ones are passed over. A cell ends in its line.
"""

import csv
import math
import re
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.layouts.splits import split_named
from dsbuilder.records.rows import open_file

LABEL_WORDS = ("label", "class", "emotion", "target", "character", "digit", "y")
"""Names of the column of labels that are known, in small letters."""

_ALL_PIXELS = "pixels"
_USAGE = "usage"
_USAGES = {"training": "train", "publictest": "validation", "privatetest": "test"}
_PIXEL = re.compile(r"(?:pixel|px|p)?[-_ .]?\d+(?:x\d+)*", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_LONGEST_LINE = 1 << 27


@dataclass(frozen=True, kw_only=True)
class PixelColumns:
    """Where in a row what stands; places are counted from 0.

    Attributes:
      count: number of cells in a row.
      label: place of the label.
      pixels: places of the pixels; one alone says that they stand there with spaces between.
      usage: place of what says the split, or None.
      passed: names of the columns that are not read.
      has_header: whether the first line holds names.
    """

    count: int
    label: int
    pixels: tuple[int, ...]
    usage: int | None
    passed: tuple[str, ...]
    has_header: bool


class RowPlace(NamedTuple):
    """Where a row lies.

    Attributes:
      offset: where it begins, in bytes.
      line: the number of its line, 1-based.
    """

    offset: int
    line: int


@dataclass(frozen=True, kw_only=True)
class PixelTable:
    """An open file of pixels.

    Attributes:
      path: path of the file.
      file: open; closed when the table is no longer held.
      columns: where what stands.
    """

    path: Path
    file: BinaryIO
    columns: PixelColumns

    def __post_init__(self) -> None:
        weakref.finalize(self, self.file.close)

    def rows(self) -> list[RowPlace]:
        """Returns where every row lies."""
        rows: list[RowPlace] = []
        offset = _start(self.file)
        for number, line in enumerate(self.file, start=1):
            if not line.isspace():
                rows.append(RowPlace(offset=offset, line=number))
            offset += len(line)
        return rows[int(self.columns.has_header) :]

    def text(self, row: RowPlace) -> bytes:
        """Returns the line of a row as it stands there."""
        self.file.seek(row.offset)
        return self.file.readline(_LONGEST_LINE)

    def cells(self, row: RowPlace) -> list[str]:
        """Returns the cells of a row, with the spaces around them.

        Raises:
          DataError: it is not UTF-8, or has more or fewer cells than the first one.
        """
        cells = _cells(self.path, row.line, self.text(row))
        if len(cells) != self.columns.count:
            raise DataError(
                f"{self.path}:{row.line}: expected {self.columns.count} cells, found "
                f"{len(cells)}. Correct the line."
            )
        return cells

    def split(self, cells: Sequence[str], row: RowPlace) -> str | None:
        """Returns the split that a row states, or None where there is no such column.

        Raises:
          DataError: it states another word.
        """
        if self.columns.usage is None:
            return None
        word = cells[self.columns.usage].strip()
        split = _USAGES.get(word.lower()) or split_named(word)
        if split is None:
            raise DataError(
                f"{self.path}:{row.line}: expected a split, found '{word}'."
                f"{did_you_mean(word, ('Training', 'PublicTest', 'PrivateTest'))}"
            )
        return split

    def pixels(self, row: RowPlace) -> npt.NDArray[np.uint8]:
        """Returns the pixels of a row, `(N,)`.

        Raises:
          DataError: a pixel is no whole number from 0 to 255.
        """
        cells, places = self.cells(row), self.columns.pixels
        texts = cells[places[0]].split() if len(places) == 1 else [cells[each] for each in places]
        try:
            values = _bytes(texts)
        except (ValueError, OverflowError):
            values = b""
        if not values:
            raise DataError(
                f"{self.path}:{row.line}: expected pixels from 0 to 255, found {_odd(texts)}. "
                "Correct the line."
            )
        return np.frombuffer(values, np.uint8)


def open_table(path: Path, label: str | None = None) -> PixelTable | None:
    """Opens a file; None if it has no label or no pixels.

    Args:
      label: the name of the column of labels, where it is none of `LABEL_WORDS`.

    Raises:
      DataError: it cannot be read, or a column is named twice.
    """
    file = open_file(path)
    try:
        columns = _columns(path, file, label)
    except BaseException:
        file.close()
        raise
    if columns is None:
        file.close()
        return None
    return PixelTable(path=path, file=file, columns=columns)


def read_columns(path: Path, label: str | None = None) -> PixelColumns | None:
    """Returns the columns of a file from its first line; see `open_table`."""
    with open_file(path) as file:
        return _columns(path, file, label)


def image_shape(count: int, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Returns `(H, W, C)` of an image of so many values.

    Args:
      size: (height, width); without it an image is square.

    Raises:
      DataError: so many values make no image of 1, 3 or 4 channels.
    """
    for channels in (1, 3, 4):
        height, width = size or (math.isqrt(count // channels),) * 2
        if height * width * channels == count and count:
            return height, width, channels
    wanted = f"an image of {size[0]} x {size[1]}" if size else "a square image"
    raise DataError(
        f"expected the pixels of {wanted} with 1, 3 or 4 channels, found {count}. "
        "Set `size: [height, width]`."
    )


def _start(file: BinaryIO) -> int:
    """Moves to where the text begins, behind a byte order mark."""
    file.seek(0)
    return file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)


def _bytes(texts: Sequence[str]) -> bytes:
    """Returns whole numbers from 0 to 255 as bytes; others raise a ValueError."""
    if "_" in "".join(texts):  # which Python takes for a part of a number
        raise ValueError("_")
    return bytes(map(int, texts))


def _cells(path: Path, number: int, line: bytes) -> list[str]:
    try:
        text = line.decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{number}: expected text in UTF-8, found the byte "
            f"0x{line[error.start]:02x}. Save the file as UTF-8."
        ) from None
    if '"' not in text and "\r" not in text:
        return text.split(",")
    try:
        [cells] = csv.reader([text], strict=True, skipinitialspace=True)
    except (csv.Error, ValueError) as error:
        raise DataError(
            f"{path}:{number}: expected cells separated by commas, found an error: {error}. "
            "Correct the line."
        ) from None
    return cells


def _columns(path: Path, file: BinaryIO, label: str | None) -> PixelColumns | None:
    _start(file)
    number, line = 1, file.readline(_LONGEST_LINE)
    while line.isspace():
        number, line = number + 1, file.readline(_LONGEST_LINE)
    cells = [cell.strip() for cell in _cells(path, number, line)]
    if len(cells) < 2:
        return None
    if _is_header(cells, label):
        return _named_columns(path, cells, label)
    places = tuple(range(1, len(cells)))
    return PixelColumns(
        count=len(cells), label=0, pixels=places, usage=None, passed=(), has_header=False
    )


def _is_header(cells: Sequence[str], label: str | None) -> bool:
    known = {*LABEL_WORDS, _ALL_PIXELS, _USAGE}
    is_named = label in cells or any(cell.lower() in known for cell in cells)
    return is_named or not cells[1].isdecimal()


def _named_columns(path: Path, names: Sequence[str], label: str | None) -> PixelColumns | None:
    lowered = [name.lower() for name in names]
    twice = next((name for name in lowered if lowered.count(name) > 1), None)
    pixels = _pixel_columns(lowered)
    place = _label_column(names, lowered, label)
    if place is None or not pixels:
        return None
    if twice is not None:
        raise DataError(f"{path}:1: expected every column once, found '{twice}' again. Rename it.")
    usage = lowered.index(_USAGE) if _USAGE in lowered else None
    read = {place, usage, *pixels}
    return PixelColumns(
        count=len(names),
        label=place,
        pixels=tuple(each for each in pixels if each != place),
        usage=usage,
        passed=tuple(name for index, name in enumerate(names) if index not in read),
        has_header=True,
    )


def _pixel_columns(lowered: Sequence[str]) -> list[int]:
    if _ALL_PIXELS in lowered:
        return [lowered.index(_ALL_PIXELS)]
    found = [index for index, name in enumerate(lowered) if _PIXEL.fullmatch(name)]
    return found if len(found) > 1 else []


def _label_column(names: Sequence[str], lowered: Sequence[str], label: str | None) -> int | None:
    if label is not None:
        return names.index(label) if label in names else None
    return next((lowered.index(word) for word in LABEL_WORDS if word in lowered), None)


def _odd(texts: Sequence[str]) -> str:
    """Returns the first text that is no pixel, for a message."""
    for text in texts:
        try:
            _bytes([text])
        except (ValueError, OverflowError):
            return f"'{text[:40]}'"
    return "none"
