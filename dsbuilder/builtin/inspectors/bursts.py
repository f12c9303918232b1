"""Which pictures belong together, by names, times and likeness, by more than chance.

time      pictures that one camera took within seconds: at least 3 such groups. A clock that gives
one long run, as of a scanner or of files that a tool dated, says nothing
sequence  numbers of files. A folder that is numbered throughout says nothing, nor does one from
which some numbers were taken out: gaps are then short. Two things do:
bursts   a series of 5 runs or more: most of its files have a neighbor by number, and
most gaps lack 5 numbers or more, where chance would leave one or two
series   many short series, each numbered from the start, several in each class:
`tom_1`, `tom_2`, `ann_1`, ... One series a class only says the class
likeness  pictures that show one scene (`scenes.py`): at least 3 such groups, of a fiftieth of all
pictures or more. Where one group is a quarter of all, the pictures are all alike; where groups are
most of their classes, they only say the class
"""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dsbuilder.builtin.inspectors import scenes
from dsbuilder.builtin.inspectors.scenes import Scenes
from dsbuilder.images import capture
from dsbuilder.images.capture import ALIKE, BURST_S, Capture, Runs

_LEAST_GROUPS = 3
_LEAST_RUNS, _LEAST_STEP = 5, 6
_LEAST_SERIES, _SERIES_OF_CLASS, _LONGEST_SERIES = 10, 5, 50
_MOST_OF_ALL = 0.25
_MOST_FILES = 0.8
_LEAST_OF_ALL, _MOST_OF_CLASS = 0.02, 0.5


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A rule for `split.group`, and what it finds.

    Attributes:
      rule: the rule, as a pipeline says it.
      what: what the pictures of a group have in common, in words that follow "pictures".
      groups: keys of each group, two or more.
    """

    rule: str
    what: str
    groups: Runs


def proposals(
    classes: Mapping[str, Sequence[str]],
    captures: Mapping[str, Capture],
    shown: Scenes,
    *,
    alike: float = ALIKE,
) -> Iterator[Proposal]:
    """Yields the rules that evidence speaks for, the strongest first; mostly none.

    Args:
      classes: classes of each record by key.
      captures: camera and time of the records that say it, by key.
      shown: what records show, of those of which it is known, by key.
      alike: how like two are that show one scene; see `scenes.py`.
    """
    by_time = _several(capture.runs_of_times(captures, BURST_S))
    largest = max(map(len, by_time), default=0)
    if len(by_time) >= _LEAST_GROUPS and largest <= _MOST_OF_ALL * len(captures):
        what = f"that one camera took within {BURST_S:g} s of each other"
        yield Proposal(rule="time", what=what, groups=by_time)
    numbered = capture.series(classes)
    bursts = [run for each in numbered.values() for run in _bursts(each)]
    if bursts:
        what = "whose files are numbered one after the other, between wide gaps"
        yield Proposal(rule="sequence", what=what, groups=bursts)
    elif _are_many(numbered, classes):
        runs = [run for each in numbered.values() for run in capture.runs_of_numbers(each)]
        what = "of one name that are numbered from its start"
        yield Proposal(rule="sequence", what=what, groups=_several(runs))
    like = scenes.groups(shown, alike)
    if _are_scenes(like, classes, len(shown)):
        rule = "likeness" if alike == ALIKE else f"{{likeness: {alike:g}}}"
        yield Proposal(rule=rule, what="that show nearly the same", groups=like)


def _are_scenes(groups: Runs, classes: Mapping[str, Sequence[str]], count: int) -> bool:
    """Whether groups of like pictures are neither chance, nor all pictures, nor the classes.

    Args:
      count: number of all pictures.
    """
    if len(groups) < _LEAST_GROUPS or sum(map(len, groups)) < _LEAST_OF_ALL * count:
        return False
    if max(map(len, groups)) > _MOST_OF_ALL * count:
        return False
    sizes = Counter(name for names in classes.values() for name in names or ("",))
    shares = [len(keys) / min(sizes[name] for name in classes[keys[0]] or ("",)) for keys in groups]
    return statistics.median(shares) <= _MOST_OF_CLASS


def _several(runs: Runs) -> Runs:
    return [run for run in runs if len(run) > 1]


def _bursts(numbered: Mapping[str, int]) -> Runs:
    """Returns the runs of a series that is one of bursts; none of another."""
    runs = capture.runs_of_numbers(numbered)
    several = _several(runs)
    gaps = [numbered[after[0]] - numbered[before[-1]] for before, after in pairwise(runs)]
    if len(several) < _LEAST_RUNS or 2 * sum(map(len, several)) < len(numbered):
        return []
    return several if statistics.median(gaps) >= _LEAST_STEP else []


def _are_many(
    numbered: Mapping[str, Mapping[str, int]], classes: Mapping[str, Sequence[str]]
) -> bool:
    """Whether most records are of short series, each numbered from the start, many in a class."""
    short = [each for each in numbered.values() if _is_short(each)]
    if len(short) < _LEAST_SERIES or sum(map(len, short)) < _MOST_FILES * len(classes):
        return False
    series_of: dict[str, set[int]] = {}
    for place, each in enumerate(short):
        for key in each:
            for name in classes[key] or ("",):
                series_of.setdefault(name, set()).add(place)
    return statistics.median(map(len, series_of.values())) >= _SERIES_OF_CLASS


def _is_short(numbered: Mapping[str, int]) -> bool:
    numbers = set(numbered.values())
    first, last = min(numbers), max(numbers)
    return 2 <= len(numbered) <= _LONGEST_SERIES and first <= 1 and last - first < len(numbers)
