"""Images that a list names together with their labels."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.layouts import keys
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.list.columns import LISTS, Guess, guess
from dsbuilder.layouts.list.format import Columns, Entry, read_listing
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tabled import class_target, multi_label_target, targets_of, value_target
from dsbuilder.layouts.tree import scan
from dsbuilder.paths import Inside
from dsbuilder.plugin import (
    DataError,
    Recognition,
    Record,
    Source,
    Target,
    Text,
    did_you_mean,
    source,
)

_log = logging.getLogger(__name__)
_MOST_LISTS = 50
_SPLITS = tuple(dict.fromkeys(SPLIT_WORDS.values()))


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
    lead out of the folder are refused, and so is an image that is listed twice. Files of the folder
    that no list names are skipped, counted, and reported in the log.

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
      labels_classes: the same of `labels_column`.
      image_column, label_column: columns of a CSV, TSV or JSONL list: the path and the class; null
        for label_column reads no class.
      labels_column: its column of several classes, a list, or a text with `separator` in between.
      value_columns: its column of a number or a list of numbers, or several of one number each.
      text_column: its column of texts.
      group_column: its column that groups records; records of one group never end in two splits.
      split_column: its column that names the split.
      separator: what stands between several classes in a text.
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

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if not (self.label_column or self.labels_column or self.value_columns or self.text_column):
            raise ValueError("expected a column of labels to read, found none. Name one.")
        if not self.separator.strip():
            raise ValueError("separator: expected a character such as ',', found none.")
        single = (self.path, self.list)
        if (None in single) == (self.lists is None) or (self.lists and single != (None, None)):
            raise ValueError("expected either 'path' and 'list', or 'lists'. Give one of the two.")
        if self.lists is not None:
            _check_splits(self.lists, self.split_column)

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Says whether a list at the top or in a folder there names images and their classes."""
        return _recognise(folder, glance(folder))

    def records(self) -> Iterator[Record]:
        """Yields a record for every line, in the order of the lists.

        Raises:
          DataError: a list or a folder is missing, a line is malformed, names a file that is not
            there or lies outside, an unknown class or a file twice, or there is only one class. Of
            the lines, all that are wrong are told at once, up to a limit.
        """
        records = _Reader(self).read()
        if self.label_column is not None:
            found = {record.targets["label"] for record in records}
            names = ", ".join(str(path) for _, _, path in _parts(self))
            check_class_count(found, where=names, noun="classes")
        return iter(records)

    def watches(self) -> Sequence[Path]:
        """Returns the lists."""
        return [path for _, _, path in _parts(self)]

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns the targets of the columns: `label`, `labels`, `value`, `text`."""
        makers: Mapping[str, Callable[[], Target]] = {
            "label": lambda: class_target(records, self.classes),
            "labels": lambda: multi_label_target(records, self.labels_classes),
            "value": lambda: value_target(records),
            "text": lambda: Text(),
        }
        return targets_of(records, makers)


def _check_splits(lists: Mapping[str, tuple[Path, Path]], split_column: str | None) -> None:
    unknown = [word for word in lists if split_named(word) is None]
    if unknown:
        hint = did_you_mean(unknown[0], SPLIT_WORDS)
        raise ValueError(f"lists: expected the names of splits, found '{unknown[0]}'.{hint}")
    if not lists:
        raise ValueError("lists: expected at least one split, found none.")
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
    absolute = {folder: os.path.abspath(folder) for folder in folders}  # noqa: PTH100 - not resolved
    parent = os.path.commonpath(absolute.values())
    below = {folder: os.path.relpath(path, parent) for folder, path in absolute.items()}
    return {
        folder: "" if path == "." else Path(path).as_posix() + "/" for folder, path in below.items()
    }


class _Reader:
    """Reads all lists of a source, and remembers on which line every image was listed."""

    def __init__(self, source: ImageList) -> None:
        self._source = source
        self._parts = _parts(source)
        self._listed: dict[str, tuple[Path, int]] = {}
        self._faults = Faults()
        self._columns = Columns(
            image=source.image_column,
            label=source.label_column,
            labels=source.labels_column,
            values=source.value_columns,
            text=source.text_column,
            group=source.group_column,
            split=source.split_column,
            separator=source.separator,
        )

    def read(self) -> list[Record]:
        for _, folder, _ in self._parts:
            if not folder.is_dir():
                found = "a file" if folder.exists() else "none"
                raise DataError(
                    f"{folder}: expected a folder of images, found {found}. Check the path."
                )
        prefixes = _prefixes([folder for _, folder, _ in self._parts])
        inside = {folder: Inside(folder) for folder in prefixes}
        records: list[Record] = []
        for split, folder, path in self._parts:
            read = list(self._records(path, folder, inside[folder], prefixes[folder]))
            records += [each if split is None else replace(each, split=split) for each in read]
        self._faults.check()
        self._report({start: folder for folder, start in prefixes.items()})
        return records

    def _report(self, folders: Mapping[str, Path]) -> None:
        """Logs what no list names, given what stands before a path in its key -> the folder."""
        for start, folder in folders.items():
            if any(start != other and start.startswith(other) for other in folders):
                continue  # what lies above it is reported as a whole
            tree = scan(folder)
            read = {key.removeprefix(start) for key in self._listed if key.startswith(start)}
            read |= {Path(os.path.relpath(path, folder)).as_posix() for _, _, path in self._parts}
            for note in tree.notes(tree.skipped(read)):
                _log.warning("%s: %s.", folder, note)

    def _records(self, path: Path, folder: Path, inside: Inside, prefix: str) -> Iterator[Record]:
        """Yields the records of a list; notes the lines that are wrong."""
        entry = None
        for entry in read_listing(path, self._columns, faults=self._faults):
            with self._faults.collecting(f"{path}:{entry.line}"):
                image = _located(inside, entry)
                self._check(prefix + image, path, entry)
                yield Record(
                    key=prefix + image,
                    path=folder / image,
                    targets=entry.targets,
                    group=entry.group,
                    split=entry.split,
                )
        if entry is None:
            self._faults.check()
            raise DataError(
                f"{path}: expected an image and its label a line, found no line. "
                "Fill the list or leave it out."
            )

    def _check(self, key: str, path: Path, entry: Entry) -> None:
        for option, names in (("classes", [entry.label]), ("labels_classes", entry.labels or [])):
            known = getattr(self._source, option)
            unknown = [name for name in names if known is not None and name not in known]
            if unknown and unknown[0] is not None:
                raise DataError(
                    f"expected one of the {len(known)} classes, found '{unknown[0]}'."
                    f"{did_you_mean(unknown[0], known)} Correct the line or add it to `{option}`."
                )
        other, line = self._listed.setdefault(key, (path, entry.line))
        if (other, line) != (path, entry.line):
            raise DataError(
                f"expected every image once, found '{key}' again, which {other}:{line} lists. "
                "Remove one of the lines."
            )


def _located(inside: Inside, entry: Entry) -> str:
    try:
        return inside.locate(entry.image)
    except DataError as error:
        raise DataError(f"{error} Correct the line.") from None


# -- recognition --------------------------------------------------------------------------------


def _recognise(folder: Path, seen: Glance) -> Recognition:
    candidates = [path for path in seen.ending(*LISTS) if _may_be_a_list(path)][:_MOST_LISTS]
    if not candidates:
        return Recognition(certainty=0, reason=f"no list ({', '.join(LISTS)}) lies in it")
    guesses = {path: guess(folder, path, _bases(path, seen)) for path in candidates}
    found = {path: each for path, each in guesses.items() if isinstance(each, Guess)}
    classes = {path: each for path, each in found.items() if each.num_classes > 1}
    if not classes:
        path, why = next(iter(guesses.items()))
        why = why if isinstance(why, str) else "names one class alone"
        more = f", nor is another of {len(candidates)}" if len(candidates) > 1 else ""
        return Recognition(certainty=0, reason=f"'{path}' {why}{more}")
    by_split = _by_split(classes)
    if by_split is not None:
        return _recognition_of_splits(by_split, classes)
    path = max(classes, key=lambda each: len(classes[each].labels))
    return _recognition_of_one(path, classes[path])


def _may_be_a_list(path: str) -> bool:
    # What is called metadata says more than a class: that is the source `imagefolder`.
    return path.count("/") <= 1 and PurePosixPath(path).stem != "metadata" and path != keys.TABLE


def _bases(path: str, seen: Glance) -> list[str]:
    """Returns the folders that the paths of a list may be relative to, the likeliest first."""
    own = str(PurePosixPath(path).parent)
    tops = [each for each in seen.folders if "/" not in each]
    return list(dict.fromkeys((own, ".", *tops)))


def _by_split(found: Mapping[str, Guess]) -> dict[str, str] | None:
    """Returns split -> list where file names state splits, each of them once, train among them."""
    splits: dict[str, str] = {}
    for path in found:
        words = re.split(r"[-_. ]+", PurePosixPath(path).stem)
        named = [split for split in map(split_named, words) if split is not None]
        if len(named) == 1 and splits.setdefault(named[0], path) != path:
            return None
    alike = len({found[path].columns for path in splits.values()}) == 1
    if not alike or "train" not in splits or len(splits) == 1:
        return None
    return {split: splits[split] for split in _SPLITS if split in splits}


def _recognition_of_splits(by_split: Mapping[str, str], found: Mapping[str, Guess]) -> Recognition:
    guesses = [found[path] for path in by_split.values()]
    counts = ", ".join(f"{path}: {_rows(found[path])}" for path in by_split.values())
    certainty, doubt = _doubt(by_split.values(), guesses, certainty=0.95)
    return Recognition(
        certainty=certainty,
        reason=f"lists of images for {len(by_split)} splits ({counts}){doubt}",
        options={
            "lists": {split: (found[path].base, path) for split, path in by_split.items()},
            **_columns(guesses[0].columns),
        },
        comments={"lists": f"split: [folder of the images, list]; {counts}"},
    )


def _recognition_of_one(path: str, found: Guess) -> Recognition:
    certainty, doubt = _doubt([path], [found], certainty=0.85)
    shown = shortened(sorted(set(found.labels)))
    read = f"{_rows(found)}, {_NOUNS[found.kind].format(found.num_classes)}: {shown}"
    comments = {"path": "the folder that the paths in the list are relative to", "list": read}
    if found.columns.group is not None:
        comments["group_column"] = "records of one group never end in two splits"
    if found.others:
        comments["list"] += f"; columns that are not read: {', '.join(found.others)}"
    return Recognition(
        certainty=certainty,
        reason=f"'{path}' lists images that lie in '{found.base}' ({read}){doubt}",
        options={"path": found.base, "list": path, **_columns(found.columns)},
        comments=comments,
    )


_NOUNS = {
    "class": "{} classes",
    "labels": "several classes each",
    "value": "numbers",
    "text": "texts",
}


def _columns(columns: Columns) -> dict[str, object]:
    """Returns the options that say which columns are read, as far as they are not the defaults."""
    default = Columns()
    found: dict[str, object] = {
        f"{role}_column": getattr(columns, role)
        for role in ("image", "label", "labels", "text", "group", "split")
        if getattr(columns, role) != getattr(default, role)
    }
    if columns.values:
        found["value_columns"] = columns.values
    if columns.separator != default.separator:
        found["separator"] = columns.separator
    return found


def _rows(found: Guess) -> str:
    return f"{'' if found.whole else 'at least '}{len(found.labels)} lines"


def _doubt(
    paths: Iterable[str], guesses: Sequence[Guess], *, certainty: float
) -> tuple[float, str]:
    """Returns how certain it is that labels are what they seem, and what speaks against.

    Args:
      certainty: if nothing does.
    """
    kind = guesses[0].kind
    if kind == "class":
        return certainty, ""
    if any(PurePosixPath(path).suffix.lower() == ".txt" for path in paths):
        noun = _NOUNS[kind].format("")
        return 0.2, f"; but a text file lists classes, and these are {noun}: make it a table"
    return certainty - 0.05, ""
