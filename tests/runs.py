"""A run as a training leaves it, without its models, made of answers that a test knows."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.tasks import ModelCost, heads_of, measure
from dsbuilder.train.run import CONFIG, PREDICTIONS, Row, Run, write_evaluation

TRAIN = {"model": {"use": "cnn", "width": 8}, "monitor": "loss", "monitor_mode": "min", "epochs": 3}


def make_run(
    folder: Path, dataset: StoredDataset, *, width: int = 8, wrong_every: int = 3, epochs: int = 3
) -> Run:
    """Writes the files of a run on a dataset of three classes or more.

    Args:
      wrong_every: number of samples of which one is taken for the next class, ever less surely.
    """
    folder.mkdir(parents=True)
    run = Run(path=folder)
    manifest = dataset.manifest
    run.write_json(
        CONFIG,
        {
            "dataset": {
                "path": str(dataset.path),
                "name": dataset.name,
                "version": manifest.version,
                "fingerprint": manifest.fingerprint,
            },
            "train": {**TRAIN, "model": {"use": "cnn", "width": width}},
            "seed": 7,
            "plugins": [],
            "pipeline": dict(dataset.pipeline.sections),
            "backend": "tensorflow",
            "devices": ["CPU:0"],
            "packages": {"keras": "3.0"},
        },
    )
    rows = [
        Row(
            epoch=epoch,
            phase="train",
            learning_rate=0.01 / epoch,
            train={"loss": 1 / epoch},
            validation={"loss": 1.5 / epoch, "accuracy": 1 - 1 / (epoch + 1)},
            seconds=1.5,
        )
        for epoch in range(1, epochs + 1)
    ]
    run.write_rows(rows)
    _measure(run, dataset, wrong_every)
    return run


def _measure(run: Run, dataset: StoredDataset, wrong_every: int) -> None:
    samples = list(dataset.samples("test"))
    names = dataset.class_names
    truth = np.array([sample.targets["label"] for sample in samples], np.int64)
    wrong = np.arange(len(samples)) % wrong_every == 0
    answers = np.where(wrong, (truth + 1) % len(names), truth)
    sure = 3 - np.arange(len(samples)) / len(samples)
    logits = np.zeros((len(samples), len(names)), np.float32)
    logits[np.arange(len(samples)), answers] = sure
    (task,) = heads_of(dataset.signature).values()
    found = measure(task, [(truth, logits)])
    cost = ModelCost(parameters=1234, bytes=5000, single_ms=1.5, batch_ms=0.5, batch_size=32)
    where = {"dataset": f"{dataset.name} {dataset.manifest.version}", "split": "test"}
    write_evaluation(run, replace(found, loss=0.5, cost=cost, **where))
    with (run.path / PREDICTIONS).open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["key", "split", "truth", "answer", "confidence", "right"])
        for place, sample in enumerate(samples):
            said = [names[truth[place]], names[answers[place]], f"{1 - place / 1000:.3f}"]
            right = "false" if wrong[place] else "true"
            lines.writerow([sample.key, "test", *said, right])
