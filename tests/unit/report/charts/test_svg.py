"""The page of a chart: what a screen reader is told, names of any kind, colors for any eyes."""

import itertools
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from dsbuilder.report.charts import svg
from dsbuilder.report.charts.svg import Heading, Page, elided, shown, text_width, wrapped

SVG = "{http://www.w3.org/2000/svg}"
NASTY = (
    "<img src=x onerror=alert(1)>",
    "a&b",
    "\"'",
    "]]>",
    "猫",
    "",
    "line\nbreak",
    "\udce9",
    "\0",
)

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency" (2009), of full severity, for linear RGB.
VISION = {
    "all colors": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def heading(title="Loss by epoch", **given):
    return Heading(**{"title": title, "dataset": "flowers 1.0.0", "numbers": "loss.csv", **given})


def page(title="Loss by epoch", description="It falls.", **given):
    return ET.fromstring(Page(heading(title, **given), description=description).to_text())


def linear(color):
    shares = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """As WCAG 2.2 defines it, of linear colors."""
    low, high = sorted(color @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(color):
    xyz = TO_XYZ @ color / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_screen_reader_is_told_title_subject_description_and_where_the_numbers_are():
    root = page(samples={"test": 1200}, score="accuracy 0.93")
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    subject = "flowers 1.0.0 · test: 1,200 samples · accuracy 0.93"
    assert title.text == f"Loss by epoch · {subject}"
    assert desc.text == "It falls. The numbers are in loss.csv."
    shown_texts = [each.text for each in root.iter(f"{SVG}text")]
    assert shown_texts == ["Loss by epoch", subject]


def test_ids_of_two_charts_in_one_document_differ():
    ids = [each.get("id") for one in ("a", "b") for each in page(one).iter() if each.get("id")]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_only_ever_text(name):
    """No element, attribute or style comes of a name, wherever it stands."""
    made = Page(heading(name, dataset=name, numbers=name), description=name)
    made.text(name, 1, 2, room=30)
    made.write(name, kind="name")
    text = made.to_text()
    root = ET.fromstring(text.encode("utf-8"))
    known = {"svg", "title", "desc", "style", "rect", "text"}
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= known
    assert not any(attribute.startswith("on") for each in root.iter() for attribute in each.attrib)
    assert name not in root.find(f"{SVG}style").text or not name


def test_a_long_text_is_elided_and_whole_in_a_tooltip():
    made = Page(heading(), description="")
    made.text("a name that is far too long for it", 0, 0, room=100)
    *_, element = ET.fromstring(made.to_text()).iter(f"{SVG}text")
    assert "…" in element.text and text_width(element.text) <= 100
    assert element.find(f"{SVG}title").text == "a name that is far too long for it"


@pytest.mark.parametrize("text", ["", "a", "猫" * 50, "one two three " * 9, "x" * 200])
@pytest.mark.parametrize("room", [30, 100, 448])
def test_lines_keep_within_their_room(text, room):
    for line in [*wrapped(text, room), elided(text, room)]:
        assert text_width(line) <= room


def test_numbers_are_short_and_zero_has_no_sign():
    assert [shown(each) for each in (1.0, 1.26, -0.01, 12, -3.5)] == ["1", "1.3", "0", "12", "-3.5"]


def test_it_follows_what_the_reader_prefers_and_text_is_text():
    style = page().find(f"{SVG}style").text
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    for pair in (svg.PAPER, svg.INK, svg.FAINT, svg.HIT, svg.MISS, *svg.LINES):
        assert pair[0] in light and pair[1] in dark
    assert style.count("{") == style.count("}")
    assert "var(" not in style  # which converters of SVG do not know


def test_equal_data_give_equal_text():
    assert Page(heading(), description="").to_text() == Page(heading(), description="").to_text()


@pytest.mark.parametrize("paper", [0, 1])
def test_texts_and_lines_stand_out_from_the_paper(paper):
    ground = linear(svg.PAPER[paper])
    for color in (svg.INK, svg.FAINT):
        assert contrast(linear(color[paper]), ground) >= 4.5
    for color in svg.LINES:
        assert contrast(linear(color[paper]), ground) >= 3


@pytest.mark.parametrize("paper", [0, 1])
@pytest.mark.parametrize("vision", VISION)
def test_lines_keep_apart_for_any_eyes(paper, vision):
    seen = [lab(np.clip(VISION[vision] @ linear(each[paper]), 0, 1)) for each in svg.LINES]
    assert min(np.linalg.norm(one - two) for one, two in itertools.combinations(seen, 2)) > 25


@pytest.mark.parametrize("paper", [0, 1])
@pytest.mark.parametrize("color", [svg.HIT, svg.MISS])
def test_a_count_can_be_read_on_every_shade_of_its_cell(paper, color):
    def channels(text):
        return np.array([int(text[at : at + 2], 16) for at in (1, 3, 5)], float)

    ground, full = channels(svg.PAPER[paper]), channels(color[paper])
    for level in range(svg.LEVELS + 1):
        mixed = np.rint(ground + (full - ground) * level / svg.LEVELS).astype(int)
        cell = linear("#{:02x}{:02x}{:02x}".format(*mixed))
        text = svg.PAPER if level >= svg.STRONG[paper] else svg.INK
        assert contrast(cell, linear(text[paper])) >= 4.5, level
