"""YOLO, as Ultralytics has it: a text file of boxes for every image, and `data.yaml` over them.

    data.yaml                    names: {0: cat, 1: dog}, train: images/train, ...
    images/train/a.jpg
    labels/train/a.txt           0 0.5 0.5 0.25 0.1

A line is `class x_center y_center width height`: a class id from 0 on, the rest as shares of the
image's sides. The label of an image is found by putting `labels` for the last folder called
`images`, or beside the image where there is none; an image without a label file has no objects.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.formats.box import TOLERANCE
from dsbuilder.formats.faults import Faults
from dsbuilder.formats.table import cut, lines, read_text

SPLITS: Mapping[str, str] = {"train": "train", "val": "validation", "test": "test"}
"""Keys of `data.yaml` -> the split."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NO_SPLIT = frozenset({"", "~", "null", "Null", "NULL"})


class Row(NamedTuple):
    """One box of a label file.

    Attributes:
      class_id: as `data.yaml` numbers the classes.
      corners: x_min, y_min, x_max, y_max as shares of the image's sides, in [0, 1].
    """

    class_id: int
    corners: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a label file holds.

    Attributes:
      rows: in the order of the file, each once.
      repeated: how many further lines said the same as one before.
    """

    rows: tuple[Row, ...] = ()
    repeated: int = 0


@dataclass(frozen=True, kw_only=True)
class Data:
    """What `data.yaml` says.

    Attributes:
      names: class id -> name, in the order of the ids.
      root: the folder that the places are relative to, as written; empty if it is not said.
      places: split -> folders of images or lists of such, as written.
    """

    names: Mapping[int, str]
    places: Mapping[str, tuple[str, ...]]
    root: str = ""


def label_path(image: str) -> str:
    """Returns where the label of an image lies, both as posix paths below one folder."""
    before, folder, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if folder else f"/{image}"
    parent, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{parent}/{stem}.txt"[1:]


def read_labels(path: Path, names: Mapping[int, str], faults: Faults) -> Labels:
    """Returns the boxes of a label file; corners a rounding error outside are moved to the edge.

    Args:
      names: class id -> name.
      faults: takes note of malformed lines, which are left out.

    Raises:
      DataError: the file cannot be read as text.
    """
    rows: dict[Row, None] = {}
    count = 0
    for number, line in lines(read_text(path, "label file")):
        with faults.collecting(f"{path}:{number}", "Correct the line."):
            rows[_row(line, names)] = None
            count += 1
    return Labels(rows=tuple(rows), repeated=count - len(rows))


def written_labels(rows: Iterable[Row]) -> str:
    """Returns the text of a label file."""
    return "".join(f"{row.class_id} {_centred(row.corners)}\n" for row in rows)


def _centred(corners: Sequence[float]) -> str:
    x_min, y_min, x_max, y_max = map(float, corners)
    box = ((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min)
    return " ".join(f"{number:.10f}".rstrip("0").rstrip(".") for number in box)


def _row(line: str, names: Mapping[int, str]) -> Row:
    words = line.split()
    if len(words) != 5:
        kind = " a polygon or keypoints, which are not read;" if len(words) > 6 else ""
        raise DataError(
            f"expected 'class x_center y_center width height', found{kind} {len(words)} words in "
            f"{cut(line.strip())}."
        )
    wrong = [word for word in words if not _NUMBER.fullmatch(word)]
    if wrong:
        raise DataError(f"expected five numbers, found {cut(wrong[0])}.")
    number, *box = map(float, words)
    if number not in names:
        raise DataError(
            f"expected a class id of the {len(names)} classes of data.yaml, found '{words[0]}'."
        )
    return Row(int(number), _corners(*box))


def _corners(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    low, high = -TOLERANCE, 1 + TOLERANCE
    if not all(low <= number <= high for number in (x, y)) or not (
        0 <= width <= high and 0 <= height <= high
    ):
        raise DataError(
            f"expected shares of the image's sides in [0, 1], found {x:g} {y:g} {width:g} "
            f"{height:g}. YOLO has no pixels in it."
        )
    corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if not all(low <= corner <= high for corner in corners):
        raise DataError(
            "expected a box inside the image, found one from "
            f"({corners[0]:g}, {corners[1]:g}) to ({corners[2]:g}, {corners[3]:g})."
        )
    left, top, right, bottom = (min(1.0, max(0.0, corner)) for corner in corners)
    return left, top, right, bottom


def read_data(path: Path) -> Data:
    """Returns what `data.yaml` says.

    Raises:
      DataError: the file is missing, is not YAML, has no `names`, or they are not numbered names.
    """
    found = _composed(path, read_text(path, "data.yaml"))
    if "names" not in found:
        raise DataError(
            f"{path}: expected the key 'names', found none.{did_you_mean('names', found)} Add it."
        )
    names = _names(path, found["names"])
    if "nc" in found and _text(path, found["nc"]) != str(len(names)):
        raise DataError(
            f"{_where(path, found['nc'])}: nc: expected {len(names)}, the number of names, found "
            f"{_text(path, found['nc'])}. Correct one of them."
        )
    places = {split: _places(path, found[key]) for key, split in SPLITS.items() if key in found}
    return Data(
        names=names,
        root=_text(path, found["path"]) if "path" in found else "",
        places={split: each for split, each in places.items() if each},
    )


def written_data(names: Sequence[str], places: Mapping[str, str]) -> str:
    """Returns the text of `data.yaml`.

    Args:
      names: class names in id order.
      places: split -> folder of its images below that of the file.
    """
    keys = {split: key for key, split in SPLITS.items()}
    written = [f"{keys[split]}: {_quoted(place)}" for split, place in places.items()]
    written += [f"nc: {len(names)}", "names:"]
    written += [f"  {number}: {_quoted(name)}" for number, name in enumerate(names)]
    return "\n".join(written) + "\n"


def _quoted(text: str) -> str:
    """Returns a text as YAML in single quotes, so that no word is taken for a number or a yes."""
    return "'" + text.replace("'", "''") + "'"


def _composed(path: Path, text: str) -> dict[str, Any]:
    """Returns the top mapping of YAML, its values as nodes that know their lines."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        what = error.problem or error.context
        raise DataError(
            f"{where}: expected YAML, found an error: {what}. Correct the line."
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: expected YAML, found an error: {reason}.") from None
    if root is None or root.id != "mapping":
        raise DataError(f"{path}: expected keys such as names and train, found none. Add them.")
    return _mapping(path, root)


def _mapping(path: Path, node: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        word = _text(path, key)
        if word in found:
            raise DataError(
                f"{_where(path, key)}: expected each key once, found '{word}' again. "
                "Remove one of them."
            )
        found[word] = value
    return found


def _names(path: Path, node: Any) -> dict[int, str]:
    """Returns id -> name, in the order of the ids, of a list or of a mapping with gaps or none."""
    if node.id == "sequence":
        names = {number: _text(path, each).strip() for number, each in enumerate(node.value)}
    elif node.id == "mapping":
        pairs = _mapping(path, node).items()
        names = {_id(path, node, key): _text(path, each).strip() for key, each in pairs}
    else:
        names = {}
    if not names or "" in names.values():
        raise DataError(
            f"{_where(path, node)}: names: expected a list of names or id: name, found "
            f"{'an empty name' if names else 'none'}. Complete them."
        )
    twice = [name for name in names.values() if list(names.values()).count(name) > 1]
    if twice:
        raise DataError(
            f"{_where(path, node)}: names: expected each name once, found '{twice[0]}' again. "
            "Rename one of them."
        )
    return dict(sorted(names.items()))


def _id(path: Path, node: Any, word: str) -> int:
    if not re.fullmatch(r"0|[1-9]\d{0,8}", word, re.ASCII):
        raise DataError(
            f"{_where(path, node)}: names: expected ids such as 0, found '{word}'. "
            "Number the classes from 0."
        )
    return int(word)


def _places(path: Path, node: Any) -> tuple[str, ...]:
    if node.id == "sequence":
        return tuple(_text(path, each) for each in node.value)
    text = _text(path, node)
    return () if text in _NO_SPLIT and not node.style else (text,)


def _text(path: Path, node: Any) -> str:
    if node.id != "scalar":
        raise DataError(
            f"{_where(path, node)}: expected a word, found a list or mapping. Correct the line."
        )
    return str(node.value)


def _where(path: Path, node: Any) -> str:
    return f"{path}:{node.start_mark.line + 1}"
