"""What pinned params make, compared with recorded pictures beside this file.

`python tests/golden/test_golden_pixels.py` records them anew; look at what changed before a commit.
Integer arithmetic is compared exactly. OpenCV may round by one level on another processor, and
FreeType, which is part of Pillow, draws edges a little differently from version to version.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from PIL import Image

from dsbuilder.builtin.mixers.mixup import Mixup
from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.builtin.transforms.albumentations import Albumentations
from dsbuilder.builtin.transforms.fused_color import FusedColor
from dsbuilder.builtin.transforms.fused_crop_resize_flip import FusedCropResizeFlip
from dsbuilder.builtin.transforms.one_of import OneOf
from dsbuilder.builtin.transforms.resize import Resize
from dsbuilder.builtin.transforms.some_of import SomeOf
from dsbuilder.plugin import Sample, Stage
from dsbuilder.registry import discover

FILES = Path(__file__).parent / "pixels"
PLUGINS = discover((Path(__file__).parents[2] / "plugins",))
FONT = tools.place(tools.DEJAVU)


def picture(channels: int = 3, *, turned: bool = False) -> Sample:
    """Gradients, an edge and a fine grid, `(24, 32, C)`."""
    y, x = np.mgrid[0:24, 0:32]
    values = (x * 8, y * 10, np.where(x + y > 28, 220, 30), np.where((x // 2) % 2, 255, 90))
    image = np.stack(values[:channels], axis=2).astype(np.uint8)
    return Sample(key="a", image=np.rot90(image).copy() if turned else image, targets={})


def albumentations(member: str, **options: Any) -> Callable[[int], np.ndarray]:
    plugin = Albumentations(member=member, options=options)
    return lambda seed: plugin.apply(picture(), {"seed": seed}).image


def text(**params: Any) -> np.ndarray:
    plugin = TextLine(fonts=(FONT,), words=("Jäpy 1",), height=32)
    pinned = {"text": "Jäpy 1", "font": 0, "size": 22, "place": [0.5, 0.5]}
    colors = {"color": [20, 0, 90], "background": [250, 240, 200]}
    return plugin.render("k", {**pinned, **colors, **params}, "rgb").image


def plugged(name: str, params: Mapping[str, Any]) -> np.ndarray:
    plugin = PLUGINS.get(name).cls()
    if PLUGINS.get(name).kind == "synthesizer":
        return plugin.render("k", params, "rgb").image
    return plugin.apply(picture(), params).image


def nested(cls: Any, params: Mapping[str, Any], **options: Any) -> np.ndarray:
    salt = Stage(id="salt", plugin=PLUGINS.get("salt_pepper").cls(), p=0.9)
    dropout = Stage(id="drop", plugin=Albumentations(member="CoarseDropout"))
    return cls(stages=(salt, dropout), **options).apply(picture(), params).image


@dataclass(frozen=True)
class Case:
    """A picture to make.

    Attributes:
      make: makes it.
      levels: how far a value may lie from the recorded one.
      share: of the values that may lie farther.
    """

    make: Callable[[], np.ndarray]
    levels: int = 0
    share: float = 0.0


SHAPE = {"shape": "triangle", "x": 0.5, "y": 0.45, "radius": 0.35, "turn": 0.3}
CASES = {
    "resize_short_area": Case(lambda: Resize(short=9).apply(picture(), {}).image, levels=1),
    "resize_short_larger": Case(
        lambda: Resize(short=40, interpolation="cubic").apply(picture(), {}).image, levels=1
    ),
    "resize_crop_gray": Case(lambda: Resize(size=(16, 16)).apply(picture(1), {}).image, levels=1),
    "resize_pad_alpha": Case(
        lambda: Resize(size=(20, 20), fit="pad").apply(picture(4), {}).image, levels=1
    ),
    "resize_pad": Case(
        lambda: Resize(size=(20, 20), fit="pad", background="teal").apply(picture(), {}).image,
        levels=1,
    ),
    "resize_stretch_nearest": Case(
        lambda: (
            Resize(size=(30, 12), fit="stretch", interpolation="nearest").apply(picture(), {}).image
        )
    ),
    "mixup": Case(
        lambda: (
            Mixup()
            .apply(picture(), [picture().replace(image=picture().image[::-1])], {"weight": 0.375})
            .image
        )
    ),
    "mixup_fitted": Case(
        lambda: Mixup().apply(picture(), [picture(turned=True)], {"weight": 0.5}).image, levels=1
    ),
    "one_of": Case(lambda: nested(OneOf, {"index": 1, "seed": 11})),
    "some_of": Case(
        lambda: nested(
            SomeOf, {"drawn": [{"index": 0, "seed": 5}, {"index": 1, "seed": 6}]}, pick=2
        )
    ),
    "albumentations_dropout": Case(lambda: albumentations("CoarseDropout")(3)),
    "albumentations_affine": Case(
        lambda: albumentations("Affine", rotate=[-40, 40], scale=[0.7, 1.2])(4),
        levels=2,
        share=0.01,
    ),
    "fused_color": Case(
        lambda: (
            FusedColor()
            .apply(
                picture(),
                {"brightness": 1.1, "contrast": 0.8, "saturation": 1.3, "hue": -0.04},
            )
            .image
        ),
        levels=1,
    ),
    "fused_crop_resize_flip": Case(
        lambda: (
            FusedCropResizeFlip(size=(20, 20))
            .apply(picture(), {"box": [3, 5, 14, 18], "flip": True})
            .image
        ),
        levels=1,
    ),
    "salt_pepper": Case(lambda: plugged("salt_pepper", {"density": 0.2, "seed": 9})),
    "shapes": Case(
        lambda: plugged("shapes", {**SHAPE, "front": [9, 60, 90, 0], "ground": [200, 220, 130, 0]}),
        levels=16,
        share=0.01,
    ),
    "text_line": Case(text, levels=40, share=0.03),
    "text_line_small": Case(lambda: text(size=9, place=[0.0, 0.9]), levels=40, share=0.03),
}


@pytest.mark.parametrize("name", CASES)
def test_pinned_params_make_the_recorded_picture(name: str) -> None:
    if name.startswith("text_line"):
        tools.check(tools.DEJAVU, "fonts-dejavu-core")
    case, recorded = CASES[name], np.asarray(Image.open(FILES / f"{name}.png"))
    made = case.make()
    assert made.dtype == np.uint8
    recorded = recorded.reshape(*recorded.shape[:2], -1)
    assert made.shape == recorded.shape
    distance = np.abs(made.astype(int) - recorded)
    assert (distance > case.levels).mean() <= case.share, f"up to {distance.max()} levels apart"


def record() -> None:
    FILES.mkdir(exist_ok=True)
    for name, case in CASES.items():
        Image.fromarray(case.make().squeeze()).save(FILES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    record()
