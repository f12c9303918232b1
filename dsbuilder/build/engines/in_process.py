"""The engine for one process: no worker to start, and a debugger sees everything."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.build.shard import make
from dsbuilder.build.task import Binding, Job, ShardResult, ShardTask
from dsbuilder.cache import CODECS
from dsbuilder.cache.codec import Codec
from dsbuilder.pipeline import Pipeline, default_image_format


@dataclass(frozen=True)
class InProcess:
    """Makes one shard after the other with a pipeline that is already bound."""

    pipeline: Pipeline

    def prepare(self, binding: Binding) -> None:
        """Needs nothing: the pipeline is there."""

    def run(
        self, job: Job, tasks: Sequence[ShardTask], on_progress: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        """Yields results in the order of the tasks."""
        codec = make_codec(self.pipeline)
        before = Path(job.before) if job.before else None
        for task in tasks:
            reported = 0

            def at(root: int, output: int, done: int) -> None:
                nonlocal reported
                on_progress(done - reported)
                reported = done

            yield make(
                task,
                pipeline=self.pipeline,
                codec=codec,
                folder=Path(job.output),
                before=before,
                planned_ns=job.planned_ns,
                originals=Path(job.originals) if job.originals else None,
                at=at,
            )
            on_progress(task.samples - reported)


def make_codec(pipeline: Pipeline) -> Codec:
    """Returns the codec that a pipeline asks for."""
    cache = pipeline.settings.cache
    image = cache.image or default_image_format(cache.codec, pipeline.signature)
    return CODECS[cache.codec](
        signature=pipeline.signature,
        image=image,  # type: ignore[arg-type]  # one of ImageFormat by construction
        quality=cache.quality,
    )
