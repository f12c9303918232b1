"""How a dataset is opened by others: Python to copy, as it runs where the report was written.

Every reader is one that really opens this dataset, or an export of it; `tests/` runs each snippet
as it stands in the page.
"""

import json
import re
from collections.abc import Iterator

from dsbuilder.dataset import StoredDataset
from dsbuilder.report.page.blocks import Code
from dsbuilder.sample import Feature
from dsbuilder.targets import ClassLabel
from dsbuilder.targets.stored import stored_features

_TF_TYPES = {"int64": "tf.int64", "float32": "tf.float32", "string": "tf.string"}


def snippets(dataset: StoredDataset, where: str) -> Iterator[Code]:
    """Yields how a dataset is opened.

    Args:
      where: its path, as it is typed where the snippets are to run.
    """
    path = json.dumps(where, ensure_ascii=False)
    split = json.dumps("train" if dataset.has_samples("train") else next(iter(dataset.splits)))
    yield _code("dsbuilder", _dsbuilder(path, split))
    yield _code("tf.data", _tf_data(dataset, path, split))
    if dataset.manifest.codec == "npy":
        yield _code("numpy", _numpy(dataset, path, json.loads(split)))
    else:
        yield _code("numpy", _arrays(path, split))
        yield _code("TensorFlow Datasets", _tfds(path, split))
    if _learnable(dataset):
        yield _code("Keras", _keras(dataset, path, split))
    if _exports_to_imagefolder(dataset):
        note = "Writes a copy that the library reads: images as files, labels in metadata.jsonl."
        yield _code("Hugging Face datasets", _hugging_face(dataset, path, split), note)


def _code(title: str, text: str, note: str = "") -> Code:
    return Code(title=title, text=text, language="python", note=note)


def _dsbuilder(path: str, split: str) -> str:
    return f"""import dsbuilder

dataset = dsbuilder.load({path})
print(dataset.class_names, dataset.num_samples({split}))
for sample in dataset.samples({split}):
    print(sample.key, sample.image.shape, sample.targets)
    break"""


def _tf_data(dataset: StoredDataset, path: str, split: str) -> str:
    described = _parsed(dataset)
    if described is None:
        return f"""import dsbuilder

stream = dsbuilder.load({path}).stream({split}, batch_size=32)  # a tf.data.Dataset
for batch in stream.take(1):
    print(batch)"""
    files = f"{json.loads(path)}/{dataset.name}-{json.loads(split)}.tfrecord-*"
    return f"""import tensorflow as tf

FEATURES = {{
{described}
}}


def parse(example):
    features = tf.io.parse_single_example(example, FEATURES)
    image = tf.io.decode_{dataset.manifest.image}(features.pop("image"))
    return image, features


files = tf.io.gfile.glob({json.dumps(files, ensure_ascii=False)})
for image, features in tf.data.TFRecordDataset(sorted(files)).map(parse).take(1):
    print(image.shape, features)"""


def _parsed(dataset: StoredDataset) -> str | None:
    """Returns the features as TensorFlow parses them; None where that takes more than a line."""
    features = stored_features(dataset.signature.targets)
    plain = all(_is_plain(each) for each in features.values())
    if dataset.manifest.codec != "tfrecord" or dataset.manifest.image == "raw" or not plain:
        return None
    parsed: dict[str, tuple[tuple[int | None, ...], str]] = {
        "image": ((), "tf.string"),
        "key": ((), "tf.string"),
    }
    parsed |= {name: (each.shape, _TF_TYPES[each.dtype]) for name, each in features.items()}
    return "\n".join(
        f"    {json.dumps(name)}: tf.io.FixedLenFeature({list(shape)}, {kind}),"
        for name, (shape, kind) in parsed.items()
    )


def _is_plain(feature: Feature) -> bool:
    return feature.dtype in _TF_TYPES and None not in feature.shape and feature.kind != "mask"


def _numpy(dataset: StoredDataset, path: str, split: str) -> str:
    stem = next(each.stem for each in dataset.shards(split) if each.samples)
    front = f"{stem.replace('#', '-')}."
    lines = [
        f"{_identifier(name.removeprefix(front))} = np.load(folder / {json.dumps(name)}, "
        'mmap_mode="r")'
        for name in dataset.codec.files(stem)
    ]
    shards = len(dataset.shards(split))
    note = f"  # the first of {shards} shards" if shards > 1 else ""
    return (
        "from pathlib import Path\n\nimport numpy as np\n\n"
        f"folder = Path({path}){note}\n" + "\n".join(lines) + "\nprint(image.shape, image.dtype)"
    )


def _identifier(file: str) -> str:
    return re.sub(r"\W", "_", file.removesuffix(".npy"))


def _arrays(path: str, split: str) -> str:
    return f"""import numpy as np

import dsbuilder

samples = list(dsbuilder.load({path}).samples({split}))
images = [np.asarray(sample.image) for sample in samples]  # (height, width, channels) each
print(len(images), images[0].shape, images[0].dtype)"""


def _tfds(path: str, split: str) -> str:
    return f"""import tensorflow_datasets as tfds

builder = tfds.builder_from_directory({path})
for sample in builder.as_dataset(split={split}).take(1):
    print({{name: value.shape for name, value in sample.items() if hasattr(value, "shape")}})"""


def _learnable(dataset: StoredDataset) -> bool:
    """Whether a few lines of Keras learn it: one class of images of one size."""
    kinds = list(dataset.signature.targets.values())
    fixed = None not in (dataset.signature.image.height, dataset.signature.image.width)
    one = len(kinds) == 1 and isinstance(kinds[0], ClassLabel) and not kinds[0].soft
    return one and fixed and dataset.has_samples("train") and len(kinds[0].class_names) > 1


def _keras(dataset: StoredDataset, path: str, split: str) -> str:
    height, width, channels = dataset.signature.image.shape
    return f"""import keras

import dsbuilder

dataset = dsbuilder.load({path})
model = keras.Sequential(
    [
        keras.Input(({height}, {width}, {channels})),
        keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(len(dataset.class_names)),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"])
model.fit(dataset.stream({split}, images="scale"), epochs=1, shuffle=False)"""


def _exports_to_imagefolder(dataset: StoredDataset) -> bool:
    kinds = dataset.signature.targets.values()
    return all(isinstance(kind, ClassLabel) and not kind.soft for kind in kinds)


def _hugging_face(dataset: StoredDataset, path: str, split: str) -> str:
    folder = json.dumps(f"{dataset.name}-imagefolder")
    return f"""import datasets

import dsbuilder

dsbuilder.load({path}).export({folder}, to="imagefolder")
dataset = datasets.load_dataset("imagefolder", data_dir={folder})
print(dataset[{split}][0])"""
