"""A picture sheet: originals beside their variants, made just as a build and a stream make them."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.explain import stage_name
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.specimens import Specimens, ranked, unmade
from dsbuilder.builder.survey import Survey
from dsbuilder.builder.task import Output, Root
from dsbuilder.pipeline import Pipeline, Refresher, Trace
from dsbuilder.pipelinefile.schema import Settings
from dsbuilder.pipelinefile.stages import AnyStage, Synthesis
from dsbuilder.report.sheet import SIDE, Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.sample import Params, Sample, Signature

MOST_COPIES = 4
_LARGEST_SIDE = 240
_EPOCHS = (0, 1)
_SYNTHESIZED_COLUMNS = 5


@dataclass(frozen=True, kw_only=True)
class PreviewDocument(Document):
    """What a preview shows.

    Attributes:
      output: picture file that was written.
      originals: keys of the records that are shown.
      synthesized: keys of the synthesized samples that are shown.
      varied: whether originals are shown with their variants; those of train alone have some.
    """

    output: Path
    originals: tuple[str, ...]
    synthesized: tuple[str, ...]
    varied: bool


def preview(
    opened: OpenedPipeline,
    output: Path | None = None,
    *,
    count: int = 6,
    copies: int | None = None,
    seed: int = 0,
    stages: bool = False,
) -> PreviewDocument:
    """Draws a picture sheet: originals beside their variants.

    A variant is the one that the dataset will hold, before it is encoded. Where the pipeline
    streams, so are two epochs of the stream.

    Args:
      output: PNG file to write; None takes the first of `preview.png`, `preview-2.png`, ... that is
        free.
      count: number of originals, and of synthesized samples of each kind.
      copies: number of variants of each; None takes what the pipeline says, at most `MOST_COPIES`.
      seed: number that chooses other originals.
      stages: whether a sample is shown after every stage of its way, one after the other.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is, or the file cannot be written.
    """
    assigned = [] if copies is None else [f"augment.copies={copies}"]
    surveyed = opened.survey(*assigned)
    most = MOST_COPIES if copies is None else copies
    exhibit = _Exhibit(surveyed, count=count, copies=most, seed=seed, by_stage=stages)
    written = output or free_path(Path("preview.png"))
    write_png(draw_sheet(exhibit.sheet(), side=exhibit.side), written)
    return PreviewDocument(
        output=written.absolute(),
        originals=tuple(root.key for root in exhibit.originals),
        synthesized=tuple(root.key for root in exhibit.synthesized),
        varied=exhibit.is_varied,
        warnings=distinct(surveyed.warnings, exhibit.warnings),
    )


def free_path(wanted: Path) -> Path:
    """Returns a path, or with the next number behind its stem that no file has."""
    path, number = wanted, 1
    while os.path.lexists(path):
        number += 1
        path = wanted.with_stem(f"{wanted.stem}-{number}")
    return path


@dataclass
class _Steps(Trace):
    """A trace that keeps the sample after every stage, and what was drawn, by the stage's id."""

    after: dict[str, tuple[Sample, Mapping[str, Any]]] = field(default_factory=dict)

    def add(self, stage: AnyStage, params: Params, before: Sample, after: Sample) -> None:
        """Notes a stage that was applied."""
        self.after[stage.id] = (after, params)


class _Exhibit:
    """The samples of one preview.

    Originals are taken in turn from each class, so that few of them show many classes.
    """

    def __init__(
        self, surveyed: Survey, *, count: int, copies: int, seed: int, by_stage: bool = False
    ) -> None:
        self._by_stage = by_stage
        self._pipeline: Pipeline = surveyed.pipeline
        self._specimens = Specimens(surveyed)
        self.warnings: list[str] = []
        self._copies = copies
        self._split = self._specimens.split
        self.originals = self._specimens.choose(count, seed)
        if self.originals and not self.is_varied:
            self.warnings.append(
                f"no record is in train, and nothing varies those of {self._split}."
            )
        self.synthesized = _choose_synthesized(self._specimens.roots, count, seed)

    @property
    def _settings(self) -> Settings:
        return self._pipeline.settings

    @property
    def is_varied(self) -> bool:
        """Whether originals have variants; those of train alone do."""
        return self._split == "train"

    @property
    def _refresher(self) -> Refresher | None:
        return self._specimens.refresher

    def sheet(self) -> Sheet:
        """Returns the sheet with every sample made."""
        settings = self._settings
        sections = list(self._sections_of_originals()) if self.originals else []
        sections += list(self._sections_of_synthesized())
        beside = " beside their variants" if self.is_varied else ""
        shows = f"originals{beside} ({self._split})"
        shows = shows if self.originals else "synthesized samples"
        return Sheet(
            title=f"{settings.name} {settings.version}: {shows}",
            notes=[str(self._pipeline.signature), *self._notes()],
            sections=sections,
        )

    @property
    def side(self) -> int:
        """The pixels of a picture's square: a multiple of the cached image's size if it has one."""
        image = self._pipeline.signature.image
        if image.height is None or image.width is None:
            return SIDE
        longest = max(image.height, image.width)
        return longest * round(SIDE / longest) if longest <= _LARGEST_SIDE else SIDE

    def _notes(self) -> Iterator[str]:
        for name in ("prepare", "finish"):
            stages = getattr(self._settings, name)
            if stages:
                shown = ", ".join(stage_name(stage.id) for stage in stages)
                yield f"{name} (every sample): {shown}"

    def _sections_of_originals(self) -> Iterator[Section]:
        if not self._by_stage or not self.is_varied:
            yield self._section_of_originals()
            return
        settings = self._settings
        if settings.makes_variants and settings.augment.stages:
            yield self._section_by_stage("augment", settings.augment.stages, self._varied)
        if self._refresher is not None and settings.stream.stages:
            yield self._section_by_stage("stream", settings.stream.stages, self._refreshed)

    def _section_by_stage(
        self, name: str, stages: Sequence[AnyStage], vary: Callable[[Root, Trace], Sample]
    ) -> Section:
        """Returns a row for each original: before the stages of a section, and after each."""
        rows: list[list[Cell | None]] = []
        for root in self.originals:
            steps = _Steps()
            try:
                before = vary(root, steps)
            except Exception as error:  # noqa: BLE001 - a plugin's, told with its sample
                rows.append([self._missing(root.key, error)])
                continue
            row: list[Cell | None] = [_cell(before, [], [])]
            for stage in stages:
                after, params = steps.after.get(stage.id, (None, {}))
                lines = [" ".join(_drawn(params))]
                row.append(None if after is None else _cell(after, [], lines))
            rows.append(row)
        headings = [f"before {name}.stages", *(stage_name(stage.id) for stage in stages)]
        return Section(headings=headings, rows=rows)

    def _varied(self, root: Root, trace: Trace) -> Sample:
        """Makes the first variant of a record, and returns what it is made of."""
        prepared = self._specimens.prepared(root.key)
        for output in [each for each in root.outputs if each.copy is not None][:1]:
            partners = self._specimens.partners(output)
            self._pipeline.vary(prepared, output.copy or 0, partners, trace)
        return prepared

    def _refreshed(self, root: Root, trace: Trace) -> Sample:
        """Makes what a stream yields in its first epoch, and returns what it is made of."""
        cached, refresher = self._specimens.cached(root.key), self._refresher
        if refresher is not None:
            refresher.refresh(cached, _EPOCHS[0], self._stream_partners(root, refresher), trace)
        return cached

    def _section_of_originals(self) -> Section:
        rows = [self._row(root) for root in self.originals]
        headings = ["original", *(f"copy {n + 1}" for n in range(self._num_copies))]
        if self._refresher is not None:
            headings += [f"stream, epoch {epoch}" for epoch in _EPOCHS]
        return Section(headings=headings, rows=rows)

    @property
    def _num_copies(self) -> int:
        made = (sum(each.copy is not None for each in root.outputs) for root in self.originals)
        return min(self._copies, max(made, default=0)) if self.is_varied else 0

    def _row(self, root: Root) -> list[Cell | None]:
        """Makes an original, its variants, and what a stream makes of it in two epochs."""
        try:
            prepared = self._specimens.prepared(root.key)
            cached = self._pipeline.finish(prepared, Trace())
        except Exception as error:  # noqa: BLE001 - a plugin's, told with its sample
            return [self._missing(root.key, error)]
        row: list[Cell | None] = [_cell(cached, self._labels(cached), [])]
        variants = [output for output in root.outputs if output.copy is not None]
        row += [self._variant(prepared, each) for each in variants[: self._num_copies]]
        if self._refresher is not None:
            partners = self._stream_partners(root, self._refresher)
            row += [self._streamed(self._refresher, cached, epoch, partners) for epoch in _EPOCHS]
        return row

    def _variant(self, prepared: Sample, output: Output) -> Cell:
        trace = Trace()
        try:
            partners = self._specimens.partners(output)
            sample = self._pipeline.vary(prepared, output.copy or 0, partners, trace)
            lines = _applied(trace)
            sample = self._pipeline.finish(sample, trace)
        except Exception as error:  # noqa: BLE001 - as above
            return self._missing(output.key, error)
        return _cell(sample, self._labels(sample), lines)

    def _streamed(
        self, refresher: Refresher, cached: Sample, epoch: int, partners: list[Sample]
    ) -> Cell:
        trace = Trace()
        try:
            sample = refresher.refresh(cached, epoch, partners, trace)
            lines = _applied(trace)
            sample = refresher.finish(sample, trace)
        except Exception as error:  # noqa: BLE001 - as above
            return self._missing(cached.key, error)
        return _cell(sample, _labels(refresher.streamed, sample), lines)

    def _missing(self, key: str, error: Exception) -> Cell:
        self.warnings.append(unmade(key, error))
        return Cell(image=None, name=key, lines=[f"{type(error).__name__}: {error}"])

    def _labels(self, sample: Sample) -> list[str]:
        return _labels(self._pipeline.signature, sample)

    def _stream_partners(self, root: Root, refresher: Refresher) -> list[Sample]:
        """Returns the next originals of the preview; a stream takes those of the batch."""
        mixer = refresher.mixer
        if mixer is None:
            return []
        place = self.originals.index(root)
        turned = (*self.originals[place + 1 :], *self.originals[: place + 1])
        readable = (each for root in cycle(turned) if (each := self._cached(root.key)) is not None)
        return list(islice(readable, mixer.plugin.partners))

    def _cached(self, key: str) -> Sample | None:
        try:
            return self._specimens.cached(key)
        except Exception:  # noqa: BLE001 - its own row says why
            return None

    def _sections_of_synthesized(self) -> Iterator[Section]:
        for index, synthesis in enumerate(self._settings.synthesize):
            roots = [root for root in self.synthesized if root.synthesis == index]
            cells = [self._synthesized_cell(root, synthesis) for root in roots]
            rows = [
                cells[start : start + _SYNTHESIZED_COLUMNS]
                for start in range(0, len(cells), _SYNTHESIZED_COLUMNS)
            ]
            yield Section(headings=[f"synthesized: {stage_name(synthesis.id)}"], rows=rows)

    def _synthesized_cell(self, root: Root, synthesis: Synthesis) -> Cell:
        trace = Trace()
        split = self._specimens.split_of(root)
        try:
            sample = self._pipeline.synthesize(synthesis, root.key, split, trace, label=root.label)
            sample = self._pipeline.finish(sample, Trace())
        except Exception as error:  # noqa: BLE001 - as above
            return self._missing(root.key, error)
        return _cell(sample, self._labels(sample), _applied(trace))


def _choose_synthesized(roots: Sequence[Root], count: int, seed: int) -> list[Root]:
    chosen: dict[int, list[Root]] = {}
    for root in ranked(roots, seed):
        if root.synthesis is not None:
            same = chosen.setdefault(root.synthesis, [])
            same.extend([root] if len(same) < count else [])
    return [root for place in sorted(chosen) for root in chosen[place]]


def _labels(signature: Signature, sample: Sample) -> list[str]:
    return [signature.targets[name].show(value) for name, value in sample.targets.items()]


def _cell(sample: Sample, labels: Sequence[str], applied: Sequence[str]) -> Cell:
    return Cell.of(sample, name=sample.key, lines=[*labels, *applied])


def _applied(trace: Trace) -> list[str]:
    """Returns a line for each stage that was applied, with the numbers and words it drew."""
    lines = [" ".join([stage_name(each.stage), *_drawn(each.params)]) for each in trace.applied]
    return lines or ["no stage was applied"]


def _drawn(params: Mapping[str, Any]) -> Iterator[str]:
    for name, value in params.items():
        if name == "seed" or isinstance(value, (list, dict)):
            continue  # what a seed or an array leads to is in the picture
        yield f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
