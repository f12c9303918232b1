"""A network that says a class for every pixel."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dsbuilder.builtin.models import blocks, heads
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, TrainError, model

if TYPE_CHECKING:
    import keras


@model("unet")
@dataclass(frozen=True, kw_only=True)
class Unet(FromScratch):
    """A U-Net (Ronneberger et al. 2015) from scratch: logits of each pixel's class.

    The image is halved `depth` times and brought back to its size; on the way back each level also
    sees what it was on the way down. Sides that 2**depth does not divide are padded inside. Targets
    beside a mask that a row answers are learnt from the lowest level, averaged over the image.

    Attributes:
      width: filters of the first level, 1 or more; every level below has twice as many.
      depth: how often the image is halved, 1 or more.
      convolutions: on each level, down and up, 1 or more.
      activation: after every convolution; relu unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      batch_norm: whether to normalize batches after every convolution; it then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
      dropout: share of values dropped on the lowest level, in [0, 1).
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth", "convolutions")
    serves: ClassVar[heads.Serves] = heads.PIXELS

    width: int = 16
    depth: int = 3
    convolutions: int = 2

    def check_image(self, signature: Signature) -> None:
        """Refuses images that vary in size or are too small for `depth`.

        Raises:
          TrainError: they do, or are.
        """
        self._padding(signature)

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        inputs = self.image(signature)
        padding = self._padding(signature)
        x = keras.layers.ZeroPadding2D(padding, name="pad")(inputs)
        levels = []
        for level in range(self.depth):
            x = self._level(x, level, f"down{level}")
            levels.append(x)
            x = keras.layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        x = self._level(x, self.depth, "bottom")
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="dropout")(x)
        lowest = x
        for level in reversed(range(self.depth)):
            x = keras.layers.UpSampling2D(2, name=f"up{level}_size")(x)
            x = keras.layers.Concatenate(name=f"up{level}_join")([x, levels[level]])
            x = self._level(x, level, f"up{level}")
        x = keras.layers.Cropping2D(padding, name="crop")(x)
        masks = heads.pixels(x, signature, self.kernel_options)
        rows = {}
        if heads.sized(signature, 1):
            mean = blocks.pooled(lowest, "average", "bottom_mean")
            rows = heads.rows(mean, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, masks, rows))

    def _level(self, x: "keras.KerasTensor", level: int, name: str) -> "keras.KerasTensor":
        return blocks.stack(self, x, self.width * 2**level, name, count=self.convolutions)

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
