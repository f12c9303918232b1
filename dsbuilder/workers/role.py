"""What a role is: the work of a worker process, and the tasks it is given."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self

NO_ITEM = -1
"""Stands for the place of a worker that is at no item, or for all parts of one."""

At = Callable[[int, int, int], None]
"""Called before each item with its place: (item, part, done).

`item` is its place in the task, `part` the place of what is made of it, or `NO_ITEM` for all of
that, and `done` the number of samples behind it. `item` is `NO_ITEM` where no item is to blame if
the worker dies, or takes long.
"""


class Role(ABC):
    """What a worker does.

    It is made once, in the process that workers are forked from, so that they share what it holds;
    each worker then has a copy of its own.
    """

    @abstractmethod
    def __init__(self, setup: Mapping[str, Any]) -> None:
        """Makes ready what all workers share, from JSON values."""

    def start(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> None:  # noqa: B027
        """Makes a worker ready for its tasks.

        Args:
          job: JSON values that all tasks have in common.
          descriptors: files that were sent along, open in this process, such as shared memory.
        """

    @abstractmethod
    def run(self, task: Any, at: At) -> Any:
        """Returns what became of a task, as JSON values.

        Args:
          task: what `CrewTask.to_json` returned.
          at: see `At`; it costs less than a microsecond.

        Raises:
          OSError: a file cannot be written; the crew raises the same.
          DsbuilderError: the work cannot go on; the crew raises one of the same class.
        """


class CrewTask(Protocol):
    """A piece of work as the crew sees it.

    Attributes:
      name: name of the task in errors, one in a run.
      samples: number of samples it counts for in the progress.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def samples(self) -> int: ...  # noqa: D102

    def to_json(self) -> Any:
        """Returns the task as JSON values."""

    def without(self, item: int, part: int, reason: str) -> Self:
        """Returns the task without an item over which workers died, or that took too long.

        Args:
          item, part: its place, as the role told `At`.
          reason: what happened.
        """
