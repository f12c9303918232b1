"""Engines run shard tasks somewhere; what a task makes does not depend on where.

  in_process.py  one after the other, in this process
  pool.py        in worker processes of ours; see `dsbuilder/workers/`

An engine is one class with two methods; it knows nothing of images, plans or datasets.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.pipeline import Pipeline


class Engine(Protocol):
    """Runs the shard tasks of a job."""

    def prepare(self, pipeline: Pipeline) -> None:
        """Takes the pipeline, once and before `run`; workers may bind it while the plan is made."""

    def run(
        self, job: Job, tasks: Sequence[ShardTask], on_progress: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        """Yields the result of every task as it is finished, in any order.

        Args:
          on_progress: called with the number of samples made since the last call.
        """
