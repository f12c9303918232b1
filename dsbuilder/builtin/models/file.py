"""A model from a file of Keras, with new last layers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models import heads
from dsbuilder.builtin.models.initializers import Initializer, initializer_of
from dsbuilder.builtin.models.saved import check_file, headless, load
from dsbuilder.builtin.models.scratch import at_least, check_share
from dsbuilder.plugin import ModelBuilder, Signature, TrainError, model
from dsbuilder.records import keras_file

if TYPE_CHECKING:
    import keras

_SCALES = {"raw": None, "unit": (1 / 255, 0.0), "signed": (1 / 127.5, -1.0)}


@model("file")
@dataclass(frozen=True, kw_only=True)
class File(ModelBuilder):
    """Any model that Keras saved as `.keras`: its last layer gives way to one for each target.

    The last layer with weights goes, and what stands after it, such as a softmax; where that is a
    convolution over several pixels, or no dense layer at all, what it yields is taken as features.
    Code in a file is not run: it is loaded in Keras' safe mode, and a Lambda layer is refused. A
    run's `best.keras` is such a file.

    Attributes:
      path: the file.
      freeze: whether all layers stay as they are, but for the new ones; `train.fine_tune` then
        trains the last of them.
      pixels: values that the model takes: `raw` (0 to 255), `unit` (0 to 1) or `signed` (-1 to 1).
        By default raw where the model begins with a layer that scales, else unit.
      dropout: share of features dropped before the new layers, in [0, 1).
      initializer: initializer of the new kernels.
      l2: weight of the penalty on the sum of squared values of the new kernels, 0 or more.
    """

    preprocesses: ClassVar[bool] = True

    path: Path
    freeze: bool = False
    pixels: Literal["raw", "unit", "signed"] | None = None
    dropout: float = 0.0
    initializer: Initializer = "glorot_uniform"
    l2: float = 0.0

    def __post_init__(self) -> None:
        check_share("dropout", self.dropout)
        at_least("l2", self.l2, 0)

    @property
    def freezes(self) -> bool:
        """Whether all layers but the new ones are frozen."""
        return self.freeze

    def check(self, signature: Signature) -> None:
        """Refuses files that are not there or hold code, and images that the model does not take.

        Raises:
          TrainError: the signature has such, or the file is none of Keras or has a Lambda layer.
        """
        heads.check_heads(signature, "file", heads.ANY)
        config = check_file(self.path)
        wanted = keras_file.input_shape(config)
        found = signature.image.shape
        if wanted is not None and not _takes(wanted, found):
            raise TrainError(
                f"file: expected images of {_shown(wanted)}, which {self.path.name} takes, "
                f"found {signature.image}. Resize them in finish; image.mode says the channels."
            )
        features = keras_file.last_features(config)
        if features is not None:
            self._check_features(features, signature)

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature.

        Raises:
          TrainError: the file has several inputs or outputs, layers that are not known, or does not
            end as the targets need; or what `check` says.
        """
        import keras

        self.check(signature)
        loaded = load(self.path)
        features = headless(loaded, of_pixels=bool(heads.sized(signature, 3)), path=self.path)
        if self.freeze:
            features.trainable = False
        inputs = keras.Input(signature.image.shape, name="image")
        x = features(self._scaled(inputs, loaded))
        self._check_features(tuple(x.shape[1:]), signature)
        found = [self._rows(x, signature), self._steps(x, signature), self._pixels(x, signature)]
        return keras.Model(inputs, heads.outputs(signature, *found), name="file")

    def _scaled(self, x: Any, loaded: Any) -> Any:
        import keras

        kinds = (keras.layers.Rescaling, keras.layers.Normalization)
        scales = any(isinstance(each, kinds) for each in loaded.layers[:2])
        found = _SCALES[self.pixels or ("raw" if scales else "unit")]
        if found is None:
            return x
        scale, offset = found
        return keras.layers.Rescaling(scale, offset=offset, name="scale")(x)

    def _rows(self, x: Any, signature: Signature) -> dict[str, Any]:
        import keras

        if not heads.sized(signature, 1):
            return {}
        pools = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D"}
        if len(x.shape) in pools:
            x = getattr(keras.layers, pools[len(x.shape)])(name="pool")(x)
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="dropout")(x)
        return heads.rows(x, signature, self._options)

    def _steps(self, x: Any, signature: Signature) -> dict[str, Any]:
        return heads.steps(x, signature, self._options)

    def _pixels(self, x: Any, signature: Signature) -> dict[str, Any]:
        return heads.pixels(x, signature, self._options)

    def _check_features(self, shape: tuple[int | None, ...], signature: Signature) -> None:
        """Refuses targets that features of a shape cannot tell of."""
        wanted = ""
        if heads.sized(signature, 2) and len(shape) != 2:
            wanted = "a sequence for a text"
        if heads.sized(signature, 3) and not (
            len(shape) == 3 and _takes(shape[:2], signature.image.shape[:2])
        ):
            wanted = "a map of the image's size for a mask"
        if wanted:
            raise TrainError(
                f"{self.path}: expected features that are {wanted}, found {_shown(shape)}. "
                "Take a model that was made for such targets."
            )

    def _options(self) -> dict[str, Any]:
        import keras

        penalty = keras.regularizers.L2(self.l2) if self.l2 else None
        return {
            "kernel_initializer": initializer_of(self.initializer),
            "kernel_regularizer": penalty,
        }


def _takes(wanted: tuple[int | None, ...], found: tuple[int | None, ...]) -> bool:
    return len(wanted) == len(found) and all(
        one is None or one == other for one, other in zip(wanted, found, strict=True)
    )


def _shown(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if side is None else str(side) for side in shape)
