"""How well the built-in models learn, over seeds, each the whole way: pipeline, build, train, test.

Every seed deals another split and trains from other random numbers. Means come with 95 % intervals
(Student's t). What is not said below is left to the defaults.

mnist       MNIST-5k, 4,000 images to learn from and 1,000 to ask of, by the pipeline that `init`
            drafts: lenet, its form of 1998, cnn, rnn
attention   cnn and resnet_small on the same images, with and without cbam
fashion     Fashion-MNIST whole, cnn, by the clock: 6 minutes, and 15
lines       crnn on drawn lines of 4 to 6 digits: unseen lines, and families of another foundry
known       disks and a square on noise whose answers are known: colors, place and size
emoji       transfer against two rivals that see the same images: a linear head on the pixels, and
            one on standardized features of the same network with random weights, each with the
            penalty that suits the *test* split best, which is more than fair; and how far it stays
            behind a head that scikit-learn fits on the very features that ours was given
samples     the two example pipelines as they stand

`ONLY=mnist,lines make proof NAME=accuracy COUNT=1` chooses. A goal that is missed fails the proof.
"""

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from dsbuilder.builder import build_dataset
from proofs import accuracy_data

PIPELINES = accuracy_data.ROOT / "pipelines"
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}
"""Two-sided 95 % point of Student's t, by number of values."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)

MODELS = {
    "lenet": ("{use: lenet}", 0.97),
    "lenet of 1998": ("{use: lenet, form: 1998}", None),
    "cnn": ("{use: cnn}", 0.975),
    "rnn, lstm": ("{use: rnn, cell: lstm}", 0.94),
}
ATTENDING = {
    "cnn": "{{use: cnn, width: 16, attention: {attention}}}",
    "resnet_small": "{{use: resnet_small, width: 16, attention: {attention}}}",
}
FASHION_PIPELINE = """
name: fashion
image: {{mode: gray}}
source: {{use: idx, path: {data}}}
split: {{method: layout, validation: 0.05}}
augment: {{copies: 1, stages: [{{use: A.HorizontalFlip, p: 1.0}}]}}
finish: [{{use: resize, size: [28, 28]}}]
cache: {{codec: npy}}
stream: {{batch_size: {batch}}}
train:
  model: {{use: cnn, width: 24, depth: 3, convolutions: 1}}
  optimizer: {{use: adam, learning_rate: {rate}, schedule: cosine}}
  epochs: {epochs}
"""
FASHION_RUNS: Sequence[tuple[int, float, Mapping[str, Any]]] = (
    (6, 0.91, {"batch": 64, "rate": 3e-3, "epochs": 3}),
    (15, 0.915, {"batch": 128, "rate": 2e-3, "epochs": 8}),
)
"""Minutes, least accuracy, and what fits into them."""
LINES = """
name: {name}
image: {{mode: gray}}
split: {{train: {train}, validation: {validation}, test: {test}}}
synthesize:
{parts}
{stages}
cache: {{codec: npy}}
train:
  model: {{use: crnn}}
  epochs: {epochs}
  optimizer: {{use: adam, learning_rate: 2e-3, schedule: cosine}}
"""
KNOWN_PIPELINE = """
name: known
synthesize:
  - {use: known, count: 2100, splits: train}
  - {use: known, count: 300, splits: validation}
  - {use: known, count: 900, splits: test}
cache: {codec: npy}
train: {model: {use: cnn}, heads: {colors: {}, square: {}}, epochs: 12}
"""
EMOJI = """
name: emoji
image: {{mode: rgb, background: white}}
source: {{use: folder, path: {data}}}
split: {{train: 0.7, test: 0.3}}
finish: [{{use: resize, size: [160, 160]}}]
cache: {{codec: tfrecord, image: png}}
train: {{model: {{use: transfer}}}}
"""


@dataclass(frozen=True)
class Result:
    """A measure over seeds.

    Attributes:
      name: what was measured.
      values: one of each seed.
      goal: least mean; None if there is none.
    """

    name: str
    values: tuple[float, ...]
    goal: float | None = None

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval; not a number of one value."""
        count = len(self.values)
        if count < 2:
            return float("nan")
        return T_95[count] * statistics.stdev(self.values) / count**0.5

    @property
    def is_missed(self) -> bool:
        return self.goal is not None and self.mean < self.goal

    def __str__(self) -> str:
        values = ", ".join(f"{value:.3f}" for value in self.values)
        goal = "" if self.goal is None else f"; {'MISSED' if self.is_missed else 'at least'} "
        goal += "" if self.goal is None else f"{self.goal:g}"
        return (
            f"{self.mean:.3f} [{self.mean - self.half:.3f}, {self.mean + self.half:.3f}] "
            f"({values}){goal}"
        )


Measures = Iterator[tuple[str, float, float | None]]


def drafted(model: str, seed: int, home: Path) -> float:
    """Returns the accuracy of a model on MNIST-5k, with all else as `init` drafts it."""
    pipeline = home / "mnist.yaml"
    if not pipeline.exists():
        dsbuilder.init(accuracy_data.mnist(home / "images").parent, pipeline)
    given = [f"seed={seed}", "split={train: 0.8, test: 0.2}", f"train={{model: {model}}}"]
    opened = dsbuilder.open(pipeline, out=home, overrides=given)
    run = home / f"run-{len(list(home.glob('run-*')))}"
    return float(opened.train(run=run).evaluation["accuracy"])


def trained(
    text: str, seed: int, home: Path, *, plugins: Sequence[Path] = ()
) -> tuple[dsbuilder.Dataset, dict[str, Any], float, Path]:
    """Builds a pipeline and trains as it says.

    Returns:
      The dataset, the evaluation, the seconds of the training, and the run.
    """
    from dsbuilder.train.options import options_of
    from dsbuilder.train.trainer import train_dataset

    home.mkdir(parents=True, exist_ok=True)
    path = home / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    built = build_dataset(path, home / "out", overrides=[f"seed={seed}"], plugins=plugins or None)
    dataset = dsbuilder.load(built.path)
    options = options_of(dataset, plugins=plugins)
    began = time.monotonic()
    run = train_dataset(dataset, options, run=home / "run", plugins=plugins)
    took = time.monotonic() - began
    found = run.evaluation()
    print(f"  {home.name}: {len(run.rows())} epochs, {took:.0f} s", flush=True)
    return dataset, found, took, run.path


def mnist(seed: int, home: Path) -> Measures:
    for name, (model, goal) in MODELS.items():
        yield f"accuracy of {name}", drafted(model, seed, home), goal


def attention(seed: int, home: Path) -> Measures:
    for name, model in ATTENDING.items():
        found = {}
        for kind in ("none", "cbam"):
            found[kind] = drafted(model.format(attention=kind), seed, home)
            yield f"accuracy of {name}, attention {kind}", found[kind], None
        yield f"gain of {name} by attention", found["cbam"] - found["none"], None


def fashion(seed: int, home: Path) -> Measures:
    for minutes, goal, options in FASHION_RUNS:
        text = FASHION_PIPELINE.format(data=accuracy_data.FASHION, **options)
        _, found, took, _ = trained(text, seed, home / f"{minutes}")
        yield f"accuracy of cnn, {minutes} min", found["accuracy"], goal
        yield f"minutes of the {minutes} min", took / 60, None


def lines(seed: int, home: Path) -> Measures:
    families = {
        "train": sorted((accuracy_data.FONTS / "dejavu").glob("DejaVuS*.ttf")),
        "other": sorted((accuracy_data.FONTS / "wqy").glob("*.ttc"))
        + sorted((accuracy_data.FONTS / "lohit-devanagari").glob("*.ttf")),
    }

    def part(fonts: Sequence[Path], count: int, split: str) -> str:
        listed = ", ".join(str(font) for font in fonts)
        return (
            f"  - {{use: text_line, fonts: [{listed}], charset: digits, length: [4, 6], "
            f"width: 128, height: 32, count: {count}, splits: {split}}}"
        )

    own, other = families["train"], families["other"]
    kept = {"train": 3000, "validation": 300, "test": 1000}
    parts = "\n".join(part(own, count, split) for split, count in kept.items())
    stages = (
        "stream: {stages: [{use: A.Affine, scale: [0.8, 1.15], shear: [-12, 12], fill: 255, p: 0.7}"
        ", {use: A.GaussianBlur, p: 0.3}, {use: A.Morphological, p: 0.4}]}"
    )
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    text = LINES.format(name="lines", parts=parts, stages=stages, epochs=8, **shares)
    _, found, took, run = trained(text, seed, home / "own")
    yield "exact match of crnn", found["exact_match"], 0.97
    yield "minutes of crnn", took / 60, None
    text = LINES.format(
        name="other", parts=part(other, 1000, "test"), stages="", epochs=1, **shares
    )
    path = home / "other.yaml"
    path.write_text(text, encoding="utf-8")
    unseen = dsbuilder.load(build_dataset(path, home / "out").path)
    yield "exact match, other foundries", unseen.evaluate(run).evaluation["exact_match"], 0.85


def known(seed: int, home: Path) -> Measures:
    plugins = home / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "known.py").write_text(accuracy_data.KNOWN, encoding="utf-8")
    _, found, _, _ = trained(KNOWN_PIPELINE, seed, home / "it", plugins=[plugins])
    yield "macro F1 of colors", found["heads"]["colors"]["macro_f1"], 0.9
    yield "R2 of place and size", found["heads"]["square"]["r2"], 0.9


def emoji(seed: int, home: Path) -> Measures:
    data = accuracy_data.emoji(home / "images")
    dataset, found, _, run = trained(EMOJI.format(data=data), seed, home / "it")
    transfer = found["accuracy"]
    pixels = _rival(dataset, lambda images: images.reshape(len(images), -1))
    random = _rival(dataset, lambda images: _random_features(images, seed))
    yield "accuracy of transfer", transfer, None
    yield "rival: pixels", pixels, None
    yield "rival: random features", random, None
    yield "ahead of the better rival", transfer - max(pixels, random), 0.2
    fitted = _fitted_head(dataset, run)
    yield "a fitted head on the same features", fitted, None
    yield "ahead of the fitted head", transfer - fitted, -0.01


def samples(seed: int, home: Path) -> Measures:
    split = {
        "digits": "split={method: stratified, train: 0.3, validation: 0.04, test: 0.66}",
        "emoji": "split={train: 0.7, test: 0.3}",
    }
    for name, goal in (("digits", 0.96), ("emoji", 0.65)):
        given = [f"seed={seed}", split[name], *(["train.epochs=20"] if name == "digits" else [])]
        opened = dsbuilder.open(PIPELINES / f"{name}.yaml", out=home, overrides=given)
        found = opened.train(run=home / f"run-{name}")
        yield f"accuracy of {name}.yaml", found.evaluation["accuracy"], goal


def _arrays(dataset: dsbuilder.Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    found = list(dataset.samples(split))
    images = np.stack([sample.image for sample in found]).astype(np.float32)
    return images, np.array([sample.targets["label"] for sample in found])


def _random_features(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns what the untrained network makes of images, `(N, 1280)`."""
    import keras

    from dsbuilder.builtin.models.backbones import efficientnet_lite0

    keras.utils.set_random_seed(seed)
    network = efficientnet_lite0.build(input_shape=images.shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    return np.asarray(keras.Model(network.input, pooled).predict(images, verbose=0))


def _fitted_head(dataset: dsbuilder.Dataset, run: Path) -> float:
    """Returns the test accuracy of a linear head on what the head of a run was given.

    Its penalty is chosen by five folds of train and validation.
    """
    import keras
    from sklearn.linear_model import LogisticRegressionCV

    network = keras.saving.load_model(run / "best.keras")
    (head,) = (each for each in network._flatten_layers() if isinstance(each, keras.layers.Dense))
    head.call = lambda inputs, training=None: inputs  # so that the network yields what it was given

    def features(images: np.ndarray) -> np.ndarray:
        parts = np.split(images, range(64, len(images), 64))
        return np.concatenate([np.asarray(network(part)) for part in parts])

    known = [_arrays(dataset, split) for split in dataset.splits if split != "test"]
    images, labels = (np.concatenate(parts) for parts in zip(*known, strict=True))
    test_images, truth = _arrays(dataset, "test")
    fitted = LogisticRegressionCV(Cs=PENALTIES, cv=5, max_iter=1000)
    fitted.fit(features(images), labels)
    return float(fitted.score(features(test_images), truth))


def _rival(dataset: dsbuilder.Dataset, features: Callable[[np.ndarray], np.ndarray]) -> float:
    """Returns the best test accuracy of a linear head on standardized features."""
    from sklearn.linear_model import LogisticRegression

    (images, labels), (test_images, truth) = (_arrays(dataset, s) for s in ("train", "test"))
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


TRIALS: Mapping[str, Callable[[int, Path], Measures]] = {
    trial.__name__: trial for trial in (mnist, attention, fashion, lines, known, emoji, samples)
}


def run(count: int, seed: int) -> list[tuple[str, str]]:
    """Runs every trial over `count` seeds, those after `seed`; prints each as it is done."""
    chosen = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(TRIALS)
    results: list[Result] = []
    for name in chosen:
        values: dict[str, list[float]] = {}
        goals: dict[str, float | None] = {}
        for each in range(seed + 1, seed + 1 + count):
            with tempfile.TemporaryDirectory() as folder:
                for what, value, goal in TRIALS[name](each, Path(folder)):
                    values.setdefault(what, []).append(value)
                    goals[what] = goal
                    print(f"  {name}, seed {each}: {what} {value:.3f}", flush=True)
        found = [Result(what, tuple(own), goals[what]) for what, own in values.items()]
        print(*(f"{each.name}: {each}" for each in found), sep="\n", flush=True)
        results += found
    missed = [each.name for each in results if each.is_missed]
    assert not missed, missed
    return [(each.name, str(each)) for each in results]
