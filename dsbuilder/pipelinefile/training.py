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

LogName = Literal["tensorboard", "mlflow"]
"""A program that a training may be logged for; see `train/logs/`."""

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
      use: any of `keras.optimizers` by its class in snake case: `sgd`, `adagrad`, `rmsprop`,
        `adamw`, `lion`, ...; `momentum` and `nesterov` are `sgd` with a momentum of 0.9.
      learning_rate: rate that a schedule takes shares of, above 0; of most the highest.
      schedule: share of the rate that each step has: one of the schedules below, a plugin's, or one
        of `keras.optimizers.schedules`. `auto` is `cosine` where a network from scratch is trained
        for `auto` epochs, else `constant`.
      schedule_epochs: number of epochs that the schedule is laid over, 1 or more; null for all of
        the phase. After these the rate stays where a shape such as `cosine` ended.
      clip_norm: most that the norm of one weight's gradient may be, above 0; null for any. One of
        the three ways to clip.
      clip_value: most that any number of a gradient may be, above 0; null for any.
      global_clip_norm: most that the norm of all gradients together may be, above 0; null for any.
      accumulate: number of batches whose mean gradient changes the weights once, 1 or more. They
        are counted through the epochs of a phase; what is left at its end changes nothing.
      average: share of the average that stays when a weight changes, in (0, 1), such as 0.999; the
        averages are what is measured on validation and saved as `best.keras`. Null for none.
      options: further arguments of the Keras class, such as `{weight_decay: 1e-4}`.
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
      layers: number of the last frozen layers to train, 1 or more, of those that have weights.
        Batch normalization is not counted: it stays frozen.
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
      metrics: what is watched and evaluated beside the metrics of the target's kind: plugins' or
        those of `keras.metrics`.
      weight: what a loss counts in the sum of all heads' losses, above 0.
      alphabet: characters that can be read, of a text; null for those of the train split.
      label_smoothing: share of the truth that is spread over all classes alike, in [0, 1); it
        counts in the loss on validation too.
      sampling: how often samples of train come in an epoch, by their classes: `natural`, each once;
        `balanced`, such that every class has the same share; `square_root`, halfway. Of one head at
        most.
      class_weight: weights of classes in the loss on train, `{rare: 3}` (others have 1), or
        `balanced`, in inverse proportion to their samples; of a target of one class, with a loss of
        each sample, and `balanced` not beside a `sampling` that balances already.
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
      model: model builder, such as `cnn`, or one with options.
      target: name of the target that is learnt; null for the only one.
      heads: several targets that are learnt at once, by name, each with options of its own, instead
        of `target` and those of the only target: `{breed: {}, age: {loss: huber, weight: 0.2}}`.
      loss: loss of the only target: a plugin's or one of `keras.losses`; null for that of its kind.
      metrics: what is watched and evaluated beside the metrics of the target's kind: plugins' or
        those of `keras.metrics`.
      alphabet: characters that can be read, of a text; null for those of the train split.
      label_smoothing: share of the truth that is spread over all classes alike, in [0, 1); it
        counts in the loss on validation too.
      sampling: how often samples of train come in an epoch, by their classes: `natural`, each once;
        `balanced`, such that every class has the same share; `square_root`, halfway.
      class_weight: weights of classes in the loss on train, `{rare: 3}` (others have 1), or
        `balanced`, in inverse proportion to their samples; of a target of one class, with a loss of
        each sample, and `balanced` not beside a `sampling` that balances already.
      optimizer: optimizer, its rate and schedule.
      epochs: number of epochs, at most, before fine-tuning, 1 or more; `auto` goes by model and
        data.
      fine_tune: second phase, in which the last frozen layers are trained too; null for none,
        `auto` where the samples suffice.
      batch_size: samples in a batch, 1 or more; null for `stream.batch_size`.
      seed: seed of the training; null for the pipeline's.
      normalize: what pixels become inside the model: `scale` (also null) brings them to 0 to 1,
        `standardize` takes out the train split's mean and deviation. Not for a model that
        preprocesses itself.
      patience: epochs of a phase without a better monitored value before it ends, 1 or more; null
        never ends it early. `auto` does so where `epochs` is `auto`.
      monitor: what says which epoch is the best: `loss`, or a metric as `results.csv` names it, on
        validation if there is such a split.
      monitor_mode: whether the best is the least or the greatest; null knows it of losses and
        metrics that say so themselves.
      precision: type of number that layers compute in; weights and outputs stay float32, and the
        loss of `mixed_float16` is scaled. `auto` takes what the device gains from, and says so.
      devices: number of devices that share every batch, 1 or more; `all` that are visible.
      workers: processes that pass samples through the stages of the stream, 0 to 60, to the same
        bytes; 0 does it in a thread of the training. `auto` is as many as cores, up to 16, and 0
        where an epoch is soon made (below 50 megapixels).
      checkpoint_minutes: time between two checkpoints within an epoch, above 0, from which a killed
        run goes on with the next batch; null for none.
      calibrate: `temperature` divides logits of classes by the number that gives the probabilities
        of the validation split the least log loss (Guo et al. 2017); no answer changes.
      cross_validate: number of folds, 3 to 20, that a model each is trained for, as with
        `dsbuilder train --cross-validate N`; null for none.
      deterministic: whether only operations are used that give the same bits in every run; slower
        on some accelerators.
      log: programs that each epoch is told to as well: `tensorboard` (event files in the run) and
        `mlflow` (a folder beside it). A run that goes on may have others.
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
    log: tuple[LogName, ...] = ()

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
