"""Text in pictures fits where it shall and never shows as boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from dsbuilder.report import lettering
from dsbuilder.report.lettering import Lettering

SMALL = Lettering(12)


@given(st.text(max_size=60), st.integers(40, 300))
def test_an_elided_text_is_never_too_wide(text: str, width: int) -> None:
    assert SMALL.width(SMALL.elide(text, width)) <= width


@given(st.text(alphabet="abc xyz", max_size=80), st.integers(60, 300))
def test_wrapping_loses_no_word_and_keeps_the_width(text: str, width: int) -> None:
    lines = SMALL.wrap(text, width)
    assert all(SMALL.width(line) <= width for line in lines)
    if all(SMALL.width(word) <= width for word in text.split()):
        assert " ".join(lines).split() == text.split()


def test_a_text_that_fits_is_left_alone() -> None:
    assert SMALL.elide("cat/tom.png", 300) == "cat/tom.png"


def test_an_elided_key_keeps_both_ends() -> None:
    shown = SMALL.elide("animals/with/very/long/path/tom.png//copy-1", 120)
    assert shown.startswith("anim")
    assert shown.endswith("copy-1")
    assert "…" in shown


def test_latin_letters_need_no_installed_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_installed", _no_fonts)
    assert SMALL.fit("Katze 12 _-.")[1] == "Katze 12 _-."


def test_letters_that_no_font_has_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_installed", _no_fonts)
    lettering._covering.cache_clear()
    assert SMALL.fit("猫 cat")[1] == "\\u732b cat"
    lettering._covering.cache_clear()


def test_control_letters_are_escaped() -> None:
    assert SMALL.fit("a\nb\x1b[31m")[1] == "a\\x0ab\\x1b[31m"


def test_what_is_written_is_what_was_fitted() -> None:
    page = Image.new("RGB", (80, 20), (255, 255, 255))
    SMALL.write(ImageDraw.Draw(page), (2, 2), "cat", fill=(0, 0, 0))
    assert np.asarray(page).min() < 64


def test_a_letter_that_is_there_is_told_from_one_that_is_missing() -> None:
    font = ImageFont.load_default(12)
    assert lettering._has(font, "a")
    assert not lettering._has(font, "\U0010fffe")


def _no_fonts(size: int) -> tuple[lettering.Font, ...]:
    return ()
