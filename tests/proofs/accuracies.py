"""How well the two example pipelines train, with intervals.

Every seed deals another split and trains from other random numbers; the whole way is gone each
time: pipeline, build, training, best model, test split. Means come with 95 % intervals (Student's
t).

digits    600 training images, `cnn`, rotated, shifted and scaled anew in every epoch
emoji     `transfer` on frozen ImageNet features at 96 x 96, against two rivals that see the same
          training images, copies and all:
            pixels    a linear head on the pixels
            random    a linear head on the features of the same network with random weights, each
                      feature standardized (unscaled they are some 1e-12, and no head learns)
          A rival gets the regularisation that suits the *test* split best, which is more than fair.

A goal that is missed fails the proof.
"""

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from dsbuilder.builder import build_dataset

PIPELINES = Path(__file__).parents[2] / "pipelines"
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}
"""Two-sided 95 % point of Student's t, by number of values."""

DIGITS = (
    "split={method: stratified, train: 0.3, validation: 0.04, test: 0.66}",
    "train.epochs=20",
    "train.patience=null",
)
EMOJI = ("split={train: 0.7, test: 0.3}", "train.fine_tune=null")
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Result:
    """Accuracies over seeds."""

    name: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval."""
        count = len(self.values)
        return T_95[count] * statistics.stdev(self.values) / count**0.5

    def __str__(self) -> str:
        values = ", ".join(f"{value:.3f}" for value in self.values)
        low, high = self.mean - self.half, self.mean + self.half
        return f"{self.name:<16} {self.mean:.3f}   [{low:.3f}, {high:.3f}]   {values}"


def build(name: str, seed: int, out: Path, overrides: Sequence[str]) -> dsbuilder.Dataset:
    built = build_dataset(
        PIPELINES / f"{name}.yaml", out / f"seed-{seed}", overrides=[f"seed={seed}", *overrides]
    )
    return dsbuilder.load(built.path)


def train(dataset: dsbuilder.Dataset, out: Path) -> float:
    """Trains as the dataset's pipeline says; returns the accuracy on the test split."""
    from dsbuilder.train.options import options_of
    from dsbuilder.train.run import new_run
    from dsbuilder.train.trainer import train_dataset

    started = time.monotonic()
    run = train_dataset(dataset, options_of(dataset), run=new_run(out / "runs", dataset.name))
    evaluation = run.evaluation()
    sizes = ", ".join(f"{dataset.num_samples(split)} {split}" for split in dataset.splits)
    print(
        f"  {run.path.name}: {sizes}; {len(run.rows())} epochs in "
        f"{time.monotonic() - started:.0f} s; {evaluation['split']} {evaluation['accuracy']:.3f}",
        flush=True,
    )
    return float(evaluation["accuracy"])


def arrays(dataset: dsbuilder.Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    samples = list(dataset.samples(split))
    images = np.stack([sample.image for sample in samples]).astype(np.float32)
    return images, np.array([sample.targets["label"] for sample in samples])


def flatten(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def random_features(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns what the untrained network makes of images, `(N, 1280)`."""
    import keras

    from dsbuilder.builtin.models.backbones import efficientnet_lite0

    keras.utils.set_random_seed(seed)
    network = efficientnet_lite0.build(input_shape=images.shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    return np.asarray(keras.Model(network.input, pooled).predict(images, verbose=0))


def rival(dataset: dsbuilder.Dataset, features: Callable[[np.ndarray], np.ndarray]) -> float:
    """Returns the best test accuracy of a linear head on standardized features."""
    from sklearn.linear_model import LogisticRegression

    (images, labels), (test_images, truth) = (arrays(dataset, s) for s in ("train", "test"))
    train, test = features(images).astype(np.float64), features(test_images).astype(np.float64)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation[deviation == 0] = 1.0
    train, test = (train - mean) / deviation, (test - mean) / deviation
    scores = []
    for penalty in PENALTIES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged is good enough for a comparison
            head = LogisticRegression(C=penalty, max_iter=200).fit(train, labels)
        scores.append(head.score(test, truth))
    return float(max(scores))


def digits(seeds: Sequence[int], out: Path) -> bool:
    print("digits:", " ".join(DIGITS), flush=True)
    values = tuple(train(build("digits", seed, out, DIGITS), out) for seed in seeds)
    result = Result("cnn", values)
    print(result)
    return goal("mean at least 0.96", result.mean >= 0.96) & goal(
        "lower end above 0.95", result.mean - result.half > 0.95
    )


def emoji(seeds: Sequence[int], out: Path) -> bool:
    print("emoji:", " ".join(EMOJI), flush=True)
    datasets = [build("emoji", seed, out, EMOJI) for seed in seeds]
    transfer = Result("transfer", tuple(train(dataset, out) for dataset in datasets))
    pixels = Result("rival: pixels", tuple(rival(dataset, flatten) for dataset in datasets))
    random = Result(
        "rival: random",
        tuple(
            rival(dataset, lambda images, seed=seed: random_features(images, seed))
            for seed, dataset in zip(seeds, datasets, strict=True)
        ),
    )
    print(transfer, pixels, random, sep="\n")
    ahead = transfer.mean - max(pixels.mean, random.mean)
    return goal("mean at least 0.65", transfer.mean >= 0.65) & goal(
        f"at least 0.15 above the better rival ({ahead:.3f})", ahead >= 0.15
    )


def goal(words: str, reached: bool) -> bool:
    print(f"  {'reached' if reached else 'MISSED '}: {words}", flush=True)
    return reached


def run(count: int, seed: int) -> list[tuple[str, str]]:
    """Trains both over `count` seeds, those after `seed`; prints each as it is done."""
    seeds = range(seed + 1, seed + 1 + count)
    with tempfile.TemporaryDirectory() as folder:
        reached = {name: goals(seeds, Path(folder)) for name, goals in GOALS.items()}
    assert all(reached.values()), reached
    return [(f"goals of {name}", "reached") for name in reached]


GOALS: Mapping[str, Callable[[Sequence[int], Path], bool]] = {"digits": digits, "emoji": emoji}
