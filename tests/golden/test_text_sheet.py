"""What `text_line` can do, a row each, compared with the sheet that pipelines/README.md shows.

`python tests/golden/test_text_sheet.py` records it anew; look at it before a commit: no glyph is
cut off, and boxes lie where the ink is. FreeType, which is part of Pillow, draws edges a little
differently from version to version.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from PIL import Image, ImageDraw, ImageFont

from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.plugin import Range, Sample, generator

FILE = Path(__file__).parent / "pixels" / "text_line_sheet.png"
MICROHEI = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
BOLD = tools.DEJAVU.replace("Sans", "Serif-BoldItalic")
FONT, SERIF, CHINESE = map(tools.place, (tools.DEJAVU, BOLD, MICROHEI))
WORDS = ("Typography", "quick jug", "Fjord 47")

ROWS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "size": {"size": Range(14, 34)},
    "fonts": {"fonts": (FONT, SERIF)},
    "patterns": {"words": None, "patterns": (r"[A-Z]{2}-\d{3,4}", r"(19|20)\d\d")},
    "weight": {"weight": Range(0.02, 0.06)},
    "spacing": {"spacing": Range(-0.08, 0.4)},
    "slant": {"slant": Range(-25, 25)},
    "curve": {"curve": Range(-120, 120)},
    "perspective": {"perspective": Range(0.3, 0.4)},
    "turn": {"turn": Range(10, 25)},
    "tinted": {"tinted": True, "color": Range(0, 160), "background": Range(120, 255)},
    "contrast: 7": {"contrast": 7.0, "color": Range(0, 255), "background": Range(0, 255)},
    "pairs": {"pairs": (("yellow", "navy"), ("white", "darkred"), ("black", "gold"))},
    "gradient": {"ground": ("gradient",), "tinted": True},
    "noise": {"ground": ("noise",)},
    "photo": {"ground": ("photo",), "contrast": 4.5},
    "shadow": {"shadow": Range(0.08, 0.12)},
    "outline": {"outline": Range(0.05, 0.08), "color": "navy", "outline_color": "gold"},
    "Chinese": {"fonts": (CHINESE,), "words": ("的一是不了", "龙马精神", "北京2026年")},
    "vertical": {"direction": "vertical", "size": Range(20, 20), "words": ("直排，文字。", "DOWN")},
    "boxes, mask": {"boxes": ("words", "characters"), "mask": True, "curve": Range(-50, 50)},
}
NAME_WIDTH, GAP, COLUMNS = 96, 8, 3

pytestmark = [
    pytest.mark.slow,
    tools.needs_dejavu,
    pytest.mark.tool(BOLD, "fonts-dejavu-extra"),
    pytest.mark.tool(MICROHEI, "fonts-wqy-microhei"),
]


@cache
def photographs(folder: Path) -> Path:
    from sklearn.datasets import load_sample_image

    for name in ("china", "flower"):
        Image.fromarray(load_sample_image(f"{name}.jpg")).save(folder / f"{name}.png")
    return folder


def cells(name: str, folder: Path) -> list[Image.Image]:
    """Returns the samples of a row, of different texts where there are."""
    defaults = {"fonts": (CHINESE if name == "vertical" else FONT,), "words": WORDS}
    options = {"height": None, "size": Range(26, 26), **defaults, **ROWS[name]}
    if name == "photo":
        options["photos"] = photographs(folder)
    plugin = TextLine(**options)
    found: list[Image.Image] = []
    for number in range(COLUMNS):
        words = options["words"]
        drawn = plugin.draw(generator("sheet", name, number))
        if words is not None and "turns" not in drawn:
            drawn["text"] = words[number % len(words)]
        sample = plugin.render("k", drawn, "rgb")
        found.append(
            labelled(sample) if "mask" in sample.targets else Image.fromarray(sample.image)
        )
    return found


def labelled(sample: Sample) -> Image.Image:
    """Returns the image beside its mask, boxes of words in blue and of characters in red."""
    height, width = sample.image.shape[:2]
    image = Image.fromarray(sample.image)
    draw = ImageDraw.Draw(image)
    for kind, color in (("characters", "red"), ("words", "blue")):
        for each in sample.targets[kind]:
            left, top, right, bottom = each["box"]
            corners = (left * width, top * height, right * width - 1, bottom * height - 1)
            draw.rectangle([round(corner) for corner in corners], outline=color)
    plugin = TextLine(fonts=(FONT,), words=WORDS, mask=True)
    mask = plugin.output_signature("rgb").targets["mask"].parse(sample.targets["mask"])
    both = Image.new("RGB", (2 * width + 2, height), "gray")
    both.paste(image, (0, 0))
    both.paste(Image.fromarray(mask * np.uint8(255)), (width + 2, 0))
    return both


def sheet(folder: Path) -> np.ndarray:
    rows = {name: cells(name, folder) for name in ROWS}
    across = max(each.width for row in rows.values() for each in row)
    heights = [max(each.height for each in row) for row in rows.values()]
    size = (NAME_WIDTH + COLUMNS * (across + GAP), sum(heights) + GAP * (len(rows) + 1))
    canvas = Image.new("RGB", size, "#707070")
    draw, top = ImageDraw.Draw(canvas), GAP
    for (name, row), height in zip(rows.items(), heights, strict=True):
        font = ImageFont.truetype(str(FONT), 13, layout_engine=ImageFont.Layout.BASIC)
        draw.text((GAP, top + 4), name, fill="white", font=font)
        for number, each in enumerate(row):
            canvas.paste(each, (NAME_WIDTH + number * (across + GAP), top))
        top += height + GAP
    return np.asarray(canvas)


def test_every_option_draws_what_the_sheet_shows(tmp_path: Path) -> None:
    made, recorded = sheet(tmp_path), np.asarray(Image.open(FILE).convert("RGB"))
    assert made.shape == recorded.shape
    assert (np.abs(made.astype(int) - recorded) > 40).mean() <= 0.01


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        Image.fromarray(sheet(Path(temporary))).save(FILE, optimize=True)
