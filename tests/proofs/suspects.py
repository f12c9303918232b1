"""How many planted label faults `suspects` finds, and how many that it names are planted.

MNIST-5k by the pipeline that `init` drafts, with `lenet`; a share of the labels is replaced, five
folds are trained, and what is found is compared with what was planted. Every seed plants others and
trains from other random numbers.

uniform 5 %, 10 %   each fault another class, drawn uniformly; the goals are of these
alike 5 %           each fault the digit that looks most like it (4 -> 9, 7 -> 1, ...), which models
                    find hard to tell from their own mistakes; it has no goal

A precision or a recall below its goal fails the proof.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from proofs import accuracy_data

ALIKE = (6, 7, 7, 5, 9, 3, 0, 1, 3, 4)
"""The digit that each is taken for."""
GOAL = 0.8


@dataclass(frozen=True)
class Case:
    """A way of planting faults.

    Attributes:
      name: name of the case.
      share: share of the labels.
      alike: whether a fault is the digit that looks most like it.
    """

    name: str
    share: float
    alike: bool = False


CASES = (Case("uniform 5 %", 0.05), Case("uniform 10 %", 0.1), Case("alike 5 %", 0.05, alike=True))


def planted(labels: np.ndarray, case: Case, seed: int) -> np.ndarray:
    """Returns labels of which a share is wrong."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(labels), round(case.share * len(labels)), replace=False)
    others = (labels[which] + rng.integers(1, 10, len(which))) % 10
    found = labels.copy()
    found[which] = np.array(ALIKE)[labels[which]] if case.alike else others
    return found


def measured(case: Case, seed: int, home: Path) -> dict[str, float]:
    """Returns what is found of planted faults."""
    home.mkdir(parents=True)
    clean = np.load(accuracy_data.mnist(home / "clean"))
    labels = planted(clean["y"], case, seed)
    (home / "images").mkdir()
    np.savez(home / "images" / "mnist.npz", x=clean["x"], y=labels)
    dsbuilder.init(home / "images", home / "mnist.yaml")
    opened = dsbuilder.open(
        home / "mnist.yaml", overrides=[f"seed={seed}", "train.model={use: lenet}"]
    )
    found = opened.suspects(run=home / "folds").targets["label"]
    wrong = {f"all/{place:05}" for place in np.flatnonzero(labels != clean["y"]).tolist()}
    named = {each.key: each.suggested for each in found.suspects}
    hits = wrong & named.keys()
    right = [named[key] == str(clean["y"][int(key.removeprefix("all/"))]) for key in hits]
    return {
        "precision": len(hits) / len(named),
        "recall": len(hits) / len(wrong),
        "suggestions that are right, of those found": float(np.mean(right)),
        "labels expected to be wrong, of those planted": (found.expected or 0) / len(wrong),
    }


def run(count: int, seed: int) -> list[tuple[str, str]]:
    """Plants and finds faults with `count` seeds; fails where a goal is missed."""
    rows = []
    for case in CASES:
        found = list(_over_seeds(case, range(seed, seed + count)))
        for name in found[0]:
            values = [each[name] for each in found]
            rows.append((f"{case.name}: {name}", _shown(values)))
        worst = min(min(each["precision"], each["recall"]) for each in found)
        assert case.alike or worst >= GOAL, (case.name, found)
    return rows


def _over_seeds(case: Case, seeds: Sequence[int]) -> Iterator[dict[str, float]]:
    for seed in seeds:
        with tempfile.TemporaryDirectory() as home:
            found = measured(case, seed, Path(home) / "it")
        print(f"  {case.name}, seed {seed}: {found}", flush=True)
        yield found


def _shown(values: Sequence[float]) -> str:
    each = ", ".join(f"{value:.3f}" for value in values)
    return f"{statistics.fmean(values):.3f} ({each})"
