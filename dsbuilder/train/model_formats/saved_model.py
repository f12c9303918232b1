"""A SavedModel of TensorFlow, for TensorFlow Serving, tf.js and programs in C++ or Java.

Two signatures beside the usual one say what it is: `class_names`, the names of each head by the
name of its output, and `card`. The same lies in `assets.extra/`, for who reads files:

    model = tf.saved_model.load("saved_model")
    names = model.signatures["class_names"]()["label"].numpy()
    probabilities = model.signatures["serving_default"](images=pixels)["label"]
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.train.model_formats.card import CARD, CLASS_NAMES, INPUT, ModelCard
from dsbuilder.train.model_formats.model_format import Ask, ModelFormat

_EXTRA = "assets.extra"
_SERVE = "serving_default"


def serving(model: Any, card: ModelCard, *, batch: int | None) -> tuple[Any, Any]:
    """Returns a module that holds a model, and its function from a batch to outputs by name.

    Args:
      batch: number of images of every batch; None for any.
    """
    import tensorflow as tf

    module = tf.Module()
    module.kept = [each.value for each in model.variables]
    taken = tf.TensorSpec([batch, *card.image.shape], card.image.dtype, name=INPUT)

    def serve(images: Any) -> Any:
        return dict(model(images, training=False))

    return module, tf.function(serve, input_signature=[taken], autograph=False)


def _write(model: Any, card: ModelCard, path: Path) -> None:
    import tensorflow as tf

    module, serve = serving(model, card, batch=None)
    text = card.dumps()
    names = {card.outputs[name]: head.names for name, head in card.heads.items() if head.names}
    told = {
        "card": tf.function(lambda: {"json": tf.constant(text)}, input_signature=[]),
        CLASS_NAMES: tf.function(
            lambda: {output: tf.constant(list(each)) for output, each in names.items()},
            input_signature=[],
        ),
    }
    if not names:
        del told[CLASS_NAMES]
    tf.saved_model.save(module, str(path), signatures={_SERVE: serve, **told})
    extra = path / _EXTRA
    extra.mkdir()
    for name, content in {CARD: text, **card.label_files}.items():
        (extra / name).write_text(content, encoding="utf-8")


@contextlib.contextmanager
def _open(path: Path, card: ModelCard) -> Iterator[Ask]:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))  # a signature alone does not keep its variables
    serve = model.signatures[_SERVE]

    def ask(images: np.ndarray) -> dict[str, np.ndarray]:
        found = serve(**{INPUT: tf.constant(images)})
        return {name: found[output].numpy() for name, output in card.outputs.items()}

    yield ask


def _is_export(path: Path) -> bool:
    return (path / _EXTRA / CARD).is_file()


FORMAT = ModelFormat(suffix="", write=_write, open=_open, is_export=_is_export, reader="tensorflow")
