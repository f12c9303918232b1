"""Steps that several devices share on TensorFlow.

A strategy runs the network on all devices at once, each on its part of a batch; what surrounds the
network happens once, as on one device. So variables stay where they are and what they are: a model
is saved, averaged, resumed and measured as any other, and an optimizer that clips or accumulates
gradients sees those of the whole batch. (In the steps of Keras under a strategy each device has a
loss, metrics and an optimizer of its own: means of means, where parts differ; gradients clipped
before they are added; none accumulated, as devices cannot meet within a condition.) The price is
that weights go to the devices in every step, and that XLA, which cannot compile a meeting of
devices, is not used.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_NOISE = 0x9E3779B9
"""By how much the generators' states of one device differ from those of the one before."""


class Replicas:
    """Several devices of TensorFlow; see `devices.Sharing`."""

    def __init__(self, names: Sequence[str]) -> None:
        # Not by collectives: their keys are those of another strategy in the same process, whose
        # numbers would be added to these.
        self._strategy = tf.distribute.MirroredStrategy(
            list(names), cross_device_ops=tf.distribute.ReductionToOneDevice()
        )
        self._first = names[0]

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Returns a scope that does nothing: models are made as for one device."""
        return contextlib.nullcontext()

    def share(self, model: keras.Model) -> None:
        """Lets the devices share the steps of a compiled model."""
        shared = _ReplicaSteps(model, self._strategy, self._first)
        model.jit_compile = False
        model.train_step, model.test_step = shared.train_step, shared.test_step


class _ReplicaSteps:
    """The steps of one model. In each, `_learn` or `_answer` runs once for each device."""

    def __init__(self, model: keras.Model, strategy: Any, first: str) -> None:
        self._model = model
        self._strategy = strategy
        self._first = first

    def train_step(self, data: Any) -> Any:
        """Trains on a batch; returns what is watched."""
        model = self._model
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        found = self._run(self._learn, x, y, weights)
        loss, outputs, state, _ = found[0]
        with tf.device(self._first):
            gradients = [tf.add_n(each) for each in zip(*(each[-1] for each in found), strict=True)]
        for variable, value in zip(model.non_trainable_variables, state, strict=True):
            if value is not None:
                variable.assign(value)
        model._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        return model.compute_metrics(x, y, outputs, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """Measures a batch; returns what is watched."""
        model = self._model
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs, further = self._run(self._answer, x)[0]
        loss = model._compile_loss(y, outputs, weights) + further
        model._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return model.compute_metrics(x, y, outputs, sample_weight=weights)

    def _run(self, step: Any, x: Any, *given: Any) -> list[Any]:
        """Returns what a step comes to on each device."""
        with tf.device("CPU:0"):
            parts = _parts(x, self._strategy.num_replicas_in_sync)
        shares = [tf.shape(part)[0] / tf.shape(x)[0] for part in parts]
        with _synchronized(self._model), self._strategy.scope():
            found = self._strategy.run(step, args=(parts, shares, *given))
        return _by_device(self._strategy, found)

    def _learn(self, parts: Sequence[Any], shares: Sequence[Any], y: Any, weights: Any) -> Any:
        """Returns what `_judge` does of the whole batch, the new state, a part of its gradients."""
        model, context, index = self._model, *_here()
        trained = [tf.identity(each.value) for each in model.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(trained)
            outputs, further, state = self._call(parts[index], shares[index], trained, index)
            pulled = model.optimizer.scale_loss(further)
        *judged, pulls = context.merge_call(self._judge, args=(outputs, further, y, weights))
        gradients = tape.gradient(
            [keras.tree.flatten(outputs), pulled],
            trained,
            output_gradients=[pulls[index], tf.ones_like(pulled)],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return *judged, state, gradients

    def _judge(self, strategy: Any, outputs: Any, further: Any, y: Any, weights: Any) -> Any:
        """Returns the loss, the outputs of all devices as one, and the gradients of each one's."""
        own, added = _by_device(strategy, outputs), _by_device(strategy, further)
        return _without_strategy(lambda: self._judge_whole(own, added, y, weights))

    def _judge_whole(self, own: Sequence[Any], added: Sequence[Any], y: Any, weights: Any) -> Any:
        model = self._model
        with tf.device(self._first), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(own)
            whole = _joined(own)
            loss = model._compile_loss(y, whole, weights)
            pulled = model.optimizer.scale_loss(loss)
        pulls = tape.gradient(pulled, [keras.tree.flatten(each) for each in own])
        return loss + tf.add_n(added), whole, pulls

    def _answer(self, parts: Sequence[Any], shares: Sequence[Any]) -> Any:
        """Returns the outputs of the whole batch, and the losses that layers add."""
        context, index = _here()
        trained = [tf.identity(each.value) for each in self._model.trainable_variables]
        outputs, further, _ = self._call(parts[index], shares[index], trained, None)
        return context.merge_call(
            lambda strategy, outputs, further: (
                _joined(_by_device(strategy, outputs)),
                tf.add_n(_by_device(strategy, further)),
            ),
            args=(outputs, further),
        )

    def _call(self, x: Any, share: Any, trained: Sequence[Any], index: int | None) -> Any:
        """Calls the network on a part of a batch.

        Args:
          share: of the samples of the batch.
          index: number of the device, to train; None to measure.

        Returns:
          Outputs, this device's share in the losses that layers add, and new values of variables
          that are not trained; None where one is as it was.
        """
        model = self._model
        before = [tf.identity(each.value) for each in model.non_trainable_variables]
        if index:
            before = _own_noise(model.non_trainable_variables, before, index)
        outputs, after, losses = model.stateless_call(
            trained, before, x, training=index is not None, return_losses=True
        )
        total = tf.add_n([tf.cast(each, tf.float32) for each in losses]) if losses else 0.0
        # A mean over no samples is not a number.
        further = tf.math.multiply_no_nan(total, tf.cast(share, tf.float32))
        state = [new if new is not old else None for old, new in zip(before, after, strict=True)]
        return outputs, further, state


def _without_strategy(function: Callable[[], Any]) -> Any:
    """Calls a function in the graph that is traced, but as if no strategy ran.

    Under one, Keras divides most losses by the number of devices, yet not those of a whole batch,
    and variables of its metrics cannot be assigned. TensorFlow keeps the strategy by thread.
    """
    graph = tf.compat.v1.get_default_graph()

    def call() -> Any:
        with graph.as_default():
            return function()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(call).result()


def _here() -> tuple[Any, int]:
    """Returns the context of the device that a step runs on, and its number."""
    context = tf.distribute.get_replica_context()
    return context, int(tf.get_static_value(context.replica_id_in_sync_group))


def _parts(x: Any, count: int) -> list[Any]:
    """Cuts a batch into parts, whose numbers of samples differ by one at most."""
    samples = tf.shape(x)[0]
    bounds = [samples * index // count for index in range(count + 1)]
    return [x[start:stop] for start, stop in itertools.pairwise(bounds)]


def _by_device(strategy: Any, values: Any) -> list[Any]:
    """Returns what each device has of some values."""
    count = strategy.num_replicas_in_sync
    flat = [strategy.experimental_local_results(each) for each in tf.nest.flatten(values)]
    flat = [each if len(each) == count else each * count for each in flat]  # what all have alike
    return [tf.nest.pack_sequence_as(values, each) for each in zip(*flat, strict=True)]


def _joined(own: Sequence[Any]) -> Any:
    """Returns the outputs of all devices as those of one batch."""
    return keras.tree.map_structure(lambda *each: tf.concat(each, 0), *own)


def _own_noise(variables: Sequence[Any], values: Sequence[Any], index: int) -> list[Any]:
    """Returns values of variables, with states of generators that no other device has."""
    added = np.array([index * _NOISE % 2**32, 0], np.uint32)
    return [
        value + added if variable.path.endswith("seed_generator_state") else value
        for variable, value in zip(variables, values, strict=True)
    ]


@contextlib.contextmanager
def _synchronized(model: keras.Model) -> Iterator[None]:
    """Lets batch normalization take its statistics over all devices for as long as the block runs.

    Only so long: a layer that is saved so cannot be loaded on JAX.
    """
    layers = [
        each
        for each in model._flatten_layers()
        if isinstance(each, keras.layers.BatchNormalization) and not each.synchronized
    ]
    for each in layers:
        each.synchronized = True
    try:
        yield
    finally:
        for each in layers:
            each.synchronized = False
