"""What of a pipeline is searched: the options of its section `tune`, or some of the model in use.

Every end of an interval and every choice is put into the pipeline, bound and compared with the data
as `check` does; so a path that leads nowhere, and a value that its option refuses, are told before
anything is trained.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dsbuilder import typed_json
from dsbuilder.actions.chosen import completed
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.tried_pipeline import TriedPipeline
from dsbuilder.builder.survey import Survey
from dsbuilder.errors import DsbuilderError, Problem, SpecError
from dsbuilder.pipelinefile.document import YamlDocument, read
from dsbuilder.pipelinefile.preset import overridden
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.pipelinefile.tuning import Choices, Searched, SearchInterval
from dsbuilder.search.space import SearchOption, Values

_RATES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("adam", "adamw", "nadam", "adamax", "rmsprop", "lion"), (1e-4, 1e-2)),
    **dict.fromkeys(("sgd", "momentum", "nesterov"), (1e-3, 3e-1)),
}
"""Learning rates that are sensible, by the optimizer."""
_AROUND = 10.0
"""By how much the rate of another optimizer is varied, up and down."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """What is searched.

    Attributes:
      options: the options.
      declared: whether the pipeline says them; else they are those of the model in use.
    """

    options: tuple[SearchOption, ...]
    declared: bool


def assigned(values: Values) -> tuple[str, ...]:
    """Returns the assignments that put the values of a trial into a pipeline."""
    return tuple(f"{path}={typed_json.dumps(value)}" for path, value in values.items())


def search_space(opened: OpenedPipeline, surveyed: Survey) -> SearchSpace:
    """Returns what of a pipeline is searched, every value of which it takes.

    Args:
      surveyed: the pipeline with its data.

    Raises:
      SpecError: a path leads nowhere, or a value is refused; it names every problem.
      TrainError: the pipeline names no model, and none learns its targets.
    """
    declared = surveyed.pipeline.settings.tune
    opened, _ = completed(opened)
    document = overridden(read(opened.pipeline), opened.overrides)
    trying = TriedPipeline(document=document, surveyed=surveyed)
    spec = trying.spec()
    train = spec.settings.train
    searched = declared or (_of_model(train) if train is not None else {})
    problems: list[Problem] = []
    options = []
    for path, each in searched.items():
        known = SearchOption(
            path=path,
            searched=each,
            whole=_takes_whole_numbers(trying, path, each),
            own=_own(spec.resolved, path),
        )
        options.append(known)
        problems.extend(Problem(_where(document, path), wrong) for wrong in _faults(trying, known))
    if problems:
        raise SpecError(problems)
    return SearchSpace(options=tuple(options), declared=bool(declared))


def _takes_whole_numbers(trying: TriedPipeline, path: str, searched: Searched) -> bool:
    """Whether an option whose interval has whole ends takes no number between such."""
    if isinstance(searched, Choices) or searched.low % 1 or searched.high % 1:
        return False
    try:
        trying.spec(*assigned({path: searched.low + 0.5}))
    except DsbuilderError:
        return True
    return False


def _faults(trying: TriedPipeline, option: SearchOption) -> Iterator[str]:
    """Yields why values of an option are refused."""
    found = [(each, trying.fault(*assigned({option.path: each}))) for each in option.edges]
    messages = {message for _, message in found}
    if len(messages) == 1:
        yield from filter(None, messages)
        return
    yield from (f"with {typed_json.dumps(value)}: {message}" for value, message in found if message)


def _where(document: YamlDocument, path: str) -> str:
    """Returns how an error of an option begins."""
    root = document.root.value
    section = root.get("tune") if isinstance(root, dict) else None
    node = section.value.get(path) if section is not None else None
    return document.where(node, f"tune.{path}")


def _own(resolved: Mapping[str, Any], path: str) -> Any:
    """Returns what a pipeline says of an option, defaults included; None for nothing."""
    value: Any = resolved
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _of_model(train: TrainOptions) -> dict[str, Searched]:
    """Returns the options that are searched where a pipeline says none."""
    optimizer, model = train.optimizer, train.model
    rate = optimizer.learning_rate
    low, high = _RATES.get(optimizer.use, (rate / _AROUND, rate * _AROUND))
    found: dict[str, Searched] = {
        "train.optimizer.learning_rate": SearchInterval(
            low=min(low, rate), high=max(high, rate), scale="log"
        )
    }
    own = {each.name for each in fields(model)} if hasattr(model, "__dataclass_fields__") else ()  # type: ignore[arg-type]
    if "width" in own:
        width = model.width  # type: ignore[attr-defined]
        found["train.model.width"] = SearchInterval(
            low=max(1, width // 2), high=2 * width, scale="log"
        )
    if "dropout" in own:
        found["train.model.dropout"] = SearchInterval(low=0.0, high=0.5)
    if optimizer.use in _RATES:
        found["train.optimizer.options.weight_decay"] = SearchInterval(
            low=1e-5, high=1e-1, scale="log"
        )
    return found
