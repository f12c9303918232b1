"""What a step costs through dsbuilder, against the same network under a bare `keras.Model.fit`.

Both train in this process, in turn: a run from a built dataset, as `dsbuilder train` makes it, and
`fit` on the very arrays that its stream yields, in memory, with the network, the loss and the
optimizer of the run. What is counted is the processor's time (user and system, all threads) of a
step, in whole epochs after the first, which compiles; the rest of a run is told apart.

A ratio is bare / dsbuilder, so that more is better; of `COUNT` pairs, the median with its interval.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from benchmarks.pairs import interval

import dsbuilder
from dsbuilder.builder import build_dataset
from proofs import accuracy_data

EPOCHS = 4
PIPELINE = """
name: {name}
image: {{mode: gray}}
source: {{use: arrays, path: {data}}}
split: {{train: 0.8, test: 0.2}}
finish: [{{use: resize, size: [28, 28]}}]
cache: {{codec: {codec}, image: {image}}}
train: {{model: {model}, epochs: {epochs}}}
"""
CASES = {
    "cnn, npy": ("npy", "raw", "{use: cnn}"),
    "cnn, tfrecord of png": ("tfrecord", "png", "{use: cnn}"),
    "lenet, npy": ("npy", "raw", "{use: lenet}"),
}


class Clock:
    """Reads the processor's time where epochs begin and where their last step ends."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.last = 0.0
        self.spent: list[float] = []

    def begin(self, *_: Any) -> None:
        self.end_epoch()
        self.began = time.process_time()

    def step(self, *_: Any) -> None:
        self.last = time.process_time()

    def end_epoch(self) -> None:
        if self.began is not None:
            self.spent.append(self.last - self.began)
        self.began = None


def run(count: int, seed: int) -> list[tuple[str, str]]:
    """Trains each case `count` times both ways, and once before, which warms up."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        data = _some(accuracy_data.mnist(home), home)
        for place, (name, (codec, image, model)) in enumerate(CASES.items()):
            text = PIPELINE.format(
                name=f"case{place}", data=data, codec=codec, image=image, model=model, epochs=EPOCHS
            )
            path = home / f"{place}.yaml"
            path.write_text(text, encoding="utf-8")
            dataset = dsbuilder.load(build_dataset(path, home / "out").path)
            rows += _raced(name, dataset, home / f"runs-{place}", count, seed)
    return rows


def _some(data: Path, home: Path) -> Path:
    """Writes every fourth image of a file of arrays: 1,250 are enough to count steps on."""
    with np.load(data) as arrays:
        np.savez(home / "some.npz", **{name: arrays[name][::4] for name in arrays.files})
    return home / "some.npz"


def _raced(
    name: str, dataset: dsbuilder.Dataset, home: Path, count: int, seed: int
) -> list[tuple[str, str]]:
    arrays = _arrays(dataset)
    steps = dataset.stream("train").steps_per_epoch
    pairs, rests = [], []
    for number in range(count + 1):
        ours, rest, path = _through_dsbuilder(dataset, home / str(number))
        pairs.append((_bare(path, arrays, seed + number), ours))
        rests.append(rest)
    ratios = [bare / ours for bare, ours in pairs[1:]]  # the first warms up
    middle, low, high = interval(ratios)
    cost_ms = [1e3 * sum(each) / len(pairs[1:]) / steps for each in zip(*pairs[1:], strict=True)]
    print(name, [f"{ratio:.3f}" for ratio in ratios], flush=True)
    return [
        (f"{name}: bare / dsbuilder, CPU of a step", f"{middle:.3f} [{low:.3f}, {high:.3f}]"),
        (f"{name}: CPU ms of a step, bare and dsbuilder", "{:.2f}, {:.2f}".format(*cost_ms)),
        (f"{name}: CPU s of the rest of a run", f"{np.median(rests[1:]):.2f}"),
    ]


def _arrays(dataset: dsbuilder.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Returns what an epoch of the training's stream yields."""
    batches = list(dataset.stream("train", epoch=0).as_numpy_iterator())
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _through_dsbuilder(dataset: dsbuilder.Dataset, home: Path) -> tuple[float, float, Path]:
    """Returns CPU seconds of the steps of an epoch, those of all else, and the run."""
    from dsbuilder.train.options import options_of
    from dsbuilder.train.trainer import train_dataset

    clock, began = Clock(), time.process_time()
    run = train_dataset(
        dataset, options_of(dataset), run=home, on_batch=clock.step, on_epoch=clock.begin
    )
    whole = time.process_time() - began
    assert len(clock.spent) == EPOCHS - 1, clock.spent
    one = float(np.median(clock.spent))
    return one, whole - EPOCHS * one, run.path


def _bare(path: Path, arrays: tuple[np.ndarray, np.ndarray], seed: int) -> float:
    """Returns CPU seconds of an epoch of `fit` with the network of a run, as it was compiled."""
    import keras

    from dsbuilder.train.archive import load_model

    network = load_model(path / "last.keras").model
    keras.utils.set_random_seed(seed)
    network.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    clock = Clock()
    ended: Callable[..., None] = clock.step
    marks = keras.callbacks.LambdaCallback(
        on_epoch_begin=clock.begin, on_epoch_end=ended, on_train_end=lambda _: clock.end_epoch()
    )
    network.fit(*arrays, batch_size=32, epochs=EPOCHS, verbose=0, callbacks=[marks])
    return float(np.median(clock.spent[1:]))
