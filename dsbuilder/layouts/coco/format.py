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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.layouts.coco.annotation import (
    CROWD,
    CocoAnnotation,
    CocoCategory,
    Id,
    Size,
    is_number,
    shown,
)
from dsbuilder.layouts.coco.kinds import KINDS
from dsbuilder.layouts.coco.loading import load
from dsbuilder.memory import uncollected
from dsbuilder.plugin.sources import told


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
      errors: what is wrong with an image or its annotations, by file name.
      unnamed: what is wrong with entries of images that have no name, by place.
      strays: what is wrong with entries that are of no image, each with its place.
      image_keys: number of entries of images that have a key, by key.
    """

    path: Path
    images: Mapping[str, CocoImage]
    categories: tuple[CocoCategory, ...]
    annotations: Mapping[str, Sequence[CocoAnnotation]] = field(repr=False)
    repeated: int = 0
    errors: Mapping[str, str] = field(default_factory=dict)
    unnamed: Mapping[str, str] = field(default_factory=dict)
    strays: Sequence[str] = ()
    image_keys: Mapping[str, int] = field(default_factory=dict)

    def holds(self, name: str) -> bool:
        """Whether an annotation has what `KINDS` calls so, be it an empty text."""
        key = KINDS[name].key
        values = (each.found.get(key) for found in self.annotations.values() for each in found)
        return any(value or value == "" for value in values)

    def notes(self, place: str) -> list[str]:
        """Returns notes on what does not count.

        Args:
          place: how they call the file.
        """
        notes = []
        if self.repeated:
            notes.append(
                f"annotations that are there twice count once: {self.repeated} of '{place}' left "
                "out"
            )
        if self.strays:
            first = self.strays[0].rstrip(".")
            what = "1 entry is" if len(self.strays) == 1 else f"{len(self.strays)} entries are"
            notes.append(f"{what} left out of '{place}', the first: {first}")
        return notes


def read(path: Path, *, outlines: bool = True, repeats: bool = False) -> CocoFile:
    """Returns what an annotation file says.

    Args:
      outlines: whether polygons are read, nine tenths of most files; else a hash stands for them.
      repeats: whether an annotation that is there twice counts twice.

    Raises:
      DataError: it is missing, is not JSON, or holds no lists of images and annotations.
    """
    with uncollected():
        reader = _FileReader(path)
        return reader.read(load(path, outlines=outlines), repeats=repeats)


class _FileReader:
    """Reads one file, and takes note of what is wrong with its entries."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._images: dict[str, CocoImage] = {}
        self._by_id: dict[Id, CocoImage] = {}
        self._categories: dict[Id, CocoCategory] = {}
        self._unclear: set[Id] = set()
        self._errors: dict[str, str] = {}
        self._unnamed: dict[str, str] = {}
        self._strays: list[str] = []
        self._image_keys: Counter[str] = Counter()

    def read(self, found: Mapping[str, Any], *, repeats: bool) -> CocoFile:
        for place, entry in self._entries("images", found["images"]):
            self._image_keys.update(entry.keys())
            self._image(place, entry)
        if self._unnamed and not self._images:
            problems = (f"{self._path}: {each}" for each in map(": ".join, self._unnamed.items()))
            raise DataError(told(list(problems)))
        for place, entry in self._entries("categories", found.get("categories", [])):
            self._category(place, entry)
        annotations = list(self._annotations(found["annotations"]))
        kept, repeated = (annotations, 0) if repeats else _without_repeated(annotations)
        by_name: dict[str, list[CocoAnnotation]] = {name: [] for name in self._images}
        for annotation in kept:
            by_name[self._by_id[annotation.found["image_id"]].file_name].append(annotation)
        names: dict[str, CocoCategory] = {}
        for category in sorted(self._categories.values(), key=lambda each: each.order):
            names.setdefault(category.name, category)
        return CocoFile(
            path=self._path,
            images=self._images,
            categories=tuple(names.values()),
            annotations=by_name,
            repeated=repeated,
            errors=self._errors,
            unnamed=self._unnamed,
            strays=self._strays,
            image_keys=self._image_keys,
        )

    def _entries(self, part: str, found: Any) -> Iterator[tuple[str, Any]]:
        """Yields place and entry of a list; an image that is no object has no name."""
        if not isinstance(found, list):
            raise DataError(f"{self._path}: expected a list '{part}', found {shown(found)}.")
        for number, entry in enumerate(found):
            place = f"{part}[{number}]"
            if isinstance(entry, dict):
                yield place, entry
            elif part == "images":
                self._unnamed[place] = f"expected an object, found {shown(entry)}."
            else:
                self._strays.append(f"{place}: expected an object, found {shown(entry)}.")

    def _wrong(self, name: str, place: str, problem: object) -> None:
        """Takes note of what is wrong with an image."""
        text = f"{self._path}: {place}: {problem}"
        before = self._errors.get(name)
        self._errors[name] = text if before is None else f"{before} {text}"

    def _image(self, place: str, entry: Mapping[str, Any]) -> None:
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            self._unnamed[place] = f"expected a text 'file_name', found {shown(name)}."
            return
        try:
            image = CocoImage(id=_id(entry, "id"), file_name=name, size=_size(entry))
        except DataError as error:
            self._images.setdefault(name, CocoImage(id=-1, file_name=name))
            self._wrong(name, place, error)
            return
        same_id, same_name = self._by_id.get(image.id, image), self._images.get(name, image)
        if (same_id, same_name) != (image, image):
            what = f"the id {image.id!r}" if same_id != image else f"'{name}'"
            for each in {same_id.file_name, name}:
                self._wrong(
                    each, place, f"expected every image once, found {what} again. Remove one."
                )
        self._images.setdefault(name, image)
        self._by_id.setdefault(image.id, image)

    def _category(self, place: str, entry: Mapping[str, Any]) -> None:
        """Takes a category up; one name may have several ids, and one id no two names."""
        try:
            category = _category(entry)
        except DataError as error:
            self._strays.append(f"{place}: {error}")
            return
        other = self._categories.setdefault(category.id, category)
        if other.name != category.name:
            self._unclear.add(category.id)
            self._strays.append(
                f"{place}: expected every category once, found {category.id!r} as '{other.name}' "
                f"and '{category.name}'. Rename or remove one."
            )

    def _annotations(self, found: Any) -> Iterator[CocoAnnotation]:
        for number, entry in enumerate(found):
            place = f"annotations[{number}]"
            try:
                image = self._image_of(entry)
            except DataError as error:
                self._strays.append(f"{place}: {error}")
                continue
            try:
                _check_kind(entry)
                category = self._category_of(entry)
            except DataError as error:
                self._wrong(image.file_name, place, error)
            else:
                yield CocoAnnotation(path=self._path, number=number, category=category, found=entry)

    def _image_of(self, entry: Any) -> CocoImage:
        if not isinstance(entry, dict):
            raise DataError(f"expected an object, found {shown(entry)}.")
        number = _id(entry, "image_id")
        if number not in self._by_id:
            raise DataError(
                f"expected an image of 'images', found image_id {number!r}. Add the image or "
                "remove the annotation."
            )
        return self._by_id[number]

    def _category_of(self, entry: Mapping[str, Any]) -> CocoCategory | None:
        if entry.get("category_id") is None:
            return None
        number = _id(entry, "category_id")
        if number in self._unclear:
            raise DataError(f"expected a category of one name, found category_id {number!r}.")
        if number not in self._categories:
            raise DataError(
                f"expected one of the {len(self._categories)} categories, found category_id "
                f"{number!r}."
            )
        return self._categories[number]


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


def _category(entry: Mapping[str, Any]) -> CocoCategory:
    name, points = entry.get("name"), entry.get("keypoints", [])
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"expected a text 'name', found {shown(name)}.")
    category = CocoCategory(id=_id(entry, "id"), name=name.strip())
    try:
        if not isinstance(points, list) or not all(isinstance(each, str) for each in points):
            raise DataError(f"expected names of 'keypoints', found {shown(points)}.")
        edges = _edges(entry.get("skeleton"), points)
    except DataError as error:  # which matters where keypoints are read
        return replace(category, fault=str(error))
    return replace(category, keypoints=tuple(points), edges=edges)


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


def _check_kind(entry: Mapping[str, Any]) -> None:
    if "segments_info" in entry:
        raise DataError("expected an annotation of an object, found a panoptic one.")
    if entry.get(CROWD, 0) not in (0, 1):
        raise DataError(f"expected iscrowd 0 or 1, found {shown(entry[CROWD])}.")


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
