"""The page that a chart stands on: one SVG file that says what it shows, to eyes and to readers.

A screen reader gets a title and a description in words, which names the file that holds the
numbers; text stays text; colors follow what the reader prefers, light or dark, and keep apart for
those who see two kinds of color alone. Equal data give equal bytes.
"""

import bisect
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from dsbuilder.errors import printable

WIDTH = 480
"""Least width of a chart in its own units: small, so that text is readable on a phone as well."""

MARGIN = 16
SMALL = 13
"""Height of all letters but those of the title."""

PAPER = ("#ffffff", "#16181c")
INK = ("#1b1b1b", "#f4f4f4")
FAINT = ("#5a5a5a", "#a8a8a8")
GRID = ("#dcdcdc", "#3a3d44")
LINES = (
    ("#0072b2", "#56b4e9"),
    ("#eb6214", "#ff8914"),
    ("#622727", "#ffebc4"),
    ("#8900ff", "#c400ff"),
    ("#b18976", "#89764e"),
    ("#3b149d", "#9db1b1"),
)
"""Colors of lines on light and on dark paper: each, after the first, the one that is farthest from
those before it for whichever eyes it is nearest to, all that differ in color vision included."""
HIT = ("#053f7d", "#8ec5ff")
MISS = ("#8a2b00", "#ffb38a")
DASHES = ("none", "7 4", "2 3", "9 3 2 3")
LEVELS = 8
"""Shades of a cell, the last of them full."""
STRONG = (6, 5)
"""The shades from which on a text in a cell has the color of the paper."""

_TITLE = 18


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What stands over a chart.

    Attributes:
      title: what it shows.
      dataset: name and version of the dataset.
      samples: number of samples, by the split that they are of.
      score: what it comes to, in words, such as `accuracy 0.93`; empty where nothing is to be said.
      numbers: name of the file that holds the numbers, as seen from the chart.
    """

    title: str
    dataset: str
    samples: Mapping[str, int] = field(default_factory=dict)
    score: str = ""
    numbers: str

    @property
    def subject(self) -> str:
        """Dataset, splits with their counts, and the score."""
        counts = [f"{split}: {count:,} samples" for split, count in self.samples.items()]
        return " · ".join(filter(None, (self.dataset, *counts, self.score)))


class Page:
    """An SVG file that grows downwards.

    Attributes:
      width: its width in units, of which a screen shows as many pixels or more.
      top: where the next thing goes, in units from above.
    """

    def __init__(self, heading: Heading, *, description: str, width: float = WIDTH) -> None:
        """Begins with the heading.

        Args:
          description: what a person would see, in sentences.
        """
        self.width, self.top = width, float(MARGIN)
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "class": "chart"})
        told = {
            "title": " · ".join(filter(None, (heading.title, heading.subject))),
            "desc": f"{description} The numbers are in {heading.numbers}.",
        }
        # Several charts may come to stand in one document, where no two ids are to be the same.
        mark = f"{zlib.crc32(' '.join(told.values()).encode('utf-8', 'replace')):08x}"
        for tag, text in told.items():
            self.add(tag, text, id=f"{tag}-{mark}")
        self._root.set("role", "img")
        self._root.set("aria-labelledby", f"title-{mark} desc-{mark}")
        self.add("style").text = _STYLE
        self._paper = self.add("rect", kind="paper")
        self.write(heading.title, kind="title", size=_TITLE)
        self.write(heading.subject)

    def add(
        self,
        tag: str,
        text: str = "",
        *,
        kind: str = "",
        under: ET.Element | None = None,
        **values: object,
    ) -> ET.Element:
        """Adds an element.

        Args:
          kind: its classes.
          under: what it is a part of; None for the whole.
          values: its attributes, `_` standing for a hyphen; numbers are rounded to a tenth.
        """
        attributes = {"class": kind} if kind else {}
        attributes.update({name.replace("_", "-"): shown(each) for name, each in values.items()})
        element = ET.SubElement(self._root if under is None else under, tag, attributes)
        element.text = printable(text) or None
        return element

    def text(
        self,
        text: str,
        x: float,
        y: float,
        *,
        kind: str = "tick",
        room: float | None = None,
        **values: object,
    ) -> None:
        """Adds one line of text, its baseline at y; a longer one is elided, and whole in a tooltip.

        Args:
          kind: its classes, such as `title`, `note`, `tick` or `name`.
          room: width that it may take; None for any.
        """
        text = printable(text)
        short = text if room is None else elided(text, room)
        element = self.add("text", short, kind=kind, under=None, x=x, y=y, **values)
        if short != text:
            self.add("title", text, under=element)

    def write(self, text: str, *, kind: str = "note", size: int = SMALL) -> None:
        """Adds lines of text under what there is, as many as it takes."""
        for line in wrapped(printable(text), self.width - 2 * MARGIN, size):
            self.top += round(size * 1.4)
            self.text(line, MARGIN, self.top - round(size * 0.4), kind=kind)

    def to_text(self) -> str:
        """Returns the file, which is to be written as UTF-8."""
        width, height = shown(self.width), shown(self.top + MARGIN)
        self._paper.attrib.update(width=width, height=height)
        # Larger where there is room, and on a phone no smaller than can be read.
        least, most = shown(self.width * 0.75), shown(self.width * 1.4)
        self._root.attrib.update(
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            style=f"width:100%;height:auto;min-width:{least}px;max-width:{most}px",
        )
        return ET.tostring(self._root, "unicode") + "\n"


def shown(value: object) -> str:
    """Returns a number rounded to a tenth, anything else as it is written."""
    if isinstance(value, (int, float)):
        return f"{round(float(value), 1) + 0.0:.1f}".removesuffix(".0")  # 0.0 takes a sign from 0
    return printable(str(value))


def text_width(text: str, size: float = SMALL) -> float:
    """Returns about how wide a text is, rather too much: the font is the reader's."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return (0.59 * (len(text) - wide) + wide) * size


def elided(text: str, room: float, size: float = SMALL) -> str:
    """Returns a text that is no wider than `room`, its middle left out if need be."""
    if text_width(text, size) <= room:
        return text
    kept = bisect.bisect_left(
        range(len(text)), True, key=lambda kept: text_width(_ends(text, kept), size) > room
    )
    return _ends(text, max(1, kept - 1))


def _ends(text: str, kept: int) -> str:
    front = -(-kept // 2)
    return f"{text[:front]}…{text[len(text) - (kept - front) :]}"


def wrapped(text: str, room: float, size: float = SMALL) -> list[str]:
    """Returns the lines of a text, cut between words; a word that is too wide is elided."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, size) <= room:
            lines[-1] = joined
        else:
            lines.append(elided(word, room, size))
    return lines


def _colors(paper: int) -> str:
    """Returns the colors on light (0) or on dark (1) paper."""
    lines = "".join(f".chart .c{n}{{color:{color[paper]}}}" for n, color in enumerate(LINES))
    on_cells = "".join(
        f".chart .t{n}{{fill:{(PAPER if n >= STRONG[paper] else INK)[paper]}}}"
        for n in range(1, LEVELS + 1)
    )
    return (
        f".chart .paper{{fill:{PAPER[paper]}}}"
        f".chart .title,.chart .name{{fill:{INK[paper]}}}"
        f".chart .note,.chart .tick{{fill:{FAINT[paper]}}}"
        f".chart .grid{{stroke:{GRID[paper]}}}"
        f".chart .axis,.chart .mark{{stroke:{FAINT[paper]}}}"
        f".chart .hit{{fill:{HIT[paper]}}}.chart .miss{{fill:{MISS[paper]}}}{lines}{on_cells}"
    )


_STYLE = (
    ".chart text{font-family:system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
    f"font-size:{SMALL}px}}.chart .title{{font-size:{_TITLE}px;font-weight:600}}"
    ".chart .small{font-size:10px}"
    ".chart .grid,.chart .axis,.chart .mark{fill:none}.chart .mark{stroke-dasharray:4 4}"
    ".chart .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}"
    ".chart .dot{fill:currentColor}"
    + "".join(f".chart .d{n}{{stroke-dasharray:{dash}}}" for n, dash in enumerate(DASHES))
    + "".join(f".chart .s{n}{{fill-opacity:{n / LEVELS:g}}}" for n in range(1, LEVELS + 1))
    + _colors(0)
    + f"@media (prefers-color-scheme:dark){{{_colors(1)}}}"
)
