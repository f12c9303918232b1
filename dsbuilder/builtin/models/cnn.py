"""A plain convolutional network, made of blocks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models import blocks, heads
from dsbuilder.builtin.models.attention import Attention, cbam
from dsbuilder.builtin.models.scratch import FromScratch, at_least, check_share
from dsbuilder.plugin import Keypoints, Signature, Value, model

if TYPE_CHECKING:
    import keras


@model("cnn")
@dataclass(frozen=True, kw_only=True)
class Cnn(FromScratch):
    """Blocks of convolutions that halve the image and double the filters, then a dense head.

    A block is `convolutions` times (convolution, batch normalization, activation), then attention
    if wanted, pooling by 2, and dropout. The head pools what is left over the whole image and ends
    in a layer for each target.

    Attributes:
      width: filters of the first block, 1 or more; every further block has twice as many as the one
        before.
      depth: number of blocks, 1 or more; the image must have 2**depth pixels a side.
      convolutions: number of convolutions in each block, 1 or more.
      kernel: side of a convolution's window, in pixels, 1 or more.
      activation: after every convolution and hidden dense layer; relu unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      batch_norm: whether to normalize batches after every convolution; it then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
      attention: `cbam` for attention over channels and places in each block, or `none`.
      reduction: channels for each unit of the hidden layer in the attention over channels, 1 or
        more.
      pooling: `max` or `average`, in the blocks.
      dropout: share of values dropped after every block, in [0, 1).
      head: how the last feature map becomes a vector: `average` or `max` over the image, or
        `flatten`, which keeps what lies where and needs images of one size; by default `flatten`
        where numbers are learnt, which may be places, and `average` otherwise.
      dense: widths of hidden dense layers before the logits.
      dense_dropout: share of values dropped before the logits and each hidden layer, in [0, 1).
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth", "convolutions", "kernel", "reduction")

    width: int = 32
    depth: int = 3
    convolutions: int = 2
    kernel: int = 3
    attention: Attention = "none"
    reduction: int = 8
    pooling: Literal["max", "average"] = "max"
    head: Literal["average", "max", "flatten"] | None = None
    dense: tuple[int, ...] = ()
    dense_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for units in self.dense:
            at_least("dense", units, 1)
        check_share("dense_dropout", self.dense_dropout)

    def check_image(self, signature: Signature) -> None:
        """Refuses images that are too small for `depth`, or vary in size where it matters.

        Raises:
          TrainError: they are, or do so where `head` is `flatten`.
        """
        self.expect_sides(signature, 2**self.depth, f"depth {self.depth}")
        if self._pooled(signature) == "flatten":
            self.expect_one_size(signature, "for head: flatten", instead="head: average")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        x = inputs = self.image(signature)
        for block in range(self.depth):
            x = self._block(x, block)
        rows = heads.rows(self._head(x, signature), signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, rows))

    def _block(self, x: Any, block: int) -> Any:
        import keras

        name, filters = f"block{block}", self.width * 2**block
        x = blocks.stack(self, x, filters, name, count=self.convolutions, kernel=self.kernel)
        if self.attention == "cbam":
            x = cbam(self, x, name, reduction=self.reduction)
        pools = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
        return self.dropped(pools[self.pooling](2, name=f"{name}_pool")(x), name)

    def _pooled(self, signature: Signature) -> Literal["average", "max", "flatten"]:
        """Returns how the last feature map becomes a vector."""
        if self.head is not None:
            return self.head
        numbers = any(isinstance(kind, (Value, Keypoints)) for kind in signature.targets.values())
        return "flatten" if numbers and None not in signature.image.shape else "average"

    def _head(self, x: Any, signature: Signature) -> Any:
        x = blocks.pooled(x, self._pooled(signature), "head_pool")
        for index, units in enumerate(self.dense):
            name = f"dense{index}"
            x = self.hidden(self.dropped(x, name, self.dense_dropout), units, name)
        return self.dropped(x, "head", self.dense_dropout)
