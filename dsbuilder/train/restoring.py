"""The way back from what stages made of an image: answers with places are told of it as it came.

The stages between an image and a model resize, crop or pad it. Where its pixels went is asked of
the stages themselves, whichever they are: a mask that holds every pixel's place passes them with
the image, and the affine map that fits what comes out leads back.
"""

from functools import lru_cache

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.sample import Motion, Sample
from dsbuilder.targets import Mask

_BYTE = Mask(names=tuple(str(value) for value in range(256)))
_PLACES = dict.fromkeys(("rows", "rows_low", "columns", "columns_low", "inside"), _BYTE)
_MOST = 1 << 14
_TOLERANCE = 1.0
"""How far a place may lie from the fit, in pixels: nearest neighbors are half a pixel off."""


def placed(image: np.ndarray, key: str) -> Sample:
    """Returns a sample of an image whose targets are masks that hold its pixels' places."""
    height, width = image.shape[:2]
    return Sample(key=key, image=image, targets=_places(height, width), positional=_PLACES)


def way_back(before: Sample, after: Sample) -> Motion:
    """Returns where pixels of `after` came from, of a sample that `placed` made.

    Raises:
      DataError: the stages did more than to resize, crop, pad, turn or mirror.
    """
    found = {name: value.astype(np.int64) for name, value in after.targets.items()}
    y, x = np.nonzero(found["inside"])
    y, x = (each[:: len(y) // _MOST + 1] for each in (y, x))
    rows = (found["rows"] << 8 | found["rows_low"])[y, x] + 0.5
    columns = (found["columns"] << 8 | found["columns_low"])[y, x] + 0.5
    places = np.stack([x + 0.5, y + 0.5, np.ones(len(x))], axis=1)
    origins = np.stack([columns, rows], axis=1)
    fit, *_ = np.linalg.lstsq(places, origins, rcond=None)
    if not len(x) or np.abs(places @ fit - origins).max() > _TOLERANCE:
        raise DataError(
            "expected stages of prepare and finish that resize, crop or pad, found others: a mask "
            "or a keypoint cannot be brought back through them. Use others, or predict on images "
            "that passed them."
        )
    matrix = np.vstack([fit.T, [0.0, 0.0, 1.0]])
    return Motion(matrix=matrix, before=after.image.shape[:2], after=before.image.shape[:2])


@lru_cache(maxsize=1)
def _places(height: int, width: int) -> dict[str, np.ndarray]:
    rows, columns = (each.astype(np.uint16) for each in np.indices((height, width)))
    return {
        "rows": (rows >> 8).astype(np.uint8),
        "rows_low": (rows & 255).astype(np.uint8),
        "columns": (columns >> 8).astype(np.uint8),
        "columns_low": (columns & 255).astype(np.uint8),
        "inside": np.ones((height, width), np.uint8),
    }
