"""Images that a list names together with their labels."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.cells import class_target, multi_label_target, targets_of, value_target
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.list.format import Columns, Listed, read_listing
from dsbuilder.layouts.list.signs import signs_of
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tree import scan
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    Target,
    Text,
    did_you_mean,
    source,
)


@source("list")
@dataclass(frozen=True, kw_only=True)
class ImageList(Source):
    """Reads images and labels from lists: a text file, CSV, TSV or JSONL.

        images/                    train.txt
          0/a.png                    0/a.png zero
          1/b c.png                  1/b c.png one

    A text file says `relative/path label` a line; the label is the last word, or what follows a
    tab. CSV and TSV files open with column names, a JSONL file holds an object a line; the columns
    are `file_name` and `label` unless options name others. Give `path` and `list`, or `lists` with
    a split for each. Every file must exist below its folder; `..`, absolute paths and links that
    lead out of the folder are refused, and so is an image that is listed twice. Files of the folder
    that no list names are skipped, counted, and reported.

    The key of a record is its path below the folder of the images; where lists have several such
    folders, below the folder that all of these have in common.

    Attributes:
      path: the folder that the paths of `list` are relative to.
      list: the list.
      lists: split -> [folder, list], such as
        {train: [images/, train.txt], test: [images/, test.txt]}.
        The splits may be called train, training; validation, val, valid, dev; test, testing, eval,
        evaluation.
      classes: class names in id order; by default the labels found, sorted as text.
      labels_classes: the same of `labels_column`.
      image_column, label_column: columns of a CSV, TSV or JSONL list: the path and the class; null
        for label_column reads no class.
      labels_column: its column of several classes, a list, or a text with `separator` in between.
      value_columns: its column of a number or a list of numbers, or several of one number each.
      text_column: its column of texts.
      group_column: its column that groups records; records of one group never end in two splits.
      split_column: its column that names the split.
      separator: what stands between several classes in a text.
    """

    path: Path | None = None
    list: Path | None = None
    lists: Mapping[str, tuple[Path, Path]] | None = None
    classes: tuple[str, ...] | None = None
    image_column: str = "file_name"
    label_column: str | None = "label"
    labels_column: str | None = None
    value_columns: tuple[str, ...] = ()
    text_column: str | None = None
    group_column: str | None = None
    split_column: str | None = None
    separator: str = ","
    labels_classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if not (self.label_column or self.labels_column or self.value_columns or self.text_column):
            raise ValueError("at least one column of labels is needed. Name one.")
        if not self.separator.strip():
            raise ValueError("separator: a character is needed, such as ','.")
        single = (self.path, self.list)
        if (None in single) == (self.lists is None) or (self.lists and single != (None, None)):
            raise ValueError("expected either 'path' and 'list', or 'lists'. Give one of the two.")
        if self.lists is not None:
            _check_splits(self.lists, self.split_column)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for a list at the top, or in a folder there, that names images and their labels."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the lists, in their order.

        Raises (when it is listed):
          DataError: a list or a folder is missing, or there is only one class. A line that is
            malformed, names a file that is not there or lies outside, an unknown class or a file
            twice is a record with an error.
        """
        return _ImageListCatalog(self)


class _ImageListCatalog(SourceCatalog[ImageList]):
    def scan(self) -> Listing:
        source = self._source
        reader = _ListReader(source)
        records, wrong = reader.read()
        if source.label_column is not None:
            found = {record.targets["label"] for record in records}
            names = ", ".join(str(path) for _, _, path in _parts(source))
            check_class_count(found, where=names, noun="classes", wrong=wrong)
        return Listing(
            records=[*records, *wrong],
            targets=_targets(source, records),
            notes=list(reader.notes()),
        )

    def watches(self) -> Sequence[Path]:
        return [path for _, _, path in _parts(self._source)]


def _targets(source: ImageList, records: Sequence[Record]) -> Mapping[str, Target]:
    """Returns the targets of the columns: `label`, `labels`, `value`, `text`."""
    makers: Mapping[str, Callable[[], Target]] = {
        "label": lambda: class_target(records, source.classes),
        "labels": lambda: multi_label_target(records, source.labels_classes),
        "value": lambda: value_target(records),
        "text": lambda: Text(),
    }
    return targets_of(records, makers)


def _check_splits(lists: Mapping[str, tuple[Path, Path]], split_column: str | None) -> None:
    unknown = [word for word in lists if split_named(word) is None]
    if unknown:
        hint = did_you_mean(unknown[0], SPLIT_WORDS)
        raise ValueError(f"lists: expected the names of splits, found '{unknown[0]}'.{hint}")
    if not lists:
        raise ValueError("lists: at least one split is needed. Add one.")
    if split_column is not None:
        raise ValueError(
            "expected the split from 'lists' or from 'split_column', found both. Remove one."
        )


def _parts(source: ImageList) -> Sequence[tuple[str | None, Path, Path]]:
    """Returns (split, folder, list) of every list."""
    if source.lists is not None:
        return [(split_named(word), *pair) for word, pair in source.lists.items()]
    if source.path is None or source.list is None:
        return []
    return [(None, source.path, source.list)]


def _prefixes(folders: Sequence[Path]) -> dict[Path, str]:
    """Returns what stands before a path in its key, for each folder of images.

    The common parent is found in the text of the paths, not by following links, so that keys stay
    the same wherever the data is moved to.
    """
    parent = _common(folders)
    below = {folder: os.path.relpath(folder, parent) for folder in folders}
    return {
        folder: "" if path == "." else Path(path).as_posix() + "/" for folder, path in below.items()
    }


def _common(folders: Sequence[Path]) -> str:
    """Returns the path of the folder that all have in common."""
    return os.path.commonpath([os.path.abspath(each) for each in folders])  # noqa: PTH100 - not resolved


class _ListReader:
    """Reads all lists of a source, and remembers on which line every image was listed."""

    def __init__(self, source: ImageList) -> None:
        self._source = source
        self._parts = _parts(source)
        self._prefixes = _prefixes([folder for _, folder, _ in self._parts])
        self._listed: dict[str, tuple[Path, int]] = {}
        self._faults = Faults(root=Path(_common([path.parent for _, _, path in self._parts])))
        self._columns = Columns(
            image=source.image_column,
            label=source.label_column,
            labels=source.labels_column,
            values=source.value_columns,
            text=source.text_column,
            group=source.group_column,
            split=source.split_column,
            separator=source.separator,
        )

    def read(self) -> tuple[list[Record], list[Record]]:
        """Returns the records, and those that something is wrong with.

        Raises:
          DataError: a list or a folder is missing, or something is wrong with every record.
        """
        for _, folder, _ in self._parts:
            if not folder.is_dir():
                problem = "no such folder of images"
                if folder.exists():
                    problem = "expected a folder of images, found a file"
                raise DataError(f"{folder}: {problem}. Check the path.")
        inside = {folder: Inside(folder) for folder in self._prefixes}
        records: list[Record] = []
        for split, folder, path in self._parts:
            read = self._records(path, inside[folder], folder)
            records += [each if split is None else replace(each, split=split) for each in read]
        return self._faults.sound(records), self._faults.unsound()

    def notes(self) -> Iterator[str]:
        """Yields what no list names, once all are read."""
        folders = {start: folder for folder, start in self._prefixes.items()}
        for start, folder in folders.items():
            if any(start != other and start.startswith(other) for other in folders):
                continue  # what lies above it is reported as a whole
            tree = scan(folder)
            read = {key.removeprefix(start) for key in self._listed if key.startswith(start)}
            read |= {Path(os.path.relpath(path, folder)).as_posix() for _, _, path in self._parts}
            where = f"{folder}: " if len(folders) > 1 else ""
            yield from (f"{where}{note}" for note in tree.notes(tree.skipped(read)))

    def _records(self, path: Path, inside: Inside, folder: Path) -> Iterator[Record]:
        """Yields the records of a list; takes note of the lines that are wrong."""
        entry, prefix = None, self._prefixes[folder]
        stated = partial(_stated, prefix, folder)
        for entry in read_listing(path, self._columns, faults=self._faults, stated=stated):
            bare = stated(entry.image)
            with self._faults.collecting(f"{path}:{entry.line}", record=bare):
                image = _located(inside, entry)
                self._check(prefix + image, path, entry)
                yield Record(
                    key=prefix + image,
                    path=folder / image,
                    targets=entry.targets,
                    group=entry.group,
                    split=entry.split,
                )
        if entry is None:
            self._faults.check()
            raise DataError(
                f"{path}: expected an image and its label a line, found no line. "
                "Fill the list or leave it out."
            )

    def _check(self, key: str, path: Path, entry: Listed) -> None:
        for option, names in (("classes", [entry.label]), ("labels_classes", entry.labels or [])):
            known = getattr(self._source, option)
            unknown = [name for name in names if known is not None and name not in known]
            if unknown and unknown[0] is not None:
                raise DataError(
                    f"expected one of the {len(known)} classes, found '{unknown[0]}'."
                    f"{did_you_mean(unknown[0], known)} Correct the line or add it to `{option}`."
                )
        other, line = self._listed.setdefault(key, (path, entry.line))
        if (other, line) != (path, entry.line):
            raise DataError(
                f"expected every image once, found '{key}' again, which {other}:{line} lists. "
                "Remove one of the lines."
            )


def _stated(prefix: str, folder: Path, image: str) -> Record | None:
    """Returns the record of an image without its labels; None if it is no path."""
    with contextlib.suppress(DataError):
        path = normalized(image)
        return Record(key=prefix + path, path=folder / path)
    return None


def _located(inside: Inside, entry: Listed) -> str:
    try:
        return inside.locate(entry.image)
    except DataError as error:
        raise DataError(f"{error} Correct the line.") from None
