"""The model that is exported: images as the dataset holds them in, what `predict` says out."""

from typing import Any

import keras

from dsbuilder.train.archive import Trained
from dsbuilder.train.model_formats.card import INPUT, ModelCard
from dsbuilder.train.network import outputs_by_head
from dsbuilder.train.precision import precision_of


def answering_model(trained: Trained, card: ModelCard) -> keras.Model:
    """Returns a model from images `(N, H, W, C)` to a mapping of what each head yields.

    It computes in float32: where layers were trained in 16 bits, what it says differs by what these
    round off.
    """
    inputs = keras.Input(card.image.shape, dtype=card.image.dtype, name=INPUT)
    network = _in_float32(trained.model)
    outputs = outputs_by_head(trained.note.heads, network(keras.ops.cast(inputs, "float32")))
    values = {name: head.to_values(outputs[name]) for name, head in card.heads.items()}
    named = {card.outputs[name]: each for name, each in values.items()}
    return keras.Model(inputs, named, name="answers")


def _in_float32(model: keras.Model) -> keras.Model:
    """Returns a model whose layers compute in float32, as no format has mixed precision."""
    mixed = precision_of(model)
    if mixed == "float32":
        return model
    config = keras.saving.serialize_keras_object(model)
    plain = keras.saving.deserialize_keras_object(_replaced(config, mixed), safe_mode=True)
    plain.set_weights(model.get_weights())
    return plain


def _replaced(config: Any, mixed: str) -> Any:
    """Returns a configuration in which the policy `mixed` is float32 wherever it stands."""
    if isinstance(config, dict):
        return {name: _replaced(each, mixed) for name, each in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_replaced(each, mixed) for each in config)
    return "float32" if isinstance(config, str) and config == mixed else config
