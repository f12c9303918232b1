"""What augmentation does to labels, looked at on the records of a pipeline.

Variants are made as a build and a stream make them; see `inspection/probing.py` for how they are
looked at, and `inspection/label_questions.py` for what is asked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.specimens import Specimens, unmade
from dsbuilder.builder.survey import Survey
from dsbuilder.builder.task import Root
from dsbuilder.errors import DataError
from dsbuilder.inspection.label_questions import SafetyAnswer, SeenVariants, answers
from dsbuilder.inspection.probing import probe
from dsbuilder.pipeline import Trace
from dsbuilder.pipeline.applying import Mixing
from dsbuilder.pipelinefile.stages import AnyStage
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.sample import Sample

RECORDS = 200
VARIANTS = 2


@dataclass(frozen=True, kw_only=True)
class AugmentedSection:
    """What one section of stages does.

    Attributes:
      section: `augment.stages` or `stream.stages`.
      records, variants: number of records and of variants of them that were looked at.
      shown: median share of an original's area that a variant still shows; None without variants.
      mirrored: share of variants that are mirrored, of those that show enough to know.
      angles: the least and the largest of their turns in degrees, counter-clockwise; None likewise.
      findings: an answer to every question that its labels ask.
    """

    section: str
    records: int
    variants: int
    shown: float | None
    mirrored: float
    angles: tuple[float, float] | None
    findings: tuple[SafetyAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class AugmentationDocument(Document):
    """What augmentation does to labels.

    Attributes:
      sections: sections that have stages.
      output: picture file that was written; None if none was.
    """

    sections: tuple[AugmentedSection, ...]
    output: Path | None


def inspect_augmentation(
    opened: OpenedPipeline,
    *,
    records: int = RECORDS,
    sheet: Path | None = None,
    on_progress: Progress = ignore,
) -> AugmentationDocument:
    """Says what the stages of `augment` and `stream` do to the labels of a pipeline's records.

    Args:
      records: number of records that are looked at, many classes among them.
      sheet: PNG file to draw what is found to.
      on_progress: called with records looked at and to be looked at.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is, it has no train split, or there is nothing that varies it.
    """
    surveyed = opened.survey()
    specimens = Specimens(surveyed)
    sections = list(_sections(surveyed, specimens))
    if not sections:
        raise DataError(
            f"{opened.pipeline}: there is no training record that a stage of augment or stream "
            "varies. Add stages."
        )
    roots = specimens.choose(records, seed=0)
    kinds = surveyed.pipeline.signature.targets
    looks = [
        _Look(name, stages, make, specimens, roots, SeenVariants(kinds))
        for name, stages, make in sections
    ]
    for number, root in enumerate(roots):
        on_progress(number, len(roots))
        for look in looks:
            look.at(root)
    on_progress(len(roots), len(roots))
    if sheet is not None:
        drawn = [section for look in looks for section in look.drawn()]
        settings = surveyed.pipeline.settings
        title = f"{settings.name} {settings.version}: what augmentation does to labels"
        write_png(draw_sheet(Sheet(title=title, notes=[], sections=drawn)), sheet)
    return AugmentationDocument(
        sections=tuple(look.document() for look in looks),
        output=None if sheet is None else sheet.absolute(),
        warnings=distinct(surveyed.warnings, *(look.warnings for look in looks)),
    )


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A sample before the stages of a section, its variants, and how they look when stored."""

    original: Sample
    stored: Sample
    variants: Sequence[tuple[Sample, Trace, Mixing]]
    finished: Sequence[Sample]


_Make = Callable[[Root, Sequence[Root]], _Made]


def _sections(
    surveyed: Survey, specimens: Specimens
) -> Iterator[tuple[str, Sequence[AnyStage], _Make]]:
    """Yields the sections that vary train, each with what makes its variants."""
    settings = surveyed.pipeline.settings
    if specimens.split != "train":
        return
    if settings.makes_variants and settings.augment.stages:
        yield "augment.stages", settings.augment.stages, lambda root, _: _varied(specimens, root)
    if settings.stream.stages:
        yield (
            "stream.stages",
            settings.stream.stages,
            lambda root, others: _refreshed(specimens, root, others),
        )


def _varied(specimens: Specimens, root: Root) -> _Made:
    pipeline, prepared = specimens.pipeline, specimens.prepared(root.key)
    kinds = pipeline.prepared.targets if pipeline.prepared is not None else {}
    made = []
    for output in [each for each in root.outputs if each.copy is not None][:VARIANTS]:
        trace, partners = Trace(), specimens.partners(output)
        sample = pipeline.vary(prepared, output.copy or 0, partners, trace)
        made.append((sample, trace, Mixing(partners, kinds)))
    return _Made(
        original=prepared,
        stored=pipeline.finish(prepared, Trace()),
        variants=made,
        finished=[pipeline.finish(sample, Trace()) for sample, _, _ in made],
    )


def _refreshed(specimens: Specimens, root: Root, others: Sequence[Root]) -> _Made:
    refresher, cached = specimens.refresher, specimens.cached(root.key)
    assert refresher is not None
    mixer = refresher.mixer
    count = 0 if mixer is None else mixer.plugin.partners
    partners = [specimens.cached(each.key) for each in islice(cycle(others), count)]
    made = []
    for epoch in range(VARIANTS):
        trace = Trace()
        sample = refresher.refresh(cached, epoch, partners, trace)
        sample = sample.replace(key=f"{root.key} (epoch {epoch})")
        made.append((sample, trace, Mixing(partners, refresher.cached.targets)))
    return _Made(
        original=cached,
        stored=refresher.finish(cached, Trace()),
        variants=made,
        finished=[refresher.finish(sample, Trace()) for sample, _, _ in made],
    )


@dataclass
class _Look:
    """What is seen of one section.

    Attributes:
      section, stages: name of the section, and its stages.
      make: makes the variants of a record.
      specimens, roots: what records are made with, and those that are looked at.
      seen: what became of their variants.
      warnings: what could not be made.
    """

    section: str
    stages: Sequence[AnyStage]
    make: _Make
    specimens: Specimens
    roots: Sequence[Root]
    seen: SeenVariants
    warnings: list[str] = field(default_factory=list)

    def at(self, root: Root) -> None:
        """Looks at the variants of one record."""
        try:
            made = self._made(root)
            probes = [
                probe(self.stages, made.original, sample, trace.applied, mixing)
                for sample, trace, mixing in made.variants
            ]
        except Exception as error:  # noqa: BLE001 - a plugin's, told with its sample
            self.warnings.append(unmade(root.key, error))
            return
        self.seen.add(root.key, made.stored, probes, [each.image for each in made.finished])

    def _made(self, root: Root) -> _Made:
        place = self.roots.index(root)
        return self.make(root, (*self.roots[place + 1 :], *self.roots[: place + 1]))

    def document(self) -> AugmentedSection:
        """Returns what was found."""
        probes = self.seen.probes
        angles = [each.angle for each in probes if each.angle is not None]
        return AugmentedSection(
            section=self.section,
            records=len(self.seen.images),
            variants=len(probes),
            shown=float(np.median([each.shown for each in probes])) if probes else None,
            mirrored=sum(bool(each.mirrored) for each in probes) / max(1, len(angles)),
            angles=(min(angles), max(angles)) if angles else None,
            findings=tuple(answers(self.seen)),
        )

    def drawn(self) -> Iterator[Section]:
        """Yields pictures of what is more than it should be: originals beside variants."""
        for found in answers(self.seen):
            if found.is_fault:
                heading = f"{self.section}: {found.question}: {found.text}"
                rows = [list(self._pair(key)) for key in found.examples]
                yield Section(headings=[heading], rows=rows)

    def _pair(self, key: str) -> Iterator[Cell]:
        root = next(each.root for each in self.seen.probes if each.key == key)
        made = self._made(next(each for each in self.roots if each.key == root))
        yield Cell.of(made.stored, name=root, lines=["original"])
        for (sample, trace, _), finished in zip(made.variants, made.finished, strict=True):
            if sample.key == key:
                yield Cell.of(finished, name=key, lines=[each.stage for each in trace.applied])
