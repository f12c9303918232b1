"""What the columns of a list seem to hold, by their names, their cells, and the files there are.

A guess is made of the first lines of a list and costs next to nothing; whether the whole list keeps
what its first lines promise, only the reader says. Lists of several splits are judged together, for
what a column holds must be the same in each.
"""

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import DataError
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts.faults import FEW, Faults
from dsbuilder.layouts.list import kinds
from dsbuilder.layouts.list.columns import CONFIDENCE, Columns, Kind
from dsbuilder.layouts.list.format import read_lines
from dsbuilder.layouts.list.kinds import BoxColumns, Cells
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.tree import extension
from dsbuilder.paths import Inside, normalized

_MOST_BYTES = 1_000_000
_MOST_ROWS = 2_000
_TRIED_FILES = 20
_LABELS = (
    *("label", "class", "class_name", "category", "species", "breed", "target", "y"),
    *("labels", "classes", "categories", "tags", "text", "caption", "words", "value", "score"),
)
_BOX_LABELS = (*_LABELS, "name", "labelname", "label_name", "class_id", "classid", "category_id")
_IDS = ("", "id", "index", "n", "no", "unnamed: 0")
_SIZES = ("width", "height")
_GROUPS = ("group", "group_id", "patient", "patient_id", "subject", "subject_id", "writer", "video")
_SPLIT_COLUMNS = ("split", "set", "subset", "partition", "fold", "usage")
_TAKEN = ("image", "key")
_LONGEST = 100


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The first rows of a list that names images.

    Attributes:
      path: its path below the folder that was looked at.
      cells: cells by column.
      image: the column of images.
      base: the folder that its paths are relative to, as a posix path below the folder that was
        looked at; `.` for that folder itself.
      images: paths of the rows, below the folder that was looked at.
      whole: whether these are all rows.
    """

    path: str
    cells: Cells
    image: str
    base: str
    images: frozenset[str]
    whole: bool

    def __len__(self) -> int:
        return len(self.cells[self.image])


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What lists seem to hold.

    Attributes:
      columns: what their columns hold, by name.
      labels: the classes, or else cells of labels, of the rows that were read, in their order.
      noun: what the labels are, in words; `{}` stands for how many different ones there are.
      others: names of columns that no one reads.
      boxes: how the numbers of boxes are meant, where there are boxes.
      is_plain: whether no column was passed over that may be a label as well.
    """

    columns: Columns
    labels: tuple[str, ...]
    noun: str = "{} classes"
    others: tuple[str, ...] = ()
    boxes: BoxColumns | None = None
    is_plain: bool = True

    @property
    def num_classes(self) -> int:
        """How many labels there are among the rows that were read."""
        return len(set(self.labels))


_NOUNS: Mapping[Kind, str] = {
    "class": "{} classes",
    "classes": "several classes each",
    "value": "numbers",
    "text": "texts",
}


def beginning(root: Path, path: str, bases: Sequence[str]) -> Beginning | str:
    """Returns the first rows of a list below `root`, or why it is none, as the end of a sentence.

    Args:
      path: of the list, below `root`.
      bases: folders below `root` that its paths may be relative to, tried in this order.
    """
    try:
        text, whole = _text(root / path)
        table = _table(root / path, text)
    except (DataError, OSError, csv.Error, ValueError) as error:
        return f"cannot be read as a list ({str(error).splitlines()[0]})"
    found = _images(root, table, bases)
    if isinstance(found, str):
        return found
    image, base, inside = found
    return Beginning(
        path=path,
        cells=table,
        image=image,
        base=base,
        images=frozenset(_below(base, inside, cell.strip()) for cell in table[image]),
        whole=whole and len(table[image]) < _MOST_ROWS,
    )


def _below(base: str, inside: Inside, relative: str) -> str:
    prefix = "" if base == "." else f"{base}/"
    with contextlib.suppress(DataError, OSError):
        return prefix + inside.locate(relative, IMAGE_EXTENSIONS)
    with contextlib.suppress(DataError):
        return prefix + normalized(relative)
    return ""


def _images(root: Path, table: Cells, bases: Sequence[str]) -> tuple[str, str, Inside] | str:
    """Returns the column of images, the folder that they lie in, and what looks files up there."""
    ordered = sorted(table, key=lambda name: name != Columns.image)
    ending = [name for name in ordered if _end_as_images(table[name])]
    insides = [(base, Inside(root / base)) for base in bases]
    for name in [*ending, *(name for name in ordered if name not in ending)]:
        for base, inside in insides:
            if table[name] and _most_lie_in(inside, table[name]):
                return name, base, inside
    if ending:
        return f"names images that do not lie there, such as '{table[ending[0]][0]}'"
    return "names no image files"


def _end_as_images(cells: Sequence[str]) -> bool:
    return bool(cells) and all(extension(cell.strip()) in IMAGE_EXTENSIONS for cell in cells)


def _most_lie_in(inside: Inside, cells: Sequence[str]) -> bool:
    """Whether all of a few files lie there, but for the few that may be missing of any set."""
    there = [_lies_in(inside, cell.strip()) for cell in _spread(cells)]
    return there.count(False) <= len(there) * FEW


def _lies_in(inside: Inside, relative: str) -> bool:
    try:
        return extension(inside.locate(relative, IMAGE_EXTENSIONS)) in IMAGE_EXTENSIONS
    except (DataError, OSError):
        return False


def _spread(cells: Sequence[str]) -> Iterator[str]:
    """Yields a few cells, from the first to the last."""
    last = len(cells) - 1
    places = {last * step // max(1, _TRIED_FILES - 1) for step in range(_TRIED_FILES)}
    return (cells[place] for place in sorted(places))


def guess(parts: Sequence[Beginning]) -> Guess | str:
    """Returns what lists with one column of images hold, or why that is not plain."""
    first = parts[0]
    common = [name for name in first.cells if all(name in each.cells for each in parts)]
    table = {name: [cell for each in parts for cell in each.cells[name]] for name in common}
    if extension(first.path) == "txt":
        return _of_text(table["label"])
    named = {name.lower(): name for name in reversed(common) if name != first.image}
    split = next((named[word] for word in _SPLIT_COLUMNS if word in named), None)
    if len(parts) > 1 or not all(split_named(cell.strip()) for cell in table.get(split or "", ())):
        split = None  # the lists say it, or these are no splits
    group = next((named[word] for word in _GROUPS if word in named), None)
    rest = {name: table[name] for name in common if name not in (first.image, split, group)}
    found = _labeled(table[first.image], rest)
    if isinstance(found, str):
        return found
    columns = Columns(image=first.image, group=group, split=split, **found.options)
    return Guess(
        columns=columns,
        labels=tuple(found.labels),
        noun=found.noun,
        others=tuple(name for name in rest if name not in columns.options),
        boxes=found.boxes,
        is_plain=found.is_plain,
    )


def _of_text(cells: Sequence[str]) -> Guess:
    kind, _ = kinds.kind_of(cells)
    return Guess(columns=Columns(), labels=tuple(cells), noun=_NOUNS[kind])  # there are no others


@dataclass(frozen=True, kw_only=True)
class _LabelColumns:
    """What of a table are labels; see `Guess`. The options are those of `Columns`."""

    options: Mapping[str, Any]
    labels: Sequence[str]
    noun: str = "{} classes"
    boxes: BoxColumns | None = None
    is_plain: bool = True


def _labeled(images: Sequence[str], rest: Cells) -> _LabelColumns | str:
    """Returns the labels among the columns that are left, or why there are none."""
    named = {name.lower(): name for name in reversed(list(rest))}
    boxes = kinds.boxes_of(rest)
    if boxes is not None:
        return _with_boxes(boxes, rest, named)
    plain = [name for name in rest if not name.lower().endswith(CONFIDENCE)]
    named_so = [name for name in plain if name.lower() not in (*_IDS, *_SIZES)]
    left = [name for name in named_so if name.lower() not in (*_GROUPS, *_SPLIT_COLUMNS)]
    left = left or named_so
    if kinds.are_flags(rest, left):
        chosen = kinds.flagged(rest, left)
        known = any(word in named for word in _LABELS)
        if all(len(each) == 1 for each in chosen):
            options = {"label": None, "one_hot": tuple(left)}
            return _LabelColumns(options=options, labels=[each[0] for each in chosen])
        if not known:
            found = [name for each in chosen for name in each]
            options = {"label": None, "multi_hot": tuple(left)}
            return _LabelColumns(options=options, labels=found, noun=_NOUNS["classes"])
    if kinds.are_series(left) and all(kinds.are_numbers(rest[name]) for name in left):
        options = {"label": None, "values": tuple(left)}
        return _LabelColumns(options=options, labels=rest[left[0]], noun=_NOUNS["value"])
    known_label = next((named[word] for word in _LABELS if named.get(word) in left), None)
    if known_label is not None or len(left) == 1:
        return _of_column(known_label or left[0], images, rest)
    return _one_each(left, images, rest)


def _of_column(name: str, images: Sequence[str], rest: Cells) -> _LabelColumns:
    cells = [cell.strip() for cell in rest[name]]
    kind, separator = kinds.kind_of(cells)
    if kind == "class" and _differ_in_rows(images, cells):
        kind = "classes"
    roles: Mapping[Kind, dict[str, Any]] = {
        "class": {"label": name},
        "classes": {"labels": name},
        "value": {"values": (name,)},
        "text": {"text": name},
    }
    options = {"label": None, **roles[kind], "separator": separator}
    return _LabelColumns(options=options, labels=cells, noun=_NOUNS[kind])


def _differ_in_rows(images: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether an image stands in several rows, with another class in each."""
    return len(set(zip(images, cells, strict=True))) > len(set(images))


def _one_each(left: Sequence[str], images: Sequence[str], rest: Cells) -> _LabelColumns | str:
    """Returns a target for each column, but for texts, of which nobody knows what they are."""
    found = {name: kinds.kind_of(rest[name]) for name in left}
    targets = {
        name: kind
        for name, (kind, separator) in found.items()
        if kind != "text" and separator == "," and len(set(rest[name])) > 1 and _may_be_name(name)
    }
    if not targets:
        return f"has no column that is plainly the label ({', '.join(rest) or 'no other'})"
    is_plain = len(targets) == len(left)
    first = rest[next(iter(targets))]
    if len(targets) == 1:
        only = _of_column(next(iter(targets)), images, rest)
        return replace(only, is_plain=is_plain)
    return _LabelColumns(
        options={"label": None, "targets": targets},
        labels=[cell.strip() for cell in first],
        noun=", ".join(f"{name} ({kind})" for name, kind in targets.items()),
        is_plain=is_plain,
    )


def _may_be_name(name: str) -> bool:
    """Whether a target may be stored under the name of a column."""
    is_plain = name.isprintable() and name == name.strip() and not set(name) & set("/\\")
    return is_plain and not name.startswith(".") and name not in _TAKEN and len(name) <= _LONGEST


def _with_boxes(boxes: BoxColumns, rest: Cells, named: Mapping[str, str]) -> _LabelColumns:
    label = next(
        (named[word] for word in _BOX_LABELS if named.get(word) not in (None, *boxes.names)), None
    )
    cells = rest[label] if label is not None else ["object"]
    return _LabelColumns(
        options={"label": label, "boxes": boxes.names},
        labels=kinds.filled(cells),
        noun="boxes of {} classes" if len(set(kinds.filled(cells))) != 1 else "boxes of one class",
        boxes=boxes,
    )


def _text(path: Path) -> tuple[str, bool]:
    """Returns the first lines of a file, and whether these are all."""
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    whole = len(data) <= _MOST_BYTES
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    return data.removeprefix(b"\xef\xbb\xbf").decode(), whole


def _table(path: Path, text: str) -> Cells:
    """Returns the cells of the first rows by column; every column has as many."""
    kind = extension(path.name)
    if kind in ("csv", "tsv"):
        rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if kind == "tsv" else ",")
        filled = [row for row in islice(rows, _MOST_ROWS) if any(cell.strip() for cell in row)]
        header, *body = filled or [[]]
        names = [cell.strip() for cell in header]
        return {
            name: [row[place] for row in body if len(row) == len(names)]
            for place, name in enumerate(names)
        }
    if kind == "txt":
        faults = Faults()
        entries = list(islice(read_lines(path, text, faults), _MOST_ROWS))
        faults.check_few(of=len(entries))
        return {
            Columns.image: [entry.image for entry in entries],
            "label": [entry.targets["label"] for entry in entries],
        }
    return _objects(text)


def _objects(text: str) -> Cells:
    found = [
        typed_json.loads(line) for line in islice(text.splitlines(), _MOST_ROWS) if line.strip()
    ]
    if not all(isinstance(each, dict) for each in found):
        raise DataError("not an object a line")
    names = list(dict.fromkeys(name for each in found for name in each))
    table = {name: [kinds.cell_of(each.get(name)) for each in found] for name in names}
    return {
        name: [cell or "" for cell in cells] for name, cells in table.items() if None not in cells
    }
