"""YOLO detection sets: images, a label file for each, and `data.yaml`."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dsbuilder.builtin.sources.keyed import keyed
from dsbuilder.formats import keys, yolo
from dsbuilder.formats.faults import Faults
from dsbuilder.formats.glance import Glance, glance
from dsbuilder.formats.layout import Inside, normalized, shortened
from dsbuilder.formats.table import lines, read_text
from dsbuilder.formats.tree import Tree, extension, scan
from dsbuilder.plugin import Boxes, DataError, Recognition, Record, Source, Target, source

Split = Literal["train", "validation", "test"]

_log = logging.getLogger(__name__)
_YAML = ("yaml", "yml")
_HERE = ("", ".", "./")
_MOST_BYTES = 1 << 20


@source("yolo")
@dataclass(frozen=True, kw_only=True)
class Yolo(Source):
    """Reads boxes of YOLO label files, as Ultralytics lays them out.

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

    A place that begins with `../`, as Roboflow writes, counts as if it did not; the key `path` of
    `data.yaml` is followed only if it leads to a folder below. The key of a record is its path
    below `path`, or what the `keys.csv` of an export says; the target is `objects`.

    Attributes:
      path: the folder of `data.yaml`.
      data: the name of that file; by default `data.yaml`, or the only `.yaml` file there.
      only: the splits that are read; by default all that `data.yaml` names.
    """

    path: Path
    data: str | None = None
    only: tuple[Split, ...] | None = None

    def __post_init__(self) -> None:
        if self.only is not None and not self.only:
            raise ValueError("only: expected at least one, such as train, found none.")

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Looks for a YAML file with `names` and places of images, and for label files."""
        return _recognise(folder)

    def records(self) -> Iterator[Record]:
        """Yields a record for every image of the splits, in the order of `data.yaml`.

        Raises:
          DataError: `data.yaml` is missing or wrong, a place lies outside or holds no image, an
            image is in two splits, no image has a label file, or lines of these are wrong.
        """
        return iter(_Reader(self).read())

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `objects`, the boxes, with the classes of `data.yaml`."""
        names = yolo.read_data(_data_file(self, scan(self.path))).names
        return {"objects": Boxes(names=tuple(names.values()))}


def _data_file(source: Yolo, tree: Tree) -> Path:
    if source.data is not None:
        return source.path / Inside(source.path).locate(source.data)
    found = [path for path in tree.files if "/" not in path and extension(path) in _YAML]
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

    def notes(self) -> list[str]:
        notes = []
        if self.bare:
            have = "1 image has" if len(self.bare) == 1 else f"{len(self.bare)} images have"
            notes.append(f"{have} no label file, hence no objects: {shortened(self.bare)}")
        if self.repeated:
            notes.append(f"boxes that are there twice count once: {self.repeated} left out")
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
        for image in images:
            self._note(image, split, found)

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
            labels = yolo.read_labels(self._path / path, self._data.names, self._faults)
        else:
            self._counts.bare.append(key)
        self._counts.repeated += labels.repeated
        objects = [
            {"label": self._data.names[row.class_id], "box": list(row.corners)}
            for row in labels.rows
        ]
        return Record(key=key, path=self._path / key, targets={"objects": objects}, split=split)


# -- recognition --------------------------------------------------------------------------------


def _recognise(folder: Path) -> Recognition:
    seen = glance(folder)
    candidates = [path for path in seen.ending(*_YAML) if path.count("/") <= 1]
    if not candidates:
        return Recognition(certainty=0, reason="no data.yaml lies in it")
    for path in sorted(candidates, key=lambda each: (each.count("/"), "data.yaml" not in each)):
        data = _data_of(folder / path)
        if data is not None:
            return _recognition(path, data, seen)
    return Recognition(
        certainty=0, reason=f"{shortened(candidates)}: no names of classes and places of images"
    )


def _recognition(path: str, data: yolo.Data, seen: Glance) -> Recognition:
    place, slash, name = path.rpartition("/")
    start = place + slash
    below = [each.removeprefix(start) for each in seen.images if each.startswith(start)]
    labels = {each.removeprefix(start) for each in seen.ending("txt") if each.startswith(start)}
    labelled = [image for image in below if yolo.label_path(image) in labels]
    names = tuple(data.names.values())
    found = f"'{path}' names {len(names)} classes and places of {', '.join(data.places)}"
    if not labelled:
        images = seen.count(len(below), "image")
        return Recognition(certainty=0, reason=f"{found}, but none of {images} has a label file")
    options: dict[str, object] = {"path": place or "."}
    comments = {"path": f"{len(names)} classes: {shortened(names)}"}
    if name != "data.yaml":
        options["data"] = name
    there = [split for split in data.places if _is_there(data.places[split], below)]
    if there and len(there) < len(data.places):
        options["only"] = there
        missing = shortened(data.places.keys() - set(there))
        comments["only"] = f"data.yaml also names {missing}, of which there is no image"
    return Recognition(
        certainty=0.95,
        reason=f"{found}; {seen.count(len(labelled), 'image')} with a label file",
        options=options,
        comments=comments,
    )


def _is_there(places: Sequence[str], images: Sequence[str]) -> bool:
    """Whether images lie where places lead, as far as names alone tell."""
    ends = [place.replace("\\", "/").strip("./") for place in places]
    return any(
        end.endswith(".txt") or f"/{end}/" in f"/{image}" for end in ends for image in images
    )


def _data_of(path: Path) -> yolo.Data | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        data = yolo.read_data(path)
    except (DataError, OSError):
        return None
    return data if data.places else None
