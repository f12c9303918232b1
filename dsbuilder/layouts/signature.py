"""The signature that an export of ours leaves beside the data: of which kinds its targets are."""

import contextlib
import json
from pathlib import Path

from dsbuilder.layouts.tables import read_text
from dsbuilder.plugin import DataError, Target, targets_from_json

SIGNATURE = "signature.json"
"""The file at the root of an export that says of which kinds its targets are."""


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
    return targets_from_json(dict(described), where)


def stated_targets(folder: Path) -> dict[str, Target]:
    """Returns the targets that the signature at the root of a folder states.

    None without one, or where a file of that name is another's; for guesses, not for reading.
    """
    path = folder / SIGNATURE
    with contextlib.suppress(DataError):
        return read_targets(read_text(path), str(path))
    return {}
