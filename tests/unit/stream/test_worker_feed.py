"""Worker processes make the batches that one thread makes, and leave nothing behind."""

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from proofs import leaving

import dsbuilder
from dsbuilder.errors import DataError, PluginError
from dsbuilder.stream import worker_feed
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan
from dsbuilder.stream.worker_feed import WorkerFeed, enough_workers

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
PLUGIN = '''
"""Does what it is told of one sample, else nothing."""
import os, signal, time
from dataclasses import dataclass
from pathlib import Path
from dsbuilder.plugin import Transform, transform


@transform("acts", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Acts(Transform):
    """Does what it is told of one sample, else nothing."""

    at: str = ""
    once: str = ""
    word: str = ""

    def apply(self, sample, params):
        if sample.key.startswith(self.at) and self.at and not self._is_done():
            if self.word == "raise":
                raise RuntimeError("no luck")
            if self.word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(3600)
        return sample

    def _is_done(self):
        if not self.once:
            return False
        done = Path(self.once).exists()
        Path(self.once).touch()
        return done
'''


def made(dataset: Any, workers: int, epochs: Any = (0, 1), start: int = 0, **asked: Any) -> Any:
    """Returns the batches of epochs, copied, as one thread (0) or worker processes make them."""
    asked = {"plugins": (), **asked}
    feed = Feed(plan(dataset, "train", **asked))
    if not workers:
        return list(feed.batches_of(epochs, start))
    crew = WorkerFeed(feed, asked, workers=workers)
    return [
        {name: array.copy() for name, array in batch.items()}
        for batch in crew.batches_of(epochs, start, lambda: False)
    ]


def assert_same(one: Any, other: Any) -> None:
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert list(left) == list(right)
        for name in left:
            assert left[name].dtype == right[name].dtype
            assert np.array_equal(left[name], right[name]), name


@pytest.fixture
def acting(build, tmp_path) -> Callable[..., tuple[Any, dict[str, Any]]]:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "acts.py").write_text(PLUGIN)

    def acting(**options: str) -> tuple[Any, dict[str, Any]]:
        said = "".join(f", {name}: {value}" for name, value in options.items())
        rest = f"stream: {{batch_size: 8, stages: [{{use: acts{said}}}]}}"
        dataset = build(rest=rest, plugins=[tmp_path / "plugins"])
        return dataset, {"plugins": [tmp_path / "plugins"]}

    return acting


def test_one_thread_and_any_number_of_processes_make_the_same_batches(build) -> None:
    dataset = build("tfrecord", "png", rest=STAGES)
    expected = made(dataset, 0, start=2, seed=5)
    assert len(expected) == 8
    assert_same(made(dataset, 3, start=2, seed=5), expected)
    assert_same(made(dataset, 1, start=2, seed=5), expected)


def test_texts_cross_as_they_are(build) -> None:
    dataset = build(source="kinds: [words]", rest="stream: {stages: [{use: A.InvertImg, p: 0.5}]}")
    assert_same(made(dataset, 2), made(dataset, 0))


def test_the_stream_yields_the_same_with_workers_and_without(build) -> None:
    dataset = build("tfrecord", "png", rest=STAGES)
    streams = [dataset.stream("train", keys=True, workers=workers, epoch=3) for workers in (0, 2)]
    for one, other in zip(*streams, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("way", ["held", "cached", "shuffled", "prefetched"])
def test_batches_that_are_kept_stay_as_they_were(build, way) -> None:
    finish = "[{use: resize, size: [64, 64]}]"
    rest = "stream: {stages: [{use: A.InvertImg, p: 1.0}]}"
    dataset = dsbuilder.load(build(rest=rest, finish=finish, shard_mb=1).path)
    stored = {sample.key: 255 - sample.image for sample in dataset.samples("train")}
    endless = dataset.stream("train", batch_size=4, keys=True, workers=2).epochs(0).take(40)
    ways = {
        "held": lambda: endless,
        "cached": lambda: endless.cache(),
        "shuffled": lambda: endless.shuffle(20, seed=1),
        "prefetched": lambda: endless.prefetch(30),
    }
    seen = list(ways[way]())
    assert len(seen) == 40
    for images, _, keys in seen:
        for image, key in zip(images.numpy(), keys.numpy(), strict=True):
            assert np.array_equal(image, stored[key.decode()])


def test_slots_are_given_back_by_who_lets_go_and_copies_are_given_to_who_does_not(build) -> None:
    dataset = build(rest=STAGES)
    feed = Feed(plan(dataset, "train"))
    crew = WorkerFeed(feed, {"plugins": ()}, workers=1)
    batches = crew.batches_of(itertools.count(), 0, lambda: False)
    kept = [next(batches) for _ in range(30)]
    slots = {id(batch["image"].base) for batch in kept if batch["image"].base is not None}
    assert len(slots) == worker_feed._HELD
    passing = {id(next(batches)["image"].base) for _ in range(30)}
    assert passing == {id(None)}  # what is kept is kept: the others are copies
    del kept
    gc.collect()
    assert next(batches)["image"].base is not None
    batches.close()


def test_a_worker_that_is_killed_costs_nothing_but_time(acting, tmp_path) -> None:
    dataset, asked = acting(at='"0"', word="die", once=tmp_path / "done")
    found = made(dataset, 2, **asked)
    (tmp_path / "done").touch()
    assert_same(found, made(dataset, 0, **asked))


def test_a_sample_over_which_workers_die_is_named(acting) -> None:
    dataset, asked = acting(at='"01"', word="die")
    with pytest.raises(DataError, match=r"^01\d ä.png: expected it to pass .* 2 workers died over"):
        made(dataset, 2, **asked)


def test_a_sample_that_takes_too_long_is_named(acting, monkeypatch) -> None:
    monkeypatch.setattr(worker_feed, "SAMPLE_TIMEOUT_S", 0.5)
    dataset, asked = acting(at='"01"', word="sleep")
    with pytest.raises(DataError, match=r"^01\d ä.png: .* TimeoutError: took more than 0.5 s"):
        made(dataset, 2, **asked)


def test_a_plugin_that_raises_is_told_with_stage_sample_and_params(acting) -> None:
    dataset, asked = acting(at='"01"', word="raise")
    with pytest.raises(PluginError, match=r"^RuntimeError: no luck") as caught:
        made(dataset, 2, **asked)
    stage, sample, params, *_ = caught.value.__notes__
    assert stage == "stage: stream/acts" and params == "params: {}"
    assert sample.startswith("sample: 01")
    with pytest.raises(tf.errors.UnknownError, match="no luck") as taken:
        list(dataset.stream("train", workers=2, **asked))
    assert "stage: stream/acts" in str(taken.value) and "sample: 01" in str(taken.value)


def test_processes_end_with_the_last_that_is_made_of_a_stream(build) -> None:
    dataset = build(rest=STAGES)
    others = weakref.WeakSet(each for each in gc.get_objects() if type(each) is WorkerFeed)
    stream = dataset.stream("train", workers=1)
    batches = iter(stream.map(lambda images, label: images).prefetch(2))
    del stream
    next(batches)
    found = [each for each in gc.get_objects() if type(each) is WorkerFeed]
    (made,) = [each for each in found if each not in others]
    server = made._crew._server._process
    gone = weakref.ref(made)
    del made, found, batches
    gc.collect()
    assert gone() is None and server.poll() is not None


def test_how_many_workers_there_are_by_default(build) -> None:
    reading = plan(build(rest=STAGES), "train")
    assert enough_workers(reading, None) == 0  # soon made
    assert enough_workers(reading, 3) == 3
    assert enough_workers(reading, 61) == 60
    with pytest.raises(ValueError, match="expected workers of 0 or more, found -1"):
        enough_workers(reading, -1)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["hold", "interrupt", "kill"])  # the others by proof
def test_every_way_of_leaving_ends_at_once_and_leaves_nobody(build, way) -> None:
    took, left = leaving.leave(build(rest=STAGES).path, way)
    assert not left
    assert took < 30  # of a machine that does much else


def test_slots_are_one_file_and_none_stays_open(build) -> None:
    """Descriptors on their way to workers are counted by person, of whom 1,024 may be."""
    dataset = build(rest=STAGES)
    before = len(list(Path("/proc/self/fd").iterdir()))
    feed = Feed(plan(dataset, "train"))
    crew = WorkerFeed(feed, {"plugins": ()}, workers=8)
    batches = crew.batches_of(itertools.count(), 0, lambda: False)
    next(batches)
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 5 * 8
    batches.close()
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 1


def test_arguments_of_numpy_and_views_of_mappings_cross(build) -> None:
    dataset = build(rest=STAGES)
    odd = {"batch_size": np.int64(4), "seed": np.uint32(3), "targets": {"label": 1}.keys()}
    plain = {"batch_size": 4, "seed": 3, "targets": ["label"]}
    streams = [
        dataset.stream("train", epoch=0, workers=workers, **given)
        for workers, given in ((1, odd), (0, odd), (0, plain))
    ]
    for batches in zip(*streams, strict=True):
        for images, label in batches:
            assert np.array_equal(images, batches[0][0]) and np.array_equal(label, batches[0][1])


def test_a_training_tells_what_a_batch_could_not_be_made_for(acting) -> None:
    dataset, asked = acting(at='"01"', word="die")
    stream = dataset.stream("train", workers=2, epoch=0, **asked)
    with pytest.raises(DataError, match="2 workers died over it"), stream.told():
        list(stream)
    dataset, asked = acting(at='"01"', word="raise")
    stream = dataset.stream("train", workers=0, epoch=0, **asked)
    with pytest.raises(PluginError, match="no luck") as caught, stream.told():
        list(stream)
    assert caught.value.__notes__[0] == "stage: stream/acts"


def test_a_worker_that_hangs_ends_with_what_waits_for_it(acting) -> None:
    dataset, asked = acting(at='"0"', word="sleep")
    feed = Feed(plan(dataset, "train", **asked))
    crew = WorkerFeed(feed, asked, workers=1)
    over: list[bool] = []
    batches = crew.batches_of([0], 0, lambda: bool(over))
    threading.Timer(3.0, over.append, [True]).start()
    assert list(batches) == []
    server = crew._crew._server._process.pid
    deadline = time.monotonic() + 10
    while leaving.descendants(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not leaving.descendants(server)
