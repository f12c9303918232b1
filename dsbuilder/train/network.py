"""The model that is trained and saved: raw pixels in, logits out, or numbers in their own units.

Normalization is a layer of it, so whoever loads the model later needs to know nothing about the
data it was trained on: pixels as the dataset holds them (uint8 in [0, 255]) go in as they are.
"""

from typing import Any, Literal

import keras
import numpy as np

from dsbuilder.errors import TrainError
from dsbuilder.plugin import ModelBuilder
from dsbuilder.sample import Signature
from dsbuilder.tasks import Heads, Shape
from dsbuilder.train.precision import Precision, computing

Statistics = tuple[np.ndarray, np.ndarray]


def build_network(
    builder: ModelBuilder,
    signature: Signature,
    *,
    heads: Heads,
    normalize: Literal["scale", "standardize"] | None,
    statistics: Statistics | None,
    precision: Precision = "float32",
) -> keras.Model:
    """Returns an uncompiled model from a float batch `(N, H, W, C)` of raw pixels to outputs.

    Args:
      heads: what the model yields for a sample.
      normalize: what stands before the builder's model; None for `scale`, or for nothing where the
        model preprocesses its input itself or images are floats.
      statistics: mean and deviation of each channel in raw pixels, `(C,)`, for `standardize`.
      precision: in what the layers of the builder's model compute; pixels before and outputs after
        it are float32.

    Raises:
      TrainError: the builder's model does not take or yield what it has to.
    """
    inputs = keras.Input(signature.image.shape, name="pixels")
    x = inputs
    if normalize == "standardize":
        x = _standardized(x, statistics)
    elif not builder.preprocesses and signature.image.dtype == "uint8":
        x = keras.layers.Rescaling(1 / 255, name="normalize")(x)
    with computing(precision):
        built = _built(builder, signature, heads)
    found = {name: _float32(each) for name, each in outputs_by_head(heads, built(x)).items()}
    finished = {name: task.finish(found[name], name=name) for name, task in heads.items()}
    return keras.Model(inputs, by_head(finished), name="network")


def _float32(output: Any) -> Any:
    """Returns an output in float32, in which losses are computed whatever layers compute in."""
    if output.dtype == "float32":
        return output
    return keras.layers.Activation("linear", dtype="float32")(output)


def outputs_by_head(heads: Heads, outputs: Any) -> dict[str, Any]:
    """Returns what a model yields, by head; of one head Keras yields no mapping."""
    return dict(outputs) if len(heads) > 1 else dict.fromkeys(heads, outputs)


def output_shapes(model: keras.Model) -> Any:
    """Returns the shapes of what a model yields, in the form in which it yields them."""
    return keras.tree.map_structure(lambda output: tuple(output.shape), model.output)


def by_head(values: dict[str, Any]) -> Any:
    """Returns values by head as Keras takes them: of one head without its name."""
    return values if len(values) > 1 else next(iter(values.values()))


def _standardized(x: Any, statistics: Statistics | None) -> Any:
    if statistics is None:
        raise TrainError("normalize: the statistics of the train split are missing.")
    mean, deviation = statistics
    scale = [float(1 / each) for each in deviation]
    offset = [float(-one / other) for one, other in zip(mean, deviation, strict=True)]
    return keras.layers.Rescaling(scale, offset=offset, name="normalize")(x)


def _built(builder: ModelBuilder, signature: Signature, heads: Heads) -> keras.Model:
    name = type(builder).__name__
    model = builder.build(signature)
    if not isinstance(model, keras.Model):
        raise TrainError(
            f"model {name}: expected build() to return a keras.Model, found {type(model).__name__}."
        )
    shapes = output_shapes(model)
    if len(heads) > 1 and not (isinstance(shapes, dict) and set(shapes) == set(heads)):
        raise TrainError(
            f"model {name}: expected a mapping of outputs by target ({', '.join(heads)}), found "
            f"{', '.join(shapes) if isinstance(shapes, dict) else shapes}. Return such, or train "
            "one target."
        )
    for head, found in outputs_by_head(heads, shapes).items():
        wanted = heads[head].outputs
        if not isinstance(found, tuple) or not _fits(found[1:], wanted):
            raise TrainError(
                f"model {name}: expected an output of {_shown(wanted)} "
                f"value{'' if wanted == (1,) else 's'} a sample, "
                f"found the shape {found}. {_advice(wanted)}"
            )
    return model


def _fits(found: Shape, wanted: Shape) -> bool:
    """Whether a model yields a shape; a side that varies may have any length."""
    return len(found) == len(wanted) and all(
        side in (None, other) for other, side in zip(found, wanted, strict=True)
    )


def _shown(shape: Shape) -> str:
    return " x ".join("?" if side is None else str(side) for side in shape)


def _advice(shape: Shape) -> str:
    if len(shape) == 1:
        return f"End the model in a dense layer of {shape[0]} unit{'s' * (shape[0] != 1)}."
    if len(shape) == 2:
        return f"End the model in a dense layer of {shape[-1]} units for each step."
    return f"Use unet, or end the model in a convolution of {shape[-1]} filters."
