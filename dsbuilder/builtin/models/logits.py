"""The last layer of a model whose outputs are one row of numbers: logits, or numbers themselves."""

from typing import Any

from dsbuilder.plugin import Signature, TrainError
from dsbuilder.tasks import outputs_of


def logits(x: Any, signature: Signature, **options: Any) -> Any:
    """Adds the dense layer `logits` to a Keras tensor `(N, features)`.

    Args:
      options: arguments of the layer, such as its initializer.

    Returns:
      What the task of the signature's target asks for, float32 under any precision policy: logits
      of classes, or numbers.

    Raises:
      TrainError: the signature has no target, several, or one that this layer cannot serve.
    """
    import keras

    return keras.layers.Dense(num_outputs(signature), name="logits", dtype="float32", **options)(x)


def num_outputs(signature: Signature) -> int:
    """Returns how wide the layer for the signature's one target is; raises as `logits` does."""
    shapes = list(outputs_of(signature).values())
    if len(shapes) == 1 and shapes[0] is not None and len(shapes[0]) == 1 and shapes[0][0]:
        return shapes[0][0]
    wanted = "that a row of outputs answers, such as a class, several classes or numbers"
    raise TrainError(
        f"{target_instead(signature, wanted)}. Use a model builder that serves this target."
    )


def target_instead(signature: Signature, wanted: str) -> str:
    """Returns what a model says that expects one target `wanted`, and which there are instead."""
    found = ", ".join(f"'{name}' ({kind})" for name, kind in signature.targets.items())
    return (
        f"expected one target {wanted}, found {found}" if found else f"there is no target {wanted}"
    )
