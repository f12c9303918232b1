"""DiffAugment (Zhao et al., "Differentiable augmentation for data-efficient GAN training", 2020).

Real and generated images pass the same kind of change on their way to the discriminator, and
gradients pass it on their way back: so the discriminator cannot learn a small set by heart, and the
generator does not learn to draw the changes. What is random is drawn on the host, as numbers in
[0, 1) that come in with the images; all else is `keras.ops`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from dsbuilder.train.gan.options import Augmentation

NUMBERS = 7
"""Numbers that are drawn for an image: brightness, saturation, contrast, a shift, a hole."""

_SHIFT = 1 / 8
_HOLE = 1 / 2


def draw(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draws what is random for so many images, float32 `(count, 7)`."""
    return rng.random((count, NUMBERS), dtype=np.float32)


def diff_augment(images: Any, drawn: Any, parts: Sequence[Augmentation]) -> Any:
    """Returns images `(N, H, W, C)` in [-1, 1], changed as was drawn.

    Args:
      drawn: `(N, 7)` in [0, 1).
      parts: which changes are made, in this order: color, translation, cutout.
    """
    if "color" in parts:
        images = color(images, drawn[:, 0], drawn[:, 1], drawn[:, 2])
    if "translation" in parts:
        images = translation(images, drawn[:, 3], drawn[:, 4])
    if "cutout" in parts:
        images = cutout(images, drawn[:, 5], drawn[:, 6])
    return images


def color(images: Any, brightness: Any, saturation: Any, contrast: Any) -> Any:
    """Returns images that are brighter by up to 0.5, of 0 to 2 times the saturation and 0.5 to 1.5
    times the contrast.
    """
    brightness, saturation, contrast = (
        each[:, None, None, None] for each in (brightness, saturation, contrast)
    )
    images = images + (brightness - 0.5)
    if images.shape[-1] > 1:
        gray = ops.mean(images, axis=-1, keepdims=True)
        images = (images - gray) * (saturation * 2) + gray
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (contrast + 0.5) + mean


def translation(images: Any, down: Any, right: Any) -> Any:
    """Returns images shifted by up to an eighth of a side; what comes in is 0, the middle gray."""
    rows = _shifted(images.shape[1], down)
    columns = _shifted(images.shape[2], right)
    images = ops.einsum("nij,njwc->niwc", rows, images)
    return ops.einsum("nkw,niwc->nikc", columns, images)


def _shifted(side: int, drawn: Any) -> Any:
    """Returns for each image the matrix `(side, side)` that shifts along a side."""
    most = int(side * _SHIFT + 0.5)
    shift = ops.cast(ops.floor(drawn * (2 * most + 1)), "int32") - most
    places = ops.arange(side, dtype="int32")
    meets = ops.equal(places[None, :, None] - shift[:, None, None], places[None, None, :])
    return ops.cast(meets, "float32")


def cutout(images: Any, down: Any, right: Any) -> Any:
    """Returns images with a hole of half their height and width, partly outside perhaps."""
    rows = _within(images.shape[1], down)[:, :, None]
    columns = _within(images.shape[2], right)[:, None, :]
    return images * (1 - rows * columns)[..., None]


def _within(side: int, drawn: Any) -> Any:
    """Returns for each image which places along a side are in its hole, as 0 and 1."""
    length = int(side * _HOLE + 0.5)
    first = ops.cast(ops.floor(drawn * (side + 1 - length % 2)), "int32") - length // 2
    places = ops.arange(side, dtype="int32")[None]
    inside = ops.logical_and(places >= first[:, None], places < first[:, None] + length)
    return ops.cast(inside, "float32")
