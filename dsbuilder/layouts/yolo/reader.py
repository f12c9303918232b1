"""YOLO sets of boxes, polygons or keypoints: images, label files, and `data.yaml`."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dsbuilder.errors import shortened
from dsbuilder.images import encoding, polygon
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import lines, read_text
from dsbuilder.layouts.tree import Tree, extension, scan
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import YoloObject
from dsbuilder.layouts.yolo.signs import signs_of
from dsbuilder.layouts.yolo.targets import Polygons, targets_of
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    source,
)

Split = Literal["train", "validation", "test"]

_HERE = ("", ".", "./")


@source("yolo")
@dataclass(frozen=True, kw_only=True)
class Yolo(Source):
    """Reads boxes, polygons and keypoints of YOLO label files, as Ultralytics lays them out.

        path/                      labels/train/a.txt
          data.yaml                  0 0.5 0.5 0.25 0.1
          images/train/a.jpg         1 0.3 0.2 0.1 0.1
          labels/train/a.txt

    `data.yaml` has the classes under `names` and, under `train`, `val` and `test`, folders of
    images at any depth or text files that list them. The label of an image lies where `labels`
    stands for the last folder called `images`, else beside it; an image without one has no
    objects, and is noted. A line is `class x_center y_center width height` as shares
    of the image's sides; a box of which at least half lies in the image is cut at its edge and,
    beyond a rounding error (0.01), noted, and a line that is there twice counts once.

    Of a segmentation set, whose lines are `class x1 y1 x2 y2 x3 y3 ...`, the option `polygons` says
    what is read. Of a pose set, whose `data.yaml` has `kpt_shape`, the points that follow each box
    are the target `keypoints`, called as `kpt_names` says, and those that `flip_idx` pairs change
    places in a mirrored image. A point without a visibility is absent at 0, 0 and else visible.

    A place that begins with `../`, as Roboflow writes, counts as if it did not; the key `path` of
    `data.yaml` is followed only if it leads to a folder below. The key of a record is its path
    below `path`; boxes are the target `objects`. Beside an export of ours, `dsbuilder.json` says
    keys, names of targets, and what of these YOLO has no place for.

    Attributes:
      path: the folder of `data.yaml`.
      data: the name of that file; by default `data.yaml`, or the only `.yaml` file there.
      only: the splits that are read; by default all that `data.yaml` names.
      polygons: what becomes of polygons: `boxes`, those around them; `mask`, the target `mask`, in
        which smaller ones cover larger ones and the class 0 is background; `both`; or `instances`,
        the target of that name, a mask for each with the box around it. For masks every line must
        be a polygon, and the header of every image is read for its size.
    """

    path: Path
    data: str | None = None
    only: tuple[Split, ...] | None = None
    polygons: Polygons = "boxes"

    def __post_init__(self) -> None:
        if self.only is not None and not self.only:
            raise ValueError("only: at least one is needed, such as train.")

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for a YAML file with `names` and places of images, and for label files."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the images of the splits, in the order of `data.yaml`.

        Raises (when it is listed):
          DataError: `data.yaml` is missing or wrong, a place lies outside or holds no image, no
            image has a label file, or the sidecar is wrong. An image that is missing of a list, in
            two splits, or whose label file has a wrong line, is a record with an error.
        """
        return YoloCatalog(self)


class YoloCatalog(SourceCatalog[Yolo]):
    """The images of a YOLO set."""

    def scan(self) -> Listing:
        """Reads `data.yaml` and every label file once."""
        return _YoloReader(self._source).listing()

    def watches(self) -> Sequence[Path]:
        """Returns the folders, and all files that say something of images."""
        tree = scan(self._source.path)
        return tree.below(self._source.path, tree.others())


def _data_file(source: Yolo, tree: Tree) -> Path:
    if source.data is not None:
        return source.path / Inside(source.path).locate(source.data)
    found = [path for path in tree.files if "/" not in path and extension(path) in yolo.YAML]
    if "data.yaml" in found or len(found) == 1:
        return source.path / ("data.yaml" if "data.yaml" in found else found[0])
    if not found:
        raise DataError(f"{source.path}: there is no data.yaml. Check the path.")
    raise DataError(
        f"{source.path}: expected data.yaml, found {shortened(found)}. Say which with `data`."
    )


@dataclass
class _YoloCounts:
    """What a user may have meant otherwise.

    Attributes:
      bare: keys of the images without a label file.
      repeated: number of lines that said the same as one before.
      listed_twice: number of images that a list names again.
      outlined: number of polygons of which boxes were made.
      clipping: counts the boxes that are cut at the edge.
    """

    bare: list[str] = field(default_factory=list)
    repeated: int = 0
    listed_twice: int = 0
    outlined: int = 0
    clipping: Clipping = field(default_factory=Clipping)

    def notes(self) -> list[str]:
        notes = []
        if self.bare:
            have = "1 image has" if len(self.bare) == 1 else f"{len(self.bare)} images have"
            notes.append(f"{have} no label file, hence no objects: {shortened(self.bare)}")
        if self.repeated:
            notes.append(f"boxes that are there twice count once: {self.repeated} left out")
        if self.outlined:
            notes.append(
                f"polygons that are read as the boxes around them: {self.outlined}; `polygons` "
                "says otherwise"
            )
        if self.listed_twice:
            notes.append(f"images that are listed twice count once: {self.listed_twice} left out")
        return notes + self.clipping.notes()


class _YoloReader:
    """Reads one set, and remembers what of the folder was read."""

    def __init__(self, source: Yolo) -> None:
        self._path = source.path
        self._tree = scan(source.path)
        self._files = frozenset(self._tree.files)
        self._folders = frozenset(self._tree.folders)
        self._inside = Inside(source.path)
        self._data_path = _data_file(source, self._tree)
        self._data = yolo.read_data(self._data_path)
        if self._data.pose is not None and source.polygons != "boxes":
            raise DataError(
                f"{self._data_path}: expected no kpt_shape where polygons are read, found one. "
                "Remove the option `polygons`."
            )
        self._splits = self._chosen(source.only)
        self._stated = sidecar.read(source.path)
        self._targets = targets_of(self._data_path, self._data, source.polygons, self._stated)
        beside = [] if self._stated is None else [sidecar.NAME]
        self._read = {self._data_path.relative_to(source.path).as_posix(), *beside}
        self._counts = _YoloCounts()
        self._faults = Faults(root=source.path)

    def _chosen(self, splits: Sequence[str] | None) -> tuple[str, ...]:
        stated = self._data.places
        missing = [split for split in splits or () if split not in stated]
        if missing or not stated:
            problem = f"expected places of {''.join(missing[:1])}, found {', '.join(stated)}"
            if not stated:
                problem = "there are no places of a split"
            raise DataError(f"{self._data_path}: {problem}. Add train, val or test.")
        return tuple(splits or stated)

    def listing(self) -> Listing:
        base, notes = self._base()
        found: dict[str, str] = {}
        for split in self._splits:
            for place in self._data.places[split]:
                self._place(base, place, split, found)
        records = []
        for key, split in found.items():
            wrong = Record(key=key, path=self._path / key, split=split)
            with self._faults.collecting(record=wrong):
                records.append(self._record(wrong))
        records = self._faults.sound(records) + self._faults.unsound()
        if len(self._counts.bare) == len(records):
            raise DataError(
                f"{self._path}: no label file is there for any of {len(records)} images; "
                f"that of '{records[0].key}' would be "
                f"'{yolo.label_path(records[0].key)}'. Check the folders."
            )
        notes += [*self._tree.notes(self._tree.skipped(self._read)), *self._counts.notes()]
        left = [split for split in self._data.places if split not in self._splits]
        if left:
            notes.append(f"splits that are not read: {shortened(left)}")
        if self._data.unread:
            keys = shortened(self._data.unread)
            notes.append(f"keys of {self._data_path.name} that nothing reads: {keys}")
        if self._data.pose is not None and not self._data.pose.is_paired:
            notes.append(
                f"no keypoints change places in a mirrored image, since {self._data_path.name} has "
                "no flip_idx"
            )
        return Listing(
            records=records if self._stated is None else self._stated.keyed(records),
            targets=sidecar.in_order(self._stated, self._targets.all),
            notes=notes,
        )

    def _base(self) -> tuple[str, list[str]]:
        """Returns what places are relative to, and a note where `path` leads elsewhere."""
        root = self._data.root
        if root in _HERE:
            return "", []
        with contextlib.suppress(DataError):
            if normalized(root) in self._folders:
                return f"{normalized(root)}/", []
        return "", [f"path: '{root}' of {self._data_path.name} is no folder below and not followed"]

    def _place(self, base: str, place: str, split: str, found: dict[str, str]) -> None:
        """Notes the images of a folder or a list, with their split."""
        relative = self._relative(base, place)
        if relative in self._files and extension(relative) == "txt":
            images = self._listed(relative, split)
        elif relative in self._folders or not relative:
            images = self._below(relative)
        else:
            raise DataError(
                f"{self._data_path}: {split}: expected a folder or a .txt list below "
                f"{self._path}, found no '{relative}'. Correct the place, or name the splits to "
                "read in `only`."
            )
        if not images:
            self._faults.check()
            raise DataError(
                f"{self._data_path}: {split}: there are no images in '{place}'. "
                "Correct the place, or name the splits to read in `only`."
            )
        for each in images:
            with self._faults.collecting(record=Record(key=each, path=self._path / each)):
                self._note(each, split, found)

    def _relative(self, base: str, place: str) -> str:
        posix = place.replace("\\", "/").removeprefix("../")
        if posix in _HERE:
            return base.rstrip("/")
        try:
            return base + normalized(posix)
        except DataError as error:
            raise DataError(
                f"{self._data_path}: {error} Make it relative to {self._path}."
            ) from None

    def _below(self, folder: str) -> list[str]:
        start = f"{folder}/" if folder else ""
        return [path for path in self._tree.images() if path.startswith(start)]

    def _listed(self, listing: str, split: str) -> list[str]:
        self._read.add(listing)
        folder = listing.rpartition("/")[0]
        images = []
        for number, line in lines(read_text(self._path / listing, "list of images")):
            stated = self._stated_image(folder, line.strip(), split)
            where = f"{self._path / listing}:{number}"
            with self._faults.collecting(where, "Correct the line.", record=stated):
                images.append(
                    self._inside.locate(f"{folder}/{normalized(line.strip())}".lstrip("/"))
                )
        return images

    def _stated_image(self, folder: str, line: str, split: str) -> Record | None:
        """Returns the record of a line of a list; None if it names no path."""
        with contextlib.suppress(DataError):
            key = f"{folder}/{normalized(line)}".lstrip("/")
            return Record(key=key, path=self._path / key, split=split)
        return None

    def _note(self, image: str, split: str, found: dict[str, str]) -> None:
        other = found.setdefault(image, split)
        if other != split:
            raise DataError(
                f"{self._data_path}: expected every image in one split, found '{image}' in "
                f"{other} and {split}. Correct the places, or name the splits to read in `only`."
            )
        self._counts.listed_twice += image in self._read
        self._read.add(image)

    def _record(self, bare: Record) -> Record:
        """Returns a record with its labels.

        Raises:
          DataError: its label file is no text.
        """
        key = bare.key
        path = yolo.label_path(key)
        labels = yolo.LabelFile()
        if path in self._files:
            self._read.add(path)
            pose = self._data.pose
            labels = yolo.read_labels(
                self._path / path, self._data.names, self._faults, pose=pose, record=bare
            )
        else:
            self._counts.bare.append(key)
        self._counts.repeated += labels.repeated
        self._counts.clipping.boxes += labels.clipped
        targets: dict[str, Any] = {}
        if self._targets.boxes is not None:
            targets[self._targets.boxes[0]] = [
                {"label": self._data.names[each.class_id], "box": list(each.corners)}
                for each in labels.objects
            ]
        if self._targets.points is not None:
            name = self._targets.points[0]
            targets[name] = [[list(point) for point in each.points] for each in labels.objects]
        if self._targets.instances is not None:
            with self._faults.collecting(str(self._path / path), record=bare):
                targets[self._targets.instances[0]] = self._instances(key, labels.objects)
        elif self._targets.mask is None:
            self._counts.outlined += sum(bool(each.polygon) for each in labels.objects)
        else:
            with self._faults.collecting(str(self._path / path), record=bare):
                targets[self._targets.mask[0]] = self._mask(key, labels.objects)
        return replace(bare, targets=targets)

    def _mask(self, key: str, objects: Sequence[YoloObject]) -> dict[str, Any]:
        """Returns the polygons in pixels, the largest first, so that smaller ones cover it."""
        size = self._size(key)
        pairs = zip(self._segments(objects, size), objects, strict=True)
        ordered = sorted(pairs, key=lambda pair: -polygon.area(pair[1].polygon))
        return {"segments": [segment for segment, _ in ordered], "size": list(size)}

    def _instances(self, key: str, objects: Sequence[YoloObject]) -> dict[str, Any]:
        """Returns the polygons in pixels, each with the box around it."""
        size = self._size(key)
        pairs = zip(self._segments(objects, size), objects, strict=True)
        found = [{**segment, "box": list(each.corners)} for segment, each in pairs]
        return {"objects": found, "size": list(size)}

    def _segments(
        self, objects: Sequence[YoloObject], size: tuple[int, int]
    ) -> list[dict[str, Any]]:
        boxes = sum(not each.polygon for each in objects)
        if boxes:
            raise DataError(
                f"expected a polygon in every line, found {boxes} without one. Correct them, or "
                "set polygons: boxes."
            )
        height, width = size
        return [
            {
                "label": self._data.names[each.class_id],
                "polygons": [_pixels(each.polygon, width, height)],
            }
            for each in objects
        ]

    def _size(self, key: str) -> tuple[int, int]:
        try:
            return encoding.size((self._path / key).read_bytes())
        except (DataError, OSError) as error:
            raise DataError(f"expected the size of '{key}' in its header: {error}") from None


def _pixels(polygon: Sequence[float], width: int, height: int) -> list[float]:
    return [share * (height if place % 2 else width) for place, share in enumerate(polygon)]
