"""one_of and some_of: what they draw, that it is replayed, and which branches they refuse."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dsbuilder.builtin.transforms.one_of import OneOf
from dsbuilder.builtin.transforms.resize import Resize
from dsbuilder.builtin.transforms.some_of import SomeOf
from dsbuilder.plugin import (
    ImageSignature,
    Params,
    Sample,
    Signature,
    Stage,
    Transform,
    generator,
    transform,
)


@transform("add", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Add(Transform):
    """Adds a number, or a drawn one.

    Attributes:
      value: what is added.
      random: whether up to 9 more are added.
    """

    value: int = 1
    random: bool = False

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": self.value + (int(rng.integers(10)) if self.random else 0)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=sample.image * 2 + np.uint8(params["value"]))


@transform("mirror", geometry="moves", moves=("mask", "boxes"))
@dataclass(frozen=True, kw_only=True)
class Mirror(Transform):
    """Mirrors."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=sample.image[:, ::-1])


SIGNATURE = Signature(image=ImageSignature(height=4, width=4, channels=3), targets={})
SAMPLE = Sample(key="a", image=np.zeros((4, 4, 3), np.uint8), targets={})


def stage(index: int, plugin: Transform, p: float = 1.0) -> Stage:
    return Stage(id=f"{type(plugin).__name__.lower()}-{index}", plugin=plugin, p=p)


def stages(*plugins: Transform) -> tuple[Stage, ...]:
    return tuple(stage(index, plugin) for index, plugin in enumerate(plugins))


def drawn(plugin: Transform, times: int = 600) -> list[Params]:
    return [plugin.draw(SAMPLE, generator(7, "x", key)) for key in range(times)]


def test_one_of_draws_uniformly_by_default() -> None:
    plugin = OneOf(stages=stages(Add(value=1), Add(value=2), Add(value=3)))
    counts = Counter(params["index"] for params in drawn(plugin))
    assert set(counts) == {0, 1, 2}
    assert all(abs(count - 200) < 60 for count in counts.values())


def test_one_of_draws_by_weight_and_never_a_weight_of_zero() -> None:
    plugin = OneOf(stages=stages(Add(), Add(), Add(), Add()), weights=(0, 3, 1, 0))
    counts = Counter(params["index"] for params in drawn(plugin))
    assert set(counts) == {1, 2}
    assert abs(counts[1] - 450) < 60


def test_one_of_applies_the_drawn_stage_with_the_drawn_seed() -> None:
    plugin = OneOf(stages=stages(Add(value=1), Add(value=50, random=True)))
    params = json.loads(json.dumps({"index": 1, "seed": 5}))
    first = plugin.apply(SAMPLE, params).image
    assert 50 <= first[0, 0, 0] < 60
    assert np.array_equal(first, plugin.apply(SAMPLE, params).image)
    others = {plugin.apply(SAMPLE, {"index": 1, "seed": seed}).image[0, 0, 0] for seed in range(50)}
    assert len(others) == 10


def test_equal_stages_draw_independently() -> None:
    plugin = SomeOf(stages=stages(Add(value=0, random=True), Add(value=0, random=True)), pick=2)
    results = [plugin.apply(SAMPLE, params).image[0, 0, 0] for params in drawn(plugin, 200)]
    pairs = {(int(value) // 2, int(value) % 2) for value in results}
    assert (
        len(pairs) > 20
    )  # 2 * a + b takes all values up to 27; one seed for both would give 3 * a


@pytest.mark.parametrize(("pick", "sizes"), [(2, {2}), ((0, 3), {0, 1, 2, 3}), (0, {0})])
def test_some_of_draws_that_many_without_repetition_in_order(pick: Any, sizes: set[int]) -> None:
    plugin = SomeOf(stages=stages(Add(), Add(), Add()), pick=pick)
    picks = [[each["index"] for each in params["drawn"]] for params in drawn(plugin)]
    assert {len(indices) for indices in picks} == sizes
    assert all(indices == sorted(set(indices)) for indices in picks)
    if pick == 2:
        assert Counter(index for indices in picks for index in indices).keys() == {0, 1, 2}


def test_some_of_applies_in_written_order() -> None:
    plugin = SomeOf(stages=stages(Add(value=1), Add(value=0)), pick=2)
    params = plugin.draw(SAMPLE, generator(1))
    assert plugin.apply(SAMPLE, params).image[0, 0, 0] == 2


def test_the_p_of_a_nested_stage_holds() -> None:
    plugin = OneOf(stages=(stage(0, Add(value=1), p=0.25),))
    results = [plugin.apply(SAMPLE, params).image[0, 0, 0] for params in drawn(plugin)]
    assert abs(np.mean(results) - 0.25) < 0.06


def test_nesting_goes_deeper() -> None:
    inner = OneOf(stages=stages(Add(value=1), Add(value=2)))
    plugin = SomeOf(stages=stages(inner, Add(value=0)), pick=2)
    results = {int(plugin.apply(SAMPLE, params).image[0, 0, 0]) for params in drawn(plugin, 50)}
    assert results == {2, 4}


def test_geometry_is_the_worst_and_moves_what_all_move() -> None:
    flips = stages(Add(), Mirror())
    for plugin in (OneOf(stages=flips), SomeOf(stages=flips, pick=1)):
        assert (plugin.geometry, plugin.moves) == ("moves", ("mask", "boxes"))
    plugin = OneOf(stages=stages(Mirror(), Resize(short=3)))
    assert (plugin.geometry, plugin.moves) == ("moves", ("mask", "boxes"))
    plugin = OneOf(stages=stages(Add(), Add()))
    assert (plugin.geometry, plugin.moves) == ("fixed", ())


def test_one_of_returns_the_signature_that_all_end_in() -> None:
    plugin = OneOf(stages=stages(Resize(size=(2, 2)), Resize(short=2)))
    assert plugin.output_signature(SIGNATURE) == SIGNATURE.resized(2, 2)


def test_branches_that_end_in_different_signatures_are_refused() -> None:
    plugin = OneOf(stages=stages(Resize(size=(2, 2)), Add()))
    with pytest.raises(ValueError) as caught:
        plugin.output_signature(SIGNATURE)
    assert str(caught.value) == (
        "branches end in different signatures: stages[0] (resize-0) in image 2x2x3 uint8, "
        "stages[1] (add-1) in image 4x4x3 uint8."
    )


def test_a_stage_that_may_be_left_out_is_a_branch() -> None:
    plugin = OneOf(stages=(stage(0, Resize(size=(2, 2)), p=0.5),))
    with pytest.raises(ValueError, match=r"stages\[0\] \(resize-0\) left out in image 4x4x3"):
        plugin.output_signature(SIGNATURE)
    never = OneOf(stages=(stage(0, Resize(size=(2, 2)), p=0.0),))
    assert never.output_signature(SIGNATURE) == SIGNATURE


def test_some_of_refuses_a_stage_that_changes_the_signature() -> None:
    plugin = SomeOf(stages=stages(Add(), Resize(size=(2, 2))), pick=2)
    with pytest.raises(ValueError) as caught:
        plugin.output_signature(SIGNATURE)
    assert str(caught.value) == (
        "expected stages that keep the signature, since any may be left out, found "
        "stages[1] (resize-1), which turns image 4x4x3 uint8 into image 2x2x3 uint8."
    )


def test_a_refusal_inside_names_the_stage() -> None:
    plugin = OneOf(stages=stages(Add(), Resize(size=(2, 2))))
    image = ImageSignature(height=4, width=4, channels=3, dtype="int64")
    with pytest.raises(ValueError, match=r"^stages\[1\] \(resize-1\): expected uint8"):
        plugin.output_signature(Signature(image=image, targets={}))


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (OneOf, {"stages": ()}, "stages: at least one is needed. Add one."),
        (
            OneOf,
            {"stages": stages(Add(), Add()), "weights": (1.0,)},
            "weights: expected one for each of the 2 stages, found 1.",
        ),
        (
            OneOf,
            {"stages": stages(Add()), "weights": (0.0,)},
            "weights: expected 0 or more, and one above 0, found [0.0].",
        ),
        (SomeOf, {"stages": (), "pick": 0}, "stages: at least one is needed. Add one."),
        (
            SomeOf,
            {"stages": stages(Add()), "pick": 2},
            "pick: expected a number or [low, high] in [0, 1], found 2.",
        ),
        (
            SomeOf,
            {"stages": stages(Add()), "pick": (1, 0)},
            "pick: expected a number or [low, high] in [0, 1], found [1, 0].",
        ),
    ],
)
def test_wrong_options_are_told(cls: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        cls(**options)
    assert str(caught.value) == message
