"""The way back from what stages made of an image leads to where each pixel was."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.pipelinefile.document import parse
from dsbuilder.pipelinefile.stages import binder_of
from dsbuilder.registry import discover
from dsbuilder.seeding import generator
from dsbuilder.targets import Mask
from dsbuilder.train.restoring import placed, way_back

MASK = Mask(names=("ground", "disc"), ignore=9)


def stages(text):
    from dsbuilder.plugin import Stage

    document = parse(f"stages: {text}", origin="x", folder=Path())
    binder = binder_of(document, discover())
    bound, _ = binder.bind(tuple[Stage, ...], document.root.value["stages"], "prepare")
    assert not binder.problems
    return bound


def passed(sample, bound):
    for stage in bound:
        sample = stage.apply(sample, stage.plugin.draw(sample, generator(stage.id)))
    return sample


def disc(height, width):
    """A disc in the middle, as an image and as ids."""
    y, x = np.ogrid[:height, :width]
    ids = ((y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 3) ** 2) * 1
    return np.repeat(ids[:, :, None] * 200, 3, axis=2).astype(np.uint8), ids.astype(np.uint8)


def restored(size, text):
    """What the mask of a disc becomes that passes stages and comes back, and the disc."""
    image, ids = disc(*size)
    bound, start = stages(text), placed(image, "a.png")
    there = passed(start.replace(targets={"mask": ids}, positional={"mask": MASK}), bound)
    back = way_back(start, passed(start, bound))
    return MASK.move(there.targets["mask"], back), ids


def test_without_stages_a_mask_is_left_as_it_is():
    found, ids = restored((30, 41), "[]")
    assert np.array_equal(found, ids)


@given(st.integers(24, 300), st.integers(24, 300), st.integers(24, 90), st.integers(24, 90))
def test_a_mask_that_was_resized_comes_back(height, width, rows, columns):
    found, ids = restored((height, width), f"[{{use: resize, size: [{rows}, {columns}]}}]")
    assert found.shape == ids.shape
    seen = found != 9  # a crop cuts the rest off
    step = max(1, height / rows, width / columns)
    edge = 2 * np.pi * min(height, width) / 3
    assert (found != ids)[seen].sum() <= 1.5 * step * edge


@pytest.mark.parametrize(
    "text",
    [
        "[{use: resize, short: 40}, {use: resize, size: [40, 40], fit: crop}]",
        "[{use: resize, size: [50, 50], fit: pad}]",
        "[{use: A.SmallestMaxSize, max_size: 60}, {use: A.CenterCrop, height: 60, width: 60}]",
        "[{use: A.LongestMaxSize, max_size: 64}, {use: A.PadIfNeeded, min_height: 64, "
        "min_width: 64}]",
        "[{use: A.Resize, height: 33, width: 77}, {use: A.Transpose, p: 1.0}]",
    ],
)
def test_stages_of_every_origin_are_undone(text):
    found, ids = restored((90, 120), text)
    both = (found == 1) & (ids == 1)
    assert both.sum() / ((found == 1) | (ids == 1)).sum() > 0.94


def test_what_bends_an_image_cannot_be_undone():
    bent = "[{use: A.OpticalDistortion, distort_limit: [0.9, 0.9], p: 1.0}]"
    with pytest.raises(DataError, match="a mask or a keypoint cannot"):
        restored((90, 120), bent)
