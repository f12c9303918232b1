"""Sampling by classes: shares of an epoch, turns over epochs, and the same picks everywhere."""

import itertools
import json
import math
import shutil
from collections import Counter
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder import Dataset, load
from dsbuilder.cache import manifest as manifests
from dsbuilder.errors import DataError
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan
from dsbuilder.stream.sampling import Sampler, sampler_of

# Tests share datasets and open the streams that they compare.
pytestmark = pytest.mark.filterwarnings("ignore:.*found it opened again")

GOLDEN = Path(__file__).parents[2] / "golden" / "stream_order.json"
CODECS = ["tfrecord", "npy"]
ONE_OF_TWO = [pytest.param("tfrecord", marks=pytest.mark.slow), "npy"]
FRESH = """
stream:
  stages: [{use: A.RandomCrop, height: 9, width: 10}]
  finish: [{use: resize, size: [12, 14]}]
"""
SOURCE = '''
"""Noise with few samples of some classes."""
from collections.abc import Iterator
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import (
    Boxes, Catalog, ClassLabel, Listing, MultiLabel, Record, Source, Value, generator, source
)

KINDS = {
    "label": ClassLabel(names=("never", "rare", "cat", "dog")),
    "tags": MultiLabel(names=("x", "y", "z")),
    "objects": Boxes(names=("x", "y")),
    "age": Value(),
}


@source("skewed")
@dataclass(frozen=True, kw_only=True)
class Skewed(Source):
    """Noise."""

    kinds: tuple[str, ...] = ("label",)

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Skewed

    def scan(self) -> Listing:
        kinds = {kind: KINDS[kind] for kind in self.source.kinds}
        return Listing(records=[*self._records()], targets=kinds)

    def _records(self) -> Iterator[Record]:
        for i in range(60):
            box = {"box": [0.1, 0.1, 0.5, 0.5]}
            raw = {
                "label": "rare" if i % 15 == 0 else "cat" if i % 3 else "dog",
                "tags": [["x"], [], ["x", "y"], [], ["x"]][i % 5] + ["z"] * (i % 20 == 0),
                "objects": [{**box, "label": name} for name in "x" * (i % 3) + "y" * (not i % 9)],
                "age": i / 7,
            }
            yield Record(key=f"{i:02d}", targets={k: raw[k] for k in self.source.kinds})

    def identity(self, record: Record) -> str:
        return record.key

    def read(self, record: Record) -> np.ndarray:
        return generator("pixels", record.key).integers(0, 256, (12, 14, 3), dtype=np.uint8)
'''


@pytest.fixture(scope="session")
def skewed(build, tmp_path_factory) -> Any:
    """Builds a dataset of the source above; its train split has a few samples of `rare`."""
    folder = tmp_path_factory.mktemp("skewed")
    (folder / "skewed.py").write_text(SOURCE, encoding="utf-8")

    def make(codec: str = "npy", *kinds: str, rest: str = "") -> Dataset:
        source = f"kinds: [{', '.join(kinds or ['label'])}]"
        shard_mb = 0.002 if codec == "tfrecord" else 0.012  # a few, not alike
        given = {"use": "skewed", "plugins": [folder], "shard_mb": shard_mb}
        return build(codec, source=source, rest=rest, **given)

    return make


def sampler(counts: list[int], sampling: str = "balanced", seed: int = 0) -> Sampler:
    """Returns the sampler of so many samples of each class."""
    ids = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    return made_of(ids, [1] * len(ids), map(str, range(len(counts))), sampling, seed)


def made_of(
    ids: Any, lengths: Any, names: Any, sampling: Any = "balanced", seed: int = 0
) -> Sampler:
    keys = [b"%d" % number for number in range(len(lengths))]
    found = np.array(ids), np.array(lengths), list(names)
    return sampler_of(keys, *found, target="label", sampling=sampling, seed=seed)


def keys(batches: Any) -> list[str]:
    return [key.decode() for batch in batches for key in batch[-1].numpy()]


def stored_keys(dataset: Dataset) -> np.ndarray:
    return np.array([sample.key for sample in dataset.samples("train")])


def classes(dataset: Dataset, found: list[str]) -> Counter[str]:
    names = dataset.class_names
    of = {sample.key: names[sample.targets["label"]] for sample in dataset.samples("train")}
    return Counter(of[key] for key in found)


COUNTS = st.lists(st.integers(0, 90), min_size=1, max_size=7).filter(any)


@given(COUNTS, st.sampled_from(["balanced", "square_root"]), st.integers(0, 99))
def test_shares_of_an_epoch_are_exact_to_rounding(counts, sampling, seed) -> None:
    made, power = sampler(counts, sampling, seed), 1 if sampling == "balanced" else 0.5
    total, whole = sum(counts), sum(count ** (1 - power) for count in counts if count)
    held = made.sampled.classes
    assert {int(name): each.samples for name, each in held.items()} == {
        number: count for number, count in enumerate(counts) if count
    }
    for epoch in (0, 1, 2, 1000, 10**9):
        picks = made.counts(epoch)
        assert picks.sum() == total
        for each in held.values():
            rate = total * each.samples ** (1 - power) / whole
            assert each.picks == pytest.approx(rate, abs=1e-4)
    rows = {each.samples: each.picks for each in held.values()}
    assert list(rows) == sorted(rows, reverse=True)


@given(COUNTS, st.integers(0, 99), st.integers(0, 10**6))
def test_a_class_and_a_sample_have_their_rates_rounded_up_or_down(counts, seed, epoch) -> None:
    made = sampler(counts, seed=seed)
    ids = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    picks = made.counts(epoch)
    share = sum(counts) / np.count_nonzero(counts)
    for number, count in enumerate(counts):
        own, rate = picks[ids == number], share / max(count, 1)
        assert not count or math.floor(share) <= own.sum() <= math.ceil(share)
        assert ((own >= math.floor(rate)) & (own <= math.ceil(rate))).all()


@pytest.mark.parametrize("counts", [[900, 12], [500, 20, 3], [7, 7, 7], [40, 1]])
def test_over_epochs_all_samples_take_their_turns(counts) -> None:
    made, epochs = sampler(counts), 600
    picks = np.array([made.counts(epoch) for epoch in range(epochs)])
    rates = (made.high - made.low) / 2**32
    assert np.abs(picks.sum(axis=0) - rates * epochs).max() < 6  # never far from their rates
    for sample, rate in enumerate(rates):
        there = np.flatnonzero(picks[:, sample])
        waits = np.diff([-1, *there, epochs])
        assert waits.max() <= math.ceil(2 / rate), sample
    changes = (picks[1:] != picks[:-1]).any(axis=1)
    assert not changes.any() if len(set(counts)) == 1 else changes.all()


def test_seeds_give_other_turns() -> None:
    one, other = sampler([40, 5], seed=1), sampler([40, 5], seed=1)
    assert np.array_equal(one.counts(4), other.counts(4))
    ids = np.repeat([0, 1], [40, 5])
    found = [made_of(ids, [1] * 45, "ab", seed=seed) for seed in (1, 2)]
    assert not np.array_equal(found[0].counts(4), found[1].counts(4))


def test_of_several_classes_the_rarest_counts_and_none_is_the_most_frequent() -> None:
    """Of 12 samples 8 are x, 2 of these y as well, and 4 are nothing."""
    ids, lengths = [0] * 6 + [0, 1, 0, 1, 1], [1] * 6 + [2, 3] + [0] * 4
    for sampling, power in (("balanced", 1), ("square_root", 0.5)):
        made = made_of(ids, lengths, "xyz", sampling)
        factors = np.array([12 / 8] * 6 + [12 / 2] * 2 + [1] * 4) ** power
        rates = 12 * factors / factors.sum()
        assert np.allclose((made.high - made.low) / 2**32, rates)
        held = made.sampled.classes
        assert list(held) == ["x", "y"]
        assert held["x"].picks == pytest.approx(rates[:8].sum())
        assert held["y"].picks == pytest.approx(rates[6:8].sum())


def test_what_is_said_names_classes_counts_and_repeats() -> None:
    said = sampler([900, 12]).sampled
    assert str(said) == (
        "balanced by 'label', samples -> picks an epoch: '0' 900 -> 456, '1' 12 -> 456 "
        "(38 times each)"
    )
    (warning,) = said.warnings
    assert "repeats each sample of '1' 38 times" in warning and "square_root" in warning
    assert not sampler([900, 12], "square_root").sampled.warnings
    assert not sampler([40, 2]).sampled.warnings  # 10.5 times
    many = sampler([9, 8, 7, 6, 5, 4, 3, 2])
    assert "'2' 7 -> 6, 2 classes between, '5' 4 -> 6" in str(many.sampled)
    assert many.sampled.to_json()["classes"]["7"] == {"samples": 2, "picks": 5.5}


def test_both_codecs_and_every_way_pick_the_same(skewed) -> None:
    """Native and fed, however they are sharded."""
    given: dict[str, Any] = {"sampling": "balanced", "batch_size": 5}
    fed = Feed(plan(skewed("npy", rest=FRESH), "train", **given))
    stored = stored_keys(fed.reading.dataset)
    expected = sorted(stored[fed.picks(5)[:, 0]])
    assert classes(skewed("npy"), expected) == {"rare": 12, "cat": 12, "dog": 12}
    assert sorted(stored[fed.picks(4)[:, 0]]) != expected
    for codec in CODECS:
        assert sorted(keys(skewed(codec).stream("train", epoch=5, keys=True, **given))) == expected
    assert stored_keys(skewed("npy")).tolist() != stored_keys(skewed("tfrecord")).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_hosts_share_an_epoch_and_what_is_not_shuffled_is_in_stored_order(skewed, codec) -> None:
    dataset, given = skewed(codec), {"sampling": "balanced", "epoch": 5, "keys": True}
    whole = keys(dataset.stream("train", **given))
    little = keys(dataset.stream("train", shuffle_buffer=3, **given))
    assert sorted(little) == sorted(whole)
    hosts = [dataset.stream("train", shard=(i, 2), **given) for i in (0, 1)]
    assert [each.num_samples for each in hosts] == [18, 18]
    assert sorted(key for each in hosts for key in keys(each)) == sorted(whole)
    in_order = keys(dataset.stream("train", shuffle=False, **given))
    stored = stored_keys(dataset).tolist()
    assert in_order == sorted(whole, key=stored.index)


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_picks_are_shuffled_and_go_on_within_an_epoch(skewed, codec) -> None:
    stream = skewed(codec).stream("train", sampling="balanced", keys=True, batch_size=5)
    assert stream.fresh and not stream.drawn
    assert stream.steps_per_epoch == 8
    whole = [keys([batch]) for batch in stream.epochs(2).take(16)]
    assert [keys([batch]) for batch in stream.epochs(2, step=3).take(13)] == whole[3:]
    anew = skewed(codec).stream("train", sampling="balanced", keys=True, batch_size=5, epoch=3)
    assert [keys([batch]) for batch in anew] == whole[8:]
    order = [key for batch in whole[:8] for key in batch]
    assert sum(one == two for one, two in itertools.pairwise(order)) < 12  # of 24


def test_a_repeated_sample_is_drawn_anew_each_time(skewed) -> None:
    dataset = skewed("npy", rest=FRESH)
    given = {"sampling": "balanced", "batch_size": 4}
    feed = Feed(plan(dataset, "train", **given))
    crops: dict[str, list[bytes]] = {}
    for batch in feed.batches(0):
        for key, image in zip(batch["key"], batch["image"], strict=True):
            crops.setdefault(key.decode(), []).append(image.tobytes())
    most = max(crops.values(), key=len)
    assert len(most) >= 4 and len(set(most)) >= len(most) - 1  # of 20 crops, two may be the same
    natural = Feed(plan(dataset, "train", batch_size=4))
    for batch in natural.batches(0):
        for key, image in zip(batch["key"], batch["image"], strict=True):
            own = crops.get(key.decode())
            assert own is None or image.tobytes() in own  # the first is what it would have been
    hosts = [Feed(plan(dataset, "train", shard=(i, 2), **given)) for i in (0, 1)]
    halves = sorted(
        (key, image.tobytes())
        for each in hosts
        for batch in each.batches(0)
        for key, image in zip(batch["key"], batch["image"], strict=True)
    )
    assert halves == sorted((key.encode(), each) for key, own in crops.items() for each in own)


@pytest.mark.parametrize("codec", CODECS)
def test_several_classes_and_boxes_are_sampled_by(skewed, codec) -> None:
    dataset = skewed(codec, "tags", "objects", "age")
    by_tag = plan(dataset, "train", sampling="balanced", sampled_by="tags", targets=["age"])
    of_tag = Counter(
        name
        for sample in dataset.samples("train")
        for name in "xyz"
        if sample.targets["tags"]["xyz".index(name)]
    )
    found = by_tag.sampler.sampled.classes
    assert {name: each.samples for name, each in found.items()} == of_tag
    assert found["z"].times == max(each.times for each in found.values()) > 2
    boxes = plan(dataset, "train", sampling="square_root", targets=["objects"])
    held = boxes.sampler.sampled.classes
    assert held["x"].samples == sum(
        bool((sample.targets["objects"].classes == 0).any()) for sample in dataset.samples("train")
    )
    assert held["y"].times > held["x"].times


def test_what_cannot_be_sampled_by_is_refused(skewed) -> None:
    dataset = skewed("npy", "tags", "objects", "age")
    with pytest.raises(DataError, match=r"found tags, objects\. Say which: sampled_by="):
        dataset.stream("train", sampling="balanced")
    with pytest.raises(DataError, match=r"found none\. Leave sampling out"):
        dataset.stream("train", sampling="balanced", targets=["age"])
    with pytest.raises(DataError, match="to sample by, found 'age' of kind 'value'"):
        dataset.stream("train", sampling="balanced", sampled_by="age")
    with pytest.raises(DataError, match="Did you mean 'tags'"):
        dataset.stream("train", sampling="balanced", sampled_by="tag")
    with pytest.raises(ValueError, match="the sampling of 'test' to be natural"):
        dataset.stream("test", sampling="balanced", sampled_by="tags")
    with pytest.raises(ValueError, match="of natural, square_root, balanced, found 'even'"):
        dataset.stream("train", sampling="even")


def test_a_split_that_lost_all_its_samples_has_no_batch_to_sample(skewed, tmp_path) -> None:
    path = shutil.copytree(skewed("npy").path, tmp_path / "1.0.0")
    manifest = manifests.read(path)
    splits = {**manifest.splits, "train": ()}
    manifests.write(path, replace(manifest, splits=splits))
    for sampling in ("natural", "balanced"):
        with pytest.raises(DataError, match="expected samples for a batch of 32, found 0"):
            plan(load(path), "train", sampling=sampling)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_orders_are_the_golden_ones(skewed, codec) -> None:
    """Of a law that is numpy's alone; the number of shards differs between the two."""
    golden = json.loads(GOLDEN.read_text())
    found = {name: metadata.version(name) for name in golden["versions"]}
    if found != golden["versions"]:
        pytest.skip(f"recorded with {golden['versions']}, found {found}")
    for sampling in ("natural", "balanced"):
        stream = skewed(codec).stream("train", keys=True, sampling=sampling)
        assert " ".join(keys(stream.epochs(1).take(4))) == golden[sampling][codec]
