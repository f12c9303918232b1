"""What the section `train` of a pipeline file may say, as dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dsbuilder.pipelinefile.bounds import check_above_0, check_at_least_1
from dsbuilder.plugin import ModelBuilder

Named = str | Mapping[str, Any]
"""A name, or {use: name, option: value, ...}: of a plugin, or of what Keras has."""


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """The optimizer: any of `keras.optimizers` by its name in snake case.

    Attributes:
      use: `adam`, `adamw`, `sgd`, `rmsprop`, ...; `momentum` and `nesterov` are `sgd` with a
        momentum of 0.9.
      learning_rate: above 0.
      schedule: `constant`, `cosine`, `exponential`, `step`, `one_cycle`, `plateau`, a plugin's, or
        one of `keras.optimizers.schedules`; it says a share of the rate for every step.
      schedule_epochs: number of epochs that the schedule is laid over; null for all of the phase
        `train`. In epochs after these the rate stays where a shape such as `cosine` ended.
      options: further arguments of the Keras class, such as {momentum: 0.9}.
    """

    use: str = "adam"
    learning_rate: float = 1e-3
    schedule: Named = "constant"
    schedule_epochs: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_above_0("learning_rate", self.learning_rate)
        check_at_least_1("schedule_epochs", self.schedule_epochs)


@dataclass(frozen=True, kw_only=True)
class FineTuneOptions:
    """A second phase, which starts from the best model so far and also trains frozen layers.

    Attributes:
      layers: number of the last frozen layers that have weights. Batch normalization is not
        counted: it stays frozen, or it would destroy what the layers have learnt before.
      epochs: number of epochs, at most.
      learning_rate: learning rate of this phase, well below the one before.
    """

    layers: int = 10
    epochs: int = 5
    learning_rate: float = 1e-5

    def __post_init__(self) -> None:
        check_at_least_1("layers", self.layers)
        check_at_least_1("epochs", self.epochs)
        check_above_0("learning_rate", self.learning_rate)


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """How one target is learnt.

    Attributes:
      loss: a plugin's or one of `keras.losses`; null for the one of the target's kind.
      metrics: what is watched and evaluated beside what the target's kind asks for: plugins' or
        those of `keras.metrics`.
      weight: what the loss is multiplied by in the sum of all heads' losses, above 0.
      alphabet: characters that can be read, of a text; null for those of the train split.
    """

    loss: Named | None = None
    metrics: tuple[Named, ...] = ()
    weight: float = 1.0
    alphabet: str | None = None

    def __post_init__(self) -> None:
        check_above_0("weight", self.weight)
        _check_alphabet(self.alphabet)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a model is trained.

    Attributes:
      model: the model builder.
      target: the name of the target that is learnt; null for the only one.
      heads: the targets that are learnt at once, each with its options, instead of `target`,
        `loss`, `metrics` and `alphabet`.
      loss, metrics, alphabet: options of the only target that is learnt; see `HeadOptions`.
      optimizer: see `OptimizerOptions`.
      epochs: number of epochs, at most, before fine-tuning.
      fine_tune: see `FineTuneOptions`; null leaves frozen layers as they are.
      batch_size: overrides `stream.batch_size`.
      seed: overrides the pipeline's seed.
      normalize: `scale` (to [0, 1]) or `standardize` (by the train split's mean and deviation),
        inside the model; `scale` by default, and nothing for a model that preprocesses itself.
      patience: epochs of a phase without a better validation loss before it ends; null never ends
        it early.
      deterministic: whether only operations are used that give the same bits in every run; slower
        on some accelerators.
    """

    model: ModelBuilder
    target: str | None = None
    heads: Mapping[str, HeadOptions] = field(default_factory=dict)
    loss: Named | None = None
    metrics: tuple[Named, ...] = ()
    alphabet: str | None = None
    optimizer: OptimizerOptions = OptimizerOptions()
    epochs: int = 10
    fine_tune: FineTuneOptions | None = None
    batch_size: int | None = None
    seed: int | None = None
    normalize: Literal["scale", "standardize"] | None = None
    patience: int | None = None
    deterministic: bool = False

    def __post_init__(self) -> None:
        check_at_least_1("epochs", self.epochs)
        check_at_least_1("batch_size", self.batch_size)
        check_at_least_1("patience", self.patience)
        if self.normalize and self.model.preprocesses:
            raise ValueError(
                f"normalize: expected none for a model that preprocesses its input itself, found "
                f"'{self.normalize}'. Remove it."
            )
        _check_alphabet(self.alphabet)
        single = [n for n in ("target", "loss", "metrics", "alphabet") if getattr(self, n)]
        if self.heads and single:
            raise ValueError(
                f"{single[0]}: expected none where there are heads, found one. Give it to a head."
            )

    def head(self, target: str) -> HeadOptions:
        """Returns how a target is learnt."""
        alone = HeadOptions(loss=self.loss, metrics=self.metrics, alphabet=self.alphabet)
        return self.heads.get(target, alone)

    def place(self, target: str, option: str) -> str:
        """Returns where a pipeline says an option of a target, such as `train.loss`."""
        return f"train.heads.{target}.{option}" if self.heads else f"train.{option}"


def _check_alphabet(alphabet: str | None) -> None:
    if alphabet == "":
        raise ValueError("alphabet: expected one character or more, found an empty text.")
