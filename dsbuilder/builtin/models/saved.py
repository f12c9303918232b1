"""Models that Keras saved: loaded without running code of theirs, and cut before their last layer.

No function of this module runs what a file holds: Keras' safe mode is on, and Lambda layers, which
it lets pass where their function has a name, are refused before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.plugin import DataError, TrainError
from dsbuilder.records import keras_file

if TYPE_CHECKING:
    import keras


def check_file(path: Path) -> Mapping[str, Any]:
    """Returns the configuration of the model in a file; needs no Keras.

    Raises:
      TrainError: the file is none of Keras, or has a Lambda layer.
    """
    try:
        return keras_file.read_config(path)
    except DataError as error:
        raise TrainError(str(error)) from error


def load(path: Path) -> "keras.Model":
    """Returns a model of a `.keras` file, uncompiled.

    Raises:
      TrainError: the file is none of Keras, has a Lambda layer, or one that is not known.
    """
    import keras

    check_file(path)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever Keras raises on a stranger's file
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise TrainError(
            f"{path}: expected a model of Keras' own layers, found: {reason} A layer of a plugin "
            "needs @keras.saving.register_keras_serializable()."
        ) from error


def headless(model: Any, *, of_pixels: bool, path: Path) -> "keras.Model":
    """Returns a model without its last layer with weights and what follows; weights are shared.

    Args:
      of_pixels: whether a last convolution goes however many pixels it sees.

    Raises:
      TrainError: the model is none of layers after each other at its end.
    """
    import keras

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs[0], name=model.name)
    _check_ends(model, path)
    weighted = [place for place, each in enumerate(model.layers) if each.weights]
    last = weighted[-1] if weighted else len(model.layers)
    end = {each.name: each for each in model.layers[last:]}

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer.name not in end:
            return layer(*args, **kwargs)
        if isinstance(layer, keras.Model):
            return headless(layer, of_pixels=of_pixels, path=path)(*args)
        if layer.weights and not _is_last(layer, of_pixels=of_pixels):
            return layer(*args, **kwargs)
        if not hasattr(args[0], "shape"):
            raise TrainError(
                f"{path}: expected a model that ends in one layer, found that '{layer.name}' "
                "joins several. Give a model that ends in a dense layer."
            )
        return args[0]

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=called)


def _check_ends(model: Any, path: Path) -> None:
    import keras

    found = [len(getattr(model, each, None) or ()) for each in ("inputs", "outputs")]
    if not isinstance(model, keras.Model) or found != [1, 1]:
        raise TrainError(
            f"{path}: expected a sequential or functional model of one input and one output, "
            f"found {type(model).__name__} of {found[0]} and {found[1]}. Save such a model."
        )


def _is_last(layer: Any, *, of_pixels: bool) -> bool:
    """Whether a layer makes answers of features."""
    import keras

    if isinstance(layer, keras.layers.Conv2D):
        return of_pixels or tuple(layer.kernel_size) == (1, 1)
    return isinstance(layer, (keras.layers.Dense, keras.layers.EinsumDense))
