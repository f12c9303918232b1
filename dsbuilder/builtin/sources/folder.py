"""Images in class folders, with or without split folders above them."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsbuilder.formats.layout import (
    IMAGE_EXTENSIONS,
    check_class_count,
    check_classes,
    class_names,
    is_utf8,
    printable,
    shortened,
    split_named,
)
from dsbuilder.plugin import ClassLabel, DataError, Record, Source, Target, did_you_mean, source

_log = logging.getLogger(__name__)


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

    The key of a record is its path below `path`. A class of `classes` without an image keeps its id
    and is reported in the log; a folder without an image is no class.

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

    def records(self) -> Iterator[Record]:
        """Yields a record for every image, in the order of the keys.

        Raises:
          DataError: the folder is missing or empty, an image lies outside of every class folder,
            `classes` leaves a folder out, there is only one class, or a name is not valid UTF-8.
        """
        if not self.path.is_dir():
            found = "a file" if self.path.exists() else "none"
            raise DataError(f"{self.path}: expected a folder, found {found}. Check the path.")
        scan = _scan(self)
        if not scan.images:
            raise DataError(_nothing_found(self, scan))
        depth = _depth(scan, self.classes)
        _refuse_strays(self, scan, depth)
        _refuse_unknown(self, scan, depth)
        labels = {_label(key, depth) for key in scan.images}
        check_class_count(labels, where=str(self.path), noun="class folders")
        _report(self, scan, labels, depth)
        return (_record(self, key, depth) for key in scan.images)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `label`, the class."""
        found = {record.targets["label"] for record in records}
        return {"label": ClassLabel(names=class_names(found, self.classes))}


@dataclass
class _Scan:
    """What lies below the top folder: posix paths below it, and counts of what is no image."""

    images: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    linked: int = 0


def _scan(source: Folder) -> _Scan:
    """Returns everything below a source's folder in sorted order."""
    scan = _Scan()
    extensions = frozenset(each.lower() for each in source.extensions)
    entered: dict[str, str] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        if source.follow_links:
            _enter_once(source, folder, entered)
        waiting.extend(_scan_folder(source, folder, scan, extensions))
    scan.images.sort()
    scan.folders.sort()
    return scan


def _scan_folder(
    source: Folder, folder: str, scan: _Scan, extensions: frozenset[str]
) -> Iterator[str]:
    """Notes the entries of a folder and yields the folders in it, each with a slash behind."""
    try:
        entries = os.scandir(source.path / folder)
    except OSError as error:
        where = source.path / folder
        raise DataError(
            f"{where}: expected a folder that can be read, found: {error.strerror}. "
            "Change its permissions or move it away."
        ) from error
    with entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder + entry.name
            if not is_utf8(path):
                raise DataError(
                    f"{source.path}: expected names in UTF-8, found '{printable(path)}'. Rename it."
                )
            if entry.is_dir(follow_symlinks=source.follow_links):
                scan.folders.append(path)
                yield path + "/"
            else:
                _note_file(entry, path, scan, extensions)


def _note_file(entry: os.DirEntry[str], path: str, scan: _Scan, extensions: frozenset[str]) -> None:
    _, dot, extension = entry.name.rpartition(".")
    if entry.is_file():
        if dot and extension.lower() in extensions:
            scan.images.append(path)
        else:
            scan.skipped[f".{extension.lower()}" if dot else "without an extension"] += 1
    elif entry.is_symlink() and entry.is_dir():
        scan.linked += 1
    else:
        scan.skipped["whose link leads nowhere" if entry.is_symlink() else "of no plain kind"] += 1


def _enter_once(source: Folder, folder: str, entered: dict[str, str]) -> None:
    # Reached twice, a folder's images would stand in the dataset twice, perhaps in two splits; and
    # a link to a folder above would be followed for ever.
    real = os.path.realpath(source.path / folder)
    other = entered.setdefault(real, folder)
    if other != folder:
        first, second = sorted((other or "./", folder))
        raise DataError(
            f"{source.path}: expected every folder once, found '{first}' and '{second}' to be the "
            "same one by a link. Remove the link, or set follow_links: false."
        )


def _depth(scan: _Scan, classes: Sequence[str] | None) -> int:
    """Returns how many folders stand above a class folder: 1 where the top ones are splits."""
    tops = {key.partition("/")[0] for key in scan.images if "/" in key}
    are_classes = classes is not None and tops <= set(classes)
    return int(bool(tops) and not are_classes and all(split_named(top) for top in tops))


def _label(key: str, depth: int) -> str:
    return key.split("/", depth + 1)[depth]


def _record(source: Folder, key: str, depth: int) -> Record:
    return Record(
        key=key,
        path=source.path / key,
        targets={"label": _label(key, depth)},
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
    skipped = [each for each in (_skipped(scan), _linked(scan)) if each]
    found = "".join(f"; {each}" for each in skipped)
    return (
        f"{source.path}: expected images as class/image or split/class/image, found none{found}. "
        f"Images end in {', '.join(source.extensions)}."
    )


def _report(source: Folder, scan: _Scan, labels: set[str], depth: int) -> None:
    """Logs what a user may have meant otherwise."""
    folders = {path.split("/")[depth] for path in scan.folders if path.count("/") >= depth}
    missing = sorted((folders | set(source.classes or ())) - labels)
    notes = [_skipped(scan), _linked(scan)]
    if missing:
        notes.append(f"no image was found of {shortened(missing)}")
    if depth == 0:
        notes.append(_mixed_splits(scan))
    for note in notes:
        if note:
            _log.warning("%s: %s.", source.path, note)


def _skipped(scan: _Scan) -> str:
    total = sum(scan.skipped.values())
    if not total:
        return ""
    kinds = sorted(scan.skipped.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds)
    return f"1 file was skipped: {shown}" if total == 1 else f"{total} files were skipped: {shown}"


def _linked(scan: _Scan) -> str:
    if not scan.linked:
        return ""
    links = "1 link to a folder was" if scan.linked == 1 else f"{scan.linked} links to folders were"
    return f"{links} not followed; follow_links: true enters them"


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
