"""What is fresh in an epoch depends on (seed, key, epoch) alone; a golden hash holds it."""

import hashlib
import json
import platform
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import CacheError
from dsbuilder.pipeline import BrokenContractError
from dsbuilder.seeding import generator
from dsbuilder.stream.feed import Feed, partners
from dsbuilder.stream.reading import plan

GOLDEN = Path(__file__).parents[2] / "golden" / "stream_feed.json"
CODECS = ["tfrecord", "npy"]
STAGES = """
stream:
  batch_size: 8
  stages:
    - {use: A.RandomCrop, height: 9, width: 10}
    - {use: A.HorizontalFlip, p: 0.5}
    - {use: mixup, alpha: 1.0, p: 0.8}
    - {use: A.RandomBrightnessContrast, p: 0.5}
  finish: [{use: resize, size: [11, 12]}]
"""
FLIPS = "stream: {stages: [{use: A.HorizontalFlip, p: 0.5}]}"


def feed(dataset: Any, split: str = "train", **options: Any) -> Feed:
    return Feed(plan(dataset, split, **options))


def by_key(batches: Any) -> dict[str, np.ndarray]:
    return {
        key.decode(): image
        for batch in batches
        for key, image in zip(batch["key"], batch["image"], strict=True)
    }


@given(st.integers(0, 64), st.integers(1, 5), st.integers(0, 2**32))
def test_nobody_is_its_own_partner_and_everybody_is_one_as_often(size, count, seed) -> None:
    chosen = partners(size, count, generator(seed))
    assert len(chosen) == size and all(len(each) == count for each in chosen)
    if size > 1:
        assert all(i not in each for i, each in enumerate(chosen))
    if size > count:
        assert all(len(set(each)) == count for each in chosen)
    assert Counter(i for each in chosen for i in each) == Counter(dict.fromkeys(range(size), count))


@pytest.mark.parametrize("codec", CODECS)
def test_every_sample_comes_once_an_epoch(build, codec) -> None:
    dataset = build(codec, rest=STAGES)
    batches = list(feed(dataset).batches(0))
    assert [len(batch["key"]) for batch in batches] == [8, 8, 8, 8, 4]
    assert sorted(by_key(batches)) == sorted(sample.key for sample in dataset.samples("train"))
    assert all(batch["image"].shape[1:] == (11, 12, 3) for batch in batches)


def test_both_codecs_are_fed_alike(build) -> None:
    one, other = (
        list(feed(build(codec, rest=STAGES, shard_mb=0.001)).batches(1)) for codec in CODECS
    )
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        for name in left:
            assert np.array_equal(left[name], right[name])


def test_a_sample_does_not_depend_on_its_batch(build) -> None:
    dataset = build(rest=FLIPS)
    whole = by_key(feed(dataset).batches(3))
    others = (
        by_key(feed(dataset, batch_size=5, shuffle=False).batches(3)),
        by_key(feed(dataset, shard=(0, 2)).batches(3))
        | by_key(feed(dataset, shard=(1, 2)).batches(3)),
    )
    for other in others:
        assert other.keys() == whole.keys()
        assert all(np.array_equal(other[key], whole[key]) for key in whole)


def test_stages_are_fresh_in_every_epoch_and_for_every_seed(build) -> None:
    dataset = build(rest=FLIPS)
    stored = {sample.key: sample.image for sample in dataset.samples("train")}

    def flipped(epoch: int, seed: int) -> set[str]:
        seen = by_key(feed(dataset, seed=seed).batches(epoch))
        for key, image in seen.items():
            assert np.array_equal(image, stored[key]) or np.array_equal(image, stored[key][:, ::-1])
        return {key for key, image in seen.items() if not np.array_equal(image, stored[key])}

    sets = [flipped(epoch, seed) for epoch, seed in ((0, 3), (1, 3), (0, 4))]
    assert sets[0] == flipped(0, 3)
    assert len({frozenset(each) for each in sets}) == 3
    assert all(5 < len(each) < 31 for each in sets)


def test_a_stage_put_in_between_leaves_the_others_draws(build) -> None:
    inverted = "stream: {stages: [{use: A.InvertImg, p: 1.0}, {use: A.HorizontalFlip, p: 0.5}]}"
    one = by_key(feed(build(rest=FLIPS)).batches(2))
    other = by_key(feed(build(rest=inverted)).batches(2))
    assert all(np.array_equal(255 - one[key], other[key]) for key in one)


def test_a_mixer_takes_cached_samples_of_the_same_batch(build) -> None:
    mixing = (
        "stream: {batch_size: 6, stages: [{use: A.InvertImg, p: 1.0}, {use: mixup, alpha: 1.0}]}"
    )
    dataset = build("npy", rest=mixing)
    stored = {sample.key: sample for sample in dataset.samples("train")}
    for batch in feed(dataset).batches(0):
        for key, image, weights in zip(batch["key"], batch["image"], batch["label"], strict=True):
            own, label = 255.0 - stored[key.decode()].image, stored[key.decode()].targets["label"]
            assert np.isclose(weights.sum(), 1)
            assert _is_blend(image, own, label, weights, [stored[k.decode()] for k in batch["key"]])


def _is_blend(image: Any, own: Any, label: int, weights: Any, others: Any) -> bool:
    """Whether some partner and weight explain image and label."""
    for other in others:
        difference = own - other.image
        share = ((image.astype(float) - other.image) * difference).sum() / (difference**2).sum()
        expected = np.zeros(3)
        expected[label] += share
        expected[other.targets["label"]] += 1 - share
        blend = share * own + (1 - share) * other.image
        if np.abs(blend - image).max() < 1 and np.allclose(weights, expected, atol=0.01):
            return True
    return False


def test_other_splits_pass_no_stage_and_come_in_stored_order(build) -> None:
    dataset = build(rest=STAGES)
    batches = list(feed(dataset, "validation").batches(5))
    stored = list(dataset.samples("validation"))
    assert [key.decode() for batch in batches for key in batch["key"]] == [s.key for s in stored]
    labels = np.concatenate([batch["label"] for batch in batches])
    assert np.array_equal(labels, np.eye(3, dtype=np.float32)[[s.targets["label"] for s in stored]])


def test_without_a_finish_other_splits_are_native_with_weights(build) -> None:
    dataset = build(rest="stream: {stages: [{use: mixup}]}")
    known = {sample.key: sample for sample in dataset.samples("test")}
    for images, weights, keys in dataset.stream("test", keys=True):
        assert weights.dtype == tf.float32
        for image, weight, key in zip(images.numpy(), weights.numpy(), keys.numpy(), strict=True):
            assert np.array_equal(image, known[key.decode()].image)
            assert weight.argmax() == known[key.decode()].targets["label"] and weight.max() == 1


@pytest.mark.parametrize("drop", [False, True])
def test_the_stream_takes_over_what_the_feed_makes(build, drop) -> None:
    dataset = build(rest=STAGES)
    stream = dataset.stream("train", keys=True, epoch=1, drop_remainder=drop)
    expected = [
        batch for epoch in (1, 2) for batch in feed(dataset, drop_remainder=drop).batches(epoch)
    ]
    seen = [*stream, *dataset.stream("train", keys=True, epoch=2, drop_remainder=drop)]
    resumed = list(stream.epochs(1).take(2 * stream.steps_per_epoch))
    within = list(stream.epochs(1, step=2).take(len(resumed) - 2))
    for one, other in zip(within, resumed[2:], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert len(expected) == len(seen) == len(resumed)
    for batch, *others in zip(expected, seen, resumed, strict=True):
        for images, label, keys in others:
            assert np.array_equal(images, batch["image"])
            assert np.array_equal(label, batch["label"])
            assert np.array_equal(keys, batch["key"])


def test_batches_that_are_kept_stay_as_they_were(build) -> None:
    finish = "[{use: resize, size: [64, 64]}]"
    dataset = build(
        rest="stream: {stages: [{use: A.InvertImg, p: 1.0}]}", finish=finish, shard_mb=1
    )
    stored = {sample.key: 255 - sample.image for sample in dataset.samples("train")}
    endless = dataset.stream("train", batch_size=4, keys=True).epochs(0).take(27)
    for held in (list(endless), list(endless.cache()), list(endless.shuffle(9, seed=1))):
        for images, _, keys in held:
            for image, key in zip(images.numpy(), keys.numpy(), strict=True):
                assert np.array_equal(image, stored[key.decode()])


def test_texts_pass_stages(build) -> None:
    dataset = build(source="kinds: [words]", rest=FLIPS)
    known = {sample.key: sample.targets["words"] for sample in dataset.samples("train")}
    for _, words, keys in dataset.stream("train", keys=True):
        for word, key in zip(words.numpy(), keys.numpy(), strict=True):
            assert word.decode() == known[key.decode()]


def test_a_failing_stage_is_named_with_its_sample(build, tmp_path) -> None:
    (tmp_path / "fails.py").write_text(
        '"""Fails."""\n'
        "from dataclasses import dataclass\n"
        "from dsbuilder.plugin import Transform, transform\n\n\n"
        '@transform("fails", geometry="fixed")\n'
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Fails(Transform):\n"
        '    """Fails."""\n\n'
        "    def apply(self, sample, params):\n"
        '        raise RuntimeError("no luck")\n'
    )
    dataset = build(rest="stream: {stages: [{use: fails}]}", plugins=[tmp_path])
    with pytest.raises(RuntimeError, match="no luck") as caught:
        next(feed(dataset, plugins=[tmp_path]).batches(0))
    assert caught.value.__notes__[0] == "stage: stream/fails"
    assert caught.value.__notes__[1].startswith("sample: 0")
    assert caught.value.__notes__[2] == "params: {}"
    with pytest.raises(tf.errors.UnknownError, match="no luck") as taken:
        next(iter(dataset.stream("train", plugins=[tmp_path])))
    assert "stage: stream/fails" in str(taken.value)


@pytest.mark.parametrize("part", ["stages", "finish"])
def test_a_stage_that_breaks_its_word_is_named(build, tmp_path, part) -> None:
    (tmp_path / "counts.py").write_text(
        '"""Counts."""\n'
        "from dataclasses import dataclass\n"
        "from dsbuilder.plugin import Transform, transform\n\n"
        "CALLS = []\n\n\n"
        '@transform("counts", geometry="fixed")\n'
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Counts(Transform):\n"
        '    """Keeps state."""\n\n'
        "    def apply(self, sample, params):\n"
        "        CALLS.append(sample.key)\n"
        "        return sample.replace(image=sample.image * 0 + len(CALLS))\n"
    )
    dataset = build(rest=f"stream: {{{part}: [{{use: counts}}]}}", plugins=[tmp_path])
    with pytest.raises(BrokenContractError, match="expected the same from the same params"):
        next(feed(dataset, plugins=[tmp_path]).batches(0))


def test_a_cut_shard_is_named(build) -> None:
    dataset = build(rest=STAGES, fresh=True)
    victim = dataset.where / dataset.codec.files(dataset.shards("train")[1].stem)[0]
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(CacheError, match="Build the dataset again") as caught:
        dataset.stream("train")
    assert str(caught.value).startswith(f"{victim}: ")


def test_two_epochs_have_the_golden_hash(build) -> None:
    """Any feed must keep it; see the versions it was recorded with."""
    golden = json.loads(GOLDEN.read_text())
    found = {
        name: platform.machine() if name == "machine" else metadata.version(name)
        for name in golden["versions"]
    }
    if found != golden["versions"]:
        pytest.skip(f"recorded with {golden['versions']}, found {found}")
    state = hashlib.sha256()
    source = feed(build("tfrecord", "png", rest=STAGES))
    for epoch in (0, 1):
        for batch in source.batches(epoch):
            for name in ("image", "label"):
                state.update(np.ascontiguousarray(batch[name]).tobytes())
            state.update(b"\n".join(batch["key"]))
    assert state.hexdigest() == golden["sha256"]
