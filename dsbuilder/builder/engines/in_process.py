"""The engine for one process: no worker to start, and a debugger sees everything."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dsbuilder.builder.shard import ShardMaker
from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.pipeline import Pipeline


@dataclass(frozen=True)
class InProcess:
    """Makes one shard after the other with a pipeline that is already bound."""

    pipeline: Pipeline

    def prepare(self, pipeline: Pipeline) -> None:
        """Needs nothing: the pipeline is there."""

    def run(
        self, job: Job, tasks: Sequence[ShardTask], on_progress: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        """Yields results in the order of the tasks."""
        with ShardMaker(self.pipeline, job) as maker:
            for task in tasks:
                reported = 0

                def at(root: int, output: int, done: int) -> None:
                    nonlocal reported
                    on_progress(done - reported)
                    reported = done

                yield maker.make(task, at)
                on_progress(task.samples - reported)
