"""Images with a metadata table beside them, as Hugging Face `imagefolder` has them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.boxes import sides
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
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.layouts.imagefolder.columns import Roles, columns_of, roles_of
from dsbuilder.layouts.imagefolder.rows import TableReader
from dsbuilder.layouts.imagefolder.signs import signs_of
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.splits import in_splits
from dsbuilder.layouts.tables import read_table
from dsbuilder.layouts.tree import Tree, scan
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Keypoints,
    Listing,
    Record,
    Signs,
    Source,
    Target,
    Text,
    source,
)

_OF_BOXES = ("bbox", "box", "label")


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
    names of other folders say nothing, and an image without a row is skipped, counted, and
    reported. For images in class folders alone there is the source `folder`.

    A column is read into the target that an option names. Those of the default names are read if
    they are there, those that you name must be there, and null reads none. Columns that nothing
    reads are reported. An export of dsbuilder needs no option but `path`: its targets are those
    that its sidecar states, unless an option is set. The key of a record is its path below `path`,
    or what the sidecar says.

    Attributes:
      path: the folder at the top.
      label_column: column of the class. Where `classes` are given, a number that is none of them is
        an id.
      labels_column: column of several classes, a list, or a text with `separator` between them.
      value_columns: column of a number or a list of numbers, or several of one number each.
      text_column: column of a text.
      objects_column: column of boxes, as lists `bbox` ([x, y, width, height] in pixels) and
        `categories`. Pixels are turned into shares of the sides by columns `width` and `height` if
        they are there, else by the header of the image.
      keypoints_column: column with a list for each object, x, y (pixels) and visibility (0, 1, 2)
        of each point.
      mask_column: name of the mask's image column: its paths stand in the column `mask_file_name`
        for the name mask.
      group_column: column that groups records; those of one group never end in two splits, and an
        empty cell names none.
      split_column: column of the split, in place of the folders.
      separator: what stands between several classes in a text.
      classes: names of classes in id order; by default those found, sorted as text.
      labels_classes: class names of `labels_column` in id order; by default those found.
      object_classes: class names of boxes in id order; by default those found.
      mask_classes: class names of masks in id order. Without `mask_colors` the stored values are
        the ids; one of the two is needed where there is a mask.
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
            raise ValueError("separator: a character is needed, such as ','.")
        if self.mask_classes or self.mask_colors:
            _ = self.mask_names
        taken = [name for name in self.attributes if name in _OF_BOXES]
        if taken:
            raise ValueError(f"attributes: expected others than a box itself, found '{taken[0]}'.")

    @property
    def mask_names(self) -> MaskNames:
        """What the options say of the values in masks."""
        return MaskNames(classes=self.mask_classes, colors=self.mask_colors, ignore=self.ignore)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for tables that describe images, and which of their columns say what.

        A few masks are opened, since their values alone say how many classes there are.
        """
        return signs_of(folder, cls)

    def open(self) -> Catalog:
        """Returns the catalog of the tables.

        Raises (when it is listed):
          DataError: there is no table, or its columns are not those that options name. A row that
            is malformed, names a file that is not there or lies outside, or an image twice is a
            record with an error.
        """
        return _ImageFolderCatalog(self)


class _ImageFolderCatalog(SourceCatalog[ImageFolder]):
    def scan(self) -> Listing:
        source = self._source
        tree = scan(source.path)
        faults = Faults(root=source.path)
        paths = _table_paths(source, tree)
        tables = {path: read_table(source.path / path, faults) for path in paths}
        if not any(table.rows for table in tables.values()):
            faults.check()
            raise DataError(f"{source.path}: the tables have no rows. Add one for every image.")
        stated = sidecar.read(source.path)
        roles = roles_of(source, columns_of(tables), stated)
        reader = TableReader(root=source.path, tables=tables, roles=roles, faults=faults)
        records = faults.sound(reader.read())
        wrong = faults.unsound()
        targets = _targets(source, roles, records, wrong)
        if stated is not None:
            reader.read_files.add(sidecar.NAME)
        records += wrong
        split = records if source.split_column else in_splits(records)
        return Listing(
            records=split if stated is None else stated.keyed(split),
            targets=targets,
            notes=_notes(tree, reader),
        )

    def watches(self) -> Sequence[Path]:
        source = self._source
        tree = scan(source.path)
        stated = sidecar.place(source.path)
        beside = [stated.name] if stated.is_file() else []
        return tree.below(source.path, [*_table_paths(source, tree), *beside])


def _targets(
    source: ImageFolder, roles: Roles, records: Sequence[Record], wrong: Sequence[Record]
) -> Mapping[str, Target]:
    """Returns the targets that the columns make: stated ones, or as options and cells say.

    Args:
      wrong: records that cannot be read.
    """
    if roles.stated is not None:
        return roles.stated
    names, swaps = source.keypoint_names or (), source.keypoint_swaps
    pairs = sides(names) if swaps is None else swaps
    makers: Mapping[str, Callable[[], Target]] = {
        "label": lambda: class_target(records, source.classes),
        "labels": lambda: multi_label_target(records, source.labels_classes),
        "value": lambda: value_target(records),
        "text": lambda: Text(),
        "mask": lambda: source.mask_names.target,
        "objects": lambda: box_target(records, source.object_classes, source.attributes),
        "keypoints": lambda: Keypoints(names=names, swaps=pairs, edges=source.keypoint_edges),
    }
    if "label" in records[0].targets:
        found = {record.targets["label"] for record in records}
        where = str(source.path)
        check_class_count(found, where=where, noun="classes", wrong=wrong, of=len(records))
    return targets_of(records, makers)


def _table_paths(source: ImageFolder, tree: Tree) -> list[str]:
    """Returns the path of every table below the top folder."""
    found = [path for path in tree.files if PurePosixPath(path).name in imagefolder.TABLES]
    if not found:
        raise DataError(
            f"{source.path}: there is no table called {', '.join(imagefolder.TABLES[:-1])} or "
            f"{imagefolder.TABLES[-1]}. For class folders use the source folder."
        )
    kinds = sorted({PurePosixPath(path).suffix for path in found})
    if len(kinds) > 1:
        raise DataError(
            f"{source.path}: expected tables of one kind, found {shortened(found)}. "
            f"Remove those that are not wanted; one of {', '.join(kinds)} may stay."
        )
    return found


def _notes(tree: Tree, reader: TableReader) -> list[str]:
    """Says what was not read."""
    images = [path for path in tree.images() if path not in reader.read_files]
    skipped = tree.skipped(reader.read_files | set(images))
    notes = tree.notes(skipped + Counter({"images without a row": len(images)}))
    if reader.unread:
        notes.append(f"columns that nothing reads: {shortened(reader.unread, limit=20)}")
    return notes + reader.clipping.notes()
