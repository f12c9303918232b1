"""Hugging Face `imagefolder` with metadata: a table beside the images.

`metadata.csv`, `.jsonl` or `.parquet` has a row for every image. The column `file_name` holds its
path below the table's folder, `X_file_name` that of another image, such as a mask. `objects` holds
lists of one length, `bbox` ([x, y, width, height] in pixels), `categories` and whatever else is
known of each box. `keypoints`, which is a column of ours, holds a list for each object: x, y (in
pixels) and visibility (0 absent, 1 hidden, 2 visible) of each of its points in turn, as in COCO.

What is written calls a column after its target, and the list of an attribute after the attribute. A
name that has a meaning of its own there gets `_` behind it, and so does that with `_` behind it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.cells import numbers, parsed, shown, text
from dsbuilder.plugin import Mask, Target

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME = "file_name"

CATEGORIES = ("categories", "category", "labels", "label")
"""What the list of classes in `objects` is called; the first is what is written."""
_BBOX, _LABEL = "bbox", "label"


_OWN_COLUMNS = re.compile(r"(.*_)?file_names?_*", re.DOTALL)
_OWN_LISTS = re.compile(r"(bbox|categories)_*")


def file_column(name: str) -> str:
    """Returns the column of paths that makes the image column called `name`."""
    return f"{name}_{FILE_NAME}"


def column_of(name: str, kind: type[Target]) -> str:
    """Returns the column of a target that is written."""
    free = f"{name}_" if _OWN_COLUMNS.fullmatch(name) else name
    return file_column(free) if kind is Mask else free


def list_of(attribute: str) -> str:
    """Returns the list in `objects` of an attribute that is written."""
    return f"{attribute}_" if _OWN_LISTS.fullmatch(attribute) else attribute


def read_objects(cell: Any) -> list[dict[str, Any]]:
    """Returns `{"label": class name, "bbox": [x, y, w, h] in pixels, ...}` of each box of a cell.

    A cell is a mapping of lists of one length, a list of mappings, or the JSON text of one of them;
    null says that there are no boxes, and null in place of a list that nothing is known of them. A
    class that is a number is returned as its text.

    Raises:
      DataError: it is none of these, lacks `bbox` or the classes, or says these twice.
    """
    if cell is None:
        return []
    found = parsed(cell) if isinstance(cell, str) else cell
    boxes = _unzipped(found) if isinstance(found, Mapping) else found
    if not isinstance(boxes, (list, tuple)) or not all(isinstance(each, Mapping) for each in boxes):
        raise DataError(
            f"expected objects as {{bbox: [...], categories: [...]}}, found {shown(cell)}."
        )
    return [_object(each) for each in boxes]


def _unzipped(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a mapping of lists as a list of mappings."""
    lists = {name: values for name, values in columns.items() if values is not None}
    if not lists:
        return []
    for name, values in lists.items():
        if not isinstance(values, (list, tuple)):
            raise DataError(
                f"expected a list of '{name}', an entry for each box, found {shown(values)}."
            )
    lengths = {name: len(values) for name, values in lists.items()}
    if _BBOX not in lists or len(set(lengths.values())) > 1:
        raise DataError(f"expected lists of one length, 'bbox' among them, found {lengths}.")
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _object(found: Mapping[str, Any]) -> dict[str, Any]:
    name = next((each for each in CATEGORIES if each in found), None)
    if name is None or not isinstance(found.get(_BBOX), (list, tuple)):
        raise DataError(
            f"expected a box with 'bbox' and its class in 'categories', found {shown(found)}."
        )
    if _LABEL in found and name != _LABEL:
        raise DataError(f"expected the class of a box once, found '{name}' and '{_LABEL}'.")
    rest = {key: value for key, value in found.items() if key not in (name, _BBOX)}
    return {**rest, "label": text(found[name]).strip(), _BBOX: list(found[_BBOX])}


def read_keypoints(cell: Any, count: int, size: tuple[int, int]) -> list[list[list[float]]]:
    """Returns [x, y, visibility] of each point of each object of a cell, as shares of the sides.

    A cell is a list of lists, or the JSON text of one; null says that there are no objects.

    Args:
      count: number of points that an object has.
      size: (height, width) of the upright image.

    Raises:
      DataError: it is none of these, or a point lies outside of the image.
    """
    found = parsed(cell) if isinstance(cell, str) else cell
    if found is None:
        return []
    if not isinstance(found, (list, tuple)):
        raise DataError(f"expected a list of keypoints for each object, found {shown(cell)}.")
    for each in found:
        if not isinstance(each, (list, tuple)) or len(each) != 3 * count:
            raise DataError(
                f"expected x, y and visibility of {count} keypoints in turn, found {shown(each)}."
            )
    return [box.keypoints_to_shares(numbers(each), size) for each in found]


def to_shares(
    objects: Iterable[Mapping[str, Any]], size: tuple[int, int], clipping: Clipping
) -> list[dict[str, Any]]:
    """Returns boxes of `read_objects` with `box`, corners as shares of the sides, for `bbox`.

    Args:
      size: (height, width) of the upright image.
      clipping: counts the boxes that are cut at the edge.

    Raises:
      DataError: a box is none, or over half of it lies outside of the image.
    """
    return [
        {
            **{name: value for name, value in each.items() if name != _BBOX},
            "box": box.from_width_height(each[_BBOX], size, clipping),
        }
        for each in objects
    ]


def written_objects(
    objects: Sequence[Mapping[str, Any]], attributes: Iterable[str], size: tuple[int, int]
) -> dict[str, list[Any]]:
    """Returns boxes, each with `box` and `label`, as a mapping of lists with boxes in pixels."""
    return {
        _BBOX: [box.to_width_height(each["box"], size) for each in objects],
        CATEGORIES[0]: [each["label"] for each in objects],
        **{list_of(name): [each[name] for each in objects] for name in attributes},
    }


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes rows as JSONL and returns how many there were; equal rows give equal bytes."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
