"""One `.npz` file of arrays, as Keras names those of MNIST; numpy opens it without pickle.

    out/
      toy.npz
        x_train  uint8 (N, H, W, C)     y_train  key_train
        x_test                          y_test   key_test
        class_names
      toy.npz.dsbuilder.json

`y` is the first class, the weights of several classes, the numbers or the text; where there is no
such target there is no `y`. What else is stored keeps its name, such as `label_weights_train`; of
what a sample has any number of, such as boxes, `objects-bbox_train` holds the values of all samples
and `objects-bbox.row_splits_train` where those of each begin and end, as the npy codec has it.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dsbuilder.images import encoding
from dsbuilder.layouts.arrays.format import IMAGE, KEY, array_names, class_names_array
from dsbuilder.paths import below
from dsbuilder.plugin import (
    CHANNELS,
    DataError,
    Exportable,
    Exporter,
    Feature,
    Mask,
    StoredSample,
    Target,
    Written,
    exporter,
    stored_features,
)
from dsbuilder.records import arrays, example

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODES = {channels: mode for mode, channels in CHANNELS.items()}


@exporter("npz")
@dataclass(frozen=True, kw_only=True)
class NpzExporter(Exporter):
    """Writes one `.npz` file of arrays, x_train, y_train, x_test, y_test and so on."""

    one_file: ClassVar[bool] = True

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes the arrays.

        Raises:
          DataError: images are of several sizes.
          CacheError: a shard is missing, cut or corrupt.
        """
        targets, samples = dataset.signature.targets, {}
        path = below(folder, f"{dataset.name}.npz")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for split in dataset.splits:
                samples[split] = _write_split(dataset, split, archive)
            for name, kind in targets.items():
                if kind.class_names:
                    names = np.array(kind.class_names, dtype=np.str_)
                    _write_array(archive, class_names_array(name, targets), names)
        return Written(samples=samples)


def _write_split(dataset: Exportable, split: str, archive: zipfile.ZipFile) -> int:
    """Streams the images of a split into the archive; the rest is gathered first."""
    signature, count = dataset.signature, dataset.num_samples(split)
    shape = (count, *_fixed_shape(dataset))
    names = array_names(signature.targets)
    features = stored_features(signature.targets)
    columns: dict[str, list[Any]] = {name: [] for name in features}
    with archive.open(_member(f"{names[IMAGE]}_{split}"), "w", force_zip64=True) as file:
        dtype = np.lib.format.dtype_to_descr(np.dtype(signature.image.dtype))
        header = {"descr": dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for sample in dataset.samples(split):
            file.write(_pixels(sample, signature.image.channels))
            for name, value in _stored(sample, signature.targets).items():
                columns[name].append(value)
    for name, feature in features.items():
        for stored, array in arrays.feature_arrays(name, feature, columns[name], shape).items():
            _write_array(archive, f"{names[stored]}_{split}", _readable(feature, array))
    return count


def _fixed_shape(dataset: Exportable) -> tuple[int, int, int]:
    height, width, channels = dataset.signature.image.shape
    if height is None or width is None:
        raise DataError(
            f"{dataset.where}: expected images of one size, found {dataset.signature.image}. "
            "Add {use: resize, size: [height, width]} to finish."
        )
    return height, width, channels


def _pixels(sample: StoredSample, channels: int) -> bytes:
    if isinstance(sample.image, bytes):
        return encoding.decode(sample.image, mode=_MODES[channels]).tobytes()
    return sample.image.tobytes()


def _stored(sample: StoredSample, targets: Mapping[str, Target]) -> dict[str, Any]:
    """Returns what is stored of a sample, as decoded from an Example; of a mask its ids."""
    values: dict[str, Any] = {KEY: sample.key.encode()}
    masks = {name: sample.targets[name] for name, kind in targets.items() if isinstance(kind, Mask)}
    for name, kind in targets.items():
        if name not in masks:
            values.update(kind.encode(name, sample.targets[name]))
    return {**example.decode(example.encode(values)), **masks}


def _readable(feature: Feature, array: np.ndarray) -> np.ndarray:
    """Returns texts as numpy's own and not as their bytes."""
    if feature.dtype != "string" or array.dtype.kind != "S":
        return array
    texts = [value.decode() for value in array.tolist()]
    return np.array(texts, dtype=np.str_) if texts else np.zeros(0, "U1")


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(_member(name), "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _member(name: str) -> zipfile.ZipInfo:
    """Returns the head of a member, without the time of day."""
    return zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
