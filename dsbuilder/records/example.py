"""`tf.train.Example` without TensorFlow or protobuf.

An Example is a map from a name to one list of bytes, of int64 or of float32:

    Example  { features 1: Features }
    Features { feature 1: repeated Entry { key 1: string, value 2: Feature } }
    Feature  { bytes_list 1 | float_list 2 | int64_list 3, each { value 1: repeated } }

Names are written sorted and numbers packed, so equal features give equal bytes. What is read may be
in any order, packed or not, as protobuf allows.

An Example says of a feature only whether it holds byte strings, whole numbers or reals, and of one
without values nothing: `numbers`, `texts` and the like ask for one kind, and name what is another.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import CacheError, DataError

Value = (
    bytes
    | int
    | float
    | Sequence[bytes]
    | Sequence[int]
    | Sequence[float]
    | npt.NDArray[np.generic]
)
Decoded = list[bytes] | npt.NDArray[np.int64] | npt.NDArray[np.float32]

# Tags: field number << 3 | wire type, where 0 is a varint, 2 has a length, 5 is four bytes.
_FIRST, _SECOND = b"\x0a", b"\x12"
_BYTES, _FLOATS, _INTS = b"\x0a", b"\x12", b"\x1a"

_INT64 = range(-(2**63), 2**63)
_ONE_GROUP = tuple(bytes((value,)) for value in range(0x80))
_LONG = 48  # numbers from which numpy is faster than a loop (measured)
_FLOAT = struct.Struct("<f")


def encode(features: Mapping[str, Value]) -> bytes:
    """Returns `features` as the bytes of a tf.train.Example; equal features give equal bytes.

    Args:
      features: by name. A bytes value or a sequence of them is a bytes list, integers and booleans
        are an int64 list, other reals a float32 list (rounded to nearest); arrays are taken
        flat, in C order. An empty array keeps its kind; an empty list has none, which TensorFlow
        reads as an empty list of any kind.

    Raises:
      DataError: a value is text, of another type, or out of the range of int64 or float32.
    """
    pieces: list[bytes] = []
    total = 0
    for name in sorted(features):
        kind, items = _items(name, features[name])
        payload_length = sum([len(item) for item in items])
        value_head = kind + _varint(payload_length) if kind else b""
        entry_head = _key(name) + _varint(len(value_head) + payload_length) + value_head
        entry_length = len(entry_head) + payload_length
        head = _FIRST + _varint(entry_length) + entry_head
        pieces += (head, *items)
        total += len(head) + payload_length
    return b"".join((_FIRST, _varint(total), *pieces))


def decode(data: bytes) -> dict[str, Decoded]:
    """Returns the features of a tf.train.Example by name, in the order in which they are stored.

    Each is a list of bytes, or a new array `(N,)` of int64 or float32. A feature of no kind is an
    empty list.

    Raises:
      CacheError: the bytes are not an Example, or are cut.
    """
    features: dict[str, Decoded] = {}
    try:
        for start, stop in _messages(data, 0, len(data), 1):
            for entry_start, entry_stop in _messages(data, start, stop, 1):
                name, value = _entry(data, entry_start, entry_stop)
                features[name] = value
    except (IndexError, ValueError, struct.error) as error:
        raise CacheError(
            f"tf.train.Example of {len(data)} bytes: expected a whole message, found {error}. "
            "Build the dataset again."
        ) from error
    return features


def _items(name: str, value: Value) -> tuple[bytes, Sequence[bytes]]:
    """Returns the tag of the value's kind and the encoded fields of its list."""
    if isinstance(value, bytes):
        return _BYTES, (_FIRST + _varint(len(value)), value)
    if isinstance(value, float):
        return _FLOATS, (b"\x0a\x04", _single(name, value))
    if isinstance(value, int):
        packed = _varint(_checked(name, value) & 0xFFFFFFFFFFFFFFFF)
        return _INTS, (_FIRST + _varint(len(packed)), packed)
    if isinstance(value, str):
        raise DataError(
            f"feature '{name}': expected bytes, numbers or a sequence of either, found text. "
            "Encode it as UTF-8."
        )
    if not isinstance(value, np.ndarray | np.generic):
        if len(value) == 0:
            return b"", ()
        if isinstance(value[0], bytes):
            return _BYTES, _byte_strings(name, value)
    return _numbers(name, np.asarray(value).reshape(-1))


def _byte_strings(name: str, values: Sequence[object]) -> list[bytes]:
    pieces: list[bytes] = []
    for value in values:
        if not isinstance(value, bytes):
            raise DataError(
                f"feature '{name}': expected a sequence of bytes alone, "
                f"found {type(value).__name__} in it. Encode it as bytes."
            )
        pieces += (_FIRST + _varint(len(value)), value)
    return pieces


def _numbers(name: str, values: npt.NDArray[np.generic]) -> tuple[bytes, Sequence[bytes]]:
    if values.dtype.kind in "biu":
        if values.dtype == np.uint64 and values.size:
            _checked(name, int(values.max()))
        kind, packed = _INTS, _varints(values.astype(np.int64))
    elif values.dtype.kind == "f":
        kind, packed = _FLOATS, _floats(name, values)
    else:
        raise DataError(
            f"feature '{name}': expected bytes, integers of 64 bits or reals, found "
            f"{values.dtype.name} values. Convert them."
        )
    return kind, ((_FIRST + _varint(len(packed)), packed) if packed else ())


def _single(name: str, value: float) -> bytes:
    try:
        return _FLOAT.pack(value)
    except OverflowError:
        raise _too_large(name) from None


def _floats(name: str, values: npt.NDArray[np.generic]) -> bytes:
    try:
        with np.errstate(over="raise"):
            return values.astype("<f4").tobytes()
    except FloatingPointError:
        raise _too_large(name) from None


def _too_large(name: str) -> DataError:
    return DataError(
        f"feature '{name}': expected values within float32 (3.4e38), found a larger one. Scale it."
    )


def _checked(name: str, value: int) -> int:
    if value not in _INT64:
        raise DataError(f"feature '{name}': expected 64-bit integers, found {value}. Shorten it.")
    return value


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    """Returns what opens an entry: its key, and the tag of its value."""
    encoded = name.encode()
    return _FIRST + _varint(len(encoded)) + encoded + _SECOND


def _varint(value: int) -> bytes:
    """Returns a non-negative integer in groups of 7 bits, the lowest first."""
    if value < 0x80:
        return _ONE_GROUP[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if value < 0x200000:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _varints(values: npt.NDArray[np.int64]) -> bytes:
    """Returns int64 `(N,)` as varints, one after the other; a negative one takes 10 bytes."""
    if len(values) < _LONG:
        return b"".join([_varint(value & 0xFFFFFFFFFFFFFFFF) for value in values.tolist()])
    shifts = np.arange(0, 70, 7, dtype=np.uint64)
    rest = values.view(np.uint64)[:, None] >> shifts
    groups = (rest & 0x7F).astype(np.uint8)
    more = np.zeros(rest.shape, bool)
    more[:, :-1] = rest[:, 1:] != 0
    used = np.ones(rest.shape, bool)
    used[:, 1:] = more[:, :-1]
    return (groups | more.astype(np.uint8) << 7)[used].tobytes()


def _messages(data: bytes, start: int, stop: int, number: int) -> Iterator[tuple[int, int]]:
    """Yields the bounds of each field `number` that has a length; passes over other fields."""
    for found, wire, value_start, value_stop in _fields(data, start, stop):
        if found == number and wire == 2:
            yield value_start, value_stop


def _entry(data: bytes, start: int, stop: int) -> tuple[str, Decoded]:
    name, value = "", (stop, stop)
    for number, _, value_start, value_stop in _fields(data, start, stop):
        if number == 1:
            name = data[value_start:value_stop].decode()
        elif number == 2:
            value = value_start, value_stop
    return name, _feature(data, *value)


def _feature(data: bytes, start: int, stop: int) -> Decoded:
    decoded: Decoded = []
    for number, _, list_start, list_stop in _fields(data, start, stop):
        if number == 1:
            decoded = [data[a:b] for a, b in _messages(data, list_start, list_stop, 1)]
        elif number == 2:
            decoded = np.frombuffer(_joined(data, list_start, list_stop), "<f4").astype(np.float32)
        elif number == 3:
            decoded = _unvarints(_joined(data, list_start, list_stop))
    return decoded


def _joined(data: bytes, start: int, stop: int) -> bytes:
    """Returns the numbers of a list as one packed run, however they are stored."""
    fields = _fields(data, start, stop)
    return b"".join([data[a:b] for number, _, a, b in fields if number == 1])


def _fields(data: bytes, start: int, stop: int) -> list[tuple[int, int, int, int]]:
    """Returns (number, wire type, start, stop) of each field of a message."""
    fields = []
    position = start
    while position < stop:
        tag, position = _unvarint(data, position)
        wire = tag & 7
        if wire == 2:
            length, position = _unvarint(data, position)
            end = position + length
        elif wire == 0:
            end = _unvarint(data, position)[1]
        elif wire in (1, 5):
            end = position + (8 if wire == 1 else 4)
        else:
            raise ValueError(f"wire type {wire} at byte {position}")
        if end > stop:
            raise ValueError(f"a field that ends at byte {end} of {stop}")
        fields.append((tag >> 3, wire, position, end))
        position = end
    return fields


def _unvarint(data: bytes, position: int) -> tuple[int, int]:
    """Returns the varint at `position` and the position after it."""
    value = data[position]
    position += 1
    if value < 0x80:
        return value, position
    value &= 0x7F
    for shift in range(7, 70, 7):
        group = data[position]
        position += 1
        value |= (group & 0x7F) << shift
        if group < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise ValueError(f"a number of more than 10 bytes before byte {position}")


def _unvarints(packed: bytes) -> npt.NDArray[np.int64]:
    """Returns packed varints as int64 `(N,)`."""
    groups = np.frombuffer(packed, np.uint8)
    if packed.isascii():  # all below 0x80, so a byte is a number
        return groups.astype(np.int64)
    last = groups < 0x80
    if not last[-1]:
        raise ValueError("a number that is cut")
    starts = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    lengths = np.diff(np.append(starts, len(groups)))
    if lengths.max() > 10:
        raise ValueError("a number of more than 10 bytes")
    place = np.arange(len(groups)) - np.repeat(starts, lengths)
    shifted = (groups & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.bitwise_or.reduceat(shifted, starts).view(np.int64)


Features = Mapping[str, Any]
"""What an Example holds, by name: a list of bytes, or an array of numbers."""


def numbers(features: Features, name: str) -> np.ndarray:
    """Returns the numbers of a feature, `(N,)`; none where it is empty."""
    values = values_of(features, name)
    if isinstance(values, np.ndarray):
        return values
    if len(values):
        raise DataError(f"{name}: expected numbers, found bytes.")
    return np.zeros(0)


def ids(features: Features, name: str) -> list[int]:
    """Returns the whole numbers of a feature."""
    found = numbers(features, name)
    if len(found) and found.dtype.kind != "i":
        raise DataError(f"{name}: expected whole numbers, found reals.")
    return [int(each) for each in found]


def blobs(features: Features, name: str) -> list[bytes]:
    """Returns the byte strings of a feature; none where it is empty."""
    values = values_of(features, name)
    if isinstance(values, np.ndarray):
        if len(values):
            raise DataError(f"{name}: expected bytes, found numbers.")
        return []
    return list(values)


def text(features: Features, name: str) -> str:
    """Returns the one text of a feature."""
    [only] = texts(features, name, count=1)
    return only


def texts(features: Features, name: str, count: int | None = None) -> list[str]:
    """Returns the texts of a feature, `count` of them if that is said."""
    found = blobs(features, name)
    check_count(name, len(found), count)
    try:
        return [each.decode() for each in found]
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: expected texts in UTF-8, found {error}.") from None


def values_of(features: Features, name: str) -> Any:
    """Returns what a feature holds.

    Raises:
      DataError: there is no such feature.
    """
    if name not in features:
        raise DataError(f"there is no feature '{name}'.")
    return features[name]


def check_count(name: str, found: int, count: int | None) -> None:
    """Raises a DataError unless a feature has so many values; None allows any number."""
    if count is not None and found != count:
        raise DataError(f"{name}: expected {count} values, found {found}.")
