"""What is watched at the end of an epoch equals what `evaluate` says of that epoch's model."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder import tasks
from dsbuilder.builder import build_dataset
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.errors import TrainError
from dsbuilder.plugin import ImageSignature, Text
from dsbuilder.tasks.classify import Accuracy
from dsbuilder.tasks.evaluation import Evaluation, ScoreTable
from dsbuilder.tasks.exported import ExportedHead, exclusive
from dsbuilder.tasks.task import Answer, Judgment, Task
from dsbuilder.train.options import options_of

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
evaluation = pytest.importorskip("dsbuilder.train.evaluation")
prediction = pytest.importorskip("dsbuilder.train.prediction")
trainer = pytest.importorskip("dsbuilder.train.trainer")

PLUGINS = (Path(__file__).parents[3] / "plugins",)
PIPELINE = """
name: scenes
source: {use: imagefolder, path: images, mask_classes: [ground, thing], ignore: "255"}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [16, 18]}]
cache: {codec: tfrecord, image: png}
stream: {batch_size: 7}
train:
  model: {use: cnn, width: 4, depth: 2, convolutions: 1, batch_norm: false}
  optimizer: {use: adam, learning_rate: 0.01}
  epochs: 1
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Pixels with a target of every kind that a task learns, and a text."""
    home = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    (home / "images" / "masks").mkdir(parents=True)
    rows = []
    for number in range(60):
        name, ids = f"{number:02d}.png", rng.integers(0, 2, (16, 18), dtype=np.uint8)
        ids[0] = 255
        Image.fromarray(ids).save(home / "images" / "masks" / name)
        Image.fromarray(ids * 90).convert("RGB").save(home / "images" / name)
        label = "abc"[int(rng.integers(3))]
        rows.append(
            {
                "file_name": name,
                "mask_file_name": f"masks/{name}",
                "label": label,
                "labels": [each for each in "uvw" if rng.random() < 0.4],
                "value": [1000 + float(rng.normal()), float(rng.normal())],
                "text": label * 2,
            }
        )
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (home / "images" / "metadata.jsonl").write_text(lines)
    (home / "scenes.yaml").write_text(PIPELINE)
    built = build_dataset(home / "scenes.yaml", home / "out", workers=0)
    return dsbuilder.load(built.path)


def changes(target: str) -> Mapping[str, Any]:
    return {
        "label": {"loss": "focal", "metrics": ("top_k", "sparse_categorical_crossentropy")},
        "labels": {
            "metrics": ("binary_crossentropy", "precision", "recall", "binary_accuracy"),
            "label_smoothing": 0.1,
        },
        "value": {"metrics": ("root_mean_squared_error",)},
        "mask": {"model": Unet(width=2, depth=1)},
    }[target]


def assert_watched(run, dataset, **given):
    """Compares every number of the last epoch with the evaluation of its model."""
    watched = run.rows()[-1].validation
    last = archive.load_model(run.last, **given)
    found = evaluation.evaluate(last, dataset, split="validation", plugins=PLUGINS).to_json()
    numbers = {**found, **found["metrics"]}
    assert len(watched) > 1
    for name, value in watched.items():
        assert value == pytest.approx(numbers[name], rel=1e-5, abs=1e-6), name
    for name, own in {"precision": "micro_precision", "recall": "micro_recall"}.items():
        if name in found["metrics"]:
            assert found["metrics"][name] == pytest.approx(found[own], abs=1e-6)


@pytest.mark.parametrize(
    "target",
    [
        "label",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("labels", "value", "mask")),
    ],
)
def test_every_number_that_is_watched_is_the_one_that_is_evaluated(scenes, tmp_path, target):
    options = replace(options_of(scenes), target=target, **changes(target))
    run = trainer.train_dataset(scenes, options, run=tmp_path / "run", plugins=PLUGINS)
    assert_watched(run, scenes)
    asked = {named for named in options.metrics if isinstance(named, str)}
    assert asked <= set(run.rows()[-1].train)
    assert set(run.evaluation()["metrics"]) == asked


@pytest.mark.slow
def test_a_whole_mean_is_watched_batch_by_batch_and_the_rest_when_an_epoch_ends(scenes, tmp_path):
    steps = []
    options = replace(options_of(scenes), target="labels")
    trainer.train_dataset(scenes, options, run=tmp_path / "run", on_batch=steps.append)
    assert {name for step in steps for name in step.metrics} == {"loss", "accuracy"}


@dataclass(frozen=True, kw_only=True)
class FirstLetterEvaluation(Evaluation):
    """A model of first letters."""

    kind: ClassVar[str] = "text"
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class FirstLetter(Task):
    """Learns the first letter of a text: a task of one file, for a kind that no other learns."""

    learns: ClassVar[type] = Text
    headline: ClassVar[str] = "accuracy"
    column: ClassVar[str] = "letter"
    letters: ClassVar[str] = "abc"

    @property
    def outputs(self):
        return (len(self.letters),)

    def batch(self, truth):
        import tensorflow as tf

        first = tf.strings.unicode_decode(tf.strings.substr(truth, 0, 1), "UTF-8")
        return tf.cast(first.to_tensor()[:, 0], tf.int64) - ord("a")

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @property
    def metrics(self):
        return {"accuracy": Accuracy()}

    def keep(self, truth, outputs):
        return truth

    def evaluate(self, kept, numbers):
        return FirstLetterEvaluation(**numbers)

    def answer(self, outputs):
        return Answer(self.letters[int(outputs.argmax())])

    @property
    def exported(self) -> ExportedHead:
        return exclusive("probability of each letter", tuple(self.letters))

    def judge(self, truth, outputs):
        for text, output in zip(truth.tolist(), outputs, strict=True):
            letter = self.answer(output).value
            yield Judgment(text.decode(), letter, None, text.decode()[:1] == letter)

    @classmethod
    def table(cls, evaluation):
        return ScoreTable(headings=(), rows=[], summary=f"accuracy {evaluation['accuracy']:.4f}")

    @classmethod
    def cells(cls, prediction) -> Iterator[str]:
        return [prediction["value"]]


def test_a_task_of_ones_own_need_not_know_more_than_this():
    """What becomes abstract later breaks tasks of others."""
    assert not FirstLetter.__abstractmethods__
    with pytest.raises(TrainError, match="which labels are suspect is not known of this kind"):
        task = FirstLetter(
            target=Text(alphabet="abc", longest=3),
            image=ImageSignature(height=16, width=18, channels=3),
        )
        task.suspicion([], np.zeros((0, 3)), "class")


@pytest.mark.slow
def test_a_task_of_ones_own_is_one_class_and_one_entry(scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "TASKS", {**tasks.TASKS, "text": FirstLetter})
    options = replace(options_of(scenes), target="text")
    run = trainer.train_dataset(scenes, options, run=tmp_path / "run")
    assert_watched(run, scenes)
    assert len(trainer.resume_run(run.path, epochs=2).rows()) == 2
    found = run.evaluation()
    assert found["kind"] == "text" and 0 <= found["accuracy"] <= 1
    Image.new("RGB", (18, 16)).save(tmp_path / "a.png")
    (answer,) = prediction.predict(run.path, [tmp_path / "a.png"])
    assert answer.value in FirstLetter.letters
