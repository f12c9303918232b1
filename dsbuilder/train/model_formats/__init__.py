"""What a trained model is exported as: a file a format, and the table of them.

model_format.py     what a format is: how it is written, how others read it
card.py             what an exported model says of itself
exporting.py        an export under way: written, tried, measured
answering.py        the model that is exported: images in, what `predict` says out
trial.py            whether what was written says the same, and how good it is
keras_zip.py        `.keras`
saved_model.py      a folder of TensorFlow
tflite.py           TensorFlow Lite, with 32 bits or 8
tflite_metadata.py  what a file of it says of itself
onnx.py             ONNX

A further format is a file here and its entry in `FORMATS`, which is there without TensorFlow.
"""

from collections.abc import Mapping
from types import MappingProxyType

from dsbuilder.train.model_formats import keras_zip, onnx, saved_model, tflite
from dsbuilder.train.model_formats.model_format import ModelFormat

FORMATS: Mapping[str, ModelFormat] = MappingProxyType(
    {
        "keras": keras_zip.FORMAT,
        "saved_model": saved_model.FORMAT,
        "tflite": tflite.FORMAT,
        "onnx": onnx.FORMAT,
    }
)
"""Formats by the names that `--to` takes."""

__all__ = ["FORMATS", "ModelFormat"]
