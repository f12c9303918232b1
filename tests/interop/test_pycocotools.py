"""pycocotools, the reference reader of COCO, agrees with us."""

import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="needs pycocotools")

from pycocotools import mask as reference
from skimage import data

from dsbuilder.formats import polygon, rle

# pycocotools hands numpy 2 arrays by an interface that numpy is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def real_masks():
    """Masks with the ragged outlines of real pictures."""
    for picture, threshold in ((data.coins(), 110), (data.camera(), 60), (data.page(), 130)):
        yield (picture > threshold).astype(np.uint8)


def test_run_lengths_are_the_same_text_and_the_same_mask():
    for mask in real_masks():
        theirs = reference.encode(np.asfortranarray(mask))
        assert rle.encode(mask) == theirs["counts"].decode()
        assert np.array_equal(rle.decode(theirs["counts"].decode(), mask.shape), mask)
        assert np.array_equal(
            reference.decode({"size": mask.shape, "counts": theirs["counts"]}), mask
        )


def test_polygons_cover_what_theirs_cover_but_for_pixels_on_the_outline():
    rng = np.random.default_rng(3)
    for _ in range(30):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
        radius = rng.uniform(40, 90, 12)
        flat = np.stack([100 + radius * np.cos(angles), 100 + radius * np.sin(angles)], 1).ravel()
        theirs = reference.decode(reference.frPyObjects([flat.tolist()], 200, 200))[..., 0]
        ours = polygon.fill([flat], (200, 200))
        both, either = (ours & theirs).sum(), (ours | theirs).sum()
        assert both / either > 0.97
