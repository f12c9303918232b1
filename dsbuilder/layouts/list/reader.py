"""Images that a list names together with their labels."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.images.encoding import size as size_of
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.cells import (
    box_target,
    class_target,
    multi_label_target,
    targets_of,
    value_target,
)
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.list.columns import OBJECTS, Columns, Kind, Listed
from dsbuilder.layouts.list.format import read_listing
from dsbuilder.layouts.list.objects import BoxForm, BoxUnit, to_shares, united
from dsbuilder.layouts.list.signs import signs_of
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tree import extension, scan
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
    lead out of the folder are refused, and so is an image that is listed twice, unless its rows
    hold boxes or several classes. A path may leave the ending out, as ids do: `0/a` is `0/a.png`
    where there is no other image of that name. Files of the folder that no list names are skipped,
    counted, and reported, and columns that nothing reads are named.

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
      labels_classes: class names of `labels_column` in id order; by default those found.
      image_column: column of a CSV, TSV or JSONL list that holds the path.
      label_column: column of the class; null reads none.
      labels_column: column of several classes, a list, or a text with `separator` in between.
      value_columns: column of a number or a list of numbers, or several of one number each.
      text_column: column of texts.
      group_column: column that groups records; records of one group never end in two splits.
      split_column: column that names the split.
      separator: what stands between several classes in a text.
      one_hot_columns: columns of 0 and 1 that are called after the classes, one of them 1 in
        each row: the target `label`, with the classes in this order. Set label_column: null.
      multi_hot_columns: such columns with any number of them 1 in a row: the target `labels`.
      target_columns: column -> what it holds (class, classes, value, text), each a target of the
        column's name, such as {age: value, gender: class}.
      box_columns: four columns of numbers, or one of lists of four, of a box a row: the
        target `objects`, of the rows of an image together. `label_column` is the class of the box,
        null for boxes of one kind; a row without numbers says that its image has none.
      box_form: what the four are: corners (x_min, y_min, x_max, y_max), width_height (x, y of the
        top left corner, width, height), or center (x, y of the center, width, height).
      box_unit: unit of these: pixels, or shares of the image's width and height.
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
    one_hot_columns: tuple[str, ...] = ()
    multi_hot_columns: tuple[str, ...] = ()
    target_columns: Mapping[str, Kind] = field(default_factory=dict)
    box_columns: tuple[str, ...] = ()
    box_form: BoxForm = "corners"
    box_unit: BoxUnit = "pixels"

    def __post_init__(self) -> None:
        check_classes(self.classes)
        _ = self.columns.makers  # which refuses columns that cannot be
        if not self.separator.strip():
            raise ValueError("separator: a character is needed, such as ','.")
        single = (self.path, self.list)
        if (None in single) == (self.lists is None) or (self.lists and single != (None, None)):
            raise ValueError("expected either 'path' and 'list', or 'lists'. Give one of the two.")
        if self.lists is not None:
            _check_splits(self.lists, self.split_column)

    @property
    def columns(self) -> Columns:
        """Which columns are read."""
        return Columns(
            image=self.image_column,
            label=self.label_column,
            labels=self.labels_column,
            values=self.value_columns,
            text=self.text_column,
            group=self.group_column,
            split=self.split_column,
            one_hot=self.one_hot_columns,
            multi_hot=self.multi_hot_columns,
            boxes=self.box_columns,
            targets=self.target_columns,
            separator=self.separator,
        )

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
        _check_counts(source, records, wrong)
        return Listing(
            records=[*records, *wrong],
            targets=_targets(source, records),
            notes=list(reader.notes()),
        )

    def watches(self) -> Sequence[Path]:
        return [path for _, _, path in _parts(self._source)]


def _check_counts(source: ImageList, records: Sequence[Record], wrong: Sequence[Record]) -> None:
    """Raises a DataError of a target of one class that has not at least two."""
    where = ", ".join(str(path) for _, _, path in _parts(source))
    own = [name for name, kind in source.target_columns.items() if kind == "class"]
    for name in (*own, *(["label"] if "label" in source.columns.makers else [])):
        found = {record.targets[name] for record in records}
        noun = "classes" if name == "label" else f"classes in '{name}'"
        check_class_count(found, where=where, noun=noun, wrong=wrong, of=len(records))


def _targets(source: ImageList, records: Sequence[Record]) -> Mapping[str, Target]:
    """Returns the targets of the columns: `label`, `labels`, `value`, `text`, and their own."""
    classes = source.classes or source.one_hot_columns or None
    several = source.labels_classes or source.multi_hot_columns or None
    makers: dict[str, Callable[[], Target]] = {
        "label": lambda: class_target(records, classes),
        "labels": lambda: multi_label_target(records, several),
        "value": lambda: value_target(records),
        "text": lambda: Text(),
        OBJECTS: lambda: box_target(records, source.classes, ()),
    }
    own: Mapping[Kind, Callable[[str], Target]] = {
        "class": lambda name: class_target(records, None, name),
        "classes": lambda name: multi_label_target(records, None, name),
        "value": lambda name: value_target(records, name),
        "text": lambda name: Text(),
    }
    makers |= {name: partial(own[kind], name) for name, kind in source.target_columns.items()}
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
        self._columns = source.columns
        self._records: dict[str, Record] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._unread: dict[str, None] = {}
        self._clipping = Clipping()

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
        for split, folder, path in self._parts:
            self._read(path, inside[folder], folder, split)
        return self._faults.sound([*self._records.values()]), self._faults.unsound()

    def notes(self) -> Iterator[str]:
        """Yields what no list names and nothing reads, once all are read."""
        if self._unread:
            yield f"columns that nothing reads: {shortened(self._unread, limit=20)}"
        yield from self._clipping.notes()
        folders = {start: folder for folder, start in self._prefixes.items()}
        for start, folder in folders.items():
            if any(start != other and start.startswith(other) for other in folders):
                continue  # what lies above it is reported as a whole
            tree = scan(folder)
            read = {key.removeprefix(start) for key in self._listed if key.startswith(start)}
            read |= {Path(os.path.relpath(path, folder)).as_posix() for _, _, path in self._parts}
            where = f"{folder}: " if len(folders) > 1 else ""
            yield from (f"{where}{note}" for note in tree.notes(tree.skipped(read)))

    def _read(self, path: Path, inside: Inside, folder: Path, split: str | None) -> None:
        """Reads the records of a list; takes note of the lines that are wrong."""
        entry, stated = None, partial(_stated, self._prefixes[folder], folder, inside)
        for entry in read_listing(path, self._columns, faults=self._faults, stated=stated):
            self._unread.update(dict.fromkeys(entry.unread))
            bare = stated(entry.image)
            with self._faults.collecting(f"{path}:{entry.line}", record=bare):
                image = _located(inside, entry)
                found = Record(
                    key=self._prefixes[folder] + image,
                    path=folder / image,
                    targets=entry.targets,
                    group=entry.group,
                    split=split or entry.split,
                )
                self._check_known(entry)
                self._add(self._placed(found), path, entry.line)
        if entry is None:
            self._faults.check()
            raise DataError(
                f"{path}: expected an image and its label a line, found no line. "
                "Fill the list or leave it out."
            )

    def _check_known(self, entry: Listed) -> None:
        source, targets = self._source, entry.targets
        single = [targets["label"]] if "label" in targets else []
        boxes = [each["label"] for each in targets.get(OBJECTS, ())]
        for option, known, names in (
            ("classes", source.classes, [*single, *boxes]),
            ("labels_classes", source.labels_classes, targets.get("labels", ())),
        ):
            unknown = [name for name in names if known is not None and name not in known]
            if unknown and known is not None:
                raise DataError(
                    f"expected one of the {len(known)} classes, found '{unknown[0]}'."
                    f"{did_you_mean(unknown[0], known)} Correct the line or add it to `{option}`."
                )

    def _placed(self, record: Record) -> Record:
        """Returns the record with boxes as shares of the image's sides."""
        boxes = record.targets.get(OBJECTS)
        if not boxes:
            return record
        source, size = self._source, self._size(record)
        placed = [
            to_shares(each, source.box_form, source.box_unit, size, self._clipping)
            for each in boxes
        ]
        return replace(record, targets={**record.targets, OBJECTS: placed})

    def _size(self, record: Record) -> tuple[int, int]:
        if record.key not in self._sizes and record.path is not None:
            try:
                self._sizes[record.key] = size_of(record.path.read_bytes())
            except (DataError, OSError) as error:
                raise DataError(f"expected the size of the image in it: {error}") from None
        return self._sizes[record.key]

    def _add(self, record: Record, path: Path, line: int) -> None:
        """Keeps a record; one of an image that was listed before is united with that."""
        other, before = self._listed.setdefault(record.key, (path, line))
        if (other, before) == (path, line):
            self._records[record.key] = record
            return
        adding = self._columns.of_several_rows
        if not adding or other != path:
            advice = "Remove one of the lines"
            if other == path and extension(path.name) != "txt":
                advice += ", or say which columns are boxes (box_columns) or several classes "
                advice += "(labels_column)"
            raise DataError(
                f"expected every image once, found '{record.key}' again, which {other}:{before} "
                f"lists. {advice}."
            )
        if record.key in self._records:  # else its first line is wrong, which is told
            self._records[record.key] = united(self._records[record.key], record, adding)


def _stated(prefix: str, folder: Path, inside: Inside, image: str) -> Record | None:
    """Returns the record of an image without its labels; None if it is no path."""
    with contextlib.suppress(DataError):
        path = normalized(image)
        with contextlib.suppress(DataError):
            path = inside.locate(image, IMAGE_EXTENSIONS)
        return Record(key=prefix + path, path=folder / path)
    return None


def _located(inside: Inside, entry: Listed) -> str:
    try:
        return inside.locate(entry.image, IMAGE_EXTENSIONS)
    except DataError as error:
        raise DataError(f"{error} Correct the line.") from None
