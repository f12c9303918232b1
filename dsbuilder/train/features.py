"""What frozen layers make of the data: computed once and kept, not once an epoch.

Where no random stage precedes them, layers that are frozen yield the same of an image in every
epoch. So the network is cut behind them: their features of every sample are computed in one pass,
and what follows, dropout and the heads, is trained on these. It shares its layers with the whole
network, which is what is saved, and sees the batches that the network would have seen; so an epoch
comes to the same results as one through all layers, as far as the machine computes the same.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dsbuilder.errors import TrainError
from dsbuilder.stream.tensorflow import Stream
from dsbuilder.train.callbacks import OnFeatures
from dsbuilder.train.loop import Ongoing, Way
from dsbuilder.train.phases import Phase, leaves

IN_MEMORY_BYTES = 512_000_000
"""Features of a split beyond this are kept in a file of the run, mapped into memory."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A network in two.

    Attributes:
      frozen: model from pixels to features.
      rest: model from features to what the network yields; its layers are those of the network.
    """

    frozen: keras.Model
    rest: keras.Model


def cut(network: keras.Model) -> Cut | None:
    """Cuts a network behind its frozen layers; None where there are none, or no one place to cut.

    Layers count as frozen that have no weight to train and do the same whether they train or not,
    up to the first that does not. Models within the model are followed into.
    """
    inputs = keras.Input(network.input_shape[1:], dtype=network.inputs[0].dtype, name="pixels")
    graph = type(keras.Model(inputs, inputs))
    tracing = _Tracing(graph=graph, settled={id(inputs): inputs}, border={})
    outputs = tracing.run(network, inputs)
    tracing.border.update(tracing.among(outputs))
    border = list(tracing.border.values())
    if len(border) != 1 or border[0] is inputs:
        return None
    frozen, rest = keras.Model(inputs, border[0]), keras.Model(border[0], outputs)
    place = {id(each): index for index, each in enumerate(network.variables)}
    # In the order of the network: by it JAX tells which state of the optimizer is of which weight.
    rest._layers.sort(key=lambda layer: min((place[id(v)] for v in layer.variables), default=-1))
    return Cut(frozen=frozen, rest=rest) if frozen.weights and rest.trainable_weights else None


@dataclass(frozen=True, kw_only=True)
class _Tracing:
    """Calls the layers of a network once more, in their order.

    Attributes:
      graph: class of models whose layers can be called one by one.
      settled: tensors that depend on frozen layers alone, by id.
      border: those of them that another layer takes.
    """

    graph: type
    settled: dict[int, Any]
    border: dict[int, Any]

    def run(self, model: Any, inputs: Any) -> Any:
        """Returns what a model yields for inputs; all tensors are of one graph."""
        # As `keras.models.clone_model` does, which cannot begin at a tensor between two layers.
        return model._run_through_graph(
            inputs, operation_fn=lambda layer: layer, call_fn=self._call
        )

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, self.graph) and not _is_frozen(layer) and len(args) == 1:
            return self.run(layer, args[0])
        outputs = layer(*args, **kwargs)
        given = keras.tree.flatten((args, kwargs))
        tensors = [each for each in given if isinstance(each, keras.KerasTensor)]
        if _is_frozen(layer) and all(id(each) in self.settled for each in tensors):
            self.settled.update({id(each): each for each in keras.tree.flatten(outputs)})
        else:
            self.border.update(self.among(tensors))
        return outputs

    def among(self, tensors: Any) -> dict[int, Any]:
        """Returns those of some tensors that are settled, by id."""
        return {id(t): t for t in keras.tree.flatten(tensors) if id(t) in self.settled}


def _is_frozen(layer: Any) -> bool:
    """Whether a layer yields the same in every epoch, in training as otherwise."""
    if not isinstance(layer, keras.Layer):
        return True  # a function of Keras, such as a mean over channels, which has no weights
    parts = leaves(layer) if hasattr(layer, "layers") else [layer]
    return not layer.trainable_weights and not any(map(_learns, parts))


def _learns(layer: Any) -> bool:
    """Whether a layer does something else in training: draws, normalizes batches, adds a loss."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return bool(layer.trainable)  # without a scale and a center it has no weight to train
    if getattr(layer, "activity_regularizer", None) is not None:
        return True
    if getattr(layer, "rate", None) == 0.0:  # a dropout of nothing
        return False
    draws = any(each.path.endswith("seed_generator_state") for each in layer.variables)
    own = not type(layer).__module__.startswith("keras.")
    return draws or (own and "training" in inspect.signature(layer.call).parameters)


@dataclass(frozen=True, kw_only=True)
class KeptFeatures:
    """What frozen layers make of a split.

    Attributes:
      rows: place of a sample's features by its key, a table of TensorFlow.
      values: features, `(n, ...)`.
      labels: batches (truth, keys), of the samples and in the order in which images come.
    """

    rows: Any
    values: Any
    labels: Stream

    def once(self) -> Any:
        """Returns batches (features, truth) of every sample."""
        return self._of(self.labels)

    def epochs(self, start: int, *, step: int) -> Any:
        """Returns endless batches (features, truth) from a batch of an epoch on."""
        return self._of(self.labels.epochs(start, step=step))

    def _of(self, labels: Any) -> Any:
        values, rows = self.values, self.rows
        return labels.map(lambda truth, keys: (tf.gather(values, rows.lookup(keys)), truth))


@contextlib.contextmanager
def kept(
    frozen: keras.Model,
    splits: Sequence[str],
    reopen: Callable[..., Stream],
    *,
    folder: Path,
    on_features: OnFeatures = lambda done, of: None,
) -> Iterator[dict[str, KeptFeatures]]:
    """Computes the features of splits, each in one pass, and keeps them while the block runs.

    Args:
      reopen: opens a split with options of a stream.
      folder: where they are kept if memory is too little for them.
      on_features: called after every batch that has passed.

    Raises:
      TrainError: the folder cannot be written.
    """
    files = {split: folder / f".features-{split}.npy" for split in splits}
    once: dict[str, Any] = {"shuffle": False, "sampling": "natural", "keys": True}
    pixels = {split: reopen(split, **once) for split in splits}
    done, of = 0, sum(each.num_samples for each in pixels.values())
    found = {}
    try:
        for split, images in pixels.items():
            labels = reopen(split, keys=True, pixels=False)
            told = partial(_told, on_features, before=done, of=of)
            found[split] = _compute(frozen, images, labels, file=files[split], on_batch=told)
            done += images.num_samples
        yield found
    finally:
        for file in files.values():
            with contextlib.suppress(OSError):  # where a file that is mapped cannot be removed
                file.unlink(missing_ok=True)


def _told(on_features: OnFeatures, done: int, *, before: int, of: int) -> None:
    on_features(before + done, of)


def _compute(
    frozen: keras.Model,
    images: Stream,
    labels: Stream,
    *,
    file: Path,
    on_batch: Callable[[int], None],
) -> KeptFeatures:
    shape = (images.num_samples, *frozen.output_shape[1:])
    try:
        values = _room(shape, file)
        keys = list(_filled(values, frozen, images, on_batch))
    except OSError as error:
        raise TrainError(
            f"{file}: features of frozen layers cannot be written ({error.strerror or error}). "
            "Make room."
        ) from error
    pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), np.arange(len(keys)))
    # What is mapped begins at a multiple of 64 bytes, as TensorFlow wants what it does not copy.
    tensor = (
        tf.experimental.dlpack.from_dlpack(values.__dlpack__())
        if file.exists()
        else tf.constant(values)
    )
    return KeptFeatures(rows=tf.lookup.StaticHashTable(pairs, -1), values=tensor, labels=labels)


def _room(shape: tuple[int, ...], file: Path) -> np.ndarray:
    """Returns an empty float32 array, in memory or in a file; floats of half the size fit in."""
    if np.prod(shape) * np.dtype(np.float32).itemsize <= IN_MEMORY_BYTES:
        return np.zeros(shape, np.float32)
    return np.asarray(np.lib.format.open_memmap(file, "w+", np.float32, shape))


def _filled(
    values: np.ndarray, frozen: keras.Model, images: Stream, on_batch: Callable[[int], None]
) -> Iterator[bytes]:
    """Fills in features batch by batch; yields the keys of their rows."""
    done = 0
    for pixels, *_, keys in images:
        found = frozen.predict_on_batch(pixels.numpy())
        values[done : done + len(found)] = found
        done += len(found)
        on_batch(done)
        yield from keys.numpy()


@contextlib.contextmanager
def passed(
    training: Ongoing,
    network: keras.Model,
    phase: Phase,
    epochs: int,
    *,
    batches: Callable[..., Any],
    compiled: Callable[[keras.Model], None],
) -> Iterator[Way]:
    """Says what the batches of some epochs pass: frozen layers but once, where that may be.

    Args:
      network: the whole network, compiled.
      batches: gives batches the form in which the losses take them, `weighted` or not.
      compiled: compiles a part of the network with the optimizer of the whole.
    """
    drawn = phase.unfreeze or training.train.drawn
    parts = cut(network) if epochs > 1 and not drawn else None

    def way(model: keras.Model, train: Callable[..., Any], validation: Any) -> Way:
        return Way(
            model=model,
            train=lambda epoch, step: batches(train(epoch, step=step), weighted=True),
            validation=None if validation is None else batches(validation),
        )

    if parts is None:
        yield way(network, training.train.epochs, training.validation)
        return
    network.optimizer.build(network.trainable_variables)  # in the order in which it is saved
    compiled(parts.rest)
    splits = ["train", *(["validation"] if training.validation else [])]
    given: dict[str, Any] = {"folder": training.run.path, "on_features": training.on_features}
    with kept(parts.frozen, splits, training.reopen, **given) as features:
        measured = features["validation"].once() if training.validation else None
        yield way(parts.rest, features["train"].epochs, measured)
