"""What a folder of records holds: its files, the feature of the image, and the targets."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.tfrecord import detection as detection_example
from dsbuilder.layouts.tfrecord import tfds
from dsbuilder.layouts.tfrecord.fields import Field, fields_of
from dsbuilder.layouts.tfrecord.files import RecordFiles, is_record_file
from dsbuilder.layouts.tfrecord.plain import DetectionBoxes, PlainLabel
from dsbuilder.plugin import DataError, did_you_mean
from dsbuilder.records.example_values import Features, blobs, numbers

KEYS = ("key", "image/filename", "image/source_id", "file_name", "filename", "id", "image/id")
"""Features that say which record it is, the best first."""

_IMAGES = ("image/encoded", "image", "image_raw", "encoded", "jpeg", "png")
_LABELS = ("label", "image/class/text", "image/class/label", "class")
_MANIFEST = "metadata.json"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a user asks for; see the options of the source."""

    only_targets: tuple[str, ...] | None
    only_splits: tuple[str, ...] | None
    image: str | None
    label: str | None
    classes: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of records.

    Attributes:
      path: of the file.
      name: what keys call it.
      split: the split it is of, or None.
      count: how many records it must hold; None where nothing says so.
    """

    path: Path
    name: str
    split: str | None
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How records are read.

    Attributes:
      parts: the files, in order.
      image: the feature of the image.
      shape: of an image that is stored as raw values; None where it is an image file.
      fields: how each target is read, by its name.
      described: names of files that say what is in the records.
      passed: notes on what is not read.
    """

    parts: tuple[Part, ...]
    image: str
    shape: tuple[int, ...] | None
    fields: Mapping[str, Field]
    described: Collection[str] = ()
    passed: tuple[str, ...] = ()

    def pixels(self, features: Features) -> bytes | np.ndarray:
        """Returns the image of an Example: an image file, or `(H, W, C)` uint8.

        Raises:
          DataError: it is missing or of another size.
        """
        if self.shape is None:
            found = blobs(features, self.image)
            if len(found) != 1:
                raise DataError(f"{self.image}: expected one image, found {len(found)}.")
            return found[0]
        stored = features.get(self.image, ())
        if isinstance(stored, np.ndarray):
            values = numbers(features, self.image).astype(np.uint8)
        else:
            values = np.frombuffer(b"".join(blobs(features, self.image)), np.uint8)
        if values.size != np.prod(self.shape):
            raise DataError(
                f"{self.image}: expected {self.shape} values, found {values.size} of them."
            )
        return values.reshape(self.shape)


def tfds_layout(folder: Path, wanted: Wanted) -> Layout:
    """Returns the layout of a folder that TensorFlow Datasets opens.

    Raises:
      DataError: a file that describes it is damaged, or there is no image or target to read.
    """
    columns = tfds.read_columns(folder)
    image = _image_column(folder, columns, wanted.image)
    others = {name: each for name, each in columns.items() if name != image.name}
    ours = _ours(folder)
    fields = fields_of({n: each for n, each in others.items() if n not in KEYS}, ours)
    fields = _chosen(folder, fields, wanted.only_targets)
    read = {name for field in fields.values() for name in field.reads} | set(KEYS)
    left = [name for name in others if name not in read]
    parts, passed = _tfds_parts(folder, wanted.only_splits)
    if left:
        passed = (*passed, f"features that are not read: {shortened(left)}")
    labels = [f"{name.replace('/', '-')}.labels.txt" for name in columns]
    return Layout(
        parts=parts,
        image=image.name,
        shape=_raw_shape(folder, image),
        fields=fields,
        described={tfds.INFO, tfds.FEATURES, _MANIFEST, *labels},
        passed=passed,
    )


def _image_column(
    folder: Path, columns: Mapping[str, tfds.Column], wanted: str | None
) -> tfds.Column:
    if wanted is not None and wanted not in columns:
        raise DataError(
            f"{folder}: expected a feature '{wanted}', found none.{did_you_mean(wanted, columns)}"
        )
    found = [
        each
        for name, each in columns.items()
        if name == wanted
        or (wanted is None and (each.kind == "image" or _is_raw_image(each)) and not each.is_list)
    ]
    if not found:
        raise DataError(
            f"{folder}: expected a feature that is an image, found {shortened(columns)}. "
            "Say which with `image`."
        )
    return next((each for each in found if each.name == "image"), found[0])


def _is_raw_image(column: tfds.Column) -> bool:
    """Whether a column of numbers has the form of an image."""
    return column.name == "image" and column.kind == "number" and len(column.shape) == 3


def _raw_shape(folder: Path, image: tfds.Column) -> tuple[int, ...] | None:
    if image.kind == "image":
        return None
    sides = tuple(side for side in image.shape if side is not None)
    if len(sides) != 3 or sides[2] not in (1, 3, 4) or image.dtype != "uint8":
        raise DataError(
            f"{folder}: {image.name}: expected an image, encoded or uint8 (H, W, C) of a fixed "
            f"size, found {image.dtype} {image.shape}. Choose another with `image`."
        )
    return sides


def _ours(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Returns what our own manifest says of the targets; nothing where there is none."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        targets = manifest["signature"]["targets"]
        return {str(name): {"names": (), **each} for name, each in targets.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # another's metadata


def _chosen(
    folder: Path, fields: Mapping[str, Field], wanted: Sequence[str] | None
) -> dict[str, Field]:
    for name in wanted or ():
        if name not in fields:
            raise DataError(
                f"{folder}: expected a target '{name}', found none.{did_you_mean(name, fields)}"
            )
    return {name: field for name, field in fields.items() if wanted is None or name in wanted}


def _tfds_parts(
    folder: Path, wanted: Sequence[str] | None
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Returns the files to read, and notes on those that are not."""
    info = tfds.read_info(folder)
    for name in wanted or ():
        if name not in info.splits:
            hint = did_you_mean(name, info.splits)
            raise DataError(f"{folder}: expected a split '{name}', found none.{hint}")
    named = {name for name in info.splits if split_named(name)}
    read = set(wanted) if wanted is not None else named or set(info.splits)
    parts = tuple(
        Part(
            path=folder / shard.path,
            name=shard.path,
            split=split_named(name) if named & read else None,
            count=shard.count,
        )
        for name, shards in info.splits.items()
        if name in read
        for shard in shards
    )
    left = {
        name: sum(shard.count for shard in shards)
        for name, shards in info.splits.items()
        if name not in read
    }
    shown = ", ".join(f"'{name}' ({count} records)" for name, count in left.items())
    return parts, (f"splits that are not read: {shown}",) if left else ()


def plain_layout(path: Path, names: Sequence[str], files: RecordFiles, wanted: Wanted) -> Layout:
    """Returns the layout of files that do not say what is in them, from their first record.

    Args:
      path: the folder, or a single file.
      names: of all files below it.

    Raises:
      DataError: there are no files, or their first record has no image or no label.
    """
    root = path if path.is_dir() else path.parent
    parts = tuple(_plain_parts(root, [path.name] if path.is_file() else names))
    first = next((example for part in parts for _, example in files.examples(part.path)), None)
    if first is None:
        raise DataError(
            f"{path}: expected TFRecord files with records, found {len(parts)} files and no "
            "record. Check the path."
        )
    image = _feature(path, first, "image", wanted.image, _IMAGES)
    maps = [name for name in names if name.lower().endswith(".pbtxt") and "/" not in name]
    fields = _chosen(path, _plain_fields(path, root, maps, first, wanted), wanted.only_targets)
    read = [name for field in fields.values() for name in field.reads]
    left = [
        name
        for name in first
        if name != image and name not in KEYS and not name.startswith(tuple(read))
    ]
    passed = (f"features that are not read: {shortened(left)}",) if left else ()
    return Layout(
        parts=parts, image=image, shape=None, fields=fields, described=maps, passed=passed
    )


def _plain_parts(root: Path, names: Sequence[str]) -> Iterator[Part]:
    for name in names:
        if is_record_file(name.rpartition("/")[2]) or len(names) == 1:
            words = re.split(r"[^a-z]+", name.lower())
            splits = {split_named(word) for word in words} - {None}
            yield Part(
                path=root / name, name=name, split=splits.pop() if len(splits) == 1 else None
            )


def _plain_fields(
    path: Path, root: Path, maps: Sequence[str], first: Features, wanted: Wanted
) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    if detection_example.has_boxes(first):
        names = _label_map(root, maps)
        fields["objects"] = DetectionBoxes(classes=wanted.classes, names=names)
    if not fields or wanted.label is not None:
        label = _feature(path, first, "label", wanted.label, _LABELS)
        fields["label"] = PlainLabel(feature=label, classes=wanted.classes)
    return fields


def _label_map(root: Path, maps: Sequence[str]) -> dict[int, str]:
    if len(maps) != 1:
        return {}
    try:
        return detection_example.read_label_map((root / maps[0]).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{root / maps[0]}: expected a label map in UTF-8: {error}.") from None


def _feature(
    path: Path, first: Features, option: str, wanted: str | None, known: Sequence[str]
) -> str:
    """Returns the name of the feature that an option names, or the first known one."""
    name = wanted or next((each for each in known if each in first), None)
    if name is None or name not in first:
        expected = f"'{wanted}'" if wanted else f"such as {', '.join(known)}"
        raise DataError(
            f"{path}: expected a feature {expected} in the first record, found {shortened(first)}. "
            f"Say which holds it with `{option}`."
        )
    return name
