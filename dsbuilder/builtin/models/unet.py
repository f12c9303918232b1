"""A network that says a class for every pixel."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsbuilder.builtin.models.logits import target_instead
from dsbuilder.plugin import ModelBuilder, Signature, TrainError, model
from dsbuilder.tasks import outputs_of

if TYPE_CHECKING:
    import keras


@model("unet")
@dataclass(frozen=True, kw_only=True)
class Unet(ModelBuilder):
    """A U-Net from scratch, for one target of every pixel: logits of its class.

    The image is halved `depth` times and brought back to its size; on the way back each level also
    sees what it was on the way down. Sides that 2**depth does not divide are padded inside.

    Attributes:
      width: filters of the first level; every level below has twice as many.
      depth: how often the image is halved.
      convolutions: on each level, down and up.
      batch_norm: whether to normalize batches after every convolution; it then has no bias.
      dropout: share of values dropped on the lowest level, in [0, 1).
    """

    width: int = 16
    depth: int = 3
    convolutions: int = 2
    batch_norm: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for option in ("width", "depth", "convolutions"):
            found = getattr(self, option)
            if found < 1:
                raise ValueError(f"{option}: expected 1 or more, found {found}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: expected a share in [0, 1), found {self.dropout:g}.")

    def check(self, signature: Signature) -> None:
        """Refuses a target that is not one of every pixel, and images that do not fit.

        Raises:
          TrainError: the target is another one, or the image varies in size or is too small for
            `depth`.
        """
        _num_classes(signature)
        self._padding(signature)

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        classes = _num_classes(signature)
        padding = self._padding(signature)
        inputs = keras.Input(signature.image.shape, name="image")
        x = keras.layers.ZeroPadding2D(padding, name="pad")(inputs)
        levels = []
        for level in range(self.depth):
            x = self._convolved(x, level, f"down{level}")
            levels.append(x)
            x = keras.layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        x = self._convolved(x, self.depth, "bottom")
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="dropout")(x)
        for level in reversed(range(self.depth)):
            x = keras.layers.UpSampling2D(2, name=f"up{level}_size")(x)
            x = keras.layers.Concatenate(name=f"up{level}_join")([x, levels[level]])
            x = self._convolved(x, level, f"up{level}")
        x = keras.layers.Cropping2D(padding, name="crop")(x)
        outputs = keras.layers.Conv2D(classes, 1, name="logits", dtype="float32")(x)
        return keras.Model(inputs, outputs, name="unet")

    def _padding(self, signature: Signature) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns the pixels above and below, left and right that make 2**depth divide a side."""
        height, width, least = signature.image.height, signature.image.width, 2**self.depth
        if height is None or width is None or min(height, width) < least:
            raise TrainError(
                f"unet: expected images of one size, at least {least} pixels a side for depth "
                f"{self.depth}, found {signature.image}. Resize them in finish, or lower depth."
            )
        missing = (-height % least, -width % least)
        above, left = (each // 2 for each in missing)
        return (above, missing[0] - above), (left, missing[1] - left)

    def _convolved(self, x: Any, level: int, name: str) -> Any:
        import keras

        for index in range(self.convolutions):
            x = keras.layers.Conv2D(
                self.width * 2**level,
                3,
                padding="same",
                use_bias=not self.batch_norm,
                kernel_initializer="he_normal",
                name=f"{name}_{index}_conv",
            )(x)
            if self.batch_norm:
                x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_{index}_bn")(x)
            x = keras.layers.Activation("relu", name=f"{name}_{index}_relu")(x)
        return x


def _num_classes(signature: Signature) -> int:
    shapes = list(outputs_of(signature).values())
    if len(shapes) == 1 and shapes[0] is not None and len(shapes[0]) == 3 and shapes[0][2]:
        return shapes[0][2]
    problem = target_instead(signature, "that every pixel answers, such as a mask")
    raise TrainError(f"unet: {problem}. Choose a mask with train.target, or use another model.")
