"""A `.keras` file of Keras, for who goes on in Python.

Of a layer of a plugin it holds the name alone, so whoever loads it needs the plugin.
The card is a further member of the zip archive, as is the list of names:

    model = keras.models.load_model("model.keras")
    card = json.loads(zipfile.ZipFile("model.keras").read("dsbuilder.json"))
    names, probabilities = card["class_names"], model.predict(pixels)   # uint8 pixels as they are
"""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.train.model_formats.card import CARD, ModelCard
from dsbuilder.train.model_formats.model_format import Ask, ModelFormat


def _write(model: Any, card: ModelCard, path: Path) -> None:
    import keras

    from dsbuilder.train.network import by_head

    outputs = {name: model.output[output] for name, output in card.outputs.items()}
    keras.Model(model.inputs, by_head(outputs), name=model.name).save(path)
    with zipfile.ZipFile(path, "a") as file:
        for name, text in {CARD: card.dumps(), **card.label_files}.items():
            file.writestr(name, text)


@contextlib.contextmanager
def _open(path: Path, card: ModelCard) -> Iterator[Ask]:
    import keras

    from dsbuilder.train.network import outputs_by_head

    model = keras.models.load_model(path, safe_mode=True)

    def ask(images: np.ndarray) -> dict[str, np.ndarray]:
        found = outputs_by_head(card.note.heads, model.predict_on_batch(images))
        return {name: np.asarray(each) for name, each in found.items()}

    yield ask


def _is_export(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return CARD in file.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


FORMAT = ModelFormat(
    suffix=".keras",
    write=_write,
    open=_open,
    is_export=_is_export,
    reader="keras",
    needs_tensorflow=False,
)
