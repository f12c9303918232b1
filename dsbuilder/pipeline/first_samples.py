"""A close look at the first samples that each stage makes in a process.

What a plugin promises and breaks is mostly broken at once: so the first samples are drawn and made
twice, and what a stage was given is compared with what it was. It costs two samples a stage and
process, changes no byte, and says in the first second, with the sample, what `dsbuilder plugins
test` would have said.
"""

import copy
from collections import Counter
from collections.abc import Callable, Sequence

from dsbuilder.equality import difference
from dsbuilder.errors import PluginError
from dsbuilder.pipeline.params import check_params, not_finite
from dsbuilder.sample import Params, Sample

_LOOKED_AT = 2


class BrokenContractError(PluginError):
    """A plugin breaks what every plugin promises, so that none of its samples is to be trusted."""


class FirstSamples:
    """Looks closely at the first samples of each stage; later ones are made and no more."""

    def __init__(self) -> None:
        self._looked_at: Counter[str] = Counter()

    def wants(self, stage: str) -> bool:
        """Whether a stage's next sample is to be looked at."""
        return self._looked_at[stage] < _LOOKED_AT

    def draw(self, stage: str, key: str, draw: Callable[[], Params | None]) -> Params | None:
        """Returns what a stage draws, after checking that it draws the same again, in JSON.

        A sample to which it is applied counts as looked at.

        Raises:
          BrokenContractError: it does not.
          PluginError: it draws what is no JSON.
        """
        params, again = draw(), draw()
        self._looked_at[stage] += params is not None
        for each in (params, again):
            if each is not None:
                check_params(each)
        number = next(not_finite(params), None)
        if number is not None:
            raise _broken(stage, key, f"expected JSON values from draw(), found {number!r}")
        if params != again:
            what = f"found {params} and {again} of equal ones. Take randomness from rng alone"
            raise _broken(stage, key, f"expected draw() to use its generator alone, {what}")
        return params

    def make(
        self, stage: str, given: Sequence[Sample], params: Params, make: Callable[[], Sample]
    ) -> Sample:
        """Returns what a stage makes, after checking that it is pure.

        Args:
          given: what it must leave as it is: the sample, and partners.

        Raises:
          BrokenContractError: it is not.
        """
        before, drawn = copy.deepcopy(list(given)), copy.deepcopy(params)
        made = make()
        key = given[0].key if given else made.key
        for was, sample in zip(before, given, strict=True):
            changed = difference(was, sample)
            if changed is not None:
                what = f"found {changed} before and after. Copy what is changed"
                raise _broken(stage, key, f"expected what it is given left alone, {what}")
        if params != drawn:
            raise _broken(stage, key, "expected its params left alone, found them changed")
        if given and made.key != key:
            raise _broken(stage, key, f"expected the sample's key, found '{made.key}'")
        first = copy.deepcopy(made)
        apart = difference(first, make())
        if apart is not None:
            what = f"found {apart}. Draw all randomness in draw(), and keep no state"
            raise _broken(stage, key, f"expected the same from the same params, {what}")
        return made


def _broken(stage: str, key: str, text: str) -> BrokenContractError:
    return BrokenContractError(
        f"stage '{stage}', sample '{key}': {text}. `dsbuilder plugins test FILE` tries all of it."
    )
