"""Stages applied to a sample, with a trace of what they drew and notes on what they raise."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsbuilder.errors import PluginError
from dsbuilder.pipelinefile.stages import AnyStage, MixStage
from dsbuilder.plugin import Stage
from dsbuilder.sample import Params, Sample, SampleSpec, Target
from dsbuilder.seeding import passing_generator, unit

_SCALARS = frozenset({int, float, str, bool, type(None)})


@dataclass
class Trace:
    """How one sample came to be, written down as it is made.

    Attributes:
      at: the place that is being worked on, for the report when it fails.
      applied: (stage id, drawn params) of every stage that was applied, in order.
    """

    at: str = "source"
    applied: list[tuple[str, Params]] = field(default_factory=list)


def apply_fixed(stages: Sequence[Stage], sample: Sample, trace: Trace) -> Sample:
    """Applies stages that draw nothing; their generator's key is the stage alone."""
    for stage in stages:
        sample = _apply(stage, sample, passing_generator(stage.id), trace)
    return sample


@dataclass(frozen=True)
class Position:
    """Where randomness is drawn: the key of what is varied, and its copy or epoch."""

    seed: int
    key: str
    number: int

    def generator(self, stage: AnyStage) -> np.random.Generator:
        """Returns the generator of a stage here, for one draw."""
        return passing_generator(self.seed, stage.id, self.key, self.number)

    def mixes(self, stage: MixStage) -> bool:
        """Whether a mixer is applied here."""
        return stage.p >= 1 or unit(self.seed, stage.id, "p", self.key, self.number) < stage.p


def apply_drawn(
    stages: Sequence[AnyStage],
    sample: Sample,
    at: Position,
    partners: Sequence[Sample],
    targets: Mapping[str, Target],
    trace: Trace,
) -> Sample:
    """Applies stages that draw; `targets` are the kinds before a mixer."""
    for stage in stages:
        if isinstance(stage, Stage):
            sample = _apply(stage, sample, at.generator(stage), trace)
        elif at.mixes(stage):
            sample = _mix(stage, sample, partners, targets, at.generator(stage), trace)
    return sample


def accepted(signature: SampleSpec, sample: Sample) -> Sample:
    """Returns a sample if it has the signature's shape; else a stage broke its word."""
    if not signature.image.accepts(sample.image):
        raise PluginError(
            f"{sample.key}: expected an image {signature.image} after the last stage, "
            f"found {_described(sample.image)}. A stage does not do what its output_spec says."
        )
    problem = sample.size_problem() if sample.positional else None
    if problem:
        raise PluginError(f"{sample.key}: {problem}. A stage does not move what it says it moves.")
    return sample


def _apply(stage: Stage, sample: Sample, rng: np.random.Generator, trace: Trace) -> Sample:
    trace.at = stage.id
    params = None
    try:
        params = stage.draw(sample, rng)
        if params is None:
            return sample
        check_params(params)
        made = stage.apply(sample, params)
    except Exception as error:
        _note(error, stage.id, sample.key, params)
        raise
    trace.applied.append((stage.id, params))
    return made


def _mix(
    stage: MixStage,
    sample: Sample,
    partners: Sequence[Sample],
    targets: Mapping[str, Target],
    rng: np.random.Generator,
    trace: Trace,
) -> Sample:
    trace.at = stage.id
    with noted(stage.id, sample.key, None):
        params = stage.plugin.draw(sample, partners, rng)
        check_params(params)
    with noted(stage.id, sample.key, params):
        sample = stage.plugin.mix(sample, partners, params, targets)
    trace.applied.append((stage.id, params))
    return sample


def check_params(params: Params) -> None:
    """Raises a PluginError unless drawn params are JSON values, which a ledger can keep."""
    wrong = _not_json(params)
    if wrong is not None:
        raise PluginError(
            f"expected JSON values from draw(), found {type(wrong).__name__} {wrong!r}. "
            "Convert it, say with int(...), float(...) or .tolist()."
        )


def _not_json(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return None
    if kind is dict:
        wrong = (_not_json(child) for child in value.values())
        return next((each for each in wrong if each is not None), None)
    if kind in (list, tuple):
        return next((each for each in map(_not_json, value) if each is not None), None)
    return value


@contextmanager
def noted(stage: str, key: str, params: Params | None) -> Iterator[None]:
    """Lets a plugin's own exception pass, with notes that say where it happened."""
    try:
        yield
    except Exception as error:
        _note(error, stage, key, params)
        raise


def _note(error: Exception, stage: str, key: str, params: Params | None) -> None:
    error.add_note(f"stage: {stage}")
    error.add_note(f"sample: {key}")
    if params is not None:
        error.add_note(f"params: {params}")


def _described(image: np.ndarray) -> str:
    return f"{'x'.join(str(side) for side in image.shape)} {image.dtype}"
