"""Which epoch a stream yields: said by number, or counted by the times that it is iterated."""

import subprocess
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

KINDS = {
    "tfrecord": ("tfrecord", ""),
    "npy": ("npy", ""),
    "stages": ("tfrecord", "stream: {batch_size: 8, stages: [{use: A.HorizontalFlip, p: 0.5}]}"),
}
AGAIN = pytest.mark.filterwarnings("ignore:.*found it opened again")


@pytest.fixture(params=["tfrecord", pytest.param("npy", marks=pytest.mark.slow), "stages"])
def dataset(build, request) -> Any:
    codec, rest = KINDS[request.param]
    return build(codec, rest=rest)


def pixels(batches: Iterable[Any]) -> list[np.ndarray]:
    return [image for images, *_ in batches for image in images.numpy()]


def assert_equal(left: Iterable[Any], right: Iterable[Any]) -> None:
    assert np.array_equal(pixels(left), pixels(right))


@AGAIN
def test_each_iteration_is_the_next_epoch(dataset) -> None:
    stream = dataset.stream("train")
    seen = [pixels(stream) for _ in range(3)]
    for epoch, each in enumerate(seen):
        assert np.array_equal(each, pixels(dataset.stream("train", epoch=epoch)))
    assert not np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[1], seen[2])
    anew = dataset.stream("train")
    next(iter(anew))  # left early, it is an iteration all the same
    assert_equal(anew, dataset.stream("train", epoch=1))


@pytest.mark.slow
def test_behind_map_and_prefetch_and_repeat_too(dataset) -> None:
    stream = dataset.stream("train")
    mapped = stream.map(lambda images, label: (255 - images, label)).prefetch(2)
    del stream
    for epoch in (0, 1):
        expected = [255 - each for each in pixels(dataset.stream("train", epoch=epoch))]
        assert np.array_equal(pixels(mapped), expected)
    twice = pixels(mapped.repeat(2))
    expected = [pixels(dataset.stream("train", epoch=epoch)) for epoch in (2, 3)]
    assert np.array_equal(twice, 255 - np.concatenate(expected))


@AGAIN
def test_fit_sees_a_new_epoch_every_time(dataset) -> None:
    import keras

    seen: list[float] = []

    class Sums(keras.layers.Layer):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            total = tf.reduce_sum(tf.cast(images, tf.float32), axis=[1, 2, 3])[:, None]
            tf.py_function(lambda each: seen.extend(each.numpy()[:, 0].tolist()), [total], [])
            return total

    model = keras.Sequential([keras.Input((12, 14, 3)), Sums(), keras.layers.Dense(3)])
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="sgd"
    )
    seen.clear()
    model.fit(dataset.stream("train"), epochs=3, shuffle=False, verbose=0)
    expected = [
        float(image.sum())
        for epoch in range(3)
        for image in pixels(dataset.stream("train", epoch=epoch))
    ]
    assert seen == expected


@AGAIN
def test_an_epoch_that_is_said_and_other_splits_never_change(dataset) -> None:
    for stream in (
        dataset.stream("train", epoch=2),
        dataset.stream("validation"),
        dataset.stream("test", shuffle=True),
    ):
        assert_equal(stream, stream)
    stream = dataset.stream("train")
    first = pixels(stream.epochs(1).take(stream.steps_per_epoch))
    assert np.array_equal(first, pixels(dataset.stream("train", epoch=1)))


def test_a_second_opening_is_warned_of_once(build) -> None:
    dataset = build(rest=KINDS["stages"][1], fresh=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            dataset.stream("train", epoch=0)
            dataset.stream("validation")
        dataset.stream("train")
    with pytest.warns(UserWarning, match="found it opened again") as caught:
        for _ in range(3):
            dataset.stream("train")
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_split_that_is_the_same_in_every_epoch_is_not_warned_of(build) -> None:
    dataset = build(fresh=True)
    for _ in range(2):
        assert not dataset.stream("train", shuffle=False).fresh


SCRIPT = """
import sys
import dsbuilder

stream = dsbuilder.load(sys.argv[1]).stream("train", batch_size=2, plugins=[sys.argv[2]])
kept = [iter(each) for each in (stream, stream.map(lambda *batch: batch[0]), stream.epochs())]
batches = [next(each) for each in kept]
print("the end", flush=True)
"""

SLOW = '''
"""Takes a while."""
import time
from dataclasses import dataclass
from dsbuilder.plugin import Transform, transform


@transform("slow", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Slow(Transform):
    """Takes a while."""

    def apply(self, sample, params):
        time.sleep(0.02)
        return sample
'''


@pytest.mark.slow
def test_a_script_that_leaves_a_stream_with_stages_ends(build, tmp_path) -> None:
    """Iterators that a module keeps are freed when no thread can come back from Python any more."""
    (tmp_path / "slow.py").write_text(SLOW)
    dataset = build(rest="stream: {stages: [{use: slow}]}", plugins=[tmp_path])
    command = [sys.executable, "-c", SCRIPT, str(dataset.path), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stdout) == (0, "the end\n"), ended.stderr
