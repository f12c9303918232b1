"""Reads the annotation files of a COCO set into records, each with all that its sample needs."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.errors import shortened
from dsbuilder.images import encoding as image_format
from dsbuilder.layouts import keys
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco import targets as coco_targets
from dsbuilder.layouts.coco import values as coco_values
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.keyed import keyed
from dsbuilder.layouts.splits import split_in
from dsbuilder.layouts.tree import scan
from dsbuilder.memory import uncollected
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import DataError, Record, Target, Text

_log = logging.getLogger(__name__)

Files = Mapping[str | None, str]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a set holds."""

    records: Sequence[Record]
    targets: Mapping[str, Target]


def read(path: Path, files: Mapping[str, Files], images: Files, *, ignore: str | None) -> Found:
    """Returns the records and the targets of a set.

    Args:
      files: by target, by split (None where it is not said), the annotation file.
      images: by split, the folder that file names are relative to.
      ignore: the category that `mask` takes for no known class.

    Raises:
      DataError: see `Coco.records`.
    """
    with uncollected():
        return _Reader(path, files, images, ignore).read()


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One split.

    Attributes:
      split: None where it is not said.
      documents: by target; all have the same images.
      folder: where these lie, with a slash behind; empty for the top one.
    """

    split: str | None
    documents: Mapping[str, coco.Document]
    folder: str

    @property
    def first(self) -> coco.Document:
        return next(iter(self.documents.values()))


class _Reader:
    """Reads one set, and remembers what of the folder was read."""

    def __init__(
        self, path: Path, files: Mapping[str, Files], images: Files, ignore: str | None
    ) -> None:
        self._path, self._files, self._images, self._ignore = path, files, images, ignore
        self._tree = scan(path)
        self._inside = Inside(path)
        self._keys = keys.read(path)
        self._opened: dict[str, coco.Document] = {}
        self._split_of: dict[str, str | None] = {}
        self._attributes: Mapping[str, str] = {}
        self._classes: Sequence[str] = ()
        self._uncovered = 0
        self._faults = Faults()

    def read(self) -> Found:
        splits = next(iter(self._files.values()))
        parts = [self._part(split) for split in splits]
        if "objects" in self._files:
            self._attributes = coco_targets.attributes(
                [part.documents["objects"] for part in parts]
            )
        targets = {name: self._target(name, parts) for name in self._files}
        self._classes = targets["mask"].class_names if "mask" in targets else ()
        records = [record for part in parts for record in self._records(part)]
        self._faults.check()
        if not records:
            files = shortened(self._opened)
            raise DataError(f"{self._path}: expected images in {files}, found none.")
        self._report()
        return Found(records=keyed(records, self._keys), targets=targets)

    def _part(self, split: str | None) -> _Part:
        documents = {name: self._open(files[split]) for name, files in self._files.items()}
        first = next(iter(documents.values()))
        for name, document in documents.items():
            odd = document.images.keys() ^ first.images.keys()
            if odd:
                raise DataError(
                    f"{document.path}: expected the images of {first.path.name}, found "
                    f"'{min(odd)}' in one of them alone. Name files of the same images."
                )
            if any(document.annotations.values()) and not coco_values.holds(name, document):
                raise DataError(
                    f"{document.path}: expected annotations with '{coco_values.KEYS[name]}', found "
                    f"none. Leave `{name}` out or name another file."
                )
        return _Part(split=split, documents=documents, folder=self._folder(split, first))

    def _open(self, file: str) -> coco.Document:
        place = self._inside.locate(file)
        if place not in self._opened:
            outlined = file in self._files.get("mask", {}).values()
            self._opened[place] = coco.read(self._path / place, outlines=outlined)
        return self._opened[place]

    def _folder(self, split: str | None, document: coco.Document) -> str:
        """Returns the folder in which the images of a file lie, with a slash behind."""
        stated = self._images.get(split, self._images.get(None))
        if stated is not None:
            return "" if stated in ("", ".", "./") else f"{normalized(stated)}/"
        names = {f"/{self._normalized(name, document)}" for name in document.images}
        if not names:
            return ""
        ends = {name.rpartition("/")[2] for name in names}
        files = (path for path in self._tree.files if path.rpartition("/")[2] in ends)
        counts = Counter(folder for path in files for folder in _folders(f"/{path}", names))
        most = max(counts.values(), default=0)
        best = sorted(folder for folder, count in counts.items() if count == most)
        if len(best) > 1:
            best = self._likely(best, split or split_in(document.path.name), document)
        if len(best) != 1:
            found = f"them in {shortened(best)}" if best else f"none, such as '{min(names)[1:]}'"
            raise DataError(
                f"{document.path}: expected its images in one folder below "
                f"{self._path}, found {found}. Say which with `images`."
            )
        return best[0]

    def _likely(
        self, folders: Sequence[str], split: str | None, document: coco.Document
    ) -> list[str]:
        """Returns of several folders the one of the annotation file, else those of its split."""
        own = document.path.parent.relative_to(self._path).as_posix()
        beside = [folder for folder in folders if folder == ("" if own == "." else f"{own}/")]
        of_split = [folder for folder in folders if split and split_in(folder) == split]
        return beside or of_split or list(folders)

    def _normalized(self, name: str, document: coco.Document) -> str:
        try:
            return normalized(name)
        except DataError as error:
            raise DataError(f"{document.path}: file_name: {error}") from None

    def _records(self, part: _Part) -> Iterator[Record]:
        for name in part.first.images:
            with self._faults.collecting():
                key = self._key(part, name)
                targets = {
                    target: self._raw(target, document, name, key)
                    for target, document in part.documents.items()
                }
                yield Record(
                    key=key,
                    path=self._path / key,
                    targets=targets,
                    split=part.split,
                    size=part.first.images[name].size,
                )

    def _key(self, part: _Part, name: str) -> str:
        try:
            key = self._inside.locate(part.folder + normalized(name))
        except DataError as error:
            raise DataError(f"{part.first.path}: {error}") from None
        if key in self._split_of:
            splits = {self._split_of[key], part.split} - {None}
            again = f" in {' and '.join(sorted(map(str, splits)))}" if len(splits) > 1 else ""
            raise DataError(
                f"{part.first.path}: expected every image once, found '{key}' again{again}. "
                "Remove one."
            )
        self._split_of[key] = part.split
        return key

    def _raw(self, target: str, document: coco.Document, name: str, key: str) -> Any:
        """Returns the raw value of a target for an image."""
        annotations = document.annotations[name]
        if target == "text":
            if not annotations:
                raise DataError(
                    f"{document.path}: expected a caption of '{name}', found none. Add one."
                )
            return "\n".join(_told(each, coco_values.caption) for each in annotations)
        size = document.images[name].size or self._measured(key)
        if target == "objects":
            return [self._object(each, size) for each in annotations]
        if target == "keypoints":
            pointed = (each for each in annotations if "keypoints" in each.found)
            return [_told(each, lambda a: coco_values.keypoints(a, size)) for each in pointed]
        return self._segments(annotations, size)

    def _measured(self, key: str) -> coco.Size:
        try:
            return image_format.size((self._path / key).read_bytes())
        except DataError as error:
            raise DataError(f"{self._path / key}: expected a size in its header: {error}") from None

    def _object(self, annotation: coco.Annotation, size: coco.Size) -> dict[str, Any]:
        return {
            "label": _class_of(annotation),
            "box": _told(annotation, lambda each: coco_values.box(each, size)),
            **{name: _attribute(annotation, name) for name in self._attributes},
        }

    def _segments(self, annotations: Sequence[coco.Annotation], size: coco.Size) -> dict[str, Any]:
        segments = []
        for each in sorted(annotations, key=lambda each: -each.area):
            covered = _told(each, lambda a: coco_values.segment(a, size))
            if covered is None:
                self._uncovered += 1
            else:
                name = _class_of(each)
                label = name if name in self._classes else None  # to ignore
                segments.append({"label": label, **covered})
        return {"segments": segments, "size": list(size)}

    def _target(self, name: str, parts: Sequence[_Part]) -> Target:
        documents = [part.documents[name] for part in parts]
        makers: Mapping[str, Callable[[], Target]] = {
            "objects": lambda: coco_targets.boxes(documents, self._attributes),
            "mask": lambda: coco_targets.mask(documents, self._ignore),
            "keypoints": lambda: coco_targets.keypoints(documents),
            "text": lambda: Text(),
        }
        return makers[name]()

    def _report(self) -> None:
        read = {*self._opened, *self._split_of, *self._keys.files}
        notes = self._tree.notes(self._tree.skipped(read))
        for place, document in self._opened.items():
            if document.repeated:
                notes.append(
                    f"annotations that are there twice count once: {document.repeated} of "
                    f"'{place}' left out"
                )
        if self._uncovered:
            have = "1 annotation has" if self._uncovered == 1 else f"{self._uncovered} have"
            notes.append(f"{have} no segmentation, hence no place in a mask")
        for note in notes:
            _log.warning("%s: %s.", self._path, note)


def _folders(path: str, names: set[str]) -> list[str]:
    """Returns the folders, with a slash behind, below which a path has one of some names."""
    slashes = [match.start() for match in re.finditer("/", path)]
    return [path[1 : slash + 1] for slash in slashes if path[slash:] in names]


def _told(annotation: coco.Annotation, of: Callable[[coco.Annotation], Any]) -> Any:
    """Returns what `of` makes of an annotation, whose place an error names."""
    try:
        return of(annotation)
    except DataError as error:
        raise DataError(f"{annotation.place}: {error}") from None


def _class_of(annotation: coco.Annotation) -> str:
    if annotation.category is None:
        raise DataError(f"{annotation.place}: expected a 'category_id', found none.")
    return annotation.category.name


def _attribute(annotation: coco.Annotation, name: str) -> Any:
    if name == coco_targets.CROWD:
        return annotation.crowd
    if name not in annotation.attributes:
        raise DataError(f"{annotation.place}: expected the attribute '{name}', found none.")
    found = annotation.attributes[name]
    return int(found) if isinstance(found, bool) else found
