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

import contextlib
import io
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import TrainError, shortened
from dsbuilder.train.model_formats import tflite_metadata
from dsbuilder.train.model_formats.card import INPUT, ModelCard
from dsbuilder.train.model_formats.model_format import Ask, Calibration, ModelFormat
from dsbuilder.train.model_formats.saved_model import serving

_READER = f"""
import io, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

one = Interpreter(model_path=sys.argv[1]).get_signature_runner()
source, target = sys.stdin.buffer, sys.stdout.buffer
while size := int.from_bytes(source.read(8), "big"):
    images = np.load(io.BytesIO(source.read(size)))
    rows = [one({INPUT}=image[None]) for image in images]
    held = io.BytesIO()
    np.savez(held, **{{name: np.concatenate([row[name] for row in rows]) for name in rows[0]}})
    target.write(held.tell().to_bytes(8, "big") + held.getvalue())
    target.flush()
"""


def _write(model: Any, card: ModelCard, path: Path) -> None:
    _convert(model, card, path, None)


def _quantize(model: Any, card: ModelCard, path: Path, calibration: Calibration) -> None:
    import keras

    from dsbuilder.train.phases import leaves

    kinds = (keras.layers.RNN, keras.layers.Bidirectional)
    recurrent = [each.name for each in leaves(model) if isinstance(each, kinds)]
    if recurrent:  # native code of TensorFlow 2.21 ends the process on them
        raise TrainError(
            "expected layers that TensorFlow can convert to 8 bits, found recurrent ones, which "
            f"it cannot: {shortened(recurrent)}. Export it with 32 bits."
        )
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


@contextlib.contextmanager
def _open(path: Path, card: ModelCard) -> Iterator[Ask]:
    """Opens a file in a process of its own, which native code of the reader ends on some files."""
    command, pipe = [sys.executable, "-c", _READER, str(path)], subprocess.PIPE
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said) as process,
    ):

        def ask(images: np.ndarray) -> dict[str, np.ndarray]:
            held = io.BytesIO()
            np.save(held, images)
            answer = _exchanged(process, held.getvalue())
            if not answer:
                said.seek(0)
                raise RuntimeError(_last_line(said.read(), process.wait()))
            values = np.load(io.BytesIO(answer))
            return {name: values[output] for name, output in card.outputs.items()}

        yield ask


def _exchanged(process: Any, data: bytes) -> bytes:
    """Passes data to a process; returns what it answers, nothing if it has ended."""
    try:
        process.stdin.write(len(data).to_bytes(8, "big") + data)
        process.stdin.flush()
    except BrokenPipeError:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # or what is left in it would be passed again at the end
        return b""
    size = int.from_bytes(process.stdout.read(8), "big")
    answer: bytes = process.stdout.read(size)
    return answer


def _last_line(said: bytes, code: int) -> str:
    """Returns why a reader ended: the last line that it wrote, or the signal."""
    if code < 0:
        return f"it is ended by {signal.Signals(-code).name}"
    return (said.decode(errors="replace").strip().splitlines() or [f"exit code {code}"])[-1]


def _is_export(path: Path) -> bool:
    try:
        return tflite_metadata.has_card(path.read_bytes())
    except OSError:
        return False


FORMAT = ModelFormat(
    suffix=".tflite",
    write=_write,
    quantize=_quantize,
    open=_open,
    is_export=_is_export,
    reader="ai-edge-litert",
    one_size=True,
)
