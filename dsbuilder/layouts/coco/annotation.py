"""One annotation of a COCO file: what it says of its object, be it box, outline, points or caption.

    {"id": 1, "image_id": 7, "category_id": 18, "bbox": [x, y, width, height],
     "segmentation": [[x0, y0, x1, y1, ...]], "keypoints": [x, y, visibility, ...], "iscrowd": 0}

What it holds beside its image depends on the kind of file, so each thing is looked at when a target
asks for it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.images import rle
from dsbuilder.layouts import boxes
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.tables import cut

CROWD = "iscrowd"

Id = int | str
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class CocoCategory:
    """A class.

    Attributes:
      id: number that annotations name it by.
      name: unique in its file.
      keypoints: names of the points that an object of it has.
      edges: pairs of these between which a line is drawn.
      fault: what is wrong with these names and pairs; empty if nothing is.
    """

    id: Id
    name: str
    keypoints: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    fault: str = ""

    @property
    def order(self) -> tuple[bool, Id]:
        """What categories are sorted by: their ids, numbers before texts."""
        return isinstance(self.id, str), self.id


@dataclass(frozen=True, kw_only=True, slots=True)
class CocoAnnotation:
    """What is said of one image, or of one object in it.

    Attributes:
      path: path of the file.
      number: the place in its list of annotations, from 0 on.
      category: None where none is stated, as of a caption.
      found: the JSON object.
    """

    path: Path
    number: int
    category: CocoCategory | None
    found: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where it stands, such as `a.json: annotations[3]`, for messages."""
        return f"{self.path}: annotations[{self.number}]"

    @property
    def crowd(self) -> int:
        """1 of a group of objects that are not told apart, else 0."""
        return int(self.found.get(CROWD, 0))

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What else is known of the object."""
        found = self.found.get("attributes", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def area(self) -> float:
        """Square pixels of the object, as stated or of its box; 0 if neither is known."""
        area, bounds = self.found.get("area"), self.found.get("bbox")
        if isinstance(area, (int, float)) and is_number(area):
            return float(area)
        is_box = isinstance(bounds, list) and len(bounds) == 4 and all(map(is_number, bounds))
        return float(bounds[2] * bounds[3]) if isinstance(bounds, list) and is_box else 0.0

    def label(self) -> str:
        """Returns the name of the class.

        Raises:
          DataError: there is none.
        """
        if self.category is None:
            raise DataError("there is no 'category_id'.")
        return self.category.name

    def attribute(self, name: str) -> Any:
        """Returns the value of an attribute, of which `iscrowd` is one; true is 1.

        Raises:
          DataError: there is none.
        """
        if name == CROWD:
            return self.crowd
        attributes = self.attributes
        if name not in attributes:
            raise DataError(f"there is no attribute '{name}'.")
        found = attributes[name]
        return int(found) if isinstance(found, bool) else found

    def box(self, size: Size, clipping: Clipping) -> list[float]:
        """Returns the corners of the object as shares of the sides; see `boxes.from_corners`.

        Raises:
          DataError: there is no box, or over half of it lies outside.
        """
        found = self.found.get("bbox")
        if not isinstance(found, list):
            raise DataError(f"expected 'bbox' as [x, y, width, height], found {shown(found)}.")
        return boxes.from_width_height(found, size, clipping)

    def segment(self, size: Size) -> dict[str, Any] | None:
        """Returns what the object covers: `{"polygons": [...]}` or `{"counts": ...}`.

        None if it is not said, or by polygons without a point.

        Raises:
          DataError: the segmentation is malformed or of another size.
        """
        found = self.found.get("segmentation")
        if isinstance(found, list):
            found = [each for each in found if each != []]
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

    def labeled_box(
        self, size: Size, attributes: Sequence[tuple[str, str]], clipping: Clipping
    ) -> dict[str, Any]:
        """Returns class, box and attributes, as the raw label of boxes has them.

        Args:
          attributes: name and dtype of each.
          clipping: counts a box that is cut at the edge.

        Raises:
          DataError: one of them is missing, or over half of the box lies outside.
        """
        return {
            "label": self.label(),
            "box": self.box(size, clipping),
            **{name: self.attribute(name) for name, _ in attributes},
        }

    def labeled_instance(
        self, size: Size, attributes: Sequence[tuple[str, str]], clipping: Clipping
    ) -> dict[str, Any] | None:
        """Returns class, box, attributes and segment, as the raw label of instances has them.

        None if there is no segment; without a box it is left out. See `labeled_box` and `segment`.
        """
        covered = self.segment(size)
        if covered is None:
            return None
        box = {"box": self.box(size, clipping)} if "bbox" in self.found else {}
        values = {name: self.attribute(name) for name, _ in attributes}
        return {"label": self.label(), **box, **values, **covered}

    def labeled_segment(self, size: Size, classes: Sequence[str]) -> dict[str, Any] | None:
        """Returns class and segment, as the raw label of a mask has them; see `segment`.

        A class that is none of `classes` is None, which is to ignore.
        """
        covered = self.segment(size)
        if covered is None:
            return None
        name = self.label()
        return {"label": name if name in classes else None, **covered}

    def keypoints(self, size: Size) -> list[list[float]]:
        """Returns [x, y, visibility] of each point, x and y as shares of the sides.

        Raises:
          DataError: they are malformed, not as many as the category has, or outside of the image.
        """
        found = self.found.get("keypoints")
        count = len(self.category.keypoints) if self.category is not None else 0
        if not isinstance(found, list) or len(found) != 3 * count or not all(map(is_number, found)):
            raise DataError(
                f"expected 3 numbers for each of {count} keypoints, found {shown(found)}."
            )
        return boxes.keypoints_to_shares(found, size)

    def caption(self) -> str:
        """Returns the text of a caption.

        Raises:
          DataError: there is none.
        """
        found = self.found.get("caption")
        if not isinstance(found, str):
            raise DataError(f"expected a text 'caption', found {shown(found)}.")
        return found


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


def is_number(found: Any) -> bool:
    """Whether a JSON value is a number of a size that coordinates may have."""
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return number and -1e9 < found < 1e9 and math.isfinite(found)


def shown(found: Any) -> str:
    """Returns a JSON value for a message, cut if it is long."""
    return cut(json.dumps(found, ensure_ascii=False))
