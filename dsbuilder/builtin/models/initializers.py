"""Activations and initializers by their names in Keras, and which of them go together.

A layer keeps the spread of what passes through it if its initial kernel is scaled for what the
activation does to that spread: by two over its inputs where the activation cuts off a half (He et
al. 2015, "Delving Deep into Rectifiers"), by one over the mean of inputs and outputs where it is
nearly the identity around 0 (Glorot and Bengio 2010), and by one over its inputs for SELU, whose
fixed point was found so (Klambauer et al. 2017, after LeCun et al. 1998).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

Activation = Literal[
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "softplus",
    "tanh",
    "sigmoid",
]
Initializer = Literal[
    "he_normal",
    "he_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "zeros",
    "ones",
]

_SATURATING = ("tanh", "sigmoid")
_FAMILIES: Mapping[str, str] = MappingProxyType({"he": "He", "glorot": "Glorot", "lecun": "LeCun"})


def paired(activation: Activation) -> Initializer:
    """Returns the initializer of kernels whose outputs an activation takes."""
    if activation in _SATURATING:
        return "glorot_uniform"
    return "lecun_normal" if activation == "selu" else "he_normal"


def odd_pair(activation: Activation, initializer: Initializer) -> str | None:
    """Says that an initializer was made for other activations; None if nothing speaks against it.

    What is scaled by no activation, such as `orthogonal` or `truncated_normal`, goes with all.
    """
    if initializer in ("zeros", "ones"):
        return (
            f"initializer: {initializer} gives all units of a layer the same kernel, so they learn "
            f"the same. Take {paired(activation)}, or leave it out."
        )
    family = initializer.partition("_")[0]
    fitting = paired(activation).partition("_")[0]
    if family not in _FAMILIES or family == fitting:
        return None
    if activation in _SATURATING and family == "lecun":
        return None
    return (
        f"initializer: {initializer} is not scaled for the activation {activation}. "
        f"Take {_FAMILIES[fitting]}'s ({paired(activation)}), or leave it out."
    )


def initializer_of(name: Initializer) -> Any:
    """Returns a new initializer of Keras: one that is used twice draws the same numbers twice."""
    import keras

    return keras.initializers.get(name)
