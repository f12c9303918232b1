"""name/version/: a folder that TensorFlow Datasets opens, written without it.

    out/
      dsbuilder.json
      toy/1.0.0/
        dataset_info.json  features.json  label.labels.txt
        toy-train.tfrecord-00000-of-00001

`tfds.load("toy", data_dir="out")` and `tfds.builder_from_directory("out/toy/1.0.0")` open it by the
files that `description` makes, which lie in a built dataset of the tfrecord codec as well. An
unknown field in the first makes tfds fail, so nothing of ours stands there. Stored JPEG and PNG
files are taken over byte for byte; raw pixels of 8 bits become PNG, others stay as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsbuilder.layouts.tfrecord.tfds import FEATURES, INFO, TEMPLATE, labels_file, shard_place
from dsbuilder.plugin import (
    Exportable,
    Exporter,
    Feature,
    ImageSignature,
    Signature,
    StoredSample,
    Written,
    exporter,
    stored_features,
)
from dsbuilder.records import example, tfrecord

_MODULES = "tensorflow_datasets.core.features"
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ShardSize:
    """How much a shard holds.

    Attributes:
      samples: number of samples.
      size_bytes: number of bytes.
    """

    samples: int
    size_bytes: int


@exporter("tfds")
@dataclass(frozen=True, kw_only=True)
class TfdsExporter(Exporter):
    """Writes name/version/, a folder of TFRecord files that TensorFlow Datasets opens."""

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes the shards as they are cut, and the files that describe them.

        Raises:
          CacheError: a shard is missing, cut or corrupt.
        """
        home = folder / dataset.name / dataset.version
        home.mkdir(parents=True)
        splits = {split: _write_split(dataset, split, home) for split in dataset.splits}
        is_encoded = dataset.signature.image.dtype == "uint8"  # raw pixels of 8 bits come as PNG
        image = "png" if dataset.image == "raw" and is_encoded else dataset.image
        described = description(
            name=dataset.name,
            version=dataset.version,
            signature=dataset.signature,
            image=image,
            splits=splits,
        )
        for file, text in described.items():
            (home / file).write_text(text, encoding="utf-8", newline="\n")
        return Written(samples={split: dataset.num_samples(split) for split in splits})


def _write_split(dataset: Exportable, split: str, home: Path) -> list[ShardSize]:
    counts = dataset.shards(split)
    sizes = []
    for index, count in enumerate(counts):
        place = shard_place(index, len(counts))
        path = home / f"{dataset.name}-{split}.tfrecord-{place}"
        with path.open("wb", buffering=_BUFFER_BYTES) as file:
            for sample in dataset.samples(split, index):
                file.write(tfrecord.frame(_encoded(sample, dataset.signature)))
        sizes.append(ShardSize(samples=count, size_bytes=path.stat().st_size))
    return sizes


def _encoded(sample: StoredSample, signature: Signature) -> bytes:
    image = sample.image if isinstance(sample.image, bytes) else sample.image.tobytes()
    features: dict[str, example.Value] = {"image": image, "key": sample.key.encode()}
    for name, target in signature.targets.items():
        features.update(target.encode(name, sample.targets[name]))
    return example.encode(features)


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
    groups: dict[str, dict[str, Any]] = {}
    for name, feature in stored.items():
        group, _, inner = name.partition("/")
        if inner:  # a group is a sequence: of every member there are as many
            groups.setdefault(group, {})[inner] = _element(feature)
        elif feature.is_ragged:
            features[name] = _sequence(_element(feature))
        elif feature.kind == "mask":
            features[name] = _image((image.height, image.width, 1), "uint8", "png")
        else:
            features[name] = _plain(feature)
    features.update({name: _sequence(_dict(members)) for name, members in groups.items()})
    return _dict(features)


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
