"""In which precision layers compute: float32, or mixed with 16 bits where a device gains from it.

Mixed precision after Micikevicius et al. (2018): weights, and what a model yields, stay float32.
"""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]

_FLOAT16, _BFLOAT16 = 7, 8
"""The compute capability of an NVIDIA device from which it multiplies faster so."""


def chosen(wanted: Literal["auto"] | Precision) -> tuple[Precision, str | None]:
    """Returns the precision, and if it was to be chosen, what for, in a sentence."""
    if wanted != "auto":
        return wanted, None
    device, capability = _device()
    found: Precision = "float32"
    if device == "TPU" or capability >= _BFLOAT16:
        found = "mixed_bfloat16"
    elif capability >= _FLOAT16:
        found = "mixed_float16"
    return found, f"train.precision: chose {found} for {device}."


@contextlib.contextmanager
def computing(precision: Precision) -> Iterator[None]:
    """Lets layers that are made within the block compute in a precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _device() -> tuple[str, int]:
    """Returns what is trained on, and the compute capability of an NVIDIA device, else 0."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("TPU"):
            return "TPU", 0
        for each in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(each)
            capability = details.get("compute_capability") or (0,)
            return str(details.get("device_name", "GPU")), int(capability[0])
    elif keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        capability = str(getattr(first, "compute_capability", "0")).partition(".")[0]
        if first.platform == "tpu":
            return "TPU", 0
        if first.platform == "gpu":
            return str(first.device_kind), int(capability) if capability.isdecimal() else 0
    return "the CPU", 0
