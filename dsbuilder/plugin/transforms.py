"""What a transform is: it changes one sample; and the stage that it is at a place of a pipeline."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from dsbuilder.batches import BatchMotion, BatchParam
from dsbuilder.images.size_limit import MEGAPIXELS, check_size, size_limit
from dsbuilder.plugin.marks import Geometry, Mark
from dsbuilder.sample import Motion, Params, Sample, Signature, Target
from dsbuilder.seeding import generator

Given = TypeVar("Given")

Place = Literal["host", "device"]
"""Where a stage of a stream is applied: in the processes that read, or on what trains."""


class Transform(ABC):
    """Changes one sample."""

    __dsbuilder__: ClassVar[Mark]

    batch_params: ClassVar[Mapping[str, BatchParam]] = {}
    """What `apply_batch` is given of each sample's params: dtypes and shapes by name."""

    @property
    def has_twin(self) -> bool:
        """Whether it can be applied to batches, on the device that trains."""
        return type(self).apply_batch is not Transform.apply_batch

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

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature after this transform; raises a ValueError on one it cannot take."""
        return signature

    def notes(self, signature: Signature) -> Sequence[str]:
        """Returns what a person should know of it on a signature that it takes, and may not want.

        Sentences without a full stop, such as of a stage that leaves such images as they are.
        """
        return ()

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
        """Returns the changed sample; a pure function, which leaves its arguments as they are.

        What enlarges images asks `check_size` before it does.
        """

    def motion(self, sample: Sample, params: Params) -> Motion | None:
        """Returns where `apply` moves the pixels of a sample, so that targets are moved along.

        It is asked only where there are targets in pixel coordinates. None says that no pixel
        moves, or that `apply` moves the targets itself; `sample.positional` are their kinds.
        """
        return None

    def to_batch(self, params: Params) -> Mapping[str, Any]:
        """Returns the params of one application as `batch_params` says, numbers by name."""
        return {name: params[name] for name in self.batch_params}

    def apply_batch(self, images: Any, params: Mapping[str, Any], ops: Any) -> Any:
        """Returns what `apply` makes of each image of a batch: its twin, for the device.

        It is compiled, so all shapes are those of the signature, whatever was drawn. Targets are
        moved along by `motion`. With a twin, `draw`, `to_batch` and `motion` look at the size of
        the image alone, not at its pixels, which are not there.

        Args:
          images: uint8 `(B, H, W, C)`.
          params: by name, as `batch_params` says, `(B, *shape)`. Of samples that the stage leaves
            as they are all numbers are 0, and what is made of them is not used.
          ops: `keras.ops`, with which all is computed.
        """
        raise NotImplementedError(f"{type(self).__name__} has no twin for the device")

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns what the params of one application came to, for a person; JSON values only.

        Worth defining where params are a seed, from which `apply` draws the rest.
        """
        return {}


def bounded_signature(
    megapixels: float, output_signature: Callable[[Given], Signature], given: Given
) -> Signature:
    """Returns what a plugin's `output_signature` says of what it is given, within a limit.

    Raises:
      DataError: it makes larger images than it may.
    """
    with size_limit(megapixels):
        after = output_signature(given)
        check_size(after.image.height or 1, after.image.width or 1)
    return after


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One plugin at one place of a pipeline. An option of this type binds a nested `{use: ...}`.

    Attributes:
      id: its `name` in the pipeline, else plugin and occurrence; randomness is keyed by it.
      plugin: the bound plugin.
      p: the probability with which the stage is applied, in [0, 1].
      megapixels: pixels of the image that it may make, in 10**6.
      only_classes, except_classes: classes of the samples that it is applied to, and of those that
        it leaves as they are; empty for all, and for none. A nested stage has neither.
      on: where it is applied; only stages of a stream may be on the device.
    """

    id: str
    plugin: Transform
    p: float = 1.0
    megapixels: float = MEGAPIXELS
    only_classes: tuple[str, ...] = ()
    except_classes: tuple[str, ...] = ()
    on: Place = "host"

    @property
    def may_skip(self) -> bool:
        """Whether it leaves some samples as they are."""
        return self.p < 1.0 or not self.takes_all

    @property
    def takes_all(self) -> bool:
        """Whether it is for samples of every class."""
        return not self.only_classes and not self.except_classes

    def takes(self, classes: Collection[str]) -> bool:
        """Whether it is for a sample of some classes; of several, one decides."""
        is_asked = not self.only_classes or any(each in classes for each in self.only_classes)
        return is_asked and not any(each in classes for each in self.except_classes)

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature after the plugin.

        Raises:
          ValueError: it cannot take the signature.
          DataError: it makes larger images than it may.
        """
        return bounded_signature(self.megapixels, self.plugin.output_signature, signature)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params | None:
        """Draws whether the stage is applied and with which params; None says not."""
        if self.p < 1.0 and rng.random() >= self.p:
            return None
        return self.plugin.draw(sample, rng)

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the changed sample, its targets in pixel coordinates moved along.

        Raises:
          DataError: the image would be larger, or is, than the stage may make.
        """
        with size_limit(self.megapixels):
            made = self.plugin.apply(sample, params)
            if made.image.size > sample.image.size:
                check_size(*made.image.shape[:2])
        motion = self.plugin.motion(sample, params) if sample.positional else None
        return made if motion is None else made.moved(motion)

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns what the params came to, for a person; see `Transform.explain`."""
        with size_limit(self.megapixels):
            return self.plugin.explain(sample, params)

    def apply_batch(
        self,
        images: Any,
        labels: Mapping[str, Any],
        drawn: Mapping[str, Any],
        kinds: Mapping[str, Target],
        ops: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Returns the images and labels of a batch after the stage; see `Transform.apply_batch`.

        Args:
          labels: columns of each target, by its name; see `Target.move_batch`.
          drawn: `on`, bool `(B,)`, which samples it is applied to; `matrices` and `inverses` where
            targets are moved; and the params.
          kinds: kinds of the targets.
        """
        made = self.plugin.apply_batch(images, drawn, ops)
        moved = dict(labels)
        if "matrices" in drawn:
            motion = BatchMotion(
                matrices=drawn["matrices"],
                inverses=drawn["inverses"],
                before=(int(images.shape[1]), int(images.shape[2])),
                after=(int(made.shape[1]), int(made.shape[2])),
                ops=ops,
            )
            for name, kind in kinds.items():
                if kind.positional:
                    after = kind.move_batch(labels[name], motion)
                    moved[name] = chosen(drawn["on"], after, labels[name], ops, self.may_skip)
        return chosen(drawn["on"], made, images, ops, self.may_skip), moved

    def run(self, sample: Sample, seed: int) -> Sample:
        """Draws and applies in one go: for a stage that nests this one and keeps only a seed."""
        params = self.draw(sample, generator(self.id, seed))
        return sample if params is None else self.apply(sample, params)


def chosen(applied: Any, after: Any, before: Any, ops: Any, may_skip: bool) -> Any:  # noqa: FBT001
    """Returns what is after a stage where it was applied, else what was before.

    Args:
      applied: bool `(B,)`.
      after, before: a tensor `(B, ...)`, or a mapping of such.
    """
    if not may_skip:
        return after
    if isinstance(after, Mapping):
        return {name: chosen(applied, after[name], before[name], ops, may_skip) for name in after}
    sides = (-1, *(1 for _ in range(len(after.shape) - 1)))
    return ops.where(ops.reshape(applied, sides), after, before)
