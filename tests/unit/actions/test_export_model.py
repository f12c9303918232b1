"""Trained models leave for other programs: whole or not at all, tried, and never over another."""

import shutil
import zipfile

import pytest
from saved_models import NAMES, ROWS, images, save_untrained

import dsbuilder
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.mlp import Mlp
from dsbuilder.builtin.models.rnn import Rnn
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.plugin import ModelBuilder
from dsbuilder.train.model_formats import FORMATS
from dsbuilder.train.model_formats.model_format import version_of

keras = pytest.importorskip("keras")
litert = pytest.importorskip("ai_edge_litert.interpreter")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of every kind of row, in a folder of its own."""
    path = tmp_path_factory.mktemp("saved") / "best.keras"
    return save_untrained(path, Mlp(width=4, depth=1), ROWS)


def test_an_export_takes_the_place_of_an_earlier_one_only_where_it_is_asked_to(model, tmp_path):
    target = tmp_path / "here.tflite"
    target.write_text("kept")
    with pytest.raises(TrainError, match=r"expected a free place, found a file.*--overwrite"):
        dsbuilder.export_model(model, to="tflite", out=target)
    assert target.read_text() == "kept"
    with pytest.raises(TrainError, match="of this format to overwrite, found something else"):
        dsbuilder.export_model(model, to="tflite", out=target, overwrite=True)
    assert target.read_text() == "kept"
    target.unlink()
    dsbuilder.export_model(model, to="tflite", out=target)
    found = dsbuilder.export_model(model, to="tflite", out=target, overwrite=True)
    assert found.path == target and found.size_bytes == target.stat().st_size
    assert [each.name for each in tmp_path.iterdir()] == ["here.tflite"], "nothing else is left"
    assert found.check.reader.startswith("ai-edge-litert ") and found.check.split is None
    assert found.warnings == (
        f"{model.parent}: it is no run, so the dataset of its model is not known. "
        "The export is checked on random images.",
    )
    with zipfile.ZipFile(target) as file:
        assert file.read("label.labels.txt").decode().splitlines() == list(NAMES)
    ask = litert.Interpreter(model_path=str(target)).get_signature_runner()
    said = ask(images=images(1))
    assert said["label"].shape == (1, 3) and said["label"].sum() == pytest.approx(1)


def test_what_cannot_be_exported_is_refused_before_anything_is_loaded(model, tmp_path):
    with pytest.raises(SpecError, match=r"no format 'tflight' of models\. Did you mean 'tflite'"):
        dsbuilder.export_model(model, to="tflight")
    with pytest.raises(SpecError, match="int8: it is for tflite, found 'onnx'"):
        dsbuilder.export_model(model, to="onnx", int8=True)
    with pytest.raises(TrainError, match="int8: its ranges are chosen by the train split"):
        dsbuilder.export_model(model, to="tflite", int8=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(TrainError, match="of this format to overwrite, found something else"):
        dsbuilder.export_model(model, to="saved_model", out=tmp_path / "mine", overwrite=True)
    with pytest.raises(TrainError, match="expected a free place"):
        dsbuilder.export_model(model, to="keras", out=model, overwrite=True)
    last = shutil.copy(model, tmp_path / "last.keras")
    with pytest.raises(TrainError, match="of this format to overwrite, found something else"):
        dsbuilder.export_model(model, to="keras", out=last, overwrite=True)
    with pytest.raises(TrainError, match="no such run"):
        dsbuilder.export_model(tmp_path / "none.keras", to="keras")
    assert version_of("no-such-package-at-all") is None


@pytest.mark.parametrize("to", FORMATS)
def test_only_what_an_export_wrote_gives_way(to, tmp_path):
    assert not FORMATS[to].is_export(tmp_path / "nothing")
    assert not FORMATS[to].is_export(tmp_path)
    for content in (b"", b"dsbuilder", b"dsbuilder TFL3, a text that somebody needs"):
        (tmp_path / "text").write_bytes(content)
        assert not FORMATS[to].is_export(tmp_path / "text")


@keras.saving.register_keras_serializable("tests")
class Unsteady(keras.layers.Layer):
    """Multiplies by another number whenever it is traced."""

    traced = 0

    def call(self, x):
        self.traced += 1
        return x * self.traced


@keras.saving.register_keras_serializable("tests")
class Inverse(keras.layers.Layer):
    """Does what TensorFlow Lite cannot."""

    def call(self, x):
        return keras.ops.erfinv(keras.ops.tanh(x))


class Odd(ModelBuilder):
    """A network with one of these layers."""

    def __init__(self, layer):
        self.layer = layer

    def build(self, signature):
        inputs = keras.Input(signature.image.shape)
        x = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, self.layer(x))


@pytest.mark.slow
def test_an_export_that_says_something_else_leaves_nothing(tmp_path):
    path = save_untrained(tmp_path / "a.keras", Odd(Unsteady()), {"label": ROWS["label"]})
    with pytest.raises(TrainError, match=r"label: expected answers that are at most 0\.0001"):
        dsbuilder.export_model(path, to="saved_model")
    assert [each.name for each in tmp_path.iterdir()] == ["a.keras"]


@pytest.mark.slow
def test_an_operation_that_a_format_lacks_is_named(tmp_path):
    path = save_untrained(tmp_path / "a.keras", Odd(Inverse()), {"label": ROWS["label"]})
    with pytest.raises(TrainError, match=r"tflite can hold, found .* \(Erfinv\)\. Export it in"):
        dsbuilder.export_model(path, to="tflite")
    assert [each.name for each in tmp_path.iterdir()] == ["a.keras"]


@pytest.mark.slow
def test_recurrent_layers_are_refused_with_8_bits_by_name(tmp_path):
    exporting = pytest.importorskip("dsbuilder.train.model_formats.exporting")
    model = Rnn(width=2, depth=2, cell="gru", bidirectional=True)
    path = save_untrained(tmp_path / "a.keras", model, {"label": ROWS["label"]})
    found = exporting.begin(path, "tflite")
    with pytest.raises(TrainError, match=r"recurrent ones, .*'recurrent0_both_ways', 'recurrent1"):
        found.form.quantize(found.answers, found.card, tmp_path / "a.tflite", images(1))


@pytest.mark.slow
def test_layers_that_compute_in_16_bits_are_exported_in_32(tmp_path):
    path = tmp_path / "best.keras"
    save_untrained(path, Cnn(width=4, depth=1), ROWS, precision="mixed_bfloat16")
    found = dsbuilder.export_model(path, to="tflite")
    assert found.check.apart <= 1e-4
    said = litert.Interpreter(model_path=str(found.path)).get_signature_runner()(images=images(1))
    (expected,) = keras.models.load_model(path).predict(images(1), verbose=0)["numbers"]
    assert said["numbers"][0] == pytest.approx(expected, abs=0.05)
