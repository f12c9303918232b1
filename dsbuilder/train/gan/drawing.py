"""Images that a generator draws, and sheets of them.

Each is a function of the weights, a seed, its class and its number: so a sheet shows the same
places from epoch to epoch, and an image can be drawn again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from PIL import Image

from dsbuilder.report.sheet import write_png
from dsbuilder.seeding import generator as seeded

_BATCH = 128
_GAP = 2
_MOST_ROWS, _COLUMNS = 20, 10
_PLAIN_ROWS = 8
"""Rows of a sheet without classes."""


def draw(
    generator: keras.Model, numbers: Sequence[tuple[int, int]], *, seed: int, what: str
) -> np.ndarray:
    """Returns images, uint8 `(N, H, W, C)`.

    Args:
      numbers: class and number of each; the class is told to a generator that takes some.
      what: what they are drawn for, which decides the random numbers, too.
    """
    latent, told = generator.input_shape, False
    if isinstance(latent, list):
        latent, told = latent[0], True
    size, drawn = latent[-1], []
    for start in range(0, len(numbers), _BATCH):
        part = numbers[start : start + _BATCH]
        noise = [seeded(seed, what, each, number).standard_normal(size) for each, number in part]
        # The last batch is filled up: a generator need not be compiled for another size.
        noise += [np.zeros(size)] * (_BATCH - len(part))
        labels = [each for each, _ in part] + [0] * (_BATCH - len(part))
        given: list[Any] = [ops.convert_to_tensor(np.array(noise, np.float32))]
        given += [ops.convert_to_tensor(np.array(labels, np.int32))] if told else []
        found = ops.convert_to_numpy(generator(given, training=False))[: len(part)]
        drawn.append(pixels(found))
    return np.concatenate(drawn)


def pixels(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1] as uint8."""
    rounded: np.ndarray = np.rint((images + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return rounded


def numbered(classes: int, count: int) -> list[tuple[int, int]]:
    """Returns class and number of so many images, as many of each class as can be."""
    return [(place % max(1, classes), place // max(1, classes)) for place in range(count)]


def write_sheet(generator: keras.Model, path: Path, *, classes: int, seed: int) -> None:
    """Draws a sheet of samples, of classes a row each, as PNG.

    Raises:
      DataError: it cannot be written.
    """
    rows = min(classes, _MOST_ROWS) or _PLAIN_ROWS
    places = [
        (row if classes else 0, column + (0 if classes else row * _COLUMNS))
        for row in range(rows)
        for column in range(_COLUMNS)
    ]
    images = draw(generator, places, seed=seed, what="sheet")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(Image.fromarray(_laid(images, rows)), path)


def _laid(images: np.ndarray, rows: int) -> np.ndarray:
    """Returns images in a grid, `(H, W)` or `(H, W, 3)`, white between them."""
    framed = np.pad(images, ((0, 0), (_GAP, 0), (_GAP, 0), (0, 0)), constant_values=255)
    count, height, width, channels = framed.shape
    grid = framed.reshape(rows, count // rows, height, width, channels).swapaxes(1, 2)
    whole = grid.reshape(rows * height, -1, channels)
    return whole[..., 0] if channels == 1 else whole
