"""Images in class folders, with or without split folders above them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts import keys
from dsbuilder.layouts.classes import check_class_count, check_classes, class_names
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.keyed import keyed
from dsbuilder.layouts.signature import SIGNATURE, stated_targets
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tree import Tree
from dsbuilder.layouts.tree import scan as scan_tree
from dsbuilder.plugin import (
    ClassLabel,
    DataError,
    Recognition,
    Record,
    Source,
    Target,
    did_you_mean,
    source,
)

_log = logging.getLogger(__name__)

_PART_WORDS = frozenset(
    (
        *("annotation", "annotations", "ann", "anns", "gt", "groundtruth", "label", "labels"),
        *("image", "images", "img", "imgs", "jpegimages"),
        *("mask", "masks", "segmentation", "segmentationclass", "segmentationobject"),
    )
)
"""Names, in small letters, of folders that are a part of a layout and seldom a class."""


@source("folder")
@dataclass(frozen=True, kw_only=True)
class Folder(Source):
    """Reads images from class folders; the name of the folder is the label.

        path/                      path/
          cat/                       train/
            tom.png                    cat/
            indoors/felix.jpg            tom.png
          dog/                         dog/
            rex.png                      rex.png
                                     test/
                                       cat/felix.jpg
                                       dog/waldi.jpg

    Images may lie at any depth below their class folder. The folders at the top are splits if
    every one that holds an image bears a split's name (train, training; validation, val, valid,
    dev; test, testing, eval, evaluation; in any case of letters) and `classes` does not name them
    all; otherwise they are classes. An image outside of every class folder is an error. Hidden
    files and folders are passed over; other files are skipped, counted, and reported in the log.

    The key of a record is its path below `path`, or what the `keys.csv` of an export says. A class
    of `classes` without an image keeps its id and is reported in the log; a folder without an image
    is no class.

    Attributes:
      path: the folder at the top.
      classes: class names in id order; by default the names found, sorted as text.
      extensions: of image files, in any case of letters, without the dot.
      follow_links: whether a symbolic link to a folder is entered; otherwise it is skipped and
        reported. A link to a file is always read as the file.
    """

    path: Path
    classes: tuple[str, ...] | None = None
    extensions: tuple[str, ...] = IMAGE_EXTENSIONS
    follow_links: bool = False

    def __post_init__(self) -> None:
        check_classes(self.classes)
        wrong = [each for each in self.extensions if not each or "." in each]
        if wrong:
            raise ValueError(f"extensions: expected a text such as png, found '{wrong[0]}'.")
        if not self.extensions:
            raise ValueError("extensions: expected at least one, such as png, found none.")

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Says whether images lie in class folders; less surely where there is more than images."""
        return _recognise(folder, glance(folder))

    def records(self) -> Iterator[Record]:
        """Yields a record for every image, in the order of the paths.

        Raises:
          DataError: the folder is missing or empty, an image lies outside of every class folder,
            `classes` leaves a folder out, there is only one class, a name is not valid UTF-8, or
            `keys.csv` is wrong.
        """
        tree = scan_tree(self.path, follow_links=self.follow_links)
        known = keys.read(self.path)
        scan = _Scan(
            tree=tree, images=tree.images(self.extensions), tables=known.files | {SIGNATURE}
        )
        if not scan.images:
            raise DataError(_nothing_found(self, scan))
        depth = _depth(scan.images, self.classes)
        _refuse_strays(self, scan, depth)
        _refuse_unknown(self, scan, depth)
        labels = {_label(key, depth) for key in scan.images}
        check_class_count(labels, where=str(self.path), noun="class folders")
        _report(self, scan, labels, depth)
        shared = {label: {"label": label} for label in labels}
        records = [_record(self, path, depth, shared[_label(path, depth)]) for path in scan.images]
        return iter(keyed(records, known))

    def watches(self) -> Sequence[Path]:
        """Returns every folder at or below `path`, and `keys.csv`."""
        tree = scan_tree(self.path, follow_links=self.follow_links)
        return tree.below(self.path, keys.read(self.path).files)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `label`, the class."""
        found = {record.targets["label"] for record in records}
        return {"label": ClassLabel(names=class_names(found, self.classes))}


@dataclass(frozen=True, kw_only=True)
class _Scan:
    """What lies below the top folder: everything, and of it the images and tables that are read."""

    tree: Tree
    images: list[str]
    tables: frozenset[str]

    @property
    def notes(self) -> list[str]:
        """What was skipped, as sentences without a full stop."""
        skipped = self.tree.skipped(self.tables.union(self.images))
        return self.tree.notes(skipped, follow="follow_links: true enters them")


def _depth(images: Sequence[str], classes: Sequence[str] | None) -> int:
    """Returns how many folders stand above a class folder: 1 where the top ones are splits."""
    tops = {key.partition("/")[0] for key in images if "/" in key}
    are_classes = classes is not None and tops <= set(classes)
    return int(bool(tops) and not are_classes and all(split_named(top) for top in tops))


def _label(key: str, depth: int) -> str:
    return key.split("/", depth + 1)[depth]


def _record(source: Folder, key: str, depth: int, targets: Mapping[str, str]) -> Record:
    return Record(
        key=key,
        path=source.path / key,
        targets=targets,
        split=split_named(key.partition("/")[0]) if depth else None,
    )


def _refuse_strays(source: Folder, scan: _Scan, depth: int) -> None:
    strays = [key for key in scan.images if key.count("/") <= depth]
    if not strays:
        return
    count = "1 image" if len(strays) == 1 else f"{len(strays)} images"
    message = (
        f"{source.path}: expected every image in a class folder, "
        f"found {count} outside of one, the first '{strays[0]}'."
    )
    top, slash, _ = strays[0].partition("/")
    if slash:
        raise DataError(
            f"{message} Move it to {top}/class/, or if '{top}' is a class, list all in `classes`."
        )
    raise DataError(f"{message} Move it into a class folder.")


def _refuse_unknown(source: Folder, scan: _Scan, depth: int) -> None:
    if source.classes is None:
        return
    known = frozenset(source.classes)
    unknown = [key for key in scan.images if _label(key, depth) not in known]
    if unknown:
        label = _label(unknown[0], depth)
        folder = "/".join(unknown[0].split("/")[: depth + 1])
        raise DataError(
            f"{source.path}: expected class folders named in `classes`, found '{folder}'."
            f"{did_you_mean(label, source.classes)} Add it to `classes` or move it away."
        )


def _nothing_found(source: Folder, scan: _Scan) -> str:
    found = "".join(f"; {note}" for note in scan.notes)
    return (
        f"{source.path}: expected images as class/image or split/class/image, found none{found}. "
        f"Images end in {', '.join(source.extensions)}."
    )


def _report(source: Folder, scan: _Scan, labels: set[str], depth: int) -> None:
    """Logs what a user may have meant otherwise."""
    folders = {path.split("/")[depth] for path in scan.tree.folders if path.count("/") >= depth}
    missing = sorted((folders | set(source.classes or ())) - labels)
    notes = scan.notes
    if missing:
        notes.append(f"no image was found of {shortened(missing)}")
    if depth == 0:
        notes.append(_mixed_splits(scan))
    for note in notes:
        if note:
            _log.warning("%s: %s.", source.path, note)


def _mixed_splits(scan: _Scan) -> str:
    """Names folders that look like splits but are read as classes, because others are none."""
    tops = sorted({key.partition("/")[0] for key in scan.images})
    nested = {key.partition("/")[0] for key in scan.images if key.count("/") > 1}
    direct = {key.partition("/")[0] for key in scan.images if key.count("/") == 1}
    splits = [top for top in tops if split_named(top) and top in nested - direct]
    others = [top for top in tops if not split_named(top)]
    if not splits or not others:
        return ""
    return f"{shortened(splits)} are read as classes, not as splits, because of {shortened(others)}"


# -- recognition --------------------------------------------------------------------------------


def _recognise(folder: Path, seen: Glance) -> Recognition:
    images = seen.images
    depth = _depth(images, None)
    strays = [key for key in images if key.count("/") <= depth]
    labels = sorted({_label(key, depth) for key in images if key.count("/") > depth})
    shown = seen.count(len(images), "image")
    if not images:
        return Recognition(certainty=0, reason="no image lies in it")
    if strays:
        reason = f"{len(strays)} of {shown} in no class folder, such as '{strays[0]}'"
        return Recognition(certainty=0, reason=reason)
    if len(labels) < 2:
        only = f"{shown} in one class folder alone, '{labels[0]}'; a classification needs two"
        return Recognition(certainty=0, reason=only)
    splits = sorted({key.partition("/")[0] for key in images}) if depth else []
    below = f" below {', '.join(splits)}" if splits else ""
    found = f"{shown} in {seen.count(len(labels), 'class folder')}{below}: {shortened(labels)}"
    certainty, doubt = _doubt(seen, labels, depth)
    return Recognition(
        certainty=certainty,
        reason=f"{found}{doubt}",
        options={"path": ".", **_stated(folder, labels)},
        comments={"path": f"{seen.count(len(labels), 'class', 'classes')}: {shortened(labels)}"},
    )


def _stated(folder: Path, labels: Sequence[str]) -> dict[str, object]:
    """Returns the classes that an export of ours states, where they are others than sorted ones."""
    stated = stated_targets(folder).values()
    names = next((each.names for each in stated if isinstance(each, ClassLabel)), ())
    fits = set(labels) <= set(names) and list(names) != list(labels)
    return {"classes": names} if fits else {}


def _doubt(seen: Glance, labels: Sequence[str], depth: int) -> tuple[float, str]:
    """Returns how certain class folders are, and what else was seen that speaks against them."""
    parts = [label for label in labels if label.lower() in _PART_WORDS]
    notes = seen.ending("json", "xml", "txt", "csv", "tsv", "jsonl", "parquet")
    if parts:
        return 0.2, f"; but {shortened(parts)} is rather a part of another layout than a class"
    if all(label.lower().startswith(tuple(SPLIT_WORDS)) for label in labels):
        return 0.2, "; but by their names these are splits, or parts of another layout"
    if len(notes) * 2 > len(seen.images):
        return 0.3, f"; but {seen.count(len(notes), 'file')} of text may say more than folders do"
    deep = [key for key in seen.images if key.count("/") > depth + 1]
    if len(deep) * 2 > len(seen.images):
        return 0.4, f"; but most lie deeper, such as '{deep[0]}'"
    if len(labels) * 3 > len(seen.images) * 2:
        return 0.4, "; but hardly more images than folders"
    return 0.9 if depth else 0.8, ""
