"""A plain convolutional network, made of blocks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dsbuilder.builtin.models.logits import logits, num_outputs
from dsbuilder.plugin import ModelBuilder, Signature, TrainError, model

if TYPE_CHECKING:
    import keras

Activation = Literal[
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "tanh"
]
Initializer = Literal[
    "he_normal",
    "he_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
]


@model("cnn")
@dataclass(frozen=True, kw_only=True)
class Cnn(ModelBuilder):
    """Blocks of convolutions that halve the image and double the filters, then a dense head.

    A block is `convolutions` times (convolution, batch normalization, activation), then pooling by
    2, then dropout. The head pools what is left over the whole image and ends in logits,
    or in numbers where the target is a value.

    Attributes:
      width: filters of the first block; every further block has twice as many as the one before.
      depth: number of blocks; the image must have 2**depth pixels a side.
      convolutions: number of convolutions in each block.
      kernel: side of a convolution's window, in pixels.
      activation: after every convolution and hidden dense layer.
      initializer: initializer of every kernel.
      l1: weight of the penalty on the sum of absolute kernel values.
      l2: weight of the penalty on the sum of squared kernel values.
      batch_norm: whether to normalize batches after every convolution; it then has no bias.
      pooling: `max` or `average`, in the blocks.
      dropout: share of values dropped after every block, in [0, 1).
      head: how the last feature map becomes a vector: `average` or `max` over the image, or
        `flatten`, which needs images of one size.
      dense: widths of hidden dense layers before the logits.
      dense_dropout: share of values dropped before the logits and each hidden layer, in [0, 1).
    """

    width: int = 32
    depth: int = 3
    convolutions: int = 2
    kernel: int = 3
    activation: Activation = "relu"
    initializer: Initializer = "he_normal"
    l1: float = 0.0
    l2: float = 0.0
    batch_norm: bool = True
    pooling: Literal["max", "average"] = "max"
    dropout: float = 0.0
    head: Literal["average", "max", "flatten"] = "average"
    dense: tuple[int, ...] = ()
    dense_dropout: float = 0.0

    def __post_init__(self) -> None:
        for option in ("width", "depth", "convolutions", "kernel"):
            _at_least(option, getattr(self, option), 1)
        for units in self.dense:
            _at_least("dense", units, 1)
        for option in ("l1", "l2"):
            _at_least(option, getattr(self, option), 0)
        for option in ("dropout", "dense_dropout"):
            rate = getattr(self, option)
            if not 0 <= rate < 1:
                raise ValueError(f"{option}: expected a share in [0, 1), found {rate:g}.")

    def check(self, signature: Signature) -> None:
        """Refuses a target that is not one of classes or numbers, and images that do not fit.

        Raises:
          TrainError: the image is too small for `depth`, varies in size where `head` is `flatten`,
            or the target is another one.
        """
        num_outputs(signature)
        self._check_image(signature)

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        self.check(signature)
        inputs = keras.Input(signature.image.shape, name="image")
        x = inputs
        for block in range(self.depth):
            x = self._block(x, block)
        x = self._head(x)
        outputs = logits(x, signature, **self._kernel_options())
        return keras.Model(inputs, outputs, name="cnn")

    def _check_image(self, signature: Signature) -> None:
        sides = [side for side in signature.image.shape[:2] if side is not None]
        if any(side < 2**self.depth for side in sides):
            raise TrainError(
                f"cnn: expected images of at least {2**self.depth} pixels a side for depth "
                f"{self.depth}, found {signature.image}. Lower depth, or resize to more in finish."
            )
        if self.head == "flatten" and len(sides) < 2:
            raise TrainError(
                f"cnn: expected images of one size for head: flatten, found {signature.image}. "
                "Add a resize to finish, or take head: average."
            )

    def _block(self, x: Any, block: int) -> Any:
        import keras

        for index in range(self.convolutions):
            name = f"block{block}_{index}"
            x = keras.layers.Conv2D(
                self.width * 2**block,
                self.kernel,
                padding="same",
                use_bias=not self.batch_norm,
                name=f"{name}_conv",
                **self._kernel_options(),
            )(x)
            if self.batch_norm:
                x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
            x = keras.layers.Activation(self.activation, name=f"{name}_{self.activation}")(x)
        pools = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
        x = pools[self.pooling](2, name=f"block{block}_pool")(x)
        return _dropped(x, self.dropout, f"block{block}_dropout")

    def _head(self, x: Any) -> Any:
        import keras

        layers = {
            "average": keras.layers.GlobalAveragePooling2D,
            "max": keras.layers.GlobalMaxPooling2D,
            "flatten": keras.layers.Flatten,
        }
        x = layers[self.head](name="head_pool")(x)
        for index, units in enumerate(self.dense):
            x = _dropped(x, self.dense_dropout, f"dense{index}_dropout")
            x = keras.layers.Dense(units, name=f"dense{index}", **self._kernel_options())(x)
            x = keras.layers.Activation(self.activation, name=f"dense{index}_{self.activation}")(x)
        return _dropped(x, self.dense_dropout, "head_dropout")

    def _kernel_options(self) -> dict[str, Any]:
        """Returns new objects: an initializer that is used twice draws the same numbers twice."""
        import keras

        options: dict[str, Any] = {
            "kernel_initializer": keras.initializers.get(self.initializer),
        }
        if self.l1 or self.l2:
            options["kernel_regularizer"] = keras.regularizers.L1L2(l1=self.l1, l2=self.l2)
        return options


def _at_least(option: str, value: float, least: int) -> None:
    if value < least:
        raise ValueError(f"{option}: expected {least} or more, found {value:g}.")


def _dropped(x: Any, rate: float, name: str) -> Any:
    import keras

    return keras.layers.Dropout(rate, name=name)(x) if rate else x
