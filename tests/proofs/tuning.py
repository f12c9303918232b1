"""`tune` on real images: it beats a poor default, and says honestly what of a good one.

MNIST-5k, lenet, 1,000 images to learn from, 1,000 to choose by and 3,000 to ask of; the options of
the model in use (learning rate, dropout, weight decay), and six minutes for each search. Of every
seed, which deals another split, two pipelines that differ in their learning rate alone: 1e-5, which
learns little in nine epochs, and 1e-3, which is what most would take.

The poor one has to be beaten, and by its test scores too. Of the good one either may be said; if it
is said to be beaten, its mean on test must not be worse. A search keeps to its time.

`MINUTES=12 make proof NAME=tuning` gives each search more, on a machine that is busy or slow.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from dsbuilder.actions.tune import TuneDocument, tune
from proofs import accuracy_data

MINUTES = float(os.environ.get("MINUTES", "6"))
LATE = 1.3
"""By how much a search may take longer than it was given, on a machine that does more than this."""
RATES = {"poor": 1e-5, "good": 1e-3}
PIPELINE = """
name: {name}
seed: {seed}
image: {{mode: gray}}
source: {{use: arrays, path: {data}}}
split: {{train: 0.2, validation: 0.2, test: 0.6}}
finish: [{{use: resize, size: [28, 28]}}]
cache: {{codec: npy}}
train: {{model: lenet, optimizer: {{learning_rate: {rate}}}, epochs: 9}}
"""


def run(count: int, seed: int) -> list[tuple[str, str]]:
    """Searches for `count` seeds; raises an AssertionError where what is said does not hold."""
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        data = accuracy_data.mnist(home / "mnist")
        for number in range(seed, seed + count):
            for name, rate in RATES.items():
                text = PIPELINE.format(name=name, seed=number, data=data, rate=rate)
                (home / f"{name}-{number}.yaml").write_text(text)
                opened = dsbuilder.open(home / f"{name}-{number}.yaml", out=home / f"out-{number}")
                began_s = time.monotonic()
                found = tune(opened, minutes=MINUTES, run=home / f"run-{name}-{number}")
                minutes = (time.monotonic() - began_s) / 60
                rows += told(f"{name} (1e{round(np.log10(rate))}), seed {number}", found, minutes)
                check(name, found, minutes)
    return rows


def told(case: str, found: TuneDocument, minutes: float) -> Iterator[tuple[str, str]]:
    """Yields the rows of a search."""
    whole = sum(each.rung == max(e.rung for e in found.trials) for each in found.trials)
    yield (
        f"{case}: search",
        f"{len(found.trials)} trials, {whole} of them whole, {minutes:.1f} minutes",
    )
    yield f"{case}: says", found.verdict
    for gain in found.gains[1:]:
        yield f"{case}: test", str(gain)
    values = ", ".join(f"{each.path.rpartition('.')[2]} {each.best}" for each in found.options)
    yield f"{case}: best", values


def check(name: str, found: TuneDocument, minutes: float) -> None:
    """Asserts that what a search says holds on test."""
    assert minutes < LATE * MINUTES, f"{minutes:.1f} minutes"
    if name == "poor":
        assert found.beats, found.verdict
    if found.beats:
        (test,) = found.gains[1:]
        assert test.mean > 0, str(test)
    if name == "poor":
        assert found.gains[1].is_sure, str(found.gains[1])
