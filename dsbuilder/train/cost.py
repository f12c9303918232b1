"""What a model costs: its size, and how long it takes for an image alone and in a batch."""

import time
from pathlib import Path

import keras
import numpy as np

from dsbuilder.tasks import ModelCost
from dsbuilder.train.archive import Trained

_MOST_TIMES = 20
_MOST_S = 0.3
"""Time after which no further prediction is timed; that of the first of all is not known before."""


def cost_of(trained: Trained, images: np.ndarray | None) -> ModelCost | None:
    """Returns what a model costs; None where there are no images to time it by.

    Args:
      images: a batch that the model has seen, so that it is compiled for it.
    """
    if images is None:
        return None
    return ModelCost(
        parameters=trained.model.count_params(),
        bytes=Path(trained.path).stat().st_size,
        single_ms=_median_ms(trained.model, images[:1]),
        batch_ms=_median_ms(trained.model, images) / len(images),
        batch_size=len(images),
    )


def _median_ms(model: keras.Model, images: np.ndarray) -> float:
    """Returns the median time of a prediction, after one that compiles the model."""
    model.predict_on_batch(images)
    times: list[float] = []
    while len(times) < _MOST_TIMES and (not times or sum(times) < _MOST_S):
        start = time.perf_counter()
        model.predict_on_batch(images)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000
