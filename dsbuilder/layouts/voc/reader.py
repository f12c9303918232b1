"""Pascal VOC sets: an XML file of boxes for every image, lists of splits, masks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsbuilder.errors import shortened, tallied
from dsbuilder.images import encoding
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.splits import in_splits, split_named
from dsbuilder.layouts.tree import extension, scan
from dsbuilder.layouts.voc import format as voc
from dsbuilder.layouts.voc.format import Corners
from dsbuilder.layouts.voc.signs import signs_of
from dsbuilder.layouts.voc.targets import targets_of
from dsbuilder.paths import normalized
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    Target,
    did_you_mean,
    source,
)


@source("voc")
@dataclass(frozen=True, kw_only=True)
class Voc(Source):
    """Reads boxes and masks of Pascal VOC sets.

        path/
          Annotations/a.xml                 objects with name, bndbox, difficult, truncated
          ImageSets/Main/train.txt          names without extension, a line each; val, test as well
          JPEGImages/a.jpg
          SegmentationClass/a.png           palette index = class id, 255 = does not count
          labelmap.txt                      name:red,green,blue::, where classes are not VOC's own

    Corners are pixels that belong to the box, counted from 1, as the development kit has them. A
    set that shows a corner at 0 is read as one that counts from 0, and one that then also shows a
    corner at the width or height, which is no pixel counted so, as one of edges; both are noted. A
    box of which at least half lies in the image is cut at its edge and, beyond a rounding error (2
    pixels or 0.01), noted; an object that is there twice counts once, and lines of lists that begin
    with `#` do not count. An image without an XML file has no objects.
    Without lists all images are read, and folders with splits' names at the top are splits.
    Images of no list, parts of objects, and other files are skipped, counted, and reported. The key
    of a record is its path below `path`; targets are `objects`, with the attributes `difficult` and
    `truncated`, and `mask`. Beside an export of ours, `dsbuilder.json` says keys, names of targets,
    classes and ids, unless `classes` are given.

    Attributes:
      path: the folder at the top.
      objects: whether boxes are read.
      mask: whether masks are; then lists are by default those of `ImageSets/Segmentation`.
      classes: class names in id order, without the background; by default those of `labelmap.txt`,
        else the names found, sorted as text, and VOC's own 20 for masks.
      images, annotations: folders below `path`; `.` for both where they lie side by side.
      lists: the folder of `ImageSets` with the lists of splits; by default `Main`.
      corners: what corners count: pixels `from_1` or `from_0`, or `edges`, the distance from the
        image's own; by default as the boxes of the set show.
    """

    path: Path
    objects: bool = True
    mask: bool = False
    classes: tuple[str, ...] | None = None
    images: str = voc.IMAGES
    annotations: str = voc.ANNOTATIONS
    lists: str | None = None
    corners: Corners | None = None

    def __post_init__(self) -> None:
        if not self.objects and not self.mask:
            raise ValueError("expected 'objects' or 'mask' to be true, found neither. Set one.")
        if self.classes is not None and len(set(self.classes)) != len(self.classes or "x"):
            raise ValueError(f"classes: expected names, each once, found {list(self.classes)}.")

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for XML files that annotate images, and at some of them."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the images of the lists, in their order.

        Raises (when it is listed):
          DataError: no image has an XML file, or the sidecar or `labelmap.txt` is wrong. An image
            that a list names and that is not there or in another list, whose name another has, or
            whose XML file, mask or class is wrong, is a record with an error.
        """
        return VocCatalog(self)


class VocCatalog(SourceCatalog[Voc]):
    """The images of a VOC set."""

    def scan(self) -> Listing:
        """Reads the lists and every XML file once."""
        return _VocReader(self._source).listing()

    def watches(self) -> Sequence[Path]:
        """Returns the folders, and all files that say something of images."""
        tree = scan(self._source.path)
        return tree.below(self._source.path, tree.others())


@dataclass
class _VocCounts:
    """What a user may have meant otherwise.

    Attributes:
      bare: keys of the images without an XML file.
      repeated: number of objects that were there again.
      parts: number of parts of objects.
      unread: number of elements that nothing reads, by tag.
      remarks: number of lines of lists that begin with `#`.
      corners: what corners count, where it is not pixels from 1 on.
      clipping: counts the boxes that are cut at the edge.
    """

    bare: list[str] = field(default_factory=list)
    repeated: int = 0
    parts: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    remarks: int = 0
    corners: Corners | None = None
    clipping: Clipping = field(default_factory=Clipping)

    def notes(self) -> list[str]:
        notes = []
        if self.bare:
            have = "1 image has" if len(self.bare) == 1 else f"{len(self.bare)} images have"
            notes.append(f"{have} no XML file, hence no objects: {shortened(self.bare)}")
        if self.repeated:
            notes.append(f"objects that are there twice count once: {self.repeated} left out")
        if self.parts:
            notes.append(f"parts of objects are not read: {self.parts} left out")
        if self.unread:
            notes.append(f"elements that nothing reads: {tallied(self.unread)}")
        if self.remarks:
            notes.append(f"lines of lists that begin with # are not read: {self.remarks} left out")
        if self.corners:
            what = "edges" if self.corners == "edges" else "pixels from 0 on"
            notes.append(f"corners are read as {what}, as one at 0 shows; `corners` says otherwise")
        return notes + self.clipping.notes()


class _VocReader:
    """Reads one set, and remembers what of the folder was read."""

    def __init__(self, source: Voc) -> None:
        self._source = source
        self._path = source.path
        self._tree = scan(source.path)
        self._files = frozenset(self._tree.files)
        self._stated = sidecar.read(source.path)
        self._known = targets_of(source.path, source.classes, self._stated)
        beside = [] if self._stated is None else [sidecar.NAME]
        self._read = {*beside, *self._known.files}
        self._counts = _VocCounts()
        self._faults = Faults(root=source.path)
        self._annotations: dict[str, voc.VocAnnotation | DataError] = {}
        self._corners: Corners = "from_1"
        self._images = self._named(_start(source.images))

    def listing(self) -> Listing:
        lists = self._lists()
        names = self._listed(lists) if lists else dict.fromkeys(self._images)
        if self._source.objects:
            self._read_annotations(names)
        records = []
        for name, split in names.items():
            bare = replace(self._bare(name), split=split)
            with self._faults.collecting(record=bare):
                records.append(self._record(name, bare))
        records = self._faults.sound(records)
        if self._source.objects and len(self._counts.bare) == len(records):
            raise DataError(
                f"{self._path}: no XML file is in '{self._source.annotations}' for any of "
                f"{len(records)} images. Say where with `annotations`, or set objects: "
                "false."
            )
        targets = self._targets(records)
        records += self._faults.unsound()
        records = records if lists else in_splits(records)
        return Listing(
            records=records if self._stated is None else self._stated.keyed(records),
            targets=sidecar.in_order(self._stated, targets),
            notes=[*self._tree.notes(self._tree.skipped(self._read)), *self._counts.notes()],
        )

    def _targets(self, records: Sequence[Record]) -> dict[str, Target]:
        known = self._known
        found: dict[str, Target] = {}
        if self._source.objects:
            seen = {each["label"] for record in records for each in record.targets[known.box_name]}
            names = known.boxes.names or tuple(sorted(seen))
            found[known.box_name] = replace(known.boxes, names=names)
        if self._source.mask:
            found[known.mask_name] = known.mask
        return found

    def _named(self, start: str) -> dict[str, str]:
        """Returns the path of every image by its name, which is without folder and extension."""
        images: dict[str, str] = {}
        for path in self._tree.images():
            if path.startswith(start):
                other = images.setdefault(path[len(start) :].rpartition(".")[0], path)
                if other != path:
                    message = (
                        f"expected one image of a name, found '{other}' and '{path}'. Rename or "
                        "remove one."
                    )
                    bare = Record(key=other, path=self._path / other)
                    self._faults.add(str(self._path), message, bare)
        if not images:
            raise DataError(
                f"{self._path}: there are no images in '{start or '.'}'. "
                "Check the path, or say where with `images`."
            )
        return images

    def _lists(self) -> dict[str, str | None]:
        """Returns the lists of images, those of a split first -> the split they name, or None."""
        folders = ("Segmentation", "Main") if self._source.mask else ("Main", "Segmentation")
        for folder in [self._source.lists] if self._source.lists else folders:
            start = f"{voc.LISTS}/{folder}/"
            found = [path for path in self._tree.files if path.startswith(start)]
            lists = {path: path[len(start) : -4] for path in found if extension(path) == "txt"}
            whole = {path: split_named(stem) for path, stem in lists.items() if _is_whole(stem)}
            if whole:
                return dict(sorted(whole.items(), key=lambda each: (each[1] is None, each[0])))
        if self._source.lists:
            raise DataError(
                f"{self._path}: there are no lists such as {voc.LISTS}/{self._source.lists}/"
                "train.txt. Correct `lists`."
            )
        return {}

    def _listed(self, lists: Mapping[str, str | None]) -> dict[str, str | None]:
        """Returns the split of every image that a list names."""
        splits: dict[str, str | None] = {}
        for path, split in lists.items():
            self._read.add(path)
            for number, line in voc.read_image_set(self._path / path):
                if line.lstrip().startswith("#") and self._found(line) is None:
                    self._counts.remarks += 1
                    continue
                where, found = f"{self._path / path}:{number}", self._found(line)
                bare = None if found is None else self._bare(found)
                with self._faults.collecting(where, "Correct the line.", record=bare):
                    name = self._name(line)
                    other = splits.setdefault(name, split)
                    if split is not None and other != split:
                        raise DataError(
                            f"expected every image in one split, found '{name}' also in {other}."
                        )
        if not splits:
            self._faults.check()
            raise DataError(f"{self._path}: there are no names of images in {shortened(lists)}.")
        return splits

    def _found(self, line: str) -> str | None:
        """Returns the name of the image that a line of a list is; None if there is none."""
        names = (line, line.strip(), voc.without_flag(line))
        return next((name for name in names if name in self._images), None)

    def _bare(self, name: str) -> Record:
        """Returns the record of an image without its labels."""
        return Record(key=self._images[name], path=self._path / self._images[name])

    def _name(self, line: str) -> str:
        name = self._found(line)
        if name is None:
            raise DataError(
                f"expected an image of '{self._source.images}', found no '{line.strip()}'."
            )
        return name

    def _record(self, name: str, bare: Record) -> Record:
        self._read.add(bare.key)
        known = self._known
        targets: dict[str, Any] = {}
        files: tuple[Path, ...] = ()
        size: voc.Size | None = None
        if self._source.objects:
            targets[known.box_name], size = self._objects(name, bare.key)
        if self._source.mask:
            files = (self._mask(name),)
            values = {} if known.values is None else {"values": known.values}
            targets[known.mask_name] = {"path": str(files[0]), **values}
        return replace(bare, targets=targets, files=files, size=size)

    def _place(self, name: str) -> str:
        return f"{_start(self._source.annotations)}{name}.xml"

    def _read_annotations(self, names: Iterable[str]) -> None:
        """Reads every XML file, since all boxes together show what their corners count."""
        for place in filter(self._files.__contains__, map(self._place, names)):
            try:
                self._annotations[place] = voc.read(self._path / place)
            except DataError as error:
                self._annotations[place] = error
        if self._source.corners is not None:
            self._corners = self._source.corners
        elif self._stated is None:
            read = (each for each in self._annotations.values() if not isinstance(each, DataError))
            self._corners = voc.shown_corners(read)
            if self._corners != "from_1":
                self._counts.corners = self._corners

    def _objects(self, name: str, key: str) -> tuple[list[dict[str, Any]], voc.Size | None]:
        """Returns the objects of an image, and the size that their file states."""
        place = self._place(name)
        if place not in self._files:
            self._counts.bare.append(key)
            return [], None
        self._read.add(place)
        path = self._path / place
        annotation = self._annotations[place]
        if isinstance(annotation, DataError):
            raise annotation
        self._counts.repeated += annotation.repeated
        self._counts.parts += annotation.parts
        self._counts.unread.update(annotation.unread)
        size = annotation.size
        if size is None and annotation.objects:
            size = self._measured(key)
        found = [self._object(path, each, size or (1, 1)) for each in annotation.objects]
        return found, annotation.size

    def _measured(self, key: str) -> voc.Size:
        try:
            return encoding.size((self._path / key).read_bytes())
        except DataError as error:
            raise DataError(f"{self._path / key}: expected a size in its header: {error}") from None

    def _object(self, path: Path, each: voc.VocObject, size: voc.Size) -> dict[str, Any]:
        classes = self._known.boxes.names
        if classes and each.name not in classes:
            raise DataError(
                f"{path}:{each.line}: expected one of the {len(classes)} classes, found "
                f"'{each.name}'.{did_you_mean(each.name, classes)}"
            )
        try:
            corners = box.from_corners(each.edges(self._corners), size, self._counts.clipping)
        except DataError as error:
            raise DataError(f"{path}:{each.line}: {error} Correct the box.") from None
        attributes = {name: each.attributes[name] for name, _ in self._known.boxes.attributes}
        return {"label": each.name, "box": corners, **attributes}

    def _mask(self, name: str) -> Path:
        place = f"{voc.MASKS}/{name}.png"
        if place not in self._files:
            raise DataError(
                f"{self._path}: expected a mask of '{name}', found no '{place}'. Add it, or say "
                "with `lists` which images have one."
            )
        self._read.add(place)
        return self._path / place


def _start(folder: str) -> str:
    """Returns what paths below a folder begin with."""
    return "" if folder in ("", ".", "./") else f"{normalized(folder)}/"


def _is_whole(stem: str) -> bool:
    """Whether a list of this name holds all images of a split, and not those of one class."""
    word = stem.rpartition("_")[2]
    return stem == word or (split_named(word) is None and word != "trainval")
