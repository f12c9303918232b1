"""Which learning rate a training may begin with; nothing is written."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.actions.document import Document
from dsbuilder.actions.train import Training

if TYPE_CHECKING:
    from dsbuilder.train.rate_finder import RateStep

NO_RUN = Path("none")
"""Stands for the folder of a run where there is to be none; it is never made."""


@dataclass(frozen=True, kw_only=True)
class FindRateDocument(Document):
    """What losses are at growing learning rates.

    Attributes:
      proposed: rate at which the loss falls fastest.
      least: rate at which the smoothed loss is at its least; beyond it, training breaks out.
      steps: batches that were trained on, each at a higher rate.
    """

    proposed: float
    least: float
    steps: tuple["RateStep", ...]


def find_rate(
    training: Training, *, starting: Callable[[], AbstractContextManager[None]] = nullcontext
) -> FindRateDocument:
    """Trains a new model for some batches at growing rates and proposes one.

    Args:
      training: what `prepare` returned with `run=NO_RUN`.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      TrainError: the loss falls at no rate, or the training cannot start.
    """
    with starting():
        from dsbuilder.train import rate_finder
    steps = rate_finder.find_rate(training.dataset, training.options, plugins=training.plugins)
    found = rate_finder.proposed(steps)
    known = [(each.smoothed, each.rate) for each in steps if each.smoothed is not None]
    return FindRateDocument(
        proposed=found, least=min(known)[1], steps=tuple(steps), warnings=training.warnings
    )
