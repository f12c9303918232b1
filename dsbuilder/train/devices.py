"""The devices of a training: all accelerators that the backend sees, or its CPU.

A batch is cut into one part for each device, parts that differ by a sample at most; of a last batch
with fewer samples than devices some get none. No sample is added, left out or counted twice, and a
step comes to what it would on one device, but for rounding: the loss is that of the whole batch,
batch normalization takes its statistics over all parts, gradients are added up before they are
clipped. On JAX the compiler shares out the step (`sharding.py`), on TensorFlow `replicas.py` does;
there what dropout draws differs, as each device draws by itself.
"""

import contextlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import keras

from dsbuilder.errors import TrainError


class Sharing(Protocol):
    """How several devices share the steps of a model."""

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Returns what surrounds all that is done with models, the making of them too."""

    def share(self, model: keras.Model) -> None:
        """Lets the devices share the steps of a model that is compiled, and stays so saved."""


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What a training runs on.

    Attributes:
      names: each device as the backend calls it, such as `GPU:0`.
      kind: what the first one is, such as `NVIDIA H200`, or `CPU`.
      sharing: how they share steps; None of one.
    """

    names: tuple[str, ...]
    kind: str
    sharing: Sharing | None = None

    def __str__(self) -> str:
        return self.kind if self.sharing is None else f"{len(self.names)} x {self.kind}"

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Returns what surrounds all that is done with models, the making of them too."""
        return contextlib.nullcontext() if self.sharing is None else self.sharing.scope()

    def share(self, model: keras.Model) -> None:
        """Lets the devices share the steps of a model that is compiled."""
        if self.sharing is not None:
            self.sharing.share(model)

    def uneven(self, batch_size: int) -> str | None:
        """Says that parts of a batch differ, which costs time; None if they do not."""
        if batch_size % len(self.names) == 0:
            return None
        return (
            f"train.batch_size: {len(self.names)} devices share {batch_size} samples unevenly, and "
            f"some wait for others. A multiple of {len(self.names)} is faster."
        )


def choose(wanted: Literal["all"] | int, *, batch_size: int) -> Devices:
    """Returns the devices to train on.

    Args:
      wanted: how many; `all` are those that are visible, but not more than a batch has samples.

    Raises:
      TrainError: there are not so many, or not so many samples in a batch.
    """
    names, kind = _visible(), first()[0]
    count = min(len(names), batch_size) if wanted == "all" else wanted
    if count > len(names):
        raise TrainError(
            f"train.devices: expected at most the {len(names)} that {keras.backend.backend()} sees "
            f"({', '.join(names)}), found {count}. Take fewer, or `all`; `dsbuilder doctor` says "
            "what is missing for a GPU."
        )
    if count > batch_size:
        raise TrainError(
            f"train.devices: expected at most one for each of the {batch_size} samples of a batch, "
            f"found {count}. Take fewer devices, or larger batches."
        )
    names = names[:count]
    return Devices(names=names, kind=kind, sharing=_sharing(names) if count > 1 else None)


def first() -> tuple[str, int]:
    """Returns the first device in words, and the compute capability of an NVIDIA device, else 0."""
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

        found = jax.devices()[0]
        capability = str(getattr(found, "compute_capability", "0")).partition(".")[0]
        if found.platform == "tpu":
            return "TPU", 0
        if found.platform == "gpu":
            return str(found.device_kind), int(capability) if capability.isdecimal() else 0
    return "CPU", 0


def _visible() -> tuple[str, ...]:
    """Returns the names of the devices of the best kind there is."""
    if keras.backend.backend() != "tensorflow":
        return tuple(keras.distribution.list_devices())
    import tensorflow as tf

    if tf.config.list_physical_devices("TPU"):
        return ("TPU:0",)  # several would need a strategy of their own; JAX takes all of them
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tuple(each.name.removeprefix("/device:") for each in found)


def _sharing(names: tuple[str, ...]) -> Any:
    if keras.backend.backend() == "jax":
        from dsbuilder.train.sharding import Sharding

        return Sharding(names)
    from dsbuilder.train.replicas import Replicas

    return Replicas(names)
