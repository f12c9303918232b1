"""A record's bytes to pixels, at the scale that the first stage asks for."""

from collections.abc import Sequence

import numpy as np

from dsbuilder.images import color
from dsbuilder.images import encoding as image_format
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.plugin import Stage


def decode(
    pixels: bytes | np.ndarray, options: ImageOptions, stages: Sequence[Stage]
) -> np.ndarray:
    """Returns what a source read as `(H, W, C)` uint8 in the mode of the options.

    Args:
      stages: what is applied next, to every image; the first one decides whether a large JPEG is
        decoded at a reduced scale.

    Raises:
      DataError: the bytes are no whole image.
    """
    if isinstance(pixels, np.ndarray):
        return color.convert(pixels, options.mode, background=options.background_rgb)
    return image_format.decode(
        pixels,
        mode=options.mode,
        background=options.background_rgb,
        shrunk=stages[0].plugin.shrinks_to if options.reduced_decode and stages else None,
    )
