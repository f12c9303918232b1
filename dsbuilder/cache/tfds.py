"""The files that TensorFlow Datasets reads beside the shards, written without it.

`tfds.builder_from_directory(folder)` and `tfds.load(name, data_dir=...)` open the dataset by
`dataset_info.json`, `features.json` and `<label>.labels.txt`. An unknown field in the first makes
tfds fail, so what is ours lies in `metadata.json` (see `manifest.py`).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsbuilder.cache import store
from dsbuilder.cache.manifest import Manifest
from dsbuilder.sample import Feature, SampleSpec

_FEATURES = "tensorflow_datasets.core.features"
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"


def write(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Writes the files and returns their names."""
    files = {
        "dataset_info.json": _to_text(_dataset_info(manifest)),
        "features.json": _to_text(_features(manifest)),
    }
    for name, feature in _stored(manifest.signature).items():
        if feature.kind == "class":
            files[f"{name.replace('/', '-')}.labels.txt"] = "".join(
                f"{each}\n" for each in feature.names
            )
    for file, text in files.items():
        store.write_text(folder / file, text)
    return tuple(files)


def _to_text(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _stored(signature: SampleSpec) -> dict[str, Feature]:
    stored = {"key": Feature(kind="text", dtype="string")}
    for name, target in signature.targets.items():
        stored.update(target.features(name))
    return stored


def _dataset_info(manifest: Manifest) -> dict[str, Any]:
    splits = [
        {
            "name": split,
            "shardLengths": [str(shard.samples) for shard in shards],
            "numBytes": str(sum(shard.size_bytes for shard in shards)),
            "filepathTemplate": _TEMPLATE,
        }
        for split, shards in manifest.splits.items()
    ]
    info = {"name": manifest.name, "version": manifest.version, "fileFormat": "tfrecord"}
    first = next(iter(manifest.signature.targets), None)
    if first is not None:
        items = [{"featureKey": "image"}, {"featureKey": first}]
        return {**info, "supervisedKeys": {"tuple": {"items": items}}, "splits": splits}
    return {**info, "splits": splits}


def _features(manifest: Manifest) -> dict[str, Any]:
    features: dict[str, Any] = {"image": _image(manifest)}
    groups: dict[str, dict[str, Any]] = {}
    for name, feature in _stored(manifest.signature).items():
        group, _, inner = name.partition("/")
        if inner:  # a group is a sequence: of every member there are as many
            groups.setdefault(group, {})[inner] = _one(feature)
        elif feature.is_ragged:
            features[name] = _sequence(_one(feature))
        else:
            features[name] = _feature(feature, manifest)
    features.update({name: _sequence(_dict(members)) for name, members in groups.items()})
    return _dict(features)


def _dict(features: dict[str, Any]) -> dict[str, Any]:
    return {
        "pythonClassName": f"{_FEATURES}.features_dict.FeaturesDict",
        "featuresDict": {"features": features},
    }


def _sequence(feature: dict[str, Any]) -> dict[str, Any]:
    return {
        "pythonClassName": f"{_FEATURES}.sequence_feature.Sequence",
        "sequence": {"feature": feature, "length": "-1"},
    }


def _image(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.signature.image
    if manifest.image == "raw":
        return _tensor(_dimensions(spec.shape), spec.dtype, "bytes")
    return _picture(spec.shape, spec.dtype, manifest.image)


def _picture(shape: tuple[int | None, ...], dtype: str, encoding: str) -> dict[str, Any]:
    image = {
        "shape": {"dimensions": _dimensions(shape)},
        "dtype": dtype,
        "encodingFormat": encoding,
    }
    return {"pythonClassName": f"{_FEATURES}.image_feature.Image", "image": image}


def _one(feature: Feature) -> dict[str, Any]:
    """Returns one element of a feature of any length."""
    element = replace(feature, shape=feature.shape[1:])
    if feature.kind == "box":
        box = {
            "shape": {"dimensions": _dimensions(element.shape)},
            "dtype": feature.dtype,
            "bboxFormat": "REL_YXYX",
        }
        return {"pythonClassName": f"{_FEATURES}.bounding_boxes.BBoxFeature", "boundingBox": box}
    return _plain(element)


def _feature(feature: Feature, manifest: Manifest) -> dict[str, Any]:
    if feature.kind == "mask":
        image = manifest.signature.image
        return _picture((image.height, image.width, 1), "uint8", "png")
    return _plain(feature)


def _plain(feature: Feature) -> dict[str, Any]:
    if feature.kind == "class":
        return {
            "pythonClassName": f"{_FEATURES}.class_label_feature.ClassLabel",
            "classLabel": {"numClasses": str(len(feature.names))},
        }
    if feature.kind == "text":
        return {"pythonClassName": f"{_FEATURES}.text_feature.Text", "text": {}}
    if not feature.shape:
        scalar: dict[str, Any] = {"shape": {}, "dtype": feature.dtype, "encoding": "none"}
        return {"pythonClassName": f"{_FEATURES}.scalar.Scalar", "tensor": scalar}
    return _tensor(_dimensions(feature.shape), feature.dtype, "none")


def _dimensions(shape: tuple[int | None, ...]) -> list[str]:
    return [str(-1 if side is None else side) for side in shape]


def _tensor(dimensions: list[str], dtype: str, encoding: str) -> dict[str, Any]:
    tensor = {"shape": {"dimensions": dimensions}, "dtype": dtype, "encoding": encoding}
    return {"pythonClassName": f"{_FEATURES}.tensor_feature.Tensor", "tensor": tensor}
