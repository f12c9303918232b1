"""What a reader must know of targets to find them as they were, where a layout has no place for it.

    {"mask": {"names": ["sky", "sea"], "ignore": 255},
     "objects": {"attributes": [["score", "float32"]]}}

An export writes these facts as JSON where other readers look past them: below `info` of COCO's
files, in a comment of VOC's `labelmap.txt`. The source of the layout reads them again.
"""

from collections.abc import Callable, Mapping
from typing import Any

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.formats.cells import shown

KEY = "dsbuilder"
"""What facts go by where they stand among other things."""

Facts = Mapping[str, Mapping[str, Any]]
"""Target -> options of its kind; lists are tuples."""


def _is_names(found: Any) -> bool:
    return isinstance(found, tuple) and all(isinstance(each, str) for each in found)


def _is_pairs(found: Any) -> bool:
    return isinstance(found, tuple) and all(_is_names(each) and len(each) == 2 for each in found)


def _is_id(found: Any) -> bool:
    return found is None or (isinstance(found, int) and not isinstance(found, bool))


_OPTIONS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "names": ("a list of names", _is_names),
    "ignore": ("an id or null", _is_id),
    "attributes": ("a list of [name, type]", _is_pairs),
    "swaps": ("a list of [name, name]", _is_pairs),
}


def checked(found: Any) -> Facts:
    """Returns JSON values as facts.

    Raises:
      DataError: they are none.
    """
    if not isinstance(found, Mapping) or not all(isinstance(e, Mapping) for e in found.values()):
        raise DataError(f"expected facts of targets, such as of 'mask', found {shown(found)}.")
    return {
        target: {name: _option(name, value) for name, value in options.items()}
        for target, options in found.items()
    }


def _option(name: str, value: Any) -> Any:
    if name not in _OPTIONS:
        raise DataError(f"unknown fact '{name}'.{did_you_mean(name, _OPTIONS)}")
    wanted, fits = _OPTIONS[name]
    made = _tuples(value)
    if not fits(made):
        raise DataError(f"{name}: expected {wanted}, found {shown(value)}.")
    return made


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
