"""Arrays of numpy on disk: `.npy` files, and `.npz` files that pack several. Nothing is unpickled.

Headers are read here and not by numpy, so that a damaged one is an error that names its file, and
so that the rows of an array can be read one at a time. What samples store is laid out in arrays by
`feature_arrays`: of what a sample has any number of, such as boxes, all values stand one after the
other, and row i has `values[row_splits[i] : row_splits[i + 1]]`.
"""

import ast
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.records.rows import ArrayRows, check_image_shape, open_file, unpacked
from dsbuilder.sample import Feature

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_TYPE = re.compile(r"[<>|=]?(?:[biufSU][1-9]\d{0,8}|\?)")


@dataclass(frozen=True, kw_only=True)
class ArrayHeader:
    """What an array is.

    Attributes:
      dtype: dtype of its values; never objects.
      shape: its axes.
      is_fortran: whether the first axis runs fastest.
      offset: where its values begin, in bytes.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    offset: int

    @property
    def size_bytes(self) -> int:
        """The size of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, kw_only=True)
class Array:
    """Where an array lies.

    Attributes:
      file: a `.npy` file, or an `.npz` file.
      member: the name in an `.npz` file, with its ending; None for a `.npy` file.
    """

    file: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.file) if self.member is None else f"{self.file}: {self.member}"

    def header(self) -> ArrayHeader:
        """Returns what the array is; its length is that of the file.

        Raises:
          DataError: it is damaged or cut, or holds objects, which only pickle could read.
        """
        with self._opened() as (stream, size):
            return _header(str(self), stream, size)

    def load(self) -> np.ndarray:
        """Returns the whole array.

        Raises:
          DataError: see `header`.
        """
        with self._opened() as (stream, size):
            header = _header(str(self), stream, size)
            values = stream.read(header.size_bytes + 1)  # to the end: a zip file's sum is there
            if len(values) != header.size_bytes:
                raise _cut(str(self), header.size_bytes, len(values))
        flat = np.frombuffer(values, header.dtype)
        if header.is_fortran:
            return flat.reshape(header.shape[::-1]).T
        return flat.reshape(header.shape)

    def images(self) -> ArrayRows:
        """Opens an array of images, `(N, H, W)` or `(N, H, W, C)` uint8, to be read row by row.

        Raises:
          DataError: see `header`; or it holds no images.
        """
        header = self.header()
        if header.dtype != np.uint8:
            raise DataError(
                f"{self}: expected uint8 images, found {header.dtype}. Scale them to 0 to 255 and "
                "save them as uint8."
            )
        check_image_shape(str(self), header.shape)
        file, offset = self._values(header)
        count, *shape = header.shape
        return ArrayRows(name=str(self), file=file, offset=offset, count=count, shape=tuple(shape))

    def _values(self, header: ArrayHeader) -> tuple[BinaryIO, int]:
        """Returns an open file with the values in C order, and where they begin."""
        if header.is_fortran:
            values = np.ascontiguousarray(self.load()).tobytes()
            return unpacked(BytesIO(values), limit=len(values)), 0
        if self.member is None:
            return open_file(self.file), header.offset
        with self._opened() as (stream, size):
            return unpacked(stream, limit=size + 1), header.offset

    @contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, int]]:
        """Opens the array for reading from its start; yields it and its size in bytes."""
        if self.member is None:
            with open_file(self.file) as file:
                size = file.seek(0, 2)
                file.seek(0)
                yield file, size
            return
        with _zip(self.file) as archive, archive.open(self.member) as member:
            yield cast(BinaryIO, member), archive.getinfo(self.member).file_size


def row_splits(feature: str) -> str:
    """Returns the name of the array that says where the values of each row begin and end."""
    return f"{feature}.row_splits"


def root_of(path: Path) -> Path:
    """Returns the `.npz` file that is the only file of arrays in a folder, else the path itself."""
    files = _array_files(path) if path.is_dir() else ()
    return files[0] if len(files) == 1 and files[0].suffix.lower() == ".npz" else path


def feature_arrays(
    name: str, feature: Feature, values: Iterable[Any], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Returns the arrays of a feature, by their names.

    Args:
      values: of every row, as decoded from an Example; of a mask its ids, uint8 `(H, W)`.
      shape: `(n, H, W, C)` of the images.
    """
    if feature.kind == "mask":
        return {name: _masks(values, shape[:3])}
    values = list(values)
    if not feature.is_ragged:
        return {name: _column(feature, [v[0] for v in values] if _is_text(feature) else values)}
    rest = [side for side in feature.shape[1:] if side is not None]
    width = math.prod(rest)
    splits = np.cumsum([0, *(len(each) // width for each in values)], dtype=np.int64)
    flat = [v for each in values for v in each] if _is_text(feature) else _joined(feature, values)
    return {name: _column(feature, flat), row_splits(name): splits}


def _is_text(feature: Feature) -> bool:
    return feature.dtype == "string"


def _joined(feature: Feature, values: list[Any]) -> np.ndarray:
    """Returns the values of all rows as one array; an empty list has no kind of its own."""
    return np.concatenate([np.zeros(0, feature.dtype), *values], dtype=feature.dtype)


def _masks(values: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    masks = np.empty(shape, np.uint8)
    for row, each in enumerate(values):
        masks[row] = each
    return masks


def _column(feature: Feature, values: Any) -> np.ndarray:
    if _is_text(feature):
        return np.array(values, dtype=f"S{max(map(len, values), default=1) or 1}")
    sides = [side for side in feature.shape if side is not None]
    rows = [-1] if feature.is_ragged else [len(values)]
    return np.asarray(values, feature.dtype).reshape(*rows, *sides)


def find(path: Path) -> dict[str, Array]:
    """Returns the arrays of an `.npz` file, or of the `.npy` and `.npz` files in a folder, by name.

    An array of one of several files in a folder is called after the file: `train.npz` with an array
    `x` holds `train_x`. Where an `.npz` file is the only file of arrays, its name says nothing.

    Raises:
      DataError: there is nothing that can be read, or two arrays have one name.
    """
    root = root_of(path)
    if not root.is_dir():
        return _members(root)
    found: dict[str, Array] = {}
    for file in _array_files(root):
        for name, array in _named(file):
            if found.setdefault(name, array) != array:
                raise DataError(
                    f"{path}: expected every array once, found '{name}' in {found[name]} and "
                    f"{array}. Remove one."
                )
    return found


def _array_files(folder: Path) -> Sequence[Path]:
    return sorted(each for each in folder.iterdir() if is_array_file(each.name) and each.is_file())


def is_array_file(name: str) -> bool:
    """Whether a name is that of a file of arrays."""
    return name.lower().endswith((".npy", ".npz")) and not name.startswith(".")


def _named(file: Path) -> Iterator[tuple[str, Array]]:
    if file.suffix.lower() == ".npy":
        yield file.stem, Array(file=file)
    else:
        for name, array in _members(file).items():
            yield f"{file.stem}_{name}", array


def _members(file: Path) -> dict[str, Array]:
    with _zip(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
    return {name.removesuffix(".npy"): Array(file=file, member=name) for name in names}


@contextmanager
def _zip(file: Path) -> Iterator[zipfile.ZipFile]:
    """Opens a zip file; what is wrong with it or with a member is a DataError."""
    try:
        with open_file(file) as stream, zipfile.ZipFile(stream) as archive:
            yield archive
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,  # a place before the file's beginning, or a disk that fails
        EOFError,
        KeyError,  # a member that the directory does not name
        NotImplementedError,  # a way of packing that Python does not know
        RuntimeError,  # a password
        UnicodeDecodeError,
        struct.error,
    ) as error:
        raise DataError(
            f"{file}: expected a whole .npz file, found a cut or damaged one ({error}). "
            "Save or download it again."
        ) from None


def _header(name: str, stream: BinaryIO, size: int) -> ArrayHeader:
    """Reads the header of an array whose file is `size` bytes long."""
    head = stream.read(8)
    if len(head) < 8 or head[:6] != _MAGIC or head[6] not in (1, 2, 3):
        raise DataError(
            f"{name}: expected an array of numpy, which begins with {_MAGIC!r}, found "
            f"{head[:6]!r}. Save it with numpy.save."
        )
    form = struct.Struct("<H" if head[6] == 1 else "<I")
    length = stream.read(form.size)
    text = b""
    if len(length) == form.size and form.unpack(length)[0] <= _LONGEST_HEADER:
        text = stream.read(form.unpack(length)[0])
    offset = 8 + form.size + len(text)
    dtype, shape, is_fortran = _described(name, text.decode("latin-1"))
    header = ArrayHeader(dtype=dtype, shape=shape, is_fortran=is_fortran, offset=offset)
    if size - offset != header.size_bytes:
        raise _cut(name, header.size_bytes, size - offset)
    return header


def _described(name: str, text: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    try:
        values = ast.literal_eval(text)
        described, shape, is_fortran = values["descr"], values["shape"], values["fortran_order"]
        is_shape = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if is_shape and isinstance(is_fortran, bool):
            return _dtype(name, described), shape, is_fortran
        found = f"the shape {shape!r}"
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        found = repr(text[:60])
    raise DataError(
        f"{name}: expected the header of an array, found {found}: the file is damaged. "
        "Save it again."
    )


def _dtype(name: str, described: object) -> np.dtype[Any]:
    if isinstance(described, str) and _TYPE.fullmatch(described):
        with suppress(TypeError, ValueError):  # a size that numpy does not have
            return np.dtype(described)
    found = "objects, which only pickle reads" if described == "|O" else f"the type {described!r}"
    raise DataError(
        f"{name}: expected an array of numbers or texts, found {found}. Save it as an array of "
        "one type, such as array.astype('U')."
    )


def _cut(name: str, expected: int, found: int) -> DataError:
    wrong = "is cut" if found < expected else "has more than its header says"
    return DataError(
        f"{name}: expected {expected} bytes of values, found {found}: the file {wrong}. "
        "Save it again."
    )
