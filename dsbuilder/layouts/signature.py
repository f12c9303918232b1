"""The signature that an export of ours leaves beside the data: of which kinds its targets are."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsbuilder.layouts.tables import read_text
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    DataError,
    Keypoints,
    Mask,
    MultiLabel,
    Target,
    Text,
    Value,
    did_you_mean,
)

SIGNATURE = "signature.json"
"""The file at the root of an export that says of which kinds its targets are."""

_KINDS: Mapping[str, Any] = {
    kind.kind: kind for kind in (Boxes, ClassLabel, Keypoints, Mask, MultiLabel, Text, Value)
}
_FORMS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("names", "attributes", "numbers", "swaps", "edges"), (tuple,)),
    "ignore": (int, type(None)),
    "size": (int,),
    "soft": (bool,),
}


def read_targets(text: str | bytes, where: str) -> dict[str, Target]:
    """Returns the targets of a signature, by name.

    Args:
      text: JSON with `targets`, as `signature_to_json` makes it.
      where: what errors call it.

    Raises:
      DataError: it is no signature.
    """
    try:
        described = json.loads(text)["targets"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{where}: expected the targets of an export in JSON, found none "
            f"({type(error).__name__}: {error}). Export the dataset again."
        ) from None
    try:
        return {name: _target(each) for name, each in described}
    except (TypeError, ValueError, AttributeError, KeyError, DataError) as error:
        raise DataError(
            f"{where}: expected targets as an export describes them, found: {error} "
            "Export the dataset again."
        ) from None


def stated_targets(folder: Path) -> dict[str, Target]:
    """Returns the targets that the signature at the root of a folder states.

    None without one, or where a file of that name is another's; for guesses, not for reading.
    """
    path = folder / SIGNATURE
    with contextlib.suppress(DataError):
        return read_targets(read_text(path), str(path))
    return {}


def _target(described: Mapping[str, Any]) -> Target:
    kind = described["kind"]
    if kind not in _KINDS:
        raise DataError(f"the kind '{kind}'.{did_you_mean(str(kind), _KINDS)}")
    options = {name: _tuples(each) for name, each in described.items() if name != "kind"}
    for name, value in options.items():
        if type(value) not in _FORMS.get(name, ()):
            raise DataError(f"{name}: {value!r}.")
    if not all(isinstance(number, int) for number in options.get("numbers", ())):
        raise DataError(f"numbers: {options['numbers']!r}.")
    target: Target = _KINDS[kind](**options)
    return target


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
