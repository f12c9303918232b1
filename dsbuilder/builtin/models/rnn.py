"""A recurrent network that reads an image row by row."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsbuilder.builtin.models import heads
from dsbuilder.builtin.models.initializers import Activation
from dsbuilder.builtin.models.recurrent import Cell, recurrent
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, TrainError, model

if TYPE_CHECKING:
    import keras


@model("rnn")
@dataclass(frozen=True, kw_only=True)
class Rnn(FromScratch):
    """Recurrent layers over an image as a sequence of its rows, from top to bottom.

    What is known after the last row goes to the last layer; of both directions, side by side.

    Attributes:
      cell: `simple_rnn`, `gru` or `lstm`.
      width: units of each recurrent layer, in each direction, 1 or more.
      depth: number of recurrent layers, 1 or more.
      bidirectional: whether rows are also read from bottom to top.
      activation: activation of the cells' states; tanh unless another is given.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped after each recurrent layer, in [0, 1).
      batch_norm: whether to normalize batches after each recurrent layer.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    cell: Cell = "lstm"
    width: int = 128
    depth: int = 1
    bidirectional: bool = False
    batch_norm: bool = False

    @property
    def usual_activation(self) -> Activation:
        """What cells have."""
        return "tanh"

    def check_image(self, signature: Signature) -> None:
        """Refuses images that vary in width: a row is one step, and steps are of one size.

        Raises:
          TrainError: they do.
        """
        if signature.image.width is None:
            raise TrainError(
                f"rnn: expected images of one width, found {signature.image}. "
                "Add a resize to finish."
            )

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        inputs = self.image(signature)
        _, height, width, channels = inputs.shape
        rows = (-1 if height is None else height, width * channels)
        x = recurrent(
            self,
            keras.layers.Reshape(rows, name="rows")(inputs),
            cell=self.cell,
            units=self.width,
            layers=self.depth,
            bidirectional=self.bidirectional,
            whole=False,
            activation=self.function,
            after=self._after,
        )
        found = heads.rows(x, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, found))

    def _after(self, x: Any, name: str) -> Any:
        return self.dropped(self.normalized(x, name), name)
