"""What a COCO annotation says of its object: box, outline, keypoints, caption."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.images import rle
from dsbuilder.layouts import boxes as box_format
from dsbuilder.layouts import points
from dsbuilder.layouts.coco.format import Annotation, Document, Size, is_number, shown

KEYS: Mapping[str, str] = {
    "objects": "bbox",
    "mask": "segmentation",
    "keypoints": "keypoints",
    "text": "caption",
}
"""What is read -> the key of an annotation that holds it."""


def holds(name: str, document: Document) -> bool:
    """Whether an annotation of a file has what is called `name` in `KEYS`, be it an empty text."""
    key = KEYS[name]
    values = (each.found.get(key) for found in document.annotations.values() for each in found)
    return any(value or value == "" for value in values)


def box(annotation: Annotation, size: Size) -> list[float]:
    """Returns the corners of an object as shares of the image's sides; see `box.from_corners`.

    Raises:
      DataError: there is no box, or it lies outside.
    """
    found = annotation.found.get("bbox")
    if not isinstance(found, list):
        raise DataError(f"expected 'bbox' as [x, y, width, height], found {shown(found)}.")
    return box_format.from_width_height(found, size)


def segment(annotation: Annotation, size: Size) -> dict[str, Any] | None:
    """Returns what an object covers: `{"polygons": [...]}` or `{"counts": ...}`; None if not said.

    Raises:
      DataError: the segmentation is malformed or of another size.
    """
    found = annotation.found.get("segmentation")
    if not found:
        return None
    if isinstance(found, dict):
        return {"counts": _counts(found, size)}
    if not isinstance(found, list) or not all(_is_polygon(each) for each in found):
        raise DataError(
            "expected a segmentation of polygons [[x0, y0, x1, y1, x2, y2, ...], ...] or of "
            f"run lengths, found {shown(found)}."
        )
    return {"polygons": found}


def _is_polygon(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) >= 6
        and len(found) % 2 == 0
        and all(map(is_number, found))
    )


def _counts(found: Mapping[str, Any], size: Size) -> rle.Counts:
    counts, stated = found.get("counts"), found.get("size")
    if not isinstance(counts, (str, list)):
        raise DataError(f"expected run lengths in 'counts', found {shown(counts)}.")
    if stated is not None and stated != list(size):
        raise DataError(
            f"expected run lengths of the image's size {list(size)}, found {shown(stated)}."
        )
    total = sum(rle.runs(counts))
    if total != size[0] * size[1]:
        raise DataError(
            f"expected run lengths of {size[1]} x {size[0]} pixels, found {total} pixels."
        )
    return counts


def keypoints(annotation: Annotation, size: Size) -> list[list[float]]:
    """Returns [x, y, visibility] of each point of an object, x and y as shares of the sides.

    Raises:
      DataError: they are malformed, not as many as the category has, or outside of the image.
    """
    found, category = annotation.found.get("keypoints"), annotation.category
    count = len(category.keypoints) if category is not None else 0
    if not isinstance(found, list) or len(found) != 3 * count or not all(map(is_number, found)):
        raise DataError(f"expected 3 numbers for each of {count} keypoints, found {shown(found)}.")
    return points.to_shares(found, size)


def caption(annotation: Annotation) -> str:
    """Returns the text of a caption.

    Raises:
      DataError: there is none.
    """
    found = annotation.found.get("caption")
    if not isinstance(found, str):
        raise DataError(f"expected a text 'caption', found {shown(found)}.")
    return found


def attributes(documents: Iterable[Document]) -> dict[str, str]:
    """Returns name -> `int64`, `float32` or `string` of the attributes that every object has.

    Others, and those whose values are of several kinds, are left out.
    """
    types: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    total = 0
    for document in documents:
        for annotation in (each for found in document.annotations.values() for each in found):
            total += 1
            for name, value in annotation.attributes.items():
                types.setdefault(name, set()).add(_type(value))
                counts[name] += 1
    common = {name: _common(types[name]) for name, count in counts.items() if count == total}
    return {name: common[name] for name in sorted(common) if common[name]}


def _type(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    return ("int64" if isinstance(value, int) else "float32") if _is_plain(value) else ""


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool) or is_number(value)


def _common(types: set[str]) -> str:
    """Returns the one type that holds values of all; empty if there is none."""
    if types == {"int64", "float32"}:
        return "float32"
    return next(iter(types)) if len(types) == 1 else ""
