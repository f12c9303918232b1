"""What files say of when they were taken, and the runs that numbers and times make."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsbuilder.images import capture
from dsbuilder.images.capture import Runs


def exif(taken: str | None = "2024:05:06 07:08:09", fraction: str = "25") -> Image.Exif:
    block = Image.Exif()
    block[0x010F], block[0x0110] = "Maker", "Model 1"
    inner = block.get_ifd(0x8769)
    if taken is not None:
        inner[0x9003] = taken
    inner[0x9291] = fraction
    return block


def saved(format: str, block: Image.Exif | bytes | None) -> bytes:
    file = io.BytesIO()
    options = {} if block is None else {"exif": block}
    Image.new("RGB", (8, 8), "red").save(file, format, **options)
    return file.getvalue()


TAKEN_S = 1714979289.25


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_file_says_which_camera_took_it_and_when(format: str) -> None:
    assert capture.read(saved(format, exif())) == ("Maker Model 1", TAKEN_S)
    assert capture.read(saved(format, None)) is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_block_alone_is_read_as_a_tiff_file_is_in_both_byte_orders(order: str) -> None:
    text = b"2024:05:06 07:08:10\0"
    inner = struct.pack(order + "HHHII", 1, 0x9003, 2, len(text), 44)
    head = struct.pack(order + "HI", 42, 8)
    outer = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)
    block = (b"II" if order == "<" else b"MM") + head + outer + inner + b"\0" * 4 + text
    assert capture.read(block) == ("", TAKEN_S + 0.75)


@pytest.mark.parametrize(
    "taken", [None, "0000:00:00 00:00:00", "    :  :     :  :  ", "2024-05-06", "", "2024:13:01 1"]
)
def test_a_clock_that_was_never_set_says_nothing(taken: str | None) -> None:
    assert capture.read(saved("JPEG", exif(taken))) is None


def test_a_wrong_fraction_of_a_second_is_none() -> None:
    assert capture.read(saved("JPEG", exif(fraction="x"))) == ("Maker Model 1", TAKEN_S - 0.25)


@given(st.integers(0, 400), st.binary(max_size=4))
def test_damage_never_does_more_than_lose_the_time(place: int, junk: bytes) -> None:
    block = exif().tobytes()[6:]
    damaged = block[:place] + junk + block[place + len(junk) :]
    for data in (damaged, block[:place]):
        found = capture.read(data)
        assert found is None or isinstance(found[1], float)


@pytest.mark.parametrize(
    ("key", "series", "number"),
    [
        ("cat/IMG_0012.jpg", "cat/IMG_", 12),
        ("cat/IMG0012.jpg", "cat/IMG", 12),
        ("12.png", "", 12),
        ("cat/12", "cat/", 12),
        ("a/p3-09_left.jpg", "a/p3-", 9),
        ("a/frame 7.v2.png", "a/frame 7.v", 2),
        ("7/x.png", None, None),  # of a folder
        ("1f431.png", None, None),  # a code
        ("a/0a3c1f77.jpg", None, None),  # a hash
        ("a/IMG_0012b.jpg", None, None),
    ],
)
def test_the_number_of_a_file_is_the_last_word_that_is_one(key, series, number) -> None:
    assert capture.series([key]) == ({} if series is None else {series: {key: number}})


def numbers(*given: int, step: int = 1) -> list[list[int]]:
    runs = capture.runs_of_numbers({f"a/{each:03d}.png": each for each in given}, step)
    return [[int(Path(key).stem) for key in run] for run in runs]


def test_a_missing_number_ends_a_run() -> None:
    assert numbers(1, 2, 3, 5, 6, 9) == [[1, 2, 3], [5, 6], [9]]
    assert numbers(1, 2, 3, 5, 6, 9, step=2) == [[1, 2, 3, 5, 6], [9]]
    assert numbers(10, 40, 70, 200, step=30) == [[10, 40, 70], [200]]


def test_files_of_one_number_are_of_one_run() -> None:
    assert capture.runs_of_numbers({"1_left": 1, "1_right": 1, "3_left": 3}) == [
        ["1_left", "1_right"],
        ["3_left"],
    ]


def test_a_pause_ends_a_run_and_each_camera_has_its_own() -> None:
    taken = {"c": ("A", 9.0), "b": ("A", 4.0), "a": ("A", 0.0), "d": ("B", 1.0), "e": ("A", 30.0)}
    assert capture.runs_of_times(taken, 5) == [["a", "b", "c"], ["e"], ["d"]]
    assert capture.runs_of_times(taken, 0) == [["a"], ["b"], ["c"], ["e"], ["d"]]


def called(runs: Runs) -> dict[str, str]:
    return {key: run[0] for run in runs for key in run}


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 60), st.integers(1, 4))
def test_a_file_that_is_added_changes_only_the_runs_beside_it(known, added, step) -> None:
    """All keys that are called anew are now called alike: as the run that the file joined."""
    before = {f"{n:02d}": n for n in known}
    after = {**before, f"{added:02d}": added}
    old = called(capture.runs_of_numbers(before, step))
    new = called(capture.runs_of_numbers(after, step))
    changed = {new[key] for key in old if new[key] != old[key]}
    assert changed <= {new[f"{added:02d}"]}
