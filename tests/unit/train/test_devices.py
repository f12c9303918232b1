"""Several devices that share every batch come to the results of one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dsbuilder.errors import TrainError

devices = pytest.importorskip("dsbuilder.train.devices")

TRAIN = """
import json, sys
from dataclasses import replace
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)

import dsbuilder
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.pipelinefile.training import OptimizerOptions
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import resume_run, train_dataset

class Interrupted(Exception):
    pass

def interrupt(step):
    if (step.epoch, step.step) == (2, 3):
        raise Interrupted

dataset = dsbuilder.load(sys.argv[1])
options = replace(
    options_of(dataset),
    model=Cnn(width=4, depth=1, convolutions=1, dropout=0.0, l2=1e-3),
    epochs=2,
    batch_size=5,
    class_weight={"red": 3.0},
    optimizer=OptimizerOptions(
        use="momentum", learning_rate=0.1, global_clip_norm=0.05, accumulate=3, average=0.9
    ),
)
told = []
train_dataset(dataset, replace(options, devices=1), run=sys.argv[2] + "-one", on_start=told.append)
every = replace(options, checkpoint_minutes=1e-9)
try:
    train_dataset(dataset, every, run=sys.argv[2], on_batch=interrupt, on_start=told.append)
except Interrupted:
    pass
run = resume_run(sys.argv[2], devices=2, on_start=told.append)
print(json.dumps([*told, run.warnings[0]]))
"""


def rows_of(run):
    from dsbuilder.train.run import Run

    return [each for row in Run(path=run).rows() for each in (row.train, row.validation)]


@pytest.mark.slow
def test_a_batch_that_does_not_divide_comes_to_what_it_does_on_one_device(dataset, tmp_path):
    """36 samples in batches of 5 on 3 devices: of the last batch two of them get nothing."""
    archive = pytest.importorskip("dsbuilder.train.archive")
    run = tmp_path / "run"
    command = [sys.executable, "-c", TRAIN, str(dataset.path), str(run)]
    # On some processors oneDNN's rewriting of the graph adds gradients of different layers (AddN of
    # shapes that differ) where devices are parts of one CPU.
    own = {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"}
    environment = {**os.environ, **own}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told[:3] == [
        f"tensorflow on {which}, float32, without XLA" for which in ("CPU", "3 x CPU", "2 x CPU")
    ]
    assert told[3].startswith("train.batch_size: 2 devices share 5 samples unevenly")
    assert json.loads((run / "config.json").read_text())["devices"] == ["CPU:0", "CPU:1"]

    one = tmp_path / "run-one"
    for found, expected in zip(rows_of(run), rows_of(one), strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    for name in ("best.keras", "last.keras"):
        shared, alone = (archive.load_model(each / name).model for each in (run, one))
        for found, expected in zip(shared.get_weights(), alone.get_weights(), strict=True):
            assert np.allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_devices_that_are_not_there_are_told(monkeypatch):
    monkeypatch.setattr(devices, "_visible", lambda: ("GPU:0", "GPU:1"))
    with pytest.raises(TrainError, match=r"at most the 2 that \w+ sees \(GPU:0, GPU:1\), found 3"):
        devices.choose(3, batch_size=8)
    with pytest.raises(TrainError, match=r"one for each of the 1 samples of a batch, found 2"):
        devices.choose(2, batch_size=1)


def test_all_devices_are_not_more_than_a_batch_has_samples(monkeypatch):
    names = tuple(f"GPU:{index}" for index in range(4))
    monkeypatch.setattr(devices, "_visible", lambda: names)
    monkeypatch.setattr(devices, "_sharing", lambda names: object())
    assert devices.choose("all", batch_size=3).names == names[:3]
    assert devices.choose("all", batch_size=8).names == names
    alone = devices.choose(1, batch_size=8)
    assert alone.sharing is None and str(alone) == alone.kind
    found = devices.choose("all", batch_size=6)
    assert found.uneven(6) is not None and found.uneven(8) is None
