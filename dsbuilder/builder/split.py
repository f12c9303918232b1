"""Which split each record belongs to: decided by hashes of keys, hence stable when files are added.

  stratified  Each class is ranked by a hash of the key and cut at `floor(C * n + u)`, with `C` the
              share up to a boundary, `n` the size of the class, and `u` in [0, 1) an offset of the
              class's own, so that small classes are not all rounded alike. Each class comes within
              one record of its share in every split. One record added or removed moves each cut by
              at most one place, hence at most one *other* record over each boundary. A class of
              fewer than 3 is not cut at all; when it grows to 3, it is dealt anew.
              A record of several classes counts for its rarest one; what is rarest in fewer than 3
              records is cut together. Small shares of many small classes may all be rounded down:
              a split that is due a record or more and got none gets one of the class that has most
              more than its share in the largest split. Nothing else is changed by that.
  hash        A hash of the key falls into the share of a split: balanced on average, and a record
              that is added or removed moves no other.
  layout      What the source says; shares of validation and test are taken out of its train.

Records of one group stay together; see `grouping.py`. A class that a split lacks is a warning.
A part of train is chosen when all is dealt, so that it moves nothing else; see `subset.py`.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas, 2011) balances several classes better, but
deals all anew: of 2,000 records with 40 classes it comes within 0.4 records of a class's share on
average, the rarest class within 2.2, all as one class within 3.0. One record more, however, moves
140 others of them from split to split, where the rarest class moves one, and what was trained on
must not come back as a test.

Shares are computed as fractions, not floats: the laws hold to the record, on every machine.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import accumulate

from dsbuilder.builder import subset
from dsbuilder.builder.grouping import Evidence, Member, Shares, deal_groups, members_of
from dsbuilder.errors import DataError, shortened
from dsbuilder.layouts.keys import check_keys
from dsbuilder.pipelinefile.splitting import SplitOptions
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.sample import Record
from dsbuilder.seeding import rank, unit

DEFAULT_SHARES: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
SMALLEST = 3
"""A class of fewer records than this is not cut."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which split each record belongs to.

    Attributes:
      method: `stratified`, `hash` or `layout`.
      split_of: key -> split.
      left_out: keys of train that are not in the part of it that is built.
      report: split -> class -> number of records that are built; without a label all count as
        class ''.
      warnings: what a user should know, as sentences.
    """

    method: str
    split_of: Mapping[str, str]
    left_out: frozenset[str] = frozenset()
    report: Mapping[str, Mapping[str, int]]
    warnings: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Records of each split of the report."""
        return {name: sum(counts.values()) for name, counts in self.report.items()}


def deal(
    records: Sequence[Record],
    options: SplitOptions,
    *,
    seed: int,
    label: str | None,
    several: Callable[[Record], Iterable[str]] | None = None,
    evidence: Evidence | None = None,
) -> Split:
    """Returns the split of every record; the order of the records does not matter.

    One with an error, whose labels are not known, goes where the layout or a hash of its key says;
    it moves no other and is not in the report.

    Args:
      seed: of the pipeline.
      label: name of the target to stratify by; None takes all records as one class.
      several: without a label, the classes of a record to stratify by, of any number.
      evidence: returns what a rule by time or likeness goes by.

    Raises:
      DataError: a key is wrong or there twice, the layout and the options contradict each other, a
        layout cuts through a group, or `group` finds nothing to go by.
    """
    check_keys(records)
    wrong = [each for each in records if each.error is not None]
    if wrong:
        records = [each for each in records if each.error is None]
    _check_labels(records, label)
    method = _method(records, options)
    members, warnings = members_of(records, options.rule, evidence)
    if method == "layout":
        split_of = _stated(records, members)
        shares = _taken_out(split_of, options)
        pool = [each for each in records if shares and split_of[each.key] == "train"]
    else:
        split_of, pool = {}, list(records)
        shares = _shares(options)
    strata = partial(_strata, label=label, several=several)
    if method == "hash":
        split_of.update(_hashed(pool, members, shares, seed=seed))
    elif members is not None:
        split_of.update(deal_groups(strata(pool), members, shares, seed=seed))
    else:
        split_of.update(_stratified(strata(pool), shares, seed=seed))
        warnings += _small_classes(strata(pool), shares) if several is None else ()
    split_of.update(_placed(wrong, method, shares, seed=seed))
    if options.fold is not None:
        split_of = {key: options.fold.split(part) for key, part in split_of.items()}
        shares = _fractions(DEFAULT_SHARES)  # whose names count from here on
    left_out: frozenset[str] = frozenset()
    if options.part is not None:
        train = [each for each in records if split_of[each.key] == "train"]
        left_out = subset.left_out(
            {} if method == "hash" else strata(train),
            {each.key: members[each.key] if members else (each.key,) for each in train},
            options.part,
            seed=seed,
        )
    report = _report(records, label, split_of, shares, left_out)
    return Split(
        method=method,
        split_of=split_of,
        left_out=left_out,
        report=report,
        warnings=(*warnings, *_gaps(report)),
    )


def _check_labels(records: Sequence[Record], label: str | None) -> None:
    lacking = [each.key for each in records if label is not None and label not in each.targets]
    if lacking:
        raise DataError(
            f"record '{min(lacking)}': there is no label '{label}'. Correct what the source lists."
        )


def _class_of(record: Record, label: str | None) -> str:
    raw = "" if label is None else record.targets[label]
    # Of a mix, the dominant one: its weights alone would be a class of their own.
    return str(max(raw, key=lambda name: raw[name]) if isinstance(raw, Mapping) else raw)


def _method(records: Sequence[Record], options: SplitOptions) -> str:
    if options.method is not None:
        return options.method
    stated = {record.split for record in records if record.split is not None}
    if not stated:
        return "stratified"
    if options.shares or options.fold:
        raise DataError(
            "split: expected splits from the layout or from shares, found both: the layout states "
            f"{', '.join(sorted(stated))}, the pipeline {', '.join(options.shares) or 'a fold'}. "
            "Set method: "
            "stratified to ignore the layout, or method: layout with shares of validation and test "
            "alone, which are taken out of train."
        )
    return "layout"


def _shares(options: SplitOptions) -> Shares:
    """Returns what records are dealt to: splits, or the parts of a cross-validation."""
    if options.fold is not None:
        return dict.fromkeys(options.fold.parts, Fraction(1, options.fold.of))
    return _fractions(options.shares or DEFAULT_SHARES)


def _fractions(shares: Mapping[str, float]) -> Shares:
    """Returns the shares above 0 as exact fractions of their sum, read as decimals."""
    exact = {name: Fraction(repr(float(shares.get(name, 0)))) for name in SPLITS}
    total = sum(exact.values())
    return {name: share / total for name, share in exact.items() if share > 0}


# -- single records -----------------------------------------------------------------------------


def _hashed(
    records: Sequence[Record],
    members: Mapping[str, Member] | None,
    shares: Shares,
    *,
    seed: int,
) -> dict[str, str]:
    names = list(shares)
    cuts = [float(upto) for upto in accumulate(shares.values())][:-1]
    return {
        key: names[bisect_right(cuts, unit(seed, "split", *(members[key] if members else (key,))))]
        for key in (record.key for record in records)
    }


def _placed(wrong: Sequence[Record], method: str, shares: Shares, *, seed: int) -> dict[str, str]:
    """Returns where records with an error would be, so that whoever judges them knows it."""
    stated = {each.key: each.split for each in wrong} if method == "layout" else {}
    free = [each for each in wrong if stated.get(each.key) not in SPLITS]
    found = _hashed(free, None, shares or _fractions({"train": 1}), seed=seed)
    return found | {key: split for key, split in stated.items() if split in SPLITS}


def _strata(
    pool: Sequence[Record], label: str | None, several: Callable[[Record], Iterable[str]] | None
) -> dict[str, list[str]]:
    """Returns class -> its keys, sorted; see `deal`."""
    if several is not None:
        return _rarest(pool, several)
    strata: defaultdict[str, list[str]] = defaultdict(list)
    for record in pool:
        strata[_class_of(record, label)].append(record.key)
    return {name: sorted(strata[name]) for name in sorted(strata)}


def _rarest(
    pool: Sequence[Record], several: Callable[[Record], Iterable[str]]
) -> dict[str, list[str]]:
    """Returns class -> keys of the records whose rarest it is, sorted; '' has what is left over."""
    classes = {record.key: sorted(set(several(record))) for record in pool}
    counts = Counter(name for found in classes.values() for name in found)
    strata: defaultdict[str, list[str]] = defaultdict(list)
    for key, found in classes.items():
        strata[min(found, key=counts.__getitem__, default="")].append(key)
    for name in [name for name, keys in strata.items() if len(keys) < SMALLEST]:
        strata[""] += strata.pop(name) if name else []
    return {name: sorted(strata[name]) for name in sorted(strata)}


def _stratified(strata: Mapping[str, list[str]], shares: Shares, *, seed: int) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for name, keys in strata.items():
        if len(keys) < SMALLEST:
            split_of.update(dict.fromkeys(keys, _home(shares)))
            continue
        ranked = sorted(keys, key=lambda key: rank(seed, "split", key))
        offset = Fraction(unit(seed, "split", "offset", name))
        start = 0
        for split, upto in zip(shares, accumulate(shares.values()), strict=True):
            stop = math.floor(upto * len(ranked) + offset)  # the last upto is 1: n exactly
            split_of.update(dict.fromkeys(ranked[start:stop], split))
            start = stop
    return _without_empty(split_of, strata, shares, seed=seed)


def _without_empty(
    split_of: dict[str, str], strata: Mapping[str, list[str]], shares: Shares, *, seed: int
) -> dict[str, str]:
    """Gives a record to each split that is due one or more and that rounding left empty.

    It comes from where a class has most more than its share, so that each stays within one of it.
    """
    cut = {name: keys for name, keys in strata.items() if len(keys) >= SMALLEST}
    total = sum(len(keys) for keys in cut.values())
    for split, share in shares.items():
        sizes = Counter(split_of.values())
        if share * total < 1 or sizes[split]:
            continue
        found = {
            (name, giver): sum(split_of[key] == giver for key in keys) - shares[giver] * len(keys)
            for name, keys in cut.items()
            for giver in shares
            if sizes[giver] > 1
        }
        name, giver = max(sorted(found), key=lambda place: found[place], default=("", ""))
        if name in cut and found[name, giver] > 0:
            held = sorted(
                (key for key in cut[name] if split_of[key] == giver),
                key=lambda key: rank(seed, "split", key),
            )
            is_behind = list(shares).index(split) > list(shares).index(giver)
            split_of[held[-1 if is_behind else 0]] = split
    return split_of


def _home(shares: Shares) -> str:
    """Returns where a class goes that is too small to be cut: train, else the largest split."""
    is_train = "train" in shares or not shares.keys() & set(SPLITS)
    return "train" if is_train else max(shares, key=lambda name: shares[name])


def _small_classes(strata: Mapping[str, list[str]], shares: Shares) -> Iterator[str]:
    small = [name for name, keys in strata.items() if len(keys) < SMALLEST]
    if not small:
        return
    home = _home(shares)
    if len(small) == 1:
        yield (
            f"split: class '{small[0]}' has fewer than {SMALLEST} records and goes to {home} "
            "as a whole. Add records."
        )
    else:
        yield (
            f"split: {len(small)} classes have fewer than {SMALLEST} records and go to {home} "
            f"as a whole: {shortened(small)}. Add records."
        )


# -- the layout ---------------------------------------------------------------------------------


def _stated(records: Sequence[Record], members: Mapping[str, Member] | None) -> dict[str, str]:
    """Returns the split that the layout states for every record."""
    split_of = {each.key: each.split for each in records if each.split is not None}
    lacking = [record.key for record in records if record.split is None]
    if lacking:
        raise DataError(
            f"split: expected every record in a split of the layout, found {len(lacking)} of "
            f"{len(records)} in none, such as '{min(lacking)}'. Set method: stratified to ignore "
            "the layout, or correct the source."
        )
    wrong = sorted(key for key, split in split_of.items() if split not in SPLITS)
    if wrong:
        raise DataError(
            f"record '{wrong[0]}': expected the split train, validation or test, "
            f"found '{split_of[wrong[0]]}'. Correct what the source lists."
        )
    _check_uncut(split_of, members or {})
    return split_of


def _check_uncut(split_of: Mapping[str, str], members: Mapping[str, Member]) -> None:
    splits: dict[Member, set[str]] = {}
    for key, member in members.items():
        splits.setdefault(member, set()).add(split_of[key])
    cut = sorted(member for member, found in splits.items() if len(found) > 1)
    if cut:
        found = ", ".join(name for name in SPLITS if name in splits[cut[0]])
        raise DataError(
            f"split: expected each group in one split of the layout, found '{cut[0][-1]}' in "
            f"{found}. Set method: stratified to ignore the layout, or leave the groups out."
        )


def _taken_out(split_of: Mapping[str, str], options: SplitOptions) -> Shares:
    """Returns how the layout's train is dealt; empty if it stays whole."""
    taken = {name: share for name, share in options.shares.items() if share > 0}
    if not taken:
        return {}
    sizes = Counter(split_of.values())
    for name in taken:
        if sizes[name]:
            raise DataError(
                f"split.{name}: expected a share only of a split that the layout lacks, found "
                f"{sizes[name]} of {len(split_of)} records in it. Remove the share, or set "
                "method: stratified."
            )
    exact = {name: Fraction(repr(share)) for name, share in taken.items()}
    rest = 1 - sum(exact.values(), Fraction(0))
    return {name: share for name, share in {"train": rest, **exact}.items() if share > 0}


# -- what came of it ----------------------------------------------------------------------------


def _report(
    records: Sequence[Record],
    label: str | None,
    split_of: Mapping[str, str],
    shares: Shares,
    left_out: frozenset[str],
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in SPLITS}
    for record in (each for each in records if each.key not in left_out):
        counts[split_of[record.key]][_class_of(record, label)] += 1
    classes = sorted(set().union(*counts.values()))
    return {
        name: {each: counted[each] for each in classes}
        for name, counted in counts.items()
        if name in shares or counted
    }


def _gaps(report: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Warns of splits without a record, and of classes that a split lacks though they were cut."""
    total: Counter[str] = Counter()
    for counts in report.values():
        total.update(counts)
    for split, counts in report.items():
        lacking = [name for name, count in counts.items() if not count and total[name] >= SMALLEST]
        if total and not any(counts.values()):
            yield f"split: {split} has a share but no record. Add records or remove the share."
        elif lacking:
            yield (
                f"split: {split} has no record of {shortened(lacking)}. "
                "Add records, or change the shares or the seed."
            )
