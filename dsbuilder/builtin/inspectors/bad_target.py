"""Targets that cannot be read, or do not fit their image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import DataError, Finding, Inspector, Seen, View, inspector


@inspector("bad_target")
@dataclass(frozen=True, kw_only=True)
class BadTarget(Inspector):
    """Finds records that cannot be read as the source lists them, with file and line.

    So it does masks with values that stand for no class, or of another size than their image.
    """

    advice: ClassVar[str] = "Correct the target, or leave the record out."

    def measure(self, view: View) -> str | None:
        """Returns what is wrong with the targets of a record."""
        if view.record.error is not None:
            return view.record.error
        wrong = [f"{name}: {value}" for name, value in view.targets.items() if _is_unread(value)]
        return " ".join([*wrong, *_misfits(view)]) or None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the records with such a target."""
        for record, problem in seen.measured():
            yield Finding(key=record.key, text=" ".join(problem.split()), value=problem)


def _is_unread(value: object) -> bool:
    return isinstance(value, DataError)


def _misfits(view: View) -> Iterator[str]:
    """Yields what is wrong with targets that should have the size of the image."""
    for name, target in view.kinds.items():
        value = view.targets[name]
        if not target.of_pixels or _is_unread(value) or view.image is None:
            continue
        if value.shape[:2] != view.image.shape[:2]:
            (height, width), (rows, columns) = view.image.shape[:2], value.shape[:2]
            yield f"{name}: expected {width} x {height} pixels, found {columns} x {rows}."
