"""Where results go: one JSON document on stdout, or lines and tables; warnings go to stderr.

Names of classes and files are shown as they are: no markup, no emoji codes, nothing cut in a pipe.
What would control a terminal, turn the direction of a line, end it or not be seen is escaped. For
that, all of `cli/` prints through this module, and says where there is more than a line.
"""

import csv
import io
import itertools
import json
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from dsbuilder.cli.typed_paths import as_typed
from dsbuilder.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from dsbuilder.actions.document import Document

_PIPE_WIDTH = 200
_MOST_ALIKE = 3
_VARYING = re.compile(r"^\S+(?=: )|'[^'\n]*'|\"[^\"\n]*\"|\d+(?:\.\d+)?")
"""What warnings of one kind differ in: whom they are about, names in quotes, numbers."""
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, all but tab and line feed
    r"\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e0fff\ud800-\udfff]"  # tags, which no one sees, and broken bytes
)


HELD: ContextVar[Callable[[], Iterable[str]]] = ContextVar("held", default=tuple)
"""What yields warnings that were held back, each once; they are told before a result."""

Lines = str | Sequence[str]
"""A line, or several; what else ends a line in it is escaped."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """How a verb shows its result.

    Attributes:
      as_json: whether stdout gets one JSON document, and nothing else.
      quiet: whether there is neither progress nor result, but warnings and errors alone.
      said: warnings printed so far; of a long work some are told before its result.
    """

    as_json: bool = False
    quiet: bool = False
    said: list[str] = field(default_factory=list, init=False)

    @property
    def shows_progress(self) -> bool:
        """Whether a user wants to see how far the work is."""
        return not (self.as_json or self.quiet)

    def show(self, document: "Document | Mapping[str, Any]", draw: Callable[[], None]) -> None:
        """Shows a result: its warnings, then itself as JSON or as `draw` prints it."""
        warn(HELD.get()())
        if isinstance(document, Mapping):  # of a verb without an action
            values = document
        else:
            self.warn(document.warnings)
            values = document.to_json()
        if self.as_json:
            show_json(values)
        elif not self.quiet:
            draw()

    def tell(self, text: str) -> None:
        """Prints a line of what goes on, where progress is shown."""
        if self.shows_progress:
            echo(one_line(text))

    def warn(self, messages: Iterable[str]) -> None:
        """Prints the warnings that were not said before."""
        fresh = [each for each in dict.fromkeys(messages) if each not in self.said]
        self.said.extend(fresh)
        warn(fresh)


def warn(messages: Iterable[str]) -> None:
    """Prints warnings on stderr, a line each; of very many of a kind some, and how many more."""
    kinds: dict[str, list[str]] = {}
    for message in messages:
        kinds.setdefault(_VARYING.sub("#", message), []).append(message)
    for alike in kinds.values():
        most = _MOST_ALIKE if len(alike) > _MOST_ALIKE + 1 else len(alike)
        for message in alike[:most]:
            labeled("warning:", one_line(message), fg="yellow", err=True)
        if len(alike) > most:
            more = f"... and {len(alike) - most} more of this kind; --json lists all."
            labeled("warning:", more, fg="yellow", err=True)


def labeled(label: str, text: str, *, fg: str, err: bool = False) -> None:
    """Prints a text after a label in color, its further lines indented: none is a message."""
    first, *rest = harmless(as_typed(text, shown)).split("\n")
    click.echo(f"{click.style(label, fg=fg, bold=True)} {first}", err=err)
    for more in rest:
        click.echo(f"  {more.removeprefix('  ')}", err=err)


def show_json(values: Any) -> None:
    """Prints JSON values on stdout; what would control a terminal stands as JSON escapes."""
    from dsbuilder import typed_json

    _show_json(typed_json.dumps(values, indent=1))


def _show_json(text: str) -> None:
    click.echo(_CONTROL.sub(lambda match: json.dumps(match[0])[1:-1], text))


def harmless(text: str) -> str:
    """Returns a text, of one line or more, in which no character controls a terminal."""
    return _CONTROL.sub(lambda match: printable(match[0]), text)


def echo(text: str, *, end: str = "\n") -> None:
    """Prints a text on stderr."""
    click.echo(harmless(text) + end, err=True, nl=False)


def erase(width: int) -> None:
    """Empties the line on stderr that was printed without an end."""
    click.echo(f"\r{' ' * width}\r", err=True, nl=False)


def line(text: str = "") -> None:
    """Prints a line on stdout, however long it is."""
    click.echo(one_line(text))


def prose(text: str) -> None:
    """Prints a text of any number of lines on stdout."""
    click.echo(harmless(text))


def one_line(text: str) -> str:
    """Returns a text as a line in which no character controls a terminal."""
    return harmless(text).replace("\n", "\\n")


def heading(text: str, more: str = "") -> None:
    """Prints a line on stdout that begins in bold."""
    click.echo(click.style(one_line(text), bold=True) + one_line(more))


def facts(pairs: Sequence[tuple[str, Lines]]) -> None:
    """Prints names with their values, the values below each other."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *rest = _lines(value)
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {first}")
        for more in rest:
            click.echo(f"{' ' * width}  {more}")


def _lines(value: Lines) -> list[str]:
    return [one_line(each) for each in ([value] if isinstance(value, str) else value)]


def table(
    headings: Sequence[str], rows: Sequence[Sequence[Lines]], *, right: Sequence[int] = ()
) -> None:
    """Prints a table; the columns numbered in `right` hold numbers."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, each in enumerate(headings):
        drawn.add_column(
            one_line(each), justify="right" if index in right else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*("\n".join(_lines(cell)) for cell in row))
    shows = console()
    with shows.capture() as captured:
        shows.print(drawn)
    for each in captured.get().splitlines():
        click.echo(each.rstrip())


class GrowingTable:
    """A table whose rows are printed as they come, on stdout.

    The first rows say how wide its columns are; a longer cell shifts the rest of its row.
    """

    _FIRST = 32

    def __init__(self, headings: Sequence[str]) -> None:
        self._rows: list[list[str]] = [[one_line(each) for each in headings]]
        self._widths: list[int] = []

    def add(self, cells: Sequence[str]) -> None:
        """Adds a row, which is printed now unless columns are not known yet."""
        self._rows.append([one_line(each) for each in cells])
        if self._widths or len(self._rows) > self._FIRST:
            self.flush()

    def flush(self) -> None:
        """Prints the rows that are not printed yet; so must whoever has added the last one."""
        from rich.cells import cell_len, set_cell_size

        if not self._widths:
            columns = itertools.zip_longest(*self._rows, fillvalue="")
            self._widths = [max(map(cell_len, column)) for column in columns]
        for row in self._rows:
            padded = (
                cell if cell_len(cell) > width else set_cell_size(cell, width)
                for cell, width in zip(row, self._widths, strict=False)
            )
            click.echo("  ".join(padded).rstrip())
        self._rows.clear()


def comma_separated(rows: Iterable[Sequence[object]]) -> None:
    """Prints rows on stdout as CSV; None is an empty cell."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    click.echo(harmless(text.getvalue()), nl=False)


def show_json_line(values: Any) -> None:
    """Prints JSON values as one line on stdout, escaped as `show_json` does."""
    from dsbuilder import typed_json

    _show_json(typed_json.dumps(values))


def console(*, err: bool = False) -> "Console":
    """Returns a console that shows text as it is; in a pipe it is wide enough to cut nothing."""
    from rich.console import Console

    file = sys.stderr if err else sys.stdout
    width = None if file.isatty() else _PIPE_WIDTH
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    echo(warnings.formatwarning(str(message), category, filename, lineno, line), end="")


def can_show(text: str) -> bool:
    """Whether the encoding of stdout has all letters of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shown(path: Path) -> str:
    """Returns a path as a user would type it: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def duration(seconds: float) -> str:
    """Returns a time in words, as coarse as its length allows."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(num_bytes: float) -> str:
    """Returns a size in bytes as a short text, in powers of ten."""
    for unit in ("bytes", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}" if unit == "bytes" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"


def use_tolerant_streams() -> None:
    """Lets a name that the terminal's encoding lacks be escaped instead of ending the program.

    Warnings of libraries are escaped, too.
    """
    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
