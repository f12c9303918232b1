"""How likely counts are by chance, and which of many surely are not."""

import math
from collections.abc import Iterable, Sequence

_LEVEL = 0.05
_NOTHING = 1e-17


def log_choose(n: int, k: int) -> float:
    """Returns the logarithm of the number of ways to take k of n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def binomial_tail(count: int, of: int, probability: float) -> float:
    """Returns how likely `count` or more of some samples are, each by a probability of its own."""
    if count <= 0:
        return 1.0
    if not 0 < probability < 1:
        return float(probability >= 1)
    logs = (math.log(probability), math.log1p(-probability))
    return _total(
        log_choose(of, k) + k * logs[0] + (of - k) * logs[1] for k in range(count, of + 1)
    )


def fisher_tail(count: int, of: int, others: int, of_others: int) -> float:
    """Returns how likely `count` or more of the mistakes are in a group, if it is like the rest.

    R. A. Fisher's exact test, one side of it.

    Args:
      count, of: mistakes in the group, and samples of it.
      others, of_others: mistakes in the rest, and samples of that.
    """
    mistakes, samples = count + others, of + of_others
    whole = log_choose(samples, mistakes)
    return _total(
        log_choose(of, k) + log_choose(of_others, mistakes - k) - whole
        for k in range(count, min(of, mistakes) + 1)
    )


def student_tails(differences: Sequence[float]) -> float:
    """Returns how likely a mean as far from 0, either way, is of differences whose true mean is 0.

    Student's paired t test. Where all differences agree, they are taken for rounded ones: their
    spread is then that of a rounding whose step is the difference itself.

    Args:
      differences: independent ones, 2 or more.
    """
    count = len(differences)
    mean = math.fsum(differences) / count
    if mean == 0:
        return 1.0
    square = math.fsum((each - mean) ** 2 for each in differences) / (count - 1)
    spread = math.sqrt(square) if min(differences) < max(differences) else abs(mean) / 12**0.5
    return 1 - _student_between(abs(mean) / spread * count**0.5, count - 1)


def _student_between(t: float, freedom: int) -> float:
    """Returns the probability of [-t, t] by Student's distribution.

    Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, freedom**0.5)
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for place in range(1 + odd, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * place / (place + 1)
    share = math.sin(angle) * total
    return 2 / math.pi * (angle + share) if odd else share


def _total(logarithms: Iterable[float]) -> float:
    """Returns the sum of probabilities that rise and then fall, without what adds nothing to it."""
    total, before = 0.0, -math.inf
    for each in logarithms:
        term = math.exp(each)
        total += term
        if each < before and term < _NOTHING * total:
            break
        before = each
    return min(total, 1.0)


def surely_not_chance(probabilities: Sequence[float], *, of: int) -> list[bool]:
    """Returns which of many tests tell of something, with a chance of 5 % that any is wrong.

    S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).

    Args:
      of: number of tests that were made, those included of which nothing is told here.
    """
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
    found = [False] * len(probabilities)
    for place, index in enumerate(order):
        if probabilities[index] * (of - place) > _LEVEL:
            break
        found[index] = True
    return found
