"""`diagnose` on problems whose fault is known, over seeds, on real images: MNIST-5k.

linear   a linear model that is to tell odd digits from even ones at 8 x 8 pixels, which it cannot,
         however much it learns from: high bias
few      a large perceptron on 200 images, which it learns by heart: high variance
enough   LeNet on 4,000 images, within 5 points of what is asked, which are called small: neither

Each seed deals another split, and diagnoses by 3 trainings on half and 3 on all. The proof fails
where one of them is named otherwise. `ONLY=few make proof NAME=diagnosis COUNT=1` chooses.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from proofs import accuracy_data

PIPELINE = """
name: {name}
image: {{mode: gray}}
source: {{use: arrays, path: {data}}}
split: {split}
finish: [{{use: resize, size: [{side}, {side}]}}]
cache: {{codec: npy}}
train: {train}
"""
SHARES, SEEDS = 2, 3


@dataclass(frozen=True, kw_only=True)
class Case:
    """A problem with a known fault.

    Attributes:
      verdict: what is to be said.
      baseline: error that could be reached.
      split, side, train: what the pipeline says.
      parity: whether odd is told from even, in place of the digits.
      images: number of images, of which the split is made.
      small: what a person calls a small difference; None for what is called so by default.
    """

    verdict: str
    baseline: float
    split: str
    side: int = 28
    train: str
    parity: bool = False
    images: int = 5000
    small: float | None = None


CASES = {
    "linear": Case(
        verdict="high bias",
        baseline=0.04,
        split="{train: 0.8, validation: 0.2}",
        side=8,
        train="{model: {use: mlp, depth: 0}, epochs: 12, optimizer: {learning_rate: 3e-3}}",
        parity=True,
    ),
    "few": Case(
        verdict="high variance",
        baseline=0.02,
        split="{train: 0.2, validation: 0.8}",
        images=1000,
        train="{model: {use: mlp, width: 512}, epochs: 12}",
    ),
    "enough": Case(
        verdict="neither high bias nor high variance",
        baseline=0.02,
        split="{train: 0.8, validation: 0.2}",
        train="{model: {use: lenet}, batch_size: 64, epochs: 6, "
        "optimizer: {learning_rate: 4e-3, schedule: cosine}}",
        small=0.05,
    ),
}


def diagnosed(case: Case, name: str, seed: int, home: Path) -> tuple[str, str]:
    """Returns the verdict, and what it is by."""
    images = np.load(accuracy_data.mnist(home))
    taken = np.random.default_rng(seed).permutation(len(images["y"]))[: case.images]
    labels = images["y"] % 2 if case.parity else images["y"]
    data = home / "data" / f"{name}.npz"
    data.parent.mkdir(exist_ok=True)
    np.savez(data, x=images["x"][taken], y=labels[taken])
    path = home / f"{name}.yaml"
    text = PIPELINE.format(name=name, data=data, split=case.split, side=case.side, train=case.train)
    path.write_text(text, encoding="utf-8")
    opened = dsbuilder.open(path, overrides=[f"seed={seed}"])
    found = opened.diagnose(
        baseline=case.baseline,
        small=case.small,
        seeds=SEEDS,
        shares=SHARES,
        run=home / f"{name}-{seed}",
    )
    (head,) = found.heads
    last, small = head.curve.points[-1], head.small
    gaps = {"bias": head.curve.bias, "variance": head.curve.variance}
    told = ", ".join(f"{n} {g.value:.3f} [{g.low:.3f}, {g.high:.3f}]" for n, g in gaps.items())
    errors = f"train {last.train:.3f}, validation {last.validation:.3f}"
    return head.verdict, f"{told}, small {small:.3f}; {errors}"


def run(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields what is found of each problem; raises where it is not what is known."""
    chosen = os.environ.get("ONLY", ",".join(CASES)).split(",")
    for name in chosen:
        case, wrong = CASES[name], []
        for number in range(seed, seed + count):
            with tempfile.TemporaryDirectory() as home:
                verdict, told = diagnosed(case, name, number, Path(home))
            print(f"  {name}, seed {number}: {verdict}: {told}", flush=True)
            yield f"{name}, seed {number}", f"{verdict}: {told}"
            wrong += [number] if verdict != case.verdict else []
        named = f"{count - len(wrong)} of {count} named {case.verdict}"
        yield name, named
        if wrong:
            raise SystemExit(f"{name}: {named}; not of seeds {wrong}")
