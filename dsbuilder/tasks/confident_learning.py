"""Which labels of classes are probably wrong, and how many, by models that never saw their samples.

Confident learning: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty
in Dataset Labels", JAIR (2021). A sample counts as one of class j if the model gives j at least
the probability that it gives j on average to samples labeled so; of several such classes, as one of
the most probable. How many samples labeled i count as j, scaled to the samples labeled i, is the
confident joint: it says how many labels are wrong, and what they are taken for, though the model
may be surer of some classes than of others. As many samples are then called suspect, those that the
model doubts most; never one whose label is what the model says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

Pruning = Literal["class", "noise_rate", "both"]
"""Which samples are suspect: of each class as many as are expected to be wrong, those with the
least probability of their label (`class`); of each pair of classes as many as are expected to be
the one and labeled as the other, those with the largest margin (`noise_rate`); or what is both."""

_TIE = 1e-6
"""How far the mean of equal probabilities may lie above them, by rounding."""


@dataclass(frozen=True, kw_only=True)
class Doubted:
    """What is thought of labels of classes.

    Attributes:
      joint: expected number of samples labeled i that are j, float64 `(classes, classes)`; rows sum
        to the samples labeled so.
      suspect: whether the label of each sample is suspect, bool `(N,)`.
      margins: probability of the label less that of the most probable other class, `(N,)` in
        [-1, 1].
      taken_for: id of the most probable class other than the label, int64 `(N,)`.
    """

    joint: np.ndarray
    suspect: np.ndarray
    margins: np.ndarray
    taken_for: np.ndarray

    @property
    def wrong(self) -> float:
        """The expected number of labels that are wrong."""
        return float(self.joint.sum() - self.joint.trace())


def doubt(given: np.ndarray, probabilities: np.ndarray, pruning: Pruning) -> Doubted:
    """Returns what is thought of labels.

    Args:
      given: labels as ids, int64 `(N,)`.
      probabilities: probability of each class by a model that never saw the sample, float
        `(N, classes)`.
      pruning: which samples are suspect.
    """
    joint = calibrated(confident_joint(given, probabilities), given)
    others = probabilities.copy()
    np.put_along_axis(others, given[:, None], -1, axis=1)
    taken_for = others.argmax(axis=1)
    own = _at(probabilities, given)
    margins = own - _at(probabilities, taken_for)
    suspect = margins < 0
    if pruning != "noise_rate":
        suspect &= _of_each_class(given, own, joint)
    if pruning != "class":
        suspect &= _of_each_pair(given, probabilities, joint)
    return Doubted(joint=joint, suspect=suspect, margins=margins, taken_for=taken_for)


def thresholds(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns the mean probability of each class over samples labeled so, `(classes,)`.

    It is infinite of a class that no sample is labeled with.
    """
    counts = np.bincount(given, minlength=probabilities.shape[1])
    sums = np.bincount(given, _at(probabilities, given), minlength=probabilities.shape[1])
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_joint(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns how many samples labeled i count as j, int64 `(classes, classes)`."""
    classes = probabilities.shape[1]
    bounds = thresholds(given, probabilities)
    joint = np.zeros((classes, classes), np.int64)
    for label, places in _by_label(given, classes):
        rows = probabilities[places]
        sure = np.where(rows >= bounds - _TIE, rows, -1.0)
        counted = sure.argmax(axis=1)[sure.max(axis=1) >= 0]
        joint[label] = np.bincount(counted, minlength=classes)
    return joint


def calibrated(joint: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Returns the confident joint with rows that sum to the samples labeled so, float64.

    Of a class of which no sample counts as any, all labels are taken as right.
    """
    counts = np.bincount(given, minlength=len(joint))
    sums = joint.sum(axis=1)
    known = joint + np.diag((sums == 0).astype(np.int64))
    return np.asarray(known * (counts / np.maximum(sums, 1))[:, None])


def _of_each_class(given: np.ndarray, own: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Returns which samples of each class are those of the least probability of their label.

    Args:
      own: probability of the label of each sample.
    """
    found = np.zeros(len(given), bool)
    for label, places in _by_label(given, len(joint)):
        wrong = round(float(joint[label].sum() - joint[label, label]))
        found[places[np.argsort(own[places], kind="stable")[:wrong]]] = True
    return found


def _of_each_pair(given: np.ndarray, probabilities: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Returns which samples labeled i are those of the largest margin of some j over i."""
    found = np.zeros(len(given), bool)
    for label, places in _by_label(given, len(joint)):
        rows = probabilities[places]
        wrong = np.rint(joint[label]).astype(np.int64)
        wrong[label] = 0
        for other in np.flatnonzero(wrong):
            margins = rows[:, other] - rows[:, label]
            found[places[np.argsort(-margins, kind="stable")[: wrong[other]]]] = True
    return found


def _by_label(given: np.ndarray, classes: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each class that samples are labeled with, and the places of these."""
    order = np.argsort(given, kind="stable")
    ends = np.cumsum(np.bincount(given, minlength=classes))
    for label, places in enumerate(np.split(order, ends[:-1])):
        if len(places):
            yield label, places


def _at(probabilities: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Returns the probability of one class of each sample, float64 `(N,)`."""
    return np.asarray(probabilities[np.arange(len(ids)), ids], np.float64)
