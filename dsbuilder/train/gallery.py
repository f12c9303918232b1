"""The worst mistakes of a run as pictures: `charts/mistakes.png`, of several heads one each.

Of classes and texts they are those that the model is surest of; a wrong class stands beside a
sample of the class that it was taken for: of those that the model knows best, the one that looks
most like it. Of masks, points and numbers they are the largest errors; a mask or points stand
beside what the model would draw. `predictions.csv` says which they are, so the split is not asked
again, and equal files give equal pictures. On demand mistakes in classes show where the reason for
them lies as well; see `attribution.py`.
"""

import csv
import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.plugin import ClassLabel
from dsbuilder.report.canvas import picture
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.sample import Sample
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan
from dsbuilder.targets.stored import as_file_name
from dsbuilder.tasks import Task
from dsbuilder.train import attribution, single_mistakes
from dsbuilder.train.archive import Trained
from dsbuilder.train.network import outputs_by_head

MOST = 24
"""Mistakes of a head that are shown."""

_EXAMPLES = 4
"""Samples of a class, those that the model is surest of, among which the nearest is shown."""

_FILE = "mistakes.png"
_SIDE = 120
_COLUMNS = 6
_THUMBNAIL = 16


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """What `predictions.csv` says of a sample and one head.

    Attributes:
      place: place of the sample in stored order.
      key, truth, answer: cells of its line.
      weight: how sure the model is, or how large the error is.
      told: this in words; nothing of a task without confidence.
    """

    place: int
    key: str
    truth: str
    answer: str
    weight: float
    told: str

    @property
    def rank(self) -> tuple[float, int]:
        """What they are ordered by, the greatest first; of equals, the first in stored order."""
        return self.weight, -self.place

    @property
    def said(self) -> str:
        """The answer, and how sure or how far off it is."""
        return f"{self.answer}, {self.told}" if self.told else self.answer


def draw_mistakes(
    trained: Trained,
    dataset: StoredDataset,
    split: str,
    *,
    predictions: Path,
    folder: Path,
    plugins: Sequence[Path] = (),
    why: bool = False,
    singly: bool = False,
) -> None:
    """Draws the worst mistakes of each head that makes any into a folder; see `sheets_of`.

    Of a head that makes none no picture stays, such as one that an earlier model left.

    Args:
      singly: whether those of masks and points are written one by one as well, as
        `single_mistakes.py` reads them.

    Raises:
      DataError: a picture cannot be written.
    """
    found = sheets_of(trained, dataset, split, predictions=predictions, plugins=plugins, why=why)
    drawn, heads = dict(found), trained.note.heads
    for name in heads:
        file = folder / (f"{as_file_name(name)}-{_FILE}" if len(heads) > 1 else _FILE)
        if name in drawn:
            folder.mkdir(parents=True, exist_ok=True)
            write_png(draw_sheet(drawn[name], side=_SIDE), file)
            if singly and heads[name].target.positional:
                cells = [cell for row in drawn[name].sections[0].rows for cell in row]
                single_mistakes.write(file.with_suffix(""), cells)
        else:
            single_mistakes.remove(file.with_suffix(""))
            file.unlink(missing_ok=True)


def sheets_of(
    trained: Trained,
    dataset: StoredDataset,
    split: str,
    *,
    predictions: Path,
    plugins: Sequence[Path] = (),
    most: int = MOST,
    why: bool = False,
) -> Iterator[tuple[str, Sheet]]:
    """Yields the worst mistakes of each head that makes any, with its name.

    Of samples that stages draw anew in every epoch there are none: what was judged is not kept.

    Args:
      trained: the model that the predictions are of.
      predictions: the file, as `judgments.writing` leaves it.
      most: mistakes of a head that are shown.
      why: whether it is shown of classes where the reason lies, of a model without a fault there.
    """
    heads = trained.note.heads
    reading = plan(dataset, split, shuffle=False, plugins=plugins)
    if reading.refresher is not None and reading.refresher.stages:
        return
    for name, task in heads.items():
        before, of = (f"{name}_", f" in {name}") if len(heads) > 1 else ("", "")
        mistakes, surest = _read(predictions, before, task, most)
        if mistakes:
            told = why and attribution.OPTION in task.takes
            shown = _Shown(trained=trained, head=name, feed=Feed(reading), surest=surest, why=told)
            yield (
                name,
                Sheet(
                    title=f"The worst mistakes{of}",
                    notes=[f"{dataset.name} {dataset.manifest.version}, {split}"],
                    sections=[shown.section(mistakes)],
                ),
            )


def _read(
    predictions: Path, before: str, task: Task, most: int
) -> tuple[list[_Judged], Mapping[str, list[_Judged]]]:
    """Returns the worst mistakes, and of each class those samples that the model knows best.

    Args:
      before: what the names of the head's columns begin with.
      most: number of mistakes.
    """
    of_class: dict[str, list[tuple[tuple[float, int], _Judged]]] = defaultdict(list)
    worst: list[tuple[tuple[float, int], _Judged]] = []
    with predictions.open(encoding="utf-8", newline="") as file:
        for place, line in enumerate(csv.DictReader(file)):
            found = _judged(line, before, task.judged_by, place)
            if found is None:
                continue
            right, judged = found
            if not right:
                _keep(worst, judged, most)
            elif isinstance(task.target, ClassLabel):
                _keep(of_class[judged.answer], judged, _EXAMPLES)
    return _sorted(worst), {name: _sorted(each) for name, each in of_class.items()}


def _judged(
    line: Mapping[str, str], before: str, judged_by: str, place: int
) -> tuple[bool, _Judged] | None:
    """Returns whether an answer is right, and what the file says; None where it was not judged."""
    score, confidence = line[before + judged_by], line[before + "confidence"]
    if not score:
        return None
    if judged_by == "right":
        right, weight = score == "true", float(confidence or 0)
        told = f"{weight:.3f}" if confidence else ""
    else:
        value = float(score)
        weight = 1 - value if judged_by == "iou" else value
        right, told = weight <= 0, f"{judged_by} {value:.4g}"
    judged = _Judged(
        place=place,
        key=line["key"],
        truth=line[before + "truth"],
        answer=line[before + "answer"],
        weight=weight,
        told=told,
    )
    return right, judged


def _keep(heap: list[tuple[tuple[float, int], _Judged]], judged: _Judged, most: int) -> None:
    """Adds to a heap of the greatest; ranks differ, so nothing behind them is compared."""
    push = heapq.heappush if len(heap) < most else heapq.heappushpop
    push(heap, (judged.rank, judged))


def _sorted(heap: list[tuple[tuple[float, int], _Judged]]) -> list[_Judged]:
    return [judged for _, judged in sorted(heap, key=lambda each: each[0], reverse=True)]


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """How the mistakes of a head are shown.

    Attributes:
      trained: the model.
      head: name of the head.
      feed: the split.
      surest: samples of each class that the model knows best.
      why: whether it is shown where the reason for a mistake lies.
    """

    trained: Trained
    head: str
    feed: Feed
    surest: Mapping[str, list[_Judged]]
    why: bool = False

    @property
    def _task(self) -> Task:
        return self.trained.note.heads[self.head]

    def section(self, mistakes: Sequence[_Judged]) -> Section:
        """Returns the rows of a sheet, of as many mistakes each as there is room for."""
        first, last, cells = "mistake", "taken for", self._beside_example
        if self._task.target.positional:
            first, last, cells = "truth", "answer", self._beside_answer
        elif not isinstance(self._task.target, ClassLabel):
            first, last, cells = "mistake", "", self._alone
        groups = [cells(each) for each in mistakes]
        names = [first, *("" if cell is None else cell.name for cell in groups[0][1:])]
        names[-1] = last or names[-1]
        each = max(1, _COLUMNS // len(names))
        rows = [
            [cell for group in groups[at : at + each] for cell in group]
            for at in range(0, len(groups), each)
        ]
        return Section(headings=names * each, rows=rows)

    def _alone(self, judged: _Judged) -> list[Cell | None]:
        return [self._cell(judged, *_lines(judged)), *self._reasons(judged)]

    def _beside_example(self, judged: _Judged) -> list[Cell | None]:
        """Returns a mistake, then a sample of the class that it was taken for, if there is any."""
        example = self._nearest(judged)
        told = "" if example is None else example.said
        return [*self._alone(judged), None if example is None else self._cell(example, told)]

    def _reasons(self, judged: _Judged) -> list[Cell]:
        if not self.why:
            return []
        image = self._sample(judged).image
        (found,) = attribution.attribute(self.trained, image[None])
        return found[self.head].cells(image)

    def _nearest(self, judged: _Judged) -> _Judged | None:
        """Returns the sample of the class it was taken for that looks most like it."""
        looks = _thumbnail(self._sample(judged))
        return min(
            self.surest.get(judged.answer, ()),
            key=lambda each: float(np.square(_thumbnail(self._sample(each)) - looks).sum()),
            default=None,
        )

    def _beside_answer(self, judged: _Judged) -> list[Cell | None]:
        """Returns a mistake with what is true, then with what the model says, drawn over it."""
        sample, heads = self._sample(judged), self.trained.note.heads
        outputs = self.trained.model.predict_on_batch(sample.image[None])
        found = np.asarray(outputs_by_head(heads, outputs)[self.head])[0]
        # The only target of a dataset may have another name than the head.
        true = sample.targets.get(self.head, next(iter(sample.targets.values())))
        return [
            self._drawn(sample, true, judged.key),
            self._drawn(sample, self._task.answer(found).value, judged.told),
        ]

    def _drawn(self, sample: Sample, value: object, name: str) -> Cell:
        """Returns a picture with a value of this head alone over it."""
        only = {self.head: self._task.target}
        return Cell.of(
            sample.replace(targets={self.head: value}, positional=only), name=name, lines=()
        )

    def _cell(self, judged: _Judged, *lines: str) -> Cell:
        return Cell(image=self._sample(judged).image, name=judged.key, lines=lines)

    def _sample(self, judged: _Judged) -> Sample:
        return self.feed.finished(judged.place)


def _lines(judged: _Judged) -> tuple[str, str]:
    return f"is {judged.truth}", f"answer {judged.said}"


def _thumbnail(sample: Sample) -> np.ndarray:
    return np.asarray(picture(sample.image, _THUMBNAIL), np.float64)
