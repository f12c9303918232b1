"""Samples count in the loss by their class."""

from dataclasses import replace

import numpy as np
import pytest

from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.pipelinefile.training import HeadOptions, TrainOptions
from dsbuilder.targets import ClassLabel, Value
from dsbuilder.train.class_weights import fault, weigh, weights_of

tf = pytest.importorskip("tensorflow")
trainer = pytest.importorskip("dsbuilder.train.trainer")
statistics = pytest.importorskip("dsbuilder.stream.tensorflow_statistics")

LABEL = ClassLabel(names=("a", "b", "c"))


def test_balanced_weights_are_1_in_the_mean_and_the_same_for_every_class():
    counts = np.array([6.0, 3.0, 0.0])
    found = weights_of("balanced", LABEL, lambda: counts)
    assert found.tolist() == [0.75, 1.5, 1.0]
    assert (found * counts).sum() == counts.sum()
    assert weights_of({"b": 3.0}, LABEL, lambda: counts).tolist() == [1, 3, 1]


def test_what_cannot_be_weighed_is_refused():
    assert fault("balanced", LABEL) is None
    assert fault({"aa": 1.0}, LABEL).startswith("unknown class 'aa'. Did you mean 'a'?")
    assert fault("balanced", Value()).startswith("expected a target of one class to weigh")


def test_samples_count_by_their_class_or_by_their_mixture():
    weights = np.array([1.0, 2.0, 4.0], "float32")
    assert weigh(tf.constant([2, 0], tf.int64), weights).numpy().tolist() == [4, 1]
    mixed = tf.constant([[0.5, 0.5, 0.0]])
    assert weigh(mixed, weights).numpy().tolist() == [1.5]


@pytest.mark.parametrize("codec", ["npy", pytest.param("tfrecord", marks=pytest.mark.slow)])
def test_classes_are_counted_in_either_codec(build_dataset, codec):
    dataset = build_dataset(codec=codec)
    found = statistics.class_counts(dataset, "label")
    names = dataset.class_names
    true = [names[sample.targets["label"]] for sample in dataset.samples("train")]
    assert found.tolist() == [true.count(name) for name in names]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"class_weight": {"a": -1.0}}, "expected weights of 0 or more, found -1 for 'a'"),
        ({"class_weight": {"a": float("nan")}}, "expected weights of 0 or more, found nan"),
        ({"class_weight": "balanced", "heads": {"a": HeadOptions()}}, "none where there are heads"),
    ],
)
def test_weights_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainOptions(model=Cnn(), **wrong)
    if "heads" not in wrong:
        with pytest.raises(ValueError, match=message):
            HeadOptions(**wrong)


def test_a_loss_of_a_whole_batch_has_no_samples_to_weigh(dataset, options, tmp_path):
    whole = replace(options, class_weight="balanced", loss="dice")
    with pytest.raises(TrainError, match="expected a loss of each sample to weigh, found 'dice'"):
        trainer.train_dataset(dataset, whole, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_of_great_weight_is_what_is_learnt(dataset, options, tmp_path):
    heavy = replace(options, class_weight={"red": 1000.0}, epochs=1)
    run = trainer.train_dataset(dataset, heavy, run=tmp_path / "run")
    row = run.rows()[0]
    assert row.train["loss"] > 20 * row.validation["loss"]  # weights are of train alone


def test_a_class_that_is_not_there_is_told_before_a_run_is_written(dataset, options, tmp_path):
    wrong = replace(options, class_weight={"rot": 2.0})
    with pytest.raises(SpecError, match=r"train\.class_weight: unknown class 'rot'"):
        trainer.train_dataset(dataset, wrong, run=tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()
