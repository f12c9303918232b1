"""Foreign readers ask exported models, and find the class names in their files alone."""

import json
import zipfile

import numpy as np
import pytest
import tools
from saved_models import MASK, NAMES, ROWS, TEXT, images, save_untrained

import dsbuilder
from dsbuilder.registry import discover
from dsbuilder.train.model_formats import FORMATS
from dsbuilder.train.model_formats.trial import TOLERANCE

litert = tools.module("ai_edge_litert.interpreter")
onnxruntime = tools.module("onnxruntime")
tools.module("tf2onnx")
tf = tools.module("tensorflow")
keras = tools.module("keras")
archive = tools.module("dsbuilder.train.archive")

BUILT_IN = {each.name: each.cls for each in discover().of_kind("model")}
MODELS = {
    "mlp": ({"width": 8}, ROWS),
    "lenet": ({}, ROWS),
    "cnn": ({"width": 4, "depth": 2, "attention": "cbam"}, ROWS),
    "vgg_small": ({"width": 4, "dense": 8}, ROWS),
    "resnet_small": ({"width": 4, "blocks": 1}, ROWS),
    "cbam": ({"width": 4}, ROWS),
    "unet": ({"width": 4}, {**ROWS, **MASK}),
    "crnn": ({"width": 4, "units": 4}, {**ROWS, **TEXT}),
    "rnn": ({"width": 4, "cell": "gru", "bidirectional": True}, ROWS),
    "transfer": ({"weights": "imagenet"}, ROWS),
}


def test_every_built_in_model_is_exported() -> None:
    assert set(MODELS) | {"file"} == set(BUILT_IN), "file is any of them, saved"


def of_keras(path, pixels):
    with zipfile.ZipFile(path) as file:
        names = json.loads(file.read("dsbuilder.json"))["class_names"]
    return names, keras.models.load_model(path).predict(pixels, verbose=0)


def of_saved_model(path, pixels):
    model = tf.saved_model.load(str(path))
    told = model.signatures["class_names"]()
    names = [name.decode() for name in told["label"].numpy()]
    found = model.signatures["serving_default"](images=tf.constant(pixels))
    return names, {name: each.numpy() for name, each in found.items()}


def of_tflite(path, pixels):
    with zipfile.ZipFile(path) as file:
        listed = next(
            name for name in ("labels.txt", "label.labels.txt") if name in file.namelist()
        )
        names = file.read(listed).decode().splitlines()
    ask = litert.Interpreter(model_path=str(path)).get_signature_runner()
    rows = [ask(images=image[None]) for image in pixels]
    return names, {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def of_onnx(path, pixels):
    session = onnxruntime.InferenceSession(str(path))
    names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
    outputs = [each.name for each in session.get_outputs()]
    return names, dict(zip(outputs, session.run(outputs, {"images": pixels}), strict=True))


READERS = {"keras": of_keras, "saved_model": of_saved_model, "tflite": of_tflite, "onnx": of_onnx}


@pytest.fixture(scope="module", params=MODELS)
def saved(request, tmp_path_factory):
    """A saved model with a head of every kind that it has, and what it says of pixels."""
    options, targets = MODELS[request.param]
    path = tmp_path_factory.mktemp(request.param) / "best.keras"
    save_untrained(path, BUILT_IN[request.param](**options), targets)
    trained, pixels = archive.load_model(path), images()
    return path, pixels, trained.note.heads, trained.model.predict_on_batch(pixels)


@pytest.mark.parametrize("to", FORMATS)
def test_a_foreign_reader_says_the_same_and_finds_the_class_names(saved, to) -> None:
    path, pixels, heads, outputs = saved
    found = dsbuilder.export_model(path, to=to)
    assert FORMATS[to].is_export(found.path)
    assert found.check.apart <= TOLERANCE and found.check.samples == 32
    names, values = READERS[to](found.path, pixels)
    assert tuple(names) == NAMES
    assert set(values) == set(heads)
    for head, task in heads.items():
        said = np.asarray(outputs[head])
        again = task.exported.to_outputs(values[head])
        for one, two in zip(said, again, strict=True):
            before, after = (task.answer(each) for each in (one, two))
            assert dict(after.scores) == pytest.approx(dict(before.scores), abs=TOLERANCE)
        if not before.scores:
            apart = np.abs(again - np.clip(said, 0, 1) if head == "points" else again - said)
            assert apart.max() <= TOLERANCE * task.exported.unit.max()


def test_the_card_lies_in_a_tflite_file_where_its_own_schema_finds_it(tmp_path) -> None:
    schema = tools.module("ai_edge_litert.schema_py_generated")
    path = save_untrained(tmp_path / "best.keras", BUILT_IN["mlp"](width=4), ROWS)
    data = dsbuilder.export_model(path, to="tflite").path.read_bytes()
    model = schema.Model.GetRootAs(data, 0)
    entries = [model.Metadata(place) for place in range(model.MetadataLength())]
    buffers = {
        each.Name().decode(): model.Buffers(each.Buffer()).DataAsNumpy().tobytes()
        for each in entries
    }
    card = json.loads(buffers["dsbuilder"])
    assert card["class_names"] == list(NAMES)
    assert card["outputs"]["whether"]["names"] == ["no", "yes"]
    assert buffers["TFLITE_METADATA"][4:8] == b"M001"
