"""One shard task: samples are made root by root, and written in the shard's order.

Encoded samples go to a nameless temporary file and are then written in the shard's order (the hash
of each key), so memory does not grow with the shard.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Self

from dsbuilder.builder.samples import WHOLE_ROOT, SampleBuffer, SampleMaker
from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.cache import CODECS, ledger, store
from dsbuilder.cache.codec import Codec
from dsbuilder.pipeline import Pipeline, default_image_format
from dsbuilder.seeding import rank

DONE = ".done.json"
NO_ROOT = -1
"""Stands for the place of a worker that has made its samples and writes the shard."""


class ShardMaker:
    """Makes the shards of a job in this process, one after the other.

    Args:
      pipeline: bound here.
      job: what its tasks have in common.
    """

    def __init__(self, pipeline: Pipeline, job: Job) -> None:
        self._pipeline, self._job = pipeline, job
        self._codec = make_codec(pipeline)
        source = pipeline.settings.source
        self._catalog = source.open() if source is not None else None  # it is only read from
        self._folder = Path(job.output)
        # Written over by each shard: to get new pages of a file costs more than to fill them.
        self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def make(self, task: ShardTask, at: Callable[[int, int, int], None]) -> ShardResult:
        """Makes a shard and returns what became of it.

        The files appear under their names only when they are whole, the note that the shard is done
        last of all; a shard with that note is never made again.

        Args:
          at: called before each sample with its place (root, and output or `WHOLE_ROOT`) and the
            number of samples behind it.

        Raises:
          SourceChangedError: a file is no longer what was planned.
          DataError: a sample cannot be made and the pipeline says `on_error: stop`.
        """
        buffer = SampleBuffer(self._file)
        maker = SampleMaker(
            task,
            pipeline=self._pipeline,
            codec=self._codec,
            catalog=self._catalog,
            job=self._job,
            buffer=buffer,
        )
        done = 0
        for place, root in enumerate(maker.roots):
            maker.make_root(place, partial(_at, at, done))
            done += len(root.outputs)
        at(NO_ROOT, WHOLE_ROOT, done)
        return self._write(task, buffer, maker)

    def _write(self, task: ShardTask, buffer: SampleBuffer, maker: SampleMaker) -> ShardResult:
        buffer.made.sort(key=lambda made: rank("order", made.output.key))
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".shard-") as name:
            temporary = Path(name)
            offsets = self._codec.write(temporary, task.stem, buffer.payloads(), len(buffer.made))
            entries = map(maker.entry, buffer.made, offsets)
            ledger.write(temporary / ledger.file_name(task.stem), entries)
            files = sorted(temporary.iterdir())
            sums = {path.name: store.sha256(path) for path in files}
            sizes = {path.name: path.stat().st_size for path in files}
            for path in files:
                path.replace(self._folder / path.name)
        result = ShardResult(
            stem=task.stem,
            samples=len(buffer.made),
            size_bytes=buffer.size,
            classes=dict(sorted(buffer.classes.items())),
            fingerprint=task.fingerprint,
            sums=sums,
            sizes=sizes,
            quarantined=sorted(buffer.quarantined, key=lambda row: row["key"]),
            reused=buffer.reused,
            reproducible=buffer.reproducible,
            warnings=tuple(buffer.warnings),
        )
        write_done(self._folder, result)
        return result


def make_codec(pipeline: Pipeline) -> Codec:
    """Returns the codec that a pipeline asks for."""
    cache = pipeline.settings.cache
    image = cache.image or default_image_format(cache.codec, pipeline.signature)
    return CODECS[cache.codec](
        signature=pipeline.signature,
        image=image,  # type: ignore[arg-type]  # one of ImageFormat by construction
        quality=cache.quality,
    )


def _at(at: Callable[[int, int, int], None], done: int, root: int, output: int) -> None:
    at(root, output, done + max(0, output))


def write_done(folder: Path, result: ShardResult) -> None:
    """Notes that a shard is finished."""
    note = asdict(replace(result, warnings=()))  # those were of this attempt
    store.write_text(folder / f"{result.stem}{DONE}", json.dumps(note))


def read_done(folder: Path, task: ShardTask) -> ShardResult | None:
    """Returns the result of a task that an earlier build finished, or None."""
    path = folder / f"{task.stem}{DONE}"
    try:
        result = ShardResult(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # no note, or one that was cut: the shard is made again
    whole = all((folder / name).is_file() for name in result.sums)
    if not whole or result.fingerprint != task.fingerprint:
        return None
    return replace(result, reused=result.samples)
