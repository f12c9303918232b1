"""The laws of the split: a partition, balance, stability, whole groups; and every refusal."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dsbuilder.builder.split import SMALLEST, Split, deal
from dsbuilder.errors import DataError
from dsbuilder.layouts.keys import check_keys
from dsbuilder.pipelinefile.splitting import Fold, SplitOptions, Subset
from dsbuilder.sample import Record
from dsbuilder.seeding import unit

SPLITS = ("train", "validation", "test")


def record(key: str, label: str = "a", **changes: str | None) -> Record:
    return Record(key=key, path=Path("/data") / key, targets={"label": label}, **changes)


def of_classes(classes: Mapping[str, str]) -> list[Record]:
    return [record(key, label) for key, label in classes.items()]


def dealt(records: list[Record], options: SplitOptions, seed: int = 0) -> Split:
    return deal(records, options, seed=seed, label="label")


def refusal(records: list[Record], options: SplitOptions) -> str:
    with pytest.raises(DataError) as caught:
        dealt(records, options)
    return str(caught.value)


def members(split: Split, name: str) -> set[str]:
    return {key for key, found in split.split_of.items() if found == name}


seeds = st.integers(0, 2**31)
keys = st.integers(0, 10**6).map(lambda number: f"c/{number}.png")
classes_by_key = st.dictionaries(keys, st.sampled_from("abc"), min_size=1, max_size=80)


@given(classes_by_key, st.integers(3, 6), seeds)
def test_folds_test_each_record_once_and_keep_classes_balanced(classes, parts, seed):
    records = of_classes(classes)
    sizes = Counter(classes.values())
    folds = [
        dealt(records, SplitOptions(fold=Fold(of=parts, index=index)), seed)
        for index in range(parts)
    ]
    tested = Counter(key for split in folds for key in members(split, "test"))
    validated = Counter(key for split in folds for key in members(split, "validation"))
    cut = {key for key, name in classes.items() if sizes[name] >= SMALLEST}
    assert tested == validated == Counter(cut), "a class that is too small to cut is train"
    for split in folds:
        for name in set(classes.values()):
            count = split.report["test"].get(name, 0)
            if sizes[name] >= SMALLEST:
                assert abs(count - sizes[name] / parts) < 2


def test_groups_stay_together_in_folds():
    records = [record(f"{n}.png", group=f"g{n % 7}") for n in range(60)]
    for index in range(4):
        split = dealt(records, SplitOptions(fold=Fold(of=4, index=index)))
        for group in range(7):
            found = {split.split_of[f"{n}.png"] for n in range(60) if n % 7 == group}
            assert len(found) == 1


@pytest.mark.parametrize(
    "given",
    [{"of": 2, "index": 0}, {"of": 3, "index": 3}, {"of": 3, "index": -1}],
)
def test_a_fold_that_is_none_is_refused(given):
    with pytest.raises(ValueError, match="expected"):
        Fold(**given)
    with pytest.raises(ValueError, match="expected a fold alone, found test beside it"):
        SplitOptions(fold=Fold(of=3, index=0), test=1.0)


part_shares = st.integers(1, 100).map(lambda percent: percent / 100)


def built(split: Split) -> set[str]:
    return members(split, "train") - split.left_out


def part_of(options: SplitOptions, share: float, seed: int = 0) -> SplitOptions:
    return replace(options, subset=Subset(share=share, seed=seed))


@st.composite
def shares(draw: st.DrawFn) -> SplitOptions:
    percents = sorted(draw(st.lists(st.integers(0, 100), min_size=2, max_size=2)))
    first, second = percents
    parts = (first, second - first, 100 - second)
    return SplitOptions(**{name: part / 100 for name, part in zip(SPLITS, parts, strict=True)})


def methods(options: SplitOptions) -> list[SplitOptions]:
    named = options.shares
    return [
        SplitOptions(**named, method="stratified"),
        SplitOptions(**named, method="hash"),
        SplitOptions(**named, method="stratified", group=r"\d$|\d\."),
        SplitOptions(**named, method="hash", group=r"\d$|\d\."),
    ]


@given(classes_by_key, shares(), seeds, st.randoms(use_true_random=False))
def test_a_split_is_a_partition_that_does_not_depend_on_the_order(classes, options, seed, random):
    records = of_classes(classes)
    shuffled = random.sample(records, len(records))
    for each in methods(options):
        split = dealt(records, each, seed)
        assert split.split_of.keys() == classes.keys()
        assert {options.shares[name] > 0 for name in split.split_of.values()} == {True}
        assert sum(split.sizes.values()) == len(records)
        assert dealt(shuffled, each, seed) == split


@given(classes_by_key, shares(), seeds)
def test_every_class_comes_within_one_record_of_its_share(classes, options, seed):
    split = dealt(of_classes(classes), options, seed)
    for label, size in Counter(classes.values()).items():
        if size < SMALLEST:
            continue
        for name, share in options.shares.items():
            assert abs(split.report.get(name, {}).get(label, 0) - share * size) <= 1 + 1e-9


@given(classes_by_key, shares(), seeds, keys, st.sampled_from("abc"))
@example({f"c/{i}.png": "a" for i in range(10)}, SplitOptions(train=0.9, test=0.1), 0, "c/x", "a")
def test_one_record_more_moves_at_most_one_other_of_its_class_over_each_boundary(
    classes, options, seed, key, label
):
    assume(key not in classes)
    size = sum(each == label for each in classes.values())
    assume(size >= SMALLEST or size == 0)
    before = dealt(of_classes(classes), options, seed).split_of
    after = dealt(of_classes({**classes, key: label}), options, seed).split_of
    more = {**classes, key: label}
    given = lent(before, classes, options, seed) | lent(after, more, options, seed)
    moved = [each for each in classes if before[each] != after[each] and each not in given]
    assert {classes[each] for each in moved} <= {label}
    # Read as adding: `before` -> `after`; read backwards, the same moves are those of a removal.
    for boundary in (1, 2):
        left = set(SPLITS[:boundary])
        crossed = [each for each in moved if (before[each] in left) != (after[each] in left)]
        assert len(crossed) <= 1


def lent(
    split_of: Mapping[str, str], classes: Mapping[str, str], options: SplitOptions, seed: int
) -> set[str]:
    """The records of splits that are due one and that rounding leaves empty: one each."""
    exact = {name: Fraction(repr(share)) for name, share in options.shares.items() if share}
    counts = {name: n for name, n in Counter(classes.values()).items() if n >= SMALLEST}
    due = {name: share * sum(counts.values()) for name, share in exact.items()}
    sizes = Counter(dict.fromkeys(exact, 0))
    for label, size in counts.items():
        offset, start = Fraction(unit(seed, "split", "offset", label)), 0
        for name, upto in zip(exact, accumulate(exact.values()), strict=True):
            stop = math.floor(upto / sum(exact.values()) * size + offset)
            sizes[name] += stop - start
            start = stop
    empty = {name for name in exact if not sizes[name] and due[name] >= 1}
    found = {key for key, name in split_of.items() if name in empty}
    assert len(found) == len(empty)
    return found


def test_a_split_of_one_record_by_rounding_is_not_lent_one() -> None:
    classes = {f"c/{i}.png": "a" for i in range(10)}
    options = SplitOptions(train=0.9, test=0.1)
    split = dealt(of_classes(classes), options)
    assert len(members(split, "test")) == 1 and not lent(split.split_of, classes, options, 0)
    few = {f"{name}/{i}.png": name for name in "abcdef" for i in range(3)}
    found = [
        lent(dealt(of_classes(few), options, seed).split_of, few, options, seed)
        for seed in range(200)
    ]
    assert any(found) and not all(found)


@given(classes_by_key, shares(), seeds, keys)
def test_with_hash_one_record_more_or_less_moves_no_other(classes, options, seed, key):
    assume(key not in classes)
    hashed = SplitOptions(**options.shares, method="hash")
    before = dealt(of_classes(classes), hashed, seed).split_of
    after = dealt(of_classes({**classes, key: "a"}), hashed, seed).split_of
    assert {each: after[each] for each in classes} == before


def test_a_split_that_is_due_a_record_is_not_left_empty_by_rounding():
    records = [record(f"{label}/{i}", str(label)) for label in range(20) for i in range(10)]
    options = SplitOptions(train=0.98, validation=0.01, test=0.01)
    for seed in range(60):
        sizes = dealt(records, options, seed).sizes
        assert min(sizes.values()) >= 1 and sizes["train"] >= 180
        two = dealt(records, SplitOptions(train=0.99, test=0.01), seed)
        assert two.sizes["test"] >= 1


def test_groups_of_one_class_each_are_dealt_class_by_class():
    options = SplitOptions(train=0.6, validation=0.2, test=0.2)
    records = [
        record(f"{label}/{group}-{i}", str(label), group=f"{label}-{group}")
        for label in range(10)
        for group in range(6)
        for i in range(4)
    ]
    for seed in range(20):
        split = dealt(records, options, seed)
        assert sum(not count for found in split.report.values() for count in found.values()) == 0
        assert all(
            abs(split.sizes[name] - share * 240) <= 4 for name, share in options.shares.items()
        )


groups_by_key = st.dictionaries(
    keys, st.one_of(st.none(), st.sampled_from("pqrst")), min_size=1, max_size=60
)


@given(groups_by_key, shares(), seeds, st.sampled_from(["stratified", "hash"]))
def test_no_group_is_in_two_splits(groups, options, seed, method):
    records = [record(key, group=group) for key, group in groups.items()]
    split = dealt(records, SplitOptions(**options.shares, method=method), seed)
    for group in set(groups.values()) - {None}:
        found = {split.split_of[key] for key, each in groups.items() if each == group}
        assert len(found) == 1


@given(groups_by_key, shares(), seeds)
def test_with_groups_each_split_is_within_the_largest_group_of_its_share(groups, options, seed):
    assume(any(groups.values()))
    records = [record(key, group=group) for key, group in groups.items()]
    split = dealt(records, options, seed)
    largest = max(Counter(group for group in groups.values() if group).values())
    for name, share in options.shares.items():
        assert abs(split.sizes.get(name, 0) - share * len(records)) <= largest + 1e-9


@given(classes_by_key, seeds)
def test_what_is_taken_out_of_a_layouts_train_is_stratified_and_leaves_the_rest(classes, seed):
    records = [record(key, label, split="train") for key, label in classes.items()]
    records += [record(f"test/{i}.png", split="test") for i in range(5)]
    split = dealt(records, SplitOptions(validation=0.25, method="layout"), seed)
    assert members(split, "test") == {f"test/{i}.png" for i in range(5)}
    for label, size in Counter(classes.values()).items():
        found = split.report["validation"][label]
        assert abs(found - 0.25 * size) <= 1 if size >= SMALLEST else found == 0


@given(classes_by_key, shares(), seeds, st.tuples(part_shares, part_shares))
def test_a_smaller_part_of_train_lies_in_a_larger_one_and_moves_no_other_split(
    classes, options, seed, parts
):
    records = of_classes(classes)
    less, more = sorted(parts)
    for each in methods(options):
        whole = dealt(records, each, seed)
        small, large = (dealt(records, part_of(each, share), seed) for share in (less, more))
        assert small.split_of == large.split_of == whole.split_of
        assert built(small) <= built(large) <= members(whole, "train")
        assert small.left_out <= members(whole, "train")
        assert small.sizes.get("train", 0) == len(built(small))
        assert dealt(records, part_of(each, 1.0), seed) == whole


@given(classes_by_key, part_shares, seeds, st.integers(0, 9))
def test_each_class_of_a_part_comes_within_one_record_of_its_share_and_keeps_one(
    classes, share, seed, other
):
    options = part_of(SplitOptions(train=1.0), share, other)
    found = dealt(of_classes(classes), options, seed).report["train"]
    for name, size in Counter(classes.values()).items():
        assert found[name] >= 1 and abs(found[name] - share * size) <= 1


@given(classes_by_key, part_shares, seeds, keys, st.sampled_from("abc"))
def test_one_record_more_moves_at_most_one_other_of_its_class_out_of_a_part(
    classes, share, seed, key, label
):
    assume(key not in classes)
    options = part_of(SplitOptions(train=1.0), share)
    before = built(dealt(of_classes(classes), options, seed))
    after = built(dealt(of_classes({**classes, key: label}), options, seed))
    moved = (before ^ after) - {key}
    assert {classes[each] for each in moved} <= {label} and len(moved) <= 1
    hashed = replace(options, method="hash")
    before = built(dealt(of_classes(classes), hashed, seed))
    assert built(dealt(of_classes({**classes, key: label}), hashed, seed)) - {key} == before


@given(groups_by_key, part_shares, seeds, st.sampled_from(["stratified", "hash"]))
def test_a_part_of_train_takes_whole_groups(groups, share, seed, method):
    records = [record(key, group=group) for key, group in groups.items()]
    found = dealt(records, part_of(SplitOptions(train=1.0, method=method), share), seed)
    kept = built(found)
    for group in set(groups.values()) - {None}:
        assert len({key in kept for key, each in groups.items() if each == group}) == 1
    largest = max(Counter(each or key for key, each in groups.items()).values())
    if method == "stratified":
        assert abs(len(kept) - share * len(records)) <= largest


def test_another_seed_draws_another_part():
    records = [record(f"{i}.png") for i in range(200)]
    whole = SplitOptions(train=0.8, test=0.2)
    parts = [built(dealt(records, part_of(whole, 0.25, seed))) for seed in range(4)]
    assert all(len(each) in (40, 41) for each in parts)
    assert len(set.union(*parts)) > 90


def test_a_part_once_published_stays_as_it_is():
    records = [record(f"c/{i}", "ab"[i % 2]) for i in range(20)]
    found = dealt(records, part_of(SplitOptions(train=1.0), 0.2, 3), 7)
    assert sorted(built(found)) == ["c/19", "c/4", "c/5", "c/6"]
    hashed = dealt(records, part_of(SplitOptions(train=1.0, method="hash"), 0.2, 3), 7)
    assert sorted(built(hashed)) == ["c/19", "c/5"]
    assert SplitOptions(subset=0.2).part == Subset(share=0.2)


@pytest.mark.parametrize("share", [0, -0.1, 1.5, float("nan")])
def test_a_part_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share: expected more than 0, up to 1, found"):
        SplitOptions(subset=share)


def test_shares_default_to_eight_one_one():
    split = dealt([record(f"{i}") for i in range(1000)], SplitOptions())
    assert split.method == "stratified"
    assert split.sizes == {"train": 800, "validation": 100, "test": 100}
    assert split.warnings == ()


def test_a_split_without_a_share_is_not_in_the_report():
    split = dealt([record(f"{i}") for i in range(10)], SplitOptions(train=0.5, test=0.5))
    assert split.report == {"train": {"a": 5}, "test": {"a": 5}}


def test_small_classes_are_not_all_rounded_alike():
    records = [record(f"{label}/{i}", str(label)) for label in range(200) for i in range(4)]
    split = dealt(records, SplitOptions())
    assert 60 <= split.sizes["validation"] <= 100
    assert 60 <= split.sizes["test"] <= 100


def test_another_seed_deals_otherwise():
    records = [record(f"{i}") for i in range(100)]
    assert dealt(records, SplitOptions(), 1).split_of != dealt(records, SplitOptions(), 2).split_of


def test_a_split_once_published_stays_as_it_is():
    records = [record(f"c/{i}", "ab"[i % 2]) for i in range(12)]
    options = SplitOptions(train=0.5, validation=0.25, test=0.25)
    split = dealt(records, options, 7)
    assert sorted(members(split, "validation")) == ["c/1", "c/11", "c/2"]
    hashed = SplitOptions(**options.shares, method="hash")
    assert sorted(members(dealt(records, hashed, 7), "validation")) == ["c/1"]


def test_without_a_label_all_records_are_dealt_as_one_class():
    records = [Record(key=f"{i}") for i in range(100)]
    split = deal(records, SplitOptions(), seed=0, label=None)
    assert split.report == {"train": {"": 80}, "validation": {"": 10}, "test": {"": 10}}


labels_by_key = st.dictionaries(
    keys, st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=80
)


def dealt_by_several(labels: Mapping[str, list[str]], options: SplitOptions, seed: int) -> Split:
    records = [Record(key=key, targets={"labels": found}) for key, found in labels.items()]
    return deal(
        records, options, seed=seed, label=None, several=lambda each: each.targets["labels"]
    )


@given(labels_by_key, shares(), seeds, st.randoms(use_true_random=False))
def test_records_of_several_classes_are_a_partition_that_no_order_changes(
    labels, options, seed, random
):
    split = dealt_by_several(labels, options, seed)
    assert split.split_of.keys() == labels.keys()
    shuffled = {key: labels[key][::-1] for key in random.sample(sorted(labels), len(labels))}
    assert dealt_by_several(shuffled, options, seed) == split
    for name, share in options.shares.items():  # a record for each stratum: six classes and none
        assert abs(split.sizes.get(name, 0) - share * len(labels)) <= 7


@given(classes_by_key, shares(), seeds)
def test_records_of_one_class_each_are_dealt_as_by_a_class(classes, options, seed):
    counts = Counter(classes.values())
    classes = {key: name for key, name in classes.items() if counts[name] >= SMALLEST}
    split = dealt_by_several({key: [name] for key, name in classes.items()}, options, seed)
    assert split.split_of == dealt(of_classes(classes), options, seed).split_of


@given(labels_by_key, shares(), seeds)
def test_the_rarest_class_comes_within_one_record_of_its_share(labels, options, seed):
    counts = Counter(name for found in labels.values() for name in set(found))
    enough = {name for name, count in counts.items() if count >= SMALLEST}
    labels = {key: [name for name in found if name in enough] for key, found in labels.items()}
    if not enough:
        return
    rarest = min(sorted(enough), key=counts.__getitem__)
    split = dealt_by_several(labels, options, seed)
    for name, share in options.shares.items():
        found = sum(rarest in labels[key] for key in members(split, name))
        assert abs(found - share * counts[rarest]) <= 1


def test_a_rare_class_among_frequent_ones_is_in_every_split():
    for seed in range(20):
        labels = {f"{i}.png": ["sky", *(["owl"] if i < 10 else [])] for i in range(300)}
        split = dealt_by_several(labels, SplitOptions(), seed)
        found = {name: sum("owl" in labels[key] for key in members(split, name)) for name in SPLITS}
        assert min(found.values()) >= 1 and 7 <= found["train"] <= 9


def test_one_more_record_of_several_classes_moves_few_others():
    labels = {
        f"{i}.png": [c for c, each in zip("abcd", (2, 3, 5, 7), strict=True) if not i % each]
        for i in range(400)
    }
    before = dealt_by_several(labels, SplitOptions(), 3).split_of
    after = dealt_by_several({**labels, "new.png": ["a", "d"]}, SplitOptions(), 3).split_of
    assert sum(before[key] != after[key] for key in before) <= 2


def test_a_mix_of_classes_counts_for_its_dominant_one():
    records = of_classes({f"{i}.png": "ab"[i % 2] for i in range(40)})
    mixed = [
        Record(key=each.key, targets={"label": {each.targets["label"]: 0.7, "z": 0.3}})
        for each in records
    ]
    assert dealt(mixed, SplitOptions()) == dealt(records, SplitOptions())


def test_no_records_are_dealt_to_nothing_without_a_warning():
    split = deal([], SplitOptions(), seed=0, label=None)
    assert (split.split_of, split.warnings) == ({}, ())


def test_a_class_of_fewer_than_three_goes_to_train_with_a_warning():
    records = [record(f"a/{i}") for i in range(30)] + [record(f"b/{i}", "b") for i in range(2)]
    split = dealt(records, SplitOptions())
    assert split.report["train"]["b"] == 2
    assert split.warnings == (
        "split: class 'b' has fewer than 3 records and goes to train as a whole. Add records.",
    )


def test_small_classes_go_to_the_largest_split_where_train_has_no_share():
    records = [record(f"{label}/{i}", label) for label in "abcdefg" for i in range(2)]
    split = dealt(records, SplitOptions(validation=0.4, test=0.6))
    assert split.sizes == {"validation": 0, "test": 14}
    assert split.warnings == (
        "split: 7 classes have fewer than 3 records and go to test as a whole: "
        "'a', 'b', 'c', 'd', 'e' and 2 more. Add records.",
        "split: validation has a share but no record. Add records or remove the share.",
    )


def test_a_class_that_a_split_lacks_because_of_groups_is_a_warning():
    records = [record(f"a/{i}", "a", group="a") for i in range(10)]
    records += [record(f"b/{i}", "b", group="b") for i in range(10)]
    split = dealt(records, SplitOptions(train=0.5, test=0.5))
    lacks = {name: next(k for k, n in split.report[name].items() if not n) for name in split.report}
    assert split.warnings == tuple(
        f"split: {name} has no record of '{lacks[name]}'. "
        "Add records, or change the shares or the seed."
        for name in ("train", "test")
    )


def test_a_pattern_names_groups_by_its_first_group_or_by_the_whole_match():
    records = [record(f"person{i % 9}_{i}", group="ignored") for i in range(90)]
    for pattern in (r"person(\d)_", r"person\d"):
        split = dealt(records, SplitOptions(train=0.5, test=0.5, group=pattern))
        for person in range(9):
            found = {
                name for key, name in split.split_of.items() if key.startswith(f"person{person}_")
            }
            assert len(found) == 1
        assert len(set(split.split_of.values())) == 2


def test_a_key_that_the_pattern_does_not_match_is_dealt_on_its_own_with_a_warning():
    records = [record(f"p1_{i}") for i in range(5)] + [record(f"x{i}") for i in range(95)]
    split = dealt(records, SplitOptions(group=r"p(\d)"))
    assert split.warnings == (
        "split: 95 of 100 records belong to no group and are dealt one by one, such as 'x0'.",
    )
    assert {split.split_of[f"x{i}"] for i in range(95)} == set(SPLITS)


def test_the_layout_is_taken_where_it_states_splits_and_no_shares_are_given():
    records = [record(f"{i}", split=SPLITS[i % 3]) for i in range(9)]
    split = dealt(records, SplitOptions())
    assert split.method == "layout"
    assert split.split_of == {f"{i}": SPLITS[i % 3] for i in range(9)}


def test_a_stated_method_ignores_the_layout():
    records = [record(f"{i}", split="test") for i in range(100)]
    split = dealt(records, SplitOptions(train=0.5, test=0.5, method="stratified"))
    assert split.sizes == {"train": 50, "test": 50}


def test_a_layout_and_shares_contradict_each_other():
    records = [record("0", split="test"), record("1", split="train")]
    assert refusal(records, SplitOptions(train=0.8, validation=0.2)) == (
        "split: expected splits from the layout or from shares, found both: the layout states "
        "test, train, the pipeline train, validation. Set method: stratified to ignore the "
        "layout, or method: layout with shares of validation and test alone, which are taken out "
        "of train."
    )


def test_a_layout_must_state_the_split_of_every_record():
    records = [record("0", split="test"), record("2"), record("1")]
    assert refusal(records, SplitOptions()) == (
        "split: expected every record in a split of the layout, found 2 of 3 in none, such as "
        "'1'. Set method: stratified to ignore the layout, or correct the source."
    )


def test_a_layout_may_not_state_an_unknown_split():
    assert refusal([record("0", split="dev")], SplitOptions()) == (
        "record '0': expected the split train, validation or test, found 'dev'. "
        "Correct what the source lists."
    )


def test_a_share_is_not_taken_of_a_split_that_the_layout_has():
    records = [record("0", split="train"), record("1", split="test")]
    assert refusal(records, SplitOptions(test=0.5, method="layout")) == (
        "split.test: expected a share only of a split that the layout lacks, found 1 of 2 "
        "records in it. Remove the share, or set method: stratified."
    )


def test_a_layout_may_not_cut_through_a_group():
    records = [record(f"{i}", group="tom", split=SPLITS[i % 3]) for i in range(3)]
    assert refusal(records, SplitOptions()) == (
        "split: expected each group in one split of the layout, found 'tom' in train, "
        "validation, test. Set method: stratified to ignore the layout, or leave the groups "
        "out."
    )


def test_groups_hold_in_what_is_taken_out_of_a_layouts_train():
    records = [record(f"{i}", group=f"g{i % 10}", split="train") for i in range(100)]
    split = dealt(records, SplitOptions(test=0.3, method="layout"))
    assert split.sizes == {"train": 70, "test": 30}
    for group in range(10):
        assert len({split.split_of[f"{i}"] for i in range(group, 100, 10)}) == 1


def test_a_pattern_that_matches_no_key_is_an_error():
    assert refusal([record("b/1"), record("a/1")], SplitOptions(group="person(.*)_")) == (
        "split.group: expected 'person(.*)_' to match in keys, found no match in any of 2, such "
        "as 'a/1'. Correct the pattern."
    )


def test_a_record_without_the_label_is_an_error():
    assert refusal([Record(key="b"), Record(key="a")], SplitOptions()) == (
        "record 'a': there is no label 'label'. Correct what the source lists."
    )


def test_a_key_that_is_there_twice_is_an_error_that_names_both_files():
    records = [Record(key="a", path=Path("/y/a")), record("b"), Record(key="a", path=Path("/x/a"))]
    assert refusal(records, SplitOptions()) == (
        "record 'a': expected each key once, found it for /x/a and for /y/a. "
        "Remove one of them, or correct what the source lists."
    )


@pytest.mark.parametrize(
    ("key", "shown", "fault"),
    [
        ("", "", "an empty one"),
        ("a//b", "a//b", "'//' in it"),
        ("/a", "/a", "a slash at its start"),
        ("a/", "a/", "a slash at its end"),
        ("a\\b", "a\\b", "a backslash in it"),
        ("a\0", "a\\x00", "a NUL in it"),
        ("caf\udce9", "caf\\xe9", "broken bytes in it"),
    ],
)
def test_a_key_that_cannot_stand_in_a_dataset_is_an_error(key, shown, fault):
    with pytest.raises(DataError) as caught:
        check_keys([Record(key="a/ß ü.png"), Record(key=key)])
    assert str(caught.value) == (
        f"record '{shown}': expected a key in UTF-8 such as 'class/image.png', found {fault}. "
        "Rename the file, or correct what the source lists."
    )
