"""The errors that dsbuilder raises on purpose.

    DsbuilderError
      SpecError       the pipeline file is wrong: every problem at once, each with file and line
      PluginError     a plugin is missing, broken, or was asked for what it cannot do
      DataError       the source is wrong: a folder, a list, an image
      CacheError      a built dataset is missing, cut, corrupt or cannot be written
      TrainError      a training cannot start or go on

A message reads ``where: what was expected, what was found. What to do.`` Where nothing was found to
stand against what was expected, it is a plain sentence instead: ``flowers.yaml: no such file. Check
the path.``, not ``expected a file, found none``. The library never prints and never exits; `cli/`
turns these into text and exit codes (SpecError 2, the rest 1).
"""

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass


class DsbuilderError(Exception):
    """Base of every error raised on purpose; its text is meant for the user as it stands.

    Attributes:
      warnings: what was found before it that a user should know, sentences that say where.
    """

    warnings: Sequence[str] = ()


@contextlib.contextmanager
def carrying(warnings: Sequence[str]) -> Iterator[None]:
    """Lets an error carry warnings that would have come with the result."""
    try:
        yield
    except DsbuilderError as error:
        error.warnings = tuple(dict.fromkeys((*warnings, *error.warnings)))
        raise


@contextlib.contextmanager
def naming(path: str, given: str) -> Iterator[None]:
    """Lets an error of data call a folder as it was given, in place of where that leads."""
    try:
        yield
    except (DataError, CacheError, TrainError) as error:
        error.args = tuple(
            each.replace(path, given) if isinstance(each, str) else each for each in error.args
        )
        raise


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a pipeline.

    Attributes:
      where: file, line and place, such as ``pipelines/a.yaml:12: augment.stages[1]``.
      message: what was expected, what was found, what to do.
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class SpecError(DsbuilderError):
    """The pipeline is wrong; carries every problem that was found.

    Attributes:
      problems: problems in the order of their lines.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PluginError(DsbuilderError):
    """A plugin is missing or broken, or was asked for what it cannot do."""


class DataError(DsbuilderError):
    """The source holds something other than what was promised."""


class CacheError(DsbuilderError):
    """A built dataset is missing, cut, corrupt, or cannot be written."""


class TrainError(DsbuilderError):
    """A training cannot start or go on."""


def instead(expected: str, found: str, *, missing: str) -> str:
    """Returns what was expected and found; where nothing was found, that there is no `missing`."""
    return f"expected {expected}, found {found}" if found else f"there is no {missing}"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Returns the hint that ends an error about an unknown name, with a leading space.

    The closest known name if one is close, else all of them; empty if none is known.
    """
    names = sorted(set(known))
    close = closest(found, names)
    if close is not None:
        return f" Did you mean '{printable(close)}'?"
    if not names:
        return ""
    shown = ", ".join(printable(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    return f" Known: {shown}."


def closest(found: str, known: Iterable[str]) -> str | None:
    """Returns the known name that an unknown one is close to, or is the beginning of; else None."""
    lowered = {name.lower(): name for name in sorted(set(known))}
    close = difflib.get_close_matches(found.lower(), list(lowered), n=1, cutoff=0.6)
    begun = [name for name in lowered if found and name.startswith(found.lower())]
    if close or len(begun) == 1:
        return lowered[(close or begun)[0]]
    return None


def printable(name: str) -> str:
    r"""Returns a name as one line that any terminal takes.

    What cannot be printed is escaped as Python does (`\n`, `\x1b`), a broken byte as `\xe9`.
    """
    if name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in name)


def _escaped(letter: str) -> str:
    broken_byte = "\udc80" <= letter <= "\udcff"  # how Python reads a file name that is no UTF-8
    return f"\\x{ord(letter) - 0xDC00:02x}" if broken_byte else ascii(letter)[1:-1]


def option(flag: str, argument: str = "") -> str:
    """Names an option for whoever reads an error: as the command line has it, and as Python has.

    Args:
      flag: without the two dashes, perhaps with a value behind.
      argument: name of the argument, where it is another.
    """
    return f"--{flag} (in Python `{argument or flag.partition(' ')[0]}`)"


def shortened(names: Iterable[str], *, limit: int = 5) -> str:
    """Returns names in quotes for a message, the first `limit` and how many more there are."""
    ordered = list(names)
    shown = ", ".join(f"'{printable(name)}'" for name in ordered[:limit])
    return shown if len(ordered) <= limit else f"{shown} and {len(ordered) - limit} more"


def tallied(counts: Mapping[str, int], *, limit: int = 20) -> str:
    """Returns names with their counts for a message: the most frequent, and how many more."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    shown = ", ".join(f"'{printable(name)}' ({count})" for name, count in ordered[:limit])
    more = len(ordered) - limit
    return f"{shown} and {more} more" if more > 0 else shown
