"""IDX: arrays of bytes with a short header, as MNIST and its relatives are given out.

    2 bytes  zero
    1 byte   type of the values; 8 is unsigned bytes, the only one that images come in
    1 byte   number of axes
    4 bytes  length of each axis, big-endian
    values   in C order, to the end of the file

A file may be packed with gzip, which its first bytes say, whatever its name.
"""

import gzip
import re
import struct
import zlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError
from dsbuilder.layouts.splits import split_named
from dsbuilder.records.rows import ArrayRows, check_image_shape, open_file, unpacked

_NAME = re.compile(
    r"(?:(?P<stem>.*?)[-_.])?(?P<role>image|label)s?[-_.]idx[134]-ubyte(?:\.gz)?", re.IGNORECASE
)
ROLES = ("image", "label")

_UNSIGNED_BYTES = 8
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class IdxName:
    """What the name of an IDX file says.

    Attributes:
      prefix: prefix of the data set, where a folder holds several, such as `emnist-letters`.
      part: what stands for the split, such as `t10k`; empty if nothing does.
      role: what the file holds.
    """

    prefix: str
    part: str
    role: Literal["image", "label"]

    @property
    def split(self) -> str | None:
        """The split, or None."""
        return "test" if self.part.lower() == "t10k" else split_named(self.part)


def parse_name(name: str) -> IdxName | None:
    """Returns what a file's name says, such as `train-images-idx3-ubyte.gz`; None if not IDX."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    role = cast(Literal["image", "label"], found["role"].lower())
    prefix, _, part = re.sub(r"[_.]", "-", found["stem"] or "").rpartition("-")
    named = IdxName(prefix=prefix, part=part, role=role)
    if part and named.split is None:
        return IdxName(prefix=f"{prefix}-{part}".lstrip("-"), part="", role=role)
    return named


PairName = tuple[str, str]
"""What stands for a pair of files: (prefix, part) of their names."""


def pairs_of(names: Iterable[str]) -> dict[PairName, dict[str, str]]:
    """Returns role -> the file's name of what belongs together; of two, that which is unpacked."""
    pairs: dict[PairName, dict[str, str]] = {}
    for name in sorted(names):  # so `...ubyte.gz` comes after `...ubyte`
        parsed = parse_name(name)
        if parsed is not None:
            pairs.setdefault((parsed.prefix, parsed.part), {}).setdefault(parsed.role, name)
    return pairs


def word(place: PairName) -> str:
    """Returns what the keys of a pair begin with: the part, else the data set's name."""
    prefix, part = place
    return part or prefix or "all"


def open_images(path: Path) -> ArrayRows:
    """Opens a file of images, `(N, H, W)` or `(N, H, W, C)`.

    Raises:
      DataError: it is missing, damaged, cut, longer than its header says, or holds no images.
    """
    file, shape, offset = _open(path)
    try:
        check_image_shape(str(path), shape)
    except DataError:
        file.close()
        raise
    return ArrayRows(name=str(path), file=file, offset=offset, count=shape[0], shape=shape[1:])


def read_labels(path: Path) -> npt.NDArray[np.uint8]:
    """Returns the labels of a file, `(N,)`.

    Raises:
      DataError: it is missing, damaged, cut, longer than its header says, or holds no labels.
    """
    file, shape, offset = _open(path)
    with file:
        if len(shape) != 1:
            raise DataError(
                f"{path}: expected labels, one axis, found {len(shape)} axes {shape}. "
                "Name files of images ...-images-idx3-ubyte and of labels ...-labels-idx1-ubyte."
            )
        file.seek(offset)
        return np.frombuffer(file.read(), np.uint8)


def _open(path: Path) -> tuple[BinaryIO, tuple[int, ...], int]:
    """Returns an open file that is not packed, its shape, and where its values begin."""
    file = open_file(path)
    try:
        if file.read(2) == _GZIP:
            with closing(file):
                file.seek(0)
                file = _gunzipped(path, file)
        shape, offset = _header(path, file)
        _check_length(path, file, offset + _size(shape))
    except BaseException:
        file.close()
        raise
    return file, shape, offset


def _gunzipped(path: Path, file: BinaryIO) -> BinaryIO:
    """Returns a packed file unpacked: no more than its header promises, and a byte to tell."""
    try:
        with gzip.open(file) as stream:
            shape, offset = _header(path, cast(BinaryIO, stream))
            stream.seek(0)
            return unpacked(cast(BinaryIO, stream), limit=offset + _size(shape) + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: expected a whole gzip file, found a cut or damaged one ({error}). "
            "Download it again."
        ) from None


def _header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], int]:
    file.seek(0)
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != _UNSIGNED_BYTES or not 1 <= head[3] <= 4:
        raise DataError(
            f"{path}: expected an IDX file of unsigned bytes, which begins with 00 00 08 and a "
            f"number of axes from 1 to 4, found {head.hex(' ') or 'an empty file'}. "
            "Check that it is what its name says."
        )
    lengths = file.read(4 * head[3])
    if len(lengths) < 4 * head[3]:
        raise DataError(
            f"{path}: expected a header of {4 + 4 * head[3]} bytes, found {4 + len(lengths)}: the "
            "file is cut. Download it again."
        )
    return struct.unpack(f">{head[3]}I", lengths), 4 + 4 * head[3]


def _size(shape: Iterable[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _check_length(path: Path, file: BinaryIO, expected: int) -> None:
    found = file.seek(0, 2)
    if found != expected:
        wrong = "is cut" if found < expected else "has more than its header says"
        raise DataError(
            f"{path}: expected {expected} bytes, as the header says, found "
            f"{found if found < expected else 'more'}: the file {wrong}. Download it again."
        )
