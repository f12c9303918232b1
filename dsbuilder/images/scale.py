"""Resizing, and fitting an image of one shape into another."""

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from dsbuilder.images import color
from dsbuilder.images.size_limit import check_size

Interpolation = Literal["area", "linear", "cubic", "nearest"]
Fit = Literal["crop", "pad", "stretch"]
Size = tuple[int, int]
Array = npt.NDArray[Any]

_FLAGS: dict[Interpolation, int] = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "nearest": cv2.INTER_NEAREST_EXACT,  # by pixel centers, as the others; plain NEAREST is not
}


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an image goes when it is fitted: cut a box, scale it, lay it on a canvas.

    A point (y, x) of the source goes to ((y - box_top) * scaled_height / box_height + offset_top,
    the same for x); that is what boxes and keypoints need.

    Attributes:
      box: (top, left, height, width) that is cut from the source, in its pixels.
      scaled: (height, width) that the box is resized to.
      offset: (top, left) of the scaled box on the canvas; negative where the canvas cuts it.
    """

    box: tuple[int, int, int, int]
    scaled: Size
    offset: tuple[int, int]


def resize(image: Array, size: Size, *, interpolation: Interpolation = "area") -> Array:
    """Returns `(H, W, C)` resized to `(*size, C)`, of the same dtype; itself if it has that size.

    `area` averages along an axis that shrinks and is linear along one that grows, so that neither
    aliasing nor blocks appear where the two differ. In images of 4 channels colors are weighted by
    alpha: what is transparent does not bleed. `nearest` mixes no pixels at all.

    Args:
      image: uint8, uint16 or float32.
      size: (height, width), both at least 1.

    Raises:
      DataError: it would be larger than an image may become here; see `size_limit.py`.
    """
    if image.shape[:2] == size:
        return image
    if size[0] * size[1] > image.shape[0] * image.shape[1]:
        check_size(*size)
    if image.shape[2] != 4 or interpolation == "nearest" or _is_opaque(image):
        return _resize(image, size, interpolation)
    weighted = image.astype(np.float32)
    for channel in range(3):
        weighted[:, :, channel] *= weighted[:, :, 3]
    resized = _resize(weighted, size, interpolation)
    visible = resized[:, :, 3] > 0
    divisor = np.where(visible, resized[:, :, 3], np.float32(1))
    for channel in range(3):
        resized[:, :, channel] *= visible / divisor
    return _rounded(resized, image.dtype)


def fit(
    image: Array,
    size: Size,
    *,
    fit: Fit,
    interpolation: Interpolation = "area",
    background: color.Background = (255, 255, 255),
) -> Array:
    """Returns `(H, W, C)` brought to `(*size, C)`; itself if it has that size.

    `crop` covers the size and cuts what stands over, evenly on both sides; `pad` shows the whole
    image and fills the rest; `stretch` changes the proportions. An odd pixel goes to the bottom and
    right.

    Args:
      background: RGB of the padding, in the image's own range; its luma for gray images, and fully
        transparent for images with alpha.
    """
    if image.shape[:2] == size:
        return image
    placement = place((image.shape[0], image.shape[1]), size, fit=fit)
    top, left, height, width = placement.box
    box = image[top : top + height, left : left + width]
    return _laid(
        resize(box, placement.scaled, interpolation=interpolation),
        size,
        offset=placement.offset,
        background=background,
    )


def place(source: Size, size: Size, *, fit: Fit) -> Placement:
    """Returns where `fit` puts an image of (height, width) `source` on a canvas of `size`.

    A crop is cut on the finer of the two grids: from the source when it shrinks, which also spares
    the work on what would be cut, and from the result when it grows. Proportions are thus kept to
    half a pixel of the finer grid.
    """
    whole = (0, 0, *source)
    if fit == "stretch":
        return Placement(box=whole, scaled=size, offset=(0, 0))
    if fit == "crop" and _shrinks(source, size):
        box = _contained(size, source)
        return Placement(box=(*_centerd(box, source), *box), scaled=size, offset=(0, 0))
    scaled = _contained(source, size) if fit == "pad" else _covering(source, size)
    return Placement(box=whole, scaled=scaled, offset=_centerd(scaled, size))


def _shrinks(source: Size, size: Size) -> bool:
    return source[0] >= size[0] and source[1] >= size[1]


def _contained(shape: Size, frame: Size) -> Size:
    """Returns the largest size of the proportions of `shape` within `frame`, at least 1 x 1."""
    (height, width), (frame_height, frame_width) = shape, frame
    if height * frame_width >= width * frame_height:
        return frame_height, max(1, _divided(width * frame_height, height))
    return max(1, _divided(height * frame_width, width)), frame_width


def _covering(shape: Size, frame: Size) -> Size:
    """Returns the smallest size of the proportions of `shape` around `frame`."""
    (height, width), (frame_height, frame_width) = shape, frame
    if height * frame_width >= width * frame_height:
        return max(frame_height, _divided(height * frame_width, width)), frame_width
    return frame_height, max(frame_width, _divided(width * frame_height, height))


def _divided(dividend: int, divisor: int) -> int:
    """Returns the quotient rounded to nearest, halves up, in integers: the same everywhere."""
    return (2 * dividend + divisor) // (2 * divisor)


def _centerd(inner: Size, outer: Size) -> tuple[int, int]:
    """Returns the (top, left) of `inner` in the middle of `outer`; negative where it is larger."""
    return _half(outer[0] - inner[0]), _half(outer[1] - inner[1])


def _half(length: int) -> int:
    return length // 2 if length >= 0 else -(-length // 2)


def _laid(
    image: Array, size: Size, *, offset: tuple[int, int], background: color.Background
) -> Array:
    top, left = offset
    check_size(*size)
    if image.shape[0] >= size[0] and image.shape[1] >= size[1]:
        return np.ascontiguousarray(image[-top : size[0] - top, -left : size[1] - left])
    canvas = np.empty((*size, image.shape[2]), image.dtype)
    canvas[:] = filling(image.shape[2], background)
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def filling(channels: int, background: color.Background) -> tuple[int, ...]:
    """Returns a background as a value for each channel; transparent where there is alpha."""
    if channels == 1:
        red, green, blue = background
        return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16,)
    return (*background, 0)[:channels]


def _is_opaque(image: Array) -> bool:
    full = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1.0
    return bool((image[:, :, 3] == full).all())


def _resize(image: Array, size: Size, interpolation: Interpolation) -> Array:
    height, width = image.shape[:2]
    if interpolation != "area":
        return _pass(image, size, interpolation)
    shrunk = min(height, size[0]), min(width, size[1])
    if shrunk != (height, width):
        image = _pass(image, shrunk, "area")
    return image if shrunk == size else _pass(image, size, "linear")


def _pass(image: Array, size: Size, interpolation: Interpolation) -> Array:
    resized: Array = cv2.resize(image, size[::-1], interpolation=_FLAGS[interpolation])
    return resized.reshape(*size, image.shape[2])  # OpenCV drops the last axis of one channel


def _rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind != "u":
        return values.astype(dtype)
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)
