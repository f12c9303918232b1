"""captcha and plate: texts by `text_line`, and boxes where their characters are seen."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from PIL import Image

from dsbuilder.builtin.synth.captcha import Captcha
from dsbuilder.builtin.synth.plate import Plate
from dsbuilder.plugin import ClassLabel, Range, Sample, generator

SANS = tools.place(tools.DEJAVU)

pytestmark = tools.needs_dejavu


def rendered(plugin: Any, seed: int = 0, **changes: Any) -> Sample:
    return plugin.render("k", {**plugin.draw(generator("preset", seed)), **changes}, "rgb")


def test_a_captcha_is_of_its_characters_and_boxes_follow() -> None:
    plugin = Captcha(fonts=(SANS,), charset="AB", length=(3, 5), boxes=("characters",))
    texts = set()
    for seed in range(6):
        sample = rendered(plugin, seed)
        text = sample.targets["text"]
        texts.add(len(text))
        assert re.fullmatch("[AB]{3,5}", text)
        assert [each["label"] for each in sample.targets["characters"]] == list(text)
        lefts = [each["box"][0] for each in sample.targets["characters"]]
        assert lefts == sorted(lefts)
        assert sample.image.shape == (64, 192, 3)
    assert len(texts) > 1
    assert plugin.content({"text": "AB"}) == "AB"


def test_strokes_lie_over_the_text() -> None:
    plugin = Captcha(fonts=(SANS,), strokes=(3, 3))
    struck, bare = rendered(plugin), rendered(plugin, strokes=[])
    changed = (struck.image != bare.image).any(axis=2)
    assert 0.01 < changed.mean() < 0.3
    assert changed.any(axis=0).mean() > 0.5
    with pytest.raises(ValueError, match=r"strokes: expected \[low, high\] with 0 <= low"):
        Captcha(fonts=(SANS,), strokes=(3, 2))


@pytest.mark.parametrize("perspective", [0.0, 1.0])
def test_boxes_of_a_plate_lie_on_its_characters(perspective: float) -> None:
    plugin = Plate(
        fonts=(SANS,),
        pairs=(("black", "white"),),
        perspective=Range(perspective, perspective),
        boxes=("words", "characters"),
    )
    for seed in range(4):
        sample = rendered(plugin, seed)
        text, image = sample.targets["text"], sample.image
        assert re.fullmatch(r"[A-Z]{2}-\d{2}-[A-Z]{2}|[A-Z]{3} \d{3,4}", text)
        assert [each["label"] for each in sample.targets["characters"]] == list(
            text.replace(" ", "")
        )
        inside = np.zeros((64, 256), bool)
        for each in sample.targets["characters"]:
            left, top, right, bottom = np.rint(np.array(each["box"]) * (256, 64, 256, 64)).astype(
                int
            )
            dark = image[top:bottom, left:right].max(axis=2) < 110
            least = 0.6 if each["label"] != "-" else 0.2  # which is thinner than two pixels
            assert dark.any(axis=1).mean() > least and dark.any(axis=0).mean() > 0.6
            inside[top:bottom, left:right] = True
        middle = (slice(24, 40), slice(40, 216))  # within the border
        assert not ((image.max(axis=2) < 60) & ~inside)[middle].any()


def test_a_plate_lies_before_its_ground(tmp_path: Path) -> None:
    Image.new("RGB", (400, 100), (10, 200, 30)).save(tmp_path / "grass.png")
    plugin = Plate(
        fonts=(SANS,), perspective=Range(0, 0), ground=("photo",), photos=tmp_path, margin=0.2
    )
    image = rendered(plugin).image
    assert (image[:11] == (10, 200, 30)).all() and (image[:, -11:] == (10, 200, 30)).all()
    assert not (image[16:48, 20:236] == (10, 200, 30)).all(axis=2).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 20}, "height: expected 32 or more pixels, found 20."),
        ({"margin": 0.4}, "margin: expected a share in [0.05, 0.3], found 0.4."),
        ({"pairs": (("red", "orangered"),)}, "pairs: expected a contrast of 3 or more"),
        ({"ground": ("photo",)}, "together with the ground 'photo', found no 'photos'"),
    ],
)
def test_wrong_options_of_a_plate_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Plate(fonts=(SANS,), **options)
    assert message in str(caught.value)


def test_presets_give_the_targets_of_text_line() -> None:
    signature = Captcha(fonts=(SANS,)).output_signature("gray")
    assert set(signature.targets) == {"text"} and signature.image.shape == (64, 192, 1)
    signature = Plate(fonts=(SANS,), boxes=("words",)).output_signature("rgba")
    assert set(signature.targets) == {"text", "words"} and signature.image.shape == (64, 256, 4)
    assert not any(isinstance(each, ClassLabel) for each in signature.targets.values())
