"""A built dataset: what it is, its samples, and the way to everything else that can be asked of it.

`load` needs no TensorFlow; only `Dataset.stream` imports it, late, in its one method.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.binding import PlainPipeline
from dsbuilder.cache import ledger, manifest, store
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.dataset.difference import Difference, compare
from dsbuilder.dataset.explanation import Explanation, explain
from dsbuilder.dataset.side import side_of
from dsbuilder.dataset.verification import find_problems
from dsbuilder.errors import CacheError, DataError, did_you_mean
from dsbuilder.sample import Sample, SampleSpec

if TYPE_CHECKING:
    from dsbuilder.stream.tensorflow import Stream


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A built dataset.

    Attributes:
      path: its folder; a version's link is followed once, so a later build does not change what is
        open.
      manifest: what it is.
    """

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """As the pipeline says."""
        return self.manifest.name

    @property
    def signature(self) -> SampleSpec:
        """Of every sample."""
        return self.manifest.signature

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold samples."""
        return tuple(self.manifest.splits)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the first target with classes in id order; empty if there is none."""
        kinds = self.signature.targets.values()
        return next((kind.class_names for kind in kinds if kind.class_names), ())

    def num_samples(self, split: str) -> int:
        """Returns how many samples a split holds."""
        return sum(shard.samples for shard in self.shards(split))

    def shards(self, split: str) -> tuple[Shard, ...]:
        """Returns the shards of a split.

        Raises:
          DataError: there is no such split.
        """
        try:
            return self.manifest.splits[split]
        except KeyError:
            raise DataError(
                f"{self.path}: unknown split '{split}'.{did_you_mean(split, self.splits)}"
            ) from None

    @cached_property
    def pipeline(self) -> PlainPipeline:
        """The pipeline it was built from.

        Raises:
          CacheError: the file is missing or damaged.
        """
        return PlainPipeline.read(self.path / store.PIPELINE)

    @cached_property
    def codec(self) -> Codec:
        """What decodes the shards."""
        return self.manifest.make_codec()

    def entries(self, split: str) -> Iterator[tuple[Shard, ledger.Entry]]:
        """Yields the ledger's entries of a split, shard by shard in stored order."""
        for shard in self.shards(split):
            for entry in ledger.read(self.path / ledger.file_name(shard.stem)):
                yield shard, entry

    def samples(self, split: str) -> Iterator[Sample]:
        """Yields the decoded samples of a split in stored order.

        Raises:
          CacheError: a shard is missing, cut or corrupt.
        """
        for shard in self.shards(split):
            reader = self.codec.open(self.path, shard.stem)
            for entry in ledger.read(self.path / ledger.file_name(shard.stem)):
                yield self.codec.decode(reader.read(entry.offset, entry.length))

    def verify(self) -> None:
        """Checks that everything is as it was built: every checksum, count, key and label.

        Raises:
          CacheError: it names all problems, one a line.
        """
        problems = self.problems()
        if problems:
            found = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            lines = "".join(f"\n  {each}" for each in problems)
            raise CacheError(
                f"{self.path}: expected the dataset as it was built, found {found}. "
                f"Build the dataset again.{lines}"
            )

    def problems(self) -> list[str]:
        """Returns what `verify` would complain of, in words; empty if nothing is wrong."""
        return find_problems(self)

    def explain(self, key: str) -> Explanation:
        """Returns how a sample came to be, and where it lies.

        Raises:
          DataError: there is no such sample; says what was set aside, and which keys are close.
        """
        return explain(self, key)

    def diff(self, other: "Dataset") -> Difference:
        """Returns which samples `other` has added, removed or changed, and why.

        Raises:
          CacheError: a file of one of them is missing or damaged.
        """
        return compare(side_of(self), side_of(other))

    def stream(self, split: str, **options: Any) -> "Stream":
        """Opens a split as a `tf.data.Dataset`; see `dsbuilder.stream.tensorflow.stream`."""
        from dsbuilder.stream.tensorflow import stream

        return stream(self, split, **options)


def load(path: Path | str) -> Dataset:
    """Returns the dataset in a folder, such as `out/flowers/1.0.0`.

    A folder that holds exactly one version, such as `out/flowers`, stands for that version.

    Raises:
      CacheError: there is no dataset, or files of it are missing.
    """
    dataset = opened(path)
    for split in dataset.splits:
        for shard in dataset.shards(split):
            for name in (*dataset.codec.files(shard.stem), ledger.file_name(shard.stem)):
                if not (dataset.path / name).is_file():
                    raise CacheError(
                        f"{dataset.path / name}: expected a file of the dataset, found none. "
                        "Build the dataset again."
                    )
    return dataset


def opened(path: Path | str) -> Dataset:
    """Returns the dataset in a folder as `load` does, though files of it may be missing.

    Raises:
      CacheError: there is no dataset.
    """
    folder = _resolve(Path(path)).resolve()
    return Dataset(path=folder, manifest=manifest.read(folder))


def _resolve(path: Path) -> Path:
    if (path / store.MANIFEST).is_file() or not path.is_dir():
        return path
    # A neighbour that may not be looked into is no version.
    versions = [each for each in path.iterdir() if os.path.isfile(each / store.MANIFEST)]  # noqa: PTH113
    return versions[0] if len(versions) == 1 else path
