"""A fold lightens one side of its crease and darkens the other, and leaves what is far away."""

import numpy as np
import pytest

from dsbuilder.builtin.transforms.fold import FoldedPaper
from dsbuilder.plugin import Range, Sample

CREASE = {"x": 0.5, "y": 0.5, "angle": 0.0, "strength": 0.4, "width": 0.05}


def test_the_sides_of_a_crease_are_lighter_and_darker() -> None:
    image = np.full((60, 80, 4), 100, np.uint8)
    folded = (
        FoldedPaper().apply(Sample(key="a", image=image, targets={}), {"creases": [CREASE]}).image
    )
    row = folded[30, :, 0].astype(int)
    assert row[41] > 120
    assert row[38] < 80
    assert abs(row[0] - 100) <= 1
    assert (np.diff(row[42:]) <= 0).all()
    assert (folded[..., 3] == 100).all()


def test_an_angle_turns_the_crease() -> None:
    image = np.full((60, 80, 1), 100, np.uint8)
    params = {"creases": [{**CREASE, "angle": 90.0}]}
    folded = FoldedPaper().apply(Sample(key="a", image=image, targets={}), params).image
    assert np.ptp(folded[20, :, 0]) == 0
    assert folded[31, 0, 0] > 120 > 80 > folded[28, 0, 0]


@pytest.mark.parametrize(
    "wrong", [{"creases": 0}, {"width": Range(0, 1)}, {"strength": Range(0, 2)}]
)
def test_options_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="expected"):
        FoldedPaper(**wrong)
