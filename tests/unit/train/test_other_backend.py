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
