"""What went wrong in a worker, as JSON values, and the same raised where the crew is."""

import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from dsbuilder.errors import (
    CacheError,
    DataError,
    DsbuilderError,
    PluginError,
    Problem,
    SpecError,
    TrainError,
)

_CLASSES: Mapping[str, type[DsbuilderError]] = {
    each.__name__: each for each in (DataError, PluginError, CacheError, TrainError)
}


def to_json(error: Exception) -> dict[str, Any]:
    """Returns an exception of a role as JSON values."""
    if isinstance(error, SpecError):
        return {"problems": [[each.where, each.message] for each in error.problems]}
    if isinstance(error, DsbuilderError):
        return {
            "classes": [each.__name__ for each in type(error).__mro__],
            "text": str(error),
            "notes": list(getattr(error, "__notes__", ())),
        }
    if isinstance(error, OSError) and error.errno is not None:
        return {"errno": error.errno, "strerror": error.strerror}
    return {"traceback": "".join(traceback.format_exception(error))}


def reraise(failure: Mapping[str, Any]) -> NoReturn:
    """Raises what `to_json` described.

    Raises:
      DsbuilderError: one of the same class, or of the nearest of ours that it derives from, with
        its notes.
      OSError: of the same number.
      RuntimeError: anything else, which is a fault of a role; it holds the traceback.
    """
    if "problems" in failure:
        raise SpecError([Problem(where, message) for where, message in failure["problems"]])
    if "classes" in failure:
        known = (_CLASSES[name] for name in failure["classes"] if name in _CLASSES)
        error = next(known, DsbuilderError)(failure["text"])
        for note in failure["notes"]:
            error.add_note(note)
        raise error
    if "errno" in failure:
        raise OSError(failure["errno"], failure["strerror"])
    raise RuntimeError(f"unforeseen in a worker:\n{failure['traceback']}")
