"""The npy codec: a shard is one `.npy` array a feature, of fixed shape, for memory mapping.

`<stem>.image.npy` is uint8 `(n, H, W, C)`; `<stem>.label.npy` int64 `(n,)`; a text is an array of
fixed-length UTF-8 bytes. Nothing is pickled, so `np.load(..., allow_pickle=False)` opens
everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dsbuilder.cache.codec import Codec, fixed_shape
from dsbuilder.errors import CacheError
from dsbuilder.formats import example
from dsbuilder.sample import Feature


@dataclass(frozen=True, kw_only=True)
class NpyCodec(Codec):
    """Files `<stem>.<feature>.npy`; row i of each is sample i of the shard."""

    name: ClassVar[str] = "npy"

    @property
    def features(self) -> dict[str, Feature]:
        """The stored features beside the image."""
        stored = {"key": Feature(kind="text", dtype="string")}
        for name, target in self.signature.targets.items():
            stored.update(target.features(name))
        return stored

    def files(self, stem: str) -> tuple[str, ...]:
        """One file a feature, the image first."""
        front = stem.replace("#", "-")
        return tuple(f"{front}.{name}.npy" for name in ("image", *self.features))

    def write(self, folder: Path, stem: str, payloads: Iterable[bytes], count: int) -> list[int]:
        """Streams pixels to disk; the small features are gathered first. An offset is a row."""
        shape = (count, *fixed_shape(self.signature))
        columns: dict[str, list[Any]] = {name: [] for name in self.features}
        paths = [folder / name for name in self.files(stem)]
        with paths[0].open("wb", buffering=1 << 20) as file:
            _write_header(file, shape, np.dtype(self.signature.image.dtype))
            for payload in payloads:
                values = example.decode(payload)
                file.write(values["image"][0])
                for name, column in columns.items():
                    column.append(values[name])
        for path, (name, feature) in zip(paths[1:], self.features.items(), strict=True):
            with path.open("wb") as file:
                np.lib.format.write_array(file, _column(feature, columns[name]), allow_pickle=False)
        return list(range(count))

    def open(self, folder: Path, stem: str) -> "NpyShard":
        """Maps the arrays into memory."""
        names = ("image", *self.features)
        arrays = {
            name: load_array(folder / file)
            for name, file in zip(names, self.files(stem), strict=True)
        }
        return NpyShard(self, arrays)


@dataclass(frozen=True)
class NpyShard:
    """An open shard: rows of memory-mapped arrays."""

    codec: NpyCodec
    arrays: dict[str, np.ndarray]

    def read(self, offset: int, length: int) -> bytes:
        """Returns a row as the Example it was written from.

        Raises:
          CacheError: there is no such row.
        """
        try:
            row = {name: array[offset] for name, array in self.arrays.items()}
        except IndexError as error:
            raise CacheError(
                f"expected row {offset}, found fewer ({error}). Build the dataset again."
            ) from None
        features: dict[str, example.Value] = {
            "image": np.ascontiguousarray(row.pop("image")).tobytes()
        }
        for name, feature in self.codec.features.items():
            value = row[name]
            features[name] = bytes(value) if feature.dtype == "string" else value
        return example.encode(features)

    def count(self) -> int:
        """The length of all arrays."""
        lengths = {name: len(array) for name, array in self.arrays.items()}
        if len(set(lengths.values())) != 1:
            raise CacheError(
                f"expected arrays of one length, found {lengths}. Build the dataset again."
            )
        return lengths["image"]


def load_array(path: Path, *, writable: bool = False) -> np.ndarray:
    """Maps an array into memory; `writable` copies pages on write and never changes the file.

    Raises:
      CacheError: the file is missing, cut, or not an array.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode="c" if writable else "r", allow_pickle=False)
    except FileNotFoundError:
        message = f"{path}: expected a shard, found no file. Build the dataset again."
        raise CacheError(message) from None
    except (ValueError, OSError, EOFError) as error:
        raise CacheError(
            f"{path}: expected a whole .npy array, found a cut or damaged file ({error}). "
            "Build the dataset again."
        ) from None
    return array


def _write_header(file: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _column(feature: Feature, values: list[Any]) -> np.ndarray:
    if feature.dtype == "string":
        texts = [value[0] for value in values]
        return np.array(texts, dtype=f"S{max(map(len, texts), default=1) or 1}")
    shape = tuple(side for side in feature.shape if side is not None)
    return np.array(values, feature.dtype).reshape(len(values), *shape)
