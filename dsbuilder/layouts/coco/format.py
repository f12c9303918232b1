"""COCO annotations: one JSON file of images, annotations and categories, as a split has it.

    {"images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
     "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [x, y, width, height],
                      "segmentation": [[x0, y0, x1, y1, ...]], "iscrowd": 0}],
     "categories": [{"id": 18, "name": "dog"}]}

Everything is in pixels from the top left corner. Ids are any numbers or texts; those of categories
often begin at 1 and have gaps. What an annotation holds beside its image depends on the kind of
file (instances, keypoints, captions), so each is looked at when a target asks for it.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.layouts.coco.annotation import (
    CROWD,
    CocoAnnotation,
    CocoCategory,
    Id,
    Size,
    is_number,
    shown,
)
from dsbuilder.layouts.faults import Faults
from dsbuilder.memory import uncollected
from dsbuilder.plugin import Boxes, Keypoints, Mask, Target, Text


@dataclass(frozen=True, kw_only=True)
class CocoKind:
    """How targets of a kind stand in COCO files.

    Attributes:
      kind: kind of the target.
      key: key that an annotation has it under.
      file: what the names of the files begin with that we write.
    """

    kind: type[Target]
    key: str
    file: str

    def place(self, split: str) -> str:
        """Returns the path of the file that we write of a split, below the export."""
        return f"annotations/{self.file}_{split}.json"


KINDS: Mapping[str, CocoKind] = {
    "objects": CocoKind(kind=Boxes, key="bbox", file="instances"),
    "mask": CocoKind(kind=Mask, key="segmentation", file="stuff"),
    "keypoints": CocoKind(kind=Keypoints, key="keypoints", file="person_keypoints"),
    "text": CocoKind(kind=Text, key="caption", file="captions"),
}
"""What is read, as the options of the source call it."""


@dataclass(frozen=True, kw_only=True)
class CocoImage:
    """An image that is annotated.

    Attributes:
      id: number that annotations name it by.
      file_name: relative to a folder that the file does not know.
      size: (height, width), or None if it is not stated.
    """

    id: Id
    file_name: str
    size: Size | None = None


@dataclass(frozen=True, kw_only=True)
class CocoFile:
    """One annotation file.

    Attributes:
      images: images by file name, in the order of the file.
      categories: categories in the order of their ids.
      annotations: annotations by file name of their image; each that is there twice only once,
        unless repeats were asked for.
      repeated: number of annotations that were there again.
    """

    path: Path
    images: Mapping[str, CocoImage]
    categories: tuple[CocoCategory, ...]
    annotations: Mapping[str, Sequence[CocoAnnotation]] = field(repr=False)
    repeated: int = 0

    def holds(self, name: str) -> bool:
        """Whether an annotation has what `KINDS` calls so, be it an empty text."""
        key = KINDS[name].key
        values = (each.found.get(key) for found in self.annotations.values() for each in found)
        return any(value or value == "" for value in values)


def read(path: Path, *, outlines: bool = True, repeats: bool = False) -> CocoFile:
    """Returns what an annotation file says.

    Args:
      outlines: whether polygons are read, nine tenths of most files; else a hash stands for them.
      repeats: whether an annotation that is there twice counts twice.

    Raises:
      DataError: it is missing, is not JSON, or images, annotations and categories do not fit
        together; names up to 20 entries that are wrong.
    """
    with uncollected():
        return _read(path, outlines=outlines, repeats=repeats)


def _read(path: Path, *, outlines: bool, repeats: bool) -> CocoFile:
    found = load(path, outlines=outlines)
    faults = Faults()
    images = _images(path, found["images"], faults)
    categories = _categories(path, found.get("categories", []), faults)
    annotations = _annotations(path, found["annotations"], (images, categories), faults)
    faults.check()
    kept, repeated = (annotations, 0) if repeats else _without_repeated(annotations)
    by_name: dict[str, list[CocoAnnotation]] = {image.file_name: [] for image in images.values()}
    for annotation in kept:
        by_name[images[annotation.found["image_id"]].file_name].append(annotation)
    return CocoFile(
        path=path,
        images={image.file_name: image for image in images.values()},
        categories=tuple(sorted(categories.values(), key=lambda each: each.order)),
        annotations=by_name,
        repeated=repeated,
    )


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


def _images(path: Path, found: Any, faults: Faults) -> dict[Id, CocoImage]:
    images: dict[Id, CocoImage] = {}
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
            images[number] = CocoImage(id=number, file_name=name, size=_size(entry))
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


def _categories(path: Path, found: Any, faults: Faults) -> dict[Id, CocoCategory]:
    categories: dict[Id, CocoCategory] = {}
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


def _category(entry: Mapping[str, Any]) -> CocoCategory:
    name, points = entry.get("name"), entry.get("keypoints", [])
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"expected a text 'name', found {shown(name)}.")
    if not isinstance(points, list) or not all(isinstance(each, str) for each in points):
        raise DataError(f"expected names of 'keypoints', found {shown(points)}.")
    return CocoCategory(
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
    known: tuple[Mapping[Id, CocoImage], Mapping[Id, CocoCategory]],
    faults: Faults,
) -> list[CocoAnnotation]:
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
            if entry.get(CROWD, 0) not in (0, 1):
                raise DataError(f"expected iscrowd 0 or 1, found {shown(entry[CROWD])}.")
            category = _category_of(entry, categories)
        except DataError as error:
            faults.add(f"{path}: annotations[{number}]: {error}")
        else:
            annotations.append(
                CocoAnnotation(path=path, number=number, category=category, found=entry)
            )
    return annotations


def _category_of(
    entry: Mapping[str, Any], categories: Mapping[Id, CocoCategory]
) -> CocoCategory | None:
    if entry.get("category_id") is None:
        return None
    number = _id(entry, "category_id")
    if number not in categories:
        raise DataError(
            f"expected one of the {len(categories)} categories, found category_id {number!r}."
        )
    return categories[number]


def _without_repeated(annotations: Sequence[CocoAnnotation]) -> tuple[list[CocoAnnotation], int]:
    """Returns annotations, of those that are equal but for their id the first alone."""
    kept: list[CocoAnnotation] = []
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


def written(
    images: Sequence[CocoImage],
    annotations: Sequence[Mapping[str, Any]],
    categories: Sequence[CocoCategory],
) -> str:
    """Returns the text of an annotation file; equal contents give equal bytes.

    Args:
      annotations: without their ids, which are numbered from 1: pycocotools takes 0 for none.
    """
    found = {
        "info": {},
        "licenses": [],
        "images": [_written_image(image) for image in images],
        "annotations": [{"id": n, **each} for n, each in enumerate(annotations, start=1)],
        "categories": [_written_category(category) for category in categories],
    }
    if not categories:  # where the key is there, pycocotools asks every annotation for its own
        del found["categories"]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _written_image(image: CocoImage) -> dict[str, Any]:
    height, width = image.size or (None, None)
    return {"id": image.id, "file_name": image.file_name, "width": width, "height": height}


def _written_category(category: CocoCategory) -> dict[str, Any]:
    found: dict[str, Any] = {"id": category.id, "name": category.name, "supercategory": ""}
    if category.keypoints:
        places = {name: number for number, name in enumerate(category.keypoints, start=1)}
        found["keypoints"] = list(category.keypoints)
        found["skeleton"] = [[places[one], places[other]] for one, other in category.edges]
    return found


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
        with contextlib.suppress(ValueError, RecursionError, DataError):
            return _checked(path, json.loads(_without_outlines(path), parse_constant=_refuse))
    try:
        found = json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno}: expected JSON, found an error in column {error.colno}: "
            f"{error.msg}. Correct it."
        ) from None
    except (ValueError, RecursionError) as error:
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
