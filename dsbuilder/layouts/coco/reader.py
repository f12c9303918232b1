"""COCO sets: images, and JSON files that annotate those of a split."""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from dsbuilder.errors import instead, shortened
from dsbuilder.images import encoding
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco import targets as coco_targets
from dsbuilder.layouts.coco.annotation import CocoAnnotation, Size
from dsbuilder.layouts.coco.format import CocoFile
from dsbuilder.layouts.coco.kinds import KINDS
from dsbuilder.layouts.coco.signs import exported_files, signs_of
from dsbuilder.layouts.coco.split import CocoSplit
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.sidecar import Sidecar
from dsbuilder.layouts.splits import SPLIT_WORDS, split_in, split_named
from dsbuilder.layouts.tree import scan
from dsbuilder.memory import uncollected
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import (
    Boxes,
    Catalog,
    DataError,
    Instances,
    Keypoints,
    Listing,
    Record,
    Signs,
    Source,
    Target,
    Text,
    did_you_mean,
    source,
)

Named = tuple[str, Target]
"""Name and target that an option reads."""

Read = TypeVar("Read")

_NO_FILE = f"at least one annotation file is needed, of {', '.join(KINDS)}"


@source("coco")
@dataclass(frozen=True, kw_only=True)
class Coco(Source):
    """Reads COCO annotations: boxes, masks, keypoints and captions.

        path/
          annotations/instances_train2017.json
          annotations/instances_val2017.json
          train2017/000000000009.jpg
          val2017/000000000139.jpg

        {use: coco, path: path, objects: {train: annotations/instances_train2017.json,
                                          val: annotations/instances_val2017.json}}

    A target is read where its option names an annotation file, or one for each split: `objects`
    are the boxes, with the attribute `iscrowd` and those of `attributes` that every object has;
    `instances` are the objects with a mask each, of their segmentations (polygons and run lengths);
    `mask` is one of classes, made of the same, larger objects below smaller ones, and what none
    covers is `background`; `keypoints` are those of every object that has
    some; `text` is the caption, several of one image on a line each. Files of one split must name
    the same images.

    Classes are the categories in the order of their ids, which may have gaps. The size of an image
    is what the file states, else what the image's header does. A box of which at least half lies in
    the image is cut at its edge and, beyond a rounding error (2 pixels or 0.01), noted; an
    annotation that is there twice counts once, and one of no image does not count. Categories of
    one name are one class. The key of a record is the image's path below `path`. Beside an export
    of ours, `dsbuilder.json` says keys, names of targets, and what of these COCO has no place for;
    where no option is set, all of the export is read as it was written.

    Attributes:
      path: the folder at the top.
      objects, instances, mask, keypoints, text: the annotation file below `path` that the target is
        read from, or split -> file. Splits may be called train, training; validation, val, valid,
        dev; test, testing, eval, evaluation.
      images: the folder below `path` that file names are relative to, or split -> folder; by
        default the one in which they lie.
      ignore: the category of `mask` that says of pixels that they are of no known class; where it
        is set, ids of classes are those of the categories, whatever `dsbuilder.json` says.
    """

    path: Path
    objects: Mapping[str, str] | str | None = None
    instances: Mapping[str, str] | str | None = None
    mask: Mapping[str, str] | str | None = None
    keypoints: Mapping[str, str] | str | None = None
    text: Mapping[str, str] | str | None = None
    images: Mapping[str, str] | str | None = None
    ignore: str | None = None

    def __post_init__(self) -> None:
        for name in (*KINDS, "images"):
            _check_splits(name, getattr(self, name))
        stated = {name: files.keys() for name, files in _files_of(self).items()}
        if not stated and not sidecar.at_defaults(self):
            raise ValueError(f"{_NO_FILE}.")
        first = next(iter(stated), "")
        for name, splits in stated.items():
            if splits != stated[first]:
                raise ValueError(
                    f"{name}: expected a file for {_shown(stated[first])}, as of '{first}', "
                    f"found one for {_shown(splits)}."
                )
        if self.ignore is not None and self.mask is None:
            raise ValueError("ignore: there is no 'mask' beside it. Remove it.")

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for JSON files with images and annotations, and at what the smaller ones hold."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of what the annotation files name, in their order.

        Raises (when it is listed):
          DataError: a file is missing, is no JSON, names other images than another of its split or
            holds no target; the sidecar is wrong. An image that is missing, lies outside or is in
            two splits, or of which an annotation is wrong, is a record with an error.
        """
        return CocoCatalog(self)


def _check_splits(name: str, option: Mapping[str, str] | str | None) -> None:
    words = list(option) if isinstance(option, Mapping) else ["train"]
    unknown = [word for word in words if split_named(word) is None]
    if unknown or not words:
        hint = did_you_mean(unknown[0], SPLIT_WORDS) if unknown else ""
        found = f"'{unknown[0]}'" if unknown else ""
        raise ValueError(f"{name}: {instead('names of splits', found, missing='split')}.{hint}")
    if len({split_named(word) for word in words}) < len(words):
        raise ValueError(f"{name}: expected each split once, found {', '.join(words)}.")


def _files_of(source: Coco) -> dict[str, dict[str | None, str]]:
    """Returns the annotation files by target and by split, which is None where it is not said."""
    options = {name: _by_split(getattr(source, name)) for name in KINDS}
    return {name: files for name, files in options.items() if files}


def _by_split(option: Mapping[str, str] | str | None) -> dict[str | None, str]:
    if isinstance(option, Mapping):
        return {split_named(word): file for word, file in option.items()}
    return {} if option is None else {None: option}


def _shown(splits: Iterable[str | None]) -> str:
    return ", ".join(sorted(split or "no split in particular" for split in splits))


class CocoCatalog(SourceCatalog[Coco]):
    """The images that the annotation files of a set name."""

    def scan(self) -> Listing:
        """Reads every annotation file once."""
        with uncollected():
            return _CocoReader(self._source).listing()

    def watches(self) -> Sequence[Path]:
        """Returns the folders, the annotation files and the sidecar."""
        path = self._source.path
        options = _files_of(_completed(self._source, sidecar.read(path))).values()
        files = {file for by_split in options for file in by_split.values()}
        beside = [sidecar.NAME] if sidecar.place(path).is_file() else []
        return scan(path).below(path, [*sorted(files), *beside])


def _completed(source: Coco, stated: Sidecar | None) -> Coco:
    """Returns a source with the files that our exporter made, where no option names any.

    Raises:
      DataError: there are none.
    """
    if not sidecar.at_defaults(source):
        return source
    files = exported_files(source.path, {} if stated is None else stated.targets)
    if not files:
        raise DataError(
            f"{source.path}: {_NO_FILE}, or an export with {sidecar.NAME}. "
            "Name files, such as objects: {train: annotations/instances_train.json}."
        )
    images = {split: f"images/{split}" for split in next(iter(files.values()))}
    return replace(source, **files, images=images)  # type: ignore[arg-type]  # targets' options


class _CocoReader:
    """Reads one set, and remembers what of the folder was read."""

    def __init__(self, source: Coco) -> None:
        self._path, self._ignore = source.path, source.ignore
        self._tree = scan(source.path)
        self._inside = Inside(source.path)
        self._stated = sidecar.read(source.path)
        self._is_as_written = sidecar.at_defaults(source)
        source = _completed(source, self._stated)
        self._files, self._folders = _files_of(source), _by_split(source.images)
        # By place: one file may be spelled in two ways, and is read once for all its targets.
        by_split = (self._files.get(option, {}) for option in ("mask", "instances"))
        self._outlined = {
            self._inside.locate(each) for files in by_split for each in files.values()
        }
        self._opened: dict[str, CocoFile] = {}
        self._split_of: dict[str, str | None] = {}
        self._uncovered: Counter[str] = Counter()
        self._clipping = Clipping()
        self._faults = Faults(root=source.path)

    def listing(self) -> Listing:
        splits = [self._split(split) for split in next(iter(self._files.values()))]
        named: dict[str, Named] = {}
        notes: list[str] = []
        for option in self._files:
            files = [split.files[option] for split in splits]
            named[option] = coco_targets.named(option, files, self._stated, ignore=self._ignore)
            notes += coco_targets.notes(files, named[option][1])
        targets = sidecar.in_order(self._stated, dict(named.values()))
        order = sorted(named, key=lambda option: list(targets).index(named[option][0]))
        named = {option: named[option] for option in order}
        found = [record for split in splits for record in self._records(split, named)]
        records = self._faults.sound(found) + self._faults.unsound()
        if not records:
            raise DataError(f"{self._path}: there are no images in {shortened(self._opened)}.")
        return Listing(
            records=records if self._stated is None else self._stated.keyed(records),
            targets=targets,
            notes=[*notes, *self._notes()],
        )

    def _split(self, split: str | None) -> CocoSplit:
        files = {option: self._open(by_split[split]) for option, by_split in self._files.items()}
        found = CocoSplit(split=split, files=files)
        found.check()
        return replace(found, folder=self._folder(split, found.first))

    def _open(self, file: str) -> CocoFile:
        place = self._inside.locate(file)
        if place not in self._opened:
            self._opened[place] = coco.read(
                self._path / place, outlines=place in self._outlined, repeats=self._is_as_written
            )
        return self._opened[place]

    def _folder(self, split: str | None, file: CocoFile) -> str:
        """Returns the folder in which the images of a file lie, with a slash behind."""
        stated = self._folders.get(split, self._folders.get(None))
        if stated is not None:
            return "" if stated in ("", ".", "./") else f"{normalized(stated)}/"
        names = {f"/{self._normalized(name, file)}" for name in file.images}
        if not names:
            return ""
        ends = {name.rpartition("/")[2] for name in names}
        paths = (path for path in self._tree.files if path.rpartition("/")[2] in ends)
        counts = Counter(folder for path in paths for folder in _folders(f"/{path}", names))
        most = max(counts.values(), default=0)
        best = sorted(folder for folder, count in counts.items() if count == most)
        if len(best) > 1:
            best = self._likely(best, split or split_in(file.path.name), file)
        if len(best) != 1:
            found = f"them in {shortened(best)}" if best else f"none, such as '{min(names)[1:]}'"
            raise DataError(
                f"{file.path}: expected its images in one folder below "
                f"{self._path}, found {found}. Say which with `images`."
            )
        return best[0]

    def _likely(self, folders: Sequence[str], split: str | None, file: CocoFile) -> list[str]:
        """Returns of several folders the one of the annotation file, else those of its split."""
        own = file.path.parent.relative_to(self._path).as_posix()
        beside = [folder for folder in folders if folder == ("" if own == "." else f"{own}/")]
        of_split = [folder for folder in folders if split and split_in(folder) == split]
        return beside or of_split or list(folders)

    def _normalized(self, name: str, file: CocoFile) -> str:
        try:
            return normalized(name)
        except DataError as error:
            raise DataError(f"{file.path}: file_name: {error}") from None

    def _records(self, split: CocoSplit, named: Mapping[str, Named]) -> Iterator[Record]:
        for where, problem in split.unnamed.items():
            self._faults.add(where, problem)
        for name in split.names:
            bare = self._bare(split, name)
            with self._faults.collecting(record=bare):
                key = self._key(split, name)
                split.check_image(name)
                targets = {
                    target: self._raw(kind, split.files[option], name, key)
                    for option, (target, kind) in named.items()
                }
                yield Record(
                    key=key,
                    path=self._path / key,
                    targets=targets,
                    split=split.split,
                    size=split.first.images[name].size,
                )

    def _bare(self, split: CocoSplit, name: str) -> Record:
        """Returns the record of an image without its labels, under the name it should have."""
        key = split.folder + name
        with contextlib.suppress(DataError):
            key = split.folder + normalized(name)
        return Record(key=key, path=self._path / key, split=split.split)

    def _key(self, split: CocoSplit, name: str) -> str:
        try:
            key = self._inside.locate(split.folder + normalized(name))
        except DataError as error:
            raise DataError(f"{split.first.path}: {error}") from None
        if key in self._split_of:
            splits = {self._split_of[key], split.split} - {None}
            again = f" in {' and '.join(sorted(map(str, splits)))}" if len(splits) > 1 else ""
            raise DataError(
                f"{split.first.path}: expected every image once, found '{key}' again{again}. "
                "Remove one."
            )
        self._split_of[key] = split.split
        return key

    def _raw(self, target: Target, file: CocoFile, name: str, key: str) -> Any:
        """Returns the raw value of a target for an image."""
        annotations = file.annotations[name]
        if isinstance(target, Text):
            if not annotations:
                raise DataError(f"{file.path}: there is no caption of '{name}'. Add one.")
            return "\n".join(_each(annotations, CocoAnnotation.caption))
        size = file.images[name].size or self._measured(key)
        if isinstance(target, Boxes):
            return _each(
                annotations, lambda each: each.labeled_box(size, target.attributes, self._clipping)
            )
        if isinstance(target, Instances):
            made = _each(
                annotations,
                lambda each: each.labeled_instance(size, target.attributes, self._clipping),
            )
            objects = self._covered(made, "among instances")
            return {"objects": objects, "size": list(size)}
        if isinstance(target, Keypoints):
            pointed = [each for each in annotations if "keypoints" in each.found]
            return _each(pointed, lambda each: each.keypoints(size))
        covered = sorted(annotations, key=lambda each: -each.area)
        segments = _each(covered, lambda each: each.labeled_segment(size, target.class_names))
        return {"segments": self._covered(segments, "in a mask"), "size": list(size)}

    def _covered(self, segments: Sequence[Read | None], where: str) -> list[Read]:
        """Returns what has a segmentation, and counts what has none, hence no place somewhere."""
        self._uncovered[where] += segments.count(None)
        return [each for each in segments if each is not None]

    def _measured(self, key: str) -> Size:
        try:
            return encoding.size((self._path / key).read_bytes())
        except DataError as error:
            raise DataError(f"{self._path / key}: expected a size in its header: {error}") from None

    def _notes(self) -> list[str]:
        read = {*self._opened, *self._split_of, *([] if self._stated is None else [sidecar.NAME])}
        notes = self._tree.notes(self._tree.skipped(read))
        notes += [note for place, file in self._opened.items() for note in file.notes(place)]
        for where, count in self._uncovered.items():
            have = "1 annotation has" if count == 1 else f"{count} annotations have"
            notes += [f"{have} no segmentation, hence no place {where}"] if count else []
        notes += coco_targets.unread_keys(self._opened.values())
        return notes + self._clipping.notes()


def _folders(path: str, names: set[str]) -> list[str]:
    """Returns the folders, with a slash behind, below which a path has one of some names."""
    slashes = [match.start() for match in re.finditer("/", path)]
    return [path[1 : slash + 1] for slash in slashes if path[slash:] in names]


def _each(
    annotations: Sequence[CocoAnnotation], of: Callable[[CocoAnnotation], Read]
) -> list[Read]:
    """Returns what `of` makes of each annotation; an error names the place of its own."""
    found = []
    for annotation in annotations:
        try:
            found.append(of(annotation))
        except DataError as error:
            raise DataError(f"{annotation.place}: {error}") from None
    return found
