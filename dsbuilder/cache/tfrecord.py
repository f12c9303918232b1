"""The tfrecord codec: a shard is one TFRecord file, written and read without TensorFlow."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dsbuilder.cache.codec import Codec
from dsbuilder.errors import CacheError
from dsbuilder.records import example, tfrecord


@dataclass(frozen=True, kw_only=True)
class TFRecordCodec(Codec):
    """One file `<stem>` whose records are Examples; TensorFlow Datasets opens it."""

    name: ClassVar[str] = "tfrecord"

    def files(self, stem: str) -> tuple[str, ...]:
        """The stem with its place: `flowers-train.tfrecord-00000-of-00004`."""
        front, _, place = stem.partition("#")
        return (f"{front}.tfrecord-{place}",)

    def write(self, folder: Path, stem: str, payloads: Iterable[bytes], count: int) -> list[int]:
        """Appends one framed record after the other."""
        offsets, offset = [], 0
        with (folder / self.files(stem)[0]).open("wb", buffering=1 << 20) as file:
            for payload in payloads:
                framed = tfrecord.frame(payload)
                file.write(framed)
                offsets.append(offset)
                offset += len(framed)
        return offsets

    def open(self, folder: Path, stem: str) -> "TFRecordShard":
        """Opens the file; records are checked as they are read."""
        path = folder / self.files(stem)[0]
        if not path.is_file():
            raise CacheError(f"{path}: the shard is missing. Build the dataset again.")
        return TFRecordShard(path)


@dataclass(frozen=True)
class TFRecordShard:
    """An open shard: records are found by their offset."""

    path: Path

    def read(self, offset: int, length: int) -> bytes:
        """Returns the Example at an offset; both checksums are compared."""
        with self.path.open("rb", buffering=0) as file:
            return tfrecord.read_at(file, offset)

    def columns(self, *features: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Reads every record; no image is decoded."""
        found: list[list[Any]] = [[] for _ in features]
        for *_, data in tfrecord.read(self.path):
            values = example.decode(data)
            for name, column in zip(features, found, strict=True):
                column.append(example.values_of(values, name))
        return [
            (
                np.concatenate([each for each in column if len(each)] or [np.zeros(0, np.int64)]),
                np.array([len(each) for each in column], np.int64),
            )
            for column in found
        ]

    def count(self) -> int:
        """Reads every record; both checksums of each are compared."""
        return sum(1 for _ in tfrecord.read(self.path))
