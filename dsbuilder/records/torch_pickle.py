"""Legacy torch checkpoints (`torch.save` before the zip form) read with numpy alone.

Pretrained weights are published as pickles, and a pickle may run anything. This reader resolves
`OrderedDict`, the constructor of a tensor and the storage types, and refuses every other global,
so that a file can yield arrays or an error and nothing else.

A file is five pickles, then the numbers:

    magic number | protocol version | facts about the writer | state dict | storage keys
    for each storage key: int64 count of elements, then the elements, always little-endian

A tensor is a window (offset, size, stride) of a storage; several tensors may share one.
"""

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import DataError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_ZIP_SIGNATURE = b"PK\x03\x04"
_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}
# What the opcodes of a cut or garbled pickle raise.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
)


@dataclass(frozen=True, kw_only=True)
class _Storage:
    """A flat run of numbers that stands behind the pickles, known by its key."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, kw_only=True)
class _Window:
    """A tensor: where its elements lie in a storage; all numbers count elements."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a legacy torch checkpoint, in the order of the file.

    Nothing of torch is imported and nothing named by the file is executed.

    Args:
      path: a file written by `torch.save(model.state_dict())` before torch 1.6, or since with
        `_use_new_zipfile_serialization=False`.

    Returns:
      Read-only arrays by tensor name, with the shape and dtype of the tensor. They are views of one
      buffer that holds the file, not contiguous where the tensor was not.

    Raises:
      DataError: the file is missing, cut, of another format, not a state dict, or names a global
        that is not needed for one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: expected a torch checkpoint, but it cannot be read ({error.strerror}). "
            "Check the path and its permissions."
        ) from error
    try:
        return _parse(path, content)
    except _BROKEN as error:
        raise _cut(path, f"{type(error).__name__}: {error}") from error


def _parse(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """Reads the parts of the file in their order."""
    stream = io.BytesIO(content)
    _check_header(path, content, stream)
    windows = _windows(path, _Unpickler(path, stream).load())
    keys = _Unpickler(path, stream).load()
    storages = _storages(path, content, offset=stream.tell(), keys=keys, windows=windows)
    return {name: _view(path, name, window, storages) for name, window in windows.items()}


def _check_header(path: Path, content: bytes, stream: io.BytesIO) -> None:
    """Consumes magic number, protocol version, and the facts about the writer: all are moot."""
    if content.startswith(_ZIP_SIGNATURE):
        raise DataError(
            f"{path}: expected a legacy torch checkpoint, found the zip form of torch 1.6 and "
            "later. Save it again with torch.save(..., _use_new_zipfile_serialization=False)."
        )
    if content and not content.startswith(pickle.PROTO):
        raise DataError(
            f"{path}: expected a legacy torch checkpoint, found a file that is not a pickle. "
            "Give a file that torch.save wrote."
        )
    magic = _Unpickler(path, stream).load()
    if magic != _MAGIC:
        raise DataError(
            f"{path}: expected a legacy torch checkpoint, found another pickle. "
            "Give a file that torch.save wrote."
        )
    protocol = _Unpickler(path, stream).load()
    if protocol != _PROTOCOL:
        raise DataError(
            f"{path}: expected torch checkpoint protocol {_PROTOCOL}, found {protocol!r}. "
            "Save it again with a current torch."
        )
    _Unpickler(path, stream).load()


class _Unpickler(pickle.Unpickler):
    """Knows the few globals of a state dict and refuses all others.

    Nothing it hands out can be changed by the pickle: a bound method, an immutable type, strings.
    """

    def __init__(self, path: Path, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Resolves a global of the pickle from a closed list."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._window
        if module == "torch" and name in _DTYPES:
            return name
        raise DataError(
            f"{self._path}: expected only tensors of {', '.join(_DTYPES)}, "
            f"found the global '{module}.{name}', which is refused. "
            "Use a file from a source you trust, saved as model.state_dict()."
        )

    def persistent_load(self, pid: Any) -> _Storage:
        """Resolves a reference to a storage: `("storage", type, key, location, count, view)`."""
        tag, name, key, _location, count, view = pid
        if tag != "storage" or name not in _DTYPES or view is not None or not _is_count(count):
            raise pickle.UnpicklingError(f"unknown reference {pid!r}")
        return _Storage(key=str(key), dtype=_DTYPES[name], count=count)

    def _window(
        self, storage: Any, offset: Any, size: Any, stride: Any, *_gradient_facts: Any
    ) -> _Window:
        """Takes the place of torch's constructor of a tensor."""
        numbers = (offset, *size, *stride)
        if not isinstance(storage, _Storage) or not all(map(_is_count, numbers)):
            raise pickle.UnpicklingError("a tensor of something else than numbers")
        return _Window(storage=storage, offset=offset, size=tuple(size), stride=tuple(stride))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _windows(path: Path, state: object) -> dict[str, _Window]:
    """Checks that the pickle is a flat dictionary of tensors."""
    if not isinstance(state, Mapping):
        raise DataError(
            f"{path}: expected a state dict, found {type(state).__name__}. "
            "Save model.state_dict(), not the model."
        )
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, _Window):
            raise DataError(
                f"{path}: expected a tensor under every name of the state dict, "
                f"found {type(value).__name__} under {name!r}. "
                "Save model.state_dict() alone, not a training checkpoint around it."
            )
    return dict(state)


def _storages(
    path: Path, content: bytes, *, offset: int, keys: list[str], windows: Mapping[str, _Window]
) -> dict[str, np.ndarray]:
    """Finds each storage in the bytes behind the pickles, as a flat read-only array."""
    declared = {window.storage.key: window.storage for window in windows.values()}
    found: dict[str, np.ndarray] = {}
    for key in keys:
        storage = declared[key]
        written = int.from_bytes(content[offset : offset + 8], "little")
        if written != storage.count:
            raise _cut(path, f"storage {key} has {written} elements instead of {storage.count}")
        found[key] = np.frombuffer(content, storage.dtype, count=storage.count, offset=offset + 8)
        offset += 8 + found[key].nbytes
    if offset != len(content):
        raise _cut(path, f"{len(content) - offset} bytes follow the last storage")
    return found


def _view(path: Path, name: str, window: _Window, storages: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lays a tensor's window over its storage, never past its end."""
    flat = storages[window.storage.key]
    if len(window.size) != len(window.stride) or math.prod(window.size) > flat.size:
        raise _cut(path, f"'{name}' does not fit its storage")
    if math.prod(window.size) == 0:
        return np.empty(window.size, flat.dtype)
    reach = sum(
        (size - 1) * stride for size, stride in zip(window.size, window.stride, strict=True)
    )
    if window.offset + reach >= flat.size:
        raise _cut(path, f"'{name}' reaches beyond its storage")
    strides = [stride * flat.itemsize for stride in window.stride]
    return np.lib.stride_tricks.as_strided(
        flat[window.offset :], window.size, strides, writeable=False
    )


def _cut(path: Path, found: str) -> DataError:
    return DataError(
        f"{path}: expected a whole torch checkpoint, found a cut or damaged one ({found}). "
        "Copy or download it again."
    )
