"""Times, subtitles and intervals beside videos."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.video.format import (
    LabeledInterval,
    at,
    read_intervals,
    read_subtitles,
    seconds,
)


@given(st.integers(0, 10**8))
def test_a_time_means_the_same_in_every_form(milliseconds: int) -> None:
    total, rest = divmod(milliseconds, 1000)
    hours, minutes, left = total // 3600, total // 60 % 60, total % 60
    expected = milliseconds / 1000
    for said in (
        f"{hours:02d}:{minutes:02d}:{left:02d},{rest:03d}",
        f"{hours}:{minutes:02d}:{left:02d}.{rest:03d}",
        f"{expected:.3f}",
        expected,
    ):
        assert seconds(said) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("said", ["", "x", "1:2:3:4", "-1", "00:61:00", None, True, "1e3", "nan"])
def test_what_is_no_time_is_an_error(said: object) -> None:
    with pytest.raises(DataError, match="expected a time, such as"):
        seconds(said)


def test_subtitles_of_both_kinds_say_the_same(tmp_path: Path) -> None:
    cues = [LabeledInterval(1.0, 2.5, "Tom asleep"), LabeledInterval(61.0, 62.0, "Rex & Tom")]
    (tmp_path / "a.srt").write_bytes(
        b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,500\r\nTom <b>asleep</b>\r\n\r\n"
        b"2\r\n00:01:01,000 --> 00:01:02,000 X1:1\r\n{\\an8}Rex &\r\nTom\r\n"
    )
    (tmp_path / "a.vtt").write_text(
        "WEBVTT - a\n\nSTYLE\n::cue {}\n\nNOTE no cue\n\nlast\n01:01.000 --> 01:02.000 "
        "align:start\nRex &\nTom\n\n00:01.000 --> 00:00:02.500\n<v Ann>Tom asleep\n"
    )
    assert read_subtitles(tmp_path / "a.srt") == cues
    assert read_subtitles(tmp_path / "a.vtt") == cues
    (tmp_path / "empty.srt").touch()
    assert read_subtitles(tmp_path / "empty.srt") == []


def test_a_cue_with_wrong_times_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:01,000 --> soon\nTom\n")
    with pytest.raises(DataError, match=r"a\.srt:2: expected a time, .* found 'soon'\. Correct"):
        read_subtitles(path)
    path.write_text("1\n00:00:03,000 --> 00:00:01,000\nTom\n")
    with pytest.raises(DataError, match=r"a\.srt:2: expected an end after the start"):
        read_subtitles(path)


def test_intervals_are_read_by_file_and_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("label,start,end,file\nwalk,1,2.5,a.mp4\nrun,00:10,0:11,b.mp4\nsit,0,1,a.mp4\n")
    assert read_intervals(path) == {
        "a.mp4": [LabeledInterval(0, 1, "sit"), LabeledInterval(1, 2.5, "walk")],
        "b.mp4": [LabeledInterval(10, 11, "run")],
    }
    path.write_text("start,end,label\n2,1,a\n0,1,\nx,1,b\n")
    with pytest.raises(DataError) as caught:
        read_intervals(path)
    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{path}:{number}" for number in (2, 3, 4)
    ]
    path.write_text("begin,end,label\n")
    with pytest.raises(DataError, match="there is no column 'start'"):
        read_intervals(path)


def test_an_interval_is_true_from_its_start_on_and_before_its_end() -> None:
    intervals = [
        LabeledInterval(0, 1, "a"),
        LabeledInterval(1, 2, "b"),
        LabeledInterval(1, 3, "b"),
        LabeledInterval(1, 1, "c"),
    ]
    assert [at(intervals, moment) for moment in (0, 0.999, 1, 2, 3)] == [
        ["a"],
        ["a"],
        ["b"],
        ["b"],
        [],
    ]
