"""An ONNX file, for ONNX Runtime and all that reads ONNX.

The card and the class names are metadata of the model:

    session = onnxruntime.InferenceSession("model.onnx")
    about = session.get_modelmeta().custom_metadata_map
    names = json.loads(about["class_names"])
    (probabilities,) = session.run(["label"], {"images": pixels})
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import typed_json
from dsbuilder.train.model_formats.card import CLASS_NAMES, INPUT, ModelCard
from dsbuilder.train.model_formats.model_format import Ask, ModelFormat

_CARD_KEY = "dsbuilder"


def _write(model: Any, card: ModelCard, path: Path) -> None:
    import keras
    import onnx

    spec = keras.InputSpec(shape=(None, *card.image.shape), dtype=card.image.dtype, name=INPUT)
    model.export(str(path), format="onnx", input_signature=[spec], verbose=False)
    written = onnx.load(str(path))
    told = {_CARD_KEY: card.dumps(), CLASS_NAMES: typed_json.dumps(card.note.class_names)}
    onnx.helper.set_model_props(written, told)
    onnx.checker.check_model(written)
    onnx.save(written, str(path))


@contextlib.contextmanager
def _open(path: Path, card: ModelCard) -> Iterator[Ask]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def ask(images: np.ndarray) -> dict[str, np.ndarray]:
        found = session.run(list(card.outputs.values()), {INPUT: images})
        return dict(zip(card.outputs, found, strict=True))

    yield ask


def _is_export(path: Path) -> bool:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        found = onnx.load(str(path), load_external_data=False)
    except (OSError, DecodeError):
        return False
    return any(each.key == _CARD_KEY for each in found.metadata_props)


FORMAT = ModelFormat(
    suffix=".onnx",
    write=_write,
    open=_open,
    is_export=_is_export,
    packages=("tf2onnx", "onnx"),
    reader="onnxruntime",
)
