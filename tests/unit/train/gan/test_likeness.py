"""Distances between images, on rows that are known."""

import numpy as np
import pytest

from dsbuilder.train.gan import likeness


def rows(count: int, seed: int, size: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (count, size)).astype(np.float32)


def test_the_nearest_is_the_nearest_and_its_distance_exact() -> None:
    found, among = rows(40, 0), rows(1500, 1)
    nearest = likeness.nearest(found, among)
    apart = np.sqrt(((found[:, None] - among[None]) ** 2).mean(axis=2))
    assert np.array_equal(nearest.place, apart.argmin(axis=1))
    assert nearest.distance == pytest.approx(apart.min(axis=1), rel=1e-5)


def test_a_copy_is_at_distance_0_and_its_own_place_can_be_left_out() -> None:
    among = rows(60, 2)
    assert likeness.nearest(among[7:9], among).distance.tolist() == [0, 0]
    others = likeness.nearest(among, among, own=np.arange(60))
    assert (others.place != np.arange(60)).all()
    assert (others.distance > 0).all()
    alone = likeness.nearest(among[:1], among[:1], own=np.zeros(1, np.int64))
    assert np.isinf(alone.distance[0])


def test_closeness_is_relative_to_how_dense_train_is_there() -> None:
    rng = np.random.default_rng(3)
    dense = 100 + rng.normal(0, 0.1, (30, 12))
    sparse = rng.uniform(0, 255, (30, 12))
    train = np.concatenate([dense, sparse]).astype(np.float32)
    other = (100 + rng.normal(0, 0.1, (1, 12))).astype(np.float32)  # near in pixels, no copy
    planted = train[45:46] + np.float32(0.5)
    near, copied = likeness.closeness(np.concatenate([other, planted]), train)[0]
    assert near > 0.5 > 0.05 > copied


def test_thumbnails_are_of_32_pixels_at_the_most() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), dtype=np.uint8)
    assert likeness.thumbnails(images).shape == (2, 32 * 24 * 3)
    small = images[:, :20, :30]
    assert np.array_equal(likeness.thumbnails(small).reshape(small.shape), small)


def test_spread_is_0_of_equal_rows_and_grows_with_their_distance() -> None:
    rng, one = np.random.default_rng(0), rows(50, 4)
    assert likeness.spread(np.repeat(one[:1], 9, axis=0), rng) == 0
    assert likeness.spread(one[:1], rng) == 0
    wide = likeness.spread(one, rng)
    assert likeness.spread(one / 2, rng) == pytest.approx(wide / 2, rel=0.05)


def test_the_distance_of_clouds_tells_moved_and_collapsed_ones() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], 300)
    real = rng.normal(labels[:, None] * 3, 1, (600, 8))
    scale, clouds = real.std(axis=0), likeness.clouds(real, labels)
    alike = rng.normal(labels[:, None] * 3, 1, (600, 8))
    told = {
        "alike": alike,
        "collapsed": labels[:, None] * 3 + np.zeros((600, 8)),
        "swapped": rng.normal((1 - labels[:, None]) * 3, 1, (600, 8)),
    }
    found = {
        name: likeness.distance(clouds, likeness.clouds(each, labels), scale)
        for name, each in told.items()
    }
    assert found["alike"] < 0.02 < found["collapsed"] < found["swapped"]
