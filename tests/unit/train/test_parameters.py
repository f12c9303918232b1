"""Weights in numbers: closed forms, values that read back, names that are told apart."""

import numpy as np
import pytest

from dsbuilder.errors import TrainError

keras = pytest.importorskip("keras")
parameters = pytest.importorskip("dsbuilder.train.parameters")


def weight(values, name="net/conv/kernel", *, trainable=True):
    return parameters.Weight(name=name, values=np.asarray(values), trainable=trainable)


def test_statistics_are_those_of_finite_values():
    values = np.array([[0, 1, 2, np.nan], [-3, 0, np.inf, 6]], np.float32)
    found = parameters.statistics_of(weight(values))
    assert (found.shape, found.count, found.dtype) == ((2, 4), 8, "float32")
    assert (found.mean, found.least, found.most) == (1.0, -3.0, 6.0)
    assert found.deviation == pytest.approx(np.std([0, 1, 2, -3, 0, 6]))
    assert (found.zeros, found.not_finite) == (0.25, 2)
    assert sum(found.histogram.counts) + found.histogram.below + found.histogram.above == 6
    nothing = parameters.statistics_of(weight(np.full(3, np.nan)))
    assert nothing.mean is None and nothing.not_finite == 3 and nothing.histogram.counts == ()


def test_a_histogram_counts_each_value_once_and_its_tails_do_not_stretch_it():
    values = np.random.default_rng(0).normal(size=9999).astype(np.float32)
    found = parameters.histogram_of([values[:5000], values[5000:], np.array([1e9])])
    assert len(found.counts) == parameters.BINS == len(found.edges) - 1
    assert sum(found.counts) + found.below + found.above == 10_000
    assert found.edges[-1] < 4 and 0 < found.above <= 51 and 0 < found.below <= 51
    constant = parameters.histogram_of([np.ones(7)])
    assert sum(constant.counts) == 7


def test_values_read_back_exactly_from_either_file(tmp_path):
    rng = np.random.default_rng(0)
    weights = [
        weight(rng.normal(size=(3, 3, 2, 4)).astype(np.float32)),
        weight(np.array([1e-30, -0.0, np.nan, 3e8], np.float32), "net/conv/bias"),
        weight(np.array(7.5), "net/steps"),
    ]
    for name in ("w.npz", "w.txt"):
        parameters.write_values(tmp_path / name, weights)
    packed = np.load(tmp_path / "w.npz", allow_pickle=False)
    parts = (tmp_path / "w.txt").read_text().removeprefix("# ").split("\n# ")
    assert len(packed.files) == len(parts) == 3
    for each, part in zip(weights, parts, strict=True):
        head, *lines = part.splitlines()
        name, shape, dtype = head.split()
        read = np.array(" ".join(lines).split(), dtype).reshape([int(n) for n in shape.split("x")])
        assert name == each.name
        assert np.array_equal(read, np.atleast_1d(each.values), equal_nan=True)
        assert np.array_equal(packed[name], each.values, equal_nan=True)
    with pytest.raises(TrainError, match=r"ends in \.txt or \.npz, found '\.csv'"):
        parameters.write_values(tmp_path / "w.csv", weights)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["w.npz", "w.txt"]


def test_weights_of_equal_names_are_told_apart():
    twin = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="d")], name="m")
    other = keras.models.clone_model(twin)
    inputs = keras.Input((2,))
    wrapped = keras.Model(inputs, other(inputs), name="n")
    model = keras.Model(inputs, [twin(inputs), wrapped(inputs)])
    found = list(parameters.weights_of(model))
    assert [each.name for each in found] == ["m/d/kernel", "m/d/bias", "m/d/kernel:2", "m/d/bias:2"]
    assert all(each.trainable for each in found)
