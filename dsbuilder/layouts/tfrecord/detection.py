"""Examples of the TensorFlow Object Detection API: boxes, their classes and attributes.

`image/encoded` holds the image, `image/object/bbox/xmin` and its like a number a box, as shares of
the image's sides, `image/object/class/text` and `.../label` its class, and `image/object/difficult`
and other names an attribute of each box. A label map, `*.pbtxt`, names the classes from 1 on:

    item { id: 1 name: 'cat' }
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.classes import numbered_names
from dsbuilder.layouts.tfrecord.fields import Field, inside
from dsbuilder.plugin import Boxes, DataError, Target
from dsbuilder.records.example import Features, ids, numbers, texts

OBJECT = "image/object/"
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_TEXT, _LABEL = f"{OBJECT}class/text", f"{OBJECT}class/label"
_ITEM = re.compile(r"item\s*:?\s*\{(.*?)\}", re.DOTALL)
_ID = re.compile(r"\bid\s*:\s*(\d+)")
_QUOTED = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""


def has_boxes(features: Features) -> bool:
    """Whether an Example is one of boxes, though it may have none."""
    return f"{OBJECT}bbox/xmin" in features


def boxes(features: Features, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Returns the boxes of an Example, each with `label`, `box` and its attributes.

    `box` is [x_min, y_min, x_max, y_max] as shares of the image's sides, as it stands there. What
    is absent of an image without objects is an empty list.

    Args:
      names: class names by id, where the Example holds ids alone.

    Raises:
      DataError: there are not as many of one as of the other, or a class has no name.
    """
    sides = [_side(features, side) for side in _SIDES]
    labels = _labels(features, names)
    attributes = {
        name.removeprefix(OBJECT): values
        for name, values in features.items()
        if name.startswith(OBJECT)
        and "/" not in name.removeprefix(OBJECT)
        and name.removeprefix(OBJECT) not in ("label", "box", "bbox")
        and len(values)
    }
    count = len(sides[0])
    for column in (*sides, labels):
        if len(column) != count:
            raise DataError(
                f"expected {count} of each side and class of the boxes, found {len(column)}."
            )
    plain = {
        name: values.tolist() if isinstance(values, np.ndarray) else texts(features, OBJECT + name)
        for name, values in attributes.items()
        if len(values) == count
    }
    return [
        {
            "label": labels[row],
            "box": [side[row] for side in sides],
            **{name: values[row] for name, values in plain.items()},
        }
        for row in range(count)
    ]


def _side(features: Features, side: str) -> list[float]:
    name = f"{OBJECT}bbox/{side}"
    found: list[float] = numbers(features, name).tolist() if name in features else []
    return found


def read_label_map(text: str) -> dict[int, str]:
    """Returns class names by id of a label map; `display_name` before `name`."""
    found: dict[int, str] = {}
    for item in _ITEM.findall(text):
        number = _ID.search(item)
        name = _quoted("display_name", item) or _quoted("name", item)
        if number and name:
            found[int(number[1])] = name
    return found


def _dtypes_of(boxes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the types of the attributes that every box has, by name."""
    dtypes = {str: "string", int: "int64", float: "float32"}
    names = set(boxes[0]) - {"label", "box"} if boxes else set()
    found = {name: {type(box.get(name)) for box in boxes} for name in sorted(names)}
    return {
        name: dtypes[next(iter(kinds))]
        for name, kinds in found.items()
        if len(kinds) == 1 and kinds <= set(dtypes)
    }


def _quoted(word: str, item: str) -> str | None:
    found = re.search(rf"\b{word}\s*:\s*{_QUOTED}", item)
    return re.sub(r"\\(.)", r"\1", found[1][1:-1]) if found else None


def _labels(features: Features, names: Mapping[int, str]) -> Sequence[str]:
    if len(features.get(_TEXT, ())):
        found = texts(features, _TEXT)
        if not all(each.strip() for each in found):
            raise DataError(f"{_TEXT}: expected the name of a class, found an empty text.")
        return found
    if _LABEL not in features:
        return []
    numbered = ids(features, _LABEL)
    unknown = [number for number in numbered if names and number not in names]
    if unknown:
        raise DataError(f"expected a class of the label map, found {unknown[0]}.")
    return [names.get(number, str(number)) for number in numbered]


@dataclass(frozen=True, kw_only=True)
class DetectionBoxes(Field):
    """Boxes under the names of the TensorFlow Object Detection API."""

    classes: tuple[str, ...] | None
    names: Mapping[int, str] = field(default_factory=dict)
    clipping: Clipping = field(default_factory=Clipping)

    @property
    def reads(self) -> Collection[str]:
        """All that begins as the features of boxes do; see `boxes`."""
        return (OBJECT,)

    def notes(self) -> list[str]:
        """Says how many boxes were cut."""
        return self.clipping.notes()

    def raw(self, features: Features) -> list[dict[str, Any]]:
        """Returns the boxes, cut at the edges of the image."""
        found = boxes(features, self.names)
        return [{**each, "box": inside("bbox", each["box"], self.clipping)} for each in found]

    def target(self, raws: Iterable[Any]) -> Target:
        """The classes and attributes that were found, in the order of the label map if any."""
        found = [box for raw in raws for box in raw]
        ordered = self.classes or tuple(self.names[number] for number in sorted(self.names))
        names = numbered_names((box["label"] for box in found), ordered or None)
        return Boxes(names=names, attributes=tuple(_dtypes_of(found).items()))
