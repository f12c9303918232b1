"""The section `tune`: options that `dsbuilder tune` tries other values of, by their paths.

    tune:
      train.optimizer.learning_rate: {low: 1e-4, high: 1e-1, scale: log}
      train.model.width: {low: 16, high: 64}
      train.model.activation: [relu, swish]
      stream.stages[0].p: {low: 0, high: 1}

A path is one that `--set` takes. Which values the options take is not asked here, where one section
is bound, but of the whole pipeline with each of them; see `actions/search_space.py`.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from dsbuilder.errors import did_you_mean
from dsbuilder.pipelinefile.binding import Binder
from dsbuilder.pipelinefile.document import Node
from dsbuilder.typed_json import dumps

TUNED = ("size", "image", "prepare", "augment", "synthesize", "finish", "stream", "train")
"""Sections whose options may be tuned: the others say what is learnt, and on which records."""
FIXED = {
    "train.epochs": "every trial has as many epochs as the pipeline says, or fewer",
    "train.optimizer.schedule_epochs": "schedules are laid over all epochs of a trial",
    "train.seed": "trials that differ in it tell luck apart",
    "train.target": "trials would learn something else",
    "train.monitor": "trials are compared by it",
    "train.monitor_mode": "trials are compared by it",
}
"""Options of these sections that may not be tuned, and why."""


@dataclass(frozen=True, kw_only=True)
class SearchInterval:
    """The values of an option from one number to another.

    Attributes:
      low: least value, which is tried; a whole number where the option takes no others.
      high: greatest value, which is tried.
      scale: what is equally frequent: equal steps, or with `log` equal factors, as for rates and
        widths.
    """

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"expected low < high, found {self.low:g} and {self.high:g}.")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"low: expected more than 0 with scale: log, found {self.low:g}.")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{' (log)' if self.scale == 'log' else ''}"


@dataclass(frozen=True)
class Choices:
    """Some values of an option, without an order.

    Attributes:
      values: what a pipeline may say, two or more that differ.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        # By their texts: 1 and true are two choices, though they are equal.
        if len({repr(each) for each in self.values}) < max(2, len(self.values)):
            raise ValueError(
                f"expected two choices or more, each once, found {list(self.values)!r}."
            )

    def __str__(self) -> str:
        return " | ".join(each if isinstance(each, str) else dumps(each) for each in self.values)


Searched = SearchInterval | Choices


def bind_searched(binder: Binder, node: Node, path: str) -> tuple[Any, Any]:
    """Binds one entry of the section; see `Binder.custom`."""
    name = path.removeprefix("tune.")
    wrong = _fault(name)
    if wrong is not None:
        return binder.problem(node, path, wrong)
    if isinstance(node.value, dict):
        return binder.dataclass(SearchInterval, node, path)
    if not isinstance(node.value, tuple):
        wanted = "expected {low: ..., high: ...} or a list of choices"
        return binder.problem(node, path, f"{wanted}, found {node.plain()!r}.")
    values = tuple(node.plain())
    try:
        return Choices(values), list(values)
    except ValueError as error:
        return binder.problem(node, path, str(error))


def _fault(name: str) -> str | None:
    """Returns why the option of a path is not tuned; None if it may be."""
    section = re.split(r"[.\[]", name, maxsplit=1)[0]
    if section not in TUNED:
        hint = did_you_mean(section, TUNED)
        return (
            f"expected an option of {', '.join(TUNED)}, found '{name}': trials that differ in it "
            f"could not be compared.{hint if hint.startswith(' Did') else ' Remove it.'}"
        )
    if re.fullmatch(r"synthesize\[\d+\]\.splits", name):
        return f"expected the same samples to compare on, found '{name}'. Remove it."
    if name in FIXED:
        return f"expected an option that is chosen, found '{name}': {FIXED[name]}. Remove it."
    return None
