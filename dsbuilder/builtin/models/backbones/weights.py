"""Weights of a backbone from a file of Keras: `.keras`, `.weights.h5`, or a legacy `.h5`.

Keras' own loaders stop half way through a model, name the first misfit in the middle of a page, and
one of them only warns. Here a file is read into plain arrays first, layer by layer, and compared;
then every weight is set, or none. Layers are matched by their order, as in Keras, for their names
count upwards within a process. What a file holds beyond the backbone, such as a classifier, is left
alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsbuilder.builtin.models.saved import load
from dsbuilder.errors import TrainError

if TYPE_CHECKING:
    import keras


_FORMS = (".keras", ".h5", ".hdf5", ".pth")


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """The weights of one layer as a file holds them."""

    layer: str
    arrays: Sequence[np.ndarray]


def load_weights(network: "keras.Model", path: Path) -> None:
    """Sets every weight of a backbone from a file, or none.

    Args:
      path: a whole model (`.keras`, also one that contains the backbone, such as a run's
        `best.keras`; or legacy `.h5`), or its weights (`.weights.h5`, legacy `.h5`).

    Raises:
      TrainError: there is no such file, it is of another kind, or its weights do not fit; it names
        the layer and both shapes.
    """
    check_file(path)
    layers = [layer for layer in network.layers if layer.weights]
    stored = _best_match(layers, list(_candidates(network, path)))
    problem = _misfit(layers, stored)
    if problem:
        raise TrainError(
            f"{path}: expected the weights of {network.name}, found {problem}. "
            "Give a file of the same network."
        )
    for layer, found in zip(layers, stored, strict=False):
        layer.set_weights(found.arrays)


def check_file(path: Path) -> None:
    """Refuses a path at which no file of weights can be; needs no Keras.

    Raises:
      TrainError: there is no such file, or it is of another kind.
    """
    if not path.is_file():
        raise TrainError(f"{path}: no such file of weights. Check the path.")
    if not path.name.endswith(_FORMS):
        raise TrainError(
            f"{path}: expected weights as .keras, .weights.h5 or .h5, found '{path.suffix}'. "
            "Save the model with Keras in one of these forms."
        )


def _candidates(network: "keras.Model", path: Path) -> Iterator[list[_Stored]]:
    """Yields what in the file might be the backbone: every model within a model."""
    if path.name.endswith(".keras"):
        yield from _of_model(path)
    else:
        yield _of_h5(network, path)


def _of_model(path: Path) -> Iterator[list[_Stored]]:
    whole = load(path)
    for model in _models(whole):
        weighted = [layer for layer in model.layers if layer.weights]
        yield [_Stored(layer=each.name, arrays=each.get_weights()) for each in weighted]


def _models(model: Any) -> Iterator[Any]:
    yield model
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _models(layer)


def _of_h5(network: "keras.Model", path: Path) -> list[_Stored]:
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(path) as file:
            if "layers" in file:
                return list(_weights_file(network, file["layers"]))
            return list(_legacy_file(file.get("model_weights", file)))
    except (OSError, KeyError) as error:
        raise TrainError(f"{path}: expected weights of Keras, found: {error}.") from error


def _weights_file(network: "keras.Model", groups: Any) -> Iterator[_Stored]:
    """Reads Keras 3's form: groups are called after the layer's class and counted, `conv2d_1`."""
    counts: dict[str, int] = {}
    for layer in network.layers:
        stem = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        stem = re.sub(r"([a-z])([A-Z])", r"\1_\2", stem).lower()
        index = counts[stem] = counts.get(stem, -1) + 1
        name = f"{stem}_{index}" if index else stem
        if layer.weights:
            variables = groups[name]["vars"] if name in groups else {}
            arrays = [np.asarray(variables[key]) for key in sorted(variables, key=int)]
            yield _Stored(layer=name, arrays=arrays)


def _legacy_file(groups: Any) -> Iterator[_Stored]:
    for name in _texts(groups.attrs["layer_names"]):
        arrays = [
            np.asarray(groups[name][each]) for each in _texts(groups[name].attrs["weight_names"])
        ]
        if arrays:
            yield _Stored(layer=name, arrays=arrays)


def _texts(values: Any) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _best_match(layers: Sequence[Any], candidates: Sequence[list[_Stored]]) -> list[_Stored]:
    """Returns the candidate that fits, else the one nearest in number of layers."""
    fitting = [stored for stored in candidates if _misfit(layers, stored) is None]
    if fitting:
        return fitting[0]
    return min(candidates, key=lambda stored: abs(len(stored) - len(layers)))


def _misfit(layers: Sequence[Any], stored: Sequence[_Stored]) -> str | None:
    """Returns what does not fit, in words; None if everything does."""
    for layer, found in zip(layers, stored, strict=False):
        expected_shapes = [tuple(weight.shape) for weight in layer.weights]
        found_shapes = [array.shape for array in found.arrays]
        if expected_shapes != found_shapes:
            return (
                f"that layer '{layer.name}' needs {_shown(expected_shapes)} and the file's layer "
                f"'{found.layer}' has {_shown(found_shapes)}"
            )
    if len(stored) < len(layers):
        return f"{len(stored)} layers with weights where the network has {len(layers)}"
    return None


def _shown(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes) or "no weights"
