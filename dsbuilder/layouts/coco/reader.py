"""COCO sets: images, and JSON files that annotate those of a split."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dsbuilder.layouts.coco.reading import Found, read
from dsbuilder.layouts.coco.signs import recognition
from dsbuilder.layouts.coco.values import KEYS
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.plugin import Recognition, Record, Source, Target, did_you_mean, source


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
    `mask` is made of the segmentations (polygons and run lengths), larger objects below smaller
    ones, and what none covers is `background`; `keypoints` are those of every object that has
    some; `text` is the caption, several of one image on a line each. Files of one split must name
    the same images.

    Classes are the categories in the order of their ids, which may have gaps. The size of an image
    is what the file states, else what the image's header does. A box a rounding error (2 pixels or
    0.01) outside is moved to the edge, one farther outside is an error; an annotation that is there
    twice counts once. The key of a record is the image's path below `path`, or what the `keys.csv`
    of an export says.

    Attributes:
      path: the folder at the top.
      objects, mask, keypoints, text: the annotation file below `path` that the target is read
        from, or split -> file. Splits may be called train, training; validation, val, valid, dev;
        test, testing, eval, evaluation.
      images: the folder below `path` that file names are relative to, or split -> folder; by
        default the one in which they lie.
      ignore: the category of `mask` that says of pixels that they are of no known class. Files of
        an export of ours say themselves what the ids of their masks are, unless this is set.
    """

    path: Path
    objects: Mapping[str, str] | str | None = None
    mask: Mapping[str, str] | str | None = None
    keypoints: Mapping[str, str] | str | None = None
    text: Mapping[str, str] | str | None = None
    images: Mapping[str, str] | str | None = None
    ignore: str | None = None

    def __post_init__(self) -> None:
        for name in (*KEYS, "images"):
            _check_splits(name, getattr(self, name))
        stated = {name: files.keys() for name, files in self._files.items()}
        if not stated:
            raise ValueError(f"expected an annotation file of {', '.join(KEYS)}, found none.")
        first = next(iter(stated))
        for name, splits in stated.items():
            if splits != stated[first]:
                raise ValueError(
                    f"{name}: expected a file for {_shown(stated[first])}, as of '{first}', "
                    f"found one for {_shown(splits)}."
                )
        if self.ignore is not None and self.mask is None:
            raise ValueError("ignore: expected 'mask' beside it, found none. Remove it.")

    @property
    def _files(self) -> dict[str, dict[str | None, str]]:
        """The annotation files by target and by split, which is None where it is not said."""
        options = {name: _by_split(getattr(self, name)) for name in KEYS}
        return {name: files for name, files in options.items() if files}

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Looks for JSON files with images and annotations, and at what the smaller ones hold."""
        return recognition(folder)

    def records(self) -> Iterator[Record]:
        """Yields a record for every image that the files name, in their order.

        Raises:
          DataError: a file is missing, is no JSON or wrong in itself; an image is missing, lies
            outside or is in two splits; files of a split name other images, or hold no target.
        """
        return iter(self._found.records)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns the targets whose options are given; classes of all files in order of ids."""
        return self._found.targets

    @cached_property
    def _found(self) -> Found:
        # A file may have half a gigabyte: it is read once for records and targets together.
        return read(self.path, self._files, _by_split(self.images), ignore=self.ignore)


def _check_splits(name: str, option: Mapping[str, str] | str | None) -> None:
    words = list(option) if isinstance(option, Mapping) else ["train"]
    unknown = [word for word in words if split_named(word) is None]
    if unknown or not words:
        hint = did_you_mean(unknown[0], SPLIT_WORDS) if unknown else ""
        raise ValueError(
            f"{name}: expected names of splits, found '{unknown[0] if unknown else 'none'}'.{hint}"
        )
    if len({split_named(word) for word in words}) < len(words):
        raise ValueError(f"{name}: expected each split once, found {', '.join(words)}.")


def _by_split(option: Mapping[str, str] | str | None) -> dict[str | None, str]:
    if isinstance(option, Mapping):
        return {split_named(word): file for word, file in option.items()}
    return {} if option is None else {None: option}


def _shown(splits: Iterable[str | None]) -> str:
    return ", ".join(sorted(split or "no split in particular" for split in splits))
