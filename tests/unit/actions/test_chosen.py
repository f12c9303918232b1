"""Where nothing is said of a training it is chosen, said, and written into the run to be copied."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.actions import session
from dsbuilder.actions.chosen import completed, is_dataset
from dsbuilder.actions.train import prepare, prepare_dataset, prepare_folder
from dsbuilder.dataset.variants import variants_of
from dsbuilder.errors import DataError, SpecError, TrainError
from dsbuilder.pipelinefile.document import read
from dsbuilder.train.options import settled

PIPELINE = """\
name: pets
size: 32
source: {use: folder, path: source}
finish: [{use: resize, size: $size}]
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with small images of two classes and a pipeline that says nothing of a training."""
    rng = np.random.default_rng(0)
    for number, label in enumerate(("cat", "dog")):
        (tmp_path / "source" / label).mkdir(parents=True)
        for index in range(12):
            pixels = rng.integers(100 * number, 100 * number + 90, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "source" / label / f"{index}.png")
    (tmp_path / "pets.yaml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pipeline_that_says_nothing_of_a_training_gets_one(home) -> None:
    opened, chosen = completed(session.open(home / "pets.yaml"))
    options = opened.spec().settings.train
    assert options is not None and type(options.model).__name__ == "Cnn"
    assert [each.split(":")[0] for each in chosen.why] == ["task", "model", "epochs"]
    (home / "copy.yaml").write_text(chosen.text)
    assert session.open(home / "copy.yaml").spec().settings.train == options


def test_how_long_is_trained_can_be_left_to_each_dataset(home) -> None:
    opened, chosen = completed(session.open(home / "pets.yaml"), settles_length=False)
    options = opened.spec().settings.train
    assert (options.epochs, options.patience) == ("auto", "auto")
    assert [each.split(":")[0] for each in chosen.why] == ["task", "model"]
    said = session.open(home / "pets.yaml", overrides=("train.epochs=2",))
    assert completed(said, settles_length=False)[0].spec().settings.train.epochs == 2


def test_what_is_said_of_it_counts(home) -> None:
    asked = ("train.epochs=2", "train.optimizer.use=sgd", "size=48")
    opened, chosen = completed(session.open(home / "pets.yaml", overrides=asked))
    options = opened.spec().settings.train
    assert (options.epochs, options.optimizer.use) == (2, "sgd")
    assert "--set size=48" in chosen.text
    whole = PIPELINE + "train: {model: lenet}\n"
    (home / "pets.yaml").write_text(whole)
    assert completed(session.open(home / "pets.yaml"))[1] is None


def test_what_nothing_learns_is_an_error_before_a_build(home) -> None:
    rows = [json.dumps({"file_name": f"cat/{n}.png", "text": "a"}) for n in range(12)]
    (home / "source" / "metadata.jsonl").write_text("\n".join(rows))
    text = PIPELINE.replace("use: folder", "use: imagefolder")
    (home / "pets.yaml").write_text(text)
    with pytest.raises(TrainError, match="no train section, and no built-in model learns"):
        prepare(session.open(home / "pets.yaml"), workers=0)
    assert not (home / "runs").exists()


def test_a_folder_of_images_becomes_a_run_with_a_pipeline_to_copy(home) -> None:
    ready = prepare_folder(home / "source", out=home / "out", workers=0, epochs=1)
    assert ready.run.path.name == "source-1"
    assert ready.is_new
    assert [each.partition(":")[0] for each in ready.chosen.why] == ["task", "model"]
    text = (ready.run.path / "pipeline.yaml").read_text()
    assert text.startswith("# It was called with --set train.epochs=1.\n")
    written = read(ready.run.path / "pipeline.yaml").root.plain()
    assert written["train"]["model"]["use"] == "cnn"
    assert written["source"]["path"] == (home / "source").resolve().as_posix()
    assert ready.options.epochs == 1
    assert is_dataset(ready.dataset.path) and is_dataset(home / "out" / "source")
    assert not is_dataset(home / "source")


def test_nothing_is_left_of_a_folder_that_cannot_be_read(home) -> None:
    (home / "empty").mkdir()
    with pytest.raises(DataError):
        prepare_folder(home / "empty", out=home / "out", workers=0)
    assert not list((home / "runs").glob("*"))


def built(home, text: str) -> dsbuilder.Dataset:
    (home / "pets.yaml").write_text(text)
    return dsbuilder.load(session.open(home / "pets.yaml").build(workers=0).path)


def test_a_dataset_that_was_built_without_a_training_gets_what_its_pipeline_would(home) -> None:
    dataset = built(home, PIPELINE)
    ready = prepare_dataset(dataset)
    of_pipeline = prepare(session.open(home / "pets.yaml"), workers=0)
    assert replace(ready.options, workers=0) == of_pipeline.options
    assert ready.chosen.why == of_pipeline.chosen.why
    (home / "copy.yaml").write_text(PIPELINE + ready.chosen.text)
    copied = session.open(home / "copy.yaml").spec().settings.train
    assert settled(copied, dataset)[0] == ready.options
    assert any("so every epoch sees the same" in each for each in ready.warnings)
    asked = ["train.epochs=2", "train.optimizer.use=sgd"]
    options = prepare_dataset(dataset, overrides=asked).options
    assert (options.epochs, options.optimizer.use) == (2, "sgd")
    named = prepare_dataset(dataset, overrides=["train.model=lenet"]).chosen
    assert named.text == "" and [each.split(":")[0] for each in named.why] == ["epochs"]


def test_no_reason_is_given_for_epochs_that_are_said(home) -> None:
    dataset = built(home, PIPELINE)
    pipeline = session.open(home / "pets.yaml")
    for ready in (prepare(pipeline, workers=0, epochs=2), prepare_dataset(dataset, epochs=2)):
        assert ready.options.epochs == 2
        assert [each.split(":")[0] for each in ready.chosen.why] == ["task", "model"]
        assert "epochs: 2\n" in ready.chosen.text


def test_a_run_that_goes_on_has_nothing_chosen_for_it_but_its_devices(home) -> None:
    dataset = built(home, PIPELINE)
    given = {"run": home / "run", "resume": True}
    asked = ["train.devices=2"]
    pipeline = session.open(home / "pets.yaml", overrides=asked)
    for ready in (
        prepare(pipeline, workers=0, **given),
        prepare_dataset(dataset, overrides=asked, **given),
    ):
        assert ready.devices == 2 and ready.chosen is None
    assert prepare_dataset(dataset, **given).devices is None


def test_a_model_is_chosen_for_the_targets_that_are_named(home) -> None:
    rows = [
        json.dumps({"file_name": f"{label}/{n}.png", "label": label, "age": n})
        for label in ("cat", "dog")
        for n in range(12)
    ]
    (home / "source" / "metadata.jsonl").write_text("\n".join(rows))
    dataset = built(home, PIPELINE.replace("use: folder", "use: imagefolder, value_columns: [age]"))
    ready = prepare_dataset(dataset, overrides=["train.target=value"])
    assert ready.options.target == "value"
    assert ready.chosen.why[0] == "task: value of 'value', 18 images to train on"
    heads = 'train.heads={"value": {"weight": 2}, "label": {}}'
    for ready in (
        prepare_dataset(dataset, overrides=[heads]),
        prepare(session.open(home / "pets.yaml", overrides=[heads]), workers=0),
    ):
        assert list(ready.options.heads) == ["value", "label"] and ready.options.target is None
        assert [each.split(":")[0] for each in ready.chosen.why] == ["model", "epochs"]


def test_a_dataset_cannot_follow_what_only_a_build_could(home) -> None:
    dataset = built(home, PIPELINE)
    for others in (["train.model=cnn"], ["train.epochs=2"], []):
        with pytest.raises(SpecError, match=r"to the train section alone, .* found 'size=48'"):
            prepare_dataset(dataset, overrides=[*others, "size=48"])


def test_variants_are_told_from_originals(home) -> None:
    plain = built(home, PIPELINE)
    made = variants_of(plain)
    assert (made.originals, made.copies, made.varied) == (plain.num_samples("train"), 0, False)
    varied = PIPELINE + "augment: {copies: 2, stages: [{use: A.HorizontalFlip}]}\n"
    made = variants_of(built(home, varied.replace("pets", "varied")))
    assert (made.originals, made.copies, made.varied) == (plain.num_samples("train"), 2, True)
