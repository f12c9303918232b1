"""How `predict` prints answers as they come: a table, CSV, or a JSON value a line.

A file that is not answered is named on stderr; of JSON lines, on stdout in its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dsbuilder.cli.screen import (
    GrowingTable,
    comma_separated,
    labeled,
    one_line,
    show_json_line,
    shown,
)
from dsbuilder.tasks import task_of

Kinds = Mapping[str, str]
"""Kinds of the targets that a model learnt, by name."""

Answer = Mapping[str, Any]
"""As one of `PredictDocument.predictions` or of its `failures`."""


class Printer(Protocol):
    """Prints answers, one by one."""

    def answer(self, found: Answer) -> None:
        """Prints what the model says of an image."""

    def failure(self, found: Answer) -> None:
        """Says why it says nothing of one."""

    def close(self) -> None:
        """Prints what was held back."""


class JsonLines:
    """A JSON value a line."""

    def answer(self, found: Answer) -> None:
        """Prints the answer."""
        show_json_line(found)

    failure = answer

    def close(self) -> None:
        """Does nothing."""


class _OfRows:
    """What prints a row an image, under headings that the first answer decides."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds

    def _heads(self, found: Answer) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yields of each head its name, empty of the only one, its kind, and what it says."""
        for name, kind in self._kinds.items():
            yield (name, kind, found["heads"][name]) if len(self._kinds) > 1 else ("", kind, found)

    def failure(self, found: Answer) -> None:
        """Names the image on stderr."""
        labeled("error:", one_line(found["error"]), fg="red", err=True)


class AnswerTable(_OfRows):
    """A table for a person."""

    _grown: GrowingTable | None = None

    def answer(self, found: Answer) -> None:
        """Adds a row."""
        cells = [
            (name or task_of(kind).column, task_of(kind).cells(each))
            for name, kind, each in self._heads(found)
        ]
        if self._grown is None:
            blanks = [[heading, *[""] * (len(own) - 1)] for heading, own in cells]
            self._grown = GrowingTable(["image", *(each for some in blanks for each in some)])
        row = [shown(Path(found["path"])), *(each for _, own in cells for each in own)]
        self._grown.add(row)

    def close(self) -> None:
        """Prints the first rows, if they were not enough to say how wide columns are."""
        if self._grown is not None:
            self._grown.flush()


class CommaSeparated(_OfRows):
    """Lines of CSV: the path, of each head its answer, then classes with their numbers."""

    _begun = False

    def answer(self, found: Answer) -> None:
        """Prints a line, the first one below its headings."""
        pairs = [
            (f"{name}_{column}" if name else column, value)
            for name, kind, each in self._heads(found)
            for column, value in _columns(each, task_of(kind).scored_by)
        ]
        if not self._begun:
            comma_separated([["path", *(column for column, _ in pairs)]])
            self._begun = True
        comma_separated([[found["path"], *(value for _, value in pairs)]])

    def close(self) -> None:
        """Does nothing."""


def _columns(answer: Mapping[str, Any], scored_by: str) -> Iterator[tuple[str, Any]]:
    """Yields what one head says of an image by column, in the same columns for every image."""
    value = answer.get("value")
    if isinstance(value, Mapping):  # of keypoints
        for name, (x, y) in ((name, place or (None, None)) for name, place in value.items()):
            yield f"{name}_x", x
            yield f"{name}_y", y
        return
    for key in ("value", "mask", "overlay", "why"):
        if key in answer:
            yield "answer" if key == "value" else key, answer[key]
    scores: Sequence[Mapping[str, Any]] = answer.get("classes", ())
    for place, each in enumerate(scores, 1):
        yield f"class_{place}", each["name"]
        yield f"{scored_by}_{place}", each[scored_by]
