"""Steps that several devices share on JAX: one program, which its compiler cuts by the batch.

The program is that of one device, with one more word: that its input lies in parts on the devices.
All else follows from that, the statistics of a batch and the sum of gradients included. The input
is handed to each device whole, as JAX takes from outside only what divides by their number; within
a program its compiler pads what does not, and leaves out of every result what it has padded.
"""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import keras


class Sharding:
    """Several devices of JAX; see `devices.Sharing`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._distribution = _Whole(devices=list(names), auto_shard_dataset=False)
        mesh = self._distribution.device_mesh.backend_mesh
        spec = jax.sharding.PartitionSpec(self._distribution.batch_dim_name)
        self._parts = jax.sharding.NamedSharding(mesh, spec)

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Returns the scope in which variables and batches lie on all devices."""
        scope: contextlib.AbstractContextManager[None] = self._distribution.scope()
        return scope

    def share(self, model: keras.Model) -> None:
        """Lets the steps of a compiled model begin with an input in parts."""
        kind = type(model)
        model.train_step = partial(self._step, partial(kind.train_step, model))
        model.test_step = partial(self._step, partial(kind.test_step, model))

    def _step(self, step: Callable[[Any, Any], Any], state: Any, data: Any) -> Any:
        x, *rest = keras.utils.unpack_x_y_sample_weight(data)
        x = jax.lax.with_sharding_constraint(x, self._parts)
        return step(state, (x, *rest))


class _Whole(keras.distribution.DataParallel):  # type: ignore[misc]  # Keras has no types
    """Batches lie on every device as a whole, as variables do."""

    def get_data_layout(self, data_shape: Sequence[int]) -> Any:
        """Returns the layout of a batch."""
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
