"""What the section `train` of a pipeline file may say, as dataclasses."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dsbuilder.pipelinefile.bounds import check_above_0, check_at_least_1
from dsbuilder.plugin import ModelBuilder

AUTO = "auto"
"""Stands for a length of training that is chosen by model and data; see `train/options.py`."""

_OF_ONE = ("loss", "metrics", "alphabet", "label_smoothing", "sampling", "class_weight")
"""Options of a head that stand beside the model where one target is learnt."""

ClassWeight = Literal["balanced"] | Mapping[str, float]

Named = str | Mapping[str, Any]
"""A name, or {use: name, option: value, ...}: of a plugin, or of what Keras has."""

Sampling = Literal["natural", "square_root", "balanced"]
"""How often samples of train come in an epoch, by their classes; see `stream/sampling.py`."""

MOST_WORKERS = 60
"""Processes that make the batches of a stream; more are asked for by mistake."""

_FEWEST_FOLDS = 3


def folds_fault(folds: int) -> str | None:
    """Says why so many folds cannot be trained and have an interval; None if they can."""
    from dsbuilder.tasks.intervals import MOST_FOLDS  # a build that trains nothing imports no task

    if _FEWEST_FOLDS <= folds <= MOST_FOLDS:
        return None
    return f"expected {_FEWEST_FOLDS} to {MOST_FOLDS} folds, found {folds}."


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """The optimizer: any of `keras.optimizers` by its name in snake case.

    Attributes:
      use: `adam`, `adamw`, `sgd`, `rmsprop`, ...; `momentum` and `nesterov` are `sgd` with a
        momentum of 0.9.
      learning_rate: above 0.
      schedule: `constant`, `cosine`, `exponential`, `step`, `one_cycle`, `plateau`, a plugin's, or
        one of `keras.optimizers.schedules`; it says a share of the rate for every step. `auto` is
        `cosine` where a network from scratch is trained for `auto` epochs, else `constant`.
      schedule_epochs: number of epochs that the schedule is laid over, 1 or more; null for all of
        the phase `train`. In epochs after these the rate stays where a shape such as `cosine`
        ended.
      clip_norm: most that the norm of a weight's gradient may be, above 0; null for any.
      clip_value: most that any number of a gradient may be, above 0; null for any.
      global_clip_norm: most that the norm of all gradients together may be, above 0; null for any.
      accumulate: number of batches whose mean gradient changes the weights once, 1 or more.
      average: share of the average that stays when a weight is added, in (0, 1), such as 0.999; the
        averages are what is measured and saved as the best model. Null keeps no averages.
      options: further arguments of the Keras class, such as {momentum: 0.9}.
    """

    use: str = "adam"
    learning_rate: float = 1e-3
    schedule: Named = AUTO
    schedule_epochs: int | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    global_clip_norm: float | None = None
    accumulate: int = 1
    average: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_above_0("learning_rate", self.learning_rate)
        check_at_least_1("schedule_epochs", self.schedule_epochs)
        check_at_least_1("accumulate", self.accumulate)
        clips = ["clip_norm", "clip_value", "global_clip_norm"]
        clips = [name for name in clips if getattr(self, name) is not None]
        for name in clips:
            check_above_0(name, getattr(self, name))
        if len(clips) > 1:
            raise ValueError(f"expected one way to clip, found {' and '.join(clips)}. Keep one.")
        if self.average is not None and not 0 < self.average < 1:
            raise ValueError(f"average: expected a share in (0, 1), found {self.average:g}.")


@dataclass(frozen=True, kw_only=True)
class FineTuneOptions:
    """A second phase, which starts from the best model so far and also trains frozen layers.

    Attributes:
      layers: number of the last frozen layers that have weights, 1 or more. Batch normalization is
        not counted: it stays frozen, or it would destroy what the layers have learnt before.
      epochs: number of epochs, at most; 1 or more.
      learning_rate: learning rate of this phase, well below the one before; above 0.
    """

    layers: int = 10
    epochs: int = 5
    learning_rate: float = 1e-5

    def __post_init__(self) -> None:
        check_at_least_1("layers", self.layers)
        check_at_least_1("epochs", self.epochs)
        check_above_0("learning_rate", self.learning_rate)


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long is trained.

    Attributes:
      epochs, patience, fine_tune: options of `TrainOptions` with nothing left to the data.
    """

    epochs: int = 10
    patience: int | None = None
    fine_tune: FineTuneOptions | None = None


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """How one target is learnt.

    Attributes:
      loss: a plugin's or one of `keras.losses`; null for the one of the target's kind.
      metrics: what is watched and evaluated beside what the target's kind asks for: plugins' or
        those of `keras.metrics`.
      weight: what the loss is multiplied by in the sum of all heads' losses, above 0.
      alphabet: characters that can be read, of a text; null for those of the train split.
      label_smoothing: share of the truth that is spread over all classes alike, in [0, 1).
      sampling: how often samples of train come in an epoch: `natural`, each once; `balanced`, such
        that every class has the same share of it; `square_root`, halfway. Of one head at most.
      class_weight: weights of classes in the loss on train, {rare: 3}, where a class that is not
        named has 1; or `balanced`, in inverse proportion to their samples, not where sampling
        balances already.
    """

    loss: Named | None = None
    metrics: tuple[Named, ...] = ()
    weight: float = 1.0
    alphabet: str | None = None
    label_smoothing: float = 0.0
    sampling: Sampling = "natural"
    class_weight: ClassWeight | None = None

    def __post_init__(self) -> None:
        check_above_0("weight", self.weight)
        _check_class_weight(self.class_weight, self.sampling)
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(
                f"label_smoothing: expected a share in [0, 1), found {self.label_smoothing:g}."
            )
        _check_alphabet(self.alphabet)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a model is trained.

    Attributes:
      model: the model builder.
      target: the name of the target that is learnt; null for the only one.
      heads: the targets that are learnt at once, each with its options, instead of `target`,
        `loss` and the like.
      loss, metrics, alphabet, label_smoothing, sampling, class_weight: options of the only target
        that is learnt; see `HeadOptions`. Smoothing is in [0, 1).
      optimizer: see `OptimizerOptions`.
      epochs: number of epochs, at most, before fine-tuning, 1 or more; `auto` is some thousand
        batches, or of a new head on frozen features as many as bring something.
      fine_tune: see `FineTuneOptions`; null leaves frozen layers as they are. `auto` trains the
        last of them where the samples suffice.
      batch_size: overrides `stream.batch_size`; 1 or more.
      seed: overrides the pipeline's seed.
      normalize: `scale` (to [0, 1]) or `standardize` (by the train split's mean and deviation),
        inside the model; `scale` by default, and nothing for a model that preprocesses itself.
      patience: epochs of a phase without a better monitored value before it ends, 1 or more; null
        never ends it early. `auto` does so where `epochs` is `auto`.
      monitor: what says which epoch is the best: `loss`, or a metric as `results.csv` names it, of
        the validation split if there is one.
      monitor_mode: whether the best is the least (`min`) or the greatest (`max`); null knows it of
        losses and metrics that say so themselves.
      precision: type of number that layers compute in: `float32`, `mixed_bfloat16`,
        `mixed_float16`, or `auto` for what the device gains from.
      devices: number of devices that share every batch, 1 or more; `all` that are visible.
      workers: processes that pass samples through the stages of the stream, 0 to 60; 0 does it in a
        thread of the training, `auto` as long as an epoch is soon made, else as many as cores.
      checkpoint_minutes: time between two checkpoints within an epoch, above 0; null for none.
      calibrate: `temperature` divides logits of classes by the number that gives the probabilities
        of the validation split the least log loss; null leaves them as they are.
      cross_validate: number of folds, 3 to 20, that a model each is trained for instead of one by
        the shares of the split; null for none.
      deterministic: whether only operations are used that give the same bits in every run; slower
        on some accelerators.
    """

    model: ModelBuilder
    target: str | None = None
    heads: Mapping[str, HeadOptions] = field(default_factory=dict)
    loss: Named | None = None
    metrics: tuple[Named, ...] = ()
    alphabet: str | None = None
    label_smoothing: float = 0.0
    sampling: Sampling = "natural"
    class_weight: ClassWeight | None = None
    optimizer: OptimizerOptions = OptimizerOptions()
    epochs: int | Literal["auto"] = "auto"
    fine_tune: FineTuneOptions | Literal["auto"] | None = "auto"
    batch_size: int | None = None
    seed: int | None = None
    normalize: Literal["scale", "standardize"] | None = None
    patience: int | Literal["auto"] | None = "auto"
    monitor: str = "loss"
    monitor_mode: Literal["min", "max"] | None = None
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    devices: Literal["all"] | int = "all"
    workers: Literal["auto"] | int = "auto"
    checkpoint_minutes: float | None = 10.0
    calibrate: Literal["temperature"] | None = None
    cross_validate: int | None = None
    deterministic: bool = False

    def __post_init__(self) -> None:
        check_at_least_1("epochs", self.length.epochs)
        check_at_least_1("batch_size", self.batch_size)
        check_at_least_1("patience", self.length.patience)
        check_at_least_1("devices", None if self.devices == "all" else self.devices)
        if self.workers != "auto" and not 0 <= self.workers <= MOST_WORKERS:
            raise ValueError(
                f"workers: expected auto, or a number in [0, {MOST_WORKERS}], found {self.workers}."
            )
        if self.checkpoint_minutes is not None:
            check_above_0("checkpoint_minutes", self.checkpoint_minutes)
        if self.cross_validate is not None and (wrong := folds_fault(self.cross_validate)):
            raise ValueError(f"cross_validate: {wrong}")
        if self.normalize and self.model.preprocesses:
            raise ValueError(
                f"normalize: expected none for a model that preprocesses its input itself, found "
                f"'{self.normalize}'. Remove it."
            )
        HeadOptions(**{name: getattr(self, name) for name in _OF_ONE})  # whose checks are these
        self._check_heads()
        if self.optimizer.schedule == AUTO:
            whole = self.epochs == AUTO and not self.model.freezes
            decided = replace(self.optimizer, schedule="cosine" if whole else "constant")
            object.__setattr__(self, "optimizer", decided)

    def _check_heads(self) -> None:
        unsaid = {"target": None, **vars(HeadOptions())}
        single = [n for n in unsaid if n in ("target", *_OF_ONE) and getattr(self, n)]
        single = [name for name in single if getattr(self, name) != unsaid[name]]
        if self.heads and single:
            raise ValueError(
                f"{single[0]}: expected none where there are heads, found one. Give it to a head."
            )
        sampled = [name for name, each in self.heads.items() if each.sampling != "natural"]
        if len(sampled) > 1:
            raise ValueError(
                f"heads: expected sampling by one head, found by {' and '.join(sampled)}. Keep one."
            )

    @property
    def length(self) -> Length:
        """How long is trained; what is `auto` as of a model that freezes nothing."""
        own = {name: getattr(self, name) for name in Length.__dataclass_fields__}
        return Length(**{name: value for name, value in own.items() if value != AUTO})

    def head(self, target: str) -> HeadOptions:
        """Returns how a target is learnt."""
        alone = HeadOptions(**{name: getattr(self, name) for name in _OF_ONE})
        return self.heads.get(target, alone)

    def place(self, target: str, option: str) -> str:
        """Returns where a pipeline says an option of a target, such as `train.loss`."""
        return f"train.heads.{target}.{option}" if self.heads else f"train.{option}"


def _check_class_weight(wanted: ClassWeight | None, sampling: Sampling) -> None:
    if wanted == "balanced" and sampling != "natural":
        raise ValueError(
            f"class_weight: expected none beside sampling '{sampling}', which already shows rare "
            "classes more often, found 'balanced'. Keep one of the two."
        )
    for name, weight in wanted.items() if isinstance(wanted, Mapping) else ():
        if not 0 <= weight < math.inf:
            raise ValueError(
                f"class_weight: expected weights of 0 or more, found {weight:g} for '{name}'. "
                "Change it."
            )


def _check_alphabet(alphabet: str | None) -> None:
    if alphabet == "":
        raise ValueError("alphabet: expected one character or more, found an empty text.")
