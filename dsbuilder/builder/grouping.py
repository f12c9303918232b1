"""Records that belong together: which they are, and whole groups of them dealt to splits.

Class by class, by what most of their records are, groups are ranked by a hash and go to the split
in which their middle falls; what a class has more or less than its share, the next one makes up
for. So every split comes within the largest group's size of its share, and of each class within
twice that.
"""

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

from dsbuilder.disjoint_sets import DisjointSets
from dsbuilder.errors import DataError
from dsbuilder.images import capture
from dsbuilder.images.capture import Runs
from dsbuilder.pipelinefile.splitting import GroupRule
from dsbuilder.sample import Record
from dsbuilder.seeding import rank

Shares = Mapping[str, Fraction]
Member = tuple[str, ...]
"""What is dealt as one: `(key,)`, or `("group", name)` and `("run", its first key)`; it cannot be
mistaken one for the other."""
Evidence = Callable[[Sequence[Record]], Mapping[str, Any]]
"""What a rule goes by beyond keys, of the records that tell it; see `group_evidence.py`."""

_GOES_BY = {
    "sequence": ("names of files with numbers", "number"),
    "time_s": ("images whose EXIF says when they were taken", "time"),
    "likeness": ("images that are not small, even or broken", "picture to compare"),
}
"""By what a rule goes, and what a record lacks that does not tell it."""

_MOST = 10
"""A group of more than a tenth of all records is told of."""


def members_of(
    records: Sequence[Record], rule: GroupRule | None, evidence: Evidence | None
) -> tuple[dict[str, Member] | None, list[str]]:
    """Returns key -> what it is dealt with, and warnings; None where there are no groups.

    Raises:
      DataError: a rule finds nothing in any record to go by.
    """
    if rule is not None and rule.pattern is None:
        return _members_by_run(records, rule, evidence)
    groups = [record.group if rule is None else _matched(rule, record.key) for record in records]
    found = sum(group is not None for group in groups)
    if rule is not None:
        _check_found(records, found, f"'{rule.pattern}' to match in keys", "match", "pattern")
    if not found:
        return None, []
    members: dict[str, Member] = {
        record.key: (record.key,) if group is None else ("group", group)
        for record, group in zip(records, groups, strict=True)
    }
    alone = [key for key, member in members.items() if len(member) == 1]
    return members, [*_told(records, alone, "belong to no group")]


def _members_by_run(
    records: Sequence[Record], rule: GroupRule, evidence: Evidence | None
) -> tuple[dict[str, Member], list[str]]:
    """Returns members by runs; what the source states as a group stays whole beside them."""
    keys = [record.key for record in records]
    known, runs = _runs(keys, rule, evidence(records) if evidence else {})
    wanted, what = _GOES_BY[rule.kind]
    _check_found(records, len(known), wanted, what, "rule")
    members: dict[str, Member] = {key: (key,) for key in keys}
    members.update((key, ("run", run[0])) for run in runs if len(run) > 1 for key in run)
    alone = [each.key for each in records if each.key not in known and each.group is None]
    joined = _joined(records, members)
    return joined, [*_told(records, alone, f"have no {what}"), *_too_large(joined, rule)]


def _runs(
    keys: Sequence[str], rule: GroupRule, told: Mapping[str, Any]
) -> tuple[Collection[str], Runs]:
    """Returns the keys that tell what a rule goes by, and the groups of them."""
    if rule.sequence is not None:
        numbered = capture.series(keys).values()
        runs = [run for each in numbered for run in capture.runs_of_numbers(each, rule.sequence)]
        return {key for run in runs for key in run}, runs
    if rule.time_s is not None:
        return told.keys(), capture.runs_of_times(told, rule.time_s)
    from dsbuilder.builtin.inspectors import scenes  # most builds need none of it

    return told.keys(), scenes.groups(told, rule.likeness or 1)


def _joined(records: Sequence[Record], members: Mapping[str, Member]) -> dict[str, Member]:
    """Returns members of which those are one that share a group of the source."""
    sets = DisjointSets[Member]()
    for record in records:
        if record.group is not None:
            sets.join(members[record.key], ("group", record.group))
    return {key: sets.root(member) for key, member in members.items()}


def _check_found(records: Sequence[Record], found: int, wanted: str, what: str, mend: str) -> None:
    if records and not found:
        raise DataError(
            f"split.group: expected {wanted}, found no {what} in any of {len(records)}, such as "
            f"'{min(record.key for record in records)}'. Correct the {mend}."
        )


def _told(records: Sequence[Record], alone: Sequence[str], why: str) -> Iterator[str]:
    if alone:
        yield (
            f"split: {len(alone)} of {len(records)} records {why} and are dealt one by one, such "
            f"as '{min(alone)}'."
        )


def _too_large(members: Mapping[str, Member], rule: GroupRule) -> Iterator[str]:
    """Warns of a group that is much of all, as one run is of a folder numbered throughout."""
    why = (
        "Where pictures of a class are all alike, likeness says nothing of what belongs together: "
        "state a greater one, such as {likeness: 0.85}, use time, a pattern, or no rule."
        if rule.likeness is not None
        else "Where a folder is numbered throughout, numbers say nothing of what belongs together: "
        "use time, a pattern, or no rule."
    )
    for member, size in Counter(members.values()).most_common(1):
        if size * _MOST > len(members) and size > _MOST:
            yield (
                f"split.group: one group has {size} of {len(members)} records and goes to one "
                f"split, that of '{member[-1]}'. {why}"
            )


def _matched(rule: GroupRule, key: str) -> str | None:
    pattern = re.compile(rule.pattern or "")
    match = pattern.search(key)
    if match is None:
        return None
    return (match.group(1) if pattern.groups else match.group()) or None


def by_class(
    strata: Mapping[str, list[str]], members: Mapping[str, Member]
) -> dict[str, dict[Member, int]]:
    """Returns, by the class that most of their records are of, groups with their sizes."""
    classes: dict[Member, Counter[str]] = defaultdict(Counter)
    for name, keys in strata.items():
        for key in keys:
            classes[members[key]][name] += 1
    found: dict[str, dict[Member, int]] = {name: {} for name in strata}
    for member in sorted(classes):
        counts = classes[member]
        name = min(counts, key=lambda name: (-counts[name], name))
        found[name][member] = counts.total()
    return found


def deal_groups(
    strata: Mapping[str, list[str]], members: Mapping[str, Member], shares: Shares, *, seed: int
) -> dict[str, str]:
    """Ranks whole groups class by class and gives each to the split in which its middle falls."""
    names: list[str] = list(shares)
    split_of: dict[Member, str] = {}
    seen, filled = 0, [0] * len(shares)
    for sizes in by_class(strata, members).values():
        seen += sum(sizes.values())
        # Twice every position, so that the middle of a group is a whole number.
        reached = accumulate(filled)
        cuts = [
            math.ceil(2 * (upto * seen - so_far))
            for upto, so_far in zip(accumulate(shares.values()), reached, strict=True)
        ]
        position = 0
        for member in sorted(sizes, key=lambda member: rank(seed, "split", *member)):
            place = min(bisect_right(cuts, 2 * position + sizes[member]), len(names) - 1)
            split_of[member], position = names[place], position + sizes[member]
        _fill(split_of, sizes, shares)
        for member, size in sizes.items():
            filled[names.index(split_of[member])] += size
    return {key: split_of[members[key]] for keys in strata.values() for key in keys}


def _fill(split_of: dict[Member, str], sizes: Mapping[Member, int], shares: Shares) -> None:
    """Gives a group of a class to each split that is due half a one or more and has none of it.

    It comes from the split that has most more of the class than its share, if it has two.
    """
    total = sum(sizes.values())
    for split, share in shares.items():
        held = Counter(dict.fromkeys(shares, 0))
        for member, size in sizes.items():
            held[split_of[member]] += size
        if held[split] or 2 * share * total * len(sizes) < total:
            continue
        giver = max(shares, key=lambda name: held[name] - shares[name] * total)
        own = sorted(member for member in sizes if split_of[member] == giver)
        if len(own) > 1 and held[giver] > shares[giver] * total:
            split_of[min(own, key=lambda member: (sizes[member], member))] = split
