"""A small residual network: a model builder."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsbuilder.plugin import ModelBuilder, Signature, TrainError, model

if TYPE_CHECKING:
    import keras


@model("tiny_resnet")
@dataclass(frozen=True, kw_only=True)
class TinyResnet(ModelBuilder):
    """Stacks residual blocks (He et al. 2016) that halve the image and double the filters.

    Attributes:
      width: filters of the first block, 1 or more.
      blocks: number of blocks, 1 or more; each halves the image.
    """

    width: int = 16
    blocks: int = 3

    def __post_init__(self) -> None:
        if min(self.width, self.blocks) < 1:
            raise ValueError(f"expected 1 or more, found {self.width=} and {self.blocks=}.")

    def check(self, signature: Signature) -> None:
        """Refuses what is not one class: `dsbuilder check` says so."""
        if [target.kind for target in signature.targets.values()] != ["class"]:
            raise TrainError(f"tiny_resnet: expected one target of kind class, found {signature}.")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network with logits for the one class target of the signature."""
        import keras  # here and not above: it takes seconds that only a training shall pay

        (target,) = signature.targets.values()
        image = keras.Input(signature.image.shape)
        x = keras.layers.ReLU()(_convolution(image, self.width))
        for block in range(self.blocks):
            x = _residual(x, self.width * 2**block)
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(image, keras.layers.Dense(len(target.class_names), dtype="float32")(x))


def _residual(x: Any, filters: int) -> Any:
    import keras

    y = keras.layers.ReLU()(_convolution(x, filters, strides=2))
    y = _convolution(y, filters)
    x = _convolution(x, filters, strides=2, kernel=1)  # brings the shortcut to the shape of y
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


def _convolution(x: Any, filters: int, *, strides: int = 1, kernel: int = 3) -> Any:
    import keras

    x = keras.layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization()(x)
