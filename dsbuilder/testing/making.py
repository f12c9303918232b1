"""What all plugins promise that make samples: params of JSON, pure functions, what was announced.

Every check goes through the cases of `cases.py`. A plugin is given copies, so that one check does
not fail for the fault of another.
"""

import copy
import json
import random
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TypeVar

import numpy as np

from dsbuilder.equality import difference, is_same
from dsbuilder.plugin import Mixer, Params, Sample, Synthesizer, Target, Transform, generator
from dsbuilder.testing.cases import SIZES, ShownCase, cases_of
from dsbuilder.testing.laws import check_fits, check_json, check_names
from dsbuilder.testing.promises import Check, name_of, showing

Made = TypeVar("Made")
Maker = Transform | Mixer | Synthesizer

MOST_PARAMS_BYTES = 1 << 16
"""What may be drawn for one sample, as JSON: the ledger keeps it."""
_DRAWS = 2
_LEVELS, _SHARE = 1.0, 1e-5
"""How far an image may be apart that was summed up in another order: levels, and of floats."""


Law = Callable[[ShownCase, int], None]


def _of_each(draws: int) -> Callable[[Law], Callable[[Maker], None]]:
    """Makes a law, of a case and the seed of a draw, a check of a plugin; it says on which case."""

    def decorator(law: Law) -> Callable[[Maker], None]:
        @wraps(law)
        def check(plugin: Maker) -> None:
            for case in cases_of(plugin):
                for seed in range(draws):
                    with showing(case.shown):
                        law(case, seed)

        return check

    return decorator


def _drawn(case: ShownCase, seed: int) -> Params:
    return case.draw(case.fresh(), generator("kit", seed))


def check_accepts(plugin: Maker) -> None:
    """Checks that a plugin takes some image, and says why where it takes none."""
    what = "to draw in some mode" if isinstance(plugin, Synthesizer) else "some of 1, 3, 4 channels"
    verb = "" if isinstance(plugin, Synthesizer) else "to take "
    assert any(cases_of(plugin)), (
        f"expected {verb}{what}, found it refuses all. Correct output_signature()."
    )


def check_runs(plugin: Maker) -> None:
    """Checks that what `output_signature` takes is drawn and made without an error."""
    for case in cases_of(plugin, SIZES[:1]):
        with showing(case.shown):
            case.make(case.fresh(), _drawn(case, 0))


@_of_each(_DRAWS)
def check_params(case: ShownCase, seed: int) -> None:
    """Checks that params are JSON values, and few enough to be kept for every sample."""
    params = _drawn(case, seed)
    try:
        written = json.dumps(params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"expected params of JSON values, found {params}: {error}. Convert them in draw(), "
            "say with int(...), float(...) or .tolist()."
        ) from error
    assert json.loads(written) == params, (
        "expected params that JSON keeps as they are (lists, not tuples; text as keys), "
        f"found {params}. Convert them in draw()."
    )
    assert len(written) <= MOST_PARAMS_BYTES, (
        f"expected params of at most {MOST_PARAMS_BYTES} bytes as JSON, since those of every "
        f"sample are kept, found {len(written)}. Draw a seed with draw_seed(rng)."
    )


@_of_each(_DRAWS)
def check_draws(case: ShownCase, seed: int) -> None:
    """Checks that `draw` uses its generator alone, and leaves what it is given as it is."""
    given = case.fresh()
    params = with_global_seed(0, lambda: case.draw(given, generator("kit", seed)))
    again = with_global_seed(1, lambda: _drawn(case, seed))
    assert params == again, (
        f"expected draw to use its generator alone, found {params} and {again} from equal "
        "ones. Take all randomness from rng."
    )
    _check_left(case, given)


@_of_each(1)
def check_inputs(case: ShownCase, seed: int) -> None:
    """Checks that samples and params are left as they are, and read-only images are taken."""
    params, given = _drawn(case, seed), case.fresh()
    kept = copy.deepcopy(params)
    case.make(given, params)
    assert params == kept, "expected its params left alone, found them changed. Copy them."
    _check_left(case, given)
    for sample in given:
        sample.image.flags.writeable = False
    case.make(given, params)


def _check_left(case: ShownCase, given: list[Sample]) -> None:
    for sample, before in zip(given, case.given, strict=True):
        assert np.array_equal(sample.image, before.image), (
            "expected its input image left alone, found it written to. Copy it first: "
            "image = sample.image.copy()."
        )
        for name, value in before.targets.items():
            assert is_same(sample.targets.get(name), value), (
                f"expected its input targets left alone, found '{name}' changed. Copy it first, "
                "and return sample.replace(targets=...)."
            )


@_of_each(1)
def check_repeats(case: ShownCase, seed: int) -> None:
    """Checks that the same params make the same image and targets."""
    params = _drawn(case, seed)
    one = with_global_seed(0, lambda: copy.deepcopy(case.make(case.fresh(), params)))
    two = with_global_seed(1, lambda: case.make(case.fresh(), params))
    apart = difference(one, two)
    assert apart is None, (
        f"expected the same bytes from the same params, found {apart}. Draw all randomness in "
        "draw(), and keep no state."
    )


def check_state(plugin: Maker) -> None:
    """Checks that a sample does not depend on those that were made before it, nor on its key."""
    cases = list(cases_of(plugin))
    for place, case in enumerate(cases):
        with showing(case.shown):
            params = _drawn(case, 1)
            one = copy.deepcopy(case.make(case.fresh(), params))
            other = cases[place - 1]
            other.make(other.fresh(), _drawn(other, 2))
            again = case.make(case.fresh(), params)
            apart = difference(one, again)
            assert apart is None, (
                f"expected the same after another sample was made, found {apart}. Keep no state "
                "between two calls."
            )
            if case.given:
                _check_strided(case, params, one)
            else:
                apart = difference(one, case.rendered("b//2", params))
                assert apart is None, (
                    f"expected a sample of the params alone, found one that depends on the key: "
                    f"{apart}."
                )


def _check_strided(case: ShownCase, params: Params, one: Sample) -> None:
    given = case.fresh()
    given[0] = given[0].replace(image=np.asfortranarray(given[0].image))
    image = case.make(given, params).image
    # Sums are taken in another order then, so that the last digit may differ.
    most = _LEVELS if image.dtype.kind in "ui" else _SHARE * max(1.0, float(np.abs(image).max()))
    apart = np.abs(image.astype(np.float64) - one.image) if image.shape == one.image.shape else None
    assert apart is not None and apart.max(initial=0.0) <= most, (
        "expected the same image of an array that is not contiguous, found another one. Use "
        "np.ascontiguousarray() where order in memory counts."
    )


@_of_each(_DRAWS)
def check_signature(case: ShownCase, seed: int) -> None:
    """Checks that what comes out is what `output_signature` announced."""
    name = name_of(case.plugin)
    assert case.after.targets, "there is no target. Announce one in output_signature()."
    check_names(name, case.after.targets)
    params = _drawn(case, seed)
    result = case.make(case.fresh(), params)
    check_fits(name, result, case.after)
    problem = result.size_problem() if result.positional else None
    assert problem is None, f"{problem}. Move it along, or say geometry='breaks'."
    _check_values(result, case.after.targets)
    key = case.given[0].key if case.given else "a//1"
    assert result.key == key, f"expected the sample's key, '{key}', found '{result.key}'."
    _check_words(case, params, result)


def _check_values(result: Sample, targets: Mapping[str, Target]) -> None:
    """Checks that targets can be stored: within the image, finite, weights that sum to 1."""
    for name, target in targets.items():
        value = result.targets[name]
        problem = target.problem(name, target.encode(name, value))
        assert problem is None, f"target '{name}': {problem}. Correct it."


def _check_words(case: ShownCase, params: Params, result: Sample) -> None:
    """Checks what a plugin says of a draw: to a person, and of what no two splits may share."""
    plugin = case.plugin
    if isinstance(plugin, Transform):
        check_json(name_of(plugin), "what explain() returns", plugin.explain(case.given[0], params))
    if isinstance(plugin, Synthesizer):
        content = plugin.content(params)
        assert content is None or isinstance(content, str), (
            f"expected a text or None from content(), found {content!r}."
        )
        kinds = case.after.targets.items()
        told = [each for name, kind in kinds for each in kind.classes(result.targets[name])]
        label = plugin.class_of(params)
        assert label is None or label in told, (
            f"expected class_of() to tell a class of what is rendered, {told}, found {label!r}."
        )


def with_global_seed(seed: int, make: Callable[[], Made]) -> Made:
    """Runs with the global generators in a known state, so that a use of them shows."""
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        return make()
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


PARAMS = Check(
    name="params",
    promises="draw() returns JSON values, few enough to be kept of every sample",
    run=check_params,
)
FIRST = (
    Check(
        name="accepts",
        promises="output_signature() takes some images, and refuses others with a reason",
        run=check_accepts,
    ),
    PARAMS,
    Check(
        name="runs",
        promises="what output_signature() takes is made without an error",
        run=check_runs,
    ),
)
CHECKS = (
    Check(
        name="draws",
        promises="draw() takes all randomness from its generator, and changes nothing",
        run=check_draws,
    ),
    Check(
        name="inputs",
        promises="apply() or render() leaves the samples and params that it is given as they are",
        run=check_inputs,
    ),
    Check(name="repeats", promises="the same params make the same bytes", run=check_repeats),
    Check(
        name="signature",
        promises="what comes out is what output_signature() announced",
        run=check_signature,
    ),
    Check(
        name="state",
        promises="a sample does not depend on those before it, nor on how it lies in memory",
        run=check_state,
    ),
)
