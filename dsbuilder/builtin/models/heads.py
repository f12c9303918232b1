"""The last layers of a model, one for each target: a row of numbers, one a pixel, or one a step.

What a head yields its task says, through `outputs_of`: `(n,)` is a row, of logits or of numbers;
`(H, W, n)` one of every pixel; `(None, n)` one of every step of time, however many a model has.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dsbuilder.plugin import Signature, TrainError
from dsbuilder.tasks import Shape, outputs_of

Options = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Serves:
    """Which heads a model has.

    Attributes:
      sizes: numbers of dimensions of what its heads yield: 1 of a row, 2 of steps, 3 of pixels.
      needs: the one of these that a target must ask for, whatever the others do; None if any will.
      wanted: the targets in words.
    """

    sizes: frozenset[int]
    needs: int | None = None
    wanted: str


ROWS = Serves(
    sizes=frozenset({1}),
    wanted="that a row of outputs answers, such as a class, several classes or numbers",
)
PIXELS = Serves(sizes=frozenset({1, 3}), needs=3, wanted="that every pixel answers, such as a mask")
STEPS = Serves(sizes=frozenset({1, 2}), needs=2, wanted="that is read step by step, a text")
ANY = Serves(sizes=frozenset({1, 2, 3}), wanted="that can be learnt")

_MODELS = {1: "cnn", 2: "crnn", 3: "unet"}


def check_heads(signature: Signature, model: str, serves: Serves) -> None:
    """Refuses targets that a model has no heads for.

    Args:
      model: name of the model builder.

    Raises:
      TrainError: a target is of another kind, or there is none of the kind that is needed.
    """
    shapes = outputs_of(signature)
    sizes = {len(shape) for shape in shapes.values() if shape}
    others = [name for name, shape in shapes.items() if not _is_served(shape, serves)]
    if others or not sizes or serves.needs not in {None, *sizes}:
        named = others or list(shapes)
        found = ", ".join(f"'{name}' ({signature.targets[name].kind})" for name in named)
        raise TrainError(
            f"{model}: expected a target {serves.wanted}, found {found or 'none'}. "
            f"{_advice([shapes[name] for name in named])}"
        )


def _is_served(shape: Shape | None, serves: Serves) -> bool:
    return shape is not None and len(shape) in serves.sizes


def _advice(shapes: list[Shape | None]) -> str:
    suited = sorted({_MODELS[len(shape)] for shape in shapes if shape})
    others = f", such as {' or '.join(suited)}" if suited else ""
    return f"Choose another with train.target, or a model that learns this one{others}."


def sized(signature: Signature, dimensions: int) -> dict[str, Shape]:
    """Returns the shapes of heads that yield so many dimensions, by target."""
    shapes = outputs_of(signature).items()
    return {name: shape for name, shape in shapes if shape and len(shape) == dimensions}


def rows(x: Any, signature: Signature, options: Options) -> dict[str, Any]:
    """Adds a dense layer to a Keras tensor `(N, features)` for each target that a row answers.

    Args:
      options: returns arguments of a layer, with objects of its own each time it is called: an
        initializer that is used twice draws the same numbers twice.

    Returns:
      By target what its task asks for, float32 under any precision policy.
    """
    return _dense(x, signature, 1, options)


def steps(x: Any, signature: Signature, options: Options) -> dict[str, Any]:
    """Adds a dense layer of every step to `(N, steps, features)` for each text; see `rows`."""
    return _dense(x, signature, 2, options)


def pixels(x: Any, signature: Signature, options: Options) -> dict[str, Any]:
    """Adds a convolution of one pixel to `(N, H, W, features)` for each mask; see `rows`."""
    import keras

    found = {}
    for target, shape in sized(signature, 3).items():
        layer = keras.layers.Conv2D(_units(target, shape), 1, **_named(target, signature, options))
        found[target] = layer(x)
    return found


def _dense(x: Any, signature: Signature, dimensions: int, options: Options) -> dict[str, Any]:
    import keras

    found = {}
    for target, shape in sized(signature, dimensions).items():
        layer = keras.layers.Dense(_units(target, shape), **_named(target, signature, options))
        found[target] = layer(x)
    return found


def _named(target: str, signature: Signature, options: Options) -> dict[str, Any]:
    return {"name": layer_name(target, signature), "dtype": "float32", **options()}


def _units(target: str, shape: Shape) -> int:
    units = shape[-1]
    if units is None:
        raise TrainError(
            f"{target}: expected a number of outputs that is known, found that it is not yet. "
            "Build the dataset, and give that."
        )
    return units


def layer_name(target: str, signature: Signature) -> str:
    """Returns the name of the last layer for a target: `logits`, where it is the only one.

    A layer's name is ASCII, without spaces, and of one layer; a target's may be neither.
    """
    if len(signature.targets) == 1:
        return "logits"
    place = list(signature.targets).index(target)
    return f"logits{place}_{re.sub('[^A-Za-z0-9]', '_', target)}"


def outputs(signature: Signature, *parts: Mapping[str, Any]) -> Any:
    """Returns what a model yields: a tensor for one target, or a mapping by target for several."""
    found = {name: each for part in parts for name, each in part.items()}
    ordered = {name: found[name] for name in signature.targets}
    return ordered if len(ordered) > 1 else next(iter(ordered.values()))
