"""The JSON of COCO files, of which nine tenths are polygons that often nobody reads."""

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import DataError, did_you_mean

_PARTS = ("images", "annotations")
_OUTLINE = re.compile(rb'(?<!\\)"segmentation"\s*:\s*(\[(?:\s*\[[-+0-9.eE,\s]*\]\s*,?)*+\s*\])')
"""Polygons in the text of a file. In a text of JSON a quote has a backslash before it."""


def load(path: Path, *, outlines: bool) -> dict[str, Any]:
    """Returns the JSON object of a file, with lists of images and annotations.

    Args:
      outlines: whether polygons are read; else a hash stands for them. What is wrong in them is
        then not told.

    Raises:
      DataError: it is missing, is not JSON, or lacks one of the lists.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such annotation file. Check the path.")
    if not outlines:  # what is wrong with it, is told below, with its line in the whole text
        with contextlib.suppress(ValueError, DataError):
            return _checked(path, typed_json.loads(_without_outlines(path), parse_constant=_refuse))
    try:
        found = typed_json.loads(
            path.read_bytes().removeprefix(b"\xef\xbb\xbf"), parse_constant=_refuse
        )
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno}: expected JSON, found an error in column {error.colno}: "
            f"{error.msg}. Correct it."
        ) from None
    except ValueError as error:
        raise DataError(f"{path}: expected JSON in UTF-8, found an error: {error}.") from None
    return _checked(path, found)


def _without_outlines(path: Path) -> bytes:
    """Returns the text of a file with a hash in place of all polygons.

    So annotations that are alike but for these are still told apart.
    """
    return _OUTLINE.sub(_hashed, path.read_bytes().removeprefix(b"\xef\xbb\xbf"))


def _hashed(match: re.Match[bytes]) -> bytes:
    return b'"segmentation":"%s"' % hashlib.blake2b(match[1], digest_size=8).hexdigest().encode()


def _checked(path: Path, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a JSON object, found a {type(found).__name__}.")
    for part in _PARTS:
        if not isinstance(found.get(part), list):
            hint = "" if part in found else did_you_mean(part, found)
            raise DataError(f"{path}: there is no list '{part}'.{hint}")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")
