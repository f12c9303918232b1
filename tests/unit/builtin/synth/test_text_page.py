"""text_page: what is drawn is what the text says, line by line, and boxes lie around it."""

from typing import Any

import numpy as np
import pytest
import tools

from dsbuilder.builtin.synth.lettering import box
from dsbuilder.builtin.synth.text_page import TextPage
from dsbuilder.plugin import Boxes, Params, Range, Sample, Text, generator

MATH = tools.DEJAVU.replace("Sans", "MathTeXGyre")
SANS = tools.place(tools.DEJAVU)

pytestmark = [tools.needs_dejavu, pytest.mark.tool(MATH, "fonts-dejavu-extra")]


def page(**options: Any) -> TextPage:
    stated = {
        "words": ("many", "words", "go", "quickly", "by"),
        "height": 220,
        "width": 180,
        "margin": Range(10, 10),
        "size": Range(12, 14),
        "color": "black",
        "background": "white",
        "boxes": ("lines", "words", "paragraphs"),
    }
    return TextPage(**{"fonts": (SANS,), **stated, **options})


def made(plugin: TextPage, seed: int = 0, **changes: Any) -> tuple[Params, Sample]:
    params = {**plugin.draw(generator("page", seed)), **changes}
    return params, plugin.render("k", params, "gray")


def corners(sample: Sample, kind: str) -> np.ndarray:
    """Boxes in pixels, `(n, 4)`."""
    height, width = sample.image.shape[:2]
    boxes = np.array([each["box"] for each in sample.targets[kind]])
    return boxes * (width, height, width, height)


@pytest.mark.parametrize("align", ["left", "right", "center", "justified"])
def test_boxes_say_the_text_and_lie_around_the_ink(align: Any) -> None:
    for seed in range(3):
        params, sample = made(page(align=(align,), indent=Range(1, 1)), seed)
        targets = sample.targets
        lines = [each["text"] for each in targets["lines"]]
        paragraphs = targets["text"].split("\n\n")
        assert [each["text"] for each in targets["paragraphs"]] == paragraphs
        assert "\n".join(lines) == targets["text"].replace("\n\n", "\n")
        assert [each["text"] for each in targets["words"]] == " ".join(lines).split()
        written = [" ".join(words) for words in params["words"]]
        for text, whole in zip(paragraphs, written, strict=False):
            assert whole.startswith(text.replace("\n", " "))
        dark = sample.image[..., 0] < 128
        covered = np.zeros_like(dark)
        for left, top, right, bottom in corners(sample, "lines").round().astype(int):
            assert dark[top:bottom, left:right].any(axis=1).mean() > 0.6
            covered[top:bottom, left:right] = True
        assert not (dark & ~covered).any()
        assert corners(sample, "lines").min() >= 9


def test_lines_are_set_as_they_are_aligned() -> None:
    many = [["many", "words", "go", "quickly", "by", "by", "go"] * 4]
    found = {}
    for align in ("left", "right", "center", "justified"):
        _, sample = made(page(align=(align,)), words=many, size=12)
        found[align] = corners(sample, "lines")
    texts = len(found["left"])
    assert texts >= 4 and all(len(each) == texts for each in found.values())
    assert np.ptp(found["left"][:, 0]) <= 1 < np.ptp(found["left"][:, 2])
    assert np.ptp(found["right"][:, 2]) <= 2 < np.ptp(found["right"][:, 0])
    middles = found["center"][:, [0, 2]].mean(axis=1)
    assert np.abs(middles - 90).max() <= 2
    assert np.ptp(found["justified"][:-1, [0, 2]], axis=0).max() <= 2
    assert found["justified"][-1, 2] == pytest.approx(found["left"][-1, 2], abs=1)


def test_what_has_no_room_is_in_neither_picture_nor_text() -> None:
    params, sample = made(page(), words=[["words"] * 400], size=14)
    assert sample.targets["text"].count("words") < 400
    last = corners(sample, "lines")[-1]
    assert 220 - 10 - 2 * 14 * 1.6 < last[3] <= 210
    assert page().content(params) == " ".join(["words"] * 400)


def test_without_separator_lines_break_anywhere() -> None:
    plugin = page(words=("abcdefgh",), separator="", paragraph_words=(20, 20), paragraphs=(1, 1))
    _, sample = made(plugin)
    text = sample.targets["text"]
    assert " " not in text and text.replace("\n", "") == "abcdefgh" * 20
    assert len({len(line) for line in text.split("\n")}) > 1


def test_a_word_wider_than_the_page_makes_the_font_smaller() -> None:
    plugin = page(words=("incomprehensibilities",), size=Range(30, 30))
    _, sample = made(plugin)
    lines = corners(sample, "lines")
    assert lines[:, 2].max() <= 171 and lines[:, 0].min() >= 9
    with pytest.raises(ValueError, match="expected a text that fits into 160 px wide"):
        made(page(words=("W" * 60,)))


def test_every_word_fits_in_the_size_of_the_page() -> None:
    """The longest is 162 px wide in 36, and 156 in 35 and in 37; the other fits in 36."""
    plugin = page(
        fonts=(tools.place(MATH),), words=("tjtjtjtjtjtj", "ooooooo"), width=178, size=Range(37, 37)
    )
    params = plugin.draw(generator("page", 0))
    for words in (["tjtjtjtjtjtj", "ooooooo"], ["ooooooo", "tjtjtjtjtjtj"]):
        font, size = plugin._font(words, 158, params)
        assert size == 35
        assert max(box(font, word)[2] - box(font, word)[0] for word in words) <= 158
    assert plugin._font(["tjtjtjtjtjtj"], 158, params)[1] == 37


def test_a_long_first_word_is_indented_as_far_as_there_is_room() -> None:
    long = page(
        words=("donaudampfschifffahrtskapitaen",),
        width=320,
        size=Range(16, 16),
        margin=Range(24, 24),
        indent=Range(8, 8),
    )
    found = corners(made(long)[1], "words")
    assert found[0, 2] <= 297 and found[0, 0] > found[1, 0] + 5
    short = corners(made(page(indent=Range(3, 3)), size=12)[1], "words")
    assert short[0, 0] == pytest.approx(10 + 36, abs=2)


def test_targets_are_announced_and_a_page_has_one_font() -> None:
    signature = page(mask=True).output_signature("rgb")
    line = Boxes(names=("line",), attributes=(("text", "string"),))
    assert signature.targets["text"] == Text() and signature.targets["lines"] == line
    assert set(signature.targets) == {"text", "lines", "words", "paragraphs", "mask"}
    assert signature.image.shape == (220, 180, 3)
    _, sample = made(page(mask=True))
    mask = signature.targets["mask"].parse(sample.targets["mask"])
    assert ((sample.image[..., 0] < 128) == mask.astype(bool)).mean() > 0.999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": ("\u05d0",)}, "from left to right, found '\u05d0' (U+05D0). Draw such texts by"),
        ({"paragraphs": (0, 2)}, "paragraphs: expected [low, high] with 1 <= low <= high <= 1000"),
        ({"align": ()}, "align: at least one is needed."),
        ({"separator": "-"}, "separator: expected blanks or nothing, found '-'."),
        ({"margin": Range(2, 9)}, "margin: expected values in [4, 10000], found [2, 9]."),
        ({"margin": Range(70, 80)}, "within the margin, found 20 px. Make the page larger"),
        ({"line_spacing": Range(0.5, 1)}, "line_spacing: expected values in [0.8, 4]"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        page(**options)
    assert message in str(caught.value)
