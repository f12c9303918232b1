"""The role of a worker that makes batches, and its tasks; see `dsbuilder/workers/`.

What crosses is where a batch stands in its epoch, and where it lies in a slot of shared memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsbuilder.dataset import load
from dsbuilder.errors import DataError, option
from dsbuilder.stream.feed import Feed, told
from dsbuilder.stream.reading import plain, plan
from dsbuilder.workers import NO_ITEM, At, Role, Slot


@dataclass(frozen=True, kw_only=True)
class BatchTask:
    """A batch to be made.

    Attributes:
      number: place among the batches of a run.
      epoch, step: the epoch, and the batch's place in it.
      slot: number of the slot that it goes into.
      samples: number of samples that it counts for.
      key_of: function from a place in the batch to the key of the sample that is made there.
    """

    number: int
    epoch: int
    step: int
    slot: int
    samples: int
    key_of: Callable[[int], str]

    @property
    def name(self) -> str:
        """How errors call it."""
        return f"batch {self.step} of epoch {self.epoch}"

    def to_json(self) -> dict[str, Any]:
        """Returns what a worker needs of the task, as JSON values."""
        return {"epoch": self.epoch, "step": self.step, "slot": self.slot}

    def without(self, item: int, part: int, reason: str) -> Self:
        """Ends the stream: an epoch without one of its samples would be another one.

        Raises:
          DataError: always.
        """
        raise DataError(
            f"{self.key_of(item)}: expected it to pass the stages of the stream, found that it "
            f"does not, in {self.name}: {reason}. {option('workers 0')} makes it in this process."
        )


class BatchRole(Role):
    """Makes the batches of a split that passes stages on its way."""

    _slots: dict[int, Slot]
    _fd: int

    def __init__(self, setup: Mapping[str, Any]) -> None:
        """Opens the dataset and binds its stages, as `setup_of` has described them."""
        asked = {**setup["asked"], "plugins": [Path(each) for each in setup["asked"]["plugins"]]}
        dataset = load(Path(setup["dataset"]))
        self._feed = Feed(plan(dataset, setup["split"], **asked))
        self._feed.prepare()
        self._picks: tuple[int, np.ndarray] = (-1, np.empty((0, 2), np.int64))

    def start(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Takes the file of the slots."""
        self._slots, (self._fd,) = {}, descriptors

    def run(self, task: Any, at: At) -> Any:
        """Makes the batch of a `BatchTask`; returns where it lies in its slot.

        Items are its samples.
        """
        epoch, step, number = task["epoch"], task["step"], task["slot"]
        slot = self._slots.setdefault(number, Slot(self._fd, number))
        if self._picks[0] != epoch:
            self._picks = (epoch, self._feed.picks(epoch))
        try:
            batch = self._feed.batch(
                self._picks[1],
                epoch,
                step,
                allocate=slot.first,
                at=lambda item: at(item, NO_ITEM, 0),
            )
        except Exception as error:
            raise told(error) from error
        at(NO_ITEM, NO_ITEM, len(batch["key"]))
        return slot.leave(batch)


def setup_of(dataset: Path, split: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a `BatchRole` is made from, as JSON values.

    Args:
      asked: what `plan` was asked for.
    """
    return {"dataset": str(dataset), "split": split, "asked": plain(asked)}
