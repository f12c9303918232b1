"""In which precision layers compute: float32, or mixed with 16 bits where a device gains from it.

Mixed precision after Micikevicius et al. (2018): weights, and what a model yields, stay float32.
"""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras

from dsbuilder.train import devices
from dsbuilder.train.phases import leaves

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]

_FLOAT16, _BFLOAT16 = 7, 8
"""The compute capability of an NVIDIA device from which it multiplies faster so."""


def chosen(wanted: Literal["auto"] | Precision) -> tuple[Precision, str | None]:
    """Returns the precision, and if it was to be chosen, what for, in a sentence."""
    if wanted != "auto":
        return wanted, None
    device, capability = devices.first()
    found: Precision = "float32"
    if device == "TPU" or capability >= _BFLOAT16:
        found = "mixed_bfloat16"
    elif capability >= _FLOAT16:
        found = "mixed_float16"
    return found, f"train.precision: chose {found} for {device}."


def precision_of(model: keras.Model) -> str:
    """Returns in which precision the layers of a model compute."""
    found = {layer.dtype_policy.name for layer in leaves(model)} - {"float32"}
    return next(iter(found), "float32")


@contextlib.contextmanager
def computing(precision: Precision) -> Iterator[None]:
    """Lets layers that are made within the block compute in a precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
