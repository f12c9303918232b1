"""The files that TensorFlow Datasets reads beside the shards, written without it.

`tfds.builder_from_directory(folder)` and `tfds.load(name, data_dir=...)` open the dataset by
`dataset_info.json`, `features.json` and `<label>.labels.txt`. An unknown field in the first makes
tfds fail, so what is ours lies in `metadata.json` (see `manifest.py`).
"""

import json
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
            files[f"{name}.labels.txt"] = "".join(f"{each}\n" for each in feature.names)
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
    features = {"image": _image(manifest)}
    features.update({name: _feature(each) for name, each in _stored(manifest.signature).items()})
    return {
        "pythonClassName": f"{_FEATURES}.features_dict.FeaturesDict",
        "featuresDict": {"features": features},
    }


def _image(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.signature.image
    dimensions = [str(-1 if side is None else side) for side in spec.shape]
    if manifest.image == "raw":
        return _tensor(dimensions, spec.dtype, "bytes")
    shape = {"dimensions": dimensions}
    image = {"shape": shape, "dtype": spec.dtype, "encodingFormat": manifest.image}
    return {"pythonClassName": f"{_FEATURES}.image_feature.Image", "image": image}


def _feature(feature: Feature) -> dict[str, Any]:
    if feature.kind == "class":
        label = {"numClasses": str(len(feature.names))}
        return {
            "pythonClassName": f"{_FEATURES}.class_label_feature.ClassLabel",
            "classLabel": label,
        }
    if feature.kind == "text":
        return {"pythonClassName": f"{_FEATURES}.text_feature.Text", "text": {}}
    dimensions = [str(-1 if side is None else side) for side in feature.shape]
    return _tensor(dimensions, feature.dtype, "none")


def _tensor(dimensions: list[str], dtype: str, encoding: str) -> dict[str, Any]:
    tensor = {"shape": {"dimensions": dimensions}, "dtype": dtype, "encoding": encoding}
    return {"pythonClassName": f"{_FEATURES}.tensor_feature.Tensor", "tensor": tensor}
