"""A small VGG."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dsbuilder.builtin.models import blocks, heads
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, model

if TYPE_CHECKING:
    import keras

_CONVOLUTIONS = (2, 2, 3)
"""Of the first blocks; each further one has as many as the last of these."""


@model("vgg_small")
@dataclass(frozen=True, kw_only=True)
class VggSmall(FromScratch):
    """VGG (Simonyan and Zisserman 2015), with fewer filters, fewer blocks and batch normalization.

    Blocks of two, two and then three convolutions of 3x3, each followed by max pooling, double the
    filters. All places of the last feature map go, in a row, through two dense layers.

    Attributes:
      width: filters of the first block, 1 or more; each further block has twice as many as the one
        before.
      depth: number of blocks, 1 or more; the image must have 2**depth pixels a side.
      dense: units of each of the two dense layers, 1 or more.
      activation: after each layer; relu unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped after each of the dense layers, in [0, 1).
      batch_norm: whether to normalize batches after each convolution, which then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth", "dense")

    width: int = 32
    depth: int = 3
    dense: int = 256
    dropout: float = 0.5

    def check_image(self, signature: Signature) -> None:
        """Refuses images that are too small for `depth` or vary in size.

        Raises:
          TrainError: they are, or do.
        """
        self.expect_sides(signature, 2**self.depth, f"depth {self.depth}")
        self.expect_one_size(signature, "for its dense layers")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        x = inputs = self.image(signature)
        for block in range(self.depth):
            name, count = f"block{block}", _CONVOLUTIONS[min(block, len(_CONVOLUTIONS) - 1)]
            x = blocks.stack(self, x, self.width * 2**block, name, count=count)
            x = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
        x = keras.layers.Flatten(name="flatten")(x)
        for index in range(2):
            x = self.dropped(self.hidden(x, self.dense, f"dense{index}"), f"dense{index}")
        rows = heads.rows(x, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, rows))
