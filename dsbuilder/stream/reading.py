"""How a split is read: what a caller asked for, filled up from the pipeline of the dataset.

Of that pipeline (`pipeline.json`) only the `stream` section is bound, so a dataset streams on a
machine that has neither its source nor the plugins that were needed to build it. Options of stream
stages that are paths must be absolute: the folder they were relative to is not known any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from dsbuilder import typed_json
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.manifest import Shard
from dsbuilder.cache.npy import NpyCodec, load_array
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import CacheError, DataError, SpecError, did_you_mean, instead, naming
from dsbuilder.pipeline import Refresher, resolve_stream
from dsbuilder.pipeline.on_device import OnDevice
from dsbuilder.pipelinefile.schema import StreamOptions
from dsbuilder.pipelinefile.training import Sampling
from dsbuilder.records import tfrecord
from dsbuilder.records.arrays import row_splits
from dsbuilder.sample import Signature
from dsbuilder.stream.columns import Column, columns_of
from dsbuilder.stream.device_columns import restricted
from dsbuilder.stream.sampling import Sampler, make_sampler
from dsbuilder.stream.sampling import fault as sampling_fault

Images = Literal["uint8", "scale", "standardize"]
Objects = Literal["masks", "ids"]
"""How the masks of instances are yielded: one an object, or a map of the objects' numbers."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a split is read, with nothing left open.

    Attributes:
      dataset, split: the dataset and the name of its split.
      batch_size: samples in a batch; the last of an epoch holds the rest unless `drop_remainder`.
      images: see `StreamOptions`.
      shuffle, seed: whether each epoch has an order of its own, and the root of all randomness.
      shuffle_buffer: samples that are shuffled among where shards are read from end to end; None
        reads at random.
      cache_mb: what decoded samples may take of memory, in 10**6 bytes; None is a share of it.
      shard: (index, count): of `count` hosts that share the split, which one this is.
      keys: whether the samples' keys are yielded too.
      pixels: whether the images are.
      instances: see `Objects`.
      refresher: the stages that are applied on the way; None where the split passes none.
      on_device: whether stages that the pipeline puts on the device are left to who trains there.
      sampler: how often an epoch picks each sample; None for each once.
      signature: signature of what is yielded; texts know the characters of the train split.
    """

    dataset: StoredDataset
    split: str
    batch_size: int
    images: Images = "uint8"
    shuffle: bool = False
    seed: int = 0
    drop_remainder: bool = False
    shuffle_buffer: int | None = None
    cache_mb: float | None = None
    shard: tuple[int, int] = (0, 1)
    keys: bool = False
    pixels: bool = True
    instances: Objects = "masks"
    refresher: Refresher | None = None
    on_device: bool = False
    sampler: Sampler | None = None
    signature: Signature

    def __post_init__(self) -> None:
        index, count = self.shard
        checks = {
            f"batch_size of 1 or more, found {self.batch_size}": self.batch_size >= 1,
            f"shard (index, count) with 0 <= index < count, found {self.shard}": 0 <= index < count,
            f"shuffle_buffer of 1 or more, found {self.shuffle_buffer}": self.shuffle_buffer is None
            or self.shuffle_buffer >= 1,
            f"cache_mb of 0 or more, found {self.cache_mb}": self.cache_mb is None
            or self.cache_mb >= 0,
            f"images 'uint8', 'scale' or 'standardize', found {self.images!r}": self.images
            in ("uint8", "scale", "standardize"),
            f"form of instances 'masks' or 'ids', found {self.instances!r}": self.instances
            in get_args(Objects),
        }
        for message, holds in checks.items():
            if not holds:
                raise ValueError(f"stream: expected a {message}.")

    @property
    def num_samples(self) -> int:
        """How many samples of an epoch are this host's."""
        index, count = self.shard
        return len(range(index, self.dataset.num_samples(self.split), count))

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        full, rest = divmod(self.num_samples, self.batch_size)
        return full + bool(rest and not self.drop_remainder)

    @property
    def fresh(self) -> bool:
        """Whether epochs differ, in samples, order or what stages draw; other splits never do."""
        stages = self.refresher is not None and bool(self.refresher.stages)
        return self.split == "train" and (self.shuffle or stages or self.sampler is not None)

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The shards of the split that hold samples."""
        return tuple(shard for shard in self.dataset.shards(self.split) if shard.samples)

    @cached_property
    def device(self) -> OnDevice | None:
        """What is left to the device, of the targets that are yielded; None if nothing is."""
        if not (self.on_device and self.pixels and self.refresher is not None):
            return None
        found = self.refresher.on_device
        return found and restricted(found, self.signature.targets)

    @property
    def handed(self) -> Signature:
        """The signature of samples as they are handed over, to the device if it has stages."""
        return self.signature if self.device is None else self.device.signatures[0]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of a batch, as they are stored."""
        stored = self.dataset.signature.targets
        return tuple(
            column
            for name, kind in self.signature.targets.items()
            for column in columns_of(name, kind, stored[name])
        )


def plan(
    dataset: StoredDataset,
    split: str,
    *,
    batch_size: int | None = None,
    images: Images | None = None,
    shuffle: bool | None = None,
    seed: int | None = None,
    targets: Sequence[str] | None = None,
    sampling: Sampling = "natural",
    sampled_by: str | None = None,
    stages: bool = True,
    plugins: Sequence[Path | str] = (),
    **rest: Any,
) -> Reading:
    """Returns how a split is read; what is None is as the dataset's pipeline says.

    Args:
      shuffle: None shuffles train alone.
      targets: names of those that are yielded; None for all.
      sampling: `natural` takes each sample once; see `sampling.py`.
      sampled_by: name of the target whose classes it goes by; None for the only one yielded that
        has such classes.
      stages: whether train passes `stream.stages`, which draw anew in every epoch.
      plugins: folders with the plugins that the stream's stages need.
      rest: further attributes of `Reading`.

    Raises:
      DataError: there is no such split or target, it is too small for one batch, its images
        cannot be batched or scaled, or there is nothing to sample by.
      SpecError: the dataset's pipeline names a stage that is not there.
    """
    dataset.shards(split)
    section = _section(dataset)
    chosen = dataset.manifest.seed if seed is None else seed
    refresher = _bind(dataset, section, chosen, plugins)
    if refresher is not None and not (split == "train" and stages):
        refresher = replace(refresher, stages=())
    signature = dataset.signature if refresher is None else refresher.streamed
    if refresher is not None and not (refresher.stages or refresher.finish_stages):
        refresher = None
    if targets is not None:
        signature = _chosen(dataset, signature, targets)
    signature = dataset.manifest.learnt(signature)
    reading = Reading(
        dataset=dataset,
        split=split,
        batch_size=section.batch_size if batch_size is None else batch_size,
        images=section.images if images is None else images,
        shuffle=split == "train" if shuffle is None else shuffle,
        seed=chosen,
        sampler=_sampler(dataset, split, signature, sampling, sampled_by, chosen),
        refresher=refresher,
        signature=signature,
        **rest,
    )
    _check(reading, section.batch_mb)
    return reading


def _chosen(dataset: StoredDataset, signature: Signature, names: Sequence[str]) -> Signature:
    """Returns a signature with some of its targets."""
    known = signature.targets
    for name in names:
        _check_known(dataset, name)
    return signature.replace(targets={name: known[name] for name in names})


def _check_known(dataset: StoredDataset, name: str) -> None:
    known = dataset.signature.targets
    if name not in known:
        wanted = f"target '{name}'"
        problem = instead(f"a {wanted}", ", ".join(known), missing=wanted)
        raise DataError(f"{dataset.where}: {problem}.{did_you_mean(name, known)}")


def _sampler(
    dataset: StoredDataset,
    split: str,
    signature: Signature,
    sampling: Sampling,
    by: str | None,
    seed: int,
) -> Sampler | None:
    """Returns how often samples come; None for each once."""
    if sampling not in get_args(Sampling):
        known = ", ".join(get_args(Sampling))
        raise ValueError(f"stream: expected a sampling of {known}, found {sampling!r}.")
    if sampling == "natural":
        return None
    if split != "train":
        raise ValueError(
            f"stream: expected the sampling of '{split}' to be natural, found '{sampling}': "
            "what is measured is measured as it is."
        )
    kinds = dataset.signature.targets
    if by is None:
        by = _only(dataset, [n for n in signature.targets if sampling_fault(n, kinds[n]) is None])
    _check_known(dataset, by)
    if (wrong := sampling_fault(by, kinds[by])) is not None:
        raise DataError(f"{dataset.where}: {wrong}")
    if not dataset.has_samples(split):
        return None  # of nothing there is no batch, which is said next
    return make_sampler(dataset, by, sampling, seed)


def _only(dataset: StoredDataset, names: Sequence[str]) -> str:
    """Returns the one target that can be sampled by."""
    if len(names) == 1:
        return names[0]
    advice = "Say which: sampled_by=..." if names else "Leave sampling out."
    raise DataError(
        f"{dataset.where}: expected one target of kind class, multi_label, boxes or instances to "
        f"sample by, found {', '.join(names) or 'none'}. {advice}"
    )


@dataclass(frozen=True, kw_only=True)
class _Section:
    """What is read of the section `stream` before its stages are bound."""

    batch_size: int
    images: Images
    stages: tuple[Any, ...]
    finish: tuple[Any, ...]
    batch_mb: float = StreamOptions().batch_mb


def _section(dataset: StoredDataset) -> _Section:
    if (said := dataset.pipeline.sections.get("stream")) is None:
        raise CacheError(
            f"{dataset.pipeline.origin}: there is no section 'stream'. Build the dataset again."
        )
    try:
        return typed_json.bind(_Section, said, partly=True)
    except ValueError as error:
        raise CacheError(
            f"{dataset.pipeline.origin}: expected a section 'stream', found another ({error}). "
            "Build the dataset again."
        ) from None


def _bind(
    dataset: StoredDataset, section: _Section, seed: int, plugins: Sequence[Path | str]
) -> Refresher | None:
    """Binds the section's stages; none are the rule, and then no plugin is looked for."""
    if not section.stages and not section.finish:
        return None
    plain = dataset.pipeline.with_plugins(plugins)
    try:
        options: StreamOptions = plain.bind({"stream": StreamOptions})["stream"]
    except SpecError as error:
        hint = "" if plugins else " Give the folder of its plugins."
        problems = [replace(each, message=each.message + hint) for each in error.problems]
        raise SpecError(problems) from None
    return resolve_stream(
        options, seed=seed, cached=dataset.signature, where=lambda path: f"{plain.origin}: {path}"
    )


def _check(reading: Reading, batch_mb: float) -> None:
    where, image_signature = f"{reading.dataset.where}: {reading.split}", reading.signature.image
    if image_signature.height is None or image_signature.width is None:
        raise DataError(
            f"{where}: expected images of one size to batch, found {image_signature}. Build with "
            "{use: resize, size: [height, width]} in finish, or in stream.finish."
        )
    takes = _batch_bytes(reading)
    if takes > batch_mb * 1e6:
        raise DataError(
            f"{where}: expected batches of at most {batch_mb:g} MB (stream.batch_mb), found that "
            f"{min(reading.batch_size, reading.num_samples)} images {image_signature} take "
            f"{takes / 1e6:.0f} MB. Take a smaller batch_size, or allow more."
        )
    if reading.images == "scale" and image_signature.dtype != "uint8":
        raise DataError(
            f"{where}: expected uint8 images to scale to [0, 1], found {image_signature.dtype}. "
            "Ask for images 'uint8' (as they are) or 'standardize'."
        )
    if not reading.steps:
        raise DataError(
            f"{where}: expected samples for a batch of {reading.batch_size}, found "
            f"{reading.num_samples}. Take a smaller batch_size, or drop_remainder=False."
        )


def _batch_bytes(reading: Reading) -> int:
    """Returns what the images of the largest batch take, as they are yielded."""
    image = reading.signature.image
    pixels = (image.height or 0) * (image.width or 0) * image.channels
    dtype = image.dtype if reading.images == "uint8" else "float32"
    return min(reading.batch_size, reading.num_samples) * pixels * np.dtype(dtype).itemsize


def check_shards(dataset: StoredDataset, split: str) -> None:
    """Compares the sizes of a split's shards with the manifest; pixels are not looked at.

    Raises:
      CacheError: a shard is missing or cut; it names the file.
    """
    codec = dataset.codec
    with naming(str(dataset.path), str(dataset.where)):
        for shard in dataset.shards(split):
            if isinstance(codec, NpyCodec):
                _check_rows(dataset.path, codec, shard)
            else:
                _check_bytes(dataset.path, codec, shard)


def _check_rows(folder: Path, codec: NpyCodec, shard: Shard) -> None:
    files = dict(zip(codec.arrays, codec.files(shard.stem), strict=True))
    ends = {name: row_splits(name) for name in files if row_splits(name) in files}
    expected = {name: shard.samples + (name in ends.values()) for name in files}
    for name in sorted(files, key=lambda name: name in ends):  # splits before what they split
        array = load_array(folder / files[name])
        if name in ends:
            expected[name] = int(load_array(folder / files[ends[name]])[-1])
        if len(array) != expected[name]:
            raise CacheError(
                f"{folder / files[name]}: expected {expected[name]} rows, found {len(array)}. "
                "Build the dataset again."
            )


def _check_bytes(folder: Path, codec: Codec, shard: Shard) -> None:
    expected = shard.size_bytes + shard.samples * tfrecord.OVERHEAD_BYTES
    for name in codec.files(shard.stem):
        path = folder / name
        if not path.is_file():
            raise CacheError(f"{path}: the shard is missing. Build the dataset again.")
        found = path.stat().st_size
        if found != expected:
            raise CacheError(
                f"{path}: expected {expected} bytes, found {found}. Build the dataset again."
            )


def plain(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Returns arguments as JSON values, which numbers of numpy and views of mappings are not."""
    plugins = [str(Path(each).absolute()) for each in asked["plugins"]]
    others = {name: value for name, value in asked.items() if name != "plugins"}
    return {**{name: _plain(value) for name, value in others.items()}, "plugins": plugins}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    return tuple(_plain(each) for each in value)
