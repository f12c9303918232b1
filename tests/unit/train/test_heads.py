"""Several targets are learnt at once, texts among them: measured, resumed, saved, predicted."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError

trainer = pytest.importorskip("dsbuilder.train.trainer")
archive = pytest.importorskip("dsbuilder.train.archive")
out_of_fold = pytest.importorskip("dsbuilder.train.out_of_fold")

COLORS = {"r": (220, 30, 30), "g": (30, 220, 30), "b": (30, 30, 220)}
PLUGIN = '''
"""A network for what stands in stripes: a head of each kind that a row of features answers."""
from dataclasses import dataclass
from dsbuilder.plugin import ModelBuilder, model
from dsbuilder.tasks import outputs_of


@model("stripes")
@dataclass(frozen=True, kw_only=True)
class Stripes(ModelBuilder):
    """Convolutions, columns as time steps for a text, all of them together for the rest."""

    def build(self, signature):
        import keras

        inputs = keras.Input(signature.image.shape)
        x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
        x = keras.layers.AveragePooling2D((8, 2))(x)
        steps = keras.layers.Reshape((x.shape[2], 16))(x)
        steps = keras.layers.Conv1D(32, 5, padding="same", activation="relu")(steps)
        rows = keras.layers.Flatten()(steps)
        outputs = {
            name: keras.layers.Dense(shape[-1], name=name)(steps if len(shape) == 2 else rows)
            for name, shape in outputs_of(signature).items()
        }
        return keras.Model(inputs, outputs if len(outputs) > 1 else outputs.popitem()[1])
'''
PIPELINE = """
name: stripes
source:
  use: list
  path: .
  list: list.csv
  image_column: file
  label_column: null
  target_columns: {word: text, first: class, red: value}
split: {train: 0.7, validation: 0.15, test: 0.15}
finish: [{use: resize, size: [8, 32]}]
cache: {codec: npy}
stream: {batch_size: 8}
train:
  model: {use: stripes}
  heads:
    word: {weight: 2.0}
    first: {}
    red: {loss: huber}
  optimizer: {use: adam, learning_rate: 0.02}
  epochs: 11
"""


def draw(word):
    image = np.zeros((8, 32, 3), np.uint8)
    for place, letter in enumerate(word):
        image[:, 2 + 8 * place : 8 + 8 * place] = COLORS[letter]
    return image


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stripes")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "stripes.py").write_text(PLUGIN)
    rng = np.random.default_rng(0)
    lines = ["file,word,first,red"]
    for index in range(240):
        word = "".join(rng.choice(list("rg"), int(rng.integers(1, 5))))
        Image.fromarray(draw(word)).save(folder / f"{index}.png")
        lines.append(f"{index}.png,{word},{'red' if word[0] == 'r' else 'green'},{word.count('r')}")
    (folder / "list.csv").write_text("\n".join(lines))
    path = folder / "stripes.yaml"
    path.write_text(PIPELINE)
    return path


@pytest.fixture(scope="module")
def dataset(pipeline):
    built = build_dataset(pipeline, pipeline.parent / "out", workers=0)
    return dsbuilder.load(built.path)


@pytest.fixture(scope="module")
def run(pipeline, dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "stripes"
    dataset.train(run=folder, plugins=[pipeline.parent / "plugins"])
    return trainer.Run(path=folder)


def test_a_dataset_knows_the_characters_of_its_texts(dataset):
    assert dataset.manifest.alphabet("word", "train") == "gr"
    learnt = dataset.stream("train").signature.targets["word"]
    assert learnt.alphabet == "gr"
    assert learnt.longest == 7, "rrrr: four, and a blank between each two"
    assert dataset.signature.targets["word"].alphabet == "", "what is stored does not depend on it"


def test_several_heads_are_learnt_at_once_and_each_is_measured(run):
    found = run.evaluation()
    assert found["kind"] == "several" and list(found["heads"]) == ["word", "first", "red"]
    word, first, red = found["heads"].values()
    assert word["exact_match"] > 0.8 and word["character_error_rate"] < 0.1
    assert first["accuracy"] > 0.9 and red["r2"] > 0.8
    assert found["loss"] == pytest.approx(2 * word["loss"] + first["loss"] + red["loss"])
    last = run.rows()[-1]
    assert {"word_exact_match", "first_accuracy", "red_mean_absolute_error", "loss"} <= set(
        last.validation
    )


def test_every_sample_is_judged_by_every_head_in_stored_order(run, dataset):
    with (run.path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [each.key for each in dataset.samples("test")]
    found = run.evaluation()["heads"]
    for column, score in (("word_right", "exact_match"), ("first_right", "accuracy")):
        name = column.partition("_")[0]
        assert np.mean([row[column] == "true" for row in rows]) == pytest.approx(found[name][score])
    errors = [float(row["red_error"]) for row in rows]
    assert np.mean(errors) == pytest.approx(found["red"]["mean_absolute_error"], rel=1e-5)


@pytest.mark.slow
def test_classes_of_one_head_are_weighed_and_no_other_head_is(dataset, pipeline, tmp_path):
    nothing = ["train.heads.first.class_weight={red: 0, green: 0}", "train.epochs=1"]
    given = {"plugins": [pipeline.parent / "plugins"], "run": tmp_path / "run"}
    (row,) = dataset.train(overrides=nothing, **given).epochs
    assert row["train_first_loss"] == 0 < row["validation_first_loss"]
    assert row["train_red_loss"] > 0 and row["train_word_loss"] > 0


@pytest.mark.slow
def test_what_is_watched_is_what_evaluate_measures(run, dataset, pipeline):
    found = dataset.evaluate(run.path, split="validation", plugins=[pipeline.parent / "plugins"])
    best = min(run.rows(), key=lambda row: row.validation["loss"]).validation
    for name, each in found.evaluation["heads"].items():
        for metric in ("exact_match", "character_error_rate", "accuracy", "mean_absolute_error"):
            if metric in each:
                assert each[metric] == pytest.approx(best[f"{name}_{metric}"], abs=1e-5)
    assert found.evaluation["loss"] == pytest.approx(best["loss"], rel=1e-4)


@pytest.mark.slow
def test_a_run_of_several_heads_goes_on(run, dataset, pipeline):
    given = {"dataset": dataset, "plugins": [pipeline.parent / "plugins"], "epochs": 12}
    assert len(trainer.resume_run(run.path, **given).rows()) == 12


def test_an_image_is_answered_by_every_head(run, pipeline, tmp_path):
    Image.fromarray(draw("grr")).save(tmp_path / "new.png")
    given = ["--plugins", str(pipeline.parent / "plugins")]
    asked = ["predict", str(run.path), str(tmp_path / "new.png"), *given]
    shown = CliRunner().invoke(main, asked)
    assert shown.exit_code == 0 and "grr" in shown.output and "green" in shown.output
    found = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert found["kinds"] == {"word": "text", "first": "class", "red": "value"}
    (one,) = found["predictions"]
    assert one["heads"]["word"]["value"] == "grr"
    assert one["heads"]["first"]["value"] == "green"
    assert one["heads"]["red"]["value"] == pytest.approx(2, abs=0.7)
    shown = CliRunner().invoke(main, ["evaluate", str(run.path), *given])
    assert all(f"{name}:" in shown.output for name in ("word", "first", "red"))
    assert "word exact match" in CliRunner().invoke(main, ["runs", str(run.path)]).output


@pytest.mark.slow
def test_every_head_is_asked_which_labels_are_suspect(run, dataset, pipeline):
    asked = out_of_fold.ask([run.path], plugins=[pipeline.parent / "plugins"])
    assert sorted(asked.keys) == sorted(sample.key for sample in dataset.samples("test"))
    with (run.path / "predictions.csv").open(newline="") as file:
        said = {row["key"]: row for row in csv.DictReader(file)}
    for name, head in asked.heads.items():
        found = head.task.suspicion(head.judged, head.probabilities, "class")
        answers = [str(each.answer) for each in head.judged]
        assert answers == [said[key][f"{name}_answer"] for key in asked.keys]
        assert all(each.suggested != each.given for each in found.suspects)
        assert head.probabilities.shape == (len(asked.keys), 2 * (name == "first"))


@pytest.mark.slow
def test_answers_of_several_heads_are_one_list(run, pipeline, tmp_path):
    asked = ["predict", str(run.path), str(pipeline.parent), "--labels", str(tmp_path / "x.csv")]
    asked += ["--plugins", str(pipeline.parent / "plugins"), "--json"]
    found = json.loads(CliRunner().invoke(main, asked).stdout)
    assert found["source"]["target_columns"] == {"word": "text", "first": "class", "red": "value"}
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[1:] == ["word", "first", "red", "word_confidence", "first_confidence"]
    sure = [min(float(row[f"{name}_confidence"]) for name in ("word", "first")) for row in rows]
    assert len(rows) == 240 and sure == sorted(sure)


def test_a_character_outside_the_stated_alphabet_is_told_before_training(pipeline, dataset):
    opened = dsbuilder.open(pipeline, overrides=["train.heads.word.alphabet=rx"])
    with pytest.raises(SpecError, match=r"heads\.word\.alphabet: .* found it without 'g'"):
        opened.check()


def test_texts_that_can_never_be_read_are_warned_of(pipeline, tmp_path):
    lines = ["file,word,first,red,split"]
    for index in range(12):
        split = "train" if index < 6 else "validation" if index < 9 else "test"
        word = ("r", "rg")[index % 2] if split != "test" else "rb"
        Image.fromarray(draw(word)).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{word},{('x', 'y')[index % 2]},{index},{split}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    path = tmp_path / "stripes.yaml"
    text = pipeline.read_text().replace("split: {", "split: {method: layout}\n#")
    path.write_text(text.replace("  target_col", "  split_column: split\n  target_col"))
    plugins = [pipeline.parent / "plugins"]
    checked = dsbuilder.open(path, plugins=plugins).check()
    expected = "word: texts of test hold characters that no text in train has ('b')"
    assert any(each.startswith(expected) for each in checked.warnings)
