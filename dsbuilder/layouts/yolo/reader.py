"""YOLO sets of boxes, polygons or keypoints: images, label files, and `data.yaml`."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dsbuilder.errors import shortened
from dsbuilder.images import encoding as image
from dsbuilder.layouts import keys
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.keyed import keyed
from dsbuilder.layouts.tables import lines, read_text
from dsbuilder.layouts.tree import Tree, extension, scan
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import Row
from dsbuilder.layouts.yolo.signs import YAML, recognition
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import (
    Boxes,
    DataError,
    Keypoints,
    Mask,
    Recognition,
    Record,
    Source,
    Target,
    source,
)

BACKGROUND = "background"
"""What pixels are that no polygon covers, the first class of a mask."""

Split = Literal["train", "validation", "test"]
Polygons = Literal["boxes", "mask", "both"]

_log = logging.getLogger(__name__)
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
    objects, and is reported in the log. A line is `class x_center y_center width height` as shares
    of the image's sides; a box a rounding error (0.01) outside is moved to the edge, one farther
    outside is an error, and a line that is there twice counts once.

    Of a segmentation set, whose lines are `class x1 y1 x2 y2 x3 y3 ...`, the option `polygons` says
    what is read. Of a pose set, whose `data.yaml` has `kpt_shape`, the points that follow each box
    are the target `keypoints`, called as `kpt_names` says, and those that `flip_idx` pairs change
    places in a mirrored image. A point without a visibility is absent at 0, 0 and else visible.

    A place that begins with `../`, as Roboflow writes, counts as if it did not; the key `path` of
    `data.yaml` is followed only if it leads to a folder below. The key of a record is its path
    below `path`, or what the `keys.csv` of an export says; boxes are the target `objects`.

    Attributes:
      path: the folder of `data.yaml`.
      data: the name of that file; by default `data.yaml`, or the only `.yaml` file there.
      only: the splits that are read; by default all that `data.yaml` names.
      polygons: what becomes of polygons: `boxes`, those around them; `mask`, the target `mask`, in
        which smaller ones cover larger ones and the class 0 is background; or `both`. For a mask
        every line must be a polygon, and the header of every image is read for its size.
    """

    path: Path
    data: str | None = None
    only: tuple[Split, ...] | None = None
    polygons: Polygons = "boxes"

    def __post_init__(self) -> None:
        if self.only is not None and not self.only:
            raise ValueError("only: expected at least one, such as train, found none.")

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Looks for a YAML file with `names` and places of images, and for label files."""
        return recognition(folder)

    def records(self) -> Iterator[Record]:
        """Yields a record for every image of the splits, in the order of `data.yaml`.

        Raises:
          DataError: `data.yaml` is missing or wrong, a place lies outside or holds no image, an
            image is in two splits, no image has a label file, or lines of these are wrong.
        """
        return iter(_Reader(self).read())

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `objects`, `mask` and `keypoints`, those that are read, with their names."""
        data = yolo.read_data(_data_file(self, scan(self.path)))
        names = tuple(data.names.values())
        found: dict[str, Target] = {"objects": Boxes(names=names)}
        if self.polygons != "boxes":
            classes = (BACKGROUND, *(name for name in names if name != BACKGROUND))
            found["mask"] = Mask(names=classes)
        if self.polygons == "mask":
            del found["objects"]
        if data.pose is not None:
            found["keypoints"] = Keypoints(names=data.pose.names, swaps=data.pose.swaps)
        return found


def _data_file(source: Yolo, tree: Tree) -> Path:
    if source.data is not None:
        return source.path / Inside(source.path).locate(source.data)
    found = [path for path in tree.files if "/" not in path and extension(path) in YAML]
    if "data.yaml" in found or len(found) == 1:
        return source.path / ("data.yaml" if "data.yaml" in found else found[0])
    raise DataError(
        f"{source.path}: expected data.yaml, found {shortened(found) if found else 'none'}. "
        + ("Say which with `data`." if found else "Check the path.")
    )


@dataclass
class _Counts:
    """What a user may have meant otherwise."""

    bare: list[str] = field(default_factory=list)
    repeated: int = 0
    listed_twice: int = 0
    outlined: int = 0

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
        return notes


class _Reader:
    """Reads one set, and remembers what of the folder was read."""

    def __init__(self, source: Yolo) -> None:
        self._path = source.path
        self._tree = scan(source.path)
        self._files = frozenset(self._tree.files)
        self._folders = frozenset(self._tree.folders)
        self._inside = Inside(source.path)
        self._data_path = _data_file(source, self._tree)
        self._data = yolo.read_data(self._data_path)
        self._polygons = source.polygons
        if self._data.pose is not None and self._polygons != "boxes":
            raise DataError(
                f"{self._data_path}: expected no kpt_shape where polygons are read, found one. "
                "Remove the option `polygons`."
            )
        self._splits = self._chosen(source.only)
        self._keys = keys.read(source.path)
        self._read = {self._data_path.relative_to(source.path).as_posix(), *self._keys.files}
        self._counts = _Counts()
        self._faults = Faults()

    def _chosen(self, splits: Sequence[str] | None) -> tuple[str, ...]:
        stated = self._data.places
        missing = [split for split in splits or () if split not in stated]
        if missing or not stated:
            raise DataError(
                f"{self._data_path}: expected places of {missing[0] if missing else 'a split'}, "
                f"found {', '.join(stated) or 'none'}. Add train, val or test."
            )
        return tuple(splits or stated)

    def read(self) -> list[Record]:
        base, notes = self._base()
        found: dict[str, str] = {}
        for split in self._splits:
            for place in self._data.places[split]:
                self._place(base, place, split, found)
        records = [self._record(key, split) for key, split in found.items()]
        self._faults.check()
        if len(self._counts.bare) == len(records):
            raise DataError(
                f"{self._path}: expected a label file for the images, found none for any of "
                f"{len(records)}; that of '{records[0].key}' would be "
                f"'{yolo.label_path(records[0].key)}'. Check the folders."
            )
        notes += [*self._tree.notes(self._tree.skipped(self._read)), *self._counts.notes()]
        if self._data.pose is not None and not self._data.pose.is_paired:
            notes.append(
                f"no keypoints change places in a mirrored image, since {self._data_path.name} has "
                "no flip_idx"
            )
        for note in notes:
            _log.warning("%s: %s.", self._path, note)
        return keyed(records, self._keys)

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
            images = self._listed(relative)
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
                f"{self._data_path}: {split}: expected images in '{place}', found none. "
                "Correct the place, or name the splits to read in `only`."
            )
        for each in images:
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

    def _listed(self, listing: str) -> list[str]:
        self._read.add(listing)
        folder = listing.rpartition("/")[0]
        images = []
        for number, line in lines(read_text(self._path / listing, "list of images")):
            with self._faults.collecting(f"{self._path / listing}:{number}", "Correct the line."):
                images.append(
                    self._inside.locate(f"{folder}/{normalized(line.strip())}".lstrip("/"))
                )
        return images

    def _note(self, image: str, split: str, found: dict[str, str]) -> None:
        other = found.setdefault(image, split)
        if other != split:
            raise DataError(
                f"{self._data_path}: expected every image in one split, found '{image}' in "
                f"{other} and {split}. Correct the places, or name the splits to read in `only`."
            )
        self._counts.listed_twice += image in self._read
        self._read.add(image)

    def _record(self, key: str, split: str) -> Record:
        path = yolo.label_path(key)
        labels = yolo.Labels()
        if path in self._files:
            self._read.add(path)
            pose = self._data.pose
            labels = yolo.read_labels(self._path / path, self._data.names, self._faults, pose=pose)
        else:
            self._counts.bare.append(key)
        self._counts.repeated += labels.repeated
        if self._polygons == "boxes":
            self._counts.outlined += sum(bool(row.polygon) for row in labels.rows)
        targets: dict[str, Any] = {
            "objects": [
                {"label": self._data.names[row.class_id], "box": list(row.corners)}
                for row in labels.rows
            ]
        }
        if self._data.pose is not None:
            targets["keypoints"] = [[list(point) for point in row.points] for row in labels.rows]
        if self._polygons != "boxes":
            with self._faults.collecting(str(self._path / path)):
                targets["mask"] = self._mask(key, labels.rows)
        if self._polygons == "mask":
            del targets["objects"]
        return Record(key=key, path=self._path / key, targets=targets, split=split)

    def _mask(self, key: str, rows: Sequence[Row]) -> dict[str, Any]:
        """Returns the polygons in pixels, the largest first, so that smaller ones cover it."""
        boxes = sum(not row.polygon for row in rows)
        if boxes:
            raise DataError(
                f"expected a polygon in every line, found {boxes} without one. Correct them, or "
                "set polygons: boxes."
            )
        height, width = self._size(key)
        segments = [
            {
                "label": self._data.names[row.class_id],
                "polygons": [_pixels(row.polygon, width, height)],
            }
            for row in sorted(rows, key=lambda row: -_area(row.polygon))
        ]
        return {"segments": segments, "size": [height, width]}

    def _size(self, key: str) -> tuple[int, int]:
        try:
            return image.size((self._path / key).read_bytes())
        except (DataError, OSError) as error:
            raise DataError(f"expected the size of '{key}' in its header: {error}") from None


def _pixels(polygon: Sequence[float], width: int, height: int) -> list[float]:
    return [share * (height if place % 2 else width) for place, share in enumerate(polygon)]


def _area(polygon: Sequence[float]) -> float:
    """Returns the area of a polygon of x0, y0, x1, y1, ..., by the shoelace formula."""
    xs, ys = polygon[::2], polygon[1::2]
    around = zip(xs, ys, (*xs[1:], xs[0]), (*ys[1:], ys[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in around)) / 2
