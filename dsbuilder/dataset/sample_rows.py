"""`samples.jsonl`: a line for each sample, of its key, its split and its labels, without its image.

    {"key": "cat/tom.jpg//copy-1", "split": "train", "label": "cat"}
    {"key": "street.jpg", "split": "train", "objects": ["car"], "objects_box": [0.1, 0.2, 0.4, 0.5]}

It is what catalogs of datasets list, and what a table of labels is made of. Classes stand by their
names, boxes as x_min, y_min, x_max, y_max of one after the other, as shares of the sides. Masks and
keypoints are not told: they lie in the shards alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dsbuilder.cache import ledger
from dsbuilder.dataset.stored import StoredDataset
from dsbuilder.plugin import Target
from dsbuilder.records import example
from dsbuilder.targets import Boxes, ClassLabel, Instances, MultiLabel, Text, Value

KEY, SPLIT, FILE = "key", "split", "file"
"""Columns of every line; the file is that of an export."""


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """One column of labels.

    Attributes:
      name: how lines call it.
      target: name of the target that it is of.
      form: what it holds: a text, a number, or lists of them.
      what: what it means, for a person.
    """

    name: str
    target: str
    form: Literal["text", "number", "texts", "numbers"]
    what: str


def columns(targets: Mapping[str, Target]) -> list[LabelColumn]:
    """Returns the columns of labels, in the order of the targets."""
    found: list[LabelColumn] = []
    for target, kind in targets.items():
        name = target if target not in (KEY, SPLIT, FILE) else f"{target}_label"
        if isinstance(kind, ClassLabel):
            what = "the class that weighs most" if kind.soft else "the class"
            found.append(LabelColumn(name=name, target=target, form="text", what=what))
        elif isinstance(kind, MultiLabel):
            found.append(LabelColumn(name=name, target=target, form="texts", what="all classes"))
        elif isinstance(kind, Text):
            found.append(LabelColumn(name=name, target=target, form="text", what="the text"))
        elif isinstance(kind, Value):
            form: Literal["number", "numbers"] = "numbers" if kind.size else "number"
            found.append(LabelColumn(name=name, target=target, form=form, what="the value"))
        elif isinstance(kind, (Boxes, Instances)):
            each = "the class of each object"
            where = "x_min, y_min, x_max, y_max of each object, as shares of the image's sides"
            found.append(LabelColumn(name=name, target=target, form="texts", what=each))
            box = f"{name}_box"
            found.append(LabelColumn(name=box, target=target, form="numbers", what=where))
    return found


def labels(
    targets: Mapping[str, Target], values: Mapping[str, Any], told: Sequence[LabelColumn]
) -> dict[str, Any]:
    """Returns the labels of a sample as JSON values, by the names of its columns."""
    found: dict[str, Any] = {}
    for each in told:
        kind, value = targets[each.target], values[each.target]
        if isinstance(kind, ClassLabel):
            found[each.name] = kind.names[int(kind.encode(each.target, value)[each.target])]
        elif each.form == "texts":
            found[each.name] = list(kind.classes(value))
        elif isinstance(kind, Text):
            found[each.name] = str(value)
        else:
            corners = value.boxes if isinstance(kind, Instances) else value
            numbers = value if isinstance(kind, Value) else corners.corners
            plain = np.asarray(numbers, np.float64).reshape(-1).tolist()
            found[each.name] = plain[0] if each.form == "number" else plain
    return found


def rows(dataset: StoredDataset) -> Iterator[dict[str, Any]]:
    """Yields the lines of a dataset, shard by shard in stored order; no image is decoded.

    Raises:
      CacheError: a shard is missing, cut or corrupt.
    """
    targets, codec = dataset.signature.targets, dataset.codec
    told = columns(targets)
    for split in dataset.splits:
        for shard in dataset.shards(split):
            reader = codec.open(dataset.path, shard.stem)
            for entry in ledger.read(dataset.path / ledger.file_name(shard.stem)):
                features = example.decode(reader.read(entry.offset, entry.length))
                values = codec.decode_targets(features)
                yield {KEY: entry.key, SPLIT: split, **labels(targets, values, told)}
