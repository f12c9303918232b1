"""The model that is trained and saved: raw pixels in, logits out, or numbers in their own units.

Normalisation is a layer of it, so whoever loads the model later needs to know nothing about the
data it was trained on: pixels as the dataset holds them (uint8 in [0, 255]) go in as they are.
"""

from typing import Any, Literal

import keras
import numpy as np

from dsbuilder.errors import TrainError
from dsbuilder.plugin import ModelBuilder
from dsbuilder.sample import SampleSpec
from dsbuilder.train.units import Units

Statistics = tuple[np.ndarray, np.ndarray]


def build_network(
    builder: ModelBuilder,
    signature: SampleSpec,
    *,
    outputs: tuple[int | None, ...],
    normalize: Literal["scale", "standardize"] | None,
    statistics: Statistics | None,
    units: Units | None = None,
) -> keras.Model:
    """Returns an uncompiled model from a float batch `(N, H, W, C)` of raw pixels to outputs.

    Args:
      outputs: the shape of what the model yields for a sample.
      normalize: what stands before the builder's model; None for `scale`, or for nothing where the
        model preprocesses its input itself or images are floats.
      statistics: mean and deviation of each channel in raw pixels, `(C,)`, for `standardize`.
      units: of numbers, which the builder's model yields standardised; None for other outputs.

    Raises:
      TrainError: the builder's model does not take or yield what it has to.
    """
    inputs = keras.Input(signature.image.shape, name="pixels")
    x = inputs
    if normalize == "standardize":
        x = _standardized(x, statistics)
    elif not builder.preprocesses and signature.image.dtype == "uint8":
        x = keras.layers.Rescaling(1 / 255, name="normalize")(x)
    x = _built(builder, signature, outputs)(x)
    return keras.Model(inputs, x if units is None else units.restored(x), name="network")


def _standardized(x: Any, statistics: Statistics | None) -> Any:
    if statistics is None:
        raise TrainError("normalize: expected the statistics of the train split, found none.")
    mean, deviation = statistics
    scale = [float(1 / each) for each in deviation]
    offset = [float(-one / other) for one, other in zip(mean, deviation, strict=True)]
    return keras.layers.Rescaling(scale, offset=offset, name="normalize")(x)


def _built(
    builder: ModelBuilder, signature: SampleSpec, outputs: tuple[int | None, ...]
) -> keras.Model:
    name = type(builder).__name__
    model = builder.build(signature)
    if not isinstance(model, keras.Model):
        raise TrainError(
            f"model {name}: expected build() to return a keras.Model, found {type(model).__name__}."
        )
    found = model.output_shape
    if not isinstance(found, tuple) or tuple(found[1:]) != outputs:
        raise TrainError(
            f"model {name}: expected an output of {' x '.join(map(str, outputs))} values a sample, "
            f"found the shape {found}. "
            f"{_advice(outputs)}"
        )
    return model


def _advice(outputs: tuple[int | None, ...]) -> str:
    if len(outputs) == 1:
        return f"End the model in a dense layer of {outputs[0]} units."
    return f"Use unet, or end the model in a convolution of {outputs[-1]} filters."
