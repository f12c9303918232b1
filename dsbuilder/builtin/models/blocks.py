"""What networks from scratch are made of: a stack of convolutions, and the residual block."""

from typing import Any

from dsbuilder.builtin.models.scratch import FromScratch

POOLED = {"average": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D", "flatten": "Flatten"}
"""Layers of Keras that make a row of a feature map, by what options call it."""


def stack(of: FromScratch, x: Any, filters: int, name: str, *, count: int, kernel: int = 3) -> Any:
    """Adds convolutions after each other, each with normalization and activation."""
    for index in range(count):
        x = of.convolved(x, filters, f"{name}_{index}", kernel=kernel)
    return x


def residual(
    of: FromScratch, x: Any, filters: int, name: str, *, strides: int = 1, attend: Any = None
) -> Any:
    """Adds a residual block (He et al. 2016, "Deep Residual Learning for Image Recognition").

    Two convolutions whose result is added to what came in; that passes a convolution of one pixel
    where its shape is another.

    Args:
      attend: adds attention to the block's result, before the sum; None for none.
    """
    import keras

    y = of.convolved(x, filters, f"{name}_0", strides=strides)
    y = of.convolved(y, filters, f"{name}_1", activate=False)
    if attend is not None:
        y = attend(y)
    if strides > 1 or x.shape[-1] != filters:
        x = of.convolved(x, filters, f"{name}_shortcut", kernel=1, strides=strides, activate=False)
    x = keras.layers.Add(name=f"{name}_add")([x, y])
    return keras.layers.Activation(of.function, name=f"{name}_{of.function}")(x)


def pooled(x: Any, how: str, name: str) -> Any:
    """Makes a row `(N, features)` of a feature map `(N, H, W, C)`.

    Args:
      how: a key of `POOLED`.
    """
    import keras

    return getattr(keras.layers, POOLED[how])(name=name)(x)
