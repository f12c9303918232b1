"""A pixel array -> a picture of a given size, as a person can judge it.

Small images are enlarged by a whole factor without smoothing, so that single pixels stay visible;
others are enlarged or reduced smoothly. Transparency shows a checkerboard.
"""

import numpy as np
from PIL import Image, ImageDraw

PAPER = (255, 255, 255)
INK = (32, 32, 32)
FAINT = (110, 110, 110)
LINE = (218, 218, 218)
ALARM = (176, 32, 32)
_SQUARES = ((255, 255, 255), (208, 208, 208))
_SQUARE = 8


def picture(image: np.ndarray, side: int) -> Image.Image:
    """Returns an image as RGB that fits into a square and touches two of its sides if it can.

    Args:
      image: `(H, W, C)`, C in 1, 3, 4; uint8, uint16, or floats (see `to_uint8`).
      side: side of the square, in pixels.
    """
    pixels = to_uint8(image)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    scaled = _scaled(Image.fromarray(pixels), side)
    return _on_checkerboard(scaled) if scaled.mode == "RGBA" else scaled


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Returns pixels for the eye, uint8 of the same shape.

    uint16 is divided by 257. Floats in [0, 1] are taken as shares of 255; other floats, such as
    standardized ones, are stretched from their smallest to their largest value.
    """
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype == np.uint16:
        return (image // 257).astype(np.uint8)
    values = image.astype(np.float64)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if low < 0 or high > 1:
        values = (values - low) / max(high - low, 1e-12)
    return np.rint(values * 255).astype(np.uint8)


def placeholder(side: int) -> Image.Image:
    """Returns what stands where there is no image: a crossed square."""
    image = Image.new("RGB", (side, side), (250, 240, 240))
    draw = ImageDraw.Draw(image)
    last = side - 1
    draw.rectangle((0, 0, last, last), outline=ALARM)
    draw.line((0, 0, last, last), fill=ALARM)
    draw.line((0, last, last, 0), fill=ALARM)
    return image


def _scaled(image: Image.Image, side: int) -> Image.Image:
    longest = max(image.width, image.height)
    if longest * 2 <= side:
        factor = side // longest
        size = (image.width * factor, image.height * factor)
        return image.resize(size, Image.Resampling.NEAREST)
    share = side / longest
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _on_checkerboard(image: Image.Image) -> Image.Image:
    rows, columns = np.indices((image.height, image.width)) // _SQUARE
    colors = np.array(_SQUARES, np.uint8)
    board = Image.fromarray(colors[(rows + columns) % 2])
    board.paste(image, mask=image.getchannel("A"))
    return board
