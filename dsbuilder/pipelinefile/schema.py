"""What a pipeline file may say, as dataclasses; `pipelines/README.md` is the same in words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dsbuilder import names
from dsbuilder.images import color_name
from dsbuilder.images.size_limit import MEGAPIXELS
from dsbuilder.pipelinefile.bounds import check_above_0, check_at_least_1
from dsbuilder.pipelinefile.document import Node, YamlDocument, from_data, read
from dsbuilder.pipelinefile.named_size import with_size
from dsbuilder.pipelinefile.preset import overridden, with_presets
from dsbuilder.pipelinefile.source_paths import missing_paths
from dsbuilder.pipelinefile.splitting import SplitOptions
from dsbuilder.pipelinefile.stages import (
    AnyStage,
    Inspection,
    MixStage,
    Synthesis,
    binder_of,
)
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.pipelinefile.tuning import Searched
from dsbuilder.plugin import Mode, Source, Stage
from dsbuilder.plugin.transforms import Place
from dsbuilder.registry import Registry


def _check_one_mixer(stages: Sequence[AnyStage]) -> None:
    if sum(isinstance(stage, MixStage) for stage in stages) > 1:
        raise ValueError("stages: expected at most one mixer, found several. Keep one.")


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """What every image is brought to when it is decoded.

    Attributes:
      mode: channels of every image; palettes, CMYK and 16 bits are converted.
      background: what lies under transparency in `rgb` and `gray`: the name of a color, `'#rrggbb'`
        or [r, g, b].
      reduced_decode: whether a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that still is
        twice what the first stage of `prepare` resizes it to.
      memory_mb: working memory that decoding one image may take, in 10**6 bytes, above 0; an image
        whose header says more is set aside.
      stage_megapixels: pixels of the image that a stage may make, in 10**6, above 0: of every
        section, of stages within stages, of mixers and synthesizers.
    """

    mode: Mode = "rgb"
    background: str | tuple[int, int, int] = "white"
    reduced_decode: bool = True
    memory_mb: float = 500.0
    stage_megapixels: float = MEGAPIXELS

    def __post_init__(self) -> None:
        _ = self.background_rgb
        check_above_0("memory_mb", self.memory_mb)
        check_above_0("stage_megapixels", self.stage_megapixels)

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """The background as three values in [0, 255]."""
        return color_name.parse("background", self.background)


@dataclass(frozen=True, kw_only=True)
class AugmentOptions:
    """What is made of every training sample and cached.

    Attributes:
      copies: variants of each training sample, 0 or more; none without the section.
      original: whether the original itself is kept.
      stages: what is applied in order to make a variant; at most one of them a mixer.
    """

    copies: int = 1
    original: bool = True
    stages: tuple[AnyStage, ...] = ()

    def __post_init__(self) -> None:
        if self.copies < 0:
            raise ValueError(f"copies: expected 0 or more, found {self.copies}.")
        if not self.original and not self.copies:
            raise ValueError("expected something to keep, found original: false and copies: 0.")
        _check_one_mixer(self.stages)


@dataclass(frozen=True, kw_only=True)
class BalanceOptions:
    """How the classes of train come to one number of samples; see `builder/balance.py`.

    Attributes:
      to: samples of each class: `max` (what the largest class has, its variants counted), `median`
        (what the class in the middle has; of two, the smaller), or a number, 1 or more. Classes
        that have more keep them.
      sources: what makes the samples that a class lacks: `augment` (more variants of its records by
        `augment.stages`), `synthesize`, or both.
      max_synthetic: largest share of a class of train that is synthesized, in [0, 1].
    """

    to: Literal["max", "median"] | int = "max"
    sources: tuple[Literal["augment", "synthesize"], ...] = field(
        default=("augment",), metadata={"key": "with"}
    )
    max_synthetic: float = 0.6

    def __post_init__(self) -> None:
        if isinstance(self.to, int):
            check_at_least_1("to", self.to)
        if not self.sources or len(set(self.sources)) < len(self.sources):
            found = f"[{', '.join(self.sources)}]"
            raise ValueError(f"with: expected augment, synthesize or both, found {found}.")
        if not 0 <= self.max_synthetic <= 1:
            raise ValueError(
                f"max_synthetic: expected a share in [0, 1], found {self.max_synthetic:g}."
            )


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """How samples are stored.

    Attributes:
      codec: form of the shards: `tfrecord` opens in `tf.data` and TensorFlow Datasets, `npy` is
        memory-mapped.
      image: how pixels are stored: `raw` needs images of one size, `jpeg` refuses alpha. By default
        `jpeg`; of `rgba` images `png`; of the codec `npy` `raw`.
      quality: quality of JPEG, in [1, 100].
      shard_mb: size that a shard aims at, in 10**6 bytes, above 0; the number of shards is a power
        of two.
    """

    codec: Literal["tfrecord", "npy"] = "tfrecord"
    image: Literal["jpeg", "png", "raw"] | None = None
    quality: int = 95
    shard_mb: float = 64.0

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality: expected a number in [1, 100], found {self.quality}.")
        check_above_0("shard_mb", self.shard_mb)
        if self.codec == "npy" and self.image not in (None, "raw"):
            raise ValueError(f"image: the npy codec stores raw pixels, found '{self.image}'.")


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What a build does with a sample it cannot make, and what it keeps for the next build.

    Attributes:
      on_error: what is done with a sample that cannot be made, or a record that cannot be read:
        `quarantine` sets it aside with its reason and goes on, `stop` ends the build.
      max_quarantined: records that may be set aside before the build stops: a share of all if below
        1, else a number; 0 or more.
      max_outputs: samples that a pipeline may make; one that would make more is refused before it
        is planned.
      keep_prepared: whether images are kept as `prepare` leaves them, below `.builds/prepared`
        (height x width x channels bytes each), so that a build in which only `augment` changed
        decodes no source; what the latest build does not use is removed.
      exclude: file of keys to leave out, one a line, as `dsbuilder inspect --exclude FILE` writes
        it; lines that begin with `#` are comments. The others stay in the split that they had.
    """

    on_error: Literal["stop", "quarantine"] = "quarantine"
    max_quarantined: float = 0.1
    max_outputs: int = 10_000_000
    keep_prepared: bool = False
    exclude: Path | None = None

    def __post_init__(self) -> None:
        if self.max_quarantined < 0:
            raise ValueError(
                f"max_quarantined: expected 0 or more, found {self.max_quarantined:g}."
            )


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a dataset is streamed unless a caller says otherwise.

    Attributes:
      batch_size: samples in a batch, 1 or more.
      images: type of the images: `scale` is float32 from 0 to 1, `standardize` float32 with the
        train split's mean and deviation taken out, channel by channel.
      stages: what is applied anew in every epoch, on train only; may hold a mixer, which takes its
        partners from the batch.
      finish: what is applied after `stages`, on every split; it draws nothing.
      on: where `stages` are applied that do not say it themselves: on the `host`, or in a training
        on the `device`; see below.
      batch_mb: memory that the images of one batch may take, in 10**6 bytes, above 0.
    """

    batch_size: int = 32
    images: Literal["uint8", "scale", "standardize"] = "uint8"
    stages: tuple[AnyStage, ...] = ()
    finish: tuple[Stage, ...] = ()
    on: Place = "host"
    batch_mb: float = 4000.0

    def __post_init__(self) -> None:
        check_at_least_1("batch_size", self.batch_size)
        check_above_0("batch_mb", self.batch_mb)
        _check_one_mixer(self.stages)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a pipeline file says.

    Attributes:
      name: name of the dataset: small letters, digits and underscores, a letter first.
      version: version of the dataset, `x.y.z`.
      seed: root of all randomness.
      size: [height, width] that stages call `$size`; one number is a square.
      image: what every image is brought to when it is decoded.
      source: plugin that finds the records; none where all is synthesized.
      split: which records are for train, validation and test.
      prepare: what is done once to a decoded image, before variants are made of it.
      augment: variants of training samples, made once and stored.
      synthesize: samples that are made from nothing.
      balance: one number of samples for all classes of train.
      finish: what every sample ends with, in one signature.
      cache: how samples are stored.
      inspect: inspectors by name, each with its action and options, that look at the data before a
        build.
      build: what a build does with what cannot be made, and what it keeps.
      stream: how batches are read, and what is drawn anew in every epoch.
      train: model and training.
      tune: options that `dsbuilder tune` tries other values of, by their paths; no dataset or run
        depends on it.
    """

    name: str
    version: str = "1.0.0"
    seed: int = 0
    size: int | tuple[int, int] | None = None
    image: ImageOptions = ImageOptions()
    source: Source | None = None
    split: SplitOptions = field(default_factory=SplitOptions)
    prepare: tuple[Stage, ...] = ()
    augment: AugmentOptions = AugmentOptions(copies=0)
    synthesize: tuple[Synthesis, ...] = ()
    balance: BalanceOptions | None = None
    finish: tuple[Stage, ...] = ()
    cache: CacheOptions = CacheOptions()
    inspect: Mapping[str, Inspection] = field(default_factory=dict)
    build: BuildOptions = BuildOptions()
    stream: StreamOptions = StreamOptions()
    train: TrainOptions | None = None
    tune: Mapping[str, Searched] = field(default_factory=dict)

    @staticmethod
    def check_field(field: str, value: Any) -> str | None:
        """Returns what is wrong with one field, which is told with all else that is wrong."""
        checks = {"name": names.dataset_fault, "version": names.version_fault}
        return checks[field](value) if field in checks else None

    def __post_init__(self) -> None:
        stages = (*self.augment.stages, *self.stream.stages)
        if sum(isinstance(stage, MixStage) for stage in stages) > 1:
            raise ValueError(
                "expected at most one mixer on a sample's way, found one in augment and one in "
                "stream. Keep one."
            )
        _check_outputs(self.build, sum(each.count for each in self.synthesize))
        if self.source is None and not self.synthesize:
            raise ValueError("expected a source or something to synthesize, found neither.")
        fills = self.balance is not None and "synthesize" in self.balance.sources
        if fills and not self.synthesize:
            raise ValueError(
                "balance: expected something to synthesize with, found no section synthesize. "
                "Add one, or take synthesize out of with."
            )
        idle = [each.id for each in self.synthesize if not each.count]
        if idle and not fills:
            raise ValueError(
                f"{idle[0]}: expected how many samples to make, 1 or more, found 0, and no balance "
                "with synthesize that asks it for any."
            )

    @property
    def makes_variants(self) -> bool:
        """Whether some record of train gets variants, by `augment.copies` or by `balance`."""
        fills = self.balance is not None and "augment" in self.balance.sources
        return self.augment.copies > 0 or fills


def _check_outputs(build: BuildOptions, count: int) -> None:
    problem = too_many(build, count)
    if problem:
        raise ValueError(problem)


def too_many(build: BuildOptions, count: int) -> str | None:
    """Says that a number of samples is more than a build may make; None if it is not."""
    if count <= build.max_outputs:
        return None
    return (
        f"expected at most {build.max_outputs} samples (build.max_outputs), found {count}. "
        "Make fewer, or allow more."
    )


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A pipeline file, bound.

    Attributes:
      settings: what it says.
      resolved: the same as plain data but for `tune`, every default filled in, paths as written.
      document: the tree with lines, for errors that are found later.
      registry: the plugins it was bound with.
    """

    settings: Settings
    resolved: Mapping[str, Any]
    document: YamlDocument
    registry: Registry

    def where(self, path: str) -> str:
        """Returns `file:line: path` of a place such as `augment.stages[1]`."""
        node: Node | None = self.document.root
        for step in re.findall(r"[^.\[\]]+", path):
            value, node = node.value if node is not None else None, None
            if isinstance(value, dict):
                node = value.get(step)
            elif isinstance(value, tuple) and step.isdigit() and int(step) < len(value):
                node = value[int(step)]
        return self.document.where(node, path)


def load(path: Path, registry: Registry, overrides: Sequence[str] = ()) -> Spec:
    """Returns the spec of a pipeline file, with `--set` assignments applied.

    Raises:
      SpecError: with every problem found, each with file and line.
    """
    return load_document(overridden(read(path), overrides), registry, of_file=True)


def load_document(document: YamlDocument, registry: Registry, *, of_file: bool = False) -> Spec:
    """Returns the spec of a document that was read; see `load`.

    Args:
      of_file: whether it is a pipeline as it stands, whose source is to be there: if anything is
        wrong with it, so is a path at which nothing lies.
    """
    document = with_size(with_presets(document))
    binder = binder_of(document, registry)
    settings, resolved = binder.bind(Settings, document.root, "")
    if binder.problems and of_file:
        binder.problems += missing_paths(document, registry)
    binder.check()
    resolved.pop("tune")
    return Spec(settings=settings, resolved=resolved, document=document, registry=registry)


def load_data(data: Mapping[str, Any], registry: Registry, *, origin: str, folder: Path) -> Spec:
    """Returns the spec of resolved plain data; paths in it are relative to `folder`."""
    return load_document(from_data(data, origin=origin, folder=folder), registry)
