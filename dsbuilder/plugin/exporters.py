"""What an exporter is: it writes a built dataset in the layout of another tool."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from dsbuilder.sample import Signature, short


@dataclass(frozen=True, kw_only=True)
class StoredSample:
    """One sample of a built dataset.

    Attributes:
      key: the sample's, to the letter.
      image: the bytes of its image file, as they are stored; raw pixels of 8 bits as PNG, others
        as `(H, W, C)` of the signature's dtype.
      targets: values by target name.
    """

    key: str
    image: bytes | np.ndarray
    targets: Mapping[str, Any]

    def __repr__(self) -> str:
        bytes_ = f"{len(self.image)} bytes" if isinstance(self.image, bytes) else short(self.image)
        targets = "".join(f", {name}={short(value)}" for name, value in self.targets.items())
        return f"StoredSample({self.key!r}, image={bytes_}{targets})"


class Exportable(ABC):
    """A built dataset as an exporter sees it.

    Attributes:
      name, version: name and version of the dataset.
      where: how errors call it.
      signature: signature of every sample.
      image: how images are stored: `jpeg`, `png`, or `raw` pixels.
      splits: names of the splits, in order.
    """

    name: str
    version: str
    where: str
    signature: Signature
    image: Literal["jpeg", "png", "raw"]
    splits: Sequence[str]

    @abstractmethod
    def shards(self, split: str) -> Sequence[int]:
        """Returns how many samples each shard of a split holds, in order."""

    @abstractmethod
    def samples(self, split: str, shard: int | None = None) -> Iterator[StoredSample]:
        """Yields the samples of a split, or of one shard of it, in the stored order.

        Raises:
          CacheError: a shard is missing, cut or corrupt.
        """

    def num_samples(self, split: str) -> int:
        """Returns how many samples a split has."""
        return sum(self.shards(split))


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an exporter wrote.

    Attributes:
      samples: number of samples of each split.
      keys: key of the dataset by file below the folder, as posix path, or by what else the layout
        calls a sample; the sidecar keeps those that are not equal.
      targets: names of the targets that were written, which the sidecar states; None where all
        were.
      notes: what was left out or changed on the way, and why, for a person: sentences without a
        full stop.
    """

    samples: Mapping[str, int]
    keys: Mapping[str, str] = field(default_factory=dict)
    targets: Collection[str] | None = None
    notes: Sequence[str] = ()


class Exporter(ABC):
    """Writes a built dataset in another layout.

    Around it, `export` sees to what all have in common: the folder appears whole or not at all, and
    the sidecar `dsbuilder.json` keeps the signature and the keys.
    """

    one_file: ClassVar[bool] = False
    """Whether it writes one file, which a reader is given and beside which the sidecar lies."""

    @abstractmethod
    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes a dataset into an empty folder; the same dataset gives the same bytes.

        Raises:
          DataError: the layout cannot hold what the dataset is.
          CacheError: a shard is missing, cut or corrupt.
        """
