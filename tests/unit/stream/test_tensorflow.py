"""A stream is a function of (seed, epoch): every sample once, the same pixels, in either codec."""

import gc
import json
import os
import subprocess
import sys
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from proofs import leaving

from dsbuilder import Dataset
from dsbuilder.errors import CacheError, DataError
from dsbuilder.stream import tensorflow_npy
from dsbuilder.stream.reading import plan
from dsbuilder.stream.tensorflow import Stream, statistics
from dsbuilder.stream.tensorflow_decoded import Decoded, fits
from dsbuilder.stream.tensorflow_order import Ordered

# Tests share datasets and open the streams that they compare.
pytestmark = pytest.mark.filterwarnings("ignore:.*found it opened again")

# Each way of storing pixels once; the other modes of it are slow.
STORED = [
    ("tfrecord", "jpeg", "rgb"),
    pytest.param("tfrecord", "jpeg", "gray", marks=pytest.mark.slow),
    pytest.param("tfrecord", "png", "rgb", marks=pytest.mark.slow),
    ("tfrecord", "png", "gray"),
    pytest.param("tfrecord", "png", "rgba", marks=pytest.mark.slow),
    pytest.param("tfrecord", "raw", "rgb", marks=pytest.mark.slow),
    pytest.param("npy", "raw", "rgb", marks=pytest.mark.slow),
    pytest.param("npy", "raw", "gray", marks=pytest.mark.slow),
    ("npy", "raw", "rgba"),
]
# What reads shards differs between codecs; from there on both go one way.
CODECS = ["tfrecord", "npy"]
ONE_OF_TWO = [pytest.param("tfrecord", marks=pytest.mark.slow), "npy"]
SLOW = pytest.mark.slow
LEFT = ["raise", "hold", "two", "thread", "interrupt"]
STAGES = "stream: {stages: [{use: A.HorizontalFlip, p: 0.5}]}"
MIXED = "augment: {copies: 1, stages: [{use: mixup, alpha: 1.0}]}"


def rows(batches: Any) -> list[tuple[Any, ...]]:
    """Every sample of (images, label, key) batches, as numpy values."""
    return [row for batch in batches for row in zip(*(part.numpy() for part in batch), strict=True)]


def keys(batches: Any) -> list[str]:
    return [row[-1].decode() for row in rows(batches)]


def assert_equal(one: Any, other: Any) -> None:
    one, other = list(one), list(other)
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        for a, b in zip(tf.nest.flatten(left), tf.nest.flatten(right), strict=True):
            assert np.array_equal(a, b)


def stored_keys(dataset: Dataset, split: str = "train") -> list[str]:
    return [sample.key for sample in dataset.samples(split)]


@pytest.mark.parametrize(("codec", "image", "mode"), STORED)
def test_every_sample_comes_once_an_epoch_as_the_codec_decodes_it(
    build, codec, image, mode
) -> None:
    dataset = build(codec, image, mode=mode)
    assert len(dataset.shards("train")) > 1  # there are shards to interleave
    known = {sample.key: sample for sample in dataset.samples("train")}
    seen = rows(dataset.stream("train", batch_size=7, keys=True))
    assert sorted(key.decode() for *_, key in seen) == sorted(known)
    for pixels, label, key in seen:
        assert np.array_equal(pixels, known[key.decode()].image)
        assert label == known[key.decode()].targets["label"]


FAULTS = """
import resource, sys
from dsbuilder import load
batches = iter(load(sys.argv[1]).stream("train", batch_size=16, workers=0).epochs(0))
for _ in range(20):
    next(batches)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    next(batches)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 100)
"""


def test_fresh_batches_take_the_memory_of_earlier_ones(build) -> None:
    """TensorFlow would have each given back, and 4 kB after 4 kB of the next one cleared."""
    dataset = build("npy", rest=STAGES, finish="[{use: resize, size: [96, 96]}]")
    assert dataset.signature.image.shape == (96, 96, 3)
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, str(dataset.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 30  # of 108 that the images of a batch have pages


def test_shards_that_cannot_be_mapped_as_one_give_the_same(build, monkeypatch) -> None:
    dataset = build("npy")
    assert len(dataset.shards("train")) > 1
    joined = list(dataset.stream("train", batch_size=7, keys=True))
    monkeypatch.setattr(tensorflow_npy, "join_rows", lambda paths: None)
    assert_equal(joined, list(dataset.stream("train", batch_size=7, keys=True)))


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_not_shuffled_comes_in_stored_order(build, codec) -> None:
    dataset = build(codec)
    assert keys(dataset.stream("test", keys=True)) == stored_keys(dataset, "test")
    train = dataset.stream("train", shuffle=False, keys=True, epoch=4)
    assert keys(train) == stored_keys(dataset)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_epochs_and_seeds_differ_in_order_alone(build, codec) -> None:
    dataset = build(codec)
    orders = [
        keys(dataset.stream("train", keys=True, epoch=epoch, seed=seed))
        for epoch, seed in ((0, 3), (1, 3), (0, 4))
    ]
    assert orders[0] == keys(dataset.stream("train", keys=True))  # the pipeline's seed
    assert len({tuple(order) for order in orders}) == 3
    assert len({tuple(sorted(order)) for order in orders}) == 1


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_a_shuffle_leaves_nothing_in_its_place_but_by_chance(build, codec) -> None:
    dataset = build(codec, shard_mb=1)
    before = stored_keys(dataset)
    epochs = dataset.stream("train", batch_size=36, keys=True).epochs(0).take(30)
    places = [[before.index(key.decode()) for key in batch[-1].numpy()] for batch in epochs]
    # A full permutation: each place holds each sample about as often, so their mean is the middle.
    assert np.abs(np.mean(places, axis=0) - 17.5).max() < 8
    assert np.mean([order[i] == i for order in places for i in range(36)]) < 0.1


@pytest.mark.parametrize(
    ("codec", "drop"),
    [
        ("tfrecord", False),
        ("npy", True),
        pytest.param("tfrecord", True, marks=pytest.mark.slow),
        pytest.param("npy", False, marks=pytest.mark.slow),
    ],
)
def test_epochs_are_the_concatenation_of_streams_from_any_start(build, codec, drop) -> None:
    dataset = build(codec)
    options = {"batch_size": 8, "keys": True, "drop_remainder": drop}
    streams = {epoch: dataset.stream("train", epoch=epoch, **options) for epoch in (2, 3, 4)}
    steps = streams[2].steps_per_epoch
    batches = [batch for each in streams.values() for batch in each]
    resumed = streams[2].epochs(start=2).take(3 * steps)
    assert_equal(resumed, batches)
    within = streams[2].epochs(start=2, step=2).take(3 * steps - 2)
    assert_equal(within, batches[2:])
    with pytest.raises(ValueError, match="expected a step in"):
        streams[2].epochs(start=2, step=steps)


@pytest.mark.parametrize(
    ("codec", "rest"),
    [("tfrecord", ""), ("npy", ""), ("npy", STAGES), pytest.param("tfrecord", STAGES, marks=SLOW)],
)
def test_an_epoch_is_gone_on_with_at_a_batch(build, codec, rest) -> None:
    given: dict[str, Any] = {"batch_size": 8, "keys": True, "epoch": 3, "workers": 0}
    dataset = build(codec, rest=rest)
    whole = list(dataset.stream("train", **given))
    rest_of_it = dataset.stream("train", start_step=2, **given)
    assert len(rest_of_it) == len(whole) - 2
    assert_equal(rest_of_it, whole[2:])
    with pytest.raises(ValueError, match=r"start_step in \[0, 5\), found 5"):
        dataset.stream("train", start_step=5, **given)
    with pytest.raises(ValueError, match="start_step 1 needs to know of which epoch"):
        dataset.stream("train", start_step=1)


@pytest.mark.parametrize("sampling", ["natural", "balanced"])
def test_neither_codec_nor_stages_reorder_an_epoch(build, sampling) -> None:
    given: dict[str, Any] = {"keys": True, "epoch": 4, "sampling": sampling, "batch_size": 7}
    orders = [
        keys(build(codec, rest=rest, shard_mb=0.001).stream("train", workers=0, **given))
        for codec, rest in (("tfrecord", ""), ("npy", ""), ("npy", STAGES))
    ]
    assert orders[0] == orders[1] == orders[2]
    assert orders[0] != sorted(orders[0]) and len(orders[0]) == 36


@pytest.mark.parametrize(("image", "mode"), [("jpeg", "rgb"), ("png", "gray")])
def test_what_fits_into_memory_is_decoded_once(build, image, mode) -> None:
    dataset = build("tfrecord", image, mode=mode, fresh=True)
    given: dict[str, Any] = {"batch_size": 7, "keys": True}
    epochs = 3 * dataset.stream("train", **given).steps_per_epoch
    decoded = list(dataset.stream("train", cache_mb=0, **given).epochs(0).take(epochs))
    stream = dataset.stream("train", **given)
    assert_equal(stream.epochs(0).take(epochs // 3), decoded[: epochs // 3])
    unkept = dataset.stream("train", cache_mb=0, **given)
    for shard in dataset.shards("train"):  # of the records nothing is left
        for name in dataset.codec.files(shard.stem):
            (dataset.path / name).write_bytes(bytes((dataset.path / name).stat().st_size))
    assert_equal(stream.epochs(1).take(epochs - epochs // 3), decoded[epochs // 3 :])
    with pytest.raises(tf.errors.OpError):
        list(unkept)


def test_what_is_kept_takes_no_more_than_it_may(build) -> None:
    dataset = build("tfrecord", "png")
    pixels = 36 * 12 * 14 * 3 / 1e6
    reading = plan(dataset, "train", cache_mb=pixels * 0.99)
    assert not fits(reading)
    assert fits(replace(reading, cache_mb=pixels * 1.2))
    assert fits(replace(reading, cache_mb=None))
    with pytest.raises(ValueError, match="expected a cache_mb of 0 or more, found -1"):
        dataset.stream("train", cache_mb=-1)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_a_stream_that_is_let_go_gives_its_memory_back(build, codec) -> None:
    stream = build(codec, fresh=True).stream("train", batch_size=8)
    iterator = iter(stream.epochs(0))
    next(iterator)
    owners = [
        weakref.ref(each) for each in gc.get_objects() if isinstance(each, (Decoded, Ordered))
    ]
    assert owners
    del stream
    next(iterator)  # which is enough to keep them
    del iterator
    gc.collect()
    assert not any(each() for each in owners)


@pytest.mark.parametrize("way", ["end", *(pytest.param(way, marks=SLOW) for way in LEFT)])
def test_a_stream_of_records_ends_whenever_it_is_left(build, way) -> None:
    took, left = leaving.leave(build("tfrecord").path, way, kind="records")
    assert took < 10 and not left


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_iterators_opened_again_start_again(build, codec) -> None:
    endless = build(codec).stream("train", keys=True).epochs(1)
    first, second = iter(endless), iter(endless)
    assert_equal([next(first), next(first)], [next(second), next(second)])


@pytest.mark.parametrize("codec", ["tfrecord", pytest.param("npy", marks=pytest.mark.slow)])
def test_parallelism_does_not_matter(build, codec) -> None:
    stream = build(codec, "jpeg").stream("train", batch_size=5, keys=True)

    def alone(dataset: tf.data.Dataset) -> tf.data.Dataset:
        options = tf.data.Options()
        options.threading.private_threadpool_size = 1
        options.threading.max_intra_op_parallelism = 1
        options.autotune.enabled = False
        options.experimental_optimization.apply_default_optimizations = False
        return dataset.with_options(options)

    assert_equal(alone(stream.epochs(0)).take(20), stream.epochs(0).take(20))


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_the_global_seed_of_tensorflow_does_not_matter(build, codec) -> None:
    dataset = build(codec)
    before = keys(dataset.stream("train", keys=True))
    try:
        for seed in (0, 5):
            tf.random.set_seed(seed)
            stream = dataset.stream("train", keys=True)
            assert keys(stream) == before
            assert keys(stream.epochs(0).take(stream.steps_per_epoch)) == before
    finally:
        tf.random.set_seed(None)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
@pytest.mark.parametrize("shuffle", [pytest.param(False, marks=pytest.mark.slow), True])
def test_hosts_share_an_epoch_without_overlap(build, codec, shuffle) -> None:
    dataset = build(codec)
    hosts = [
        dataset.stream("train", shard=(index, 5), shuffle=shuffle, keys=True, batch_size=3)
        for index in range(5)
    ]
    seen = [keys(host) for host in hosts]
    assert sorted(key for each in seen for key in each) == sorted(stored_keys(dataset))
    assert [len(each) for each in seen] == [host.num_samples for host in hosts] == [8, 7, 7, 7, 7]


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_a_small_buffer_still_yields_every_sample_once(build, codec) -> None:
    dataset = build(codec)
    stream = dataset.stream("train", keys=True, shuffle_buffer=4)
    assert sorted(keys(stream)) == sorted(stored_keys(dataset))


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_the_last_batch_is_smaller_unless_dropped(build, codec) -> None:
    dataset = build(codec)
    whole = dataset.stream("train", batch_size=10)
    assert [len(images) for images, _ in whole] == [10, 10, 10, 6]
    assert len(whole) == whole.steps_per_epoch == 4
    dropped = dataset.stream("train", batch_size=10, drop_remainder=True)
    assert [images.shape for images, _ in dropped] == [(10, 12, 14, 3)] * 3
    assert len(dropped) == dropped.steps_per_epoch == 3
    assert dropped.element_spec[0].shape == (10, 12, 14, 3)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_a_stream_is_a_dataset_that_says_what_it_is(build, codec) -> None:
    dataset = build(codec)
    stream = dataset.stream("train")
    assert isinstance(stream, tf.data.Dataset) and isinstance(stream, Stream)
    assert stream.class_names == ("a", "b", "c")
    assert stream.num_samples == 36
    assert stream.signature == dataset.signature
    images, label = stream.element_spec
    assert (images.dtype, images.shape[1:]) == (tf.uint8, (12, 14, 3))
    assert (label.dtype, label.shape.rank) == (tf.int64, 1)
    assert stream.epochs(0).element_spec == stream.element_spec


def test_options_that_are_not_given_are_the_pipelines(build) -> None:
    dataset = build(rest="stream: {batch_size: 9, images: scale}")
    images, _ = next(iter(dataset.stream("train")))
    assert images.shape[0] == 9 and images.dtype == tf.float32
    images, _ = next(iter(dataset.stream("train", batch_size=4, images="uint8")))
    assert images.shape[0] == 4 and images.dtype == tf.uint8


@pytest.mark.parametrize(
    ("codec", "image", "mode"),
    [
        pytest.param("tfrecord", "jpeg", "rgb", marks=pytest.mark.slow),
        pytest.param("tfrecord", "png", "rgba", marks=pytest.mark.slow),
        ("npy", "raw", "rgba"),
    ],
)
def test_images_are_scaled_or_standardized_as_asked(build, codec, image, mode) -> None:
    dataset = build(codec, image, mode=mode)
    stored, scaled, standard = (
        np.concatenate([images for images, _ in dataset.stream("train", images=how)])
        for how in ("uint8", "scale", "standardize")
    )
    assert scaled.dtype == standard.dtype == np.float32
    assert np.allclose(scaled, stored / 255.0, atol=1e-7)
    assert np.allclose(standard.mean((0, 1, 2)), 0, atol=1e-5)
    assert np.allclose(standard.std((0, 1, 2)), 1, atol=1e-5)
    mean, deviation = statistics(dataset)
    assert mean.dtype == deviation.dtype == np.float64
    assert np.allclose(mean, stored.mean((0, 1, 2)), rtol=1e-12)
    assert np.allclose(deviation, stored.std((0, 1, 2)), rtol=1e-9)


def test_other_splits_are_standardized_by_the_statistics_of_train(build) -> None:
    dataset = build("npy")
    mean, deviation = statistics(dataset)
    stored, _ = next(iter(dataset.stream("test", batch_size=12)))
    standard, _ = next(iter(dataset.stream("test", batch_size=12, images="standardize")))
    assert np.allclose(standard, (stored.numpy() - mean) / deviation, atol=1e-5)


def test_statistics_need_no_common_size(build) -> None:
    dataset = build("tfrecord", source="varied: true", finish="[]", shard_mb=1)
    pixels = [sample.image.reshape(-1, 3) for sample in dataset.samples("train")]
    assert len({len(each) for each in pixels}) > 1
    mean, deviation = statistics(dataset)
    assert np.allclose(mean, np.concatenate(pixels).mean(0), rtol=1e-12)
    assert np.allclose(deviation, np.concatenate(pixels).std(0), rtol=1e-9)


def test_a_constant_channel_is_standardized_to_zero(build) -> None:
    stream = build(source="flat: true").stream("train", images="standardize")
    images = np.concatenate([images for images, _ in stream])
    assert not images[..., 0].any()
    assert np.allclose(images.std((0, 1, 2)), [0, 1, 1], atol=1e-5)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_soft_labels_come_as_weights_in_every_split(build, codec) -> None:
    dataset = build(codec, rest=MIXED)
    known = {sample.key: sample.targets["label"] for sample in dataset.samples("train")}
    for _, weights, key in rows(dataset.stream("train", keys=True)):
        assert weights.dtype == np.float32
        assert np.array_equal(weights, known[key.decode()])
    assert any(0 < weights.max() < 1 for weights in known.values())
    _, weights = next(iter(dataset.stream("validation")))
    assert set(weights.numpy().max(1)) == {1.0}


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_texts_come_as_strings(build, codec) -> None:
    dataset = build(codec, source="kinds: [words]")
    known = {sample.key: sample.targets["words"] for sample in dataset.samples("train")}
    assert set(known.values()) == {"", "ü ö", "a\tb", "猫"}
    seen = rows(dataset.stream("train", keys=True))
    assert {key.decode(): text.decode() for _, text, key in seen} == known
    assert dataset.stream("train").class_names == ()


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_several_targets_come_as_a_dict_by_name(build, codec) -> None:
    dataset = build(codec, source="kinds: [words, label]")
    known = {sample.key: sample.targets for sample in dataset.samples("train")}
    for _, targets, names in dataset.stream("train", keys=True):
        assert set(targets) == {"words", "label"}
        for word, label, key in zip(targets["words"], targets["label"], names, strict=True):
            expected = known[key.numpy().decode()]
            assert (word.numpy().decode(), int(label)) == (expected["words"], expected["label"])


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_without_a_target_a_batch_is_the_images(build, codec) -> None:
    dataset = build(codec, source="kinds: []")
    batch = next(iter(dataset.stream("train", batch_size=5)))
    assert batch.shape == (5, 12, 14, 3)
    images, names = next(iter(dataset.stream("train", batch_size=5, keys=True)))
    assert images.shape[0] == names.shape[0] == 5


@pytest.mark.parametrize("codec", ONE_OF_TWO)
@pytest.mark.parametrize("how", ["kept", "cache", "shuffle", "scale"])
def test_batches_that_are_kept_stay_as_they_were(build, codec, how) -> None:
    dataset = build(codec, shard_mb=1, finish="[{use: resize, size: [64, 64]}]")
    known = {sample.key: sample.image for sample in dataset.samples("train")}
    stream = dataset.stream(
        "train", batch_size=4, keys=True, images="scale" if how == "scale" else None
    )
    batches = stream.epochs(0).take(5 * stream.steps_per_epoch)
    if how == "cache":
        batches = batches.cache()
        list(batches)
    if how == "shuffle":
        batches = batches.shuffle(20, seed=1)
    held = list(batches)
    assert len(held) == 45
    for images, _, names in held:
        for pixels, key in zip(images.numpy(), names.numpy(), strict=True):
            expected = known[key.decode()]
            assert np.array_equal(np.round(pixels * 255) if how == "scale" else pixels, expected)


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_fit_sees_every_epoch_in_its_order(build, codec) -> None:
    import keras

    stream = build(codec).stream("train", batch_size=8)
    seen: list[float] = []

    class Sums(keras.layers.Layer):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            flat = tf.cast(tf.reshape(images, [tf.shape(images)[0], -1]), tf.float32)
            total = tf.reduce_sum(flat, axis=1, keepdims=True)
            tf.py_function(lambda each: seen.extend(each.numpy()[:, 0].tolist()), [total], [])
            return total

    model = keras.Sequential([Sums(), keras.layers.Dense(3)])
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="sgd"
    )
    model.fit(
        stream.epochs(1), steps_per_epoch=stream.steps_per_epoch, epochs=2, shuffle=False, verbose=0
    )
    expected = [
        float(images[i].numpy().sum())
        for epoch in (1, 2)
        for images, _ in build(codec).stream("train", batch_size=8, epoch=epoch)
        for i in range(len(images))
    ]
    assert seen[-len(expected) :] == expected  # before them Keras may have looked at a batch


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_streaming_writes_nothing_into_the_dataset(build, codec) -> None:
    dataset = build(codec, fresh=True)
    before = {path: path.stat().st_mtime_ns for path in dataset.path.rglob("*")}
    list(dataset.stream("train", images="standardize"))
    assert {path: path.stat().st_mtime_ns for path in dataset.path.rglob("*")} == before
    dataset.verify()


@pytest.mark.parametrize("codec", CODECS)
def test_a_missing_shard_is_named_before_anything_is_read(build, codec) -> None:
    dataset = build(codec, fresh=True)
    victim = dataset.where / dataset.codec.files(dataset.shards("train")[1].stem)[0]
    victim.unlink()
    with pytest.raises(CacheError) as caught:
        dataset.stream("train")
    assert str(caught.value) == (f"{victim}: the shard is missing. Build the dataset again.")


def test_a_cut_tfrecord_is_named_before_anything_is_read(build) -> None:
    dataset = build("tfrecord", fresh=True)
    victim = dataset.where / dataset.codec.files(dataset.shards("train")[1].stem)[0]
    size = victim.stat().st_size
    os.truncate(victim, size - 5)
    with pytest.raises(CacheError) as caught:
        dataset.stream("train")
    assert str(caught.value) == (
        f"{victim}: expected {size} bytes, found {size - 5}. Build the dataset again."
    )


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_cut_array_is_named_before_anything_is_read(build, which) -> None:
    dataset = build("npy", fresh=True)
    victim = dataset.where / dataset.codec.files(dataset.shards("train")[1].stem)[which]
    os.truncate(victim, victim.stat().st_size - 5)
    with pytest.raises(CacheError, match="array, found a cut or damaged file") as caught:
        dataset.stream("train")
    assert str(caught.value).startswith(f"{victim}: ")


def test_an_array_of_another_build_is_refused(build) -> None:
    dataset = build("npy", fresh=True)
    shard = dataset.shards("train")[1]
    victim = dataset.where / dataset.codec.files(shard.stem)[2]
    np.save(victim, np.zeros(shard.samples + 1, np.int64))
    with pytest.raises(CacheError) as caught:
        dataset.stream("train")
    assert str(caught.value) == (
        f"{victim}: expected {shard.samples} rows, found {shard.samples + 1}. "
        "Build the dataset again."
    )


def test_a_corrupt_record_is_found_when_it_is_read(build) -> None:
    dataset = build("tfrecord", fresh=True)
    victim = dataset.path / dataset.codec.files(dataset.shards("train")[1].stem)[0]
    data = bytearray(victim.read_bytes())
    data[100] ^= 1
    victim.write_bytes(data)
    stream = dataset.stream("train")
    with pytest.raises(tf.errors.OpError, match="checksum"):
        list(stream)
    with pytest.raises(CacheError, match=r"byte .* checksum") as caught, stream.told():
        list(stream)
    assert str(caught.value).startswith(f"{victim}: ")
    with pytest.raises(tf.errors.DataLossError):  # natively, from end to end
        list(dataset.stream("train", shuffle_buffer=4))


def test_images_of_several_sizes_are_refused_with_what_to_do(build) -> None:
    dataset = build("tfrecord", source="varied: true", finish="[]", shard_mb=1)
    with pytest.raises(DataError) as caught:
        dataset.stream("train")
    assert str(caught.value) == (
        f"{dataset.where}: train: expected images of one size to batch, found ?x?x3 uint8. Build "
        "with {use: resize, size: [height, width]} in finish, or in stream.finish."
    )


def test_an_unknown_split_is_refused(build) -> None:
    with pytest.raises(DataError, match=r"unknown split 'validate'\. Did you mean 'validation'\?"):
        build().stream("validate")


def test_nothing_to_batch_is_an_error_and_no_endless_wait(build) -> None:
    dataset = build()
    with pytest.raises(DataError) as caught:
        dataset.stream("test", batch_size=50, drop_remainder=True)
    assert str(caught.value) == (
        f"{dataset.where}: test: expected samples for a batch of 50, found 12. Take a smaller "
        "batch_size, or drop_remainder=False."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "stream: expected a batch_size of 1 or more, found 0."),
        ({"shard": (2, 2)}, "with 0 <= index < count, found (2, 2)."),
        ({"shuffle_buffer": 0}, "stream: expected a shuffle_buffer of 1 or more, found 0."),
        ({"images": "scaled"}, "'uint8', 'scale' or 'standardize', found 'scaled'."),
        ({"epoch": -1}, "stream: expected an epoch of 0 or more, found -1."),
    ],
)
def test_wrong_options_are_refused(build, options, message) -> None:
    with pytest.raises(ValueError) as caught:
        build().stream("train", **options)
    assert str(caught.value).endswith(message)


def test_a_dataset_without_its_pipeline_is_refused(build) -> None:
    dataset = build(fresh=True)
    (dataset.path / "pipeline.json").write_text(json.dumps({}))
    with pytest.raises(CacheError, match="there is no section 'stream'"):
        dataset.stream("train")


@pytest.mark.slow
def test_two_processes_stream_the_same(build) -> None:
    dataset = build("tfrecord")
    code = (
        "import sys, dsbuilder\n"
        "stream = dsbuilder.load(sys.argv[1]).stream('train', keys=True, epoch=2)\n"
        "print([key.decode() for batch in stream for key in batch[-1].numpy()])"
    )
    command = [sys.executable, "-c", code, str(dataset.path)]
    other = subprocess.run(command, check=True, capture_output=True, text=True)
    assert other.stdout.strip() == str(keys(dataset.stream("train", keys=True, epoch=2)))


@pytest.mark.parametrize("codec", ONE_OF_TWO)
def test_images_of_floats_come_as_they_are_or_standardized(build, codec) -> None:
    finish = "[{use: resize, size: [12, 14]}, {use: A.ToFloat, max_value: 200}]"
    dataset = build(codec, "raw", finish=finish)
    known = {sample.key: sample.image for sample in dataset.samples("train")}
    for pixels, _, key in rows(dataset.stream("train", keys=True)):
        assert pixels.dtype == np.float32
        assert np.array_equal(pixels, known[key.decode()])
    standard = np.concatenate([i for i, _ in dataset.stream("train", images="standardize")])
    assert np.allclose(standard.mean((0, 1, 2)), 0, atol=1e-5)
    with pytest.raises(DataError, match=r"expected uint8 images to scale .* found float32"):
        dataset.stream("train", images="scale")


def test_statistics_of_other_channels_than_the_streams_are_refused(build) -> None:
    gray = "stream: {finish: [{use: A.ToGray, num_output_channels: 1, p: 1}]}"
    with pytest.raises(DataError, match="expected images of 3 channels to standardize"):
        build(rest=gray).stream("train", images="standardize")
