"""Images with a metadata table beside them, as Hugging Face `imagefolder` has them."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.layouts import keys
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.layouts.imagefolder.rows import RowReader, roles_of
from dsbuilder.layouts.imagefolder.signs import guessed_options, tables_in
from dsbuilder.layouts.imagefolder.stated import stated_options
from dsbuilder.layouts.keyed import keyed
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.sides import sides
from dsbuilder.layouts.signature import SIGNATURE, stated_targets
from dsbuilder.layouts.splits import in_splits
from dsbuilder.layouts.tabled import (
    box_target,
    class_target,
    multi_label_target,
    targets_of,
    value_target,
)
from dsbuilder.layouts.tables import Table, read_table
from dsbuilder.layouts.tree import Tree, scan
from dsbuilder.paths import Inside
from dsbuilder.plugin import (
    DataError,
    Keypoints,
    Recognition,
    Record,
    Source,
    Target,
    Text,
    source,
)

_log = logging.getLogger(__name__)
_TRIED = 20
_MOST_TABLES = 20
_UNSURE = {
    "mask_classes": "a few masks",
    "mask_colors": "a few masks",
    "keypoint_names": "the first rows",
}
_OF_BOXES = ("bbox", "box", "label")
_OWN_MEANING = (imagefolder.FILE_NAME, "width", "height")


@source("imagefolder")
@dataclass(frozen=True, kw_only=True)
class ImageFolder(Source):
    """Reads images that a table beside them describes, as Hugging Face `imagefolder` does.

        path/
          train/
            metadata.jsonl    {"file_name": "1.jpg", "label": "cat", "text": "Tom asleep"}
            1.jpg             {"file_name": "in/2.jpg", "label": "dog", "text": "Rex"}
            in/2.jpg
          test/
            metadata.jsonl
            3.jpg

    Tables are called `metadata.csv`, `metadata.jsonl` or `metadata.parquet` (which needs pyarrow,
    the extra `parquet`), all of one kind, each with paths below its own folder. Folders with
    splits' names at the top are splits if every image lies in one. Where there are tables, the
    names of other folders say nothing, and an image without a row is skipped, counted, and reported
    in the log. For images in class folders alone there is the source `folder`.

    A column is read into the target that an option names. Those of the default names are read if
    they are there, those that you name must be there, and null reads none. Columns that nothing
    reads are reported in the log. The key of a record is its path below `path`, or what
    the `keys.csv` of an export says.

    Attributes:
      path: the folder at the top.
      label_column: the class. Where `classes` are given, a number that is none of them is an id.
      labels_column: several classes, a list, or a text with `separator` between them.
      value_columns: a number or a list of numbers; of several columns, each one number.
      text_column: a text.
      objects_column: boxes, as lists `bbox` ([x, y, width, height] in pixels) and `categories`.
        Pixels are turned into shares of the sides by columns `width` and `height` if they are
        there, else by the header of the image.
      keypoints_column: of each object a list, x, y (pixels) and visibility (0, 1, 2) of each point.
      mask_column: name of the mask's image column: its paths stand in the column `mask_file_name`
        for the name mask.
      group_column: records of one group never end in two splits; an empty cell names none.
      split_column: the split, in place of the folders.
      separator: what stands between several classes in a text.
      classes: names of classes in id order; by default those found, sorted as text.
      labels_classes, object_classes: the same of `labels_column` and of boxes.
      mask_classes: the same of masks. Without `mask_colors` the stored values are the ids; one of
        the two is needed where there is a mask.
      mask_colors: color or stored value of masks -> class, such as {'#ff0000': road}.
      ignore: the color or the stored value of masks that is of no class, such as 255.
      attributes: further lists of `objects` that are kept with each box.
      keypoint_names: the points of an object in their order; needed where there are keypoints.
      keypoint_swaps: pairs of these that change places when an image is mirrored; by default those
        whose names differ in left and right.
      keypoint_edges: pairs between which a line is drawn.
    """

    path: Path
    label_column: str | None = "label"
    labels_column: str | None = "labels"
    value_columns: tuple[str, ...] = ("value",)
    text_column: str | None = "text"
    objects_column: str | None = "objects"
    keypoints_column: str | None = "keypoints"
    mask_column: str | None = "mask"
    group_column: str | None = None
    split_column: str | None = None
    separator: str = ","
    classes: tuple[str, ...] | None = None
    labels_classes: tuple[str, ...] | None = None
    object_classes: tuple[str, ...] | None = None
    mask_classes: tuple[str, ...] | None = None
    mask_colors: Mapping[str, str] | None = None
    ignore: str | None = None
    attributes: tuple[str, ...] = ()
    keypoint_names: tuple[str, ...] | None = None
    keypoint_swaps: tuple[tuple[str, str], ...] | None = None
    keypoint_edges: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if not self.separator.strip():
            raise ValueError("separator: expected a character such as ',', found none.")
        if self.mask_classes or self.mask_colors:
            _ = self.mask_names
        taken = [name for name in self.attributes if name in _OF_BOXES]
        if taken:
            raise ValueError(f"attributes: expected others than a box itself, found '{taken[0]}'.")

    @property
    def mask_names(self) -> MaskNames:
        """What the options say of the values in masks."""
        return MaskNames(classes=self.mask_classes, colors=self.mask_colors, ignore=self.ignore)

    @property
    def _keypoints(self) -> Keypoints:
        names, swaps = self.keypoint_names or (), self.keypoint_swaps
        return Keypoints(
            names=names,
            swaps=sides(names) if swaps is None else swaps,
            edges=self.keypoint_edges,
        )

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Says whether a table that describes images lies there, and which of its columns say what.

        A few masks are opened, since their values alone say how many classes there are.
        """
        seen = glance(folder)
        found = tables_in(seen)
        if not found:
            names = ", ".join(imagefolder.TABLES)
            return Recognition(certainty=0, reason=f"no table called {names} lies in it")
        try:
            return _recognised(folder, found, seen)
        except (DataError, OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            return Recognition(certainty=0, reason=f"{shortened(found)} cannot be read: {reason}")

    def records(self) -> Iterator[Record]:
        """Yields a record for every row, in the order of the tables.

        Raises:
          DataError: there is no table, a row is malformed, names a file that is not there or lies
            outside, or an image twice; of these errors all are told at once, up to a limit.
        """
        tree = scan(self.path)
        faults = Faults()
        paths = _table_paths(self, tree)
        tables = {path: read_table(self.path / path, faults) for path in paths}
        known = keys.read(self.path)
        reader = _Reader(self, tables, faults, read_files={*known.files, SIGNATURE})
        records = reader.read()
        faults.check()
        if not records:
            raise DataError(f"{self.path}: expected a row for every image, found none in all.")
        if "label" in records[0].targets:
            found = {record.targets["label"] for record in records}
            check_class_count(found, where=str(self.path), noun="classes")
        _report(self, tree, reader)
        return iter(keyed(records if self.split_column else in_splits(records), known))

    def watches(self) -> Sequence[Path]:
        """Returns every folder at or below `path`, and the tables."""
        tree = scan(self.path)
        return tree.below(self.path, [*_table_paths(self, tree), *keys.read(self.path).files])

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns the targets that the columns make."""
        makers: Mapping[str, Callable[[], Target]] = {
            "label": lambda: class_target(records, self.classes),
            "labels": lambda: multi_label_target(records, self.labels_classes),
            "value": lambda: value_target(records),
            "text": lambda: Text(),
            "mask": lambda: self.mask_names.target,
            "objects": lambda: box_target(records, self.object_classes, self.attributes),
            "keypoints": lambda: self._keypoints,
        }
        return targets_of(records, makers)


def _recognised(folder: Path, found: Sequence[str], seen: Glance) -> Recognition:
    """Reads the tables, up to a limit, and the first rows of the first one as a build would."""
    faults = Faults()
    tables = {path: read_table(folder / path, faults) for path in found[:_MOST_TABLES]}
    faults.check()
    stated = stated_targets(folder)
    columns = list(dict.fromkeys(name for each in tables.values() for name in each.columns))
    options = stated_options(stated, columns) if stated else guessed_options(folder, tables)
    source = ImageFolder(**{"path": folder, **options})  # type: ignore[arg-type]
    first = next((path for path, table in tables.items() if table.rows), found[0])
    some = {
        path: Table(columns=each.columns, rows=each.rows[:_TRIED] if path == first else ())
        for path, each in tables.items()
    }
    reader = _Reader(source, some, faults)
    records = reader.read()
    faults.check()
    names = ", ".join(records[0].targets) if records else "nothing"
    count = seen.count(len(tables[first].rows), "row")
    comments = {"path": f"targets: {names}"}
    if reader.unread:
        comments["path"] += f"; columns that nothing reads: {shortened(reader.unread)}"
    for option, shown in _UNSURE.items():
        if option in options and not stated:
            comments[option] = f"as far as {shown} show; give them their names"
    return Recognition(
        certainty=0.95 if records else 0.0,
        reason=f"{shortened(found)} with {count} in the first: {names}",
        options={"path": ".", **options},
        comments=comments,
    )


def _table_paths(source: ImageFolder, tree: Tree) -> list[str]:
    """Returns the path of every table below the top folder."""
    found = [path for path in tree.files if PurePosixPath(path).name in imagefolder.TABLES]
    if not found:
        raise DataError(
            f"{source.path}: expected a table called {', '.join(imagefolder.TABLES[:-1])} or "
            f"{imagefolder.TABLES[-1]}, found none. For class folders use the source folder."
        )
    kinds = sorted({PurePosixPath(path).suffix for path in found})
    if len(kinds) > 1:
        raise DataError(
            f"{source.path}: expected tables of one kind, found {shortened(found)}. "
            f"Remove those that are not wanted; one of {', '.join(kinds)} may stay."
        )
    return found


@dataclass
class _Reader:
    """Reads the rows of all tables, and remembers where every image was listed.

    Attributes:
      unread: columns that nothing reads, and `column.key` of what nothing reads of boxes.
      read_files: everything below the top folder that was read or is a target's.
    """

    source: ImageFolder
    tables: Mapping[str, Table]
    faults: Faults
    unread: list[str] = field(default_factory=list)
    read_files: set[str] = field(default_factory=set)
    _listed: dict[str, str] = field(default_factory=dict)

    def read(self) -> list[Record]:
        columns = list(dict.fromkeys(c for table in self.tables.values() for c in table.columns))
        if not any(table.rows for table in self.tables.values()):
            return []
        roles = roles_of(self.source, columns)
        self.unread = [each for each in columns if each not in {*roles.columns, *_OWN_MEANING}]
        self.read_files.update(self.tables)
        keys: set[str] = set()
        records: list[Record] = []
        for path, table in self.tables.items():
            folder = path[: path.rfind("/") + 1]
            inside = Inside(self.source.path / folder)
            for row in table.rows:
                with self.faults.collecting(f"{self.source.path / path}:{row.line}"):
                    record = RowReader(self.source, roles, folder, inside, row, keys).record()
                    records.append(self._once(record, f"{path}:{row.line}"))
        self.unread += [f"{roles.single['objects']}.{key}" for key in sorted(keys)]
        return records

    def _once(self, record: Record, place: str) -> Record:
        other = self._listed.setdefault(record.key, place)
        if other != place:
            raise DataError(
                f"expected every image once, found '{record.key}' again, which {other} lists. "
                "Remove one of the rows."
            )
        self.read_files.add(record.key)
        self.read_files.update(
            path.relative_to(self.source.path).as_posix() for path in record.files
        )
        return record


def _report(source: ImageFolder, tree: Tree, reader: _Reader) -> None:
    """Logs what was not read."""
    images = [path for path in tree.images() if path not in reader.read_files]
    skipped = tree.skipped(reader.read_files | set(images))
    notes = tree.notes(skipped + Counter({"images without a row": len(images)}))
    if reader.unread:
        notes.append(f"columns that nothing reads: {shortened(reader.unread, limit=20)}")
    for note in notes:
        _log.warning("%s: %s.", source.path, note)
