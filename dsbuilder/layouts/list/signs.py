"""What of a folder speaks for lists that name its images and their labels.

What the columns hold is guessed from their names and from the files that lie there. A guess is made
of the first lines of a list and costs next to nothing; whether the whole list keeps what its first
lines promise, only the reader says.
"""

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from dsbuilder.errors import DataError, shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts.faults import FEW, Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.list.format import Columns, read_lines
from dsbuilder.layouts.sidecar import stated_targets
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tree import extension
from dsbuilder.paths import normalized
from dsbuilder.plugin import Signs

LISTS = ("txt", "csv", "tsv", "jsonl", "ndjson")
"""Extensions of the files that may be a list."""

_MOST_BYTES = 1_000_000
_MOST_ROWS = 2_000
_TRIED_FILES = 20
_LABELS = (
    *("label", "class", "class_name", "category", "species", "breed", "target", "y"),
    *("labels", "classes", "categories", "tags", "text", "caption", "words", "value", "score"),
)
_IDS = ("", "id", "index", "n", "no", "unnamed: 0")
_FEW = 10
_SEPARATORS = (",", "|", ";")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")
_GROUPS = ("group", "group_id", "patient", "patient_id", "subject", "subject_id", "writer", "video")
_SPLIT_COLUMNS = ("split", "set", "subset", "partition", "fold", "usage")

_Cells = Mapping[str, Sequence[str]]
"""Name of a column -> its cells in the order of the rows."""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a list seems to be.

    Attributes:
      columns: what its columns hold, by name.
      base: the folder that its paths are relative to, as a posix path below the folder that was
        looked at; `.` for that folder itself.
      kind: what the labels are: `class`, `labels` (several classes), `value` or `text`.
      images: paths of the rows that were read, below the folder that was looked at.
      labels: those of the rows that were read, in their order.
      whole: whether these are all rows.
      others: names of columns that no one reads.
    """

    columns: Columns
    base: str
    kind: str
    images: frozenset[str]
    labels: tuple[str, ...]
    whole: bool
    others: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """How many labels there are among the rows that were read."""
        return len(set(self.labels))


def guess(root: Path, path: str, bases: Sequence[str]) -> Guess | str:
    """Returns what a list below `root` seems to be, or why it is none, as the end of a sentence.

    Args:
      path: of the list, below `root`.
      bases: folders below `root` that its paths may be relative to, tried in this order.
    """
    try:
        text, whole = _beginning(root / path)
        table = _table(root / path, text)
    except (DataError, OSError, csv.Error, ValueError) as error:
        return f"cannot be read as a list ({str(error).splitlines()[0]})"
    image = _image_column(table)
    if image is None:
        return "names no image files"
    base = next((each for each in bases if _most_lie_in(root / each, table[image])), None)
    if base is None:
        return f"names images that do not lie there, such as '{table[image][0]}'"
    whole = whole and len(table[image]) < _MOST_ROWS
    found = _with_columns(table, image, base=base, whole=whole)
    if extension(path) == "txt" and isinstance(found, Guess):
        return replace(found, columns=Columns())  # there are no others
    return found


def _with_columns(table: _Cells, image: str, *, base: str, whole: bool) -> Guess | str:
    named = {name.lower(): name for name in reversed(list(table)) if name != image}
    split = next((named[word] for word in _SPLIT_COLUMNS if word in named), None)
    if split is not None and not all(split_named(cell.strip()) for cell in table[split]):
        split = None
    group = next((named[word] for word in _GROUPS if word in named), None)
    rest = [name for name in table if name not in (image, split, group)]
    labels = _label_columns(table, rest, named)
    if not labels:
        return f"has no column that is plainly the label ({', '.join(rest) or 'no other'})"
    cells = tuple(cell.strip() for cell in table[labels[0]])
    kind, separator = ("value", ",") if len(labels) > 1 else _kind(cells)
    only = labels[0]
    return Guess(
        columns=Columns(
            image=image,
            group=group,
            split=split,
            label=only if kind == "class" else None,
            labels=only if kind == "labels" else None,
            text=only if kind == "text" else None,
            values=labels if kind == "value" else (),
            separator=separator,
        ),
        base=base,
        kind=kind,
        images=frozenset(_below(base, cell.strip()) for cell in table[image]),
        labels=cells,
        whole=whole,
        others=tuple(name for name in rest if name not in labels),
    )


def _below(base: str, relative: str) -> str:
    prefix = "" if base == "." else f"{base}/"
    with contextlib.suppress(DataError):
        return prefix + normalized(relative)
    return ""


def _label_columns(table: _Cells, rest: Sequence[str], named: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the column of labels; several if all that is left are numbers, none if unsure."""
    known = next((named[word] for word in _LABELS if named.get(word) in rest), None)
    left = [name for name in rest if name.lower() not in _IDS]
    if known is not None or len(left) == 1:
        return (known or left[0],)
    numbers = all(_NUMBER.fullmatch(cell.strip()) for name in left for cell in table[name])
    return tuple(left) if numbers else ()


def _kind(cells: Sequence[str]) -> tuple[str, str]:
    """Returns what the cells of one column are, and what stands between several classes."""
    different = len(set(cells))
    many = different * 2 > len(cells) if len(cells) >= _FEW else different == len(cells)
    if all(_NUMBER.fullmatch(cell) for cell in cells):
        return ("value" if many or any("." in cell for cell in cells) else "class"), ","
    for separator in _SEPARATORS:
        parts = [part.strip() for cell in cells for part in cell.split(separator)]
        if len(parts) > 1.1 * len(cells) and len(set(parts)) * 2 <= len(parts):
            return "labels", separator
    return ("text" if many else "class"), ","


def _beginning(path: Path) -> tuple[str, bool]:
    """Returns the first lines of a file, and whether these are all."""
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    whole = len(data) <= _MOST_BYTES
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    return data.removeprefix(b"\xef\xbb\xbf").decode(), whole


def _table(path: Path, text: str) -> _Cells:
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
            "label": [entry.label or "" for entry in entries],
        }
    return _objects(text)


def _objects(text: str) -> _Cells:
    found = [json.loads(line) for line in islice(text.splitlines(), _MOST_ROWS) if line.strip()]
    if not all(isinstance(each, dict) for each in found):
        raise DataError("not an object a line")
    first = found[0] if found else {}
    names = [name for name in first if all(_is_cell(each.get(name)) for each in found)]
    return {name: [str(each[name]) for each in found] for name in names}


def _is_cell(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _image_column(table: _Cells) -> str | None:
    """Returns the first column whose cells all end as images do."""

    def names_images(name: str) -> bool:
        cells = table[name]
        return bool(cells) and all(extension(cell.strip()) in IMAGE_EXTENSIONS for cell in cells)

    ordered = sorted(table, key=lambda name: name != Columns.image)
    return next((name for name in ordered if names_images(name)), None)


def _most_lie_in(base: Path, cells: Sequence[str]) -> bool:
    """Whether all of a few files lie there, but for the few that may be missing of any set."""
    there = [_lies_in(base, cell.strip()) for cell in _spread(cells)]
    return there.count(False) <= len(there) * FEW


def _lies_in(base: Path, relative: str) -> bool:
    try:
        return (base / normalized(relative)).is_file()
    except (DataError, OSError):
        return False


def _spread(cells: Sequence[str]) -> Iterator[str]:
    """Yields a few cells, from the first to the last."""
    last = len(cells) - 1
    places = {last * step // max(1, _TRIED_FILES - 1) for step in range(_TRIED_FILES)}
    return (cells[place] for place in sorted(places))


_MOST_LISTS = 50
_SPLITS = tuple(dict.fromkeys(SPLIT_WORDS.values()))
_NOUNS = {
    "class": "{} classes",
    "labels": "several classes each",
    "value": "numbers",
    "text": "texts",
}


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for a list, or one for each split, and what against it."""
    seen = glance(folder)
    candidates = [path for path in seen.ending(*LISTS) if _may_be_a_list(path)][:_MOST_LISTS]
    if not candidates:
        return Signs(reason=f"no list ({', '.join(LISTS)}) lies in it")
    guesses = {path: guess(folder, path, _bases(path, seen)) for path in candidates}
    found = {path: each for path, each in guesses.items() if isinstance(each, Guess)}
    classes = {path: each for path, each in found.items() if each.num_classes > 1}
    if not classes:
        path, why = next(iter(guesses.items()))
        why = why if isinstance(why, str) else "names one class alone"
        more = f", nor is another of {len(candidates)}" if len(candidates) > 1 else ""
        return Signs(reason=f"'{path}' {why}{more}")
    by_split = _by_split(classes)
    if by_split is not None:
        signs = _of_splits(seen, {split: (path, classes[path]) for split, path in by_split.items()})
    else:
        path = max(classes, key=lambda each: len(classes[each].labels))
        signs = _of_one(seen, path, classes[path])
    if not stated_targets(folder):
        return signs
    against = [*signs.contradictions, "it is an export, which has another layout than lists"]
    return replace(signs, contradictions=against)


def _may_be_a_list(path: str) -> bool:
    # What is called metadata says more than a class: that is the source `imagefolder`.
    return path.count("/") <= 1 and PurePosixPath(path).stem != "metadata"


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


def _of_splits(seen: Glance, found: Mapping[str, tuple[str, Guess]]) -> Signs:
    counts = ", ".join(f"{path}: {_rows(each)}" for path, each in found.values())
    lists = {split: (each.base, path) for split, (path, each) in found.items()}
    first = next(iter(found.values()))[1]
    return Signs(
        reason=f"lists of images for {len(found)} splits ({counts})",
        evidence="declared",
        explained=_explained(seen, [each for _, each in found.values()]),
        contradictions=_contradictions(dict(found.values())),
        options={"lists": lists, **_columns(first.columns)},
        comments={"lists": f"split: [folder of the images, list]; {counts}"},
    )


def _of_one(seen: Glance, path: str, found: Guess) -> Signs:
    shown = shortened(sorted(set(found.labels)))
    read = f"{_rows(found)}, {_NOUNS[found.kind].format(found.num_classes)}: {shown}"
    comments = {"path": "the folder that the paths in the list are relative to", "list": read}
    if found.columns.group is not None:
        comments["group_column"] = "records of one group never end in two splits"
    if found.others:
        comments["list"] += f"; columns that are not read: {', '.join(found.others)}"
    return Signs(
        reason=f"'{path}' lists images that lie in '{found.base}' ({read})",
        evidence="declared",
        explained=_explained(seen, [found]),
        contradictions=_contradictions({path: found}),
        options={"path": found.base, "list": path, **_columns(found.columns)},
        comments=comments,
    )


def _explained(seen: Glance, guesses: Iterable[Guess]) -> float:
    """Returns the share of the images of the folders with listed ones that are listed.

    Images elsewhere, such as those of a split without labels, speak neither for it nor against.
    """
    found = list(guesses)
    if not all(each.whole for each in found):
        return 1.0
    listed = frozenset[str]().union(*(each.images for each in found))
    folders = {path.rpartition("/")[0] for path in listed}
    images = [path for path in seen.images if path.rpartition("/")[0] in folders]
    return seen.share(listed, images)


def _contradictions(guesses: Mapping[str, Guess]) -> list[str]:
    """A text file has no columns that could say that its labels are no classes."""
    kind = next(iter(guesses.values())).kind
    if kind == "class" or not any(path.lower().endswith(".txt") for path in guesses):
        return []
    noun = _NOUNS[kind].format("")
    return [f"a text file lists classes, and these are {noun}: make it a table"]


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
