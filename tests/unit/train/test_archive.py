"""A model's file carries what the model alone does not say, and needs no dsbuilder to be read."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from dsbuilder.errors import TrainError

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")


def test_a_model_knows_its_classes_and_its_dataset(whole, dataset):
    trained = archive.load_model(whole.path)
    assert trained.path == whole.best
    assert trained.class_names == dataset.class_names
    assert trained.note.fingerprint == dataset.manifest.fingerprint
    assert trained.note.dataset == "colors 1.0.0"
    assert trained.note.normalize == "standardize"
    assert trained.note.signature == dataset.signature
    assert trained.model.output_shape == (None, 3)


def test_only_the_last_model_keeps_its_optimizer(whole):
    assert getattr(archive.load_model(whole.best).model, "optimizer", None) is None
    last = archive.load_model(whole.last).model
    assert type(last.optimizer).__name__ == "Adam"
    assert int(last.optimizer.iterations) > 0
    assert whole.best.stat().st_size < whole.last.stat().st_size


def test_a_lambda_layer_is_refused_by_name_before_the_model_is_loaded(whole, tmp_path):
    inputs = keras.Input((16, 16, 3))
    sly = keras.layers.Lambda(
        keras.activations.relu, name="sly"
    )  # which Keras' safe mode lets pass
    keras.Model(inputs, sly(inputs)).save(tmp_path / "sly.keras")
    with zipfile.ZipFile(tmp_path / "sly.keras", "a") as file:
        file.writestr(archive.MEMBER, json.dumps(archive.read_note(whole.best).to_json()))
    with pytest.raises(TrainError, match=r"found code in the Lambda layer 'sly'\. Build the model"):
        archive.load_model(tmp_path / "sly.keras")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["best", "last"])
def test_it_is_read_with_keras_and_a_zip_reader_alone(whole, dataset, name):
    path = whole.path / f"{name}.keras"
    script = f"""
import json, os, sys, zipfile
sys.modules["dsbuilder"] = None
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
model = keras.models.load_model({str(path)!r})
note = json.loads(zipfile.ZipFile({str(path)!r}).read("model.json"))
logits = model.predict(np.zeros((1, 16, 16, 3), "uint8"), verbose=0)
print(json.dumps([note["class_names"], note["fingerprint"], logits.shape]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        list(dataset.class_names),
        dataset.manifest.fingerprint,
        [1, 3],
    ]


def test_raw_pixels_of_the_dataset_go_in(whole, dataset):
    model = archive.load_model(whole.best).model
    pixels = np.stack([sample.image for sample in dataset.samples("test")])
    assert pixels.dtype == np.uint8
    one, other = (model.predict(each, verbose=0) for each in (pixels, pixels.astype("float32")))
    assert np.allclose(one, other)


def test_a_note_survives_being_written(whole):
    note = archive.read_note(whole.last)
    assert archive._note_from_json(json.loads(json.dumps(note.to_json()))) == note


def test_saving_replaces_the_file_in_one_step(whole, tmp_path):
    trained = archive.load_model(whole.best)
    path = tmp_path / "model.keras"
    for _ in range(2):
        archive.save(trained.model, path, trained.note, optimizer=False)
    assert [each.name for each in tmp_path.iterdir()] == ["model.keras"]


def test_a_missing_model_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "best.keras"):
        with pytest.raises(TrainError) as error:
            archive.load_model(path)
        assert str(error.value) == (
            f"{tmp_path}/best.keras: there is no trained model. "
            "Give a run folder, or its best.keras."
        )


def test_a_model_that_no_run_wrote_is_an_error(tmp_path):
    inputs = keras.Input((2,))
    keras.Model(inputs, inputs).save(tmp_path / "other.keras")
    (tmp_path / "broken.keras").write_bytes(b"no zip")
    for name, kind in (("other.keras", "KeyError"), ("broken.keras", "BadZipFile")):
        with pytest.raises(TrainError) as error:
            archive.load_model(tmp_path / name)
        assert str(error.value) == (
            f"{tmp_path / name}: the model of a run cannot be read ({kind}). "
            "Give a run folder, or its best.keras."
        )


def test_a_model_of_a_newer_format_is_an_error(whole, tmp_path):
    path = tmp_path / "newer.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.json", json.dumps({"format": 99}))
    with pytest.raises(TrainError, match="expected format 2, found 99"):
        archive.load_model(path)


@pytest.mark.parametrize("missing", ["image", "prepare", "finish"])
def test_a_model_that_does_not_say_how_images_are_brought_to_it_is_an_error(
    whole, tmp_path, missing
):
    with zipfile.ZipFile(whole.best) as file:
        note = json.loads(file.read("model.json"))
    del note["pipeline"][missing]
    path = tmp_path / "other.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.json", json.dumps(note))
    with pytest.raises(TrainError, match=f"pipeline: found no '{missing}'"):
        archive.read_note(path)


def test_a_layer_that_is_not_known_is_an_error(whole, tmp_path):
    class Unknown(keras.layers.Layer):
        def call(self, x):
            return x

    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, Unknown()(inputs))
    path = tmp_path / "custom.keras"
    archive.save(model, path, archive.read_note(whole.best), optimizer=False)
    with pytest.raises(TrainError, match="register_keras_serializable"):
        archive.load_model(path)
