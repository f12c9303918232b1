"""The networks of `keras.applications` as feature extractors, preprocessing inside.

Each was trained on images that were scaled in one of three ways. Here that scaling is a layer or
two of the network itself, so that every backbone takes RGB values in [0, 255] and a saved model
needs nothing beside it. Some families (EfficientNet, EfficientNetV2, MobileNetV3, ConvNeXt) come so
from Keras.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from dsbuilder.errors import TrainError

if TYPE_CHECKING:
    import keras

Scaling = Literal["signed", "torch", "caffe", "inside"]
"""To [-1, 1]; by ImageNet's mean and deviation; BGR less ImageNet's mean; done by the network."""

_FAMILIES: tuple[tuple[str, tuple[str, ...], Scaling], ...] = (
    ("ConvNeXt", ("Tiny", "Small", "Base", "Large", "XLarge"), "inside"),
    ("DenseNet", ("121", "169", "201"), "torch"),
    ("EfficientNet", ("B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7"), "inside"),
    ("EfficientNetV2", ("B0", "B1", "B2", "B3", "S", "M", "L"), "inside"),
    ("InceptionResNetV2", ("",), "signed"),
    ("InceptionV3", ("",), "signed"),
    ("MobileNet", ("", "V2"), "signed"),
    ("MobileNetV3", ("Small", "Large"), "inside"),
    ("NASNet", ("Mobile", "Large"), "signed"),
    ("ResNet", ("50", "101", "152"), "caffe"),
    ("ResNet", ("50V2", "101V2", "152V2"), "signed"),
    ("VGG", ("16", "19"), "caffe"),
    ("Xception", ("",), "signed"),
)
_LEAST_SIDES = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}
_LEAST_SIDE = 32
SCALINGS: Mapping[str, Scaling] = MappingProxyType(
    {family + member: scaling for family, members, scaling in _FAMILIES for member in members}
)

_TORCH_MEAN = (0.485, 0.456, 0.406)
_TORCH_DEVIATION = (0.229, 0.224, 0.225)
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def canonical(name: str) -> str | None:
    """Returns Keras' spelling of a name, whatever its case and underscores; None if unknown."""
    spellings = {known.lower(): known for known in SCALINGS}
    return spellings.get(name.replace("_", "").lower())


def least_side(name: str) -> int:
    """Returns the pixels that each side of an image must have for a network; see `SCALINGS`."""
    return _LEAST_SIDES.get(name, _LEAST_SIDE)


def is_at_hand(name: str) -> bool:
    """Whether Keras has kept the ImageNet weights of a network, without its classifier, here.

    Keras spells the files in many ways, so what is asked is whether one says the network's name.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    wanted = re.compile(rf"{name.lower()}(?!v\d).*notop")
    files = (re.sub(r"[^a-z0-9]", "", each.name.lower()) for each in home.glob("models/*"))
    return any(wanted.search(each) for each in files)


def build(
    name: str, *, input_shape: tuple[int | None, int | None, int], imagenet: bool
) -> "keras.Model":
    """Builds a network up to its last feature map.

    Args:
      name: a key of `SCALINGS`.
      input_shape: `(height, width, 3)`; None where a side is not known in advance.
      imagenet: whether to load Keras' ImageNet weights, which it downloads once and keeps.

    Returns:
      A model from RGB float images in [0, 255] to features `(h, w, channels)`.

    Raises:
      TrainError: the images are too small for the network, or the weights cannot be downloaded.
    """
    try:
        return _built(name, input_shape, imagenet=imagenet)
    except ValueError as error:
        raise TrainError(
            f"{name}: cannot take images of shape {input_shape}: {error}. "
            "Resize to another size in finish."
        ) from error
    except Exception as error:
        # Keras raises a bare Exception when a download fails, and nothing more specific.
        if "URL fetch failure" not in str(error):
            raise
        raise TrainError(
            f"{name}: expected to download ImageNet weights, found no way to ({error}). Go online, "
            "or give a file of weights: weights: path/to/weights.h5."
        ) from error


def _built(
    name: str, input_shape: tuple[int | None, int | None, int], *, imagenet: bool
) -> "keras.Model":
    import keras

    inputs = keras.Input(input_shape, name="image")
    application = getattr(keras.applications, name)
    network = application(
        include_top=False,
        weights="imagenet" if imagenet else None,
        input_tensor=_scaled(inputs, SCALINGS[name]),
        input_shape=input_shape,
    )
    return keras.Model(inputs, network.output, name=name.lower())


def _scaled(x: Any, scaling: Scaling) -> Any:
    import keras

    if scaling == "signed":
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="normalize")(x)
    if scaling == "torch":
        scale = [1 / (255 * deviation) for deviation in _TORCH_DEVIATION]
        pairs = zip(_TORCH_MEAN, _TORCH_DEVIATION, strict=True)
        offset = [-mean / deviation for mean, deviation in pairs]
        return keras.layers.Rescaling(scale, offset=offset, name="normalize")(x)
    if scaling == "caffe":
        offset = [-mean for mean in _CAFFE_MEAN_BGR]
        bgr = keras.ops.flip(x, axis=-1)
        return keras.layers.Rescaling([1.0, 1.0, 1.0], offset=offset, name="normalize")(bgr)
    return x
