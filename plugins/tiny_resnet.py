"""A tiny residual network: a model builder for whatever a row of numbers answers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsbuilder.plugin import ModelBuilder, Signature, TrainError, model

if TYPE_CHECKING:
    import keras


@model("tiny_resnet")
@dataclass(frozen=True, kw_only=True)
class TinyResnet(ModelBuilder):
    """Adds to a map, again and again, what two convolutions make of it (He et al. 2016b).

    Attributes:
      width: filters of every convolution, 1 or more.
      blocks: number of blocks, 1 or more; each halves the image.
    """

    width: int = 16
    blocks: int = 3

    def __post_init__(self) -> None:
        if min(self.width, self.blocks) < 1:
            raise ValueError(f"expected 1 or more, found {self.width=} and {self.blocks=}.")

    def check(self, signature: Signature) -> None:
        """Refuses what no row of numbers answers: `dsbuilder check` says so."""
        from dsbuilder.tasks import outputs_of  # here and not above: no build needs it

        if any(len(shape or ()) != 1 for shape in outputs_of(signature).values()):
            raise TrainError(f"tiny_resnet: expected classes or numbers, found {signature}.")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network, with a layer for each target of the signature."""
        import keras  # seconds that only a training shall pay

        from dsbuilder.tasks import outputs_of

        image = keras.Input(signature.image.shape)
        x = keras.layers.Conv2D(self.width, 3, padding="same")(image)
        for _ in range(self.blocks):
            x = keras.layers.Add()([x, _twice(x, self.width)])
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        rows = {name: shape[0] for name, shape in outputs_of(signature).items() if shape}
        heads = {name: keras.layers.Dense(n, dtype="float32")(x) for name, n in rows.items()}
        # One target: its outputs. Several: a mapping by target.
        return keras.Model(image, heads if len(heads) > 1 else next(iter(heads.values())))


def _twice(x: Any, filters: int) -> Any:
    import keras

    for _ in range(2):
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return x
