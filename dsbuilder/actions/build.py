"""A pipeline -> a dataset."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.document import Document
from dsbuilder.actions.losses import StageLoss, losses
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.report import report_built
from dsbuilder.builder.build import SAMPLE_TIMEOUT_S, build_dataset
from dsbuilder.cache.manifest import Manifest
from dsbuilder.names import REPORT


@dataclass(frozen=True, kw_only=True)
class SplitCounts:
    """One split of a dataset.

    Attributes:
      samples: number of samples.
      classes: number of samples of each class.
    """

    samples: int
    classes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A sample that could not be made.

    Attributes:
      key: key of the sample.
      stage: stage that failed.
      exception: type and text of what it raised.
    """

    key: str
    stage: str
    exception: str


@dataclass(frozen=True, kw_only=True)
class BuildDocument(Document):
    """What a build came to.

    Attributes:
      path: folder of the dataset, by the link of its version.
      name, version: name and version of the dataset.
      fingerprint: hash of everything that determines its bytes.
      splits: splits by name.
      made, reused: number of samples that were made, and that earlier builds had made.
      quarantined: samples that could not be made.
      corrected: number of labels that the pipeline's corrections gave.
      lost: what stages lost of targets, such as boxes that a crop left outside.
      reproducible: whether another build would give the same bytes.
      report: page that shows the dataset; None if it is not there.
    """

    path: Path
    name: str
    version: str
    fingerprint: str
    splits: Mapping[str, SplitCounts]
    made: int
    reused: int
    quarantined: tuple[SetAside, ...]
    corrected: int
    lost: tuple[StageLoss, ...]
    reproducible: bool
    report: Path | None = None


def build(
    opened: OpenedPipeline,
    *,
    workers: int | None = None,
    rehash: bool = False,
    sample_timeout_s: float | None = None,
    exclude: Path | None = None,
    on_progress: Progress = ignore,
) -> BuildDocument:
    """Builds the dataset of a pipeline into `<out>/<name>/<version>`, whole or not at all.

    A build that was interrupted goes on where it stopped; what has not changed since the last
    build is used again. The bytes are the same for any number of workers.

    Args:
      workers: processes that make samples; None takes the cores of this machine, 0 makes them in
        this process.
      rehash: reads every source file again, changed or not.
      sample_timeout_s: seconds that one sample may take before it is set aside; None takes
        `SAMPLE_TIMEOUT_S`. It does not hold with 0 workers.
      exclude: list of keys to leave out, as `inspect` writes it.
      on_progress: called with samples made or reused so far, and samples in all.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is, or more samples fail than the pipeline allows.
      CacheError: the output cannot be written, or another build is at work there.
    """
    left = [] if exclude is None else [f"build.exclude={json.dumps(str(exclude.absolute()))}"]
    built = build_dataset(
        opened.pipeline,
        opened.out,
        workers=workers,
        overrides=[*opened.overrides, *left],
        plugins=opened.plugins,
        rehash=rehash,
        sample_timeout_s=SAMPLE_TIMEOUT_S if sample_timeout_s is None else sample_timeout_s,
        on_progress=on_progress,
    )
    told = list(report_built(built))
    known = built.manifest
    return BuildDocument(
        path=built.path,
        name=known.name,
        version=known.version,
        fingerprint=known.fingerprint,
        splits=split_counts(known),
        made=built.made,
        reused=built.reused,
        quarantined=set_aside(built.quarantined),
        corrected=known.corrected,
        lost=losses(known.all_shards, known.signature.targets),
        reproducible=known.reproducible,
        report=report if (report := built.path / REPORT).is_file() else None,
        warnings=tuple(dict.fromkeys((*built.warnings, *told))),
    )


def split_counts(known: Manifest) -> dict[str, SplitCounts]:
    """Returns what each split of a dataset holds."""
    return {
        split: SplitCounts(samples=known.num_samples(split), classes=known.class_counts(split))
        for split in known.splits
    }


def set_aside(rows: Iterable[Mapping[str, str]]) -> tuple[SetAside, ...]:
    """Returns rows of a quarantine, without tracebacks."""
    return tuple(
        SetAside(key=row["key"], stage=row["stage"], exception=row["exception"]) for row in rows
    )
