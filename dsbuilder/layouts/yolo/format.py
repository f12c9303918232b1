"""YOLO, as Ultralytics has it: a text file of objects for every image, and `data.yaml` over them.

    data.yaml                    names: {0: cat, 1: dog}, train: images/train, ...
    images/train/a.jpg
    labels/train/a.txt           0 0.5 0.5 0.25 0.1

A line is an object, a box, a polygon or a box with keypoints; see `line.py`. Of keypoints,
`data.yaml` says how many there are (`kpt_shape: [17, 3]`), how they change places when an image is
mirrored (`flip_idx`), and perhaps how they are called (`kpt_names`). The label of an image is found
by putting `labels` for the last folder called `images`, or beside the image where there is none; an
image without a label file has no objects.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.errors import DataError, did_you_mean, instead
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import lines, read_text
from dsbuilder.layouts.yolo import line as yolo_line
from dsbuilder.layouts.yolo.line import Pose, YoloObject
from dsbuilder.plugin import Boxes, Instances, Keypoints, Mask, Record, Target

SPLITS: Mapping[str, str] = {"train": "train", "val": "validation", "test": "test"}
"""Keys of `data.yaml` -> the split."""

YAML = ("yaml", "yml")
"""What the names of `data.yaml` end in, whatever it is called."""

_NO_SPLIT = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """What a label file holds.

    Attributes:
      objects: those of the lines, in their order, each once.
      repeated: number of further lines that said the same as one before.
      clipped: number of boxes that reached out of the image and were cut.
    """

    objects: tuple[YoloObject, ...] = ()
    repeated: int = 0
    clipped: int = 0


_KNOWN = frozenset(
    (
        *("path", "names", "nc", "kpt_shape", "flip_idx", "kpt_names"),
        *("channels", "download", "roboflow", "yaml_file"),  # which say nothing of labels
    )
)


@dataclass(frozen=True, kw_only=True)
class DataYaml:
    """What `data.yaml` says.

    Attributes:
      names: class id -> name, in the order of the ids.
      root: the folder that the places are relative to, as written; empty if it is not said.
      places: split -> folders of images or lists of such, as written.
      pose: the keypoints of every object; None where there are none.
      unread: keys that nothing reads.
    """

    names: Mapping[int, str]
    places: Mapping[str, tuple[str, ...]]
    root: str = ""
    pose: Pose | None = None
    unread: tuple[str, ...] = ()


def is_of_masks(kinds: Collection[type[Target]]) -> bool:
    """Whether a set that we write of targets of some kinds holds masks, as polygons.

    It does where there are neither instances, boxes nor keypoints.
    """
    return Mask in kinds and not {Instances, Boxes, Keypoints} & set(kinds)


def label_path(image: str) -> str:
    """Returns where the label of an image lies, both as posix paths below one folder."""
    before, folder, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if folder else f"/{image}"
    parent, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{parent}/{stem}.txt"[1:]


def read_labels(
    path: Path,
    names: Mapping[int, str],
    faults: Faults,
    *,
    pose: Pose | None = None,
    record: Record | None = None,
) -> LabelFile:
    """Returns the objects of a label file, cut at the edges of the image; see `line.parse`.

    Args:
      names: class id -> name.
      pose: the keypoints of every object; None where there are none.
      faults: takes note of malformed lines, which are left out.
      record: the record that lines are of, without its labels.

    Raises:
      DataError: the file cannot be read as text.
    """
    objects: dict[YoloObject, None] = {}
    count, clipping = 0, Clipping()
    for number, line in lines(read_text(path, "label file")):
        with faults.collecting(f"{path}:{number}", "Correct the line.", record=record):
            objects[yolo_line.parse(line, names, pose, clipping)] = None
            count += 1
    repeated = count - len(objects)
    return LabelFile(objects=tuple(objects), repeated=repeated, clipped=clipping.boxes)


def written_labels(objects: Iterable[YoloObject]) -> str:
    """Returns the text of a label file of boxes, or of boxes with keypoints."""
    return "".join(map(yolo_line.written, objects))


def read_data(path: Path) -> DataYaml:
    """Returns what `data.yaml` says.

    Raises:
      DataError: the file is missing, is not YAML, has no `names`, or they are not numbered names.
    """
    found = _composed(path, read_text(path, "data.yaml"))
    if "names" not in found:
        raise DataError(f"{path}: there is no key 'names'.{did_you_mean('names', found)} Add it.")
    names = _names(path, found["names"])
    if "nc" in found and _text(path, found["nc"]) != str(len(names)):
        raise DataError(
            f"{_where(path, found['nc'])}: nc: expected {len(names)}, the number of names, found "
            f"{_text(path, found['nc'])}. Correct one of them."
        )
    places = {split: _places(path, found[key]) for key, split in SPLITS.items() if key in found}
    return DataYaml(
        names=names,
        root=_text(path, found["path"]) if "path" in found else "",
        places={split: each for split, each in places.items() if each},
        pose=_pose(path, found) if "kpt_shape" in found else None,
        unread=tuple(key for key in found if key not in _KNOWN and key not in SPLITS),
    )


def _pose(path: Path, found: Mapping[str, Any]) -> Pose:
    """Returns the keypoints that keys of `data.yaml` describe."""
    shape = _numbers(path, found["kpt_shape"], "kpt_shape")
    if len(shape) != 2 or not shape[0] or shape[1] not in (2, 3):
        raise DataError(
            f"{_where(path, found['kpt_shape'])}: kpt_shape: expected [points, 2] or [points, 3], "
            f"found {shape}. Correct it."
        )
    names = tuple(f"point {number}" for number in range(shape[0]))
    if "kpt_names" in found:
        names = _point_names(path, found["kpt_names"], shape[0])
    flip = list(range(shape[0]))
    if "flip_idx" in found:
        flip = _numbers(path, found["flip_idx"], "flip_idx")
        if sorted(flip) != list(range(shape[0])) or any(flip[n] != m for m, n in enumerate(flip)):
            raise DataError(
                f"{_where(path, found['flip_idx'])}: flip_idx: expected for each of {shape[0]} "
                f"points the one that it changes places with, found {flip}. Correct it."
            )
    swaps = tuple((names[one], names[other]) for one, other in enumerate(flip) if one < other)
    is_paired = "flip_idx" in found or shape[0] == 1
    return Pose(names=names, is_seen=shape[1] == 3, swaps=swaps, is_paired=is_paired)


def _point_names(path: Path, node: Any, count: int) -> tuple[str, ...]:
    """Returns the names of points, which are the same for every class."""
    lists = list(_mapping(path, node).values()) if node.id == "mapping" else []
    found = {
        tuple(_text(path, each).strip() for each in names.value)
        for names in lists
        if names.id == "sequence"
    }
    names = next(iter(found), ())
    if len(found) != 1 or len(names) != count or len(set(names)) != count or "" in names:
        shown = " and ".join(str(list(each)) for each in sorted(found))
        wanted = f"{count} names, the same for each class"
        problem = instead(wanted, shown, missing="list of names by class")
        raise DataError(f"{_where(path, node)}: kpt_names: {problem}. Correct or remove them.")
    return names


def _numbers(path: Path, node: Any, key: str) -> list[int]:
    words = [_text(path, each) for each in node.value] if node.id == "sequence" else []
    if not words or not all(re.fullmatch(r"\d{1,4}", word, re.ASCII) for word in words):
        problem = instead("a list of whole numbers", ", ".join(words), missing="list of numbers")
        raise DataError(f"{_where(path, node)}: {key}: {problem}. Correct it.")
    return [int(word) for word in words]


def written_data(
    names: Sequence[str], places: Mapping[str, str], *, pose: Pose | None = None
) -> str:
    """Returns the text of `data.yaml`.

    Args:
      names: class names in id order.
      places: split -> folder of its images below that of the file.
      pose: the keypoints of every object; None where there are none.
    """
    keys = {split: key for key, split in SPLITS.items()}
    written = [f"{keys[split]}: {_quoted(place)}" for split, place in places.items()]
    written += [f"nc: {len(names)}", "names:"]
    written += [f"  {number}: {_quoted(name)}" for number, name in enumerate(names)]
    return "\n".join([*written, *_written_pose(pose, len(names))]) + "\n"


def _written_pose(pose: Pose | None, classes: int) -> list[str]:
    if pose is None:
        return []
    places = {name: number for number, name in enumerate(pose.names)}
    flip = list(range(len(places)))
    for left, right in pose.swaps:
        flip[places[left]], flip[places[right]] = places[right], places[left]
    named = ", ".join(map(_quoted, pose.names))
    return [
        f"kpt_shape: [{len(flip)}, {3 if pose.is_seen else 2}]",
        f"flip_idx: {flip}",
        "kpt_names:",
        *(f"  {number}: [{named}]" for number in range(classes)),
    ]


def _quoted(text: str) -> str:
    """Returns a text as YAML in quotes, so that no word is taken for a number or a yes."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


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
        raise DataError(f"{path}: there are no keys such as names and train. Add them.")
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
        wanted, empty = "list of names or id: name", "an empty name" if names else ""
        problem = instead(f"a {wanted}", empty, missing=wanted)
        raise DataError(f"{_where(path, node)}: names: {problem}. Complete them.")
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
