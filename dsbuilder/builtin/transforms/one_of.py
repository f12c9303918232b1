"""One of several stages."""

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


@transform("one_of", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class OneOf(Transform):
    """Applies one of several stages, drawn anew for every sample.

    All of them must end in one signature; one whose `p` is below 1 can also leave it is.

    Attributes:
      stages: one or more, each `{use: ..., p: ...}`; the `p` of the drawn one holds as well.
      weights: how likely each is drawn, relative to the others, each 0 or more; all alike if left
        out.
    """

    stages: tuple[Stage, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages: at least one is needed. Add one.")
        weights = self._weights
        if len(weights) != len(self.stages):
            raise ValueError(
                f"weights: expected one for each of the {len(self.stages)} stages, "
                f"found {len(weights)}."
            )
        if min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(
                f"weights: expected 0 or more, and one above 0, found {list(weights)}."
            )

    @property
    def _weights(self) -> tuple[float, ...]:
        return (1.0,) * len(self.stages) if self.weights is None else self.weights

    @property
    def _possible(self) -> list[tuple[int, Stage]]:
        pairs = zip(enumerate(self.stages), self._weights, strict=True)
        return [numbered for numbered, weight in pairs if weight > 0]

    @property
    def geometry(self) -> Geometry:
        """The worst of its stages."""
        return geometry_of(self.stages)

    @property
    def moves(self) -> tuple[str, ...]:
        """What all its stages move along."""
        return moves_of(self.stages)

    def output_signature(self, given: Signature) -> Signature:
        """Returns the signature that every stage ends in; a ValueError names two that differ."""
        ends = outcomes(self._possible, given)
        first, signature = ends[0]
        for name, other in ends[1:]:
            if other != signature:
                raise ValueError(
                    f"branches end in different signatures: {first} in {signature}, "
                    f"{name} in {other}."
                )
        return signature

    def notes(self, signature: Signature) -> Sequence[str]:
        """Returns what the stages that may be drawn have to say."""
        return notes(self._possible, signature)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws which stage, and the seed it draws from."""
        edges = np.cumsum(self._weights)
        # A weight of 0 has an edge equal to the one before, which `right` steps over.
        index = int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))
        return {"index": index, "seed": draw_seed(rng)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the sample after the drawn stage."""
        return self.stages[params["index"]].run(sample, params["seed"])

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns which stage was drawn, and what it drew itself."""
        return explain(self.stages[params["index"]], sample, params["seed"])
