"""Fingerprints say which samples differ; every one of them says why."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from plugin_files import DIMMED

from dsbuilder import Dataset
from dsbuilder.dataset import Difference, diff
from dsbuilder.dataset.causes import Causes
from dsbuilder.dataset.difference import DatasetState, SampleState
from dsbuilder.sample import ImageSignature, Signature


def reasons(difference: Difference) -> set[tuple[str, str]]:
    return {(kind, reason) for kind, reason, _ in difference.reasons()}


def only(difference: Difference) -> set[str]:
    """The reasons of a difference that added and removed nothing."""
    assert {each.kind for each in difference.changes} == {"changed"}
    return {reason for each in difference.changes for reason in each.reasons}


def test_equal_builds_do_not_differ(build) -> None:
    difference = diff(build("a"), build("b"))
    assert (difference.changes, difference.notes) == ([], [])
    assert difference.unchanged == sum(1 for _ in stored(build("a")))


def test_options_of_a_source_that_reads_in_its_own_way_say_why(build, tmp_path) -> None:
    (tmp_path / "plugins/dimmed.py").write_text(DIMMED.replace("FACTOR", "1"))
    one = build("a", "source.use=dimmed")
    assert only(diff(one, build("b", "source.use=dimmed", "source.by=2"))) == {"source.by 1 -> 2"}


def stored(dataset: Dataset):
    return (sample for split in dataset.splits for sample in dataset.samples(split))


def side(resolved: dict, roots: str = "ab", label: str = "cat") -> DatasetState:
    """What of a dataset with balanced classes and one synthesizer is compared."""
    image = ImageSignature(height=8, width=8, channels=3)
    return DatasetState(
        resolved={"balance": {"to": "max"}, **resolved},
        stages=dict.fromkeys(["synthesize/flag"] if "synthesize" in resolved else []),
        packages={},
        signature=Signature(image=image, targets={}),
        stored={},
        samples={root: SampleState("train", root, (root,), (root,)) for root in roots},
        set_aside={},
        labels=lambda key: {"label": label},
    )


RECORDS = "classes are balanced, and records came or went"


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        (side({}), side({}, "abc"), [RECORDS]),
        (side({}), side({}, label="dog"), ["classes are balanced, and labels changed"]),
        (side({}), side({}), []),
        (side({"balance": None}), side({"balance": None}, "abc"), []),
        (
            side({"augment": {"copies": 1}}),
            side({"augment": {"copies": 2}}, "abc"),
            ["augment.copies 1 -> 2"],
        ),
        (
            side({"synthesize": [{"count": 4}]}),
            side({"synthesize": [{"count": 6}]}),
            ["synthesize/flag: count 4 -> 6"],
        ),
        (side({}), side({"synthesize": [{"count": 6}]}), ["synthesize/flag was added"]),
        (side({}), side({"balance": {"to": 9}}), ["balance {to: max} -> {to: 9}"]),
    ],
)
def test_what_balance_adds_follows_from_all_that_it_counts(before, after, reasons) -> None:
    assert Causes(before, after).balance == reasons


VARIANTS, ORIGINALS, FLAGS = 16, 16, 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "reason", "count"),
    [
        ("image.background=red", "image.background white -> red", 36),
        ("cache.image=png", "cache.image raw -> png", 36),
        ("prepare[0].short=20", "prepare/resize: short 24 -> 20", ORIGINALS + VARIANTS),
        ("prepare=[]", "prepare/resize was removed", ORIGINALS + VARIANTS),
        ("augment.stages[2].p=0.9", "augment/A.HorizontalFlip: p 0.5 -> 0.9", VARIANTS),
        (
            "augment.stages[0]={use: A.RandomResizedCrop, size: [16, 20], scale: [0.5, 1]}",
            "augment/A.RandomResizedCrop: scale nothing -> [0.5, 1]",
            VARIANTS,
        ),
        (
            "augment.stages[2]={use: A.VerticalFlip, p: 0.5}",
            "augment/A.HorizontalFlip was removed",
            VARIANTS,
        ),
        (
            "finish=[{use: resize, size: [16, 20], fit: stretch}]",
            "finish/resize: fit crop -> stretch",
            36,
        ),
    ],
)
def test_a_changed_option_is_named_for_exactly_the_samples_that_it_reaches(
    build, codec: str, override: str, reason: str, count: int
) -> None:
    if codec == "npy" and override.startswith("cache.image"):
        return
    if override.startswith("cache.image"):
        reason = "cache.image jpeg -> png"
    difference = diff(build("a"), build("b", override))
    named = [each for each in difference.changes if reason in each.reasons]
    assert len(named) == len(difference.changes) == count
    assert difference.unchanged == 36 - count


def test_another_seed_is_behind_every_change(build) -> None:
    difference = diff(build("a"), build("b", "seed=6"))
    assert difference.unchanged == 0
    assert all("seed 5 -> 6" in each.reasons for each in difference.changes)


def test_a_stage_that_came_between_is_named(build, folder: Path) -> None:
    one = build("a")
    path = folder / "pets.yaml"
    path.write_text(
        path.read_text().replace("    - {use: mixup", "    - A.Blur\n    - {use: mixup")
    )
    assert only(diff(one, build("b"))) == {"augment/A.Blur was added"}


def test_the_order_of_stages_counts(build, folder: Path) -> None:
    one = build("a")
    path = folder / "pets.yaml"
    flip, mixup = "    - {use: A.HorizontalFlip}\n", "    - {use: mixup, p: 0.5}\n"
    path.write_text(path.read_text().replace(mixup + flip, flip + mixup))
    assert only(diff(one, build("b"))) == {"the order of augment.stages changed"}


def test_a_changed_file_is_named_in_all_that_is_made_of_it(build, folder: Path) -> None:
    one = build("a")
    mix = next(e for _, e in one.entries("train") if len(e.parents) == 2)
    partner = mix.parents[1]
    (folder / "source" / partner).write_bytes((folder / "source/cat/1.png").read_bytes() + b"\0")
    difference = diff(one, build("b"))
    assert only(difference) == {f"the content of {partner} changed"}
    changed = {each.key for each in difference.changes}
    assert {partner, f"{partner}//copy-1", f"{partner}//copy-2", mix.key} <= changed


def test_new_and_lost_files_are_named_with_what_they_move(build, folder: Path) -> None:
    one = build("a")
    shutil.copy(folder / "source/dog/1.png", folder / "source/dog/new.png")
    (folder / "source/cat/0.png").unlink()
    difference = diff(one, build("b"))
    by_key = {each.key: each for each in difference.changes}
    assert by_key["dog/new.png"].kind == "added"
    assert by_key["dog/new.png"].reasons == ("new in the source",)
    assert by_key["cat/0.png"].kind == "removed"
    assert by_key["cat/0.png"].reasons == ("no longer in the source",)
    boundary = "the split's boundary moved, since other records came or went"
    for each in difference.changes:
        root = each.key.partition("//")[0]
        if root in ("dog/new.png", "cat/0.png"):
            continue
        moved = boundary in each.reasons
        mixed = any(reason.startswith("mixed with ") for reason in each.reasons)
        assert moved or mixed, each


def test_what_build_exclude_leaves_out_is_not_taken_for_lost(build, folder: Path) -> None:
    (folder / "out.txt").write_text("cat/0.png\n")
    whole, less = build("a"), build("b", "build.exclude=out.txt")
    by_key = {each.key: each for each in diff(whole, less).changes}
    assert by_key["cat/0.png"].reasons == ("left out by build.exclude",)
    by_key = {each.key: each for each in diff(less, whole).changes}
    assert by_key["cat/0.png"].reasons == ("no longer left out by build.exclude",)


def test_what_a_part_of_train_leaves_out_is_not_taken_for_lost(build) -> None:
    whole, part = build("a"), build("b", "split.subset=0.5")
    found = diff(whole, part)
    gone = {each.key: each.reasons for each in found.changes if each.kind == "removed"}
    assert set(gone.values()) == {("split.subset null -> 0.5",)}
    assert any(key.startswith("/") for key in gone), "of what is synthesized, too"
    come = {each for kind, each in reasons(diff(part, whole)) if kind == "added"}
    assert come == {"split.subset 0.5 -> null"}


def test_a_list_that_changed_is_named_as_one_that_may_be_behind_it(build, folder: Path) -> None:
    (folder / "out.txt").write_text("cat/0.png\n")
    one = build("a", "build.exclude=out.txt")
    (folder / "out.txt").write_text("cat/1.png\n")
    by_key = {each.key: each for each in diff(one, build("b", "build.exclude=out.txt")).changes}
    assert by_key["cat/0.png"].reasons == (
        "new in the source, or no longer left out by build.exclude",
    )
    assert by_key["cat/1.png"].reasons == ("no longer in the source, or left out by build.exclude",)


INSPECTED = ("inspect={exact_duplicate: quarantine}", "build.max_quarantined=0.5")


def twins(dataset: Dataset, folder: Path) -> tuple[str, set[str]]:
    """Makes two training images the same; returns the second, and all that is made of it."""
    keys = {key for _, key in entries(dataset)}
    one, other = sorted({key.partition("//")[0] for key in keys if "//copy-2" in key})[:2]
    shutil.copy(folder / "source" / one, folder / "source" / other)
    made = {key for key in keys if key.partition("//")[0] == other}
    assert len(made) == 3
    return other, made


def test_what_the_inspect_section_took_out_is_named_with_all_that_is_made_of_it(
    build, folder: Path
) -> None:
    key, made = twins(build("before"), folder)
    one, other = build("a", INSPECTED[1]), build("b", *INSPECTED)
    difference = diff(one, other)
    found = {each.key: each.reasons for each in difference.changes if each.key in made}
    assert found.keys() == made
    for now, why in found.values():
        assert now.startswith("was set aside now: inspect/exact_duplicate: the same pixels as ")
        assert why == "inspect.exact_duplicate nothing -> {action: quarantine}"
    assert "inspect.exact_duplicate nothing -> {action: quarantine}" in difference.notes
    back = {each.key: each.reasons for each in diff(other, one).changes if each.key in made}
    assert all(reasons[0].startswith("was set aside before: inspect/") for reasons in back.values())
    assert all("{action: quarantine} -> nothing" in reasons[1] for reasons in back.values())
    mixed = [r for each in difference.changes for r in each.reasons if f"instead of {key}" in r]
    assert all(reason.endswith(f"instead of {key}, which was set aside") for reason in mixed)


def test_a_finding_that_is_new_is_named_where_the_section_is_as_it_was(build, folder) -> None:
    one = build("a", *INSPECTED)
    _, made = twins(one, folder)
    found = [each for each in diff(one, build("b", *INSPECTED)).changes if each.key in made]
    assert {each.key for each in found} == made
    for each in found:
        (reason,) = each.reasons
        assert reason.startswith("was set aside now: inspect/exact_duplicate: the same pixels as ")


def entries(dataset: Dataset):
    return ((split, e.key) for split in dataset.splits for _, e in dataset.entries(split))


def test_other_shares_move_samples_and_say_so(build) -> None:
    difference = diff(build("a"), build("b", "split={train: 0.75, test: 0.25}"))
    moved = [each for each in difference.changes if each.before and each.after]
    assert any(
        each.reasons[0] == "moved from validation to train"
        and any(reason.startswith("split.train 0.5 -> 0.75") for reason in each.reasons)
        for each in moved
    )
    assert all(each.reasons != ("nothing that is recorded says why",) for each in moved)


LIST_SOURCE = "source: {use: list, path: source, list: list.txt}"


def test_a_changed_label_is_named(build, folder: Path) -> None:
    path = folder / "pets.yaml"
    text = path.read_text().replace("source: {use: folder, path: source}", LIST_SOURCE)
    path.write_text(text.replace("split: {", "split: {method: hash, "))
    keys = [f"{label}/{i}.png" for label in ("cat", "dog") for i in range(8)]
    lines = {key: f"{key} {key[:3]}\n" for key in keys}
    (folder / "list.txt").write_text("".join(lines.values()))
    one = build("a")
    mix = next(e for _, e in one.entries("train") if len(e.parents) == 2)
    victim = mix.parents[1]
    other = {"cat": "dog", "dog": "cat"}[victim[:3]]
    lines[victim] = f"{victim} {other}\n"
    (folder / "list.txt").write_text("".join(lines.values()))
    difference = diff(one, build("b"))
    assert only(difference) == {f"{victim}: label {victim[:3]} -> {other}"}
    assert mix.key in {each.key for each in difference.changes}


def test_changed_code_of_a_plugin_is_named(build, folder: Path) -> None:
    one = build("a")
    path = folder / "plugins/flag.py"
    path.write_text(path.read_text().replace("one color", "a single color"))
    difference = diff(one, build("b"))
    assert only(difference) == {"the code of the plugin 'flag' changed"}
    assert len(difference.changes) == FLAGS


def test_more_and_fewer_synthesized_samples(build) -> None:
    more = diff(build("a"), build("b", "synthesize[0].count=6"))
    assert reasons(more) == {("added", "synthesize/flag: count 4 -> 6")}
    gone = diff(build("a"), build("c", "synthesize=[]"))
    assert reasons(gone) == {("removed", "synthesize/flag was removed")}


def test_copies_and_originals(build) -> None:
    one = build("a")
    more = diff(one, build("b", "augment.copies=3"))
    assert reasons(more) == {("added", "augment.copies 2 -> 3")}
    assert more.counts("added") == {"train": 8}
    bare = diff(one, build("c", "augment.original=false"))
    assert reasons(bare) == {("removed", "augment.original true -> false")}


def test_what_was_set_aside_is_named(build, folder: Path) -> None:
    one = build("a", "build.max_quarantined=0.5")
    (folder / "source/cat/0.png").write_bytes(b"junk")
    difference = diff(one, build("b", "build.max_quarantined=0.5"))
    gone = [each for each in difference.changes if each.kind == "removed"]
    assert "cat/0.png" in {each.key for each in gone}
    assert all(each.reasons[0].startswith("was set aside now: ") for each in gone)


def test_a_new_class_is_named(build, folder: Path) -> None:
    one = build("a", "synthesize=[]")
    shutil.copytree(folder / "source/dog", folder / "source/owl")
    difference = diff(one, build("b", "synthesize=[]"))
    changed = [each for each in difference.changes if each.kind == "changed"]
    assert changed
    for each in changed:
        assert "the class 'owl' of label was added" in each.reasons


def altered(dataset: Dataset, alter: Callable[[dict], None]) -> Dataset:
    data = json.loads(json.dumps(dataset.manifest.to_json()))
    alter(data)
    return replace(dataset, manifest=type(dataset.manifest).from_json(data))


def test_another_version_of_a_package_is_not_blamed_where_nothing_changed(build) -> None:
    one = build("a")
    other = altered(one, lambda data: data["packages"].update(pillow="1.0"))
    assert diff(one, other).changes == []


def test_another_version_of_a_package_is_named(build, monkeypatch) -> None:
    from dsbuilder.cache import fingerprint

    one = build("a")
    known = dict(fingerprint.packages())
    monkeypatch.setattr(fingerprint, "packages", lambda: {**known, "pillow": "99.0"})
    assert only(diff(one, build("b"))) == {f"pillow {known['pillow']} -> 99.0"}


def test_what_changes_no_sample_is_a_note(build) -> None:
    one, other = build("a"), build("b", "version=2.0.0", "stream.batch_size=8")
    difference = diff(one, other)
    assert difference.changes == []
    assert difference.notes == ["version 1.0.0 -> 2.0.0", "stream.batch_size 32 -> 8"]
