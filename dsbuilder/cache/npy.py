"""The npy codec: a shard is one `.npy` array a feature, of fixed shape, for memory mapping.

`<stem>.image.npy` is uint8 `(n, H, W, C)`; `<stem>.label.npy` int64 `(n,)`; a text is an array of
fixed-length UTF-8 bytes; a mask is uint8 `(n, H, W)`. Of what a sample has any number of, such as
`objects/bbox`, `<stem>.objects-bbox.npy` holds the values of all samples one after the other and
`<stem>.objects-bbox.row_splits.npy`, int64 `(n + 1,)`, where those of each begin and end: those of
row i are `values[row_splits[i] : row_splits[i + 1]]`. Nothing is pickled, so
`np.load(..., allow_pickle=False)` opens everything.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dsbuilder.cache.codec import Codec, ShardReader, decoding, fixed_shape
from dsbuilder.errors import CacheError, DataError
from dsbuilder.images import mask
from dsbuilder.records import example
from dsbuilder.records.arrays import feature_arrays, row_splits
from dsbuilder.sample import Feature, Sample
from dsbuilder.targets.stored import IMAGE, KEY, as_file_name, stored_arrays, stored_features

_SPLITS = row_splits("")


@dataclass(frozen=True, kw_only=True)
class NpyCodec(Codec):
    """Files `<stem>.<feature>.npy`; row i of each is sample i of the shard."""

    name: ClassVar[str] = "npy"

    @cached_property
    def features(self) -> dict[str, Feature]:
        """The stored features beside the image."""
        return stored_features(self.signature.targets)

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the arrays: the image, each feature, and the row splits of those that vary."""
        return stored_arrays(self.features)

    def files(self, stem: str) -> tuple[str, ...]:
        """One file an array, the image first."""
        front = stem.replace("#", "-")
        return tuple(f"{front}.{as_file_name(name)}.npy" for name in self.arrays)

    def write(self, folder: Path, stem: str, payloads: Iterable[bytes], count: int) -> list[int]:
        """Streams pixels to disk; the small features are gathered first. An offset is a row."""
        shape = (count, *fixed_shape(self.signature))
        columns: dict[str, list[Any]] = {name: [] for name in self.features}
        paths = dict(zip(self.arrays, map(folder.joinpath, self.files(stem)), strict=True))
        with paths[IMAGE].open("wb", buffering=1 << 20) as file:
            _write_header(file, shape, np.dtype(self.signature.image.dtype))
            for payload in payloads:
                values = example.decode(payload)
                file.write(values[IMAGE][0])
                for name, column in columns.items():
                    column.append(values[name])
        for name, feature in self.features.items():
            stored = _values(feature, columns[name])
            for array_name, array in feature_arrays(name, feature, stored, shape).items():
                with paths[array_name].open("wb") as out:
                    np.lib.format.write_array(out, array, allow_pickle=False)
        return list(range(count))

    def open(self, folder: Path, stem: str) -> "NpyShard":
        """Maps the arrays into memory."""
        arrays = {
            name: load_array(folder / file)
            for name, file in zip(self.arrays, self.files(stem), strict=True)
        }
        return NpyShard(self, arrays)

    def sample(self, shard: ShardReader, offset: int, length: int) -> Sample:
        """Returns the sample of a row; its pixels are those of the mapped file, uncopied."""
        if not isinstance(shard, NpyShard):
            return super().sample(shard, offset, length)
        image, stored = shard.row(offset)
        features = {name: _decoded(value) for name, value in stored.items()}
        targets = self.decode_targets(features)
        with decoding():
            key = features[KEY][0].decode()
            pixels = np.asarray(image, self.signature.image.dtype)
            pixels = pixels.reshape(fixed_shape(self.signature))
        return Sample(key=key, image=pixels, targets=targets, positional=self._positional)


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
        image, stored = self.row(offset)
        return example.encode({IMAGE: np.ascontiguousarray(image).tobytes(), **stored})

    def row(self, offset: int) -> tuple[np.ndarray, dict[str, example.Value]]:
        """Returns the image of a row, and its other features as an Example holds them.

        Raises:
          CacheError: there is no such row.
        """
        try:
            image = np.asarray(self.arrays[IMAGE])[offset]
            stored = {n: self._row(n, kind, offset) for n, kind in self.codec.features.items()}
        except (IndexError, ValueError, TypeError, DataError) as error:
            raise CacheError(
                f"expected row {offset}, found fewer ({error}). Build the dataset again."
            ) from None
        return image, stored

    def _row(self, name: str, feature: Feature, row: int) -> example.Value:
        """Returns the feature of a row as an Example holds it."""
        array = self.arrays[name]
        if feature.is_ragged:
            start, stop = self.arrays[row_splits(name)][row : row + 2].tolist()
            values = array[start:stop]
            return [bytes(value) for value in values] if feature.dtype == "string" else values
        if feature.kind == "mask":
            return mask.encode_ids(array[row])
        return bytes(array[row]) if feature.dtype == "string" else array[row]

    def columns(self, *features: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """The arrays, which are mapped, and what their row splits say."""
        found = [(self.arrays[name], self.arrays.get(row_splits(name))) for name in features]
        return [
            (array, np.ones(len(array), np.int64) if splits is None else np.diff(splits))
            for array, splits in found
        ]

    def count(self) -> int:
        """The length of all arrays, of those that vary by their row splits."""
        lengths = {
            name: len(array)
            for name, array in self.arrays.items()
            if row_splits(name) not in self.arrays
        }
        ends = {name: lengths[name] - 1 for name in lengths if name.endswith(_SPLITS)}
        lengths.update(ends)
        if len(set(lengths.values())) != 1:
            raise CacheError(
                f"expected arrays of one length, found {lengths}. Build the dataset again."
            )
        for name in ends:
            values = self.arrays[name.removesuffix(_SPLITS)]
            if int(self.arrays[name][-1]) != len(values):
                raise CacheError(
                    f"expected {self.arrays[name][-1]} values of {name.removesuffix(_SPLITS)}, "
                    f"found {len(values)}. Build the dataset again."
                )
        return lengths[IMAGE]


def load_array(path: Path, *, writable: bool = False) -> np.ndarray:
    """Maps an array into memory; `writable` copies pages on write and never changes the file.

    Raises:
      CacheError: the file is missing, cut, or not an array.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of headers that numpy would guess at
            array: np.ndarray = np.load(
                path, mmap_mode="c" if writable else "r", allow_pickle=False
            )
    except FileNotFoundError:
        message = f"{path}: the shard is missing. Build the dataset again."
        raise CacheError(message) from None
    except Exception as error:  # noqa: BLE001 - whatever numpy's parser of headers raises
        raise CacheError(
            f"{path}: expected a whole .npy array, found a cut or damaged file ({error}). "
            "Build the dataset again."
        ) from None
    return array


def _decoded(value: Any) -> Any:
    """Returns the feature of a row as an Example is read."""
    if isinstance(value, bytes):
        return [value]
    return value if isinstance(value, list) else np.array(value).reshape(-1)


def _write_header(file: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _values(feature: Feature, stored: Sequence[Any]) -> Iterable[Any]:
    """Returns what is stored of every row; of masks their ids, one at a time."""
    if feature.kind != "mask":
        return stored
    return (mask.decode_ids(each[0]) for each in stored)
