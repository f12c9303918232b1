"""A run whose loss is not finite stops there and keeps the last good epoch."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dsbuilder.errors import TrainError
from dsbuilder.train.run import Row

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
trainer = pytest.importorskip("dsbuilder.train.trainer")


def wild(options, **schedule):
    optimizer = replace(options.optimizer, use="sgd", learning_rate=1e30, **schedule)
    return replace(options, optimizer=optimizer)


def test_a_run_that_diverges_fails_at_the_step_and_says_the_rate(dataset, options, tmp_path):
    with pytest.raises(TrainError) as error:
        trainer.train_dataset(dataset, wild(options), run=tmp_path / "run")
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'run'}: expected a finite loss, found ")
    assert "at step " in said and " of epoch 1, at a learning rate of 1e+30. " in said
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.json"]


@pytest.mark.slow
def test_the_last_good_epoch_is_kept(dataset, options, tmp_path):
    rising = {"use": "piecewise_constant_decay", "boundaries": [6], "values": [1e-32, 1.0]}
    run = tmp_path / "run"
    diverging = replace(wild(options, schedule=rising), checkpoint_minutes=1e-9)
    with pytest.raises(TrainError, match=r"of epoch 2, .* The model of epoch 1 is kept\."):
        trainer.train_dataset(dataset, diverging, run=run)
    assert sorted(path.name for path in run.iterdir()) == [
        *("best.keras", "charts", "config.json", "last.keras", "results.csv")
    ]
    for name in ("best.keras", "last.keras"):
        trained = archive.load_model(run / name)
        assert [row.epoch for row in trained.note.rows] == [1]
        assert all(np.isfinite(each).all() for each in trained.model.get_weights())


def test_what_has_no_number_is_empty_in_a_table_and_null_in_json():
    row = Row(epoch=1, phase="train", learning_rate=0.1, train={"loss": 1.0, "ap": float("nan")})
    flat = row.flat()
    assert flat["train_ap"] is None
    again = Row.from_flat(json.loads(json.dumps(flat, allow_nan=False)))
    assert again.train["loss"] == 1.0 and np.isnan(again.train["ap"])
    assert np.isnan(Row.from_flat({**flat, "train_ap": ""}).train["ap"])
