"""Files of records, opened once in a process; and the files that say what is in them, as text."""

import gzip
import json
import re
import weakref
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from dsbuilder.errors import CacheError
from dsbuilder.layouts.tfrecord.tfds import FEATURES, INFO, TEMPLATE, labels_file
from dsbuilder.plugin import DataError, Feature, ImageSignature, Signature, stored_features
from dsbuilder.records import example, tfrecord
from dsbuilder.records.rows import open_file, unpacked

_NAME = re.compile(
    r".*(?:\.(?:tfrecords?|tfrec|record)s?(?:-\d+-of-\d+)?|-\d{5}-of-\d{5})(?:\.gz)?", re.IGNORECASE
)
_GZIP = b"\x1f\x8b\x08"
_MODULES = "tensorflow_datasets.core.features"


def is_record_file(name: str) -> bool:
    """Whether files of records have such a name."""
    return not name.startswith(".") and _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class RecordFiles:
    """Open files by path; they are closed when this is no longer held."""

    opened: dict[Path, BinaryIO] = field(default_factory=dict)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self.opened)

    def examples(self, path: Path) -> Iterator[tuple[int, dict[str, example.Decoded] | DataError]]:
        """Yields the byte offset and the features of every record of a file, in its order.

        An error stands for the features of a record that is damaged or no Example.

        Raises:
          DataError: the file is missing or cut, or no record can be found behind a damaged one.
        """
        try:
            for offset, _, payload in tfrecord.frames_or_damage(self._file(path)):
                yield offset, _decoded_or_damage(path, offset, payload)
        except CacheError as error:
            raise _damaged(path, error) from None

    def read(self, path: Path, offset: int) -> dict[str, example.Decoded]:
        """Returns the features of the record at a byte offset.

        Raises:
          DataError: there is none, or it is corrupt.
        """
        try:
            return _decoded(path, offset, tfrecord.read_at(self._file(path), offset))
        except CacheError as error:
            raise _damaged(path, error) from None

    def _file(self, path: Path) -> BinaryIO:
        if path not in self.opened:
            self.opened[path] = _opened(path)
        return self.opened[path]


def _close(opened: dict[Path, BinaryIO]) -> None:
    for file in opened.values():
        file.close()


def _opened(path: Path) -> BinaryIO:
    file = open_file(path)
    head = file.read(12)
    if tfrecord.begins_with_frame(head) or not head.startswith(_GZIP):
        return file
    with file:
        file.seek(0)
        try:
            with gzip.open(file) as stream:
                return unpacked(cast(BinaryIO, stream))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(
                f"{path}: expected a whole gzip file, found a cut or damaged one ({error}). "
                "Download it again."
            ) from None


def _decoded(path: Path, offset: int, payload: bytes) -> dict[str, example.Decoded]:
    try:
        return example.decode(payload)
    except CacheError as error:
        raise _damaged(f"{path}: byte {offset}", error) from None


def _decoded_or_damage(
    path: Path, offset: int, payload: bytes | CacheError
) -> dict[str, example.Decoded] | DataError:
    if isinstance(payload, CacheError):
        return _damaged(path, payload)
    try:
        return _decoded(path, offset, payload)
    except DataError as error:
        return error


def _damaged(where: Path | str, error: CacheError) -> DataError:
    # What reads our own shards says to build them again, which is no use for a stranger's file.
    message = str(error).replace("Build the dataset again.", "Download or write the file again.")
    return DataError(message if message.startswith(str(where)) else f"{where}: {message}")


@dataclass(frozen=True, kw_only=True)
class ShardSize:
    """How much a shard holds.

    Attributes:
      samples: number of samples.
      size_bytes: number of bytes.
    """

    samples: int
    size_bytes: int


def description(
    *,
    name: str,
    version: str,
    signature: Signature,
    image: str,
    splits: Mapping[str, Sequence[ShardSize]],
) -> dict[str, str]:
    """Returns the text of each file that TensorFlow Datasets reads beside the shards, by its name.

    Args:
      image: how images are stored: `jpeg`, `png`, or `raw` pixels.
      splits: the shards by the split's name, in order.
    """
    info: dict[str, Any] = {"name": name, "version": version, "fileFormat": "tfrecord"}
    first = next(iter(signature.targets), None)
    if first is not None:
        items = [{"featureKey": "image"}, {"featureKey": first}]
        info["supervisedKeys"] = {"tuple": {"items": items}}
    info["splits"] = [_split(split, shards) for split, shards in splits.items()]
    stored = stored_features(signature.targets)
    labels = {
        labels_file(feature): "".join(f"{each}\n" for each in described.names)
        for feature, described in stored.items()
        if described.kind == "class"
    }
    features = _features(signature.image, image, stored)
    return {INFO: _text(info), FEATURES: _text(features), **labels}


def _text(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _split(name: str, shards: Sequence[ShardSize]) -> dict[str, Any]:
    return {
        "name": name,
        "shardLengths": [str(shard.samples) for shard in shards],
        "numBytes": str(sum(shard.size_bytes for shard in shards)),
        "filepathTemplate": TEMPLATE,
    }


def _features(
    image: ImageSignature, stored_as: str, stored: Mapping[str, Feature]
) -> dict[str, Any]:
    pixels = (
        _tensor(image.shape, image.dtype, "bytes")
        if stored_as == "raw"
        else _image(image.shape, image.dtype, stored_as)
    )
    features: dict[str, Any] = {"image": pixels}
    groups: dict[str, dict[str, Feature]] = {}
    for name, feature in stored.items():
        group, _, inner = name.partition("/")
        if inner:
            groups.setdefault(group, {})[inner] = feature
        else:
            features[name] = _whole(feature, image)
    features.update({name: _group(members, image) for name, members in groups.items()})
    return _dict(features)


def _whole(feature: Feature, image: ImageSignature) -> dict[str, Any]:
    if feature.is_ragged:
        return _sequence(_element(feature))
    if feature.kind == "mask":
        return _image((image.height, image.width, 1), "uint8", "png")
    return _plain(feature)


def _group(members: Mapping[str, Feature], image: ImageSignature) -> dict[str, Any]:
    """Returns a group: a sequence, of every member of which there are as many.

    Where one stands there but once, as the number of instances does, each member is by itself.
    """
    if all(each.is_ragged for each in members.values()):
        return _sequence(_dict({name: _element(each) for name, each in members.items()}))
    return _dict({name: _whole(each, image) for name, each in members.items()})


def _element(feature: Feature) -> dict[str, Any]:
    """Returns one element of a feature of any length."""
    element = replace(feature, shape=feature.shape[1:])
    if feature.kind == "box":
        box = {
            "shape": _shape(element.shape),
            "dtype": feature.dtype,
            "bboxFormat": "REL_YXYX",
        }
        return _described("bounding_boxes.BBoxFeature", boundingBox=box)
    return _plain(element)


def _plain(feature: Feature) -> dict[str, Any]:
    if feature.kind == "class":
        return _described(
            "class_label_feature.ClassLabel", classLabel={"numClasses": str(len(feature.names))}
        )
    if feature.kind == "text":
        return _described("text_feature.Text", text={})
    if not feature.shape:
        scalar: dict[str, Any] = {"shape": {}, "dtype": feature.dtype, "encoding": "none"}
        return _described("scalar.Scalar", tensor=scalar)
    return _tensor(feature.shape, feature.dtype, "none")


def _dict(features: Mapping[str, Any]) -> dict[str, Any]:
    return _described("features_dict.FeaturesDict", featuresDict={"features": features})


def _sequence(feature: Mapping[str, Any]) -> dict[str, Any]:
    return _described("sequence_feature.Sequence", sequence={"feature": feature, "length": "-1"})


def _image(shape: Sequence[int | None], dtype: str, encoding: str) -> dict[str, Any]:
    image = {"shape": _shape(shape), "dtype": dtype, "encodingFormat": encoding}
    return _described("image_feature.Image", image=image)


def _tensor(shape: Sequence[int | None], dtype: str, encoding: str) -> dict[str, Any]:
    tensor = {"shape": _shape(shape), "dtype": dtype, "encoding": encoding}
    return _described("tensor_feature.Tensor", tensor=tensor)


def _shape(shape: Sequence[int | None]) -> dict[str, list[str]]:
    return {"dimensions": [str(-1 if side is None else side) for side in shape]}


def _described(name: str, **feature: Any) -> dict[str, Any]:
    """Returns a feature as TensorFlow Datasets describes it, by the name of its Python class."""
    return {"pythonClassName": f"{_MODULES}.{name}", **feature}
