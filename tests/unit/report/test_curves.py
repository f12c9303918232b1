"""Curves over epochs: round numbers on the axes, and a picture for whatever there is to draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.report.curves import Curve, Panel, draw, ticks

BLUE = (31, 98, 180)


def panel(*values, **given):
    curve = Curve(name="train", x=range(1, len(values) + 1), y=values)
    return Panel(title="loss", curves=[curve], **given)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(4, 10))
def test_ticks_are_evenly_spaced_and_within_the_range(low, span, at_most):
    found = ticks(low, low + span, at_most=at_most)
    assert 1 <= len(found) <= at_most + 1
    slack = span * 1e-6
    assert all(low - slack <= tick <= low + span + slack for tick in found)
    if len(found) > 2:
        steps = np.diff(found)
        assert np.allclose(steps, steps[0], rtol=1e-3)


def test_ticks_are_round_numbers():
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(1, 15, at_most=8) == [2, 4, 6, 8, 10, 12, 14]


def test_panels_stand_side_by_side():
    one, two = draw([panel(1, 2)]), draw([panel(1, 2), panel(3, 4)])
    assert two.width == 2 * one.width
    assert two.height == one.height


def test_a_falling_curve_falls():
    pixels = np.asarray(draw([panel(*np.linspace(2, 0, 10))]))
    # The legend, in the same color, is above the panel.
    rows, columns = np.nonzero((pixels[44:] == BLUE).all(axis=2))
    assert np.corrcoef(rows, columns)[0, 1] > 0.95


@pytest.mark.parametrize(
    "panels",
    [
        [],
        [panel()],
        [panel(1.5)],
        [panel(0.0, 0.0)],
        [panel(1.0, float("nan"), float("inf"), 2.0)],
        [panel(*range(500))],
        [panel(1e-9, 2e-9)],
        [panel(1.0, 2.0, marks=[(1.5, "fine_tune")])],
    ],
)
def test_whatever_there_is_is_drawn(panels):
    picture = draw(panels)
    assert picture.mode == "RGB"
    assert len(picture.getcolors(100_000)) > 1


def test_equal_data_give_equal_pictures():
    assert draw([panel(1, 2)]).tobytes() == draw([panel(1, 2)]).tobytes()
