"""Images in class folders, with or without split folders above them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.classes import check_class_count, check_classes, class_names
from dsbuilder.layouts.faults import FEW
from dsbuilder.layouts.file_names import folder_names
from dsbuilder.layouts.folder.format import METADATA, depth_of, label_of
from dsbuilder.layouts.folder.signs import signs_of
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.tree import Tree, check_extensions
from dsbuilder.layouts.tree import scan as scan_tree
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    did_you_mean,
    source,
)
from dsbuilder.plugin.sources import told


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
    every one that holds an image has a split's name (train, training; validation, val, valid,
    dev; test, testing, eval, evaluation; in any case of letters) and `classes` does not name them
    all; otherwise they are classes. An image outside of every class folder is set aside. Hidden
    files and folders are passed over; other files are skipped, counted, and reported.

    The key of a record is its path below `path`. An export of dsbuilder has keys, classes in their
    order, and, in tables beside the images, texts and values, all of which are read. A class
    of `classes` without an image keeps its id and is reported; a folder without an image
    is no class.

    Attributes:
      path: the folder at the top.
      classes: class names in id order; by default the names found, sorted as text.
      extensions: extensions of image files, in any case of letters, without the dot.
      follow_links: whether a symbolic link to a folder is entered; otherwise it is skipped and
        reported. A link to a file is always read as the file.
    """

    path: Path
    classes: tuple[str, ...] | None = None
    extensions: tuple[str, ...] = IMAGE_EXTENSIONS
    follow_links: bool = False

    def __post_init__(self) -> None:
        check_classes(self.classes)
        check_extensions(self.extensions)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for images in class folders, and for what says more than folders do."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the folder.

        Raises (when it is listed):
          DataError: the folder is missing or empty, more than a few images lie outside of every
            class folder or in one that `classes` leaves out, a name is not valid UTF-8, or the
            sidecar is wrong. A few such images are records with an error.
        """
        return _FolderCatalog(self)


class _FolderCatalog(SourceCatalog[Folder]):
    def scan(self) -> Listing:
        source = self._source
        tree = scan_tree(source.path, follow_links=source.follow_links)
        stated = sidecar.read(source.path)
        if stated is not None and _has_tables(source, tree):
            from dsbuilder.layouts.imagefolder.reader import ImageFolder  # most folders need none

            return ImageFolder(path=source.path).open().scan()
        beside = frozenset() if stated is None else frozenset((sidecar.NAME,))
        scan = _Scan(tree=tree, images=tree.images(source.extensions), tables=beside)
        if not scan.images:
            raise DataError(_nothing_found(source, scan))
        depth = depth_of(scan.images, source.classes)
        wrong = {**_unknown(source, scan, depth), **_strays(source, scan, depth)}
        sound = [key for key in scan.images if key not in wrong]
        if len(wrong) > FEW * len(sound):
            raise DataError(told(list(wrong.values())))
        labels = {label_of(key, depth) for key in sound}
        name, kind = _target(source, labels, stated)
        named = _named(labels, kind, stated)
        found = [_record(source, key, depth, {name: named[label_of(key, depth)]}) for key in sound]
        found += [replace(_record(source, key, depth, {}), error=why) for key, why in wrong.items()]
        empty = _expected(source, scan, depth) - labels
        return Listing(
            records=found if stated is None else stated.keyed(found),
            targets={name: kind},
            notes=_notes(scan, sorted(named.get(each, each) for each in empty), depth),
        )

    def watches(self) -> Sequence[Path]:
        source = self._source
        tree = scan_tree(source.path, follow_links=source.follow_links)
        stated = sidecar.place(source.path)
        read = [stated.name, *_tables(tree)] if stated.is_file() else []
        return tree.below(source.path, read)


def _tables(tree: Tree) -> list[str]:
    return [path for path in tree.files if PurePosixPath(path).name == METADATA]


def _has_tables(source: Folder, tree: Tree) -> bool:
    """Whether an export says more than its folders do: then its tables say all of it."""
    return sidecar.at_defaults(source) and bool(_tables(tree))


def _target(
    source: Folder, labels: Collection[str], stated: sidecar.Sidecar | None
) -> tuple[str, ClassLabel]:
    """Returns name and kind of the target: as the options say, else as an export of ours does.

    Raises:
      DataError: nothing states the classes, and there is none.
    """
    if source.classes is None and stated is not None:
        for name, kind in stated.targets.items():
            if isinstance(kind, ClassLabel) and set(labels) <= {*folder_names(kind.names).values()}:
                return name, ClassLabel(names=kind.names)
    check_class_count(labels, where=str(source.path), noun="class folders")
    return "label", ClassLabel(names=class_names(labels, source.classes))


def _named(
    labels: Collection[str], kind: ClassLabel, stated: sidecar.Sidecar | None
) -> dict[str, str]:
    """Returns folder -> class; they differ where an export had to escape what no folder takes."""
    own = dict(zip(labels, labels, strict=True))
    if stated is None:
        return own
    return own | {folder: name for name, folder in folder_names(kind.names).items()}


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


def _record(source: Folder, key: str, depth: int, targets: Mapping[str, str]) -> Record:
    return Record(
        key=key,
        path=source.path / key,
        targets=targets,
        split=split_named(key.partition("/")[0]) if depth else None,
    )


def _strays(source: Folder, scan: _Scan, depth: int) -> dict[str, str]:
    """Returns what is wrong with images outside of every class folder, by key."""
    return {key: _stray(source, key) for key in scan.images if key.count("/") <= depth}


def _stray(source: Folder, key: str) -> str:
    message = (
        f"{source.path}: expected every image in a class folder, found '{key}' outside of one."
    )
    top, slash, _ = key.partition("/")
    if slash:
        return (
            f"{message} Move it to {top}/class/, or if '{top}' is a class, list all in `classes`."
        )
    return f"{message} Move it into a class folder."


def _unknown(source: Folder, scan: _Scan, depth: int) -> dict[str, str]:
    """Returns what is wrong with images of classes that `classes` does not name, by key."""
    known = frozenset(source.classes or ())
    found = {key: label_of(key, depth) for key in scan.images if known}
    return {
        key: (
            f"{source.path}: expected class folders named in `classes`, found "
            f"'{'/'.join(key.split('/')[: depth + 1])}'.{did_you_mean(label, known)} "
            "Add it to `classes` or move it away."
        )
        for key, label in found.items()
        if label not in known
    }


def _nothing_found(source: Folder, scan: _Scan) -> str:
    found = "".join(f"; {note}" for note in scan.notes)
    return (
        f"{source.path}: there are no images as class/image or split/class/image{found}. "
        f"Images end in {', '.join(source.extensions)}."
    )


def _expected(source: Folder, scan: _Scan, depth: int) -> set[str]:
    """Returns the class folders that are there, and those that `classes` names."""
    folders = {path.split("/")[depth] for path in scan.tree.folders if path.count("/") >= depth}
    return folders | set(source.classes or ())


def _notes(scan: _Scan, missing: Sequence[str], depth: int) -> list[str]:
    """Says what was skipped, and what a user may have meant otherwise.

    Args:
      missing: classes without an image.
    """
    notes = scan.notes
    if missing:
        notes.append(f"no image was found of {shortened(missing)}")
    if depth == 0:
        notes.append(_mixed_splits(scan))
    return [note for note in notes if note]


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
