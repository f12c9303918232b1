"""A pipeline -> labels that are probably wrong, by models that never saw their records.

A cross-validation trains a model for each fold, and each says what it makes of the records that it
was tested on; `tasks/suspicion.py` says which labels are suspect then, and why. What is written is
for a person to look through: a picture sheet, a list of keys to leave out, and a table of
corrections, of which the lines that one believes are kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dsbuilder import typed_json
from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.check_training import fitted
from dsbuilder.actions.chosen import completed
from dsbuilder.actions.cross_validate import cross_validate, folds_of, said_folds
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.binding import PlainPipeline
from dsbuilder.cache import store
from dsbuilder.errors import Problem, SpecError, tallied
from dsbuilder.inspection import exclusion
from dsbuilder.inspection.deciding import Verdict
from dsbuilder.layouts.corrections import COLUMNS
from dsbuilder.layouts.list.writer import KINDS
from dsbuilder.layouts.tables import check_written, write_table
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.suspicion import ClassNoise

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown
    from dsbuilder.train.out_of_fold import AskedRecords

FOLDS = 5
RESULT = "suspects.json"
MOST = 60
"""Labels of a target that a sheet shows."""

_COLUMNS = 6
_SIDE = 120
_ADVICE = "labels that models which never saw them doubt; delete the lines of those that are right"


@dataclass(frozen=True, kw_only=True)
class SuspectLabel:
    """A label that is suspect.

    Attributes:
      key: key of the record.
      given: label.
      suggested: label that the model says; None of masks and keypoints, which are not suggested.
      sureness: probability that the model gives to what it says; None of a kind without any.
      score: number that suspects are ordered by, the greatest first.
      remark: how far the model disagrees, in words.
    """

    key: str
    given: Any
    suggested: Any
    sureness: float | None
    score: float
    remark: str

    @property
    def told(self) -> str:
        """The label as a text."""
        return self.given if isinstance(self.given, str) else typed_json.dumps(self.given)


@dataclass(frozen=True, kw_only=True)
class SuspectTarget:
    """What is thought of the labels of a target.

    Attributes:
      kind: kind of the target.
      expected: number of labels that are expected to be wrong, of several classes counted class by
        class; None of a kind without estimate.
      classes: noise of each class, in id order; none of other kinds.
      suspects: labels that are suspect, the most so first.
    """

    kind: str
    expected: float | None
    classes: tuple[ClassNoise, ...]
    suspects: tuple[SuspectLabel, ...]


@dataclass(frozen=True, kw_only=True)
class SuspectsDocument(Document):
    """Labels that are probably wrong.

    Attributes:
      folder: folder of the cross-validation, which also holds this document.
      records: number of records that were tested.
      untested: number of records that were not, as no fold tests them.
      targets: what is thought of the labels of each target, by its name.
    """

    folder: Path
    records: int
    untested: int
    targets: Mapping[str, SuspectTarget]

    @property
    def result(self) -> Path:
        """The file that holds this document."""
        return self.folder / RESULT

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the records that have a suspect label."""
        return frozenset(label.key for target in self.targets.values() for label in target.suspects)


def suspects(
    opened: OpenedPipeline,
    *,
    folds: int | None = None,
    pruning: Pruning = "class",
    run: Path | None = None,
    exclude: Path | None = None,
    corrections: Path | None = None,
    sheet: Path | None = None,
    workers: int | None = None,
    on_progress: Progress = ignore,
    on_fold: Callable[[int], None] = lambda fold: None,
    on_asked: Progress = ignore,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> SuspectsDocument:
    """Cross-validates, and ranks the records whose label is probably wrong.

    Args:
      folds: number of folds; see `cross_validate`. None takes as many as `run` was begun with, else
        `train.cross_validate`, else `FOLDS`.
      pruning: which labels of classes are suspect; see `tasks/confident_learning.py`.
      run: folder of the cross-validation. One that was begun goes on, and one that is done is not
        trained again. None takes the next free `runs/name-folds-N`.
      exclude: file to write the keys to, as a build's `exclude` takes it.
      corrections: table to write what is suggested to, as `source.corrections` takes it: a CSV, TSV
        or JSONL file by its ending.
      sheet: PNG file to draw the most suspect to.
      workers: processes that make samples; see `build`.
      on_progress, on_fold, starting, shown: see `cross_validate`.
      on_asked: called with samples asked about so far, and samples in all, once all is trained.

    Raises:
      SpecError: the pipeline is wrong, or corrections are asked of targets that have none.
      TrainError: a training cannot start or go on, or the folder was begun with another number.
      DataError: a file cannot be written.
    """
    if corrections is not None:
        check_written(corrections)
        _check_corrected(opened)
    given: dict[str, Any] = {"workers": workers, "on_progress": on_progress, **shown}
    begun = None if run is None else folds_of(run)
    folds = folds or begun or said_folds(opened.spec().settings) or FOLDS
    trained = cross_validate(opened, folds, run=run, on_fold=on_fold, starting=starting, **given)
    with starting():
        from dsbuilder.train.out_of_fold import ask
    plugins = opened.registry.folders
    asked = ask(trained.runs, plugins=plugins, on_asked=on_asked)
    untested = _untested(asked)
    found = SuspectsDocument(
        folder=trained.folder,
        records=len(asked.keys),
        untested=len(untested),
        targets=dict(targets_of(asked, pruning)),
        warnings=distinct(
            trained.warnings,
            _changed(opened, asked),
            _warned(asked, untested, plugins),
        ),
    )
    store.write_text(found.result, typed_json.dumps(found.to_json(), indent=1) + "\n")
    if exclude is not None:
        exclusion.write(exclude, exclusion_of(found))
    if corrections is not None:
        write_corrections(corrections, found)
    if sheet is not None:
        write_png(draw_sheet(sheet_of(found, asked, plugins), side=_SIDE), sheet)
    return found


def _check_corrected(opened: OpenedPipeline) -> None:
    """Refuses corrections of targets that are not suggested, before anything is trained."""
    learnt = fitted(completed(opened)[0].survey())
    wrong = {name: each.kind for name, each in learnt.targets.items() if each.kind not in KINDS}
    problems = [
        Problem(
            "corrections",
            f"expected targets that a model suggests ({', '.join(sorted(KINDS))}"
            f"), found '{name}' of kind '{kind}'. Leave it out; exclude and sheet name them.",
        )
        for name, kind in wrong.items()
    ]
    if problems:
        raise SpecError(problems)


def targets_of(asked: "AskedRecords", pruning: Pruning) -> Iterator[tuple[str, SuspectTarget]]:
    """Yields what is thought of each target, by its name."""
    for name, head in asked.heads.items():
        found = head.task.suspicion(head.judged, head.probabilities, pruning)
        yield (
            name,
            SuspectTarget(
                kind=head.task.target.kind,
                expected=found.expected,
                classes=found.classes,
                suspects=tuple(
                    SuspectLabel(
                        key=asked.keys[each.place],
                        **{n: value for n, value in vars(each).items() if n != "place"},
                    )
                    for each in found.suspects
                ),
            ),
        )


def _changed(opened: OpenedPipeline, asked: "AskedRecords") -> Iterator[str]:
    """Yields that labels are told as they were, where what stands is of another source."""
    now = PlainPipeline.of(opened.spec()).sections["source"]
    if asked.datasets[0].pipeline.sections["source"] != now:
        yield (
            f"{opened.pipeline}: the source is another than the folds were trained on: labels are "
            "told as they were then. Choose another folder to train on what they are now."
        )


def _untested(asked: "AskedRecords") -> dict[str, int]:
    """Returns records that no fold tests -> a place of each in the train split of the first."""
    tested = set(asked.keys)
    found: dict[str, int] = {}
    for place, (_, entry) in enumerate(asked.datasets[0].entries("train")):
        if len(entry.parents) == 1 and entry.parents[0] not in tested:
            found.setdefault(entry.parents[0], place)
    return found


def _warned(
    asked: "AskedRecords", untested: Mapping[str, int], plugins: Sequence[Path]
) -> Iterator[str]:
    """Yields which records nothing can be said of."""
    if not untested:
        return
    feed = Feed(plan(asked.datasets[0], "train", shuffle=False, plugins=plugins))
    kinds = feed.reading.dataset.signature.targets
    counts: Counter[str] = Counter()
    for place in untested.values():
        for name, value in feed.stored(place).targets.items():
            counts.update(kinds[name].classes(value) if name in asked.heads else ())
    why = f", those of classes too small to be dealt into folds: {tallied(counts)}"
    yield (
        f"{len(untested)} records are trained on in every fold{why if counts else ''}. Nothing is "
        "said of their labels: look at them yourself."
    )


def exclusion_of(found: SuspectsDocument) -> str:
    """Returns the list of keys to leave out, each once, the most suspect of a target first."""
    verdicts: dict[str, Verdict] = {}
    for name, target in found.targets.items():
        for each in target.suspects:
            said = Verdict(inspector=name, text=f"{each.told}: {each.remark}")
            verdicts.setdefault(each.key, said)
    return exclusion.text_of(verdicts, dict.fromkeys(found.targets, _ADVICE))


def write_corrections(path: Path, found: SuspectsDocument) -> None:
    """Writes what is suggested as `source.corrections` reads it, in the order of the suspects.

    Raises:
      DataError: the file cannot be written.
    """
    rows = (
        (each.key, name, each.suggested, each.given, each.sureness)
        for name, target in found.targets.items()
        for each in target.suspects
    )
    write_table(path, (*COLUMNS, "given", "sureness"), rows)


def sheet_of(found: SuspectsDocument, asked: "AskedRecords", plugins: Sequence[Path]) -> Sheet:
    """Returns a sheet with a section for each target, the most suspect labels first."""
    place_of = dict(zip(asked.keys, asked.places, strict=True))
    feeds = {
        fold: Feed(plan(asked.datasets[fold], asked.split, shuffle=False, plugins=plugins))
        for fold in {fold for fold, _ in asked.places}
    }

    def cell(name: str, each: SuspectLabel) -> Cell:
        fold, place = place_of[each.key]
        sample = feeds[fold].finished(place)
        own = {of: kind for of, kind in sample.positional.items() if of == name}
        sample = sample.replace(targets={name: sample.targets[name]}, positional=own)
        return Cell.of(sample, name=each.key, lines=(f"labeled {each.told}", each.remark))

    def section(name: str, target: SuspectTarget) -> Section:
        cells = [cell(name, each) for each in target.suspects[:MOST]]
        rows = [cells[at : at + _COLUMNS] for at in range(0, len(cells), _COLUMNS)]
        return Section(headings=[f"{name}: {_counted(target)}"], rows=rows)

    dataset = asked.datasets[0]
    return Sheet(
        title=f"{dataset.name} {dataset.manifest.version}: labels that are suspect",
        notes=[f"{found.records} records, each judged by a model that never saw it"],
        sections=[section(name, target) for name, target in found.targets.items()],
    )


def _counted(target: SuspectTarget) -> str:
    """Returns how many labels are suspect, and how many of them are shown."""
    count = len(target.suspects)
    return f"{count} suspect" + (f", the first {MOST} of them" if count > MOST else "")
