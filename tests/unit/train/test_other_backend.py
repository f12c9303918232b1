"""Training runs on JAX as it does on TensorFlow, and either reads what the other has trained."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.train.run import Run

pytest.importorskip("tensorflow")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed"),
]

SCENES = """
name: scenes
source: {use: imagefolder, path: images, mask_classes: [ground, square], ignore: "255"}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [18, 16]}]
cache: {image: png}
stream: {batch_size: 5}
train: {model: {use: cnn, width: 2, depth: 2, convolutions: 1}}
"""

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

TRAIN_KINDS = """
import sys
from dataclasses import replace
import dsbuilder
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import resume_run, train_dataset

dataset = dsbuilder.load(sys.argv[1])
for target in sys.argv[3:]:
    options = replace(options_of(dataset), target=target, epochs=2)
    if target == "mask":
        options = replace(options, model=Unet(width=2, depth=2, convolutions=1))
    run = train_dataset(dataset, options, run=f"{sys.argv[2]}/{target}")
    resume_run(run, epochs=3)
"""

KINDS = {
    "labels": "multi_label",
    "value": "value",
    "mask": "mask",
}

TRAIN_ON_FEATURES = """
import sys
from dataclasses import dataclass, replace
import keras
import dsbuilder
from dsbuilder.pipelinefile.training import HeadOptions, OptimizerOptions
from dsbuilder.plugin import ModelBuilder, model
from dsbuilder.tasks import outputs_of
from dsbuilder.train import features
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import train_dataset

@model("half_frozen")
@dataclass(frozen=True, kw_only=True)
class HalfFrozen(ModelBuilder):
    '''Frozen convolutions, then batch normalization and a head for each target.'''

    def build(self, signature):
        inputs = keras.Input(signature.image.shape)
        x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inputs)
        backbone = keras.Model(inputs, x, name="backbone")
        backbone.trainable = False
        again = keras.Input(signature.image.shape)
        x = keras.layers.GlobalAveragePooling2D()(backbone(again))
        x = keras.layers.BatchNormalization()(x)
        heads = {
            name: keras.layers.Dense(shape[-1], name=name)(x)
            for name, shape in reversed(outputs_of(signature).items())
        }
        return keras.Model(again, heads)

kept, real = [], features.kept

def counted(*given, **further):
    kept.append(given[1])
    return real(*given, **further)

features.kept = counted
dataset = dsbuilder.load(sys.argv[1])
options = replace(
    options_of(dataset),
    model=HalfFrozen(),
    heads={"labels": HeadOptions(), "value": HeadOptions(weight=0.5)},
    optimizer=OptimizerOptions(use="sgd"),
    epochs=2,
    batch_size=23,
)
for count in (1, 3):
    train_dataset(dataset, replace(options, devices=count), run=f"{sys.argv[2]}-{count}")
assert kept == [["train", "validation"]] * 2, kept
"""

EVALUATE = """
import json, sys
import keras
import dsbuilder
from dsbuilder.train.evaluation import evaluate

found = evaluate(sys.argv[2], dsbuilder.load(sys.argv[1]))
print(json.dumps([keras.backend.backend(), found.to_json()]))
"""


def python(script, backend, *arguments, **variables):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "KERAS_BACKEND": backend, **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Pixels with several classes, two numbers far from 0, and a mask of which some is ignored."""
    home = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    (home / "images" / "masks").mkdir(parents=True)
    rows = []
    for number in range(40):
        name, ids = f"{number}.png", rng.integers(0, 2, (18, 16), dtype=np.uint8)
        ids[0] = 255
        Image.fromarray(ids).save(home / "images" / "masks" / name)
        Image.fromarray(ids * 90).convert("RGB").save(home / "images" / name)
        labels = [label for label in "ab" if rng.random() < 0.5]
        mean = float(ids[1:].mean())
        row = {"file_name": name, "mask_file_name": f"masks/{name}", "labels": labels}
        rows.append(row | {"value": [1000 + mean, 1e6 * mean]})
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (home / "images" / "metadata.jsonl").write_text(lines)
    (home / "scenes.yaml").write_text(SCENES)
    return dsbuilder.load(build_dataset(home / "scenes.yaml", home / "out").path)


def test_jax_trains_every_kind_and_hands_over_to_tensorflow(scenes, tmp_path):
    python(TRAIN_KINDS, "jax", scenes.path, tmp_path, *KINDS)
    for target, kind in KINDS.items():
        expected = json.loads((tmp_path / target / "evaluation.json").read_text())
        assert expected["kind"] == kind and np.isfinite(expected["loss"])
        assert len((tmp_path / target / "results.csv").read_text().splitlines()) == 4
        printed = python(EVALUATE, "tensorflow", scenes.path, tmp_path / target)
        backend, found = json.loads(printed.splitlines()[-1])
        assert backend == "tensorflow"
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3)


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


def test_jax_shares_heads_on_kept_features_among_devices(scenes, tmp_path):
    """24 samples in batches of 23 on 3 devices: of the last batch two of them get nothing."""
    three = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=3"
    python(TRAIN_ON_FEATURES, "jax", scenes.path, tmp_path / "run", XLA_FLAGS=three)
    one, shared = (Run(path=tmp_path / f"run-{count}") for count in (1, 3))
    assert shared.config()["devices"] == ["cpu:0", "cpu:1", "cpu:2"]
    for found, expected in zip(shared.rows(), one.rows(), strict=True):
        assert found.train == pytest.approx(expected.train, rel=1e-4)
        assert found.validation == pytest.approx(expected.validation, rel=1e-4)
