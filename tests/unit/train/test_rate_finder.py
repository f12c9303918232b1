"""A learning rate is proposed where the loss falls fastest, and nothing is written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.errors import TrainError

keras = pytest.importorskip("keras")
finder = pytest.importorskip("dsbuilder.train.rate_finder")


def steps(losses, rates):
    return [
        finder.RateStep(rate=float(rate), loss=float(loss), smoothed=float(loss))
        for rate, loss in zip(rates, losses, strict=True)
    ]


@pytest.mark.parametrize("middle", [1e-4, 1e-3, 0.05])
def test_the_rate_of_the_steepest_fall_is_proposed(middle):
    rates = np.geomspace(1e-6, 10, 400)
    falling = 1 / (1 + rates / middle)  # a logistic curve of the logarithm: steepest in its middle
    breaking_out = np.where(rates > 100 * middle, rates / middle, 0)
    assert finder.proposed(steps(falling + breaking_out, rates)) == pytest.approx(middle, rel=0.05)


def test_a_loss_that_falls_nowhere_is_an_error():
    rates = np.geomspace(1e-6, 10, 50)
    with pytest.raises(TrainError, match="expected a loss that falls at one between"):
        finder.proposed(steps(1 + rates, rates))
    with pytest.raises(TrainError, match="expected a loss that falls at one between"):
        finder.proposed([])


def files() -> list[Path]:
    """What lies here, but for what other processes of the tests leave of their coverage."""
    return sorted(each for each in Path().iterdir() if not each.name.startswith(".coverage"))


def test_rates_grow_by_one_factor_and_losses_are_of_each_batch(dataset, options):
    before = files()
    wild = replace(options, optimizer=replace(options.optimizer, use="sgd", schedule="cosine"))
    found = finder.find_rate(dataset, wild)
    rates = np.array([each.rate for each in found])
    assert rates[0] == finder.LOWEST
    assert np.allclose(np.diff(np.log(rates)), np.log(1e7) / (finder.STEPS - 1))
    losses = [each.loss for each in found if each.loss is not None]
    assert 0 < losses[0] < 10
    average = 0.0
    for number, each in enumerate(found[:20], 1):
        average = 0.9 * average + 0.1 * each.loss
        assert each.smoothed == pytest.approx(average / (1 - 0.9**number))
    assert finder.LOWEST < finder.proposed(found) < finder.HIGHEST
    assert files() == before
