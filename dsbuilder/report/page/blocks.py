"""What a page is made of, as plain data: sections of tables, charts, pictures and code.

Whoever tells of a dataset or a run puts these together; `html.py` alone knows how they look. Texts
may hold anything: they are escaped there.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

LONGEST = 240
"""Letters of a name that a page shows; a longer one is cut in its middle."""

Cell = str | int | float | None

_NUMBER = re.compile(r"-?[0-9][0-9,]*(\.[0-9]+)?( \[[^\]]*\])?( (bytes|kB|MB|GB|%))?|-")


@dataclass(frozen=True, kw_only=True)
class KeyNumbers:
    """A few numbers that stand for the whole.

    Attributes:
      tiles: value and what it counts.
    """

    form: ClassVar[str] = "tiles"
    tiles: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Names with their values.

    Attributes:
      pairs: name and value; a value may have several lines.
    """

    form: ClassVar[str] = "pairs"
    pairs: Sequence[tuple[str, str | Sequence[str]]]

    @property
    def lines(self) -> list[tuple[str, Sequence[str]]]:
        """The pairs, the value of each as lines."""
        return [(name, [said] if isinstance(said, str) else said) for name, said in self.pairs]


@dataclass(frozen=True, kw_only=True)
class DataRow:
    """One row of a table.

    Attributes:
      cells: values from the left; None is an empty cell.
      classes: names of the classes that it is about, by which it can be filtered; None where it
        always stays.
      marked: whether it stands out.
      pair: true class and the one that it is taken for, of a row whose last cell leads to the
        pictures of strips of that pair.
    """

    cells: Sequence[Cell]
    classes: Sequence[str] | None = None
    marked: bool = False
    pair: tuple[str, str] | None = None

    @property
    def filtered_by(self) -> str | None:
        """The names of the classes as JSON."""
        return _filtered_by(self.classes)

    @property
    def picked_by(self) -> str | None:
        """The pair as JSON."""
        return _filtered_by(self.pair)


@dataclass(frozen=True, kw_only=True)
class DataTable:
    """Rows under headings, which sort them.

    Attributes:
      caption: what it shows.
      headings: names of the columns; the first names what a row is of.
      rows: rows in their order.
      more: number of further rows that are left out.
      sortable: whether headings sort.
      shows_caption: whether the caption is seen, or heard alone.
    """

    form: ClassVar[str] = "table"
    caption: str
    headings: Sequence[str]
    rows: Sequence[DataRow]
    more: int = 0
    sortable: bool = True
    shows_caption: bool = True

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers alone, and stand at the right."""
        columns = range(len(self.headings))
        return [
            any(_is_number(row.cells[at]) for row in self.rows)
            and all(row.cells[at] is None or _is_number(row.cells[at]) for row in self.rows)
            for at in columns
        ]


@dataclass(frozen=True, kw_only=True)
class DrawnChart:
    """A chart, with the table of what it shows behind it.

    Attributes:
      title: what it shows.
      svg: the chart as `report/charts/` draws it.
      table: its numbers; None where they stand in another table of the page.
    """

    form: ClassVar[str] = "chart"
    title: str
    svg: str
    table: DataTable | None


@dataclass(frozen=True, kw_only=True)
class Charts:
    """Charts side by side, as far as there is room.

    Attributes:
      charts: charts in their order.
    """

    form: ClassVar[str] = "charts"
    charts: Sequence[DrawnChart]


@dataclass(frozen=True, kw_only=True)
class ChartChoice:
    """Charts of which one is shown at a time.

    Attributes:
      title: what is chosen.
      options: what each is called, and the chart; the first is shown.
    """

    form: ClassVar[str] = "choice"
    title: str
    options: Sequence[tuple[str, DrawnChart]]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Blocks side by side, where there is room.

    Attributes:
      blocks: blocks from the left.
    """

    form: ClassVar[str] = "beside"
    blocks: Sequence[DataTable | DrawnChart | ChartChoice]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture.

    Attributes:
      source: picture as a data URI.
      size: (height, width) in pixels.
      alt: what it shows, in words.
      lines: lines below it.
    """

    source: str
    size: tuple[int, int]
    alt: str
    lines: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Pictures that belong together, under a line that says what they are of.

    Attributes:
      pictures: pictures from the left.
      name: name of what they are of; empty for none.
      labels: what it is labelled with.
      classes: names of the classes that it can be filtered by.
      whole: whether a picture is as wide as the page.
      pair: true class and the one that it is taken for, by which a table picks it.
      spare: whether it is shown only where it is picked or filtered by.
    """

    pictures: Sequence[Picture]
    name: str = ""
    labels: Sequence[str] = ()
    classes: Sequence[str] = ()
    whole: bool = False
    pair: tuple[str, str] | None = None
    spare: bool = False

    @property
    def filtered_by(self) -> str | None:
        """The names of the classes as JSON."""
        return _filtered_by(self.classes)

    @property
    def picked_by(self) -> str | None:
        """The pair as JSON."""
        return _filtered_by(self.pair)


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Strips of pictures.

    Attributes:
      title: what they show.
      strips: strips in their order.
      note: sentence below the title; empty for none.
      joined: whether strips stand side by side, as those of one picture do.
    """

    form: ClassVar[str] = "gallery"
    title: str
    strips: Sequence[Strip]
    note: str = ""
    joined: bool = False

    @property
    def is_picked_from(self) -> bool:
        """Whether a table picks strips of it."""
        return any(strip.pair is not None for strip in self.strips)


@dataclass(frozen=True, kw_only=True)
class Code:
    """A text to copy.

    Attributes:
      title: what it is.
      text: the text.
      language: what it is written in.
      note: sentence about it; empty for none.
      folded: whether it is shown on demand.
    """

    form: ClassVar[str] = "code"
    title: str
    text: str
    language: str
    note: str = ""
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Sentences.

    Attributes:
      notes: sentences, a paragraph each, or a list where there are several.
    """

    form: ClassVar[str] = "notes"
    notes: Sequence[str]


Block = (
    KeyNumbers
    | Pairs
    | DataTable
    | DrawnChart
    | Charts
    | ChartChoice
    | Beside
    | Gallery
    | Code
    | Notes
)


@dataclass(frozen=True, kw_only=True)
class PageSection:
    """A part of a page under a heading.

    Attributes:
      mark: id of the section, small letters and hyphens.
      title: heading of the section.
      blocks: what it holds, from top to bottom.
    """

    mark: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """A page.

    Attributes:
      kind: what it is about: a dataset, a run, several runs.
      title: name of what it is about.
      lead: sentences below the title.
      sections: sections from top to bottom; an empty one is left out.
      classes: names of the classes that can be filtered by.
    """

    kind: str
    title: str
    lead: Sequence[str]
    sections: Sequence[PageSection]
    classes: Sequence[str] = ()


def table_of(rows: Iterable[Sequence[object]], caption: str, *, most: int = 400) -> DataTable:
    """Returns the table behind a chart, of headings and rows as charts tell them.

    Args:
      most: number of rows that are shown.
    """
    headings, *values = ([*row] for row in rows)
    return DataTable(
        caption=caption,
        headings=[str(each) for each in headings],
        rows=[DataRow(cells=[_cell(each) for each in row]) for row in values[:most]],
        more=max(0, len(values) - most),
        shows_caption=False,
    )


def lighter(page: ReportPage) -> ReportPage:
    """Returns a page with half of its pictures and half of the rows of its tables."""
    sections = [
        replace(section, blocks=[_lighter(block) for block in section.blocks])
        for section in page.sections
    ]
    return replace(page, sections=sections)


def _lighter(block: Block) -> Block:
    if isinstance(block, DataTable):
        return _halved(block)
    if isinstance(block, Gallery):
        return replace(block, strips=block.strips[: len(block.strips) // 2])
    if isinstance(block, Beside):
        inner = [_halved(each) if isinstance(each, DataTable) else each for each in block.blocks]
        return replace(block, blocks=inner)
    return block


def _halved(table: DataTable) -> DataTable:
    kept = table.rows[: len(table.rows) // 2]
    return replace(table, rows=kept, more=table.more + len(table.rows) - len(kept))


def cut(text: str) -> str:
    """Returns a text that is no longer than a page shows, its middle left out if need be."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}…{text[-half:]}"


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _is_number(value: Cell) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _filtered_by(classes: Sequence[str] | None) -> str | None:
    return None if classes is None else json.dumps([cut(each) for each in classes])
