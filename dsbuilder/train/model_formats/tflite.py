"""A TensorFlow Lite (LiteRT) file, for phones and small machines: one image at a time.

The card is a metadata buffer, `dsbuilder`; the names are lists that lie in the file as in a zip
archive, where `unzip` finds them, and MediaPipe by the standard metadata (`tflite_metadata.py`):

    interpreter = ai_edge_litert.interpreter.Interpreter("model.tflite")
    ask = interpreter.get_signature_runner()
    names = zipfile.ZipFile("model.tflite").read("labels.txt").decode().splitlines()
    probabilities = ask(images=pixels[None])["label"]

With 8 bits, weights and values between layers are whole numbers, whose ranges are chosen by images
of the train split (Jacob et al. 2018); pixels in and answers out are what they are without.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.train.model_formats import tflite_metadata
from dsbuilder.train.model_formats.card import INPUT, ModelCard
from dsbuilder.train.model_formats.model_format import Ask, Calibration, ModelFormat
from dsbuilder.train.model_formats.saved_model import serving


def _write(model: Any, card: ModelCard, path: Path) -> None:
    _convert(model, card, path, None)


def _quantize(model: Any, card: ModelCard, path: Path, calibration: Calibration) -> None:
    _convert(model, card, path, calibration)


def _convert(model: Any, card: ModelCard, path: Path, calibration: Calibration | None) -> None:
    import tensorflow as tf

    module, serve = serving(model, card, batch=1)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function()], module
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ([image[None]] for image in calibration)
    path.write_bytes(tflite_metadata.added(converter.convert(), card))
    with zipfile.ZipFile(path, "a") as file:  # behind the model, which readers do not mind
        for name, text in card.label_files.items():
            file.writestr(name, text)


def _open(path: Path, card: ModelCard) -> Ask:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    one = interpreter.get_signature_runner()

    def ask(images: np.ndarray) -> dict[str, np.ndarray]:
        rows = [one(**{INPUT: image[None]}) for image in images]
        return {
            name: np.concatenate([row[output] for row in rows])
            for name, output in card.outputs.items()
        }

    return ask


FORMAT = ModelFormat(
    suffix=".tflite",
    write=_write,
    quantize=_quantize,
    open=_open,
    reader="ai-edge-litert",
    one_size=True,
)
