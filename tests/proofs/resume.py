"""Trainings that are killed with signal 9 within an epoch, of every task; each is resumed.

Each must end in the `results.csv` of a training that nobody killed, times aside, and in the same
evaluation, with operations that give the same bits in every run. Tasks and schedules take turns.
"""

import csv
import json
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from dsbuilder import load
from dsbuilder.builder import build_dataset

PIPELINE = """
name: scenes
source: {use: imagefolder, path: images, mask_classes: [ground, thing]}
split: {train: 0.7, validation: 0.15, test: 0.15}
finish: [{use: resize, size: [32, 32]}]
cache: {codec: CODEC, image: IMAGE}
stream: {batch_size: 6}
train: {model: {use: cnn}}
"""
TASKS = {
    "label": "{use: cnn, width: 4, depth: 2, convolutions: 1, dropout: 0.2}",
    "binary": "{use: cnn, width: 4, depth: 2, convolutions: 1, dropout: 0.2}",
    "labels": "{use: cnn, width: 4, depth: 2, convolutions: 1, dropout: 0.2}",
    "value": "{use: cnn, width: 4, depth: 2, convolutions: 1, dropout: 0.2}",
    "mask": "{use: unet, width: 2, depth: 2}",
    "text": "{use: crnn}",
}
SCHEDULES = (
    "constant",
    "{use: cosine, warm_up: 0.5}",
    "{use: exponential, every: 5, unit: steps}",
    "{use: step, at: [9], unit: steps}",
    "one_cycle",
    "{use: plateau, patience: 1, min_change: 10.0}",
    "{use: exponential_decay, decay_steps: 3, decay_rate: 0.9}",
)
TRAIN = """
import os, signal, sys
import dsbuilder
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import resume_run, train_dataset

path, run, epoch, step, *overrides = sys.argv[1:]

def kill(each):
    if (each.epoch, each.step) == (int(epoch), int(step)):
        os.kill(os.getpid(), signal.SIGKILL)

if int(epoch) < 0:
    resume_run(run)
else:
    dataset = dsbuilder.load(path)
    train_dataset(dataset, options_of(dataset, overrides=overrides), run=run, on_batch=kill)
"""


def run(count: int, seed: int) -> list[tuple[str, int]]:
    """Kills `count` trainings, of which the first ones are of every task."""
    chance, within = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        datasets = {
            (codec, classes): prepared(folder / codec / classes, codec, classes)
            for codec in ("npy", "tfrecord")
            for classes in ("abc", "xy")
        }
        for number in range(count):
            task = list(TASKS)[number % len(TASKS)]
            codec = ("npy", "tfrecord")[number // len(TASKS) % 2]
            dataset = datasets[codec, "xy" if task == "binary" else "abc"]
            killed = folder / f"{number}-killed"
            whole = folder / f"{number}-whole"
            chosen = overrides(task, SCHEDULES[number % len(SCHEDULES)])
            epoch, step = chance.choice([1, 2, 3]), chance.randrange(2, 7)
            assert train(dataset, killed, epoch, step, chosen) == -signal.SIGKILL
            within += (killed / "checkpoint.keras").exists()
            assert train(dataset, killed, -1, 0, []) == 0
            assert train(dataset, whole, 0, 0, chosen) == 0
            case = f"seed {seed}, number {number}: {task}"
            assert results(killed) == results(whole), case
            assert evaluation(killed) == evaluation(whole), case
    assert within == count, "a checkpoint was missing"
    return [("trainings killed and resumed", count), ("tasks", min(count, len(TASKS)))]


def overrides(task: str, schedule: str) -> list[str]:
    """Returns the assignments of one training; averages are kept in every other task."""
    average = "0.9" if task in ("label", "value", "text") else "null"
    return [
        f"train.model={TASKS[task]}",
        f"train.target={'label' if task == 'binary' else task}",
        f"train.optimizer.schedule={schedule}",
        f"train.optimizer.average={average}",
        "train.epochs=3",
        "train.deterministic=true",
        "train.checkpoint_minutes=1e-9",
    ]


def train(dataset: Path, run: Path, epoch: int, step: int, chosen: list[str]) -> int:
    """Trains in a process of its own; returns its exit code."""
    arguments = [str(each) for each in (dataset, run, epoch, step)]
    command = [sys.executable, "-c", TRAIN, *arguments, *chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def results(run: Path) -> list[dict[str, str]]:
    """Returns the lines of `results.csv` without times."""
    with (run / "results.csv").open(newline="") as file:
        return [{**line, "seconds": ""} for line in csv.DictReader(file)]


def evaluation(run: Path) -> object:
    """Returns the evaluation without times."""
    return {**json.loads((run / "evaluation.json").read_text()), "cost": None}


def prepared(folder: Path, codec: str, classes: str) -> Path:
    """Makes 60 images with a target of every kind and builds them; returns the dataset.

    Args:
      classes: names of the classes, a letter each.
    """
    rng = np.random.default_rng(0)
    (folder / "images" / "masks").mkdir(parents=True)
    rows = []
    for number in range(60):
        name, ids = f"{number:02d}.png", rng.integers(0, 2, (32, 32), dtype=np.uint8)
        Image.fromarray(ids).save(folder / "images" / "masks" / name)
        Image.fromarray(ids * 90).convert("RGB").save(folder / "images" / name)
        letter = classes[number % len(classes)]
        rows.append(
            {
                "file_name": name,
                "mask_file_name": f"masks/{name}",
                "label": letter,
                "labels": [each for each in "uvw" if rng.random() < 0.4] or ["u"],
                "value": [1000 + float(rng.normal()), float(rng.normal())],
                "text": letter * 2,
            }
        )
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "images" / "metadata.jsonl").write_text(lines)
    image = {"npy": "raw", "tfrecord": "png"}[codec]
    text = PIPELINE.replace("CODEC", codec).replace("IMAGE", image)
    (folder / "scenes.yaml").write_text(text)
    built = build_dataset(folder / "scenes.yaml", folder / "out", workers=0)
    return load(built.path).path
