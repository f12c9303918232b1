"""What several heads of one model come to: an evaluation of each, in one document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dsbuilder.tasks.evaluation import Evaluation

_NO_SCORES = ("temperature", "accuracy_at_half")
"""Numbers of an evaluation that say nothing of how good a model is."""


@dataclass(frozen=True, kw_only=True)
class SeveralEvaluation(Evaluation):
    """A model of several heads measured on a split; its loss is their weighted sum.

    Attributes:
      heads: evaluation of each head, by the name of its target.
    """

    kind: ClassVar[str] = "several"
    heads: Mapping[str, Evaluation]

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as JSON values."""
        heads = {name: each.to_json() for name, each in self.heads.items()}
        return {**super(SeveralEvaluation, replace(self, heads={})).to_json(), "heads": heads}

    def by_head(self) -> Iterator[tuple[str, Evaluation]]:
        """Yields the evaluation of each head."""
        yield from self.heads.items()


def evaluations_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the evaluation of each head in a document of `to_json`, with the target's name.

    The only head of a model goes without a name: an empty one.
    """
    if document["kind"] == SeveralEvaluation.kind:
        yield from document["heads"].items()
    else:
        yield "", document


def numbers_of(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yields the scores over all samples of each head, and further metrics, by name.

    Of several heads a name begins with the target's: `word.exact_match`.
    """
    for head, each in evaluations_of(document):
        for name, value in {**each, **each["metrics"]}.items():
            if isinstance(value, float) and name not in _NO_SCORES:
                yield f"{head}.{name}" if head else name, value
