"""fonts: a font draws only what it has a glyph for, and which it lacks is said."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import tools

from dsbuilder.builtin.synth import fonts
from dsbuilder.builtin.synth.fonts import Face, FontSet, faces_of
from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.plugin import Range, generator

MICROHEI = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
LOHIT = "/usr/share/fonts/truetype/lohit-devanagari/Lohit-Devanagari.ttf"
SANS, CHINESE = tools.place(tools.DEJAVU), tools.place(MICROHEI)
SERIF = SANS.with_name("DejaVuSerif.ttf")

pytestmark = [tools.needs_dejavu, pytest.mark.tool(MICROHEI, "fonts-wqy-microhei")]


def line(**options: Any) -> TextLine:
    return TextLine(**{"fonts": (SANS, CHINESE), "words": ("abc", "ab中文", "中文"), **options})


def test_a_font_without_a_glyph_is_never_used_for_the_text() -> None:
    plugin = line()
    drawn = [plugin.draw(generator("fonts", seed)) for seed in range(200)]
    assert {each["font"] for each in drawn if each["text"] == "abc"} == {0, 1}
    assert {each["font"] for each in drawn if each["text"] != "abc"} == {1}


def test_what_a_font_lacks_is_counted_and_noted_unless_nothing_is_lacking() -> None:
    plugin = line()
    assert plugin.inputs() == {"DejaVuSans.ttf": "no glyphs for 2 of 5 characters"}
    assert list(plugin.notes()) == [
        "fonts: DejaVuSans.ttf has no glyphs for 2 of 5 characters, and is not used for texts with "
        "one of them"
    ]
    (note,) = line(fonts=(SANS, CHINESE, SERIF)).notes()
    assert note.endswith("texts with one of them; nor are 1 more, as the manifest lists")
    whole = line(words=("abc",))
    assert (dict(whole.inputs()), list(whole.notes())) == ({}, [])


def test_strict_refuses_a_font_that_lacks_something() -> None:
    with pytest.raises(ValueError) as caught:
        line(strict=True)
    assert str(caught.value) == (
        "fonts: DejaVuSans.ttf has no glyphs for '中' (U+4E2D), '文' (U+6587). "
        "Use another font, or leave these characters out."
    )


@pytest.mark.tool(LOHIT, "fonts-lohit-deva")
def test_what_no_font_has_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"wqy-microhei.ttc have no glyphs for '\U0010fffd'"):
        line(words=("a\U0010fffd",))
    deva = tools.place(LOHIT)
    apart = line(fonts=(deva, CHINESE), words=("ठी", "文"))
    assert {apart.draw(generator(seed))["font"] for seed in range(20)} == {0, 1}
    with pytest.raises(ValueError, match="none has glyphs for all of 'ठ文'"):
        line(fonts=(deva, CHINESE), words=("ठ文",))
    mixed = line(fonts=(deva, CHINESE), words=None, charset="ठ文")
    texts = [mixed.draw(generator(seed)) for seed in range(40)]
    assert {(each["font"], *set(each["text"])) for each in texts} == {(0, "ठ"), (1, "文")}
    never = line(fonts=(deva, CHINESE), words=None, patterns=("ठ文",))
    with pytest.raises(ValueError, match="tried with 1000 texts such as 'ठ文'"):
        never.draw(generator(1))


def test_what_a_pattern_composes_is_asked_of_the_fonts() -> None:
    """Of e and an accent comes one character, which nobody knew beforehand."""
    found = FontSet(faces=(Face(SANS), Face(CHINESE)), characters=frozenset("e\u0301"))
    assert found.able("e\u00e9") == [0, 1] and found.able("e\u4e2d") == [1]
    assert found.able("\ue000") == []


def test_hidden_files_are_no_fonts(tmp_path: Path) -> None:
    shutil.copy(SANS, tmp_path / "a.ttf")
    (tmp_path / "._a.ttf").write_bytes(b"of another system")
    assert faces_of((tmp_path,), "first") == (Face(tmp_path / "a.ttf"),)


def test_a_collection_has_several_faces() -> None:
    assert faces_of((CHINESE,), "first") == (Face(CHINESE, 0),)
    both = faces_of((CHINESE,), "all")
    assert both == (Face(CHINESE, 0), Face(CHINESE, 1))
    assert [face.name for face in both] == ["wqy-microhei.ttc", "wqy-microhei.ttc#1"]
    plugin = line(fonts=(CHINESE,), faces="all", words=("iiii",), size=Range(40, 40), height=None)
    images = [
        plugin.render("k", {**plugin.draw(generator(1)), "font": font}, "gray").image
        for font in (0, 1)
    ]
    assert images[0].shape[1] < images[1].shape[1]  # the second is the one of equal widths


def test_folders_and_the_machine_give_their_fonts_in_order(
    tmp_path: Path, monkeypatch: Any
) -> None:
    for name in ("b.ttf", "a/c.TTF"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(SANS, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no font")
    paths = [tmp_path / "a/c.TTF", tmp_path / "b.ttf"]
    assert [face.path for face in faces_of((tmp_path,), "first")] == paths
    (tmp_path / "0.ttf").write_bytes(b"of bitmaps, say")
    with pytest.raises(ValueError, match=r"expected a font, found .*0\.ttf"):
        line(fonts=(tmp_path,), words=("a",))
    monkeypatch.setattr(fonts, "system_folders", lambda: [tmp_path / "none", tmp_path])
    assert [face.path for face in faces_of("system", "first")] == paths
    machine = line(fonts="system", words=("a",))
    assert set(machine.inputs()) == set(map(str, paths))
    monkeypatch.setattr(fonts, "system_folders", lambda: [tmp_path / "none"])
    with pytest.raises(ValueError, match="this machine has none in"):
        faces_of("system", "first")
    with pytest.raises(ValueError, match="holds no font file"):
        (tmp_path / "empty").mkdir()
        faces_of((tmp_path / "empty",), "first")


def test_empty_glyphs_and_boxes_count_as_none() -> None:
    """DejaVu has neither; `\u3164` is a letter that its glyph leaves blank."""
    found = FontSet(faces=(Face(SANS), Face(CHINESE)), characters=frozenset("a\u4e2d\ue000 "))
    assert found.lacking[Face(SANS)] == {"\u4e2d", "\ue000"}
    assert "a" not in found.lacking[Face(CHINESE)]
