"""A multilayer perceptron."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dsbuilder.builtin.models import heads
from dsbuilder.builtin.models.scratch import FromScratch, at_least
from dsbuilder.plugin import Signature, model

if TYPE_CHECKING:
    import keras


@model("mlp")
@dataclass(frozen=True, kw_only=True)
class Mlp(FromScratch):
    """Hidden dense layers over all pixels in a row, and then one layer for each target.

    It knows nothing of what lies beside what: the least that a network for images is compared with.

    Attributes:
      width: units of each hidden layer, 1 or more.
      depth: number of hidden layers, 0 or more; 0 is a linear model, of classes a logistic
        regression.
      activation: after each hidden layer; relu unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped after each hidden layer, in [0, 1).
      batch_norm: whether to normalize batches in each hidden layer, which then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    counts: ClassVar[tuple[str, ...]] = ("width",)

    width: int = 256
    depth: int = 2
    batch_norm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("depth", self.depth, 0)

    def check_image(self, signature: Signature) -> None:
        """Refuses images that vary in size.

        Raises:
          TrainError: they do.
        """
        self.expect_one_size(signature, "for its dense layers")

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        inputs = self.image(signature)
        x = keras.layers.Flatten(name="flatten")(inputs)
        for index in range(self.depth):
            name = f"dense{index}"
            x = self.dropped(self.hidden(x, self.width, name, normalize=True), name)
        rows = heads.rows(x, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, rows))
