"""LeNet-5, in the form of its paper and in that of today."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models import heads
from dsbuilder.builtin.models.initializers import Activation
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, model

if TYPE_CHECKING:
    import keras

_SIDE = 32
_KERNEL = 5
_FILTERS = (6, 16)
_UNITS = (120, 84)


@model("lenet")
@dataclass(frozen=True, kw_only=True)
class Lenet(FromScratch):
    """LeNet-5 (LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition").

    Two convolutions of 5x5 with 6 and 16 filters, each followed by pooling of 2x2, then dense
    layers of 120 and 84. As in the paper, images of 28 pixels a side are padded to 32, as are all
    smaller ones. Unlike in the paper, every filter of the second convolution sees all maps of the
    first, pooling has no weights, and the last layer is dense: of one channel and ten classes
    these are 61,706 parameters.

    Attributes:
      form: `1998` has tanh and average pooling, `modern` relu and max pooling.
      activation: after each layer, instead of the form's.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped before each dense layer, in [0, 1).
      batch_norm: whether to normalize batches after each convolution, which then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    counts: ClassVar[tuple[str, ...]] = ()

    form: Literal[1998, "modern"] = "modern"
    batch_norm: bool = False

    @property
    def usual_activation(self) -> Activation:
        """What the form has."""
        return "tanh" if self.form == 1998 else "relu"

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
        x = _padded(inputs)
        pooling = {1998: keras.layers.AveragePooling2D, "modern": keras.layers.MaxPooling2D}
        for index, filters in enumerate(_FILTERS):
            name = f"block{index}"
            x = self.convolved(x, filters, name, kernel=_KERNEL, padding="valid")
            x = pooling[self.form](2, name=f"{name}_pool")(x)
        x = keras.layers.Flatten(name="flatten")(x)
        for index, units in enumerate(_UNITS):
            name = f"dense{index}"
            x = self.hidden(self.dropped(x, name), units, name)
        rows = heads.rows(self.dropped(x, "head"), signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, rows))


def _padded(x: Any) -> Any:
    """Adds zeros around images with a side below 32 pixels; an odd number has one more below."""
    import keras

    missing = [max(0, _SIDE - side) for side in x.shape[1:3]]
    if not any(missing):
        return x
    around = tuple((each // 2, each - each // 2) for each in missing)
    return keras.layers.ZeroPadding2D(around, name="pad")(x)
