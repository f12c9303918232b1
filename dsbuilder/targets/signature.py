"""Signatures and targets <-> JSON values, as manifests, sidecars and models keep them."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.sample import ImageSignature, Signature, Target
from dsbuilder.targets.boxes import Boxes
from dsbuilder.targets.class_label import ClassLabel
from dsbuilder.targets.instances import Instances
from dsbuilder.targets.keypoints import Keypoints
from dsbuilder.targets.mask import Mask
from dsbuilder.targets.multi_label import MultiLabel
from dsbuilder.targets.text import Text
from dsbuilder.targets.value import Value
from dsbuilder.typed_json import shown

_LARGEST_SIDE, _MOST_CHANNELS = 1 << 24, 1 << 10
_DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)

KINDS: Mapping[str, type[Target]] = {
    kind.kind: kind
    for kind in (ClassLabel, MultiLabel, Value, Text, Mask, Boxes, Instances, Keypoints)
}
"""Every kind of target, by its name."""


def to_json(target: Target) -> dict[str, Any]:
    """Returns a target as JSON values; `from_json` reads them back."""
    options = {field.name: getattr(target, field.name) for field in fields(target)}  # type: ignore[arg-type]
    return {"kind": target.kind, **options}


def from_json(data: Mapping[str, Any]) -> Target:
    """Returns the target that `to_json` described, whoever wrote it.

    Raises:
      DataError: there is no such kind, or it has no such fields.
    """
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise DataError(f"the kind {shown(kind)}.{did_you_mean(str(kind), KINDS)}")
    options = {name: each for name, each in data.items() if name != "kind"}
    try:
        return typed_json.bind(KINDS[kind], options)
    except ValueError as error:
        raise DataError(f"{kind}: {error}.") from None


def signature_to_json(signature: Signature) -> dict[str, Any]:
    """Returns a signature as JSON values; `signature_from_json` reads them back."""
    kinds = {name: to_json(target) for name, target in signature.targets.items()}
    image = {name: side for name, side in asdict(signature.image).items() if name != "within"}
    return {"image": image, "targets": kinds}


def signature_from_json(data: Mapping[str, Any]) -> Signature:
    """Returns the signature that `signature_to_json` described, whoever wrote it.

    Raises:
      DataError: it is none.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("targets"), Mapping):
        raise DataError("expected a signature with an image and targets.")
    kinds = {str(name): from_json(target) for name, target in data["targets"].items()}
    try:
        image = typed_json.bind(ImageSignature, data.get("image"), "image")
    except ValueError as error:
        raise DataError(f"{error}.") from None
    sides = [side for side in image.shape if side is not None]
    if min(sides) < 1 or max(sides) > _LARGEST_SIDE or image.channels > _MOST_CHANNELS:
        raise DataError(f"image: expected sides of 1 and more, found {image}.")
    if image.dtype not in _DTYPES:
        raise DataError(f"image: expected one of {', '.join(_DTYPES)}, found {shown(image.dtype)}.")
    return Signature(image=image, targets=kinds)


def targets_from_json(described: Any, where: str) -> dict[str, Target]:
    """Returns targets by name that a stranger's file describes as `signature_to_json` does.

    Args:
      where: what errors call the file.

    Raises:
      DataError: it describes none, or one that cannot be.
    """
    try:
        return {str(name): from_json(each) for name, each in described.items()}
    except (AttributeError, DataError) as error:
        raise DataError(
            f"{where}: expected targets as an export describes them, found: {error} "
            "Export the dataset again."
        ) from None
