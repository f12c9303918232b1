"""Which class is taken for which: of a few classes in full, of a thousand where it matters.

Rows are true classes, columns what they were taken for. A cell's shade is its share of its row, so
that classes of few samples show as clearly as large ones; what is right and what is wrong have
colors of their own. Beyond 20 classes those that are confused most are shown by name, with all
others summed up, below them all classes as a map of squares, each of as many classes as it takes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dsbuilder.report.charts.axes import ticks
from dsbuilder.report.charts.svg import (
    LEVELS,
    MARGIN,
    WIDTH,
    Heading,
    Page,
    shown,
    text_width,
)

MOST_SHOWN = 20
"""Classes up to which all are shown by name."""

_ZOOMED = 15
_LISTED = 10
_OTHERS = "(all others)"
_NAME_ROOM = 130
_LEAST_CELL, _MOST_CELL = 26, 52
_SQUARES = 50
"""Squares of the map along a side, at most."""


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """Which class is taken for which.

    Attributes:
      names: names of the classes, in id order.
      cells: (true id, predicted id, count) of pairs, each once: of every pair that there is, or of
        each class those that are right and its most frequent errors.
      class_samples: number of samples of each class; None where cells hold all.
    """

    names: Sequence[str]
    cells: Sequence[tuple[int, int, int]]
    class_samples: Sequence[int] | None = None

    @cached_property
    def _columns(self) -> np.ndarray:
        """True ids, predicted ids and counts, int64 `(3, n)`."""
        return np.array(self.cells, np.int64).reshape(-1, 3).T

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return int(self.of_class.sum())

    @property
    def right(self) -> int:
        """How many of them were taken for what they are."""
        true, taken, counts = self._columns
        return int(counts[true == taken].sum())

    @cached_property
    def of_class(self) -> np.ndarray:
        """How many samples are of each class, int64 `(num_classes,)`."""
        if self.class_samples is not None:
            return np.array(self.class_samples, np.int64)
        return self._in_cells()

    @cached_property
    def unlisted(self) -> np.ndarray:
        """How many errors of each class no cell holds, int64 `(num_classes,)`."""
        return np.asarray(self.of_class - self._in_cells())

    def _in_cells(self) -> np.ndarray:
        true, _, counts = self._columns
        sums = np.zeros(len(self.names), np.int64)
        np.add.at(sums, true, counts)
        return sums

    def errors(self) -> list[tuple[int, str, str, int]]:
        """Returns (count, true class, predicted class, samples of the true one), most first."""
        found = [cell for cell in self.cells if cell[0] != cell[1] and cell[2]]
        found.sort(key=lambda cell: (-cell[2], cell[0], cell[1]))
        return [
            (count, self.names[true], self.names[taken], int(self.of_class[true]))
            for true, taken, count in found
        ]

    def most_confused(self, at_most: int) -> list[int]:
        """Returns the ids of the classes in most errors, in id order; none that is in none."""
        true, taken, counts = self._columns
        wrong = self.unlisted.copy()
        for ids in (true, taken):
            np.add.at(wrong, ids, np.where(true == taken, 0, counts))
        order = np.argsort(-wrong, kind="stable")[:at_most]
        return sorted(int(index) for index in order if wrong[index])

    def summed(self, group: np.ndarray, groups: int) -> np.ndarray:
        """Returns counts between groups of classes, int64 `(groups, groups)`.

        Args:
          group: the group of each class, `(num_classes,)`.
        """
        true, taken, counts = self._columns
        sums = np.zeros((groups, groups), np.int64)
        np.add.at(sums, (group[true], group[taken]), counts)
        return sums

    def table(self) -> Iterator[tuple[object, ...]]:
        """Yields the headings, then a row for each pair of classes that is there."""
        yield ("truth", "answer", "count")
        for true, taken, count in sorted(self.cells):
            yield (self.names[true], self.names[taken], count)


def draw(confusions: Confusions, heading: Heading) -> str:
    """Returns a confusion matrix as the text of an SVG file."""
    described = " ".join([_described(confusions), *_listed(confusions)])
    count = len(confusions.names)
    if count <= MOST_SHOWN:
        names, counts = confusions.names, confusions.summed(np.arange(count), count)
        page = Page(heading, description=described, width=_width(names))
        _draw_cells(page, names, counts)
        return page.to_text()
    chosen = confusions.most_confused(_ZOOMED)
    names = [*(confusions.names[index] for index in chosen), _OTHERS]
    page = Page(heading, description=described, width=_width(names))
    if chosen:
        group = np.full(count, len(chosen))
        group[chosen] = np.arange(len(chosen))
        page.write(f"The {len(chosen)} of {count:,} classes in most errors:")
        counts = confusions.summed(group, len(names))
        # Whatever they were taken for, it was less often than for any class that is listed.
        np.add.at(counts[:, -1], group, confusions.unlisted)
        _draw_cells(page, names, counts, mixed=len(chosen))
    for line in _listed(confusions):
        page.write(line, kind="name")
    _draw_map(page, confusions)
    return page.to_text()


def _described(confusions: Confusions) -> str:
    return (
        f"Confusion matrix of {len(confusions.names):,} classes, a row for each true class and a "
        f"column for what it was taken for. {confusions.right:,} of {confusions.samples:,} samples "
        "are right."
    )


def _listed(confusions: Confusions) -> list[str]:
    """Returns the most frequent errors in words."""
    return [
        f"{count:,} of {samples:,} '{true}' taken for '{taken}'."
        for count, true, taken, samples in confusions.errors()[:_LISTED]
    ]


def _room(names: Sequence[str]) -> float:
    """Returns how long a name may be drawn."""
    return min(_NAME_ROOM, max(map(text_width, names), default=0.0))


def _cell(names: Sequence[str]) -> float:
    spare = WIDTH - 2 * MARGIN - 8 - _room(names)
    return min(_MOST_CELL, max(_LEAST_CELL, spare / max(1, len(names))))


def _width(names: Sequence[str]) -> float:
    """Returns how wide a page must be for cells that hold their counts."""
    return max(WIDTH, 2 * MARGIN + 8 + _room(names) + _cell(names) * len(names))


def _draw_cells(
    page: Page, names: Sequence[str], counts: np.ndarray, *, mixed: int | None = None
) -> None:
    """Draws a matrix with names and counts.

    Args:
      mixed: row and column that stand for several classes, whose common cell holds right and wrong.
    """
    room, cell = _room(names), _cell(names)
    left, top = MARGIN + room + 8, page.top + 20 + room + 10
    page.text("rows: true class, columns: taken for", MARGIN, page.top + 14)
    levels = _levels(counts, counts.sum(axis=1))
    for index, name in enumerate(names):
        middle = (index + 0.5) * cell + 4
        page.text(name, left - 8, top + middle, kind="name", room=room, text_anchor="end")
        turn = f"translate({shown(left + middle)} {shown(top - 6)}) rotate(-90)"
        page.text(name, 0, 0, kind="name", room=room, transform=turn)
    for row, column in zip(*np.nonzero(counts), strict=True):
        x, y, level = left + column * cell, top + row * cell, levels[row, column]
        group = page.add("g")
        told = f"{counts[row, column]:,} of {counts[row].sum():,} '{names[row]}'"
        page.add("title", f"{told} taken for '{names[column]}'", under=group)
        shade, color = f"{'hit' if row == column else 'miss'} s{level}", f"t{level}"
        if row == column == mixed:
            shade, color = "paper", "name"
        page.add("rect", under=group, kind=shade, x=x, y=y, width=cell, height=cell)
        count = _short(int(counts[row, column]))
        kind = f"{color} small" if text_width(count) > cell else color
        at = {"x": x + cell / 2, "y": y + cell / 2 + 4, "text_anchor": "middle"}
        page.add("text", count, under=group, kind=kind, **at)
    side = cell * len(names)
    lines = "".join(
        f"M{shown(left)} {shown(top + n * cell)}h{shown(side)}"
        f"M{shown(left + n * cell)} {shown(top)}v{shown(side)}"
        for n in range(len(names) + 1)
    )
    page.add("path", kind="grid", d=lines)
    page.top = top + side + 8


def _levels(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Returns the shade of each cell by its share of its row, 1 or more of what is there.

    Args:
      totals: `(n,)`, samples of each row.
    """
    shares = counts / np.maximum(totals, 1)[:, None]
    # Below 1, the power keeps single confusions of a large class visible.
    return np.asarray(np.ceil(shares**0.7 * LEVELS), np.int64)


def _short(count: int) -> str:
    """Returns a count in at most four characters."""
    for size, unit in ((1_000_000, "M"), (10_000, "k")):
        if count >= size:
            return f"{count // (1000 if unit == 'k' else size)}{unit}"
    return str(count)


def _draw_map(page: Page, confusions: Confusions) -> None:
    """Draws all classes as squares of several, a path for each shade."""
    count = len(confusions.names)
    each = -(-count // _SQUARES)
    squares = -(-count // each)
    group = np.arange(count) // each
    totals = np.bincount(group, confusions.of_class, squares)
    shades = _levels(confusions.summed(group, squares), totals)
    page.top += 6
    told = f"All {count:,} classes in the order of their ids"
    if each > 1:
        told += f", {each} a square; on the diagonal what is right, and errors among these {each}"
    page.write(f"{told}:")
    left, top = MARGIN + 8 + text_width(f"{count}"), page.top + 22
    side = page.width - MARGIN - left - 8
    size = side / squares
    for value in ticks(0, count - 1):
        place = (value / each + 0.5 / each) * size
        page.text(f"{value:g}", left - 6, top + place + 4, text_anchor="end")
        page.text(f"{value:g}", left + place, top - 6, text_anchor="middle")
    for kind, there in (
        ("hit", np.eye(squares, dtype=bool)),
        ("miss", ~np.eye(squares, dtype=bool)),
    ):
        levels = np.where(there, shades, 0)
        for level in range(1, LEVELS + 1):
            places = zip(*np.nonzero(levels == level), strict=True)
            d = "".join(
                f"M{shown(left + column * size)} {shown(top + row * size)}"
                f"h{shown(size)}v{shown(size)}h-{shown(size)}z"
                for row, column in places
            )
            if d:
                page.add("path", kind=f"{kind} s{level}", d=d)
    frame = f"M{shown(left)} {shown(top)}h{shown(side)}v{shown(side)}h-{shown(side)}z"
    page.add("path", kind="axis", d=frame)
    page.top = top + side
