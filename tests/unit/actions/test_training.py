"""Training, evaluating and predicting from Python: documents, and no logger is asked."""

import json
import logging

import pytest
from PIL import Image

from dsbuilder.actions import session
from dsbuilder.actions.evaluate import evaluate
from dsbuilder.actions.predict import predict
from dsbuilder.actions.runs import runs
from dsbuilder.actions.train import prepare, prepare_dataset, train
from dsbuilder.dataset import load
from dsbuilder.errors import SpecError

pytest.importorskip("tensorflow")

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.7, test: 0.3}
finish: [{use: resize, size: [16, 16]}]
stream: {batch_size: 8}
train: {model: {use: cnn, width: 4, depth: 1, convolutions: 1}, epochs: 1}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with images of two classes and a pipeline."""
    home = tmp_path_factory.mktemp("training")
    for number, label in enumerate(("cat", "dog")):
        (home / "source" / label).mkdir(parents=True)
        for index in range(10):
            shade = (60 + 100 * number, 5 * index, 90)
            Image.new("RGB", (20, 20), shade).save(home / "source" / label / f"{index}.png")
    (home / "pets.yaml").write_text(PIPELINE)
    return home


@pytest.fixture(scope="module")
def trained(home):
    """What a training came to while the logger was quiet."""
    logging.getLogger("dsbuilder").disabled = True
    try:
        opened = session.open(home / "pets.yaml", out=home / "out")
        return train(prepare(opened, run=home / "runs" / "one", workers=0))
    finally:
        logging.getLogger("dsbuilder").disabled = False


def test_a_training_is_a_document_with_its_warnings(home, trained):
    assert trained.run == home / "runs" / "one"
    assert trained.best_model.is_file()
    assert (trained.best_epoch, len(trained.epochs)) == (1, 1)
    unwatched, small = trained.warnings
    assert unwatched.endswith("the loss on train decides which epoch is the best.")
    assert "expected enough samples to judge a model by, found 6" in small
    assert json.loads(json.dumps(trained.to_json()))["warnings"] == [unwatched, small]


def test_a_model_is_measured_on_the_dataset_that_it_was_trained_on(home, trained):
    found = evaluate(trained.run)
    assert found.evaluation["accuracy"] == trained.evaluation["accuracy"]
    other = evaluate(trained.best_model, load(home / "out" / "pets"), split="train")
    assert other.to_json()["split"] == "train"


def test_runs_are_listed_with_what_says_how_good_they_are(home, trained):
    (one,) = runs(home / "runs").runs
    assert (one.run, one.headline, one.epochs) == (trained.run, "accuracy", 1)


def test_a_dataset_is_trained_on_as_its_pipeline_said(home, trained):
    dataset = load(home / "out" / "pets")
    ready = prepare_dataset(dataset, run=home / "runs" / "two", epochs=2, plugins=[])
    assert (ready.options.epochs, ready.is_new) == (2, False)


def test_images_are_answered_and_options_of_other_tasks_refused(home, trained):
    found = predict(trained.run, [home / "source" / "cat"], top=1)
    assert list(found.kinds.values()) == ["class"] and len(found.predictions) == 10
    assert all(len(each["classes"]) == 1 for each in found.predictions)
    with pytest.raises(SpecError, match="masks: it is not for a model of 'class'"):
        predict(trained.run, [home / "source" / "cat"], masks=home / "masks")
    written = predict(str(trained.run), [str(home / "source" / "dog" / "0.png")], plugins=[])
    assert (written.model, len(written.predictions)) == (trained.run, 1)
    with pytest.raises(SpecError, match="overlays: it is not for a model"):
        predict(str(trained.run), [str(home / "source")], overlays=str(home / "overlays"))


def test_what_sampling_makes_of_classes_is_known_before_a_training(home, trained, tmp_path):
    dataset = load(home / "out" / "pets" / "1.0.0")
    opened = prepare_dataset(dataset, overrides=["train.sampling=balanced"], run=tmp_path / "run")
    assert str(opened.sampled) == (
        "balanced by 'label', samples -> picks an epoch: 'cat' 7 -> 7, 'dog' 7 -> 7"
    )
    assert prepare_dataset(dataset, run=tmp_path / "run").sampled is None
    with pytest.raises(SpecError, match="sampling"):
        prepare_dataset(dataset, overrides=["train.sampling=even"], run=tmp_path / "run")
