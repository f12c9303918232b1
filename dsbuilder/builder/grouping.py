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
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import accumulate

from dsbuilder.errors import DataError
from dsbuilder.sample import Record
from dsbuilder.seeding import rank

Shares = Mapping[str, Fraction]
Member = tuple[str, ...]
"""What is dealt as one: `(key,)`, or `("group", name)`; it cannot be mistaken one for the other."""


def members_of(
    records: Sequence[Record], pattern: str | None
) -> tuple[dict[str, Member] | None, list[str]]:
    """Returns key -> what it is dealt with, and warnings; None where there are no groups."""
    if pattern is None:
        groups = [record.group for record in records]
        found = sum(group is not None for group in groups)
    else:
        compiled = re.compile(pattern)
        groups = [_matched(compiled, record.key) for record in records]
        found = sum(group is not None for group in groups)
        if records and not found:
            raise DataError(
                f"split.group: expected '{pattern}' to match in keys, found no match in any of "
                f"{len(records)}, such as '{min(record.key for record in records)}'. "
                "Correct the pattern."
            )
    if not found:
        return None, []
    warnings = []
    if found < len(records):
        keys = (r.key for r, group in zip(records, groups, strict=True) if group is None)
        count = len(records) - found
        warnings.append(
            f"split: {count} of {len(records)} records belong to no group and are dealt one by "
            f"one, such as '{min(keys)}'."
        )
    return {
        record.key: (record.key,) if group is None else ("group", group)
        for record, group in zip(records, groups, strict=True)
    }, warnings


def _matched(pattern: re.Pattern[str], key: str) -> str | None:
    match = pattern.search(key)
    if match is None:
        return None
    return (match.group(1) if pattern.groups else match.group()) or None


def deal_groups(
    strata: Mapping[str, list[str]], members: Mapping[str, Member], shares: Shares, *, seed: int
) -> dict[str, str]:
    """Ranks whole groups class by class and gives each to the split in which its middle falls."""
    classes: dict[Member, Counter[str]] = defaultdict(Counter)
    for name, keys in strata.items():
        for key in keys:
            classes[members[key]][name] += 1
    by_class: dict[str, list[Member]] = {name: [] for name in strata}
    for member in sorted(classes):
        counts = classes[member]
        by_class[min(counts, key=lambda name: (-counts[name], name))].append(member)
    names: list[str] = list(shares)
    split_of: dict[Member, str] = {}
    seen, filled = 0, [0] * len(shares)
    for found in by_class.values():
        sizes = {member: classes[member].total() for member in found}
        seen += sum(sizes.values())
        # Twice every position, so that the middle of a group is a whole number.
        reached = accumulate(filled)
        cuts = [
            math.ceil(2 * (upto * seen - so_far))
            for upto, so_far in zip(accumulate(shares.values()), reached, strict=True)
        ]
        position = 0
        for member in sorted(found, key=lambda member: rank(seed, "split", *member)):
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
