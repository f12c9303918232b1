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
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dsbuilder.errors import DataError

_BEGINNING = (0x1950A86A20F9469CFC6C, 1001)
"""Magic number and protocol version."""
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
_BROKEN = (
    *(pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, TypeError),
    *(ValueError, OverflowError),
)
"""What the opcodes of a cut or garbled pickle raise."""


class _Storage(NamedTuple):
    """A flat run of numbers that stands behind the pickles, known by its key."""

    key: str
    dtype: str
    length: int


class _Window(NamedTuple):
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
      Read-only arrays by tensor name, with the shape and dtype of the tensor; views of one buffer
      that holds the file.

    Raises:
      DataError: the file is missing, cut, of another format, not a state dict, or names a global
        that is not needed for one.
    """
    try:
        content = path.read_bytes()
        return _parsed(path, content)
    except OSError as error:
        raise DataError(
            f"{path}: expected a torch checkpoint, but it cannot be read ({error.strerror}). "
            "Check the path and its permissions."
        ) from error
    except _BROKEN as error:
        raise DataError(
            f"{path}: expected a whole torch checkpoint, found a cut or damaged one "
            f"({type(error).__name__}: {error}). Copy or download it again."
        ) from error


def _parsed(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """Reads the parts of the file in their order."""
    if content and not content.startswith(pickle.PROTO):
        raise DataError(
            f"{path}: expected a legacy torch checkpoint, found a file that is not a pickle, or "
            "the zip form of torch 1.6. Save it again with "
            "torch.save(..., _use_new_zipfile_serialization=False)."
        )
    stream = io.BytesIO(content)
    if any(_Unpickler(path, stream).load() != part for part in _BEGINNING):
        raise DataError(
            f"{path}: expected a legacy torch checkpoint, found another pickle. "
            "Give a file that torch.save wrote."
        )
    _Unpickler(path, stream).load()  # facts about the writer
    state, keys = (_Unpickler(path, stream).load() for _ in range(2))
    if not isinstance(state, Mapping) or not all(
        isinstance(each, _Window) for each in state.values()
    ):
        raise DataError(
            f"{path}: expected a tensor under every name of a state dict, found something else. "
            "Save model.state_dict() alone, not a training checkpoint around it."
        )
    storages = _storages(content[stream.tell() :], keys, state)
    return {str(name): _view(window, storages) for name, window in state.items()}


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
        return _Storage(key=str(key), dtype=_DTYPES[name], length=count)

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


def _storages(
    numbers: bytes, keys: list[str], windows: Mapping[str, _Window]
) -> dict[str, np.ndarray]:
    """Finds each storage in the bytes behind the pickles, as a flat read-only array."""
    declared = {window.storage.key: window.storage for window in windows.values()}
    found: dict[str, np.ndarray] = {}
    offset = 0
    for key in keys:
        storage = declared[key]
        written = int.from_bytes(numbers[offset : offset + 8], "little")
        if written != storage.length:
            raise ValueError(f"storage {key} has {written} elements instead of {storage.length}")
        found[key] = np.frombuffer(numbers, storage.dtype, count=storage.length, offset=offset + 8)
        offset += 8 + found[key].nbytes
    if offset != len(numbers):
        raise ValueError(f"{len(numbers) - offset} bytes follow the last storage")
    return found


def _view(window: _Window, storages: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lays a tensor's window over its storage, never past its end."""
    flat, size, stride = storages[window.storage.key], window.size, window.stride
    if math.prod(size) == 0:
        return np.empty(size, flat.dtype)
    reach = window.offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if reach >= flat.size or math.prod(size) > flat.size:
        raise ValueError("a tensor reaches beyond its storage")
    strides = [step * flat.itemsize for step in stride]
    start = flat[window.offset :]
    return np.lib.stride_tricks.as_strided(start, size, strides, writeable=False)
