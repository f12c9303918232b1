"""What usually helps against high bias and against high variance, as options of the pipeline.

After A. Ng, "Machine Learning Yearning" (2018). Only what the model in use has is named, with its
value now and one to try, in the form that `--set` takes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from dsbuilder.diagnosis.learning_curve import CurveVerdict, Trend
from dsbuilder.errors import DsbuilderError
from dsbuilder.pipelinefile.binding import to_plain
from dsbuilder.pipelinefile.schema import Settings
from dsbuilder.pipelinefile.training import AUTO, FineTuneOptions, TrainOptions
from dsbuilder.plugin import ModelBuilder
from dsbuilder.sample import Signature
from dsbuilder.tasks import can_learn, task_of

_TWICE = ("width", "units")
_ONE_MORE = ("depth", "layers", "blocks")
_DROPPED = ("dropout", "dense_dropout")
_MORE_DROPPED, _MOST_DROPPED = 0.2, 0.5
_PENALTY = 1e-4
_LAYERS = 20
_VARIED = "[{use: A.Affine, scale: [0.9, 1.1], translate_percent: [0, 0.05], rotate: [-10, 10]}]"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Something to change.

    Attributes:
      against: `high bias` or `high variance`.
      option: place of the option in the pipeline; empty of what is none, such as more data.
      now: its value, as JSON; empty where there is none.
      assignment: change to try, as `--set` takes it; empty where there is none.
      why: reason, in words.
    """

    against: str
    option: str = ""
    now: str = ""
    assignment: str = ""
    why: str


def advise(
    verdict: CurveVerdict, settings: Settings, signature: Signature, *, stopped_early: bool
) -> tuple[Advice, ...]:
    """Returns what usually helps; nothing where neither is high.

    Args:
      settings: of the pipeline, with a section `train`.
      signature: of what is learnt, to which a model that is named fits.
      stopped_early: whether the loss on train still fell when the trainings ended.
    """
    options = settings.train
    found: list[Advice] = []
    if options is not None and verdict.bias.verdict == "high":
        found += _against_bias(options, settings, signature, stopped_early=stopped_early)
    if options is not None and verdict.variance.verdict == "high":
        smaller = verdict.bias.verdict != "high"
        found += _against_variance(options, settings, verdict.trend, signature, smaller=smaller)
    return tuple(found)


def _against_bias(
    options: TrainOptions, settings: Settings, signature: Signature, *, stopped_early: bool
) -> Iterator[Advice]:
    model, against = options.model, "high bias"
    if stopped_early:
        why = "the loss on train still fell at the end: train longer"
        epochs = options.length.epochs
        yield _change(against, "train.epochs", epochs, 2 * epochs, why)
    for name, value in _larger(model, signature):
        yield _of_model(against, model, name, value, "a larger model")
    if model.freezes and options.fine_tune in (None, AUTO):
        yield _tuned(against, options)
    for name in (*_DROPPED, "l1", "l2"):
        if getattr(model, name, 0):
            lower = round(getattr(model, name) / (2 if name in _DROPPED else 10), 12)
            yield _of_model(against, model, name, lower, "less regularization")
    if options.label_smoothing:
        yield _change(
            against, "train.label_smoothing", options.label_smoothing, 0, "less regularization"
        )
    if settings.augment.stages or settings.stream.stages:
        place = "stream.stages" if settings.stream.stages else "augment.stages"
        why = "weaker augmentation: lower p of stages, or narrow their intervals"
        yield Advice(against=against, option=place, why=why)
    why = "another learning rate: `dsbuilder train PIPELINE --find-lr` proposes one"
    rate = options.optimizer.learning_rate
    yield Advice(
        against=against, option="train.optimizer.learning_rate", now=json.dumps(rate), why=why
    )


def _against_variance(
    options: TrainOptions,
    settings: Settings,
    trend: Trend | None,
    signature: Signature,
    *,
    smaller: bool,
) -> Iterator[Advice]:
    model, against = options.model, "high variance"
    falls = ": the error on validation still falls" if trend and trend.falls else ""
    yield Advice(against=against, why=f"more data{falls}")
    yield _varied(against, settings)
    yield from _regularized(against, options)
    known = _names(model)
    if "weights" not in known and "path" not in known and _suits_transfer(settings, signature):
        why = "features that know photographs, where there are few images"
        yield _change(against, "train.model", _name(model), "transfer", why)
    for name, value in _smaller(model) if smaller else ():
        yield _of_model(against, model, name, value, "a smaller model, if all else fails")


def _varied(against: str, settings: Settings) -> Advice:
    """Returns how images are varied more."""
    if settings.stream.stages:
        why = "more augmentation: further stages, or wider intervals of these"
        return Advice(against=against, option="stream.stages", why=why)
    if settings.augment.stages:
        copies = settings.augment.copies
        return _change(against, "augment.copies", copies, 2 * copies or 3, "more augmentation")
    return Advice(
        against=against,
        option="stream.stages",
        now="[]",
        assignment=f"stream.stages={_VARIED}",
        why="augmentation: stages that vary an image and leave what it shows",
    )


def _regularized(against: str, options: TrainOptions) -> Iterator[Advice]:
    """Yields how a model is regularized more."""
    model, why = options.model, "more regularization"
    linear = getattr(model, "depth", None) == 0
    for name in _DROPPED if not linear else ():
        share = getattr(model, name, None)
        if share is not None and share < _MOST_DROPPED:
            value = min(round(share + _MORE_DROPPED, 6), _MOST_DROPPED)
            yield _of_model(against, model, name, value, why)
    penalty = getattr(model, "l2", None)
    if penalty is not None:
        yield _of_model(against, model, "l2", 10 * penalty or _PENALTY, why)
    if options.optimizer.use == "adam":
        why = "weight decay, another regularization; its strength is options.weight_decay"
        yield _change(against, "train.optimizer.use", "adam", "adamw", why)


def _suits_transfer(settings: Settings, signature: Signature) -> bool:
    kinds = [each.kind for each in signature.targets.values() if can_learn(each)]
    colored = settings.image.mode != "gray" and signature.image.channels == 3
    return colored and bool(kinds) and all(task_of(kind).suits_transfer for kind in kinds)


def _names(model: ModelBuilder) -> set[str]:
    return {each.name for each in fields(model)}  # type: ignore[arg-type]


def _larger(model: ModelBuilder, signature: Signature) -> Iterator[tuple[str, int]]:
    """Yields options that make a model larger, with a value that fits the images."""
    known = _names(model)
    linear = getattr(model, "depth", None) == 0  # which has no layer to widen
    for name in _TWICE if not linear else ():
        if name in known:
            yield name, 2 * getattr(model, name)
    for name in _ONE_MORE:
        if name in known and _fits(model, {name: getattr(model, name) + 1}, signature):
            yield name, getattr(model, name) + 1


def _fits(model: ModelBuilder, changed: Mapping[str, Any], signature: Signature) -> bool:
    try:
        replace(model, **changed).check(signature)  # type: ignore[type-var]
    except (DsbuilderError, ValueError):
        return False
    return True


def _smaller(model: ModelBuilder) -> Iterator[tuple[str, int]]:
    """Yields options that make a model smaller."""
    for name in _TWICE:
        if name in _names(model) and getattr(model, name) >= 2 and getattr(model, "depth", 1):
            yield name, getattr(model, name) // 2


def _tuned(against: str, options: TrainOptions) -> Advice:
    before = options.length.fine_tune
    layers = _LAYERS if before is None else 2 * before.layers
    rate = FineTuneOptions().learning_rate
    return Advice(
        against=against,
        option="train.fine_tune",
        now="null" if before is None else json.dumps(vars(before)),
        assignment=f"train.fine_tune={{layers: {layers}, epochs: 5, learning_rate: {rate:g}}}",
        why="train the last of the frozen layers, too",
    )


def _of_model(against: str, model: ModelBuilder, name: str, value: float, why: str) -> Advice:
    """Returns a change of a model's option; assigned is the whole model, however it was written."""
    stated = {
        each.name: getattr(model, each.name)
        for each in fields(model)  # type: ignore[arg-type]
        if getattr(model, each.name) != each.default
    }
    options = to_plain({"use": _name(model), **stated, name: value})
    text = ", ".join(f"{key}: {_scalar(each)}" for key, each in options.items())
    return Advice(
        against=against,
        option=f"train.model.{name}",
        now=json.dumps(getattr(model, name)),
        assignment=f"train.model={{{text}}}",
        why=why,
    )


def _name(model: ModelBuilder) -> str:
    return str(type(model).__dsbuilder__.name)  # type: ignore[attr-defined]


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value)


def _change(against: str, option: str, now: Any, value: Any, why: str) -> Advice:
    said = value if isinstance(value, str) else json.dumps(value)
    return Advice(
        against=against,
        option=option,
        now=json.dumps(now),
        assignment=f"{option}={said}",
        why=why,
    )


def still_fell(losses: Sequence[float], best: int) -> bool:
    """Whether a loss on train still fell when its training ended.

    It does where the best epoch is among the last tenth of them, and the mean loss of the last
    tenth is less than 98 % of that of the tenth before.

    Args:
      losses: loss on train after each epoch.
      best: number of the best epoch, from 1.
    """
    tenth = max(len(losses) // 10, 1)
    if len(losses) < 2 * tenth or best <= len(losses) - tenth:
        return False
    last, before = losses[-tenth:], losses[-2 * tenth : -tenth]
    return sum(last) < 0.98 * sum(before)
