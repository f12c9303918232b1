"""One step of the game: the discriminator learns, then the generator, from one batch.

Each is judged by the hinge loss (Lim and Ye 2017). Both backends do the same: TensorFlow with tapes
in one graph, JAX with functions of all variables in one compiled call. What is random comes in as
numbers drawn on the host, so a step is a function of the networks and its batch alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from dsbuilder.train.gan.diff_augment import diff_augment
from dsbuilder.train.gan.options import GanOptions

_BETAS = {"beta_1": 0.0, "beta_2": 0.99}
"""Of Adam: momentum lets the two chase each other."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a step learns from.

    Attributes:
      images: real ones, uint8 `(N, H, W, C)`.
      labels: their class ids, int32 `(N,)`, which the generated ones are to have too; None of a
        GAN without labels.
      latent: random numbers of the generated ones, `(N, latent)`.
      drawn: what DiffAugment changes of real, and of generated ones, `(2, N, 7)`.
    """

    images: Any
    labels: Any
    latent: Any
    drawn: Any


@dataclass(frozen=True, kw_only=True)
class Networks:
    """All that learns.

    Attributes:
      generator, discriminator: networks that play.
      averaged: generator whose weights are moving averages of those of the one that plays.
      optimizers: optimizer of the generator and of the discriminator.
    """

    generator: keras.Model
    discriminator: keras.Model
    averaged: keras.Model
    optimizers: tuple[keras.Optimizer, keras.Optimizer]

    @property
    def variables(self) -> list[Any]:
        """All variables, in an order that does not change: what a checkpoint holds."""
        models = (self.generator, self.discriminator, self.averaged)
        return [each for owner in (*models, *self.optimizers) for each in owner.variables]


def networks_of(
    make: Callable[[], keras.Model], discriminator: keras.Model, options: GanOptions
) -> Networks:
    """Returns networks that have learnt nothing.

    Args:
      make: makes a generator.
    """
    generator, averaged = make(), make()
    averaged.set_weights(generator.get_weights())
    rates = (options.learning_rate, options.learning_rate * options.discriminator_rate)
    optimizers = tuple(keras.optimizers.Adam(rate, **_BETAS) for rate in rates)
    for optimizer, model in zip(optimizers, (generator, discriminator), strict=True):
        optimizer.build(model.trainable_variables)
    return Networks(
        generator=generator,
        discriminator=discriminator,
        averaged=averaged,
        optimizers=(optimizers[0], optimizers[1]),
    )


def set_rates(networks: Networks, options: GanOptions, share: float) -> None:
    """Sets the learning rates to a share of those that are stated."""
    rate = options.learning_rate * share
    for optimizer, times in zip(
        networks.optimizers, (1.0, options.discriminator_rate), strict=True
    ):
        optimizer.learning_rate = rate * times


def updates_of(networks: Networks, options: GanOptions) -> Callable[[Batch, float], np.ndarray]:
    """Returns the step: from a batch to the losses of discriminator and generator.

    Its second argument is the share of the moving average that stays.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _on_tensorflow(networks, options)
    if backend == "jax":
        return _on_jax(networks, options)
    raise NotImplementedError(f"expected Keras on TensorFlow or JAX, found '{backend}'.")


def _signed(images: Any) -> Any:
    """Returns pixels as the networks see them, in [-1, 1]."""
    return ops.cast(images, "float32") / 127.5 - 1.0


def _with(images: Any, labels: Any) -> list[Any]:
    return [images] if labels is None else [images, labels]


def _twice(labels: Any) -> Any:
    return None if labels is None else ops.concatenate([labels, labels])


def _discriminator_loss(said: Any) -> Any:
    """Returns the hinge loss of what is said of real images, and of as many generated ones."""
    real, fake = ops.split(said, 2)
    return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))


def _on_tensorflow(networks: Networks, options: GanOptions) -> Callable[[Batch, float], np.ndarray]:
    import tensorflow as tf

    playing, judging = networks.generator, networks.discriminator
    parts = options.augment or ()

    def step(images: Any, labels: Any, latent: Any, drawn: Any, kept: Any) -> Any:
        with tf.GradientTape() as way:
            fakes = playing(_with(latent, labels), training=True)
            with way.stop_recording():
                seen = ops.concatenate([_signed(images), fakes])
                seen = diff_augment(seen, ops.concatenate([drawn[0], drawn[1]]), parts)
                with tf.GradientTape() as own:
                    judged = _discriminator_loss(
                        judging(_with(seen, _twice(labels)), training=True)
                    )
                weights = judging.trainable_variables
                networks.optimizers[1].apply(own.gradient(judged, weights), weights)
            fooled = -ops.mean(
                judging(_with(diff_augment(fakes, drawn[1], parts), labels), training=True)
            )
        weights = playing.trainable_variables
        networks.optimizers[0].apply(way.gradient(fooled, weights), weights)
        _average(networks, kept)
        return ops.stack([judged, fooled])

    compiled: Callable[..., Any] = tf.function(step)

    def update(batch: Batch, kept: float) -> np.ndarray:
        given = (batch.images, batch.labels, batch.latent, batch.drawn)
        converted = (None if each is None else tf.convert_to_tensor(each) for each in given)
        found: np.ndarray = compiled(*converted, tf.constant(kept, tf.float32)).numpy()
        return found

    return update


def _average(networks: Networks, kept: Any) -> None:
    """Moves averages towards the generator; what batch normalization has learnt is taken over."""
    for mean, value in _pairs(networks, "trainable_variables"):
        mean.assign(mean * kept + value * (1 - kept))
    for mean, value in _pairs(networks, "non_trainable_variables"):
        mean.assign(value)


def _pairs(networks: Networks, kind: str) -> Sequence[tuple[Any, Any]]:
    pairs = (getattr(each, kind) for each in (networks.averaged, networks.generator))
    return list(zip(*pairs, strict=True))


def _on_jax(networks: Networks, options: GanOptions) -> Callable[[Batch, float], np.ndarray]:
    import jax

    playing, judging = networks.generator, networks.discriminator
    parts = options.augment or ()
    holders = (
        playing.trainable_variables,
        playing.non_trainable_variables,
        judging.trainable_variables,
        judging.non_trainable_variables,
        networks.averaged.trainable_variables,
        networks.averaged.non_trainable_variables,
        networks.optimizers[0].variables,
        networks.optimizers[1].variables,
    )

    def judge(weights: Any, others: Any, seen: Any, labels: Any) -> Any:
        said, others = judging.stateless_call(weights, others, _with(seen, labels), training=True)
        return _discriminator_loss(said), others

    def fool(fakes: Any, weights: Any, others: Any, labels: Any, drawn: Any) -> Any:
        seen = diff_augment(fakes, drawn, parts)
        said, others = judging.stateless_call(weights, others, _with(seen, labels), training=True)
        return -ops.mean(said), others

    def step(state: Any, images: Any, labels: Any, latent: Any, drawn: Any, kept: Any) -> Any:
        own, own_others, judges, judges_others, means, _, first, second = state

        def generate(weights: Any) -> Any:
            return playing.stateless_call(weights, own_others, _with(latent, labels), training=True)

        fakes, back, own_others = jax.vjp(generate, own, has_aux=True)
        seen = ops.concatenate([_signed(images), fakes])
        seen = diff_augment(seen, ops.concatenate([drawn[0], drawn[1]]), parts)
        (judged, judges_others), slope = jax.value_and_grad(judge, has_aux=True)(
            judges, judges_others, seen, _twice(labels)
        )
        judges, second = networks.optimizers[1].stateless_apply(second, slope, judges)
        (fooled, judges_others), slope = jax.value_and_grad(fool, has_aux=True)(
            fakes, judges, judges_others, labels, drawn[1]
        )
        own, first = networks.optimizers[0].stateless_apply(first, back(slope)[0], own)
        means = [mean * kept + value * (1 - kept) for mean, value in zip(means, own, strict=True)]
        state = (own, own_others, judges, judges_others, means, own_others, first, second)
        return state, ops.stack([judged, fooled])

    compiled: Callable[..., Any] = jax.jit(step)

    def update(batch: Batch, kept: float) -> np.ndarray:
        state = tuple([each.value for each in holder] for holder in holders)
        given = (batch.images, batch.labels, batch.latent, batch.drawn)
        state, losses = compiled(state, *given, np.float32(kept))
        for holder, values in zip(holders, state, strict=True):
            for variable, value in zip(holder, values, strict=True):
                variable.assign(value)
        return np.asarray(losses)

    return update
