"""The folder of a dataset that TensorFlow Datasets wrote: what its files say, read without it.

    <name>/<version>/
      dataset_info.json                     name, splits, how many records each shard holds
      features.json                         what a record holds
      <feature>.labels.txt                  class names, one a line; a slash in a feature is a dash
      <name>-<split>.tfrecord-00000-of-00002

A record is a `tf.train.Example`; of a feature within another the names are joined by slashes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dsbuilder import typed_json
from dsbuilder.errors import DataError, shortened
from dsbuilder.paths import Inside

INFO, FEATURES = "dataset_info.json", "features.json"
TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
"""How the files of shards are called, where nothing else is said."""

_DEEPEST = 3

Kind = Literal["image", "mask", "class", "text", "box", "number", "other"]


@dataclass(frozen=True, kw_only=True)
class FeatureColumn:
    """One column of the records.

    Attributes:
      name: its key in an Example.
      kind: what it holds; `other` is what is not read here.
      dtype: dtype as TensorFlow calls it.
      shape: shape of one value; None marks a side of any length.
      encoding: `bytes` says that a number's values are stored as raw bytes.
      names: class names in id order, of kinds class and mask.
      group: the sequence that it is a member of; None if it is of none.
      is_list: whether a record has any number of values.
    """

    name: str
    kind: Kind
    dtype: str = ""
    shape: tuple[int | None, ...] = ()
    encoding: str = "none"
    names: tuple[str, ...] = ()
    group: str | None = None
    is_list: bool = False


@dataclass(frozen=True, kw_only=True)
class StatedShard:
    """One file of a split, as `dataset_info.json` states it.

    Attributes:
      path: posix, below the folder.
      count: number of its records.
    """

    path: str
    count: int


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What a dataset is, as `dataset_info.json` says.

    Attributes:
      name, version: name and version as it says.
      splits: shards by the split's name.
    """

    name: str
    version: str
    splits: Mapping[str, tuple[StatedShard, ...]]


def shard_place(index: int, count: int) -> str:
    """Returns what of a file's name says which of so many shards it is."""
    return f"{index:05d}-of-{count:05d}"


def labels_file(feature: str) -> str:
    """Returns the name of the file that holds the class names of a feature."""
    return f"{feature.replace('/', '-')}.labels.txt"


def find(folder: Path) -> list[Path]:
    """Returns the folders of datasets: the given one, else all on the next level that has any.

    It looks at most 3 levels below.
    """
    level = [folder]
    for _ in range(_DEEPEST + 1):
        found = [each for each in level if (each / INFO).is_file()]
        if found:
            return sorted(found)
        level = [below for each in level for below in _folders(each)]
    return []


def only(path: Path, homes: Sequence[Path]) -> Path:
    """Returns the one folder that was found.

    Raises:
      DataError: there are several.
    """
    if len(homes) > 1:
        found = shortened(str(home.relative_to(path)) for home in homes)
        raise DataError(
            f"{path}: expected one dataset, found {len(homes)}: {found}. Let `path` name one."
        )
    return homes[0]


def _folders(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._"]
    except OSError:
        return []


def read_info(folder: Path) -> DatasetInfo:
    """Returns what `dataset_info.json` says.

    Raises:
      DataError: it is missing or malformed, the records are not in TFRecord files, or a shard is
        missing or lies outside of the folder.
    """
    path = folder / INFO
    info = _read_json(path)
    name, version = str(info.get("name", "")), str(info.get("version", ""))
    format_name = info.get("fileFormat", "tfrecord")
    if format_name != "tfrecord":
        raise DataError(
            f"{path}: expected records in TFRecord files, found {format_name!r}. Prepare the "
            "dataset again with file_format='tfrecord'."
        )
    inside = Inside(folder)
    splits = _list(path, "splits", info.get("splits", []))
    return DatasetInfo(
        name=name,
        version=version,
        splits={
            str(split.get("name", "")): tuple(_shards(path, inside, name, split))
            for split in (_object(path, "splits", each) for each in splits)
        },
    )


def _shards(
    path: Path, inside: Inside, name: str, split: Mapping[str, Any]
) -> Iterator[StatedShard]:
    lengths = (
        [_count(path, each) for each in _list(path, "shardLengths", split["shardLengths"])]
        if ("shardLengths" in split)
        else []
    )
    template = str(split.get("filepathTemplate") or TEMPLATE)
    for index, count in enumerate(lengths):
        words = {
            "DATASET": name,
            "SPLIT": str(split.get("name", "")),
            "FILEFORMAT": "tfrecord",
            "SHARD_X_OF_Y": shard_place(index, len(lengths)),
            "SHARD_INDEX": f"{index:05d}",
            "NUM_SHARDS": f"{len(lengths):05d}",
        }
        file = template
        for word, value in words.items():
            file = file.replace(f"{{{word}}}", value)
        try:
            yield StatedShard(path=inside.locate(file), count=count)
        except DataError as error:
            raise DataError(f"{path}: {error} Download or prepare the dataset again.") from None


def read_columns(folder: Path) -> dict[str, FeatureColumn]:
    """Returns the columns that `features.json` describes, by name, in its order.

    Raises:
      DataError: it is missing or malformed, or a file of class names is not UTF-8.
    """
    path = folder / FEATURES
    columns = _columns(path, "", _read_json(path))
    return {each.name: _with_names(folder, each) for each in columns}


def _columns(path: Path, name: str, feature: object) -> Iterator[FeatureColumn]:
    """Yields the columns of a feature and of those in it."""
    described = _object(path, name or "features", feature)
    if "featuresDict" in described:
        inner = _object(path, name, described["featuresDict"]).get("features", {})
        for key, each in _object(path, name, inner).items():
            yield from _columns(path, f"{name}/{key}" if name else key, each)
    elif "sequence" in described:
        element = _object(path, name, described["sequence"]).get("feature", {})
        for column in _columns(path, name, element):
            is_nested = column.is_list or column.group is not None
            yield replace(
                column,
                group=None if column.name == name else name,
                is_list=True,
                kind="other" if is_nested or column.kind in ("image", "mask") else column.kind,
            )
    else:
        yield _column(path, name, described)


def _column(path: Path, name: str, described: Mapping[str, Any]) -> FeatureColumn:
    if "image" in described:
        image = _object(path, name, described["image"])
        classes = _classes(path, image.get("label"))
        return FeatureColumn(
            name=name,
            kind="image" if classes is None else "mask",
            dtype=str(image.get("dtype", "uint8")),
            shape=_shape(path, name, image),
            names=classes or (),
        )
    if "classLabel" in described:
        classes = _classes(path, described["classLabel"])
        return FeatureColumn(name=name, kind="class", dtype="int64", names=classes or ())
    if "text" in described:
        return FeatureColumn(name=name, kind="text", dtype="string")
    if "boundingBox" in described:
        box = _object(path, name, described["boundingBox"])
        is_known = box.get("bboxFormat", "REL_YXYX") == "REL_YXYX"
        return FeatureColumn(
            name=name, kind="box" if is_known else "other", dtype="float32", shape=(4,)
        )
    if "tensor" in described:
        return _tensor(path, name, _object(path, name, described["tensor"]))
    return FeatureColumn(name=name, kind="other")


def _tensor(path: Path, name: str, tensor: Mapping[str, Any]) -> FeatureColumn:
    dtype, encoding = str(tensor.get("dtype", "")), str(tensor.get("encoding", "none"))
    kind: Kind = "text" if dtype == "string" else "number"
    if encoding not in ("none", "bytes"):
        kind = "other"
    return FeatureColumn(
        name=name, kind=kind, dtype=dtype, encoding=encoding, shape=_shape(path, name, tensor)
    )


def _classes(path: Path, described: object) -> tuple[str, ...] | None:
    """Returns the names of classes that have none but their numbers."""
    if described is None:
        return None
    count = _count(path, _object(path, "classLabel", described).get("numClasses", 0))
    return tuple(map(str, range(min(count, 1 << 20))))


def _with_names(folder: Path, column: FeatureColumn) -> FeatureColumn:
    path = folder / labels_file(column.name)
    if column.kind not in ("class", "mask") or not path.is_file():
        return column
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected names in UTF-8, found {error}.") from None
    lines = (line.strip() for line in text.split("\n"))
    return replace(column, names=tuple(line for line in lines if line))


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        return _object(path, "all of it", typed_json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: what TensorFlow Datasets writes there cannot be read "
            f"({error}). Download or prepare the dataset again."
        ) from None


def _shape(path: Path, name: str, described: Mapping[str, Any]) -> tuple[int | None, ...]:
    shape = _object(path, name, described.get("shape", {}))
    sides = [
        _count(path, each, least=-1) for each in _list(path, name, shape.get("dimensions", []))
    ]
    return tuple(None if side == -1 else side for side in sides)


def _object(path: Path, name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(path, name, "an object", value)
    return value


def _list(path: Path, name: str, value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _malformed(path, name, "a list", value)
    return value


def _count(path: Path, value: object, *, least: int = 0) -> int:
    """Returns a number, which stands there as one or as a text."""
    try:
        number = int(value) if isinstance(value, (int, str)) else least - 1
    except ValueError:
        number = least - 1
    if number < least:
        raise _malformed(path, "a number", f"{least} or more", value)
    return number


def _malformed(path: Path, name: str, expected: str, found: object) -> DataError:
    return DataError(
        f"{path}: {name}: expected {expected}, found {str(found)[:60]!r}. Download or prepare the "
        "dataset again."
    )
