"""A training that is killed with signal 9 within an epoch, and resumed by another process."""

import csv
import json
import signal
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

OPTIONS = """
import json, os, signal, sys
from dataclasses import replace
import numpy as np
import dsbuilder
from dsbuilder.train.archive import load_model
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import resume_run, train_dataset

dataset = dsbuilder.load(sys.argv[1])
optimizer = replace(options_of(dataset).optimizer, schedule="one_cycle", average=0.9)
options = replace(
    options_of(dataset),
    optimizer=optimizer,
    epochs=4,
    deterministic=True,
    checkpoint_minutes=1e-9,
)
"""

START = """
def kill(step):
    if (step.epoch, step.step) == (3, 4):
        os.kill(os.getpid(), signal.SIGKILL)

train_dataset(dataset, options, run=sys.argv[2], on_batch=kill)
"""

RESUME = """
resumed = resume_run(sys.argv[2])
whole = train_dataset(dataset, options, run=sys.argv[2] + "-whole")
one, other = (load_model(run.last).model for run in (resumed, whole))
pairs = zip(one.get_weights(), other.get_weights(), strict=True)
print(json.dumps(all(np.array_equal(a, b) for a, b in pairs)))
"""


def python(script, *arguments):
    command = [sys.executable, "-c", OPTIONS + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lines(path):
    with path.open(newline="") as file:
        return [{**line, "seconds": ""} for line in csv.DictReader(file)]


@pytest.mark.slow
def test_a_killed_run_is_resumed_without_a_gap_or_a_repetition(dataset, tmp_path):
    run = tmp_path / "run"
    killed = python(START, dataset.path, run)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [line["epoch"] for line in lines(run / "results.csv")] == ["1", "2"]
    assert not (run / "evaluation.json").exists()
    assert (run / "checkpoint.keras").exists()  # of the third epoch's third batch

    resumed = python(RESUME, dataset.path, run)
    assert resumed.returncode == 0, resumed.stderr
    assert [line["epoch"] for line in lines(run / "results.csv")] == ["1", "2", "3", "4"]
    assert lines(run / "results.csv") == lines(tmp_path / "run-whole" / "results.csv")
    assert json.loads(resumed.stdout.splitlines()[-1]), "weights differ from an unbroken run's"
    assert (run / "evaluation.json").exists()
    assert not [path for path in run.iterdir() if "tmp" in path.name]
    assert not (run / "checkpoint.keras").exists()
