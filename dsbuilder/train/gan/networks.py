"""Generator and discriminator: a DCGAN (Radford et al. 2016), small enough for a few cores.

The generator is told a class by an embedding beside its random numbers, the discriminator by a
projection (Miyato and Koyama 2018). The discriminator's weights are held to a spectral norm of 1
(Miyato et al. 2018), which keeps it from running away from the generator; it has no batch
normalization, under which real and generated images would be told by the company they come in.
"""

from typing import Any

import keras
from keras import layers, ops

from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature
from dsbuilder.train.gan.options import GanOptions

LEAST_SIDE, MOST_SIDE = 8, 256
_MOST_FILTERS = 256
_BASE = 8
"""Pixels of a side that the generator begins with, at the most."""
_LEAK = 0.2


def check_image(where: str, image: ImageSignature) -> None:
    """Checks that images are such as the networks are made for.

    Raises:
      TrainError: they are not of one size, too small or too large, or not of 8 bits.
    """
    sides = (image.height, image.width)
    fits = all(side is not None and LEAST_SIDE <= side <= MOST_SIDE for side in sides)
    if not fits or image.dtype != "uint8" or image.channels == 4:
        raise TrainError(
            f"{where}: expected uint8 images of one size, gray or RGB, with sides from "
            f"{LEAST_SIDE} to {MOST_SIDE} pixels, found {image}. Resize them in finish: "
            "{use: resize, size: [32, 32]}."
        )


def doublings(image: ImageSignature) -> int:
    """Returns how often the generator doubles the sides that it begins with."""
    longer, count = max(int(image.height or 0), int(image.width or 0)), 2
    while -(-longer // 2**count) > _BASE:
        count += 1
    return count


def generator(image: ImageSignature, classes: int, options: GanOptions) -> keras.Model:
    """Returns the network from random numbers `(N, latent)` to images in [-1, 1].

    Args:
      classes: number of classes, whose ids `(N,)` it then takes as well; 0 for none.
    """
    count = doublings(image)
    height, width = (-(-int(side or 0) // 2**count) for side in (image.height, image.width))
    latent = keras.Input((options.latent,), name="latent")
    inputs, x = [latent], latent
    if classes:
        label = keras.Input((), dtype="int32", name="label")
        inputs.append(label)
        x = layers.Concatenate()([latent, layers.Embedding(classes, options.latent)(label)])
    filters = min(_MOST_FILTERS, options.width * 2**count)
    x = layers.Dense(height * width * filters, use_bias=False)(x)
    x = _normalized(layers.Reshape((height, width, filters))(x))
    for place in reversed(range(count)):
        filters = min(_MOST_FILTERS, options.width * 2**place)
        # A kernel of 4 at stride 2 shows no checkerboard: each pixel has as many contributions.
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
        x = _normalized(x)
    x = layers.Conv2D(image.channels, 3, padding="same", activation="tanh")(x)
    surplus = (height * 2**count - int(image.height or 0), width * 2**count - int(image.width or 0))
    if any(surplus):
        x = layers.Cropping2D(tuple((each // 2, each - each // 2) for each in surplus))(x)
    return keras.Model(inputs, x, name="generator")


def _normalized(x: Any) -> Any:
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def discriminator(image: ImageSignature, classes: int, options: GanOptions) -> keras.Model:
    """Returns the network from images in [-1, 1] to how real each is, `(N, 1)`.

    Args:
      classes: see `generator`.
    """
    images = keras.Input(image.shape, name="images")
    inputs, x = [images], images
    for place in range(doublings(image) + 1):
        filters = min(_MOST_FILTERS, options.discriminator_width * 2**place)
        x = SpectralConv2D(filters, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=_LEAK)(x)
    features = Summed()(x)
    real = SpectralDense(1)(features)
    if classes:
        label = keras.Input((), dtype="int32", name="label")
        inputs.append(label)
        real = layers.Add()([real, Projection(classes)([features, label])])
    return keras.Model(inputs, real, name="discriminator")


def _spectrally_normalized(kernel: Any, direction: Any) -> Any:
    """Returns a kernel divided by its largest singular value, after one step of power iteration.

    Args:
      direction: variable `(1, filters)`, the right singular vector as far as it is known.
    """
    matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
    fixed = ops.stop_gradient(matrix)
    left = ops.normalize(ops.matmul(direction.value, ops.transpose(fixed)))
    right = ops.normalize(ops.matmul(left, fixed))
    direction.assign(right)
    largest = ops.sum(ops.matmul(left, matrix) * right)
    return kernel / largest


class Summed(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """The sum over all places: of a network of norm 1 their mean would hardly tell anything."""

    def call(self, inputs: Any) -> Any:
        """Returns `(N, C)`."""
        return ops.sum(inputs, axis=(1, 2))


class _Spectral:
    """What layers with a spectral norm of 1 share: the direction in which a kernel is longest."""

    def build(self, input_shape: Any) -> None:
        """Makes the weights."""
        super().build(input_shape)  # type: ignore[misc]
        self.direction = self.add_weight(  # type: ignore[attr-defined]
            name="direction",
            shape=(1, self.kernel.shape[-1]),  # type: ignore[attr-defined]
            initializer="random_normal",
            trainable=False,
        )


class SpectralConv2D(_Spectral, layers.Conv2D):  # type: ignore[misc]  # Keras has no types
    """A convolution whose kernel has a spectral norm of 1, as a matrix."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves with the normalized kernel."""
        return super().convolution_op(inputs, _spectrally_normalized(kernel, self.direction))


class SpectralDense(_Spectral, layers.Dense):  # type: ignore[misc]  # Keras has no types
    """A dense layer whose kernel has a spectral norm of 1."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Multiplies with the normalized kernel."""
        kernel = _spectrally_normalized(self.kernel, self.direction)
        return ops.matmul(inputs, kernel) + self.bias


class Projection(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """How much the features of an image are those of the class that is said, `(N, 1)`."""

    def __init__(self, classes: int, **options: Any) -> None:
        super().__init__(**options)
        self.classes = classes

    def build(self, shapes: Any) -> None:
        """Makes a vector for each class."""
        self.kernel = self.add_weight(
            name="kernel", shape=(self.classes, shapes[0][-1]), initializer="glorot_normal"
        )
        self.direction = self.add_weight(
            name="direction",
            shape=(1, shapes[0][-1]),
            initializer="random_normal",
            trainable=False,
        )

    def call(self, inputs: Any) -> Any:
        """Returns the inner product of each image's features and its class's vector."""
        features, label = inputs
        kernel = _spectrally_normalized(self.kernel, self.direction)
        return ops.sum(features * ops.take(kernel, label, axis=0), axis=-1, keepdims=True)
