"""What `captcha`, `plate`, `text_page` and `composite` draw, compared with a recorded sheet.

Every second sample shows its boxes, those of objects and lines in red, of words in blue; beside a
scene lie its instances. `python tests/golden/test_scene_sheet.py` records it anew: look at it
before a commit. FreeType, which is part of Pillow, draws edges a little differently from version to
version.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from golden.test_text_sheet import CHINESE, FONT, GAP, MICROHEI, photographs
from PIL import Image, ImageDraw

from dsbuilder.builtin.synth.captcha import Captcha
from dsbuilder.builtin.synth.composite import Composite
from dsbuilder.builtin.synth.plate import Plate
from dsbuilder.builtin.synth.text_page import TextPage
from dsbuilder.plugin import Range, Sample, generator

FILE = Path(__file__).parent / "pixels" / "scene_sheet.png"
EMOJI = Path(__file__).parents[2] / "samples" / "emoji"
MONO_BOLD = tools.DEJAVU.replace("Sans", "SansMono-Bold")
PLATE_FONT = tools.place(MONO_BOLD)
WORDS = "a page of text is wrapped where the line is full and its words are set as asked"
SIGNS = "书中自有黄金屋不知天地人日月山水火木土大小上下左右前后春夏秋冬东南西北"
WIDTH = 840

pytestmark = [
    pytest.mark.slow,
    tools.needs_dejavu,
    pytest.mark.tool(MONO_BOLD, "fonts-dejavu-core"),
    pytest.mark.tool(MICROHEI, "fonts-wqy-microhei"),
]


def rows(folder: Path) -> Iterator[tuple[str, int, list[Any]]]:
    """Yields what each row is called, how many samples it has, and what draws them in turn."""
    photos = {"ground": ("photo",), "photos": photographs(folder)}
    page = {"height": 190, "width": 200, "size": Range(12, 12), "margin": Range(10, 10)}
    english: Any = {
        **page,
        "fonts": (FONT,),
        "words": tuple(WORDS.split()),
        "boxes": ("lines", "words"),
    }
    chinese: Any = {**page, "fonts": (CHINESE,), "charset": SIGNS, "separator": ""}
    scene: Any = {"objects": EMOJI, "height": 190, "width": 190}
    yield "captcha", 4, [Captcha(fonts=(FONT,), boxes=("characters",))]
    yield "plate", 3, [Plate(fonts=(PLATE_FONT,), boxes=("words", "characters"))]
    yield (
        "text_page",
        4,
        [
            TextPage(**english, align=("justified",), indent=Range(2, 2)),
            TextPage(**english, align=("center",), **photos, contrast=7.0),
            TextPage(**chinese, align=("justified",)),
        ],
    )
    yield (
        "composite",
        4,
        [
            Composite(**scene, **photos, number=(3, 4)),
            Composite(**scene, number=(9, 9), overlap=0.5, beyond=0.4, ground=("gradient",)),
        ],
    )


def shown(plugin: Any, sample: Sample, *, labelled: bool) -> Image.Image:
    height, width = sample.image.shape[:2]
    targets = plugin.output_signature("rgb").targets
    image = sample.image.copy()
    if labelled and "objects" in targets:
        for number, mask in enumerate(targets["objects"].parse(sample.targets["objects"]).masks()):
            image[mask] = image[mask] // 2 + generator("paint", number).integers(0, 128, 3).astype(
                np.uint8
            )
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    for kind in ("objects", "lines", "characters", "words") if labelled else ():
        if kind in targets:
            value = targets[kind].parse(sample.targets[kind])
            for left, top, right, bottom in getattr(value, "boxes", value).corners.tolist():
                corners = (left * width, top * height, right * width - 1, bottom * height - 1)
                color = "blue" if kind == "words" else "red"
                draw.rectangle([round(corner) for corner in corners], outline=color)
    return picture


def sheet(folder: Path) -> np.ndarray:
    canvas, bottom = Image.new("RGB", (WIDTH, 1000), "#707070"), GAP
    for name, count, plugins in rows(folder):
        left, tallest = GAP, 0
        for number in range(count):
            plugin = plugins[number % len(plugins)]
            sample = plugin.render("k", plugin.draw(generator("scene", name, number)), "rgb")
            picture = shown(plugin, sample, labelled=number % 2 == 1)
            canvas.paste(picture, (left, bottom))
            left, tallest = left + picture.width + GAP, max(tallest, picture.height)
        bottom += tallest + GAP
    return np.asarray(canvas.crop((0, 0, WIDTH, bottom)))


def test_every_synthesizer_draws_what_the_sheet_shows(tmp_path: Path) -> None:
    made, recorded = sheet(tmp_path), np.asarray(Image.open(FILE).convert("RGB"))
    assert made.shape == recorded.shape
    assert (np.abs(made.astype(int) - recorded) > 40).mean() <= 0.01


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        Image.fromarray(sheet(Path(temporary))).save(FILE, optimize=True)
