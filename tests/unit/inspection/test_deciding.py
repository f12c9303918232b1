"""Of pictures alike one stays, whoever found them, and a guarded split keeps its own."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builder import build_dataset
from dsbuilder.inspection.deciding import decide
from dsbuilder.plugin import Finding

SPLITS = {"a": "train", "b": "test", "c": "train", "d": "validation"}


def same(key: str, *others: str) -> Finding:
    return Finding(key=key, text="again", others=others, same=others)


def gone(findings: Mapping[str, Sequence[Finding]]) -> list[str]:
    return sorted(decide(findings, SPLITS))


def test_copies_that_two_inspectors_name_each_in_its_way_are_not_all_lost() -> None:
    assert gone({"exact_duplicate": [same("b", "a")], "leak": [same("a", "b")]}) == ["a"]


def test_a_repetition_alone_leaves_the_one_in_the_guarded_split() -> None:
    verdicts = decide({"exact_duplicate": [same("b", "a"), same("c", "a")]}, SPLITS)
    assert sorted(verdicts) == ["a", "c"]
    assert verdicts["a"].text == "the same picture as b in test, which stays"


def test_of_three_splits_the_test_is_guarded_most() -> None:
    assert gone({"near_duplicate": [same("c", "a"), same("d", "a", "c"), same("b", "d")]}) == [
        *("a", "c", "d")
    ]


def test_a_record_with_another_fault_is_not_the_one_that_stays() -> None:
    dark = [Finding(key="b", text="too dark")]
    assert gone({"dark": dark, "exact_duplicate": [same("b", "a")]}) == ["b"]
    assert gone({"dark": dark, "leak": [same("a", "b")]}) == ["b"]


def test_records_of_one_group_that_are_no_copies_all_go() -> None:
    of_group = [Finding(key=key, text="is of group x", others=("b",)) for key in ("a", "c")]
    assert gone({"leak": of_group}) == ["a", "c"]


pairs = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12)
ORDER = ("train", "validation", "test")
splits = st.fixed_dictionaries({key: st.sampled_from(ORDER) for key in "abcdefgh"})


@given(pairs, pairs, splits)
def test_whatever_is_found_one_of_each_group_stays(exact, leaks, split_of) -> None:
    findings = {
        name: [same(key, other) for key, other in found if key != other]
        for name, found in (("exact_duplicate", exact), ("leak", leaks))
    }
    verdicts = decide(findings, split_of)
    groups = {key: {key} for key in "abcdefgh"}
    for found in findings.values():
        for each in found:
            joined = groups[each.key] | groups[each.same[0]]
            groups.update(dict.fromkeys(joined, joined))
    for group in groups.values():
        stays = group - set(verdicts)
        assert stays
        best = max(ORDER.index(split_of[key]) for key in group)
        if len(group) > 1:
            kept = {ORDER.index(split_of[key]) for key in stays}
            assert kept == {best}


def test_a_build_that_sets_repetitions_and_leaks_aside_keeps_one_of_each(
    collection, tmp_path
) -> None:
    for number, tile in enumerate(collection.tiles("coffee")):
        collection.add(f"{number}-a.png", tile)
        if number < 6:
            split = "test" if number % 2 else "train"
            near = cv2.resize(tile, (70, 70), interpolation=cv2.INTER_AREA)
            collection.add(f"{number}-b.png", np.ascontiguousarray(tile), split=split)
            collection.add(f"{number}-c.png", near, split="test")
    options = "{exact_duplicate: quarantine, near_duplicate: quarantine, leak: quarantine}"
    path = collection.write(
        f"inspect: {options}\nbuild: {{max_quarantined: 0.9}}\n"
        "finish: [{use: resize, size: [16, 16]}]\n"
    )
    built = build_dataset(path, tmp_path / "out", workers=0)
    assert {row["key"] for row in built.quarantined} == {
        *("0-a.png", "0-b.png", "1-a.png", "1-c.png", "2-a.png", "2-b.png"),
        *("3-a.png", "3-c.png", "4-a.png", "4-b.png", "5-a.png", "5-c.png"),
    }
