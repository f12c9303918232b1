"""text_line: what is written is what the label says, whole, and readable."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.synth.fonts import Face, load
from dsbuilder.builtin.synth.lettering import coverage, fitting
from dsbuilder.builtin.synth.shaping import can_shape
from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.builtin.synth.words import units
from dsbuilder.plugin import ClassLabel, DataError, Mode, Params, Range, Text, generator

BOLD = tools.DEJAVU.replace("Sans", "Serif-BoldItalic")
SANS, SERIF = tools.place(tools.DEJAVU), tools.place(BOLD)

LOHIT = "/usr/share/fonts/truetype/lohit-devanagari/Lohit-Devanagari.ttf"

pytestmark = [tools.needs_dejavu, pytest.mark.tool(BOLD, "fonts-dejavu-extra")]


def make(**options: Any) -> TextLine:
    if "words" not in options:
        options.setdefault("charset", "alphanumeric")
    return TextLine(**{"fonts": (SANS,), **options})


def params(plugin: TextLine, key: int = 0, **changes: Any) -> Params:
    return {**plugin.draw(generator(7, key)), **changes}


def ink(plugin: TextLine, drawn: Params) -> np.ndarray:
    """Renders black on white and returns where anything is drawn."""
    black_on_white = {**drawn, "color": [0, 0, 0], "background": [255, 255, 255]}
    return plugin.render("k", black_on_white, "gray").image[..., 0] < 255


@pytest.mark.parametrize("mode", ["rgb", "gray", "rgba"])
@pytest.mark.parametrize("width", [None, 120])
def test_the_output_is_as_announced(mode: Mode, width: int | None) -> None:
    plugin = make(width=width, fonts=(SANS, SERIF), tinted=True)
    signature = plugin.output_signature(mode)
    assert signature.targets == {"text": Text()}
    for key in range(20):
        drawn = json.loads(json.dumps(params(plugin, key)))
        sample = plugin.render("k", drawn, mode)
        assert signature.image.accepts(sample.image)
        assert sample.image.flags.c_contiguous
        assert sample.targets == {"text": drawn["text"]}
        assert np.array_equal(sample.image, plugin.render("k", drawn, mode).image)


TEXTS = st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "S"]), min_size=1)


@given(
    text=TEXTS.map(lambda text: unicodedata.normalize("NFC", text)[:14]),
    size=st.integers(6, 60),
    place=st.lists(st.floats(0, 0.999), min_size=2, max_size=2),
    serif=st.booleans(),
    padding=st.integers(0, 6),
)
def test_no_text_is_cut_off(
    text: str, size: int, place: list[float], serif: bool, padding: int
) -> None:
    plugin = make(words=(text,), fonts=(SANS, SERIF), height=40, padding=padding)
    drawn = params(plugin, font=int(serif), size=size, place=place)
    drawing = ink(plugin, drawn)
    # Drawn with the same size on a canvas with room on all sides, there is no more ink than that.
    face = Face((SANS, SERIF)[serif])
    fitted = fitting(face, size, text, (40 - 2 * padding, None))
    assert drawing.sum() == roomy(load(face, fitted), text)
    rows, columns = np.nonzero(drawing)
    if len(rows):
        assert rows.min() >= padding and rows.max() < drawing.shape[0] - padding
        assert columns.min() >= padding and columns.max() < drawing.shape[1] - padding


def roomy(font: Any, text: str) -> int:
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (2000, 300))
    ImageDraw.Draw(canvas).text((100, 150), text, fill=255, font=font, anchor="ls")
    return int((np.asarray(canvas) > 0).sum())


def test_a_text_that_is_too_wide_is_shrunk_and_one_that_fits_is_not() -> None:
    wide = ink(
        make(words=("Wagenwechsel",), width=200), params(make(words=("Wagenwechsel",)), size=24)
    )
    plugin = make(words=("Wagenwechsel",), width=80)
    narrow = ink(plugin, params(plugin, size=24))
    assert narrow.shape == (32, 80)
    assert np.ptp(np.nonzero(narrow)[1]) < 75 < np.ptp(np.nonzero(wide)[1])


def test_what_cannot_fit_legibly_is_an_error() -> None:
    plugin = make(words=("incomprehensibilities",), width=40)
    with pytest.raises(ValueError) as caught:
        plugin.render("k", params(plugin), "rgb")
    assert str(caught.value) == (
        "expected a text that fits into 26 px high and 34 px wide in 6 px or more, found "
        "'incomprehensibilities'. Make the canvas larger or the text shorter."
    )


def test_strings_have_the_asked_characters_and_lengths() -> None:
    plugin = make(charset="digits", length=(2, 4))
    texts = [params(plugin, key)["text"] for key in range(300)]
    assert {len(text) for text in texts} == {2, 3, 4}
    assert set("".join(texts)) == set("0123456789")


def test_a_literal_charset_keeps_marks_with_their_letters() -> None:
    plugin = make(charset="aq\u0307\u0323", length=(3, 3))
    assert {params(plugin, key)["text"].count("q") for key in range(50)} == {0, 1, 2, 3}
    marks = "q\u0323\u0307"  # in canonical order
    for key in range(50):
        assert params(plugin, key)["text"].replace(marks, "").strip("a") == ""


def test_words_come_from_a_list_or_a_file_in_composed_form(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffcafe\u0301\r\n\r\n  New York \n".encode())
    from_file, from_list = make(words=path), make(words=("cafe\u0301", "New York"))
    for plugin in (from_file, from_list):
        assert {params(plugin, key)["text"] for key in range(30)} == {"caf\u00e9", "New York"}


def test_fonts_sizes_and_colors_are_drawn() -> None:
    plugin = make(fonts=(SANS, SERIF), size=Range(10, 12), color=Range(0, 5), background="#102030")
    drawn = [params(plugin, key) for key in range(200)]
    assert {each["font"] for each in drawn} == {0, 1}
    assert {each["size"] for each in drawn} == {10, 11, 12}
    assert {tuple(each["background"]) for each in drawn} == {(16, 32, 48)}
    assert all(len(set(each["color"])) == 1 and 0 <= each["color"][0] <= 5 for each in drawn)
    tinted = make(tinted=True, background=Range(0, 255))
    assert len(set(params(tinted)["background"])) == 3


def test_modes_show_the_same_text() -> None:
    plugin = make(tinted=True, background=Range(100, 255))
    drawn = params(plugin)
    rgb, gray, rgba = (plugin.render("k", drawn, mode).image for mode in ("rgb", "gray", "rgba"))
    assert np.array_equal(rgba[..., :3], rgb)
    assert (rgba[..., 3] == 255).all()
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[..., 0] - luma).max() <= 0.51
    assert tuple(rgb[0, 0]) == tuple(drawn["background"])


def test_a_text_stands_in_one_split_and_a_class_in_all() -> None:
    texts = make()
    assert texts.content(params(texts)) == params(texts)["text"]
    digits = make(charset="digits", length=(1, 1), label="class")
    assert digits.content(params(digits)) is None
    target = digits.output_signature("rgb").targets["label"]
    assert target == ClassLabel(names=tuple("0123456789"))
    sample = digits.render("k", params(digits), "rgb")
    assert target.parse(sample.targets["label"]) in range(10)


def test_classes_can_be_stated() -> None:
    plugin = make(words=("cat", "dog"), label="class", classes=("dog", "cat", "cow"))
    assert plugin.output_signature("rgb").targets == {
        "label": ClassLabel(names=("dog", "cat", "cow"))
    }


def test_characters_that_a_font_lacks_are_listed() -> None:
    with pytest.raises(ValueError) as caught:
        make(charset="a\u0e01\u0928")
    assert str(caught.value) == (
        "fonts: DejaVuSans.ttf has no glyphs for '\u0928' (U+0928), '\u0e01' (U+0E01). "
        "Use another font, or leave these characters out."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fonts": ()}, "fonts: at least one font file is needed. Add one."),
        (
            {"fonts": (Path("/no/such.ttf"),)},
            "fonts: /no/such.ttf: no such font file. Check the path.",
        ),
        (
            {"charset": None},
            "expected one of 'words', 'charset' and 'patterns', found none. Say in one way what is "
            "written.",
        ),
        (
            {"charset": "ab", "words": ("a",)},
            "expected one of 'words', 'charset' and 'patterns', found 'words' and 'charset'. Say "
            "in one way what is written.",
        ),
        (
            {"charset": "a b"},
            "charset: expected digits, letters, alphanumeric or characters without spaces, "
            "found 'a b'.",
        ),
        ({"words": ("", " ")}, "words: at least one is needed. Add one."),
        (
            {"words": Path("/no/words.txt")},
            "words: /no/words.txt cannot be read (No such file or directory). Give a file with a "
            "word a line.",
        ),
        ({"length": (0, 3)}, "length: expected [low, high] with 1 <= low <= high, found [0, 3]."),
        ({"size": Range(2, 9)}, "size: expected values in [6, 1000], found [2, 9]."),
        ({"padding": -1}, "padding: expected 0 or more pixels, found -1."),
        ({"height": 11}, "height: expected 12 or more pixels with a padding of 3, found 11."),
        ({"color": Range(0, 256)}, "color: expected values in [0, 255], found [0, 256]."),
        (
            {"background": "wite"},
            "background: expected an opaque color: a name, '#rrggbb' or [r, g, b], found 'wite'.",
        ),
        ({"classes": ("a",)}, "classes: a label: text has no classes. Remove it."),
        (
            {"label": "class"},
            "label: expected 'words', or length: [1, 1], to make classes of, found random strings "
            "of 4 to 8 characters.",
        ),
        (
            {"label": "class", "words": ("a", "b"), "classes": ("a",)},
            "classes: the word 'b' is missing. Add it.",
        ),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make(**options)
    assert str(caught.value) == message


def test_a_file_that_is_no_font_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.ttf"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"^fonts: expected a font, found .*a\.ttf: "):
        make(fonts=(path,))


def drawn_as(text: str, font: Path = SANS) -> np.ndarray:
    """Returns where a text's ink is, in one size."""
    plugin = make(words=(text,), fonts=(font,), size=Range(40, 40), height=90)
    (rows, columns), seen = np.nonzero(ink(plugin, params(plugin))), ink(plugin, params(plugin))
    return seen[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def drawn_by_pillow(text: str, font: Path, *, shaping: bool) -> np.ndarray:
    covered = coverage(load(Face(font), 40, shaping=shaping), text) > 0
    rows, columns = np.nonzero(covered)
    return covered[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


needs_shaper = pytest.mark.skipif(not can_shape(), reason="Pillow is without libraqm")


@needs_shaper
def test_hebrew_is_written_from_right_to_left() -> None:
    word = "\u05e9\u05dc\u05d5\u05dd"
    seen = drawn_as(word)[:29, :80]  # a row of glyphs is kerned otherwise, by a pixel
    shares = [
        (seen & drawn_by_pillow(each, SANS, shaping=False)[:29, :80]).sum() / seen.sum()
        for each in (word[::-1], word)
    ]
    assert shares[0] > 0.9 > 0.7 > shares[1]


@needs_shaper
def test_letters_of_arabic_join() -> None:
    word = "\u0628\u0628\u0628"  # three of one letter: a first, a middle and a last one
    joined, apart = drawn_as(word), drawn_by_pillow(word, SANS, shaping=False)
    base_line = [each.any(axis=0) for each in (joined, apart)]
    assert base_line[0].all() and not base_line[1].all()


@needs_shaper
def test_a_mark_stands_over_the_middle_of_its_letter() -> None:
    word = "m\u0303"
    aside = []
    for seen in (drawn_as(word), drawn_by_pillow(word, SANS, shaping=False)):
        mark, letter = np.flatnonzero(seen[:3].any(axis=0)), np.flatnonzero(seen[-3:].any(axis=0))
        aside.append(abs(mark.mean() - letter.mean()))
    assert aside[0] < 2 < aside[1]


@needs_shaper
@pytest.mark.tool(LOHIT, "fonts-lohit-deva")
def test_vowels_and_consonants_of_devanagari_take_their_places() -> None:
    font = tools.place(LOHIT)
    for word in ("\u0915\u093f", "\u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f"):
        expected = drawn_by_pillow(word, font, shaping=True)
        assert np.array_equal(drawn_as(word, font), expected)
        assert not np.array_equal(expected, drawn_by_pillow(word, font, shaping=False))


@needs_shaper
def test_what_needs_no_shaper_is_drawn_without() -> None:
    for word in ("Stra\u00dfe", "caf\u00e9", "fi", "AVA", "\u0436\u0443\u043a"):
        assert np.array_equal(drawn_as(word), drawn_by_pillow(word, SANS, shaping=False))


@pytest.mark.parametrize(
    "character",
    # Hebrew, Arabic, Syriac, N'Ko; marks of six scripts; over Latin; joiners; letters that join.
    ["א", "ب", "ܐ", "ߊ", "ि", "्", "ี", "္", "ཱ", "ி", "̋", "\u200d", "️", "ᠠ", "ᄀ"],
)
def test_without_a_shaper_what_needs_one_is_refused(character: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("dsbuilder.builtin.synth.fonts.can_shape", lambda: False)
    code = f"U+{ord(character):04X}"
    with pytest.raises(ValueError, match=re.escape(code) + r".*shaper that this Pillow is without"):
        make(words=(f"a{character}b",))
    assert make(words=("Stra\u00dfe",))


def test_marks_of_any_script_stay_with_their_letter() -> None:
    assert units("\u0915\u093f\u0916") == ["\u0915\u093f", "\u0916"]


def test_a_line_is_bounded_before_it_is_drawn() -> None:
    """Of 30,000 x 4,000 pixels with the text's ink, and of 10,000 where the ink is small."""
    long = make(words=("W" * 60,), height=4000, size=Range(900, 900))
    with pytest.raises(DataError, match="at most 100 megapixels"):
        long.render("k", params(long), "gray")
    narrow = make(words=("i" * 2000,), height=20_000, size=Range(20, 20))
    with pytest.raises(DataError, match=r"would be .* x 20000"):
        narrow.render("k", params(narrow), "gray")
    with pytest.raises(ValueError, match="length: expected at most 10000 characters, found 10001"):
        make(length=(1, 10_001))
    with pytest.raises(ValueError, match="words: expected at most 10000 characters, found 10001"):
        make(words=("a", "b" * 10_001))
