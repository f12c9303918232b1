"""An independent reader of text reads what `text_line` writes."""

import numpy as np
import pytest
import tools

from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.plugin import Range, generator

rapidocr = tools.module("rapidocr_onnxruntime")

pytestmark = tools.needs_dejavu
WORDS = ("Hamburg", "window", "jealously", "Quartz", "gypsum", "Bridge", "kitchen", "Fjord")


@pytest.fixture(scope="module")
def reader():
    return rapidocr.RapidOCR()


def test_an_independent_reader_reads_the_label(reader) -> None:
    fonts = (tools.place(tools.DEJAVU),)
    plugin = TextLine(words=WORDS, fonts=fonts, height=64, size=Range(36, 40), padding=10)
    read = 0
    for index, word in enumerate(WORDS):
        drawn = plugin.draw(generator(7, index))
        pinned = {**drawn, "text": word, "color": [0, 0, 0], "background": [255, 255, 255]}
        image = np.ascontiguousarray(plugin.render("k", pinned, "rgb").image)
        found, _ = reader(image, use_det=False, use_cls=False, use_rec=True)
        read += found[0][0].strip() == word
    assert read >= len(WORDS) - 1
