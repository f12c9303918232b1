"""What augmentation and `balance` gain on a small real set: handwritten digits of `samples/`.

augmentation   160 images to learn from, with nine variants of each by the stage that
               `pipelines/digits.yaml` has, and without
balance        five digits of 40 images and five of 4, with `balance: {to: max}` and without; both
               with four variants of each image

Each seed draws other images to learn from and begins another network; both sides of a pair have the
same, take as many steps, and are asked of the same 400 images, 40 of each digit. The proof fails
where the 95 % interval of the paired differences (Student's) reaches down to 0.
`ONLY=balance make proof NAME=gains COUNT=5` chooses.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from dsbuilder.tasks import intervals

DIGITS = Path(__file__).parents[2] / "samples" / "digits"
PIPELINE = """
name: {name}
seed: {seed}
image: {{mode: gray}}
source: {{use: list, lists: {{train: [{images}, {train}], test: [{images}, {test}]}}}}
split: {{method: layout}}
finish: [{{use: resize, size: [28, 28]}}]
cache: {{codec: npy}}
{more}
train:
  model: {{use: cnn, width: 8, depth: 3}}
  epochs: {epochs}
  optimizer: {{learning_rate: 2e-3}}
"""
STAGE = "{use: A.Affine, rotate: [-15, 15], translate_percent: [-0.1, 0.1], scale: [0.85, 1.15]}"
MANY, FEW = 40, 4
COPIES = f"augment: {{copies: 4, stages: [{STAGE}]}}"
CASES: Mapping[str, tuple[tuple[int, int], tuple[str, int], tuple[str, int]]] = {
    # 160 samples an epoch, and 1,600.
    "augmentation": ((16, 16), ("", 40), (COPIES.replace("copies: 4", "copies: 9"), 4)),
    # 1,100 samples an epoch, and 2,000.
    "balance": ((MANY, FEW), (COPIES, 6), (f"{COPIES}\nbalance: {{to: max}}", 3)),
}
"""Images of even and of odd digits; what is said without and with, and for how many epochs."""


def drawn(counts: tuple[int, int], seed: int) -> str:
    """Returns a list of images to learn from, so many of each even and of each odd digit."""
    rows = [line.split() for line in (DIGITS / "train.txt").read_text().splitlines()]
    rng = np.random.default_rng(seed)
    taken: list[str] = []
    for digit in sorted({label for _, label in rows}):
        own = [name for name, label in rows if label == digit]
        names = rng.permutation(own)[: counts[int(digit) % 2]]
        taken += [f"{name} {digit}\n" for name in names]
    return "".join(taken)


def accuracy(home: Path, name: str, counts: tuple[int, int], seed: int, *said: object) -> float:
    """Returns the share of test images that are told right."""
    more, epochs = said
    train = home / f"{name}-{seed}.txt"
    train.write_text(drawn(counts, seed))
    path = home / f"{name}-{seed}.yaml"
    path.write_text(
        PIPELINE.format(
            name=name,
            seed=seed,
            images=DIGITS / "images",
            train=train,
            test=DIGITS / "test.txt",
            more=more,
            epochs=epochs,
        )
    )
    opened = dsbuilder.open(path, out=home / "out" / str(seed))
    return float(opened.train(run=home / f"run-{name}-{seed}").evaluation["accuracy"])


def run(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields accuracies and the gain of each case; raises where an interval reaches 0."""
    for case in os.environ.get("ONLY", ",".join(CASES)).split(","):
        counts, without, with_it = CASES[case]
        gains = []
        for number in range(seed, seed + count):
            with tempfile.TemporaryDirectory() as folder:
                before = accuracy(Path(folder), "plain", counts, number, *without)
                after = accuracy(Path(folder), case, counts, number, *with_it)
            gains.append(after - before)
            print(f"  {case}, seed {number}: {before:.3f} -> {after:.3f}", flush=True)
            yield f"{case}, seed {number}", f"{before:.3f} -> {after:.3f}"
        found = intervals.student(gains)
        low, high = (found.low, found.high) if found else (gains[0], gains[0])
        yield f"gain of {case}", f"{np.mean(gains):+.3f} [{low:+.3f}, {high:+.3f}]"
        if low <= 0:
            raise SystemExit(
                f"{case}: expected a gain, found {np.mean(gains):+.3f}, from {low:+.3f}."
            )
