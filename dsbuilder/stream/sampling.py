"""How often each sample of train comes in an epoch, where that is not once.

Sampling gives each of n samples a rate, its picks in an epoch. The rates sum to n, so an epoch is
as long as ever: its batches, and what counts them, stay. They are in proportion to the repeat
factor of Gupta et al., "LVIS" (2019), at a threshold of 1:

    max over a sample's classes c of (1 / f(c)) ** power

where f(c) is the share of samples that are of c. The power is 1 of `balanced` and 1/2 of
`square_root` (Mahajan et al. 2018). So where a sample is of one class, `balanced` gives all classes
the same share of an epoch. Of several classes the rarest counts; a sample of none counts as if it
were of a class that every sample is of.

Which samples are picked is a systematic sample (Madow, 1949): they stand in a row, class by class
(of several the rarest), those of a class in the order of a hash of seed and key. Each takes up a
stretch as long as its rate, and is picked once for every mark in it; marks are 1 apart. From epoch
to epoch they move on by the golden ratio. So

* an epoch has n picks; the picks of a class, and of a sample, are their rates, rounded up or down;
* over epochs they come to the rates, since multiples of the golden ratio are spread evenly;
* a sample of rate r is picked in any 2 / r epochs that follow each other, rounded up;
* those of one class that stand whole marks apart are always picked together: it is the order of an
  epoch, and with it what a batch holds, that is drawn anew each time.

All this is done in whole numbers of 1 / 2**32. So picks depend on
keys, labels, seed and epoch alone: on no codec, shard, machine, or number of hosts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import CacheError, DataError, printable
from dsbuilder.pipelinefile.training import Sampling
from dsbuilder.sample import Target
from dsbuilder.seeding import rank
from dsbuilder.targets.stored import KEY

_UNIT = 1 << 32
_GOLDEN = 2_654_435_769  # a unit by the golden ratio, 1.618...; odd, so that all places are met
_OFTEN, _SHOWN = 20, 6


@dataclass(frozen=True, kw_only=True)
class SampledClass:
    """What sampling makes of a class.

    Attributes:
      samples: number of samples that are of it.
      picks: number of picks in an epoch that are, in the mean of epochs.
    """

    samples: int
    picks: float

    @property
    def times(self) -> float:
        """How often one of its samples is picked in an epoch, in the mean."""
        return self.picks / self.samples

    def __str__(self) -> str:
        repeated = f" ({self.times:.3g} times each)" if self.times >= 1.5 else ""
        return f"{self.samples:,} -> {self.picks:,.0f}{repeated}"


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What sampling makes of the classes of train.

    Attributes:
      sampling: how rates are chosen.
      target: name of the target whose classes decide.
      classes: classes that samples are of, the most frequent first.
    """

    sampling: Sampling
    target: str
    classes: Mapping[str, SampledClass]

    def __str__(self) -> str:
        shown = [f"'{printable(name)}' {each}" for name, each in self.classes.items()]
        if (between := len(shown) - _SHOWN) > 0:
            half = _SHOWN // 2
            shown = [*shown[:half], f"{between} classes between", *shown[-half:]]
        return f"{self.sampling} by '{self.target}', samples -> picks an epoch: {', '.join(shown)}"

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        classes = {name: vars(each) for name, each in self.classes.items()}
        return {"sampling": self.sampling, "target": self.target, "classes": classes}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know before a training: at most one sentence."""
        *_, (rarest, found) = self.classes.items()
        if found.times <= _OFTEN:
            return ()
        milder = "" if self.sampling == "square_root" else "take sampling square_root, "
        return (
            f"{self.target}: an epoch repeats each sample of '{printable(rarest)}' "
            f"{found.times:.3g} times, which a model may learn by heart. Augment in "
            f"stream.stages, {milder}or gather more of them.",
        )


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How often an epoch picks each sample.

    Attributes:
      low, high: where the stretch of each sample begins and ends, int64 `(n,)` in stored order.
      start: how far the marks are moved in epoch 0.
      sampled: what it makes of classes.
    """

    low: np.ndarray
    high: np.ndarray
    start: int
    sampled: Sampled

    def counts(self, epoch: int) -> np.ndarray:
        """Returns the picks of each sample, int64 `(n,)` in stored order."""
        moved = (epoch * _GOLDEN + self.start) % _UNIT
        counts: np.ndarray = (self.high + moved) // _UNIT - (self.low + moved) // _UNIT
        return counts

    def picks(self, epoch: int) -> np.ndarray:
        """Returns place, and number of picks of it before, of every pick in stored order.

        int64 `(n, 2)`.
        """
        counts = self.counts(epoch)
        places = np.repeat(np.arange(len(counts)), counts)
        before = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.stack([places, before], axis=1)


def class_feature(name: str, kind: Target) -> str | None:
    """Returns the stored feature that says which classes samples are of; None if there is none."""
    found = kind.features(name).items()
    return next((stored for stored, feature in found if feature.kind == "class"), None)


def fault(name: str, kind: Target) -> str | None:
    """Returns why a target cannot be sampled by; None if it can."""
    if class_feature(name, kind) is None:
        return (
            "expected a target of kind class, multi_label, boxes or instances to sample by, found "
            f"'{name}' of kind '{kind.kind}'. Leave sampling out."
        )
    return None


def make_sampler(dataset: StoredDataset, target: str, sampling: Sampling, seed: int) -> Sampler:
    """Returns how often samples of train come; reads the labels of all of them.

    Args:
      target: name of a target that `fault` finds nothing wrong with.
      sampling: `balanced` or `square_root`.

    Raises:
      DataError: no sample is of any class.
      CacheError: a shard is missing, cut or corrupt.
    """
    kind = dataset.signature.targets[target]
    feature, names = class_feature(target, kind) or target, kind.class_names
    keys, ids, lengths = _labels(dataset.path, dataset.manifest.fingerprint, feature)
    if not len(ids):
        raise DataError(
            f"{dataset.where}: expected samples of train of some class of '{target}', to sample "
            "by, found none of any. Leave sampling out."
        )
    if not 0 <= ids.min() <= ids.max() < len(names):
        raise CacheError(
            f"{dataset.where}: expected ids of {len(names)} classes in '{feature}', found "
            f"{ids.min()} to {ids.max()}. Build the dataset again."
        )
    return sampler_of(keys, ids, lengths, names, target=target, sampling=sampling, seed=seed)


@lru_cache(maxsize=4)  # a training asks before it begins, and again for what it opens
def _labels(path: Path, fingerprint: str, feature: str) -> tuple[np.ndarray, ...]:
    """Returns keys, class ids of all samples one after the other, and how many each has."""
    dataset = load(path)
    shards = [shard for shard in dataset.shards("train") if shard.samples]
    columns = (dataset.codec.open(path, shard.stem).columns(KEY, feature) for shard in shards)
    found = [(keys, ids, lengths) for (keys, _), (ids, lengths) in columns]
    return tuple(map(np.concatenate, zip(*found, strict=True)))


def sampler_of(
    keys: Sequence[bytes] | np.ndarray,
    ids: np.ndarray,
    lengths: np.ndarray,
    names: Sequence[str],
    *,
    target: str,
    sampling: Sampling,
    seed: int,
) -> Sampler:
    """Returns how often samples come whose classes are known.

    Args:
      keys: keys of the samples, UTF-8.
      ids: ids of the classes of all samples, one after the other; one or more.
      lengths: how many of them each sample has; of boxes, one may be there twice.
      names: names of the classes.
      target: name of the target that they are of.
    """
    held = _held(ids, lengths, len(names))
    order = np.array([rank(seed, "sampling", key.decode()) for key in keys], np.uint64)
    row = np.lexsort((order, held.rarest))
    ends = _ends(held, sampling)
    low, high = np.empty_like(ends[1:]), np.empty_like(ends[1:])
    low[row], high[row] = ends[:-1], ends[1:]
    picks = np.bincount(held.of, (high - low)[held.sample] / _UNIT, len(names)).round(6).tolist()
    classes = {
        names[number]: SampledClass(samples=int(held.counts[number]), picks=picks[number])
        for number in np.argsort(-held.counts, kind="stable")
        if held.counts[number]
    }
    sampled = Sampled(sampling=sampling, target=target, classes=classes)
    return Sampler(low=low, high=high, start=rank(seed, "sampling") % _UNIT, sampled=sampled)


@dataclass(frozen=True, kw_only=True)
class _Held:
    """Which classes the samples of a split are of.

    Attributes:
      total: number of samples.
      sample, of: a sample and a class that it is of, `(m,)` each; every pair once.
      counts: number of samples of each class.
      rarest: place of each sample's rarest class among classes, the rarest first, `(total,)`; the
        number of classes where there is none.
    """

    total: int
    sample: np.ndarray
    of: np.ndarray
    counts: np.ndarray
    rarest: np.ndarray


def _held(ids: np.ndarray, lengths: np.ndarray, classes: int) -> _Held:
    pairs = np.unique(np.repeat(np.arange(len(lengths)), lengths) * classes + ids)
    sample, of = np.divmod(pairs, classes)
    counts = np.bincount(of, minlength=classes)
    place = np.argsort(np.argsort(counts, kind="stable"))
    rarest = np.full(len(lengths), classes)
    np.minimum.at(rarest, sample, place[of])
    return _Held(total=len(lengths), sample=sample, of=of, counts=counts, rarest=rarest)


def _ends(held: _Held, sampling: Sampling) -> np.ndarray:
    """Returns where stretches end in the row, after a first 0, int64 `(total + 1,)`."""
    members = np.bincount(held.rarest, minlength=len(held.counts) + 1).tolist()
    counts = [*np.sort(held.counts).tolist(), held.total]
    weights = [
        number * _factor(held.total, count, sampling) if number else Fraction(0)
        for number, count in zip(members, counts, strict=True)
    ]
    whole, weight, begin = sum(weights, Fraction(0)), Fraction(0), 0
    ends = [np.zeros(1, np.int64)]
    for number, own in zip(members, weights, strict=True):
        weight += own
        end = int(held.total * _UNIT * weight / whole)
        if number:  # shared in whole units: (end - begin) * k // number, which may be too large
            unit, rest = divmod(end - begin, number)
            k = np.arange(1, number + 1)
            ends.append(begin + unit * k + rest * k // number)
        begin = end
    return np.concatenate(ends)


def _factor(total: int, count: int, sampling: Sampling) -> Fraction:
    """Returns the repeat factor of a class of `count` samples, which no machine rounds its way."""
    if sampling == "balanced":
        return Fraction(total, count)
    return Fraction(math.isqrt(total * _UNIT**2 // count), _UNIT)
