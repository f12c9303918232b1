"""What is chosen about the training of a GAN; plain values, which its run keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from dsbuilder import typed_json
from dsbuilder.pipelinefile.bounds import check_above_0, check_at_least_1
from dsbuilder.pipelinefile.training import Named, Sampling

Gan = Literal["cgan", "dcgan"]
"""Class-conditional, or of images alone."""

Augmentation = Literal["color", "translation", "cutout"]

POLICY: tuple[Augmentation, ...] = ("color", "translation", "cutout")
"""All of DiffAugment (Zhao et al. 2020)."""


@dataclass(frozen=True, kw_only=True)
class GanOptions:
    """How a GAN is trained.

    Attributes:
      gan: `cgan` draws images of a class that it is told, by an embedding of the label; `dcgan`
        learns images alone, whatever labels they have.
      target: name of the target whose classes are learnt; None for the only one.
      epochs: number of epochs at most; None for as many as fit into `minutes`.
      minutes: time for all of it, the judge included; None for no limit.
      epoch_steps: batches of an epoch, after which a snapshot is judged; None for a pass over
        train, but `MOST_EPOCH_STEPS` at most.
      batch_size: real images of a batch; as many are generated.
      latent: random numbers that an image is made of.
      width: filters of the generator's last layer but one; those before it have more.
      discriminator_width: filters of the discriminator's first layer; those after it have more.
      learning_rate: the generator's.
      discriminator_rate: learning rate of the discriminator, in times of the generator's.
      schedule: plugin or Keras class that says which share of the rates each step has; by the clock
        where `epochs` are not said.
      augment: parts of DiffAugment that real and generated images pass; None for all of them where
        train has up to `FEW` images, which a discriminator would learn by heart, else for none.
      sampling: how often samples of train come by their class, `natural` or `balanced`, say.
      average: share of the moving average of the generator's weights that stays in a step.
      checkpoint_minutes: time between two checkpoints within an epoch.
      seed: seed of all that is random; None for the pipeline's.
    """

    gan: Gan
    target: str | None = None
    epochs: int | None = None
    minutes: float | None = None
    epoch_steps: int | None = None
    batch_size: int = 64
    latent: int = 64
    width: int = 24
    discriminator_width: int = 32
    learning_rate: float = 4e-4
    discriminator_rate: float = 2.0
    schedule: Named = "constant"
    augment: tuple[Augmentation, ...] | None = None
    sampling: Sampling = "natural"
    average: float = 0.995
    checkpoint_minutes: float = 2.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "epoch_steps", "batch_size", "latent", "width"):
            check_at_least_1(name, getattr(self, name))
        check_at_least_1("discriminator_width", self.discriminator_width)
        for name in ("minutes", "learning_rate", "discriminator_rate", "checkpoint_minutes"):
            if getattr(self, name) is not None:
                check_above_0(name, getattr(self, name))
        if not 0 <= self.average < 1:
            raise ValueError(f"average: expected a share in [0, 1), found {self.average:g}.")
        if self.epochs is None and self.minutes is None:
            raise ValueError("expected epochs or minutes to train for, found neither. Say one.")
        if unknown := [each for each in self.augment or () if each not in POLICY]:
            raise ValueError(
                f"augment: expected parts of {', '.join(POLICY)}, found '{unknown[0]}'."
            )

    def settled(self, images: int) -> Self:
        """Returns the options for so many images of train, with nothing left to the data."""
        augment = self.augment
        if augment is None:
            augment = POLICY if images <= FEW else ()
        return replace(self, augment=augment)

    def to_json(self) -> dict[str, Any]:
        """Returns the options as JSON values."""
        augment = None if self.augment is None else list(self.augment)
        return {**asdict(self), "augment": augment}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Returns the options that `to_json` described.

        Raises:
          ValueError: they are none.
        """
        return typed_json.bind(cls, data)


FEW = 10_000
MOST_EPOCH_STEPS = 250
"""Samples swing from snapshot to snapshot, so of a large set there are several in a pass."""
