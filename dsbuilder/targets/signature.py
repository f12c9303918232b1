"""Signatures and targets <-> JSON values, as manifests, sidecars and models keep them."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.sample import ImageSignature, Signature, Target
from dsbuilder.targets.boxes import Boxes
from dsbuilder.targets.class_label import ClassLabel
from dsbuilder.targets.keypoints import Keypoints
from dsbuilder.targets.mask import Mask
from dsbuilder.targets.multi_label import MultiLabel
from dsbuilder.targets.text import Text
from dsbuilder.targets.value import Value

KINDS: Mapping[str, type[Target]] = {
    kind.kind: kind for kind in (ClassLabel, MultiLabel, Value, Text, Mask, Boxes, Keypoints)
}
"""Every kind of target, by its name."""

_FORMS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("names", "attributes", "numbers", "swaps", "edges"), (tuple,)),
    "ignore": (int, type(None)),
    "size": (int,),
    "soft": (bool,),
}
"""Field of a target -> what its JSON value may be."""


def to_json(target: Target) -> dict[str, Any]:
    """Returns a target as JSON values; `from_json` reads them back."""
    options = {field.name: getattr(target, field.name) for field in fields(target)}  # type: ignore[arg-type]
    return {"kind": target.kind, **options}


def from_json(data: Mapping[str, Any]) -> Target:
    """Returns the target that `to_json` described."""
    options = {name: _tuples(value) for name, value in data.items() if name != "kind"}
    return KINDS[data["kind"]](**options)


def signature_to_json(signature: Signature) -> dict[str, Any]:
    """Returns a signature as JSON values; `signature_from_json` reads them back."""
    kinds = {name: to_json(target) for name, target in signature.targets.items()}
    return {"image": asdict(signature.image), "targets": kinds}


def signature_from_json(data: Mapping[str, Any]) -> Signature:
    """Returns the signature that `signature_to_json` described."""
    kinds = {name: from_json(target) for name, target in data["targets"].items()}
    return Signature(image=ImageSignature(**data["image"]), targets=kinds)


def targets_from_json(described: Any, where: str) -> dict[str, Target]:
    """Returns targets by name that a stranger's file describes as `signature_to_json` does.

    Args:
      where: what errors call the file.

    Raises:
      DataError: it describes none, or one that cannot be.
    """
    try:
        return {str(name): _checked(each) for name, each in described.items()}
    except (TypeError, ValueError, AttributeError, KeyError, DataError) as error:
        raise DataError(
            f"{where}: expected targets as an export describes them, found: {error} "
            "Export the dataset again."
        ) from None


def _checked(described: Mapping[str, Any]) -> Target:
    kind = described["kind"]
    if kind not in KINDS:
        raise DataError(f"the kind '{kind}'.{did_you_mean(str(kind), KINDS)}")
    options = {name: _tuples(each) for name, each in described.items() if name != "kind"}
    for name, value in options.items():
        if type(value) not in _FORMS.get(name, ()):
            raise DataError(f"{name}: {value!r}.")
    if not all(isinstance(number, int) for number in options.get("numbers", ())):
        raise DataError(f"numbers: {options['numbers']!r}.")
    return KINDS[kind](**options)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value
