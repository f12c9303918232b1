"""Losses, metrics, schedules and optimizers by name, looked up in one way.

A name is a plugin's, built-in ones among them, or else that of a class of Keras, in snake case. All
that is named is found before an image is opened: what Keras has is read from its list of public
names, so that `check` can ask without importing it.
"""

import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from dsbuilder.errors import DsbuilderError, Problem, SpecError, TrainError, did_you_mean
from dsbuilder.pipelinefile.document import from_data
from dsbuilder.pipelinefile.stages import binder_of
from dsbuilder.pipelinefile.training import HeadOptions, Named, TrainOptions
from dsbuilder.plugin import KINDS, Loss, Metric, Schedule
from dsbuilder.registry import Registry
from dsbuilder.tasks import Heads, Task

Role = Literal["loss", "metric", "schedule", "optimizer"]

_MODULES: Mapping[Role, tuple[str, str]] = {
    "loss": ("losses", "Loss"),
    "metric": ("metrics", "Metric"),
    "schedule": ("optimizers.schedules", "LearningRateSchedule"),
    "optimizer": ("optimizers", "Optimizer"),
}
"""Where Keras has what plays a role, and the base of it."""


_BY_COURSES: Mapping[str, Mapping[str, Any]] = {
    "momentum": {"use": "sgd", "momentum": 0.9},
    "nesterov": {"use": "sgd", "momentum": 0.9, "nesterov": True},
}
"""Optimizers that are taught by a name and are options of another in Keras."""


@dataclass(frozen=True, kw_only=True)
class KerasClass:
    """A class of Keras that was named, and the arguments that were given with it.

    Attributes:
      role: what it is to be.
      use: its name in snake case.
      options: arguments by name.
      place: where the pipeline gives them, for errors.
    """

    role: Role
    use: str
    options: Mapping[str, Any] = field(default_factory=dict)
    place: str

    def make(self, fixed: Mapping[str, Any] = MappingProxyType({}), **defaults: Any) -> Any:
        """Returns a new object; imports Keras.

        Args:
          fixed: arguments that options cannot give.
          defaults: arguments that it gets where it takes them and no option gives them.

        Raises:
          TrainError: the class does not take one of the options.
        """
        import keras

        home: Any = keras
        module, _ = _MODULES[self.role]
        for part in module.split("."):
            home = getattr(home, part)
        cls = getattr(home, keras_names(self.role)[self.use])
        taken = set(inspect.signature(cls).parameters) - {"kwargs", "name"}
        for option in self.options:
            if option not in taken - set(fixed):
                hint = did_you_mean(option, taken - set(fixed))
                raise TrainError(f"{self.place}: unknown option '{option}' of {self.use}.{hint}")
        missing = {name: value for name, value in defaults.items() if name in taken}
        try:
            return cls(**{**missing, **self.options, **fixed})
        except (ValueError, TypeError) as error:
            raise TrainError(f"{self.place}: {self.use}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class ChosenHead:
    """What is named for one head, found.

    Attributes:
      loss: what is made small; None for the task's own.
      metrics: what is watched beside the task's own metrics, by name.
    """

    loss: Loss | KerasClass | None
    metrics: Mapping[str, Metric | KerasClass]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a train section names, found.

    Attributes:
      optimizer: the optimizer.
      schedule: what gives each epoch its learning rate.
      heads: what is named for each head, by its target.
    """

    optimizer: KerasClass
    schedule: Schedule | KerasClass
    heads: Mapping[str, ChosenHead]


def choose(
    options: TrainOptions,
    heads: Heads,
    registry: Registry,
    *,
    where: Callable[[str], str] = str,
) -> Chosen:
    """Returns what a train section names, for the heads that are learnt.

    Args:
      where: says for a place such as `train.loss` how an error begins.

    Raises:
      SpecError: something of a name is not there, is given wrong options, or is for another kind of
        target; it names all such.
    """
    finder = _Finder(registry, where)
    optimizer = options.optimizer
    stated = {**_BY_COURSES.get(optimizer.use, {"use": optimizer.use}), **optimizer.options}
    found = {
        "optimizer": finder.find("optimizer", stated, "train.optimizer.use"),
        "schedule": finder.find("schedule", optimizer.schedule, "train.optimizer.schedule"),
        "heads": {
            name: finder.head(options.head(name), task, partial(options.place, name))
            for name, task in heads.items()
        },
    }
    if finder.problems:
        raise SpecError(finder.problems)
    return Chosen(**found)


def choose_head(options: HeadOptions, task: Task, registry: Registry) -> ChosenHead:
    """Returns what is named for a head; see `choose`."""
    finder = _Finder(registry, str)
    found = finder.head(options, task, "train.{}".format)
    if finder.problems:
        raise SpecError(finder.problems)
    return found


def find_schedule(named: Named, registry: Registry, place: str) -> Schedule | KerasClass:
    """Returns the schedule of a name.

    Args:
      place: where it is said, for errors.

    Raises:
      SpecError: there is none, or it is given wrong options.
    """
    finder = _Finder(registry, str)
    found: Schedule | KerasClass = finder.find("schedule", named, place)
    if finder.problems:
        raise SpecError(finder.problems)
    return found


class _Finder:
    """Finds what is named and gathers what is wrong."""

    def __init__(self, registry: Registry, where: Callable[[str], str]) -> None:
        self._registry = registry
        self._where = where
        self.problems: list[Problem] = []

    def head(self, options: HeadOptions, task: Task, place: Callable[[str], str]) -> ChosenHead:
        """Returns what is named for a head.

        Args:
          place: says where the pipeline gives an option of the head.
        """
        loss = None
        if options.loss is not None:
            loss = self.find("loss", options.loss, place("loss"), task=task)
        loss = task.adapted_loss(loss) if isinstance(loss, Loss) else loss
        return ChosenHead(loss=loss, metrics=self._metrics(options.metrics, task, place("metrics")))

    def _metrics(self, named: tuple[Named, ...], task: Task, where: str) -> dict[str, Any]:
        """Returns metrics by name, but for the task's own."""
        found: dict[str, Any] = {}
        for index, each in enumerate(named):
            place, name = f"{where}[{index}]", _name(each)
            if name in found:
                self._add(place, f"expected each metric once, found '{name}' again. Remove it.")
            elif name not in task.metrics:
                metric = self.find("metric", each, place, task=task)
                found[name] = task.adapted_metric(metric) if isinstance(metric, Metric) else metric
        return found

    def find(self, role: Role, named: Named, place: str, *, task: Task | None = None) -> Any:
        """Returns what a role is played by; None after a problem."""
        use = _name(named)
        if role in KINDS and self._registry.plugins.named(use, role):
            return self._plugin(role, named, place, task)
        known = keras_names(role)
        refused = None
        if task is not None and use in known and role in ("loss", "metric"):
            refused = task.refusal(use, role)
        if refused is not None:
            self._add(place, f"{refused}, or a plugin.")
            return None
        if use in known:
            options = {} if isinstance(named, str) else {**named}
            options.pop("use", None)
            return KerasClass(role=role, use=use, options=options, place=place)
        hint = f" {self._registry.hint}" if self._registry.hint else ""
        own = [plugin.name for plugin in self._registry.of_kind(role)]
        names = [*own, *known, *(_BY_COURSES if role == "optimizer" else ())]
        self._add(place, f"unknown {role} '{use}'.{did_you_mean(use, names)}{hint}")
        return None

    def _plugin(self, role: Role, named: Named, place: str, task: Task | None) -> Any:
        tree = from_data({"it": named}, origin="", folder=Path())
        binder = binder_of(tree, self._registry)
        bound, _ = binder.bind(KINDS[role].base, tree.root.value["it"], place)
        for problem in binder.problems:
            self._add(problem.where.removeprefix(": "), problem.message)
        if not binder.problems and task is not None:
            try:
                bound.check(task.target)
            except (ValueError, DsbuilderError) as error:
                self._add(place, str(error))
        return bound

    def _add(self, place: str, message: str) -> None:
        self.problems.append(Problem(self._where(place), message))


def _name(named: Named) -> str:
    return named if isinstance(named, str) else str(named.get("use"))


@cache
def keras_names(role: Role) -> Mapping[str, str]:
    """Returns the classes of Keras that can play a role, by their names in snake case.

    They are read from the file that makes them public; nothing is imported.
    """
    module, base = _MODULES[role]
    found = importlib.util.find_spec("keras")
    homes = (found and found.submodule_search_locations) or []
    lists = [Path(home, *module.split("."), "__init__.py") for home in homes]
    text = "".join(path.read_text(encoding="utf-8") for path in lists if path.is_file())
    names = re.findall(r"import\s*\(?\s*([A-Z]\w*) as \1", text)
    return {snake(name): name for name in names if not name.startswith(base)}


def snake(name: str) -> str:
    """Adam -> adam, AdamW -> adamw, SGD -> sgd, LossScaleOptimizer -> loss_scale_optimizer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name).lower()
