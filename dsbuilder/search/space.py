"""Options of a search with their values, and the points of a space that trials are made of.

Points are those of Halton, each digit permuted by the seed (A. Owen, "A Randomized Halton Algorithm
in R", 2017). So any number of them lies evenly, by each option and together, where independent
draws leave gaps; and the first n points of a search are the same for any n.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsbuilder import typed_json
from dsbuilder.pipelinefile.tuning import Choices, Searched, SearchInterval
from dsbuilder.seeding import generator

Values = Mapping[str, Any]
"""What a trial says of options, by their paths; empty for a pipeline as it is."""

_DIGITS = 4
"""Digits that count in a number: what is tried is what a person reads."""
_BITS = 40
"""How fine shares are: finer than any two trials of a search."""
_MOST_AGAIN = 1000
"""Points that may follow each other without a new one among them; then all are taken as known."""


@dataclass(frozen=True, kw_only=True)
class SearchOption:
    """An option that a search tries values of.

    Attributes:
      path: where a pipeline says it, such as `train.optimizer.learning_rate`.
      searched: its values.
      whole: whether it takes whole numbers alone.
      own: what the pipeline says of it; None where that is nothing.
    """

    path: str
    searched: Searched
    whole: bool = False
    own: Any = None

    @property
    def edges(self) -> tuple[Any, ...]:
        """Its least and greatest value, or all choices."""
        if isinstance(self.searched, Choices):
            return self.searched.values
        ends = (self.searched.low, self.searched.high)
        return tuple(map(round, ends)) if self.whole else ends

    def at(self, share: float) -> Any:
        """Returns the value at a share in [0, 1) of its scale."""
        if isinstance(self.searched, Choices):
            return self.searched.values[int(share * len(self.searched.values))]
        low, high = self.edges
        if self.whole:  # each number is the middle of a stretch of its own
            value = _between(self.searched, low - 0.5, high + 0.5, share)
            return min(max(math.floor(value + 0.5), low), high)
        value = _between(self.searched, low, high, share)
        return min(max(float(f"{value:.{_DIGITS}g}"), low), high)


def _between(searched: SearchInterval, low: float, high: float, share: float) -> float:
    if searched.scale == "log":
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    return low + share * (high - low)


def trials(options: Sequence[SearchOption], seed: int) -> Iterator[Values]:
    """Yields what trials say, each once; the first is the pipeline as it is.

    It ends where nothing new is left to try.
    """
    yield {}
    seen = {typed_json.dumps({each.path: each.own for each in options})}
    again = 0
    for shares in _points(seed, [each.path for each in options]):
        values = {each.path: each.at(at) for each, at in zip(options, shares, strict=True)}
        known = typed_json.dumps(values)
        again = again + 1 if known in seen else 0
        if again > _MOST_AGAIN:
            return
        if not again:
            seen.add(known)
            yield values


def _points(seed: int, names: Sequence[str]) -> Iterator[tuple[float, ...]]:
    """Yields points of the unit cube, a share in each for every name."""
    bases = zip(_primes(), names, strict=False)  # of which there are more
    axes = [(base, _permutations(seed, name, base)) for base, name in bases]
    for number in itertools.count():
        yield tuple(_permuted_inverse(number, base, digits) for base, digits in axes)


def _permutations(seed: int, name: str, base: int) -> list[list[int]]:
    """Returns what digits become, at each place behind the point that counts."""
    places = math.ceil(_BITS * math.log(2) / math.log(base))
    drawn = (generator(seed, "tune", name, place).permutation(base) for place in range(places))
    return [each.tolist() for each in drawn]


def _permuted_inverse(number: int, base: int, permutations: Sequence[Sequence[int]]) -> float:
    """Returns the digits of a number mirrored at the point and permuted, those that are 0 too."""
    share, unit = 0.0, 1.0
    for permutation in permutations:
        number, digit = divmod(number, base)
        unit /= base
        share += unit * permutation[digit]
    return share


def _primes() -> Iterator[int]:
    for number in itertools.count(2):
        if all(number % each for each in range(2, math.isqrt(number) + 1)):
            yield number


def narrowed(option: SearchOption, values: Sequence[Any]) -> Searched | None:
    """Returns what is left of an option's values if some trials were good; None if that is one.

    Args:
      values: what the good trials said of it. That of a pipeline as it is may lie outside, or be
        nothing; it narrows nothing.
    """
    if isinstance(option.searched, Choices):
        kept = tuple(each for each in option.searched.values if each in values)
        return Choices(kept) if len(kept) > 1 else None
    ends = option.searched
    numbers = [each for each in values if type(each) in (int, float)]
    within = [each for each in numbers if ends.low <= each <= ends.high]
    if not within or min(within) == max(within):
        return None
    return SearchInterval(low=min(within), high=max(within), scale=ends.scale)
