"""Some of several stages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsbuilder.builtin.transforms.nesting import explain, geometry_of, moves_of, notes, outcomes
from dsbuilder.plugin import (
    Geometry,
    Params,
    Sample,
    Signature,
    Stage,
    Transform,
    draw_seed,
    transform,
)


@transform("some_of", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class SomeOf(Transform):
    """Applies some of several stages, drawn anew for every sample, in the order they are written.

    Any of them may be left out, so each must keep the signature.

    Attributes:
      stages: one or more, each `{use: ..., p: ...}`; the `p` of a drawn one holds as well.
      pick: number of stages drawn, without repetition: one, or [low, high], both included and
        equally likely, in [0, number of stages].
    """

    stages: tuple[Stage, ...]
    pick: int | tuple[int, int]

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages: at least one is needed. Add one.")
        low, high = self._bounds
        if not 0 <= low <= high <= len(self.stages):
            raise ValueError(
                f"pick: expected a number or [low, high] in [0, {len(self.stages)}], found "
                f"{self.pick if isinstance(self.pick, int) else list(self.pick)}."
            )

    @property
    def _bounds(self) -> tuple[int, int]:
        return (self.pick, self.pick) if isinstance(self.pick, int) else self.pick

    @property
    def geometry(self) -> Geometry:
        """The worst of its stages."""
        return geometry_of(self.stages)

    @property
    def moves(self) -> tuple[str, ...]:
        """What all its stages move along."""
        return moves_of(self.stages)

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature as it is; a ValueError names a stage that would change it."""
        for name, end in outcomes(enumerate(self.stages), signature):
            if end != signature:
                raise ValueError(
                    f"expected stages that keep the signature, since any may be left out, found "
                    f"{name}, which turns {signature} into {end}."
                )
        return signature

    def notes(self, signature: Signature) -> Sequence[str]:
        """Returns what its stages have to say."""
        return notes(enumerate(self.stages), signature)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws which stages, and the seed that each draws from."""
        low, high = self._bounds
        number = int(rng.integers(low, high + 1))
        drawn = sorted(int(index) for index in rng.permutation(len(self.stages))[:number])
        return {"drawn": [{"index": index, "seed": draw_seed(rng)} for index in drawn]}

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the sample after the drawn stages."""
        for each in params["drawn"]:
            sample = self.stages[each["index"]].run(sample, each["seed"])
        return sample

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns what each drawn stage drew itself, in their order."""
        drawn = []
        for each in params["drawn"]:
            stage = self.stages[each["index"]]
            drawn.append(explain(stage, sample, each["seed"]))
            sample = stage.run(sample, each["seed"])
        return {"applied": drawn}
