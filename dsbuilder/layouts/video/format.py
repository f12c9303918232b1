"""What files beside a video say of its time: subtitles (.srt, .vtt) and tables of intervals.

    1                                     WEBVTT               start,end,label
    00:00:01,000 --> 00:00:02,500                              0,2.5,walk
    Tom asleep                            00:01.000 --> 00:02.500
                                          Tom <i>asleep</i>    00:01:10,90.25,run

Times are seconds, or hours, minutes and seconds with colons between them. What lasts from a start
to an end is true of the frames from the start on, and no more of the one at the end.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dsbuilder.errors import DataError
from dsbuilder.layouts.cells import text
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import read_table, read_text
from dsbuilder.plugin import did_you_mean

SUBTITLES = ("srt", "vtt")
START, END, LABEL, FILE = "start", "end", "label", "file"
COLUMNS = (START, END, LABEL)

_ARROW = "-->"
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:[.,]\d+)?)", re.ASCII)


class LabeledInterval(NamedTuple):
    """What is true for some time.

    Attributes:
      start_s, end_s: when it begins and ends, in seconds.
      label: a text or a class.
    """

    start_s: float
    end_s: float
    label: str


def at(intervals: Sequence[LabeledInterval], time_s: float) -> list[str]:
    """Returns the labels of a moment, each once, in the order in which they begin."""
    found = (each.label for each in intervals if each.start_s <= time_s < each.end_s)
    return list(dict.fromkeys(found))


def seconds(said: object) -> float:
    """Returns a time in seconds.

    Raises:
      DataError: it is none.
    """
    if isinstance(said, (int, float)) and not isinstance(said, bool) and 0 <= said < 1e9:
        return float(said)
    found = _CLOCK.fullmatch(said.strip()) if isinstance(said, str) else None
    if found is not None:
        hours, minutes, rest = found.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
    if isinstance(said, str) and re.fullmatch(r"\d+(\.\d*)?", said.strip(), re.ASCII):
        return float(said)
    raise DataError(f"expected a time, such as 12.5 or 00:01:12.5, found {said!r}.")


def read_subtitles(path: Path) -> list[LabeledInterval]:
    """Returns the cues of a file of subtitles, in the order in which they begin.

    Raises:
      DataError: it is not UTF-8, or a cue has no times.
    """
    return sorted(_cues(path, read_text(path, "file of subtitles")))


def _cues(path: Path, content: str) -> Iterator[LabeledInterval]:
    lines = re.split(r"\r\n|\n|\r", content)
    for number, line in enumerate(lines, start=1):
        if _ARROW not in line:
            continue
        start, _, rest = line.partition(_ARROW)
        try:
            times = seconds(start), seconds((rest.split() or [""])[0])
        except DataError as error:
            raise DataError(f"{path}:{number}: {error} Correct the line.") from None
        if times[1] < times[0]:
            raise DataError(
                f"{path}:{number}: expected an end after the start, found {line.strip()!r}. "
                "Correct the line."
            )
        words = []
        for following in lines[number:]:
            if not following.strip():
                break
            words.append(_TAG.sub("", following).strip())
        yield LabeledInterval(*times, " ".join(filter(None, words)))


def read_intervals(path: Path) -> dict[str | None, list[LabeledInterval]]:
    """Returns the intervals of a table by its column `file`, None without one.

    Raises:
      DataError: the table cannot be read, a column is missing, or a row is wrong; of these all are
        told at once, up to a limit.
    """
    faults = Faults()
    table = read_table(path, faults)
    absent = [name for name in COLUMNS if name not in table.columns]
    if absent:
        raise DataError(
            f"{path}: there is no column '{absent[0]}'.{did_you_mean(absent[0], table.columns)} "
            f"Intervals have the columns {', '.join(COLUMNS)}."
        )
    found: dict[str | None, list[LabeledInterval]] = {}
    for row in table.rows:
        with faults.collecting(f"{path}:{row.line}", "Correct the line."):
            file = text(row.cells.get(FILE)) if FILE in table.columns else None
            found.setdefault(file, []).append(_interval(row.cells))
    faults.check()
    return {file: sorted(each) for file, each in found.items()}


def _interval(cells: Mapping[str, object]) -> LabeledInterval:
    start_s, end_s = seconds(cells.get(START)), seconds(cells.get(END))
    if end_s < start_s:
        raise DataError(f"expected an end after the start, found {start_s:g} to {end_s:g}.")
    label = text(cells.get(LABEL)).strip()
    if not label:
        raise DataError("expected a label, found an empty cell.")
    return LabeledInterval(start_s, end_s, label)
