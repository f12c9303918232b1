"""What libraries below write on stderr: held back, and told once, grouped and counted.

libtiff, libpng, libjpeg, OpenCV and FFmpeg write a line for an odd image, and for a thousand odd
images a thousand, in this process and in workers. No setting of theirs keeps that back. So while a
verb runs, the descriptor 2 of the process and of all it starts is a file that is read as it grows;
what this program prints goes to the terminal by another descriptor. Lines of nobody known, such as
a plugin prints, are passed on as they are.

A file and no pipe: a library may write while it holds Python's lock, and then nobody could empty
the pipe. Should the process crash, what it wrote at last is lost; where it was says `faulthandler`.
"""

import contextlib
import faulthandler
import os
import re
import sys
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TextIO

from dsbuilder.cli.screen import HELD, echo, warn
from dsbuilder.errors import printable

_STDERR = 2
_POLL_S = 0.2
_MOST_KINDS = 3
_MOST_LETTERS = 160

_LIBRARIES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "libpng": re.compile(r"libpng (?:warning|error): "),
        "libtiff": re.compile(
            r"(?:_?TIFF\w*|OJPEG\w*|(?:LZW|ZIP|Fax\w*|PackBits|PixarLog|Dump\w*|LogLuv\w*|JPEG|WebP|"
            r"ZSTD|LZMA|LERC|Thunder|NeXT)\w*(?:Decode|Encode|Setup|Lib|Cleanup)\w*): "
        ),
        "libjpeg": re.compile(
            r"Corrupt JPEG data: |Premature end of JPEG file|Unsupported marker type |"
            r"Invalid SOS parameters |Invalid component ID |Inconsistent progression sequence |"
            r"Warning: unknown JFIF revision |Application transferred too (?:few|many) scanlines"
        ),
        "OpenCV": re.compile(r"\[ ?(?:WARN|ERROR|INFO) ?:\d+@[\d.]+\] "),
        "FFmpeg": re.compile(r"\[[\w,. -]+ @ (?:0x)?[0-9a-f]+\] "),
        "TensorFlow": re.compile(
            r"[IWE]\d{4} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] |"
            r"WARNING: All log messages before absl::"
        ),
    }
)
"""How a line of each begins."""

_PYTHON = re.compile(r"(?P<place>[/<].*:\d+): (?P<category>\w*Warning): (?P<text>.*)")
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?")


@dataclass
class LibraryLines:
    """Lines that were held back.

    Attributes:
      counts: number of lines of each kind, by library; kinds differ not in numbers alone.
      first: the first line of each kind.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    _quoted: bool = False

    def take(self, line: str) -> bool:
        """Whether a line is one of a library, and was counted."""
        if self._quoted and line.startswith("  "):  # the source that a warning of Python stands in
            self._quoted = False
            return True
        found = _PYTHON.match(line)
        self._quoted = found is not None
        if found is not None:
            self.count(found["category"], f"{found['text']} ({found['place']})")
            return True
        for library, pattern in _LIBRARIES.items():
            if pattern.match(line):
                self.count(library, line.removeprefix(f"{library} "))
                return True
        return False

    def count(self, library: str, text: str) -> None:
        """Counts a line of a library, or a warning of Python by its category."""
        kind = _VARYING.sub("#", text)
        self.counts.setdefault(library, Counter())[kind] += 1
        self.first.setdefault((library, kind), text)

    def taken(self) -> list[str]:
        """Returns a warning for each library, and counts anew."""
        told = list(self.told())
        self.counts.clear()
        self.first.clear()
        return told

    def told(self) -> Iterator[str]:
        """Yields a warning for each library."""
        for library, kinds in self.counts.items():
            shown = ", ".join(
                f"'{_short(self.first[library, kind])}'" + (f" ({count} times)" * (count > 1))
                for kind, count in kinds.most_common(_MOST_KINDS)
            )
            more = len(kinds) - _MOST_KINDS
            rest = f" and {more} other kinds" if more > 0 else ""
            total = kinds.total()
            wrote = "" if library.endswith("Warning") else f" wrote {total} line{'s' * (total > 1)}"
            yield f"{library}{wrote}: {shown}{rest}."


def _short(text: str) -> str:
    text = printable(text.strip())
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 3]}..."


@contextlib.contextmanager
def grouped() -> Iterator[None]:
    """Holds lines of libraries back for as long as the block runs, then tells of them.

    Where stderr is not that of the process, as in a test, nothing is held back.
    """
    if not _is_own(sys.stderr):
        yield
        return
    lines = LibraryLines()
    try:
        with _redirected(lines) as catch_up, _python_warnings(lines):

            def held() -> list[str]:
                catch_up()
                return lines.taken()

            token = HELD.set(held)
            try:
                yield
            finally:
                HELD.reset(token)
    finally:
        warn(lines.taken())


def _is_own(stream: TextIO) -> bool:
    try:
        return stream.fileno() == _STDERR
    except (OSError, ValueError, AttributeError):
        return False


@contextlib.contextmanager
def _redirected(lines: LibraryLines) -> Iterator[Callable[[], None]]:
    """Lets what is written on the descriptor 2 be counted or passed on, to where it led before.

    Yields what does so with all that was written until then.
    """
    before, terminal = sys.stderr, os.dup(_STDERR)
    sys.stderr = os.fdopen(
        terminal, "w", buffering=1, encoding=before.encoding, errors=before.errors
    )
    was_enabled = faulthandler.is_enabled()
    with tempfile.TemporaryFile() as file, sys.stderr as stderr:
        faulthandler.enable(stderr)
        os.dup2(file.fileno(), _STDERR)
        reader = _Reader(file.fileno(), lines)
        reader.start()
        try:
            yield reader.catch_up
        finally:
            os.dup2(terminal, _STDERR)
            reader.end()
            faulthandler.disable()
            sys.stderr = before
    if was_enabled:
        faulthandler.enable()


@contextlib.contextmanager
def _python_warnings(lines: LibraryLines) -> Iterator[None]:
    """Counts warnings of Python in this process, of libraries that it imports."""
    before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = " ".join(str(message).split())
        lines.count(category.__name__, f"{text} ({filename}:{lineno})")

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


class _Reader(threading.Thread):
    """Reads a file as it grows, a line at a time."""

    def __init__(self, descriptor: int, lines: LibraryLines) -> None:
        super().__init__(name="lines of libraries", daemon=True)
        self._descriptor, self._lines = descriptor, lines
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._place, self._begun = 0, b""

    def run(self) -> None:
        """Reads until `end` is called."""
        while not self._ended.wait(_POLL_S):
            self.catch_up()

    def end(self) -> None:
        """Reads what is left."""
        self._ended.set()
        self.join()
        self.catch_up()
        if self._begun:
            self._pass(self._begun)

    def catch_up(self) -> None:
        """Reads what was written since."""
        with self._lock:
            while chunk := os.pread(self._descriptor, 1 << 16, self._place):
                self._place += len(chunk)
                *whole, self._begun = (self._begun + chunk).split(b"\n")
                for line in whole:
                    self._pass(line)

    def _pass(self, line: bytes) -> None:
        text = line.decode(errors="backslashreplace")
        if not self._lines.take(text):
            echo(text)
