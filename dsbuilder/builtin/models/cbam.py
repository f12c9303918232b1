"""A small network of convolutions with attention."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models import attention, blocks, heads
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, model

if TYPE_CHECKING:
    import keras


@model("cbam")
@dataclass(frozen=True, kw_only=True)
class Cbam(FromScratch):
    """Blocks of convolutions with attention over channels, then over places (Woo et al. 2018).

    Channels are weighed by a mean and a maximum over the image, which pass the same two dense
    layers; places by a 7x7 convolution of a mean and a maximum over the channels. A block is two
    convolutions, attention, and pooling by 2. The last feature map is averaged over the image.

    Attributes:
      width: filters of the first block, 1 or more; each further block has twice as many as the one
        before.
      depth: number of blocks, 1 or more; the image must have 2**depth pixels a side.
      attend: `both`; `channels` or `places` alone; or `nothing`, to see what attention brings.
      reduction: channels for each unit of the hidden layer in the attention over channels, 1 or
        more.
      activation: after each convolution; relu unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped before the last layer, in [0, 1).
      batch_norm: whether to normalize batches after each convolution, which then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth", "reduction")

    width: int = 32
    depth: int = 3
    attend: Literal["both", "channels", "places", "nothing"] = "both"
    reduction: int = 8

    def check_image(self, signature: Signature) -> None:
        """Refuses images that are too small for `depth`.

        Raises:
          TrainError: they are.
        """
        self.expect_sides(signature, 2**self.depth, f"depth {self.depth}")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        x = inputs = self.image(signature)
        for block in range(self.depth):
            name = f"block{block}"
            x = blocks.stack(self, x, self.width * 2**block, name, count=2)
            x = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(self._attended(x, name))
        x = self.dropped(blocks.pooled(x, "average", "head_pool"), "head")
        rows = heads.rows(x, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, rows))

    def _attended(self, x: Any, name: str) -> Any:
        if self.attend in ("both", "channels"):
            x = attention.by_channel(self, x, name, reduction=self.reduction)
        if self.attend in ("both", "places"):
            x = attention.by_place(self, x, name)
        return x
