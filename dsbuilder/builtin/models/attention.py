"""Attention over channels and places of a feature map (Woo et al. 2018, "CBAM").

Functions of Keras alone, no layer of our own: a saved model loads without this package.
"""

from typing import Any, Literal

from dsbuilder.builtin.models.scratch import FromScratch

Attention = Literal["none", "cbam"]
_WINDOW = 7


def cbam(of: FromScratch, x: Any, name: str, *, reduction: int) -> Any:
    """Adds the convolutional block attention module: first channels, then places.

    Args:
      x: feature map `(N, H, W, C)`.
      reduction: the shared hidden layer has C / reduction units, at least 1.
    """
    return by_place(of, by_channel(of, x, name, reduction=reduction), name)


def by_channel(of: FromScratch, x: Any, name: str, *, reduction: int) -> Any:
    """Multiplies each channel by sigmoid(MLP(mean over places) + MLP(maximum over places)).

    Both pass the same hidden layer with ReLU and the same layer back to C channels.
    """
    import keras

    channels = x.shape[-1]
    hidden = keras.layers.Dense(
        max(1, channels // reduction),
        activation="relu",
        name=f"{name}_channel_hidden",
        **{**of.kernel_options(), "kernel_initializer": "he_normal"},
    )
    back = keras.layers.Dense(
        channels,
        name=f"{name}_channel_back",
        **{**of.kernel_options(), "kernel_initializer": "glorot_uniform"},
    )
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_channel_mean")(x)
    most = keras.layers.GlobalMaxPooling2D(keepdims=True, name=f"{name}_channel_max")(x)
    both = keras.layers.Add(name=f"{name}_channel_sum")([back(hidden(mean)), back(hidden(most))])
    weights = keras.layers.Activation("sigmoid", name=f"{name}_channel_weights")(both)
    return keras.layers.Multiply(name=f"{name}_channel")([x, weights])


def by_place(of: FromScratch, x: Any, name: str) -> Any:
    """Multiplies each place by sigmoid(7x7 convolution of mean and maximum over channels)."""
    import keras

    mean = keras.ops.mean(x, axis=-1, keepdims=True)
    most = keras.ops.max(x, axis=-1, keepdims=True)
    both = keras.layers.Concatenate(name=f"{name}_place_both")([mean, most])
    weights = keras.layers.Conv2D(
        1,
        _WINDOW,
        padding="same",
        activation="sigmoid",
        name=f"{name}_place_weights",
        **{**of.kernel_options(), "kernel_initializer": "glorot_uniform"},
    )(both)
    return keras.layers.Multiply(name=f"{name}_place")([x, weights])
