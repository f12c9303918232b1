"""What all networks from scratch share: options of every layer, and the layers made by them.

A builder derives from `FromScratch`, adds the options of its own shape, and makes its layers by
these methods alone; so activation, initial values, penalties and normalization mean the same of
each, and stand here once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dsbuilder.builtin.models import heads
from dsbuilder.builtin.models.initializers import (
    Activation,
    Initializer,
    initializer_of,
    odd_pair,
    paired,
)
from dsbuilder.plugin import ModelBuilder, Signature, TrainError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class FromScratch(ModelBuilder):
    """A network whose every weight begins with a random number.

    Attributes:
      activation: activation after every convolution and hidden dense layer; None for what the
        network is known for.
      initializer: initializer of every kernel; None for the one that goes with the activation.
      bias_initializer: initializer of every bias.
      l1: weight of the penalty on the sum of absolute kernel values.
      l2: weight of the penalty on the sum of squared kernel values.
      dropout: share of values dropped, in [0, 1); where, each network says.
      batch_norm: whether to normalize batches after every convolution; it then has no bias.
      most_weights: weights that one layer may have; a network with a larger one is refused before
        it is made.
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth")
    """The options that count something: 1 or more."""
    serves: ClassVar[heads.Serves] = heads.ROWS
    """The kinds of head that the network has."""

    activation: Activation | None = None
    initializer: Initializer | None = None
    bias_initializer: Initializer = "zeros"
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    batch_norm: bool = True
    most_weights: int = 250_000_000

    def __post_init__(self) -> None:
        for option in self.counts:
            at_least(option, getattr(self, option), 1)
        at_least("most_weights", self.most_weights, 1)
        for option in ("l1", "l2"):
            at_least(option, getattr(self, option), 0)
        check_share("dropout", self.dropout)

    def check(self, signature: Signature) -> None:
        """Refuses targets that the network has no heads for, and images that do not fit.

        Raises:
          TrainError: the signature has such.
        """
        heads.check_heads(signature, self.called, self.serves)
        self.check_image(signature)

    def check_image(self, signature: Signature) -> None:
        """Refuses images that the network cannot take; all are taken unless a network says not.

        Raises:
          TrainError: they are too small, or vary in size.
        """

    def warnings(self, signature: Signature) -> tuple[str, ...]:
        """Says where an initializer was made for another activation."""
        odd = self.initializer and odd_pair(self.function, self.initializer)
        return (f"{self.called}: {odd}",) if odd else ()

    @property
    def called(self) -> str:
        """The name by which a pipeline calls the model."""
        return str(self.__dsbuilder__.name)  # type: ignore[attr-defined]

    @property
    def usual_activation(self) -> Activation:
        """What the network is known for."""
        return "relu"

    @property
    def function(self) -> Activation:
        """The activation that is used."""
        return self.activation or self.usual_activation

    def expect_sides(self, signature: Signature, least: int, why: str) -> None:
        """Refuses images with a side below `least` pixels, which `why` explains."""
        sides = [side for side in signature.image.shape[:2] if side is not None]
        if any(side < least for side in sides):
            raise TrainError(
                f"{self.called}: expected images of at least {least} pixels a side for {why}, "
                f"found {signature.image}. Lower {why.split()[0]}, or resize to more in finish."
            )

    def expect_one_size(self, signature: Signature, why: str, *, instead: str = "") -> None:
        """Refuses images that vary in size, for the reason `why`; `instead` is what takes them."""
        if None in signature.image.shape[:2]:
            raise TrainError(
                f"{self.called}: expected images of one size {why}, found {signature.image}. "
                f"Add a resize to finish{f', or take {instead}' if instead else ''}."
            )

    def check_weights(self, count: int, name: str) -> None:
        """Refuses a layer of more weights than one may have, before they take memory.

        Raises:
          TrainError: it has more.
        """
        if count > self.most_weights:
            raise TrainError(
                f"{self.called}: expected layers of at most {self.most_weights} weights "
                f"(most_weights), found {count} in {name}. Make it narrower, or allow more."
            )

    def kernel_options(self) -> dict[str, Any]:
        """Returns initializers and penalties of a layer with weights, new objects each time."""
        import keras

        options: dict[str, Any] = {
            "kernel_initializer": initializer_of(self.initializer or paired(self.function)),
            "bias_initializer": initializer_of(self.bias_initializer),
        }
        if self.l1 or self.l2:
            options["kernel_regularizer"] = keras.regularizers.L1L2(l1=self.l1, l2=self.l2)
        return options

    def convolved(
        self,
        x: Any,
        filters: int,
        name: str,
        *,
        kernel: int = 3,
        strides: int = 1,
        padding: str = "same",
        activate: bool = True,
    ) -> Any:
        """Adds a convolution, normalization and activation to `(N, H, W, C)`."""
        import keras

        self.check_weights(kernel**2 * x.shape[-1] * filters, name)
        x = keras.layers.Conv2D(
            filters,
            kernel,
            strides=strides,
            padding=padding,
            use_bias=not self.batch_norm,
            name=f"{name}_conv",
            **self.kernel_options(),
        )(x)
        x = self.normalized(x, name)
        return self.activated(x, name) if activate else x

    def hidden(self, x: Any, units: int, name: str, *, normalize: bool = False) -> Any:
        """Adds a hidden dense layer and activation to `(N, features)`.

        Args:
          normalize: whether `batch_norm` is for this layer, too.
        """
        import keras

        self.check_weights(x.shape[-1] * units, name)
        normalized = normalize and self.batch_norm
        x = keras.layers.Dense(units, use_bias=not normalized, name=name, **self.kernel_options())(
            x
        )
        return self.activated(self.normalized(x, name) if normalized else x, name)

    def activated(self, x: Any, name: str) -> Any:
        """Adds the activation."""
        import keras

        return keras.layers.Activation(self.function, name=f"{name}_{self.function}")(x)

    def normalized(self, x: Any, name: str) -> Any:
        """Adds normalization, if there is one."""
        import keras

        if not self.batch_norm:
            return x
        return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)

    def dropped(self, x: Any, name: str, rate: float | None = None) -> Any:
        """Adds dropout, if there is one; of the share `dropout` unless another is given."""
        import keras

        share = self.dropout if rate is None else rate
        return keras.layers.Dropout(share, name=f"{name}_dropout")(x) if share else x

    def model(self, inputs: Any, outputs: Any) -> "keras.Model":
        """Returns the network from its input to its heads."""
        import keras

        return keras.Model(inputs, outputs, name=self.called)

    def image(self, signature: Signature) -> Any:
        """Returns the input, once `check` has let the signature pass."""
        import keras

        self.check(signature)
        return keras.Input(signature.image.shape, name="image")


def at_least(option: str, value: float, least: int) -> None:
    """Raises a ValueError for an option below its least value."""
    if value < least:
        raise ValueError(f"{option}: expected {least} or more, found {value:g}.")


def check_share(option: str, value: float) -> None:
    """Raises a ValueError for an option that is no share."""
    if not 0 <= value < 1:
        raise ValueError(f"{option}: expected a share in [0, 1), found {value:g}.")
