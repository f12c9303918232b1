"""The contract kit finds what is broken of an inspector: each law with one that breaks it alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import numpy as np
import pytest

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector
from dsbuilder.testing import check_plugin

ALL = count()


@inspector("good")
@dataclass(frozen=True, kw_only=True)
class Good(Inspector):
    """Finds images that are too small.

    Attributes:
      least: pixels of the shorter side.
    """

    least: int = 50
    advice: ClassVar[str] = "Take a larger image."

    def measure(self, view: View) -> int | None:
        return None if view.image is None else min(view.image.shape[:2])

    def judge(self, seen: Seen) -> Iterator[Finding]:
        for record, side in seen.measured():
            if side < self.least:
                text = f"its shorter side has {side} pixels"
                yield Finding(key=record.key, text=text, value=side, threshold=self.least)


def broken(**members: Any) -> Inspector:
    """Returns a `Good` with some members replaced."""
    namespace = {"__doc__": Good.__doc__, "__module__": __name__, **members}
    cls = dataclass(frozen=True, kw_only=True)(type("Broken", (Good,), namespace))
    return inspector("broken")(cls)()


def found(**changes: Any) -> Mapping[str, Any]:
    """Returns a `judge` that yields one finding, changed."""
    usual = {"key": "00.png", "text": "small", "value": 3}
    return {"judge": lambda self, seen: iter([Finding(**{**usual, **changes})])}


def blacken(self: Good, view: View) -> None:
    if view.image is not None and view.image.flags.writeable:
        view.image[:] = 0


def test_a_good_inspector_passes() -> None:
    check_plugin(Good(least=20))
    check_plugin(broken(of_records=False, **found(key=None)))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"advice": ""}, "expected advice as a sentence"),
        ({"advice": "do it"}, "expected advice as a sentence"),
        ({"measure": lambda self, view: next(ALL)}, "expected one measure of one record"),
        ({"measure": lambda self, view: bytes(9000)}, "a measure of at most 4096 bytes"),
        ({"measure": blacken}, "expected the image left alone"),
        ({"judge": lambda self, seen: iter([Finding(key=None, text=str(next(ALL)))])}, "the same"),
        (found(key="elsewhere.png"), "expected the key of a record"),
        (found(key=None), "expected the key of a record"),
        ({**found(), "of_records": False}, "None where of_records is False"),
        (found(others=("elsewhere.png",)), "expected keys of records in `others`"),
        (found(text="two\nlines"), "expected a text of one line"),
        (found(text=""), "expected a text of one line"),
        (found(value=(1, 2)), "expected JSON values"),
        (found(threshold={1: 2}), "expected JSON values"),
    ],
)
def test_a_broken_inspector_is_found(members: Mapping[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_plugin(broken(**members))


def test_an_inspector_that_needs_pixels_of_every_file_is_found() -> None:
    eager = broken(measure=lambda self, view: int(np.mean(view.image.shape)))
    with pytest.raises(AssertionError, match="findings: expected no error, found AttributeError"):
        check_plugin(eager)
