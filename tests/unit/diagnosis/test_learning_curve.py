"""Verdicts follow from errors, and none is given that noise may have made."""

from dataclasses import replace

import numpy as np
import pytest

from dsbuilder.diagnosis import words
from dsbuilder.diagnosis.learning_curve import TrainedShare, called_small, judge
from dsbuilder.tasks import ErrorScore
from dsbuilder.tasks.intervals import wilson

SHARES = (0.25, 0.5, 1.0)


def error(value, samples=1000):
    between = wilson(value * samples, samples)
    return ErrorScore(value=value, low=between.low, high=between.high, samples=samples)


def trained(train, validation, *, seeds=3, samples=1000):
    """Trainings whose error on validation is a power law of the share."""
    return [
        TrainedShare(
            share=share,
            seed=seed,
            samples=round(4000 * share),
            train=error(train, samples),
            validation=error(validation * share**-0.5, samples),
        )
        for seed in range(seeds)
        for share in SHARES
    ]


@pytest.mark.parametrize(
    ("train", "validation", "verdict"),
    [
        (0.2, 0.22, "high bias"),
        (0.0, 0.2, "high variance"),
        (0.15, 0.35, "high bias and high variance"),
        (0.02, 0.03, "neither high bias nor high variance"),
    ],
)
def test_the_verdict_is_that_of_the_gaps(train, validation, verdict):
    found = judge(trained(train, validation), baseline=0.02, small=0.05)
    assert found.verdict == verdict
    assert found.bias.value == pytest.approx(train - 0.02)
    assert found.variance.value == pytest.approx(validation - train)
    assert found.bias.low < found.bias.value < found.bias.high


def test_few_samples_or_seeds_that_differ_are_no_verdict():
    assert judge(trained(0.0, 0.1), baseline=0.0, small=0.05).verdict == "high variance"
    assert judge(trained(0.0, 0.1, samples=30), baseline=0.0, small=0.05).verdict == "unclear"
    apart = [
        replace(each, validation=error(each.validation.value + 0.05 * each.seed))
        for each in trained(0.0, 0.1, seeds=2)
    ]
    assert judge(apart, baseline=0.0, small=0.05).verdict == "unclear"


def test_noise_is_rarely_called_variance():
    rng, called = np.random.default_rng(0), 0
    for _ in range(300):
        drawn = [rng.binomial(300, 0.1, 2) / 300] * 3
        found = [
            TrainedShare(
                share=share,
                seed=seed,
                samples=100,
                train=error(one, 300),
                validation=error(max(two, 1 / 300), 300),
            )
            for seed, (one, two) in enumerate(drawn)
            for share in SHARES
        ]
        called += judge(found, baseline=0.1, small=0.0).variance.verdict == "high"
    assert called <= 0.05 * 300


def test_a_power_law_is_found_and_what_twice_the_data_would_bring():
    found = judge(trained(0.0, 0.1), baseline=0.0, small=0.01).trend
    assert found.falls and found.exponent == pytest.approx(0.5)
    assert found.twice == pytest.approx(0.1 / 2**0.5)
    assert found.twice_low <= found.twice <= found.twice_high


def test_a_curve_that_only_noise_moves_rarely_falls():
    rng, falls = np.random.default_rng(0), 0
    for _ in range(200):
        found = [
            TrainedShare(
                share=share,
                seed=seed,
                samples=round(1000 * share),
                train=error(0.0),
                validation=error(0.1 + rng.normal() * 0.005),
            )
            for seed in range(3)
            for share in SHARES
        ]
        falls += judge(found, baseline=0.0, small=0.01).trend.falls
    assert falls <= 0.05 * 200


def test_of_an_error_of_0_there_is_no_law():
    found = judge(trained(0.0, 0.0), baseline=0.0, small=0.01)
    assert found.trend is None and found.points[-1].validation_interval is None
    assert "no curve can be fitted" in " ".join(told(found))


def told(found, *, said=True):
    given = {"error": "1 - accuracy", "baseline": 0.02, "chance": 0.9, "small": 0.044}
    return list(words.sentences(found, said=said, **given))


def test_words_name_what_is_high_and_what_it_was_judged_against():
    found = judge(trained(0.2, 0.22), baseline=0.02, small=0.044)
    one, bias, variance, more = told(found)
    assert "0.2 on train and 0.22 on validation" in one and "0.9" in one
    assert bias.endswith("high bias.") and "the baseline of 0.02" in bias
    assert "high variance" not in variance
    assert "twice the samples would bring it from 0.22 to about 0.1556" in more
    assert "no baseline was given" in told(found, said=False)[1]


def test_small_is_a_part_of_the_way_to_chance():
    assert called_small(0.1, 0.9) == pytest.approx(0.04)
    assert called_small(0.9, 0.5) == 0
