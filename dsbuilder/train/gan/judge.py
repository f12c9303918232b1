"""The judge: a small classifier that has seen real images alone, and says how real others look.

It is trained on train only. Of images with labels it learns these; without labels it learns how far
an image was turned (Gidaris et al. 2018), which also makes it look at what is in the image. What
its last layer but one holds are features: distances in them are what a person would call likeness,
sooner than distances of pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from dsbuilder.dataset import StoredDataset
from dsbuilder.sample import ImageSignature
from dsbuilder.stream.tensorflow import stream

FEATURES = 64
_TURNS = 4
_BATCH = 64
_BATCHES = 1800
"""Batches that it learns from, at the most; of a set of some hundred images, `_PASSES` of it."""
_PASSES = 100
_ASKED = 256


@dataclass(frozen=True, kw_only=True)
class RealJudge:
    """A classifier with the features that it goes by.

    Attributes:
      network: Keras model from uint8 images to logits and features.
      classes: number of classes; 0 where it tells turns.
    """

    network: keras.Model
    classes: int

    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns what it takes images for, int64 `(N,)`, and their features, float32 `(N, F)`."""
        said, features = [], []
        for start in range(0, len(images), _ASKED):
            part = images[start : start + _ASKED]
            logits, found = self.network(ops.convert_to_tensor(part), training=False)
            said.append(ops.convert_to_numpy(logits).argmax(axis=1))
            features.append(ops.convert_to_numpy(found))
        return np.concatenate(said), np.concatenate(features)


def train_judge(
    dataset: StoredDataset, target: str | None, *, seed: int, on_batch: Any = lambda: None
) -> RealJudge:
    """Returns a judge that has learnt the train split.

    Args:
      target: name of the target with the classes; None lets it tell turns.
      on_batch: called after every batch.
    """
    image = dataset.signature.image
    classes = len(dataset.signature.targets[target].class_names) if target else 0
    keras.utils.set_random_seed(seed % 2**32)
    network = _network(image, classes or _TURNS)
    given: dict[str, Any] = {"sampling": "balanced", "sampled_by": target} if target else {}
    opened = stream(
        dataset,
        "train",
        images="uint8",
        batch_size=_BATCH if classes else _BATCH // _TURNS,
        seed=seed,
        stages=False,
        targets=[target] if target else [],
        **given,
    )
    steps = min(_BATCHES, _PASSES * opened.steps_per_epoch)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    trained = keras.Model(network.input, network.output[0])
    trained.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    after = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_batch())
    batches = opened.epochs(0)
    trained.fit(
        batches if classes else batches.map(_turned),
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[after],
    )
    return RealJudge(network=network, classes=classes)


def _network(image: ImageSignature, outputs: int) -> keras.Model:
    inputs = keras.Input((None, None, image.channels), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    shorter, filters = min(int(image.height or 0), int(image.width or 0)), 32
    while True:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        if shorter < 8 or filters >= 128:
            break
        x = layers.MaxPooling2D()(x)
        shorter, filters = shorter // 2, filters * 2
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    features = layers.Dense(FEATURES, activation="relu", name="features")(x)
    logits = layers.Dense(outputs, name="logits")(layers.Dropout(0.2)(features))
    return keras.Model(inputs, [logits, features], name="judge")


def _turned(images: Any) -> tuple[Any, Any]:
    """Returns a batch in four turns each, of its central square, with how far each was turned."""
    import tensorflow as tf

    side = min(int(images.shape[1]), int(images.shape[2]))
    square = tf.image.resize_with_crop_or_pad(images, side, side)
    turned = tf.concat([tf.image.rot90(square, turns) for turns in range(_TURNS)], axis=0)
    return turned, tf.repeat(tf.range(_TURNS), tf.shape(images)[0])


def save(judge: RealJudge, path: Path) -> None:
    """Writes a judge, whole or not at all."""
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    temporary.unlink(missing_ok=True)  # never through a link that somebody left there
    judge.network.save(temporary)
    temporary.replace(path)


def load(path: Path, *, classes: int) -> RealJudge:
    """Returns the judge in a file that a run wrote."""
    network = keras.models.load_model(path, compile=False, safe_mode=True)
    return RealJudge(network=network, classes=classes)


def real_images(
    dataset: StoredDataset, split: str, target: str | None, *, most: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the images of a split, a batch at a time, with their class ids, in stored order.

    Args:
      target: name of the target with the classes; without one all ids are 0.
      most: number of images after which it ends; None for all.
    """
    opened = stream(
        dataset,
        split,
        images="uint8",
        batch_size=_ASKED,
        shuffle=False,
        stages=False,
        targets=[target] if target else [],
    )
    seen = 0
    for batch in opened.as_numpy_iterator():
        images, labels = batch if target else (batch, np.zeros(len(batch), np.int64))
        left = len(images) if most is None else min(len(images), most - seen)
        yield images[:left], np.asarray(labels[:left], np.int64)
        seen += left
        if most is not None and seen >= most:
            return
