"""A pipeline in a browser: the dataset that was built of it, or some records as a build makes them.

Where nothing was built of the pipeline as it stands, some records of each split are made just as a
build makes them, in a temporary folder that goes when the server ends; the output folder stays as
it is. So a person sees originals, variants and synthesized samples, with all that a browser says of
a dataset, before anything is built.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dsbuilder import typed_json
from dsbuilder.actions.browse import BrowserServer
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.preview import MOST_COPIES
from dsbuilder.actions.specimens import Specimens
from dsbuilder.binding import PlainPipeline
from dsbuilder.builder.build import build_surveyed
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import CacheError
from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.schema import Settings
from dsbuilder.pipelinefile.stages import SPLITS, MixStage

COUNT = 24
"""Records of each split that are shown of a pipeline that is not built."""

_OF_NO_SAMPLE = ("train", "tune", "build", "inspect", "stream")
"""Sections that decide no sample which is shown."""


def browse_pipeline(
    opened: OpenedPipeline,
    *,
    count: int = COUNT,
    exclude: Path | None = None,
    corrections: Path | None = None,
    port: int = 0,
    source: Path | None = None,
) -> BrowserServer:
    """Returns a server that shows what was built of a pipeline, or some of what would be.

    Args:
      count: records of each split to show, and synthesized samples of each kind, where nothing was
        built of the pipeline as it stands.
      exclude, corrections, port, source: see `BrowserServer`; None of the files takes one here
        that is called as the dataset.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is, no sample can be made, or the port is taken.
    """
    spec = opened.spec()
    name = spec.settings.name
    given: dict[str, Any] = {
        "exclude": exclude or Path(f"{name}-exclude.txt"),
        "corrections": corrections or Path(f"{name}-corrections.csv"),
        "port": port,
        "source": source,
        "plugins": opened.plugins,
    }
    link = opened.out / name / spec.settings.version
    built = _built_at(link)
    if built is not None and _is_of(built, spec):
        return BrowserServer(built, **given)
    folder = TemporaryDirectory(prefix="dsbuilder-browse-")
    try:
        dataset, note = _excerpt(opened, spec.settings, Path(folder.name), count)
        if built is not None:
            note = f"{note} {link} was built before the pipeline was changed."
        return BrowserServer(dataset, **given, note=note, on_close=folder.cleanup)
    except BaseException:
        folder.cleanup()
        raise


def _built_at(link: Path) -> StoredDataset | None:
    try:
        return load(link)
    except CacheError:
        return None


def _is_of(dataset: StoredDataset, spec: Spec) -> bool:
    """Whether a dataset was built of a pipeline as it stands; its source may have changed."""
    asked = typed_json.loads(typed_json.dumps(PlainPipeline.of(spec).sections))
    built = typed_json.loads(typed_json.dumps(dataset.pipeline.sections))
    names = (asked.keys() | built.keys()).difference(_OF_NO_SAMPLE)
    return all(asked.get(name) == built.get(name) for name in names)


def _excerpt(
    opened: OpenedPipeline, settings: Settings, folder: Path, count: int
) -> tuple[StoredDataset, str]:
    """Builds some records into a folder; returns the dataset, and what it is in words."""
    surveyed = opened.survey(*_reduced(settings, count))
    specimens = Specimens(surveyed)
    chosen = {
        root.key for split in SPLITS for root in specimens.choose(count, settings.seed, split=split)
    }
    records = [record for record in surveyed.records if record.key in chosen]
    some = replace(surveyed, records=records, unread=(), set_aside=())
    built = build_surveyed(some, folder)
    return load(built.path), " ".join(
        _told(settings, len(records), len(surveyed.records), built.quarantined)
    )


def _reduced(settings: Settings, count: int) -> Iterator[str]:
    """Yields assignments by which few samples are made of a record, and none stops the others."""
    filled = settings.balance.sources if settings.balance is not None else ()
    copies = settings.augment.copies or int("augment" in filled)
    yield f"augment.copies={min(copies, MOST_COPIES)}"
    for number, each in enumerate(settings.synthesize):
        yield f"synthesize[{number}].count={min(each.count or count, count)}"
    if settings.balance is not None:
        yield "balance=null"
    yield "build.on_error=quarantine"
    yield f"build.max_quarantined={settings.build.max_outputs}"
    yield "build.keep_prepared=false"


def _told(
    settings: Settings, shown: int, of: int, quarantined: Sequence[Mapping[str, str]]
) -> Iterator[str]:
    yield f"Not built yet: {shown:,} of {of:,} records, made as a build would make them."
    if settings.augment.copies > MOST_COPIES:
        yield f"Of {settings.augment.copies} copies of each, {MOST_COPIES} are shown."
    if settings.balance is not None:
        yield "What balance adds is left out."
    if any(isinstance(stage, MixStage) for stage in settings.augment.stages):
        yield "Mixes have their partners among these records."
    if quarantined:
        many = f"{len(quarantined)} samples" if len(quarantined) > 1 else "1 sample"
        yield f"{many} cannot be made: {_why(quarantined[0])}"


def _why(row: Mapping[str, str]) -> str:
    return f"{row['key']}, {row['stage']}: {row['exception'].rstrip('.')}."
