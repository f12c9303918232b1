"""A run that was stopped within an epoch goes on with the next batch, whatever its options."""

from dataclasses import replace

import numpy as np
import pytest

from dsbuilder.errors import TrainError
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Run

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
trainer = pytest.importorskip("dsbuilder.train.trainer")

OPTIMIZERS = {
    "plateau, momentum, averages of two batches": {
        "use": "momentum",
        "schedule": {"use": "plateau", "patience": 1, "min_change": 10.0},
        "average": 0.9,
        "accumulate": 2,
        "clip_norm": 0.5,
    },
    "cosine": {"schedule": {"use": "cosine", "warm_up": 0.5}},
    "exponential": {"schedule": {"use": "exponential", "every": 3, "unit": "steps"}},
    "step": {"schedule": {"use": "step", "at": (7,), "unit": "steps"}},
    "one_cycle": {"use": "adamw", "schedule": "one_cycle"},
    "of keras": {"schedule": {"use": "exponential_decay", "decay_steps": 2, "decay_rate": 0.9}},
    "rmsprop, all gradients clipped": {"use": "rmsprop", "global_clip_norm": 0.1},
}


class Interrupted(Exception):
    """Stands for a killed process, in one that lives on."""


def stop_at(epoch, step):
    def on_batch(each):
        if (each.epoch, each.step) == (epoch, step):
            raise Interrupted

    return on_batch


def stopped(dataset, options, run, *, epoch, step):
    every = replace(options, checkpoint_minutes=1e-9)
    with pytest.raises(Interrupted):
        trainer.train_dataset(dataset, every, run=run, on_batch=stop_at(epoch, step))
    assert (run / "checkpoint.keras").exists()
    return run


def assert_equal_runs(one, other):
    """Same results but for the seconds, same models, bit for bit."""
    rows, others = ([replace(row, seconds=0) for row in run.rows()] for run in (one, other))
    assert rows == others
    for name in ("last", "best"):
        pair = (archive.load_model(getattr(run, name)).model for run in (one, other))
        for a, b in zip(*(model.get_weights() for model in pair), strict=True):
            assert np.array_equal(a, b), name
    one, other = ({**run.evaluation(), "cost": None} for run in (one, other))
    assert one == other


@pytest.mark.slow
def test_who_makes_the_batches_changes_nothing_and_may_change(build_dataset, tmp_path):
    fresh = build_dataset(stages="[{use: A.HorizontalFlip, p: 0.5}]")
    asked = replace(options_of(fresh), workers=0)
    trainer.train_dataset(fresh, asked, run=tmp_path / "whole")
    run = stopped(fresh, replace(asked, workers=1), tmp_path / "stopped", epoch=1, step=2)
    resumed = trainer.resume_run(run, workers=2)
    assert resumed.config()["train"]["workers"] == 2
    assert_equal_runs(Run(path=tmp_path / "whole"), resumed)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_goes_on_within_an_epoch_to_the_same_end(dataset, options, tmp_path, name):
    chosen = replace(options, optimizer=replace(options.optimizer, **OPTIMIZERS[name]))
    whole = trainer.train_dataset(dataset, chosen, run=tmp_path / "whole")
    run = stopped(dataset, chosen, tmp_path / "run", epoch=2, step=4)
    steps = []
    resumed = trainer.resume_run(run, on_batch=steps.append)
    assert (steps[0].epoch, steps[0].step, steps[0].steps) == (2, 4, 5)
    assert_equal_runs(whole, resumed)
    assert not (run / "checkpoint.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"patience": 1, "epochs": 6},
        {"monitor": "accuracy", "patience": 2},
        {"precision": "mixed_bfloat16"},
        {"precision": "mixed_float16"},
    ],
    ids=str,
)
def test_counters_and_precision_go_on_as_well(dataset, options, tmp_path, change):
    chosen = replace(options, **change)
    whole = trainer.train_dataset(dataset, chosen, run=tmp_path / "whole")
    run = stopped(dataset, chosen, tmp_path / "run", epoch=1, step=3)
    assert_equal_runs(whole, trainer.resume_run(run))


@pytest.mark.slow
def test_a_checkpoint_of_an_epoch_that_is_over_is_of_no_account(dataset, options, tmp_path):
    run = stopped(dataset, options, tmp_path / "run", epoch=2, step=4)
    old = (run / "checkpoint.keras").read_bytes()
    before = trainer.resume_run(run).rows()
    (run / "checkpoint.keras").write_bytes(old)
    again = trainer.resume_run(run, epochs=4)
    assert len(again.rows()) == 4
    assert again.rows()[:3] == before


@pytest.mark.slow
def test_a_damaged_checkpoint_says_what_to_do(dataset, options, tmp_path):
    run = stopped(dataset, options, tmp_path / "run", epoch=2, step=4)
    (run / "checkpoint.keras").write_bytes(b"PK")
    with pytest.raises(TrainError, match=r"checkpoint\.keras"):
        trainer.resume_run(run)


@pytest.mark.slow
def test_a_balanced_run_goes_on_with_the_same_picks(skewed, options, tmp_path):
    chosen = replace(options, sampling="balanced", epochs=2)
    whole = trainer.train_dataset(skewed, chosen, run=tmp_path / "whole")
    run = stopped(skewed, chosen, tmp_path / "run", epoch=2, step=2)
    resumed = trainer.resume_run(run)
    assert_equal_runs(whole, resumed)
    assert resumed.config()["sampled"] == whole.config()["sampled"] is not None


@pytest.mark.slow
def test_a_run_that_is_left_after_some_epochs_goes_on_to_the_same_end(
    dataset, options, whole, tmp_path
):
    left = trainer.train_dataset(dataset, options, run=tmp_path / "run", stop_after=1)
    assert len(left.rows()) == 1
    left = trainer.resume_run(left, stop_after=2)
    assert len(left.rows()) == 2
    assert not (left.path / "evaluation.json").exists()
    assert_equal_runs(whole, trainer.resume_run(left))
