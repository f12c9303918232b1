"""What losses, metrics and schedules owe, on random outputs of a model."""

import itertools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from dsbuilder.plugin import (
    ClassLabel,
    Loss,
    Mask,
    Metric,
    Moment,
    MultiLabel,
    Schedule,
    Target,
    Text,
    TrainError,
    Value,
)
from dsbuilder.testing.laws import check_declaration, check_options
from dsbuilder.testing.promises import name_of

_SAMPLES = 12
_SIDES = (4, 5)
_NAMES = ("a", "b", "c", "d")
_EPOCHS = (1, 2, 7)
_STEPS = (1, 5)


def check_loss(plugin: Loss) -> None:
    """Checks that a loss is a finite number of each sample, of one kind of target at least."""
    import keras

    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    for truth, outputs in _taken(name, plugin.check):
        tensors = [keras.ops.convert_to_tensor(each) for each in (truth, outputs)]
        found = keras.ops.convert_to_numpy(plugin.compute(*tensors))
        assert found.shape == (len(truth),), (
            f"{name}: expected a number of each of {len(truth)} samples, found {found.shape}."
        )
        assert np.isfinite(found).all(), f"{name}: expected finite numbers, found {found}."


def check_metric(plugin: Metric) -> None:
    """Checks that a metric is the same of arrays and of tensors, and however samples are batched.

    `collect` is tried on one kind of target at least, as `check` lets it pass.
    """
    import keras

    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    for truth, outputs in _taken(name, plugin.check):
        whole = _rows(plugin, truth, outputs, np)
        assert whole.ndim == 2 and (plugin.adds_up or len(whole) == len(truth)), (
            f"{name}: expected rows, one of each of {len(truth)} samples, found {whole.shape}."
        )
        expected = plugin.result(whole)
        halves = [_rows(plugin, *each, np) for each in _halves(truth, outputs)]
        found = {
            "two batches": plugin.result(np.concatenate(halves)),
            "tensors": plugin.result(_rows(plugin, truth, outputs, keras.ops)),
        }
        if plugin.adds_up:
            found["their sum"] = plugin.result(whole.sum(axis=0, keepdims=True))
        for what, value in found.items():
            assert np.isclose(value, expected, atol=1e-6, equal_nan=True), (
                f"{name}: expected {expected} of {what} as well, found {value}."
            )


def check_schedule(plugin: Schedule) -> None:
    """Checks that a schedule says a share of 0 or more for every step, always the same.

    It is asked for steps after those that it is laid over as well: a run may be given more epochs.
    """
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    for epochs, steps in itertools.product(_EPOCHS, _STEPS):
        moments = list(_moments(epochs, steps))
        shares = [plugin.share(moment) for moment in moments]
        assert all(np.isfinite(share) and share >= 0 for share in shares), (
            f"{name}: expected shares of 0 or more, found {shares}."
        )
        again = [plugin.share(moment) for moment in reversed(moments)]
        assert again[::-1] == shares, f"{name}: expected the same share of the same step."


def _moments(epochs: int, steps: int) -> Iterator[Moment]:
    """Yields the moments of a training whose value gets better, then worse."""
    for step in range((epochs + 1) * steps):
        past = tuple(abs(epoch - epochs / 2) for epoch in range(step // steps))
        yield Moment(step=step, steps_per_epoch=steps, epochs=epochs, monitored=past)


def _taken(name: str, check: Callable[[Target], None]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields what is true and what a model yields, of the kinds of target that `check` takes."""
    taken = 0
    for target, truth, outputs in _cases():
        try:
            check(target)
        except TrainError:
            continue
        taken += 1
        yield truth, outputs
    assert taken, f"{name}: expected to be for some kind of target, found it refuses all."


def _cases() -> Iterator[tuple[Target, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    count = len(_NAMES)
    logits = rng.normal(size=(_SAMPLES, count)).astype(np.float32)
    ids = rng.integers(0, count, _SAMPLES)
    weights = rng.dirichlet(np.ones(count), _SAMPLES).astype(np.float32)
    yield ClassLabel(names=_NAMES), ids, logits
    yield ClassLabel(names=_NAMES, soft=True), weights, logits
    present = rng.integers(0, 2, (_SAMPLES, count)).astype(np.float32)
    yield MultiLabel(names=_NAMES), present, logits
    numbers = rng.normal(size=(_SAMPLES, 2)).astype(np.float32)
    yield Value(size=2), numbers, logits[:, :2]
    pixels = rng.normal(size=(_SAMPLES, *_SIDES, count)).astype(np.float32)
    masks = rng.integers(0, count, (_SAMPLES, *_SIDES)).astype(np.uint8)
    yield Mask(names=_NAMES), masks, pixels
    yield Text(), np.array(["a", "bc"] * (_SAMPLES // 2), object), logits


def _rows(plugin: Metric, truth: Any, outputs: Any, ops: ModuleType) -> np.ndarray:
    if ops is np:
        return np.asarray(plugin.collect(truth, outputs, np))
    import keras

    true, found = (keras.ops.convert_to_tensor(each) for each in (truth, outputs))
    return np.asarray(keras.ops.convert_to_numpy(plugin.collect(true, found, ops)))


def _halves(truth: np.ndarray, outputs: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for part in (slice(None, _SAMPLES // 3), slice(_SAMPLES // 3, None)):
        yield truth[part], outputs[part]
