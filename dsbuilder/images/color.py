"""Between channel layouts, in whole sRGB values."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from dsbuilder.sample import CHANNELS, Mode

_ROWS = 256

Background = tuple[int, int, int]
Pixels = npt.NDArray[np.uint8]


def convert(image: Pixels, mode: Mode, *, background: Background) -> Pixels:
    """Returns `(H, W, C)` uint8 with C in 1, 3, 4 brought to `mode`; itself if it is there already.

    Transparency is flattened over `background` for `rgb` and `gray`, and kept for `rgba`, where
    other images become opaque.
    """
    channels = image.shape[2]
    if channels == CHANNELS[mode]:
        return image
    if mode == "rgba":
        return _opaque(image)
    if channels == 4:
        image = flatten(image, background)
    elif channels == 1:
        return np.repeat(image, 3, axis=2)
    return luma(image) if mode == "gray" else image


def luma(image: Pixels) -> Pixels:
    """Returns `(H, W, 3)` RGB as gray `(H, W, 1)`: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    In 16-bit fixed point, rounded to nearest, as in Pillow's mode L; gray RGB keeps its value.
    """
    return np.array(Image.fromarray(image).convert("L"))[:, :, None]


def flatten(image: Pixels, background: Background) -> Pixels:
    """Returns `(H, W, 4)` laid over a color: (color A + background (255 - A)) / 255, rounded."""
    flat = np.empty((*image.shape[:2], 3), np.uint8)
    for rows in _bands(len(image)):
        alpha = image[rows, :, 3].astype(np.uint16)
        rest = 255 - alpha
        # A channel at a time: 8 times faster than over an axis of 3. 255 * 255 + 127 fits in 16
        # bits.
        for channel, value in enumerate(background):
            mixed = image[rows, :, channel] * alpha + rest * np.uint16(value) + np.uint16(127)
            flat[rows, :, channel] = mixed // np.uint16(255)
    return flat


def narrow(values: npt.NDArray[np.uint16]) -> Pixels:
    """Returns 16-bit values as 8-bit ones: value / 257, rounded, so that 65535 is 255."""
    narrowed = np.empty(values.shape, np.uint8)
    for rows in _bands(len(values)):
        narrowed[rows] = (values[rows].astype(np.uint32) + 128) // 257
    return narrowed


def _bands(height: int) -> Iterator[slice]:
    """Yields rows, some at a time: wider numbers of all would take several times the image."""
    yield from (slice(start, start + _ROWS) for start in range(0, height, _ROWS))


def _opaque(image: Pixels) -> Pixels:
    code = cv2.COLOR_GRAY2RGBA if image.shape[2] == 1 else cv2.COLOR_RGB2RGBA
    opaque: Pixels = cv2.cvtColor(image, code)
    return opaque
