"""The engine for several cores: a crew of worker processes, each making whole shards."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Self

from dsbuilder.binding import resolved_to_json
from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.errors import option
from dsbuilder.pipeline import Pipeline
from dsbuilder.workers import Crew

ALBUMENTATIONS = "dsbuilder.builtin.transforms.albumentations_recipe:library"
"""One of the modules for workers: imports albumentations in our way."""

_ROLE = "dsbuilder.builder.shard_role"  # not imported here: workers alone need it


class Pool:
    """Makes shards in worker processes, for one job.

    Args:
      workers: number of processes.
      sample_timeout_s: seconds that one sample may take.
      modules: modules to import before workers are forked; see `Crew`. With them the process that
        they come from is started at once, to be ready when the pipeline is.
    """

    def __init__(
        self, *, workers: int, sample_timeout_s: float, modules: Sequence[str] = ()
    ) -> None:
        self._crew = Crew(
            workers=workers,
            item_timeout_s=sample_timeout_s,
            instead=f"{option('workers 0')} builds in this process.",
            modules=[_ROLE, *modules] if modules else (),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._crew.__exit__(*exception)

    def prepare(self, pipeline: Pipeline) -> None:
        """Lets the process that workers come from bind the pipeline."""
        self._crew.prepare(f"{_ROLE}:ShardRole", resolved_to_json(pipeline))

    def run(
        self, job: Job, tasks: Sequence[ShardTask], on_progress: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        """Yields results as they are finished.

        Raises:
          CacheError: workers cannot be started.
          DataError: a sample cannot be made and the pipeline says to stop.
          RuntimeError: `prepare` was not called.
        """
        for _, result in self._crew.run(asdict(job), tasks, on_progress):
            yield ShardResult(**result)
