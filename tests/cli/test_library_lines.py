"""What libraries below write on stderr: counted and told once, whoever of them writes how much."""

import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dsbuilder.cli.library_lines import LibraryLines

ODD = """\
name: odd
source: {use: folder, path: odd}
split: {train: 0.5, test: 0.5}
finish: [{use: noisy}, {use: resize, size: [8, 8]}]
"""

NOISY = '''
import sys, warnings
from dataclasses import dataclass
from dsbuilder.plugin import Transform, transform

@transform("noisy", geometry="fixed")
@dataclass(frozen=True)
class Noisy(Transform):
    """Says something of every image."""

    def apply(self, sample, params):
        warnings.warn("this is odd")
        if sample.key.startswith("cat/3"):
            print("look at", sample.key, file=sys.stderr)
        return sample
'''


def odd_png(seed: int) -> bytes:
    """A PNG of 16 bits whose color profile is none, of which libpng writes a line."""
    pixels = np.random.default_rng(seed).integers(0, 65535, (12, 16, 3)).astype(np.uint16)
    data = cv2.imencode(".png", pixels)[1].tobytes()
    body = b"icc\0\0" + zlib.compress(b"no profile" * 20)
    crc = struct.pack(">I", zlib.crc32(b"iCCP" + body))
    return data[:33] + struct.pack(">I", len(body)) + b"iCCP" + body + crc + data[33:]


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """`odd/{cat,dog}/{0..39}.png`, `odd.yaml`, and a plugin that says much."""
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "odd" / name).mkdir(parents=True)
        for index in range(40):
            (tmp_path / "odd" / name / f"{index}.png").write_bytes(odd_png(100 * number + index))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/noisy.py").write_text(NOISY)
    (tmp_path / "odd.yaml").write_text(ODD)
    return tmp_path


def said(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dsbuilder", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_eighty_odd_images_are_a_line_of_each_kind(odd: Path, workers: str) -> None:
    done = said(odd, "build", "odd.yaml", "--workers", workers)
    assert done.stdout.splitlines()[-2].startswith("next: dsbuilder preview ")
    lines = sorted(done.stderr.splitlines())
    told = {line.partition("/")[2].partition(".png")[0] for line in lines if "look at" in line}
    assert told == {"3", *map(str, range(30, 40))}  # a plugin's own words are passed on
    (warned,) = (line for line in lines if "this is odd" in line)
    assert warned.startswith("warning: UserWarning: 'this is odd (")
    (written,) = (line for line in lines if "iCCP" in line)
    found = re.fullmatch(
        r"warning: libpng wrote (\d+) lines: 'warning: iCCP: too short' \((\d+) times\)\.", written
    )
    assert found[1] == found[2] and int(found[1]) >= 80  # and those of the report's pictures


def test_what_is_held_back_is_told_before_the_result(odd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dsbuilder", "preview", "odd.yaml", "--output", "sheet.png"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=odd,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert "libpng wrote" in done.stdout
    assert lines[-2:] == [
        "sheet.png: 6 originals with their variants",
        "next: dsbuilder build odd.yaml",
    ]


def test_a_process_that_crashes_says_where(odd: Path) -> None:
    crash = NOISY.replace("return sample", "import ctypes; ctypes.string_at(0)")
    (odd / "plugins/noisy.py").write_text(crash)
    words = [sys.executable, "-m", "dsbuilder", "build", "odd.yaml", "--workers", "0"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=odd, check=False)
    assert done.returncode < 0
    assert "Fatal Python error: Segmentation fault" in done.stderr
    assert "noisy.py" in done.stderr


@pytest.mark.parametrize(
    ("library", "line"),
    [
        ("libtiff", "TIFFReadDirectory: Warning, Unknown field with tag 65000 (0xfde8) found."),
        ("libtiff", "LZWDecode: Not enough data at scanline 12 (short 288 bytes)."),
        (
            "libtiff",
            "Fax3Decode2D: Warning, Premature EOL at line 0 of strip 1 (got 1, expected 9).",
        ),
        ("libpng", "libpng error: IDAT: CRC error"),
        ("libjpeg", "Corrupt JPEG data: 3 extraneous bytes before marker 0xd9"),
        ("libjpeg", "Premature end of JPEG file"),
        ("OpenCV", "[ WARN:0@0.123] global loadsave.cpp:268 findDecoder imread_('a.png')"),
        ("FFmpeg", "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55d0c8a4b2c0] moov atom not found"),
        ("TensorFlow", "W0000 00:00:1732999999.1 1 gpu_device.cc:2344] Cannot dlopen some GPU"),
        ("TensorFlow", "2026-11-30 21:47:00.123456: W tensorflow/core/framework/op.cc:12] no"),
        ("UserWarning", "/a/b.py:12: UserWarning: Corrupt EXIF data."),
    ],
)
def test_lines_of_a_library_are_known_and_differ_not_in_numbers(library: str, line: str) -> None:
    lines = LibraryLines()
    assert lines.take(line)
    assert lines.take(line.replace("12", "13"))
    (told,) = lines.told()
    assert told.startswith(library) and told.endswith("(2 times).")


@pytest.mark.parametrize(
    "line",
    [
        "look at cat/3.png",
        "Traceback (most recent call last):",
        '  File "a.py", line 12, in apply',
        "ValueError: no",
        "F0000 00:00:1732999999.1 1 check.cc:12] Check failed",
        "",
    ],
)
def test_other_lines_are_passed_on(line: str) -> None:
    assert not LibraryLines().take(line)


def test_the_source_behind_a_warning_of_python_is_held_back_with_it_and_nothing_else() -> None:
    lines = LibraryLines()
    taken = [lines.take(each) for each in ("/a.py:1: FutureWarning: x", "  f(x)", "  g(x)")]
    assert taken == [True, True, False]


def test_many_kinds_are_told_as_three_and_how_many_more() -> None:
    lines = LibraryLines()
    for kind in "abcde":
        lines.count("libpng", kind)
    assert list(lines.told()) == ["libpng wrote 5 lines: 'a', 'b', 'c' and 2 other kinds."]
    assert lines.taken() and not lines.taken()
