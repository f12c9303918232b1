"""COCO annotations: one JSON file of images, annotations and categories, as a split has it.

    {"images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
     "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [x, y, width, height],
                      "segmentation": [[x0, y0, x1, y1, ...]], "iscrowd": 0}],
     "categories": [{"id": 18, "name": "dog"}]}

Everything is in pixels from the top left corner. Ids are any numbers or texts; those of categories
often begin at 1 and have gaps. What an annotation holds beside its image depends on the kind of
file (instances, keypoints, captions), so each is looked at when a target asks for it.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.layouts.coco.loading import load
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import cut
from dsbuilder.memory import uncollected

OWN = "dsbuilder"
"""The key below `info` of what our own exports say of targets."""

Id = int | str
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that is annotated.

    Attributes:
      id: which annotations name it by.
      file_name: relative to a folder that the file does not know.
      size: (height, width), or None if it is not stated.
    """

    id: Id
    file_name: str
    size: Size | None = None


@dataclass(frozen=True, kw_only=True)
class Category:
    """A class.

    Attributes:
      id: which annotations name it by.
      name: unique in its file.
      keypoints: names of the points that an object of it has.
      edges: pairs of these between which a line is drawn.
    """

    id: Id
    name: str
    keypoints: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()

    @property
    def order(self) -> tuple[bool, Id]:
        """What categories are sorted by: their ids, numbers before texts."""
        return isinstance(self.id, str), self.id


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """What is said of one image, or of one object in it.

    Attributes:
      path: of the file.
      number: the place in its list of annotations, from 0 on.
      category: None where none is stated, as of a caption.
      found: the JSON object.
    """

    path: Path
    number: int
    category: Category | None
    found: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where it stands, such as `a.json: annotations[3]`, for messages."""
        return f"{self.path}: annotations[{self.number}]"

    @property
    def crowd(self) -> int:
        """1 of a group of objects that are not told apart, else 0."""
        return int(self.found.get("iscrowd", 0))

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


@dataclass(frozen=True, kw_only=True)
class Document:
    """One annotation file.

    Attributes:
      images: by file name, in the order of the file.
      categories: in the order of their ids.
      annotations: by file name of their image; each that is there twice only once.
      repeated: how many annotations were there again.
      stated: what our own exports say of targets below `info`, as JSON values; None if nothing.
    """

    path: Path
    images: Mapping[str, Image]
    categories: tuple[Category, ...]
    annotations: Mapping[str, Sequence[Annotation]] = field(repr=False)
    repeated: int = 0
    stated: Any = None


def read(path: Path, *, outlines: bool = True) -> Document:
    """Returns what an annotation file says.

    Args:
      outlines: whether polygons are read, nine tenths of most files; else a hash stands for them.

    Raises:
      DataError: it is missing, is not JSON, or images, annotations and categories do not fit
        together; names up to 20 entries that are wrong.
    """
    with uncollected():
        return _read(path, outlines=outlines)


def _read(path: Path, *, outlines: bool) -> Document:
    found = load(path, outlines=outlines)
    faults = Faults()
    images = _images(path, found["images"], faults)
    categories = _categories(path, found.get("categories", []), faults)
    annotations = _annotations(path, found["annotations"], (images, categories), faults)
    faults.check()
    kept, repeated = _without_repeated(annotations)
    by_name: dict[str, list[Annotation]] = {image.file_name: [] for image in images.values()}
    for annotation in kept:
        by_name[images[annotation.found["image_id"]].file_name].append(annotation)
    return Document(
        path=path,
        images={image.file_name: image for image in images.values()},
        categories=tuple(sorted(categories.values(), key=lambda each: each.order)),
        annotations=by_name,
        repeated=repeated,
        stated=_own(found.get("info")),
    )


def _own(info: Any) -> Any:
    return info.get(OWN) if isinstance(info, dict) else None


def _entries(path: Path, part: str, found: Any, faults: Faults) -> Iterable[tuple[int, Any]]:
    """Yields number and entry of a list; what is no object is noted as a fault."""
    if not isinstance(found, list):
        faults.add(f"{path}: expected a list '{part}', found {type(found).__name__}.")
        return
    for number, entry in enumerate(found):
        if isinstance(entry, dict):
            yield number, entry
        else:
            faults.add(f"{path}: {part}[{number}]: expected an object, found {shown(entry)}.")


def _images(path: Path, found: Any, faults: Faults) -> dict[Id, Image]:
    images: dict[Id, Image] = {}
    named: dict[str, Id] = {}
    for place, entry in _entries(path, "images", found, faults):
        with faults.collecting(f"{path}: images[{place}]"):
            number = _id(entry, "id")
            name = entry.get("file_name")
            if not isinstance(name, str) or not name:
                raise DataError(f"expected a text 'file_name', found {shown(name)}.")
            if number in images or name in named:
                what = f"the id {number!r}" if number in images else f"'{name}'"
                raise DataError(f"expected every image once, found {what} again. Remove one.")
            named[name] = number
            images[number] = Image(id=number, file_name=name, size=_size(entry))
    return images


def _size(entry: Mapping[str, Any]) -> Size | None:
    sides = (entry.get("height"), entry.get("width"))
    if sides == (None, None):
        return None
    height, width = sides
    if not _is_side(height) or not _is_side(width):
        raise DataError(f"expected 'width' and 'height' in pixels, found {width!r} and {height!r}.")
    return int(height), int(width)  # type: ignore[arg-type]  # both are numbers


def _is_side(side: Any) -> bool:
    return is_number(side) and float(side).is_integer() and 0 < side < 10**6


def _categories(path: Path, found: Any, faults: Faults) -> dict[Id, Category]:
    categories: dict[Id, Category] = {}
    for place, entry in _entries(path, "categories", found, faults):
        with faults.collecting(f"{path}: categories[{place}]"):
            category = _category(entry)
            names = {each.name for each in categories.values()}
            if category.id in categories or category.name in names:
                raise DataError(
                    f"expected every category once, found {category.id!r} '{category.name}' again. "
                    "Rename or remove one."
                )
            categories[category.id] = category
    return categories


def _category(entry: Mapping[str, Any]) -> Category:
    name, points = entry.get("name"), entry.get("keypoints", [])
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"expected a text 'name', found {shown(name)}.")
    if not isinstance(points, list) or not all(isinstance(each, str) for each in points):
        raise DataError(f"expected names of 'keypoints', found {shown(points)}.")
    return Category(
        id=_id(entry, "id"),
        name=name.strip(),
        keypoints=tuple(points),
        edges=_edges(entry.get("skeleton"), points),
    )


def _edges(pairs: Any, points: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(pairs, list | None):
        raise DataError(f"expected a list 'skeleton', found {shown(pairs)}.")
    return tuple(_edge(each, points) for each in pairs or ())


def _edge(pair: Any, points: Sequence[str]) -> tuple[str, str]:
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(_is_whole(each) and 1 <= each <= len(points) for each in pair)
    ):
        raise DataError(
            f"expected pairs of numbers from 1 to {len(points)} in 'skeleton', found {shown(pair)}."
        )
    return points[pair[0] - 1], points[pair[1] - 1]


def _annotations(
    path: Path,
    found: Any,
    known: tuple[Mapping[Id, Image], Mapping[Id, Category]],
    faults: Faults,
) -> list[Annotation]:
    images, categories = known
    annotations = []
    for number, entry in _entries(path, "annotations", found, faults):
        try:
            if "segments_info" in entry:
                raise DataError("expected an annotation of an object, found a panoptic one.")
            if _id(entry, "image_id") not in images:
                raise DataError(
                    f"expected an image of 'images', found image_id {entry['image_id']!r}. "
                    "Add the image or remove the annotation."
                )
            if entry.get("iscrowd", 0) not in (0, 1):
                raise DataError(f"expected iscrowd 0 or 1, found {shown(entry['iscrowd'])}.")
            category = _category_of(entry, categories)
        except DataError as error:
            faults.add(f"{path}: annotations[{number}]: {error}")
        else:
            annotations.append(Annotation(path=path, number=number, category=category, found=entry))
    return annotations


def _category_of(entry: Mapping[str, Any], categories: Mapping[Id, Category]) -> Category | None:
    if entry.get("category_id") is None:
        return None
    number = _id(entry, "category_id")
    if number not in categories:
        raise DataError(
            f"expected one of the {len(categories)} categories, found category_id {number!r}."
        )
    return categories[number]


def _without_repeated(annotations: Sequence[Annotation]) -> tuple[list[Annotation], int]:
    """Returns annotations, of those that are equal but for their id the first alone."""
    kept: list[Annotation] = []
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for annotation in annotations:
        found = annotation.found
        # Few have the box of another: only these are compared whole.
        key = f"{found['image_id']!r} {found.get('category_id')!r} {found.get('bbox')}"
        others = alike.setdefault(key, [])
        if not any(_without_id(found) == _without_id(other) for other in others):
            others.append(found)
            kept.append(annotation)
    return kept, len(annotations) - len(kept)


def _without_id(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "id"}


def _id(entry: Mapping[str, Any], name: str) -> Id:
    found = entry.get(name)
    if not _is_whole(found) and not isinstance(found, str):
        raise DataError(f"expected a number or text '{name}', found {shown(found)}.")
    return found  # type: ignore[return-value]  # it is one of the two


def _is_whole(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def is_number(found: Any) -> bool:
    """Whether a JSON value is a number of a size that coordinates may have."""
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return number and -1e9 < found < 1e9 and math.isfinite(found)


def shown(found: Any) -> str:
    """Returns a JSON value for a message, cut if it is long."""
    return cut(json.dumps(found, ensure_ascii=False))


def written(
    images: Sequence[Image],
    annotations: Sequence[Mapping[str, Any]],
    categories: Sequence[Category],
    stated: Any = None,
) -> str:
    """Returns the text of an annotation file; equal contents give equal bytes.

    Args:
      annotations: without their ids, which are numbered from 1: pycocotools takes 0 for none.
      stated: JSON values for our source, which go below `info`; None for nothing.
    """
    found = {
        "info": {} if stated is None else {OWN: stated},
        "licenses": [],
        "images": [_written_image(image) for image in images],
        "annotations": [{"id": n, **each} for n, each in enumerate(annotations, start=1)],
        "categories": [_written_category(category) for category in categories],
    }
    if not categories:  # where the key is there, pycocotools asks every annotation for its own
        del found["categories"]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _written_image(image: Image) -> dict[str, Any]:
    height, width = image.size or (None, None)
    return {"id": image.id, "file_name": image.file_name, "width": width, "height": height}


def _written_category(category: Category) -> dict[str, Any]:
    found: dict[str, Any] = {"id": category.id, "name": category.name, "supercategory": ""}
    if category.keypoints:
        places = {name: number for number, name in enumerate(category.keypoints, start=1)}
        found["keypoints"] = list(category.keypoints)
        found["skeleton"] = [[places[one], places[other]] for one, other in category.edges]
    return found
