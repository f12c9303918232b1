"""The last layer: what a signature's target asks a model to end in."""

from typing import Any

from dsbuilder.plugin import ClassLabel, MultiLabel, SampleSpec, TrainError, Value


def logits(x: Any, spec: SampleSpec, **options: Any) -> Any:
    """Adds the dense layer `logits` to a Keras tensor `(N, features)`.

    Args:
      options: arguments of the layer, such as its initializer.

    Returns:
      float32 under any precision policy: of a target of kind class or multi-label, logits
      `(N, num_classes)`; of a value, the numbers `(N, size)`, `(N, 1)` of a single one.

    Raises:
      TrainError: the signature has no target, several, or one that this layer cannot serve.
    """
    import keras

    return keras.layers.Dense(num_outputs(spec), name="logits", dtype="float32", **options)(x)


def num_outputs(spec: SampleSpec) -> int:
    """Returns how wide the layer for the signature's one target is; raises as `logits` does."""
    kinds = list(spec.targets.values())
    if len(kinds) == 1 and isinstance(kinds[0], (ClassLabel, MultiLabel)):
        return len(kinds[0].names)
    if len(kinds) == 1 and isinstance(kinds[0], Value):
        return kinds[0].size or 1
    found = ", ".join(f"'{name}' ({kind})" for name, kind in spec.targets.items()) or "none"
    raise TrainError(
        f"expected one target of kind class, multi-label or value, found {found}. "
        "Use a model builder that serves this target."
    )
