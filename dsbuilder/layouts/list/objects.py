"""Boxes in the columns of a list, and several rows of one image as one record."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from dsbuilder.errors import DataError
from dsbuilder.layouts.boxes import Clipping, from_corners, from_width_height
from dsbuilder.layouts.cells import shown
from dsbuilder.layouts.list.columns import OBJECTS
from dsbuilder.plugin import Record

BoxForm = Literal["corners", "width_height", "center"]
"""What the four numbers of a box are: x_min, y_min, x_max, y_max; x, y of the top left corner,
width, height; or x, y of its center, width, height."""

BoxUnit = Literal["pixels", "shares"]

_Size = tuple[int, int]


def to_shares(
    box: Mapping[str, Any], form: BoxForm, unit: BoxUnit, size: _Size, clipping: Clipping
) -> dict[str, Any]:
    """Returns a box with corners as shares of the image's sides.

    Args:
      box: `{label, box}`, its numbers as a list states them.
      size: (height, width) of the upright image.
      clipping: counts a box that is cut at the edge.

    Raises:
      DataError: it has no such corners, or over half of it lies outside of the image.
    """
    height, width = size
    across, down = (width, height) if unit == "shares" else (1, 1)
    numbers = [number * scale for number, scale in zip(box["box"], (across, down) * 2, strict=True)]
    return {"label": box["label"], "box": _FORMS[form](numbers, size, clipping)}


def _from_center(box: Sequence[float], size: _Size, clipping: Clipping) -> list[float]:
    x, y, width, height = box
    return from_width_height([x - width / 2, y - height / 2, width, height], size, clipping)


_FORMS: Mapping[BoxForm, Callable[[Sequence[float], _Size, Clipping], list[float]]] = {
    "corners": from_corners,
    "width_height": from_width_height,
    "center": _from_center,
}


def united(first: Record, second: Record, adding: Collection[str]) -> Record:
    """Returns the record of two rows of one image.

    Args:
      adding: the targets to which each row adds something: boxes, or classes.

    Raises:
      DataError: the rows do not agree in what else they say.
    """
    stated = {"the group": (first.group, second.group), "the split": (first.split, second.split)}
    targets = dict(first.targets)
    for name, more in second.targets.items():
        if name == OBJECTS:
            targets[name] = [*targets[name], *more]
        elif name in adding:
            targets[name] = list(dict.fromkeys([*targets[name], *more]))
        else:
            stated[f"'{name}'"] = (targets[name], more)
    for what, (one, other) in stated.items():
        if one != other:
            raise DataError(
                f"expected {what} to be the same in all lines of '{first.key}', found "
                f"{shown(one)} and {shown(other)}. Correct one of the lines."
            )
    return replace(first, targets=targets)
