"""Training runs on JAX as it does on TensorFlow, and either reads what the other has trained."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed"),
]

TRAIN = """
import os, sys
import dsbuilder
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import resume_run, train_dataset

class Interrupted(Exception):
    pass

def interrupt(step):
    if (step.epoch, step.step) == (2, 2):
        raise Interrupted

dataset = dsbuilder.load(sys.argv[1])
options = options_of(dataset)
train_dataset(dataset, options, run=sys.argv[2] + "-whole")
try:
    train_dataset(dataset, options, run=sys.argv[2], on_batch=interrupt)
except Interrupted:
    resume_run(sys.argv[2])
"""

EVALUATE = """
import json, sys
import keras
import dsbuilder
from dsbuilder.train.evaluation import evaluate

found = evaluate(sys.argv[2], dsbuilder.load(sys.argv[1]))
print(json.dumps([keras.backend.backend(), found.to_json()]))
"""


def python(script, backend, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_jax_trains_resumes_and_hands_over_to_tensorflow(dataset, tmp_path):
    run = tmp_path / "run"
    python(TRAIN, "jax", dataset.path, run)
    config = json.loads((run / "config.json").read_text())
    assert config["backend"] == "jax"
    results = [
        [line.rpartition(",")[0] for line in (folder / "results.csv").read_text().splitlines()]
        for folder in (run, tmp_path / "run-whole")
    ]
    assert len(results[0]) == 4
    assert results[0] == results[1], "an interrupted run differs from an unbroken one"

    backend, found = json.loads(python(EVALUATE, "tensorflow", dataset.path, run).splitlines()[-1])
    assert backend == "tensorflow"
    expected = json.loads((run / "evaluation.json").read_text())
    assert found["confusion"] == expected["confusion"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3)
