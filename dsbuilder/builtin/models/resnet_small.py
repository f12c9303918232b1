"""A small residual network."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from dsbuilder.builtin.models import blocks, heads
from dsbuilder.builtin.models.attention import Attention, cbam
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, model

if TYPE_CHECKING:
    import keras


@model("resnet_small")
@dataclass(frozen=True, kw_only=True)
class ResnetSmall(FromScratch):
    """A residual network (He et al. 2016) in its form for small images.

    A convolution, then groups of residual blocks; each group but the first halves the image and
    doubles the filters. The last feature map is averaged over the image.

    Attributes:
      width: filters of the first group, 1 or more; each further one has twice as many as the one
        before.
      depth: number of groups, 1 or more; the image must have 2**(depth - 1) pixels a side.
      blocks: number of residual blocks in each group, 1 or more, of two convolutions each.
      attention: `cbam` for attention over channels and places in each block, or `none`.
      reduction: channels for each unit of the hidden layer in the attention over channels, 1 or
        more.
      activation: after each convolution and each sum; relu unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped before the last layer, in [0, 1).
      batch_norm: whether to normalize batches after each convolution, which then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth", "blocks", "reduction")

    width: int = 16
    depth: int = 3
    blocks: int = 2
    attention: Attention = "none"
    reduction: int = 8

    def check_image(self, signature: Signature) -> None:
        """Refuses images that are too small for `depth`.

        Raises:
          TrainError: they are.
        """
        self.expect_sides(signature, 2 ** (self.depth - 1), f"depth {self.depth}")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        inputs = self.image(signature)
        x = self.convolved(inputs, self.width, "stem")
        for group in range(self.depth):
            for index in range(self.blocks):
                name = f"group{group}_{index}"
                attend = partial(cbam, self, name=name, reduction=self.reduction)
                x = blocks.residual(
                    self,
                    x,
                    self.width * 2**group,
                    name,
                    strides=2 if group and not index else 1,
                    attend=attend if self.attention == "cbam" else None,
                )
        x = self.dropped(blocks.pooled(x, "average", "head_pool"), "head")
        rows = heads.rows(x, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, rows))
