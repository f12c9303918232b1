"""What a mixer is: it mixes a sample with others of its split."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dsbuilder.batches import BatchParam
from dsbuilder.sample import Params, Sample, Signature, Target


class Mixer(ABC):
    """Mixes a sample with others of its split.

    Partners come as prepared originals, never augmented or mixed themselves, with whatever size
    they have then; the mixer fits them to the sample.
    """

    partners: ClassVar[int] = 1
    """How many partners one sample is mixed with."""

    batch_params: ClassVar[Mapping[str, BatchParam]] = {}
    """What `apply_batch` is given of each sample's params: dtypes and shapes by name."""

    @property
    def has_twin(self) -> bool:
        """Whether it can be applied to batches, on the device that trains."""
        return type(self).apply_batch is not Mixer.apply_batch

    def inputs(self) -> Mapping[str, str]:
        """Returns what else decides the result, beside options and code: versions, hashes."""
        return {}

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature after mixing: the same image, every target in its mixed form."""
        return signature.replace(targets=self.mixed(signature.targets))

    def mixed(self, targets: Mapping[str, Target]) -> dict[str, Target]:
        """Returns targets in their mixed form.

        Raises:
          PluginError: one of them cannot be mixed so.
        """
        return {name: target.mixed() for name, target in targets.items()}

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

    def to_batch(self, params: Params) -> Mapping[str, Any]:
        """Returns the params of one application as `batch_params` says, numbers by name."""
        return {name: params[name] for name in self.batch_params}

    def apply_batch(
        self, images: Any, partners: Sequence[Any], params: Mapping[str, Any], ops: Any
    ) -> Any:
        """Returns what `apply` makes of each image of a batch: its twin, for the device.

        See `Transform.apply_batch`; targets are mixed by `weights`, as their kinds do it.

        Args:
          partners: uint8 `(B, h, w, C)` each, the first, second, ... partner of every image. Where
            their sizes vary, they come cropped and scaled to that of the images.
        """
        raise NotImplementedError(f"{type(self).__name__} has no twin for the device")

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
