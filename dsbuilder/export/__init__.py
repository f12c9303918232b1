"""A built dataset -> another layout on disk.

What is written is the exporter's of a layout, `layouts/NAME/writer.py`; here stands what all have
in common: the target appears whole or not at all, what was there is never overwritten, and the
sidecar lies in it.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dsbuilder.dataset import Dataset, ExportableDataset
from dsbuilder.errors import CacheError, DataError, did_you_mean
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.arrays.writer import NpzExporter
from dsbuilder.layouts.coco.writer import CocoExporter
from dsbuilder.layouts.folder.writer import FolderExporter
from dsbuilder.layouts.imagefolder.writer import ImageFolderExporter
from dsbuilder.layouts.ocr.writer import OcrExporter
from dsbuilder.layouts.tfrecord.writer import TfdsExporter
from dsbuilder.layouts.voc.writer import VocExporter
from dsbuilder.layouts.webdataset.writer import WebDatasetExporter
from dsbuilder.layouts.yolo.writer import YoloExporter
from dsbuilder.plugin import Exporter

_LOGGER = logging.getLogger(__name__)

EXPORTS: Mapping[str, type[Exporter]] = MappingProxyType(
    {
        "coco": CocoExporter,
        "folder": FolderExporter,
        "imagefolder": ImageFolderExporter,
        "npz": NpzExporter,
        "ocr": OcrExporter,
        "tfds": TfdsExporter,
        "voc": VocExporter,
        "webdataset": WebDatasetExporter,
        "yolo": YoloExporter,
    }
)
"""Name of a layout -> the exporter that writes it."""

__all__ = ["EXPORTS", "Exported", "export"]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export came to.

    Attributes:
      path: the folder.
      samples: how many were written, by split.
    """

    path: Path
    samples: Mapping[str, int]


def export(dataset: Dataset, target: Path, *, to: str) -> Exported:
    """Writes a dataset in another layout.

    Args:
      target: the folder to make; one that is there must be empty.
      to: a name of `EXPORTS`.

    Raises:
      DataError: there is no such layout, or the dataset does not fit it.
      CacheError: the target is not empty or cannot be written, or a shard is damaged.
    """
    if to not in EXPORTS:
        raise DataError(f"unknown layout '{to}'.{did_you_mean(to, EXPORTS)}")
    _check_target(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        temporary.mkdir(parents=True)
        samples = _written(dataset, EXPORTS[to], temporary)
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CacheError(
            f"{target}: expected a folder that can be written, found that it fails ({reason}). "
            "Make room or choose another with --out."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)
    return Exported(path=target, samples=samples)


def _written(dataset: Dataset, exporter: type[Exporter], folder: Path) -> Mapping[str, int]:
    written = exporter().write(ExportableDataset(dataset), folder)
    sidecar.write(_root(folder), dataset.signature, written.keys)
    for note in written.notes:
        _LOGGER.warning("%s: %s.", dataset.path, note)
    return written.samples


def _root(folder: Path) -> Path:
    """Returns the one file that an export is, else its folder."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_file() else folder


def _check_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()):
        raise CacheError(
            f"{target}: expected no folder or an empty one, found files in it. "
            "Choose another with --out, or remove it."
        )
    if target.exists() and not target.is_dir():
        raise CacheError(f"{target}: expected a folder to make, found a file. Choose another.")
