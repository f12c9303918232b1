"""A built dataset as it lies on disk: what it is, and its samples.

What a user gets from `dsbuilder.load` is one of these with verbs; see `actions/dataset.py`.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dsbuilder.binding import PlainPipeline
from dsbuilder.cache import ledger, manifest, store
from dsbuilder.cache.codec import Codec, decoding, fixed_shape
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.dataset.meant import no_dataset
from dsbuilder.dataset.split_samples import SplitSamples
from dsbuilder.errors import CacheError, DataError, did_you_mean, naming, shortened
from dsbuilder.images import encoding
from dsbuilder.layouts.splits import split_named
from dsbuilder.plugin import Exportable, StoredSample
from dsbuilder.records import example
from dsbuilder.sample import Sample, Signature

_MOST_NAMES = 10


@dataclass(frozen=True, kw_only=True, repr=False)
class StoredDataset:
    """A built dataset.

    Attributes:
      path: folder of the dataset; a version's link is followed once, so a later build does not
        change what is open.
      manifest: what the dataset is.
      given: path by which it was opened; None if that is `path`.
    """

    path: Path
    manifest: Manifest
    given: Path | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.num_samples(each)} {each}" for each in self.splits)
        names = shortened(self.class_names, limit=_MOST_NAMES)
        lines = [
            f"{type(self).__name__} {self.name} {self.manifest.version} in {self.where}",
            f"  {counts}",
            f"  {self.signature}",
            *([f"  classes: {names}"] if names else []),
        ]
        return "\n".join(lines)

    def __len__(self) -> int:
        """How many samples all splits hold."""
        return sum(map(self.num_samples, self.splits))

    def __iter__(self) -> Iterator[Sample]:
        """Yields the decoded samples of all splits, one split after the other."""
        return itertools.chain.from_iterable(map(self.samples, self.splits))

    def __getitem__(self, split: str) -> SplitSamples:
        """Returns the samples of a split as a sequence.

        Raises:
          DataError: there is no such split.
        """
        return SplitSamples(
            folder=self.path,
            where=self.where,
            codec=self.codec,
            split=split,
            shards=self.shards(split),
        )

    @property
    def where(self) -> Path:
        """How messages call it: the path that was given, which a build's own folder is behind."""
        return self.given or self.path

    @property
    def name(self) -> str:
        """Its name, as the pipeline says."""
        return self.manifest.name

    @property
    def signature(self) -> Signature:
        """Shape and targets of every sample."""
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

    def has_samples(self, split: str) -> bool:
        """Whether there is such a split, with a sample in it."""
        return split in self.splits and self.num_samples(split) > 0

    def shards(self, split: str) -> tuple[Shard, ...]:
        """Returns the shards of a split.

        Raises:
          DataError: there is no such split.
        """
        try:
            return self.manifest.splits[split]
        except KeyError:
            meant = split_named(split)
            hint = did_you_mean(meant if meant in self.splits else split, self.splits)
            raise DataError(f"{self.where}: unknown split '{split}'.{hint}") from None

    @cached_property
    def pipeline(self) -> PlainPipeline:
        """The pipeline it was built from.

        Raises:
          CacheError: the file is missing or damaged.
        """
        return PlainPipeline.read(self.path / store.PIPELINE)

    @cached_property
    def codec(self) -> Codec:
        """The codec that decodes the shards."""
        return self.manifest.make_codec()

    def entries(self, split: str) -> Iterator[tuple[Shard, ledger.Entry]]:
        """Yields the ledger's entries of a split, shard by shard in stored order."""
        with naming(str(self.path), str(self.where)):
            for shard in self.shards(split):
                for entry in ledger.read(self.path / ledger.file_name(shard.stem)):
                    yield shard, entry

    def samples(self, split: str) -> Iterator[Sample]:
        """Yields the decoded samples of a split in stored order.

        Raises:
          CacheError: a shard is missing, cut or corrupt.
        """
        yield from self[split]


class ExportableDataset(Exportable):
    """The samples of a dataset as they are stored; see `Exportable`.

    Args:
      on_read: called with each sample that is read.
    """

    def __init__(self, dataset: StoredDataset, on_read: Callable[[], None] = lambda: None) -> None:
        self._dataset, self._on_read = dataset, on_read
        self.name, self.version = dataset.name, dataset.manifest.version
        self.where = str(dataset.where)
        self.signature, self.splits = dataset.signature, dataset.splits
        self.image = dataset.manifest.image  # type: ignore[assignment]  # one of the three

    def shards(self, split: str) -> Sequence[int]:
        """Returns how many samples each shard of a split holds, in order."""
        return [shard.samples for shard in self._dataset.shards(split)]

    def samples(self, split: str, shard: int | None = None) -> Iterator[StoredSample]:
        """Yields the samples of a split, or of one shard of it, in the stored order."""
        shards = self._dataset.shards(split)
        codec, folder = self._dataset.codec, self._dataset.path
        with naming(str(folder), self.where):
            for each in shards if shard is None else shards[shard : shard + 1]:
                reader = codec.open(folder, each.stem)
                for entry in ledger.read(folder / ledger.file_name(each.stem)):
                    features = example.decode(reader.read(entry.offset, entry.length))
                    targets = codec.decode_targets(features)
                    with decoding():
                        image = self._image(features["image"][0])
                    self._on_read()
                    yield StoredSample(key=entry.key, image=image, targets=targets)

    def _image(self, image: bytes) -> bytes | np.ndarray:
        if not isinstance(image, bytes):
            raise TypeError("an image that is no bytes")
        if self.image != "raw":
            return image
        dtype = self.signature.image.dtype
        pixels = np.frombuffer(image, dtype).reshape(fixed_shape(self.signature))
        return encoding.encode(pixels, "png") if dtype == "uint8" else pixels


def load(path: Path | str, *, whole: bool = True) -> StoredDataset:
    """Returns the dataset in a folder, such as `out/flowers/1.0.0`.

    A folder that holds exactly one version, such as `out/flowers`, stands for that version.

    Args:
      whole: whether its files must all be there; else the manifest alone.

    Raises:
      CacheError: there is no dataset, or files of it are missing.
    """
    given = _resolve(Path(path))
    folder = given.resolve()
    given = _version_of(given, folder)
    dataset = StoredDataset(path=folder, manifest=_read_manifest(folder, given), given=given)
    if whole:
        _check_files(dataset)
    return dataset


def _version_of(given: Path, folder: Path) -> Path:
    """Returns the link of the version that stands for a build, where a run, say, names the build.

    Without one, or of what was given otherwise, it is what was given.
    """
    if store.BUILD.fullmatch(given.name) is None or not given.is_dir():
        return given
    beside = given.parent.parent.iterdir()
    links = [each for each in beside if each.is_symlink() and each.resolve() == folder]
    return max(links, default=given)


def _read_manifest(folder: Path, given: Path) -> Manifest:
    if not (folder / store.MANIFEST).is_file():
        raise CacheError(f"{given}: {no_dataset(given)}")
    return manifest.read(folder, where=given)


def _check_files(dataset: StoredDataset) -> None:
    for split in dataset.splits:
        for shard in dataset.shards(split):
            for name in (*dataset.codec.files(shard.stem), ledger.file_name(shard.stem)):
                if not (dataset.path / name).is_file():
                    raise CacheError(
                        f"{dataset.where / name}: no such file of the dataset. "
                        "Build the dataset again."
                    )


def _resolve(path: Path) -> Path:
    if (path / store.MANIFEST).is_file() or not path.is_dir():
        return path
    # A neighbor that may not be looked into is no version.
    versions = [each for each in path.iterdir() if os.path.isfile(each / store.MANIFEST)]  # noqa: PTH113
    return versions[0] if len(versions) == 1 else path
