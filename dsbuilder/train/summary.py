"""What a network is made of: its layers in their order, with their shapes and parameters."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.sample import Signature
from dsbuilder.tasks import Heads, Shape
from dsbuilder.train.network import build_network


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a network, or a network within it, such as a pretrained backbone.

    Attributes:
      name: name of the layer.
      kind: its class, such as `Conv2D`.
      output: shape of what it yields for a sample; None marks a side that varies.
      parameters: number of its weights, batch statistics among them.
      trainable: number of those that a training changes by gradients.
    """

    name: str
    kind: str
    output: Shape
    parameters: int
    trainable: int


def layers_of(network: keras.Model) -> tuple[Layer, ...]:
    """Returns the layers of a network that `build_network` made, in the order of their calls.

    The builder's model stands in it as a layer; its layers take its place.
    """
    return tuple(_layers(network, within=True))


def untrained(options: TrainOptions, signature: Signature, heads: Heads) -> keras.Model:
    """Returns the network of a train section, for numbers of a dataset that are not known yet."""
    unknown = np.zeros(signature.image.channels), np.ones(signature.image.channels)
    return build_network(
        options.model, signature, heads=heads, normalize=options.normalize, statistics=unknown
    )


def _layers(model: keras.Model, *, within: bool) -> Iterator[Layer]:
    for layer in model.layers:
        if within and isinstance(layer, keras.Model):
            inner = _layers(layer, within=False)
            yield from (each for each in inner if each.kind != "InputLayer")
        else:
            yield Layer(
                name=layer.name,
                kind=type(layer).__name__,
                output=tuple(layer.output.shape[1:]),
                parameters=_count(layer.weights),
                trainable=_count(layer.trainable_weights),
            )


def _count(weights: Any) -> int:
    return sum(math.prod(each.shape) for each in weights)
