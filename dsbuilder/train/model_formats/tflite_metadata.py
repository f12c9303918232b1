"""What a TensorFlow Lite file says of itself: our card, and the metadata that its tools read.

Both are buffers of the model, named in its table `metadata`. The standard one, `TFLITE_METADATA`,
is a flatbuffer after `metadata_schema.fbs` of MediaPipe (version 1.0 of it); numbers below are the
places of fields in its tables. No package of Python that writes it is kept up, so it is written by
the builder of flatbuffers, which TensorFlow brings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsbuilder.train.model_formats.card import INPUT, ModelCard

_CARD_BUFFER = "dsbuilder"
_FILE = b"TFL3"

_STANDARD = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_LEAST_PARSER = "1.0.0"
_AXIS_LABELS = 2
_FEATURE, _IMAGE = 1, 2
_NORMALIZATION = 1
_COLOR_SPACES = {3: 1, 1: 2}
"""RGB and gray, by channels; others have no name there."""


def added(model: bytes, card: ModelCard) -> bytes:
    """Returns a model with metadata.

    Args:
      model: what the converter returned.
    """
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    unpacked = schema.ModelT.InitFromPackedBuf(model)
    outputs = _outputs(unpacked, card)
    for name, data in (
        (_CARD_BUFFER, card.dumps().encode()),
        (_STANDARD, _standard(card, outputs)),
    ):
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = np.frombuffer(data, np.uint8)
        unpacked.buffers.append(buffer)
        entry.name, entry.buffer = name, len(unpacked.buffers) - 1
        unpacked.metadata = [*(unpacked.metadata or []), entry]
    builder = flatbuffers.Builder(len(model) + (1 << 16))
    builder.Finish(unpacked.Pack(builder), file_identifier=_FILE)
    return bytes(builder.Output())


def has_card(model: bytes) -> bool:
    """Whether a file is a TensorFlow Lite model that names our card."""
    return model[4:8] == _FILE and _CARD_BUFFER.encode() in model


def _outputs(model: Any, card: ModelCard) -> list[str]:
    """Returns the targets of the heads in the order of a model's outputs, which is its own."""
    (signature,) = model.signatureDefs
    places = {each.name.decode(): each.tensorIndex for each in signature.outputs}
    order = model.subgraphs[0].outputs.tolist()
    return sorted(card.outputs, key=lambda name: order.index(places[card.outputs[name]]))


def _standard(card: ModelCard, outputs: Sequence[str]) -> bytes:
    """Returns the standard metadata."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    told = [_output(builder, card, name) for name in outputs]
    subgraph = _table(
        builder, 5, {2: _offsets(builder, [_input(builder, card)]), 3: _offsets(builder, told)}
    )
    root = _table(
        builder,
        8,
        {
            0: builder.CreateString(card.note.dataset),
            1: builder.CreateString(f"Trained on {card.note.dataset}, {card.note.fingerprint}."),
            3: _offsets(builder, [subgraph]),
            7: builder.CreateString(_LEAST_PARSER),
        },
    )
    builder.Finish(root, file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: Any, card: ModelCard) -> int:
    """Writes what the images are."""
    space = _COLOR_SPACES.get(card.image.channels, 0)
    content = _table(builder, 3, {1: _table(builder, 2, {}, {0: space})}, {0: _IMAGE})
    as_it_is = {0: _floats(builder, [0.0]), 1: _floats(builder, [1.0])}
    unit = _table(builder, 2, {1: _table(builder, 2, as_it_is)}, {0: _NORMALIZATION})
    fields = {
        0: builder.CreateString(INPUT),
        1: builder.CreateString(card.normalize),
        3: content,
        4: _offsets(builder, [unit]),
    }
    if card.image.dtype == "uint8":
        limits = {0: _floats(builder, [255.0]), 1: _floats(builder, [0.0])}
        fields[5] = _table(builder, 2, limits)
    return _table(builder, 7, fields)


def _output(builder: Any, card: ModelCard, name: str) -> int:
    """Writes what a head yields, and which file has its names."""
    fields = {
        0: builder.CreateString(card.outputs[name]),
        1: builder.CreateString(card.heads[name].values),
        3: _table(builder, 3, {1: _table(builder, 0, {})}, {0: _FEATURE}),
    }
    labels = card.label_file(name)
    if labels is not None:
        file = _table(builder, 5, {0: builder.CreateString(labels)}, {2: _AXIS_LABELS})
        fields[6] = _offsets(builder, [file])
    return _table(builder, 7, fields)


def _table(
    builder: Any, size: int, offsets: Mapping[int, int], numbers: Mapping[int, int] | None = None
) -> int:
    """Writes a table of `size` fields: those that are written already, and bytes."""
    builder.StartObject(size)
    for place, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(place, offset, 0)
    for place, number in (numbers or {}).items():
        builder.PrependUint8Slot(place, number, 0)
    return int(builder.EndObject())


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    """Writes a list of what is written already."""
    builder.StartVector(4, len(offsets), 4)
    for each in reversed(offsets):
        builder.PrependUOffsetTRelative(each)
    return int(builder.EndVector())


def _floats(builder: Any, values: Sequence[float]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.float32)))
