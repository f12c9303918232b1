"""What a format of exported models is: how it is written, and how others read it."""

import contextlib
import importlib.metadata
import logging
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.train.model_formats.card import ModelCard

Ask = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From a batch of images `(B, H, W, C)` to what each head yields, by target."""

Calibration = Iterable[np.ndarray]
"""Images `(H, W, C)` of the train split, by which ranges of values are chosen."""


@dataclass(frozen=True, kw_only=True)
class ModelFormat:
    """A format of exported models.

    Attributes:
      suffix: ending of the file's name; empty of a format that is a folder.
      write: function that writes a model, from `answering.answering_model`, to a path.
      quantize: function that does so with weights and values in 8 bits; None of a format without.
      open: function that opens what was written with the format's own reader.
      is_export: function that says whether what lies at a path was written so, and may give way to
        another export; a model of a run is none, nor is any other file of the format.
      packages: distributions that writing needs beside TensorFlow.
      reader: distribution that reads it.
      needs_tensorflow: whether Keras must run on TensorFlow.
      one_size: whether images that vary in size cannot be taken.
    """

    suffix: str
    write: Callable[[Any, ModelCard, Path], None]
    open: Callable[[Path, ModelCard], AbstractContextManager[Ask]]
    is_export: Callable[[Path], bool]
    quantize: Callable[[Any, ModelCard, Path, Calibration], None] | None = None
    packages: tuple[str, ...] = ()
    reader: str
    needs_tensorflow: bool = True
    one_size: bool = False


def version_of(package: str) -> str | None:
    """Returns the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def install(packages: Sequence[str]) -> str:
    """Returns the command that installs distributions."""
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps warnings and logs of converters back; what they fail of, they raise."""
    loud = [logging.getLogger(each) for each in ("absl", "tensorflow", "tf2onnx")]
    before = [each.level for each in loud]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in loud:
            each.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for each, level in zip(loud, before, strict=True):
                each.setLevel(level)
