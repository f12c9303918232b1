"""One shard task: samples are made root by root, wait in a journal, and are written in order.

What an interrupted build leaves is taken up: a shard by the note that it is done, if its files are
what the note says; of one under way the samples in its journal.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Self

from dsbuilder.builder import journal
from dsbuilder.builder.journal import Journal
from dsbuilder.builder.samples import WHOLE_ROOT, SampleMaker
from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.cache import CODECS, folders, ledger, store
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.integrity import Integrity
from dsbuilder.pipeline import Pipeline, default_image_format
from dsbuilder.targets.text import alphabet_of

DONE = ".done.json"
_HALF = ".shard-"
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
        self._old_journal: Path | None = None  # the journal of a shard that is done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._old_journal is not None:
            self._old_journal.unlink(missing_ok=True)

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
        path = self._folder / journal.file_name(task.stem)
        if self._old_journal is not None and not path.exists():
            self._old_journal.replace(path)
            self._old_journal = None
        contents = task.contents()
        planned = {each.fingerprint for root in contents.roots for each in root.outputs}
        with Journal.open(path, planned, self._job.planned_ns) as own:
            maker = SampleMaker(
                task,
                contents,
                pipeline=self._pipeline,
                codec=self._codec,
                catalog=self._catalog,
                job=self._job,
                journal=own,
            )
            done = 0
            for place, root in enumerate(contents.roots):
                maker.make_root(place, partial(_at, at, done))
                done += len(root.outputs)
            at(NO_ROOT, WHOLE_ROOT, done)
            result = self._write(task, own, maker)
        self._keep_for_next(path)
        return result

    def _keep_for_next(self, path: Path) -> None:
        """Keeps the journal of a shard that is done for the next one; of two, one."""
        if self._old_journal not in (None, path):
            self._old_journal.unlink(missing_ok=True)
        self._old_journal = path

    def _write(self, task: ShardTask, own: Journal, maker: SampleMaker) -> ShardResult:
        own.sort()
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=_HALF) as name:
            temporary = Path(name)
            offsets = self._codec.write(temporary, task.stem, own.payloads(), len(own.made))
            ledger.write(temporary / ledger.file_name(task.stem), own.lines(offsets))
            lost = ledger.lost(temporary / ledger.file_name(task.stem))
            files = sorted(temporary.iterdir())
            sums = {path.name: store.sha256(path) for path in files}
            sizes = {path.name: path.stat().st_size for path in files}
            folders.sync_all(files)
            for path in files:
                path.replace(self._folder / path.name)
        result = ShardResult(
            stem=task.stem,
            samples=len(own.made),
            size_bytes=own.size_bytes,
            classes=dict(sorted(maker.classes.items())),
            fingerprint=task.fingerprint,
            sums=sums,
            sizes=sizes,
            quarantined=sorted(maker.quarantined, key=lambda row: row["key"]),
            reused=maker.reused,
            reproducible=maker.reproducible,
            lost=lost,
            held=dict(sorted(maker.held.items())),
            alphabets={name: alphabet_of([each]) for name, each in maker.characters.items()},
            longest=dict(maker.longest),
            warnings=tuple(maker.warnings),
            synthetic=dict(+maker.synthetic),
            seconds=dict(maker.watch.seconds),
            counts=dict(maker.watch.counts),
        )
        folders.sync(self._folder)
        write_done(self._folder, result)
        return result


def is_half_written(name: str) -> bool:
    """Whether a name in the folder of a build is one of a shard or a note that is being written."""
    return name.startswith(_HALF) or name.endswith(".tmp")


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


def write_done(folder: Path, result: ShardResult, *, lasting: bool = True) -> None:
    """Notes that a shard is finished; its files are on the disk by then.

    Args:
      lasting: whether the note outlasts a power cut, too, which else may damage or lose it.
    """
    note = json.dumps(asdict(replace(result, warnings=())))  # those were of this attempt
    store.write_text(folder / f"{result.stem}{DONE}", f"{_sum(note)}\n{note}", lasting=lasting)


def read_done(folder: Path, task: ShardTask) -> ShardResult | None:
    """Returns the result of a task that an interrupted build finished, or None.

    Every file is read: neither it nor the note need have outlasted what ended that build.
    """
    path = folder / f"{task.stem}{DONE}"
    try:
        stated, _, note = path.read_text(encoding="utf-8").partition("\n")
        result = ShardResult(**json.loads(note)) if stated == _sum(note) else None
    except (OSError, ValueError, TypeError):
        return None  # no note, or one that was cut: the shard is made again
    if result is None or result.fingerprint != task.fingerprint:
        return None
    if not Integrity(folder, result.sums).are_sound(result.sums):
        return None
    return replace(result, reused=result.samples)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
