"""Rules by which records belong together: no split cuts what they find, and each refusal."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsbuilder.builder import load_spec, survey
from dsbuilder.builder.split import Split, deal
from dsbuilder.errors import DataError, SpecError
from dsbuilder.images.capture import Capture
from dsbuilder.pipelinefile.splitting import GroupRule, SplitOptions
from dsbuilder.sample import Record


def dealt(
    keys: list[str],
    group: str | GroupRule | None,
    *,
    groups: dict[str, str] | None = None,
    taken: dict[str, Capture] | None = None,
    method: str | None = None,
) -> Split:
    records = [Record(key=key, group=(groups or {}).get(key)) for key in keys]
    return deal(
        records,
        SplitOptions(group=group, method=method),  # type: ignore[arg-type]
        seed=0,
        label=None,
        evidence=lambda records: taken or {},
    )


def are_whole(split: Split, groups: list[list[str]]) -> bool:
    return all(len({split.split_of[key] for key in keys}) == 1 for keys in groups)


BURSTS = [[f"cat/IMG_{start + n:04d}.jpg" for n in range(4)] for start in range(100, 1300, 30)]
ALL = [key for burst in BURSTS for key in burst]


@pytest.mark.parametrize("method", ["stratified", "hash"])
@pytest.mark.parametrize("group", ["sequence", GroupRule(sequence=3)])
def test_runs_of_numbers_stay_in_one_split(method, group) -> None:
    split = dealt(ALL, group, method=method)
    assert are_whole(split, BURSTS)
    assert len(set(split.split_of.values())) == 3
    assert not split.warnings
    assert not are_whole(dealt(ALL, None), BURSTS)


def test_numbers_count_within_one_folder_and_one_beginning_of_the_name() -> None:
    keys = [f"{folder}/{n}.png" for folder in "abcdefghij" for n in range(9)]
    split = dealt(keys, "sequence")
    assert are_whole(split, [[key for key in keys if key[0] == each] for each in "abcdefghij"])
    assert len(set(split.split_of.values())) == 3


@pytest.mark.parametrize("group", ["time", GroupRule(time_s=3)])
def test_pictures_of_one_camera_and_moment_stay_in_one_split(group) -> None:
    times = {
        key: ("A", 1000.0 * place + n)
        for place, burst in enumerate(BURSTS)
        for n, key in enumerate(burst)
    }
    assert are_whole(dealt(ALL, group, taken=times), BURSTS)
    cameras = {key: (str(n % 2), taken_s) for n, (key, (_, taken_s)) in enumerate(times.items())}
    apart = dealt(ALL, GroupRule(time_s=1), taken=cameras)  # those of one camera are 2 s apart
    assert not are_whole(apart, [burst[::2] for burst in BURSTS])


def test_a_pattern_may_be_written_as_a_rule() -> None:
    assert dealt(ALL, GroupRule(pattern=r"IMG_(\d\d)")) == dealt(ALL, r"IMG_(\d\d)")
    assert SplitOptions(group=GroupRule(pattern="time")).rule == GroupRule(pattern="time")


def test_groups_of_the_source_stay_whole_beside_those_of_a_rule() -> None:
    groups = {BURSTS[n][0]: f"g{n // 2}" for n in range(10)} | {BURSTS[0][3]: "g4", "x": "g1"}
    split = dealt([*ALL, "x"], "sequence", groups=groups)
    joined = [BURSTS[n] + BURSTS[n + 1] for n in (2, 4, 6)]
    assert are_whole(split, [*joined, BURSTS[0] + BURSTS[1] + BURSTS[8] + BURSTS[9]])
    assert split.split_of["x"] == split.split_of[BURSTS[2][0]]
    assert not split.warnings  # what has no number has a group


def test_what_a_rule_says_nothing_of_is_dealt_alone_and_told() -> None:
    assert dealt([*ALL, "b", "a"], "sequence").warnings == (
        "split: 2 of 162 records have no number and are dealt one by one, such as 'a'.",
    )
    taken = {key: ("A", 100.0 * n) for n, key in enumerate(ALL)}
    assert dealt([*ALL, "b"], "time", taken=taken).warnings == (
        "split: 1 of 161 records have no time and are dealt one by one, such as 'b'.",
    )


def test_a_folder_that_is_numbered_throughout_is_told_of() -> None:
    split = dealt([*ALL, *(f"dog/{n}.jpg" for n in range(40))], "sequence")
    assert split.warnings[0] == (
        "split.group: one group has 40 of 200 records and goes to one split, that of 'dog/0.jpg'. "
        "Where a folder is numbered throughout, numbers say nothing of what belongs together: use "
        "time, a pattern, or no rule."
    )


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("sequence", "expected names of files with numbers, found no number in any of 2"),
        ("time", "expected images whose EXIF says when they were taken, found no time in any of 2"),
    ],
)
def test_a_rule_that_finds_nothing_is_an_error(group: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        dealt(["b", "a"], group)
    assert str(caught.value) == f"split.group: {message}, such as 'a'. Correct the rule."
    assert dealt([], group).split_of == {}


@given(st.sets(st.integers(0, 400), min_size=30, max_size=120), st.integers(0, 400))
def test_a_file_that_is_added_moves_few_groups(known: set[int], added: int) -> None:
    """By `hash`, only those records may move that are of the run which the file joined."""
    keys = [f"a/{n:04d}" for n in sorted(known)]
    before = dealt(keys, "sequence", method="hash").split_of
    after = dealt(sorted({*keys, f"a/{added:04d}"}), "sequence", method="hash").split_of
    moved = {int(key[2:]) for key in keys if before[key] != after[key]}
    assert all(set(range(min(n, added), max(n, added))) <= {*known, added} for n in moved)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("{}", "expected one of sequence, time_s, likeness, pattern, found nothing."),
        (
            "{sequence: 1, time_s: 5}",
            "likeness, pattern, found sequence and",
        ),
        ("{sequence: 0}", "sequence: expected 1 or more, found 0."),
        ("{time_s: -1}", "time_s: expected 0 or more, found -1."),
        ("{likeness: 0}", "likeness: expected more than 0, up to 1, found 0."),
        ("{likeness: 1.5}", "likeness: expected more than 0, up to 1, found 1.5."),
        ("{pattern: '('}", "group: expected a regular expression, found '('"),
        ("{times: 5}", "unknown key 'times'. Did you mean 'time_s'?"),
    ],
)
def test_what_is_no_rule_is_refused_at_its_line(group, message, write_pipeline) -> None:
    with pytest.raises(SpecError, match=r":2: split.group") as caught:
        load_spec(write_pipeline(f"name: a\nsplit: {{group: {group}}}\n"))
    assert message in str(caught.value)


def test_a_pipeline_reads_times_from_its_files(write_pipeline, tmp_path: Path, monkeypatch) -> None:
    """Bursts of three, five minutes apart, whose names tell nothing; one file is damaged."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    groups: dict[int, list[str]] = {}
    for label in "ab":
        (tmp_path / "set" / label).mkdir(parents=True)
    for n in range(60):
        block = Image.Exif()
        clock = f"{n // 36:02d}:{n // 3 % 12 * 5:02d}:{n % 3:02d}"
        block[0x010F] = "Maker"
        block.get_ifd(0x8769)[0x9003] = f"2024:05:06 {clock}"
        name = f"{'ab'[n // 3 % 2]}/{n * 7919 % 1009:x}x.{('jpg', 'png')[n % 2]}"
        Image.new("RGB", (8, 8), (n, 0, 0)).save(tmp_path / "set" / name, exif=block)
        groups.setdefault(n // 3, []).append(name)
    (tmp_path / "set/a/broken.jpg").write_bytes(b"\xff\xd8 and no more")
    text = "name: a\nsource: {use: folder, path: set}\nsplit: {group: {time_s: 2}}\n"
    surveyed = survey(load_spec(write_pipeline(text)))
    assert are_whole(surveyed.split, list(groups.values()))
    assert len(set(surveyed.split.split_of.values())) == 3
    assert surveyed.warnings == (
        "split: 1 of 61 records have no time and are dealt one by one, such as 'a/broken.jpg'.",
    )
