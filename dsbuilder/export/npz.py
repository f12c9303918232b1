"""One `.npz` file of arrays, as Keras names those of MNIST; numpy opens it without pickle.

    out/
      toy.npz
        x_train  uint8 (N, H, W, C)     y_train  key_train
        x_test                          y_test   key_test
        class_names                     signature

`y` is the first class, the weights of several classes, the numbers or the text; where there is no
such target there is no `y`. What else is stored keeps its name, such as `label_weights_train`; of
what a sample has any number of, such as boxes, `objects-bbox_train` holds the values of all samples
and `objects-bbox.row_splits_train` where those of each begin and end, as the npy codec has it.
`signature` is a text, JSON that says of which kinds the targets are and which of them is `y`. The
same dataset gives the same bytes.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import fixed_shape
from dsbuilder.cache.npy import feature_arrays
from dsbuilder.dataset import Dataset
from dsbuilder.errors import CacheError, DataError
from dsbuilder.records import arrays, example
from dsbuilder.sample import Feature, SampleSpec, Target
from dsbuilder.targets import ClassLabel, MultiLabel, Text, Value, signature_to_json

_EPOCH = (1980, 1, 1, 0, 0, 0)
_AS_Y = (ClassLabel, MultiLabel, Value, Text)


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: images are of several sizes.
      CacheError: a shard is missing, cut or corrupt.
    """
    try:
        shape = fixed_shape(dataset.signature)
    except CacheError as error:
        raise DataError(f"{dataset.path}: {error}") from None
    path = folder / f"{dataset.name}.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for split in dataset.splits:
            _write_split(dataset, split, archive, shape)
        for name, names in _class_names(dataset.signature).items():
            _write_array(archive, name, np.array(names, dtype=np.str_))
        _write_array(archive, arrays.SIGNATURE, np.array(_described(dataset.signature)))
    return {split: dataset.num_samples(split) for split in dataset.splits}


def _write_split(
    dataset: Dataset, split: str, archive: zipfile.ZipFile, shape: tuple[int, int, int]
) -> None:
    """Streams the images of a split into the archive; the rest is gathered first."""
    stored = _stored(dataset.signature)
    columns: dict[str, list[Any]] = {name: [] for name in stored}
    dtype = np.dtype(dataset.signature.image.dtype)
    rows = (dataset.num_samples(split), *shape)
    with archive.open(_member(f"x_{split}"), "w", force_zip64=True) as file:
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": rows,
        }
        np.lib.format.write_array_header_1_0(file, header)
        for features in _features(dataset, split):
            file.write(_pixels(dataset, features["image"][0]))
            for name, column in columns.items():
                column.append(features[name])
    y = _feature_of_y(dataset.signature)
    for name, feature in stored.items():
        for array_name, array in feature_arrays(name, feature, columns[name], rows).items():
            given = arrays.name_of(array_name, split, y=y)
            _write_array(archive, given, _readable(feature, array))


def _features(dataset: Dataset, split: str) -> Iterator[Mapping[str, Any]]:
    for shard in dataset.shards(split):
        reader = dataset.codec.open(dataset.path, shard.stem)
        for entry in ledger.read(dataset.path / ledger.file_name(shard.stem)):
            yield example.decode(reader.read(entry.offset, entry.length))


def _pixels(dataset: Dataset, stored: bytes) -> bytes:
    if dataset.manifest.image == "raw":
        return stored
    return dataset.codec.decode_image(stored).tobytes()


def _readable(feature: Feature, array: np.ndarray) -> np.ndarray:
    """Returns texts as numpy's own and not as their bytes."""
    if feature.dtype != "string" or array.dtype.kind != "S":
        return array
    texts = [value.decode() for value in array.tolist()]
    return np.array(texts, dtype=np.str_) if texts else np.zeros(0, "U1")


def _stored(signature: SampleSpec) -> dict[str, Feature]:
    stored = {"key": Feature(kind="text", dtype="string")}
    for name, target in signature.targets.items():
        stored.update(target.features(name))
    return stored


def _labelled(signature: SampleSpec) -> tuple[str, Target] | None:
    """Returns the target that `y` holds."""
    found = ((n, kind) for n, kind in signature.targets.items() if isinstance(kind, _AS_Y))
    return next(found, None)


def _feature_of_y(signature: SampleSpec) -> str | None:
    """Returns the stored feature that is called y."""
    labelled = _labelled(signature)
    if labelled is None:
        return None
    name, kind = labelled
    return kind.streamed(name)[0] if isinstance(kind, MultiLabel) else name


def _described(signature: SampleSpec) -> str:
    known = {"y": _feature_of_y(signature), **signature_to_json(signature)}
    return json.dumps(known, ensure_ascii=False)


def _class_names(signature: SampleSpec) -> dict[str, tuple[str, ...]]:
    """Returns the names of classes by the name of their array."""
    labelled = _labelled(signature)
    of_y = None if labelled is None else labelled[0]
    return {
        "class_names" if name == of_y else f"{name}_class_names": kind.class_names
        for name, kind in signature.targets.items()
        if kind.class_names
    }


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(_member(name), "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _member(name: str) -> zipfile.ZipInfo:
    """Returns the head of a member, without the time of day."""
    return zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
