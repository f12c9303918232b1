"""Pictures that belong together in several splits: what is evidence of it, and what is none."""

from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from dsbuilder.builtin.inspectors import bursts
from dsbuilder.builtin.inspectors.crossing_groups import CrossingGroups
from dsbuilder.images.capture import Capture
from dsbuilder.plugin import Record, Seen


def classes_of(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {key: (key.partition("/")[0],) for key in keys}


def rules(
    classes: Mapping[str, tuple[str, ...]], captures: Mapping[str, Capture] = {}
) -> list[str]:
    return [each.rule for each in bursts.proposals(classes, captures, {})]


BURSTS = [[f"cat/IMG_{start + n:04d}.jpg" for n in range(3)] for start in range(100, 400, 20)]
ALL = [key for burst in BURSTS for key in burst]


def test_bursts_between_wide_gaps_are_evidence() -> None:
    [found] = bursts.proposals(classes_of(ALL), {}, {})
    assert (found.rule, found.groups) == ("sequence", BURSTS)


def test_numbers_that_follow_each_other_by_chance_are_none() -> None:
    """A folder numbered throughout, whole, with holes, or shared out to folders by chance."""
    random = np.random.default_rng(0)
    for kept in (1.0, 0.98, 0.9, 0.7, 0.5, 0.2, 0.05):
        numbers = np.flatnonzero(random.random(2000) < kept)
        assert not rules(classes_of(f"{n % 3}/{n}.png" for n in numbers)), kept
        assert not rules(classes_of(f"a/{n}.png" for n in numbers)), kept
        assert not rules(classes_of(f"{random.integers(10)}/{n:05d}.png" for n in numbers)), kept


TWENTY = range(20)
COUNTED: Mapping[str, list[str]] = {
    "by class": [f"{label}/{n}.png" for label in range(40) for n in TWENTY],
    "three sources": [f"{label}/{k}_{n}.png" for label in "ab" for k in range(3) for n in TWENTY],
    "by split": [f"{part}/{label}/{n}.png" for part in "ab" for label in "cdefg" for n in TWENTY],
    "three parts": [f"a/{start + n}.png" for start in (0, 500, 900) for n in range(90)],
    "by breed": [f"a/breed{k}_{n}.png" for k in range(30) for n in range(1, 201)],
}


@pytest.mark.parametrize("keys", COUNTED.values(), ids=COUNTED)
def test_numbers_that_only_count_the_files_of_a_class_are_none(keys: list[str]) -> None:
    assert not rules({key: (key.split("/")[-2],) for key in keys})


def test_many_short_series_in_each_class_are_evidence() -> None:
    keys = [f"{label}/{who}_{n}.jpg" for label in "ab" for who in "CDEFGHI" for n in range(1, 5)]
    [found] = bursts.proposals(classes_of(keys), {}, {})
    assert (found.rule, len(found.groups)) == ("sequence", 14)
    by_name = {key: (key.partition("_")[0],) for key in keys}  # the series are the classes
    assert not rules(by_name)
    sparse = [key.replace("_1.", "_17.").replace("_2.", "_91.") for key in keys]
    assert not rules(classes_of(sparse))


def test_times_within_seconds_are_evidence_and_one_long_recording_is_none() -> None:
    keys = [f"a/{n:x}h.jpg" for n in range(30)]
    classes = classes_of(keys)
    assert rules(classes, {key: ("A", 100.0 * (n // 2)) for n, key in enumerate(keys)}) == ["time"]
    for apart_s in (0.0, 4.0, 60.0):  # dated by a tool, by a scanner, by hand
        assert not rules(classes, {key: ("A", apart_s * n) for n, key in enumerate(keys)})
    assert not rules(classes, {key: (str(n), 0.0) for n, key in enumerate(keys)})


def judged(split_of: Mapping[str, str], *, stated: bool = False) -> list[str]:
    records = [Record(key=key, split=split_of[key] if stated else None) for key in sorted(split_of)]
    measures = [(("cat",), None, None)] * len(records)
    found = CrossingGroups().judge(Seen(records=records, measures=measures, split_of=split_of))
    return [each.text for each in found]


def test_the_inspector_counts_groups_that_are_cut_and_says_the_rule() -> None:
    whole = {key: "train" if n < 8 else "test" for n, burst in enumerate(BURSTS) for key in burst}
    assert judged(whole) == []
    cut = {**whole, BURSTS[0][1]: "test", BURSTS[9][0]: "train"}
    text = (
        "the split cuts 2 of 15 groups of pictures whose files are numbered one after the other, "
        "between wide gaps, such as cat/IMG_0100.jpg in train and cat/IMG_0101.jpg in test; "
        "split: {group: sequence} keeps each whole"
    )
    assert judged(cut) == [text]
    assert judged(cut, stated=True) == [text.replace("{g", "{method: stratified, g")]
