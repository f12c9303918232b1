"""Everything that a plugin author needs and, with `formats/`, all that a plugin may import.

A plugin is one frozen keyword-only dataclass under one decorator. Its fields are the YAML options,
its docstring is the help text, its types are the schema. There are six kinds:

  Source        finds records on disk                     `@source(name)`
  Transform     changes one sample                        `@transform(name, geometry=...)`
  Mixer         mixes a sample with others                `@mixer(name)`
  Synthesizer   makes samples from nothing                `@synthesizer(name)`
  ModelBuilder  builds a Keras model for a signature      `@model(name)`
  Inspector     says what is wrong with the data          `@inspector(name)`, see inspector.py

Randomness happens only in `draw`, which returns JSON values; `apply` and `render` are pure
functions of them. This is what makes a sample reproducible, explainable, and testable without
random numbers. A decorator only marks the class: nothing is registered by importing a file.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar, get_type_hints

import numpy as np

from dsbuilder.errors import DataError, PluginError, TrainError, did_you_mean
from dsbuilder.inspector import Finding, Inspector, Seen, View
from dsbuilder.option import unsettable
from dsbuilder.sample import (
    CHANNELS,
    ImageSpec,
    Mode,
    Motion,
    Params,
    Record,
    Sample,
    SampleSpec,
    Target,
)
from dsbuilder.seeding import draw_seed, generator
from dsbuilder.targets import (
    Boxes,
    BoxSet,
    ClassLabel,
    Keypoints,
    Mask,
    MultiLabel,
    PointSet,
    Text,
    Value,
)

if TYPE_CHECKING:
    import keras

__all__ = [
    "CHANNELS",
    "BoxSet",
    "Boxes",
    "ClassLabel",
    "DataError",
    "Finding",
    "ImageSpec",
    "Inspector",
    "Keypoints",
    "Mark",
    "Mask",
    "Mixer",
    "Mode",
    "ModelBuilder",
    "Motion",
    "MultiLabel",
    "Params",
    "PluginError",
    "PointSet",
    "Range",
    "Recognition",
    "Record",
    "Sample",
    "SampleSpec",
    "Seen",
    "Source",
    "Stage",
    "Synthesizer",
    "Target",
    "Text",
    "TrainError",
    "Transform",
    "Value",
    "View",
    "did_you_mean",
    "draw_seed",
    "generator",
    "inspector",
    "mixer",
    "model",
    "source",
    "synthesizer",
    "transform",
]

RESERVED = frozenset({"use", "p", "name", "splits", "count", "action"})
"""Words of a pipeline's stage that a plugin cannot take as the name of an option."""

Geometry = Literal["fixed", "moves", "breaks"]

POSITIONAL = tuple(kind.kind for kind in (Mask, Boxes, Keypoints))
"""The kinds of target that lie in pixel coordinates."""


@dataclass(frozen=True)
class Range:
    """An interval that a number is drawn from; YAML writes `[low, high]`, or one number.

    Attributes:
      low, high: the bounds, `low <= high`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(
                f"expected [low, high] with low <= high, found [{self.low}, {self.high}]."
            )

    def check(self, option: str, low: float, high: float) -> None:
        """Raises a ValueError unless the whole interval lies in [low, high]."""
        if not low <= self.low <= self.high <= high:
            raise ValueError(
                f"{option}: expected values in [{low:g}, {high:g}], "
                f"found [{self.low:g}, {self.high:g}]."
            )

    def draw(self, rng: np.random.Generator) -> float:
        """Draws uniformly from [low, high]."""
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What a source says of a folder that may have its layout.

    Attributes:
      certainty: 0 says that it is another layout, 1 that it can be no other.
      reason: why, or why not, in one line for a person, with counts.
      options: the options with which the source reads the folder; `Path` options are relative to
        it.
      comments: what a person should know of an option before a build, by option.
    """

    certainty: float
    reason: str
    options: Mapping[str, object] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)


class Source(ABC):
    """Finds the records of a layout on disk.

    `read` runs in worker processes, `records` and `targets` once in the main process.
    """

    of_folder: ClassVar[bool] = True
    """Whether a folder may have its layout; not of what a person puts together."""

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Says whether a folder has this layout, by looking at names and small text files alone."""
        return Recognition(certainty=0, reason="its author does not say how to recognise it")

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Yields every record, without opening an image; the order does not matter.

        Raises:
          DataError: the layout is not what the options promise.
        """

    @abstractmethod
    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns the targets of the records by name, in the order a stream shall yield them."""

    def read(self, record: Record) -> bytes | np.ndarray:
        """Returns a record's pixels: an encoded image, or `(H, W, C)` uint8 with C in 1, 3, 4."""
        return self._bytes(record)

    def watches(self) -> Sequence[Path] | None:
        """Returns the files and folders that decide what `records` yields; None says unknown.

        Those of the records themselves are known. What is said here lets a build that has nothing
        to do be told from the times of files and folders; else every build asks for the records.
        """
        return None

    def identity(self, record: Record) -> str | None:
        """Returns what stands for the pixels in a fingerprint; None if the bytes of `path` do."""
        return None

    @staticmethod
    def _bytes(record: Record) -> bytes:
        if record.path is None:
            raise PluginError("a source whose records have no path must define read().")
        return record.path.read_bytes()


class Transform(ABC):
    """Changes one sample."""

    __dsbuilder__: ClassVar["Mark"]

    @property
    def geometry(self) -> Geometry:
        """What happens to positions; the decorator's word unless the options decide."""
        return self.__dsbuilder__.geometry

    @property
    def moves(self) -> tuple[str, ...]:
        """Kinds of positional target that are moved along."""
        return self.__dsbuilder__.moves

    @property
    def draws(self) -> bool:
        """Whether it draws anything; what does has no place in `prepare` and `finish`."""
        return type(self).draw is not Transform.draw

    @property
    def default_p(self) -> float:
        """The probability of a stage that states none."""
        return 1.0

    def inputs(self) -> Mapping[str, str]:
        """Returns what else decides the result, beside options and code: versions, hashes."""
        return {}

    def output_spec(self, spec: SampleSpec) -> SampleSpec:
        """Returns the signature after this transform; raises a ValueError on one it cannot take."""
        return spec

    def shrinks_to(self, height: int, width: int) -> tuple[int, int] | None:
        """Returns the (height, width) to which a whole image of a size is resized, before all else.

        None, which is always right, says that every pixel counts. What is said here lets a large
        JPEG be decoded at a reduced scale when this is the first stage of `prepare`.
        """
        return None

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws everything random of one application; JSON values only."""
        return {}

    @abstractmethod
    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the changed sample; a pure function, which leaves its arguments as they are."""

    def motion(self, sample: Sample, params: Params) -> Motion | None:
        """Returns where `apply` moves the pixels of a sample, so that targets are moved along.

        It is asked only where there are targets in pixel coordinates. None says that no pixel
        moves, or that `apply` moves the targets itself; `sample.positional` are their kinds.
        """
        return None

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns what the params of one application came to, for a person; JSON values only.

        Worth defining where params are a seed, from which `apply` draws the rest.
        """
        return {}


class Mixer(ABC):
    """Mixes a sample with others of its split.

    Partners come as prepared originals, never augmented or mixed themselves, with whatever size
    they have then; the mixer fits them to the sample.
    """

    partners: ClassVar[int] = 1
    """How many partners one sample is mixed with."""

    def inputs(self) -> Mapping[str, str]:
        """Returns what else decides the result, beside options and code: versions, hashes."""
        return {}

    def output_spec(self, spec: SampleSpec) -> SampleSpec:
        """Returns the signature after mixing: the same image, every target in its mixed form."""
        return spec.mixed()

    @abstractmethod
    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws everything random of one application; JSON values only."""

    @abstractmethod
    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        """Returns the sample with the mixed image; a pure function, which changes no argument.

        Its targets are mixed by `mix`, which knows their kinds.
        """

    @abstractmethod
    def weights(self, params: Params) -> tuple[float, ...]:
        """Returns the share of the sample and of each partner in the mix; they sum to 1."""

    def mix(
        self,
        sample: Sample,
        partners: Sequence[Sample],
        params: Params,
        targets: Mapping[str, Target],
    ) -> Sample:
        """Returns the mixed sample: `apply`, each target mixed by `weights` as its kind does."""
        parents = (sample, *partners)
        weights = self.weights(params)
        values = {
            name: target.mix([parent.targets[name] for parent in parents], weights)
            for name, target in targets.items()
        }
        return self.apply(sample, partners, params).replace(targets=values)


class Synthesizer(ABC):
    """Makes samples from nothing but drawn params."""

    def inputs(self) -> Mapping[str, str]:
        """Returns what else decides the result, beside options and code: versions, hashes."""
        return {}

    @abstractmethod
    def output_spec(self, mode: Mode) -> SampleSpec:
        """Returns the signature of what `render` makes in a mode."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Params:
        """Draws everything random of one sample; JSON values only."""

    @abstractmethod
    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the sample of the params; a pure function. Targets hold *raw* labels."""

    def content(self, params: Params) -> str | None:
        """Returns what must not appear in two splits (say, a text), or None."""
        return None


class ModelBuilder(ABC):
    """Builds a Keras model for a signature.

    Keras is imported in the body of `build`, never at the top of the file: no other verb pays for
    it.
    """

    preprocesses: ClassVar[bool] = False
    """Whether the model scales its input itself; else the trainer normalises before it."""

    def check(self, spec: SampleSpec) -> None:  # noqa: B027 - one that serves all checks nothing
        """Checks that `build` can serve a signature; `dsbuilder check` asks, so without Keras.

        Raises:
          TrainError: it cannot: another kind of target, images that are too small, ...
        """

    @abstractmethod
    def build(self, spec: SampleSpec) -> "keras.Model":
        """Returns an uncompiled model.

        Its input is a float32 batch `(N, H, W, C)`: pixel values 0..255 where `preprocesses`, else
        normalised. Its output depends on the target: class and multi-label ->
        logits `(N, num_classes)`, value -> numbers `(N, size)`, mask -> logits
        `(N, H, W, num_classes)`.
        """


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One plugin at one place of a pipeline. An option of this type binds a nested `{use: ...}`.

    Attributes:
      id: its `name` in the pipeline, else plugin and occurrence; randomness is keyed by it.
      plugin: the bound plugin.
      p: the probability with which the stage is applied, in [0, 1].
    """

    id: str
    plugin: Transform
    p: float = 1.0

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params | None:
        """Draws whether the stage is applied and with which params; None says not."""
        if self.p < 1.0 and rng.random() >= self.p:
            return None
        return self.plugin.draw(sample, rng)

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the changed sample, its targets in pixel coordinates moved along."""
        made = self.plugin.apply(sample, params)
        motion = self.plugin.motion(sample, params) if sample.positional else None
        return made if motion is None else made.moved(motion)

    def run(self, sample: Sample, seed: int) -> Sample:
        """Draws and applies in one go: for a stage that nests this one and keeps only a seed."""
        params = self.draw(sample, generator(self.id, seed))
        return sample if params is None else self.apply(sample, params)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a decorator notes on a plugin's class.

    Attributes:
      kind: `source`, `transform`, `mixer`, `synthesizer`, `model` or `inspector`.
      name: how pipelines call it. A name that ends in `.*` is a family: it answers to every name
        with that prefix, and its class has two fields, `member` (the rest of the name) and
        `options` (a mapping).
      geometry: of a transform: `fixed` changes the image alone, `moves` also moves the positional
        targets it names, `breaks` loses them and is refused where such targets exist.
      moves: kinds of positional target that a transform moves along.
    """

    kind: str
    name: str
    geometry: Geometry = "fixed"
    moves: tuple[str, ...] = ()

    @property
    def is_family(self) -> bool:
        """Whether the plugin answers to every name with its prefix."""
        return self.name.endswith(".*")


Plugin = TypeVar("Plugin", bound=type)


def source(name: str) -> Callable[[Plugin], Plugin]:
    """Marks a class as the source `name`."""
    return _marker(Source, Mark(kind="source", name=name))


def transform(
    name: str, *, geometry: Geometry, moves: Sequence[str] = ()
) -> Callable[[Plugin], Plugin]:
    """Marks a class as the transform `name`, with its declared geometry.

    Args:
      moves: kinds of positional target that `apply` moves along; all, where `motion` says how.
    """
    if geometry not in ("fixed", "moves", "breaks"):
        raise PluginError(
            f"transform '{name}': expected geometry 'fixed', 'moves' or 'breaks', "
            f"found {geometry!r}."
        )

    def apply(cls: Plugin) -> Plugin:
        says = geometry == "moves" and getattr(cls, "motion", None) is not Transform.motion
        along = POSITIONAL if says else tuple(moves)
        mark = Mark(kind="transform", name=name, geometry=geometry, moves=along)
        return _marker(Transform, mark)(cls)

    return apply


def mixer(name: str) -> Callable[[Plugin], Plugin]:
    """Marks a class as the mixer `name`."""
    return _marker(Mixer, Mark(kind="mixer", name=name))


def synthesizer(name: str) -> Callable[[Plugin], Plugin]:
    """Marks a class as the synthesizer `name`."""
    return _marker(Synthesizer, Mark(kind="synthesizer", name=name))


def model(name: str) -> Callable[[Plugin], Plugin]:
    """Marks a class as the model builder `name`."""
    return _marker(ModelBuilder, Mark(kind="model", name=name))


def inspector(name: str) -> Callable[[Plugin], Plugin]:
    """Marks a class as the inspector `name`; its findings are called that, too."""
    return _marker(Inspector, Mark(kind="inspector", name=name))


def _marker(base: type, mark: Mark) -> Callable[[Plugin], Plugin]:
    def apply(cls: Plugin) -> Plugin:
        _check_class(cls, base, mark)
        cls.__dsbuilder__ = mark  # type: ignore[attr-defined]
        return cls

    return apply


def _check_class(cls: type, base: type, mark: Mark) -> None:
    where = f"{mark.kind} '{mark.name}' ({cls.__name__})"
    if not issubclass(cls, base):
        raise PluginError(f"{where}: expected a subclass of {base.__name__}.")
    parameters = cls.__dict__.get("__dataclass_params__")
    if not is_dataclass(cls) or parameters is None or not parameters.frozen:
        raise PluginError(
            f"{where}: expected a frozen dataclass. "
            "Put @dataclass(frozen=True, kw_only=True) below the decorator."
        )
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{where}: expected the method {missing[0]}(), found none. Define it.")
    taken = [field.name for field in fields(cls) if field.name in RESERVED]
    if taken:
        raise PluginError(f"{where}: option '{taken[0]}' is a reserved word. Rename the field.")
    if not cls.__doc__ or cls.__doc__.startswith(f"{cls.__name__}("):
        raise PluginError(f"{where}: expected a docstring; it is the plugin's help text.")
    _check_options(cls, where)


def _check_options(cls: type, where: str) -> None:
    """Raises a PluginError for an option that no pipeline can set."""
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise PluginError(
            f"{where}: expected types that are defined above the class, found none called "
            f"'{error.name}'. Import it, or move it up."
        ) from error
    for each in fields(cls):
        wrong = unsettable(hints[each.name], (Range, Stage, Source, ModelBuilder))
        if each.init and wrong is not None:
            raise PluginError(
                f"{where}: option '{each.name}': expected a type that YAML can set, found "
                f"{wrong}. Take str, int, float, bool, Path, Range, Literal, tuple, Mapping of "
                "str, a dataclass, Stage, or a union of these."
            )
