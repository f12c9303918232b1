"""A training sees each class as often as sampling says, and no other split is touched."""

from dataclasses import replace

import pytest

from dsbuilder.train.run import Run

trainer = pytest.importorskip("dsbuilder.train.trainer")


@pytest.fixture
def balanced(options):
    """Options of a training whose epochs have as many samples of each class."""
    return replace(options, sampling="balanced")


def test_train_alone_is_sampled_and_the_run_keeps_what_it_came_to(skewed, balanced, tmp_path):
    training = trainer.prepared(skewed, balanced, Run(path=tmp_path), ())
    assert training.train.sampled.target == "label"
    assert training.train.num_samples == skewed.num_samples("train") == 19
    for other in (training.validation, training.reopen("test")):
        assert other.sampled is None
    trainer._write_config(training, ())
    kept = training.run.config()["sampled"]
    assert kept["classes"]["red"] == {"samples": 2, "picks": pytest.approx(19 / 3)}
    assert list(kept["classes"]) == ["blue", "green", "red"]
    natural = trainer.prepared(skewed, replace(balanced, sampling="natural"), training.run, ())
    assert natural.train.sampled is None
