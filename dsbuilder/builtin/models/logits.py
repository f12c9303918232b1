"""The last layer: what a signature's target asks a model to end in."""

from typing import Any

from dsbuilder.plugin import ClassLabel, SampleSpec, TrainError


def logits(x: Any, spec: SampleSpec, **options: Any) -> Any:
    """Adds the dense layer `logits` to a Keras tensor `(N, features)`.

    Args:
      options: arguments of the layer, such as its initializer.

    Returns:
      For one target of kind class: logits `(N, num_classes)`, float32 under any precision policy.

    Raises:
      TrainError: the signature has no target, several, or one that this layer cannot serve.
    """
    import keras

    return keras.layers.Dense(num_classes(spec), name="logits", dtype="float32", **options)(x)


def num_classes(spec: SampleSpec) -> int:
    """Returns how many classes the signature's one target has; raises as `logits` does."""
    kinds = list(spec.targets.values())
    if len(kinds) == 1 and isinstance(kinds[0], ClassLabel):
        return len(kinds[0].names)
    found = ", ".join(f"'{name}' ({kind})" for name, kind in spec.targets.items()) or "none"
    raise TrainError(
        f"model: expected one target of kind class, found {found}. "
        "Use a model builder that serves this target."
    )
