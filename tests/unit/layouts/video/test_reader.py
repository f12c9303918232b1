"""Frames of videos: which are taken, when, what is true of them, and the same pixels always."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reading import refused
from videos import frame, in_order, write_video

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images import video
from dsbuilder.layouts.video.reader import Video
from dsbuilder.plugin import ClassLabel, MultiLabel, Record, Text, Value


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    root = tmp_path / "clips"
    write_video(root / "a.avi", 30)
    write_video(root / "in" / "b.mp4", 25)
    return root


def listed(root: Path, **options: Any) -> dict[str, Record]:
    return {each.key: each for each in Video(path=root, **options).open().records}


@pytest.mark.parametrize("name", ["a.avi", "in/b.mp4"])
def test_every_frame_is_read_back_as_it_was_written(clips: Path, name: str) -> None:
    catalog = Video(path=clips, every=1).open()
    records = [each for each in catalog.records if each.group == name]
    expected = in_order(clips / name)
    assert [each.key for each in records] == [
        f"{name}@frame-{number:06d}" for number in range(len(expected))
    ]
    for number, (record, pixels) in enumerate(zip(records, expected, strict=True)):
        found = catalog.read(record)
        assert np.array_equal(found, pixels)
        drawn = frame(number).astype(int)
        assert np.abs(found - drawn).mean() < 12  # what the codec loses
        assert record.targets["time"] == pytest.approx(number / 10)


@pytest.mark.parametrize("seed", [0, 1])
def test_frames_in_any_order_and_from_threads_are_the_same(clips: Path, seed: int) -> None:
    write_video(clips / "long.mp4", 200)
    records = Video(path=clips, every=1).open().records
    expected = {name: in_order(clips / name) for name in ("a.avi", "in/b.mp4", "long.mp4")}
    catalog, wrong = Video(path=clips, every=1).open(), []

    def read(own: list[Record]) -> None:
        for each in own:
            pixels = expected[str(each.group)][each.place["frame"]]
            if not np.array_equal(catalog.read(each), pixels):
                wrong.append(each.key)

    shuffled = [records[int(n)] for n in np.random.default_rng(seed).permutation(len(records))[:60]]
    threads = [threading.Thread(target=read, args=(shuffled[start::2],)) for start in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_where_a_jump_leads_elsewhere_the_file_is_decoded_in_order(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(clips / "long.avi", 120)
    expected = in_order(path)
    found = video.frames(path, video.FrameChoice(every=1))
    plain = video._Opened.jump

    def astray(self: Any, number: int) -> bool:
        there = plain(self, max(0, number - 3))
        self.number = number - 1
        return there

    monkeypatch.setattr(video._Opened, "jump", astray)
    reader = video.FrameReader()
    for number in (100, 7, 110, 119, 70):
        pixels = reader.read(path, number, found[number].digest)
        assert np.array_equal(pixels, expected[number])
    with pytest.raises(DataError, match="expected frame 5 as it was listed, found another or none"):
        reader.read(path, 5, found[6].digest)
    with pytest.raises(DataError, match="expected frame 500 as it was listed"):
        reader.read(path, 500, found[6].digest)


def test_frames_are_taken_by_number_by_time_and_by_change(clips: Path) -> None:
    def numbers(name: str, **options: Any) -> list[int]:
        return [r.place["frame"] for r in listed(clips, **options).values() if r.group == name]

    assert numbers("a.avi", every=7) == [0, 7, 14, 21, 28]
    assert numbers("a.avi") == [0, 10, 20]
    assert numbers("a.avi", every_s=0.25) == [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28]
    write_video(clips / "still.avi", 20, still=True)
    assert numbers("still.avi", every=1, change=1) == [0]
    assert numbers("still.avi", every=5) == [0, 5, 10, 15]
    taken = numbers("a.avi", every=1, change=20)
    grays = [np.asarray(video._small(each), np.float64) for each in in_order(clips / "a.avi")]
    last = 0
    for number in range(1, 30):
        differs = np.abs(grays[number] - grays[last]).mean() >= 20
        assert (number in taken) == differs
        last = number if differs else last
    assert 1 < len(taken) < 30


def test_videos_are_groups_and_folders_may_be_splits(clips: Path, tmp_path: Path) -> None:
    assert {each.group for each in listed(clips).values()} == {"a.avi", "in/b.mp4"}
    assert {each.split for each in listed(clips).values()} == {None}
    for split in ("train", "val"):
        write_video(tmp_path / "split" / split / "c.avi", 5)
    found = listed(tmp_path / "split", every=2)
    assert {(each.group, each.split) for each in found.values()} == {
        ("train/c.avi", "train"),
        ("val/c.avi", "validation"),
    }


def test_subtitles_and_intervals_beside_a_video_are_labels(clips: Path) -> None:
    (clips / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nTom\n\n")
    (clips / "in/b.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:01.100\n<i>Rex</i>\nhere\n")
    (clips / "a.csv").write_text("start,end,label\n0,1,walk\n1,00:02.5,run\n")
    options = {"subtitles": True, "intervals": "beside", "every": 5}
    catalog = Video(path=clips, outside="rest", **options).open()
    assert dict(catalog.targets) == {
        "text": Text(),
        "label": ClassLabel(names=("rest", "run", "walk")),
        "time": Value(),
    }
    told = {each.key: dict(each.targets) for each in catalog.records}
    assert told["a.avi@frame-000005"] == {"time": 0.5, "text": "", "label": "walk"}
    assert told["a.avi@frame-000010"] == {"time": 1.0, "text": "Tom", "label": "run"}
    assert told["a.avi@frame-000025"] == {"time": 2.5, "text": "", "label": "rest"}
    assert told["in/b.mp4@frame-000005"] == {"time": 0.5, "text": "Rex here", "label": "rest"}
    assert catalog.notes == ["videos without intervals: 'in/b.mp4'"]
    some = Video(path=clips, **options).open()
    assert [each.key for each in some.records] == [
        f"a.avi@frame-{number:06d}" for number in (0, 5, 10, 15, 20)
    ]
    assert "frames in no interval, left out: 6 (`outside` gives them a class)" in some.notes
    beside = {path.name for path in some.watches() or () if path.is_file()}
    assert beside == {"a.srt", "b.vtt", "a.csv"}


def test_one_table_may_be_of_all_videos_and_its_intervals_may_overlap(clips: Path) -> None:
    table = clips / "all.csv"
    table.write_text(
        "file,start,end,label\na.avi,0,2,walk\na.avi,1,3,talk\nin/b.mp4,0,1,walk\nc.mp4,0,1,x\n"
    )
    several = Video(path=clips, every=5, intervals=table, overlapping=True, time=False).open()
    assert dict(several.targets) == {"labels": MultiLabel(names=("talk", "walk"))}
    told = {each.key: each.targets["labels"] for each in several.records}
    assert told["a.avi@frame-000010"] == ["walk", "talk"]
    assert told["in/b.mp4@frame-000010"] == []
    assert several.notes == ["intervals of files that are no videos: 'c.mp4'"]
    single = listed(clips, every=5, intervals=table)
    errors = [each.error for each in single.values() if each.error]
    assert len(errors) == 2
    assert "expected one interval at 1 s, found 'walk', 'talk'. Correct the table" in str(errors[0])
    unknown = Video(path=clips, every=5, intervals=table, overlapping=True, classes=("walk",))
    assert "expected labels that `classes` names, found 'talk'" in refused(unknown)
    table.write_text("start,end,label\n0,2,walk\n")
    assert "there is no column 'file'. A table of all videos has one" in refused(
        Video(path=clips, intervals=table)
    )


@pytest.mark.parametrize("name", ["a.avi", "b.mp4"])
def test_a_damaged_video_is_a_record_with_an_error(clips: Path, name: str) -> None:
    path = clips / name if (clips / name).exists() else clips / "in" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (clips / "junk.mp4").write_bytes(b"junk" * 99)
    (clips / "empty.avi").touch()
    errors = {key: each.error for key, each in listed(clips, every=5).items() if each.error}
    cut = path.relative_to(clips).as_posix()
    assert errors.keys() == {cut, "junk.mp4", "empty.avi"}
    for key, error in errors.items():
        assert str(error).startswith(f"{clips / key}: ")
    if name == "a.avi":
        assert "expected 30 frames, as the file states, found 1" in str(errors[cut])
    else:
        assert "expected a video that FFmpeg decodes, found another file" in str(errors[cut])


def test_a_folder_without_videos_and_wrong_options_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert refused(Video(path=tmp_path)).startswith(
        f"{tmp_path}: there are no videos; 1 file was skipped: 1 .txt. Videos end in avi, m4v"
    )
    for options, message in (
        ({"every": 0}, "every: expected 1 frame or more, found 0."),
        ({"every": 2, "every_s": 1.0}, "expected `every` or `every_s`, found both. Remove one."),
        ({"every_s": 0.0}, "every_s: expected more than 0 seconds, found 0."),
        ({"change": 300}, "change: expected levels in [0, 255], found 300."),
        ({"outside": "x"}, "outside: expected intervals that do not overlap, found others."),
    ):
        with pytest.raises(ValueError) as caught:
            Video(path=tmp_path, **options)
        assert str(caught.value).startswith(message)


def test_a_listing_is_kept_until_the_file_changes(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsbuilder.layouts.video.reader._SETTLED_S", -1.0)
    first = listed(clips)
    monkeypatch.setattr("dsbuilder.layouts.video.reader.frames", None)
    assert listed(clips) == first
    monkeypatch.undo()
    write_video(clips / "a.avi", 12)
    assert {each.place["frame"] for each in listed(clips).values() if each.group == "a.avi"} == {
        0,
        10,
    }


PIPELINE = """
name: clips
source: {use: video, path: clips, every: 2, intervals: beside}
split: {train: 0.5, test: 0.5}
augment: {copies: 1, stages: [{use: A.HorizontalFlip, p: 0.5}, {use: mixup, p: 0.5}]}
cache: {image: png, shard_mb: 0.03}
"""


def test_a_build_is_the_same_on_any_number_of_workers_and_cuts_no_video(
    clips: Path, write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    for name, count in (("a", 20), ("in/b", 34), ("c", 16)):
        write_video(clips / f"{name}.mp4", count)
        (clips / f"{name}.csv").write_text("start,end,label\n0,1.5,one\n1.5,9,two\n")
    (clips / "a.avi").unlink()
    (clips / "broken.mp4").write_bytes(b"junk")
    path = write_pipeline(PIPELINE)
    sums = set()
    for workers in (0, 1, 3):
        built = build_dataset(path, tmp_path / f"out{workers}", workers=workers)
        sums.add((built.path / "SHA256SUMS").read_text())
    assert len(sums) == 1
    dataset = dsbuilder.load(built.path)
    split_of: dict[str, set[str]] = {}
    for split in dataset.splits:
        for sample in dataset.samples(split):
            name, _, rest = sample.key.partition("@frame-")
            split_of.setdefault(name, set()).add(split)
            if "//" not in rest:
                number = int(rest)
                assert np.array_equal(sample.image, in_order(clips / name)[number])
                assert float(sample.targets["time"]) == pytest.approx(number / 10)
    assert split_of.keys() == {"a.mp4", "in/b.mp4", "c.mp4"}
    assert all(len(each) == 1 for each in split_of.values())
    rows = (built.path / "quarantine.jsonl").read_text()
    assert "broken.mp4" in rows
    assert "expected a video that FFmpeg decodes" in rows


def test_a_folder_of_videos_is_recognized_with_what_lies_beside_them(clips: Path) -> None:
    found = Video.signs(clips)
    assert (found.evidence, found.reason) == ("arranged", "2 videos")
    assert found.options == {"path": ".", "every_s": 1, "time": False}
    (clips / "a.srt").touch()
    (clips / "a.csv").write_text("start,end,label\n")
    found = Video.signs(clips)
    assert (found.evidence, found.reason) == (
        "declared",
        "2 videos, 1 with subtitles, 1 tables of intervals",
    )
    assert found.options["subtitles"] is True
    assert found.options["intervals"] == "beside"
    (clips / "a.csv").rename(clips / "all.csv")
    assert Video.signs(clips).options["intervals"] == "all.csv"
    for number in range(20):
        (clips / f"{number}.png").touch()
    assert Video.signs(clips).contradictions == ["20 images beside them"]
    assert Video.signs(clips / "in" / "none").evidence is None
