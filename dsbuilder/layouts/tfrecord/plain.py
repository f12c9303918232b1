"""How labels of files that do not say what is in them become those of a record."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsbuilder.layouts import numbered
from dsbuilder.layouts.tfrecord import detection as detection_example
from dsbuilder.layouts.tfrecord.fields import Field, inside
from dsbuilder.plugin import Boxes, ClassLabel, Target
from dsbuilder.records.example_values import Features, check_count, ids, text, values_of


@dataclass(frozen=True, kw_only=True)
class PlainLabel(Field):
    """A class that stands there as a number or a text, whose names are known from the records."""

    feature: str
    classes: tuple[str, ...] | None

    @property
    def reads(self) -> Collection[str]:
        """The feature."""
        return (self.feature,)

    def raw(self, features: Features) -> str:
        """Returns the class's name."""
        if not isinstance(values_of(features, self.feature), np.ndarray):
            return text(features, self.feature)
        found = ids(features, self.feature)
        check_count(self.feature, len(found), 1)
        return numbered.name_of(found[0], self.classes)

    def target(self, raws: Iterable[Any]) -> Target:
        """The classes that were found, unless `classes` names them."""
        return ClassLabel(names=numbered.class_names(raws, self.classes))


@dataclass(frozen=True, kw_only=True)
class DetectionBoxes(Field):
    """Boxes under the names of the TensorFlow Object Detection API."""

    classes: tuple[str, ...] | None
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def reads(self) -> Collection[str]:
        """All that begins as the features of boxes do; see `detection_example`."""
        return (detection_example.OBJECT,)

    def raw(self, features: Features) -> list[dict[str, Any]]:
        """Returns the boxes; a rounding error outside of the image is cut off."""
        found = detection_example.boxes(features, self.names)
        return [{**each, "box": inside("bbox", np.array(each["box"]))} for each in found]

    def target(self, raws: Iterable[Any]) -> Target:
        """The classes and attributes that were found, in the order of the label map if any."""
        boxes = [box for raw in raws for box in raw]
        ordered = self.classes or tuple(self.names[number] for number in sorted(self.names))
        names = numbered.class_names((box["label"] for box in boxes), ordered or None)
        return Boxes(names=names, attributes=tuple(_attributes(boxes).items()))


def _attributes(boxes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the types of the attributes that every box has, by name."""
    dtypes = {str: "string", int: "int64", float: "float32"}
    names = set(boxes[0]) - {"label", "box"} if boxes else set()
    found = {name: {type(box.get(name)) for box in boxes} for name in sorted(names)}
    return {
        name: dtypes[next(iter(kinds))]
        for name, kinds in found.items()
        if len(kinds) == 1 and kinds <= set(dtypes)
    }
