"""The options that built-in plugins are drawn with: seen at once, where defaults hardly are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsbuilder.actions.drawn_scene import BANK, CUTOUTS, FONT, PHOTOS
from dsbuilder.registry import Plugin


@dataclass(frozen=True, kw_only=True)
class Example:
    """What a row of a picture is drawn with.

    Attributes:
      options: options of the plugin; `drawn_scene` writes the files that they name.
      use: member of a family, or empty.
      objects: targets that scenes are shown with; see `row_of`.
      remark: what is to be known of it, or empty.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    use: str = ""
    objects: Sequence[str | None] = ("boxes", None)
    remark: str = ""


def _rows(*options: Mapping[str, Any]) -> tuple[Example, ...]:
    return tuple(Example(options=each) for each in options)


_FLIP = {"use": "A.HorizontalFlip", "p": 1}
_BLUR = {"use": "A.GaussianBlur", "sigma_limit": [1.5, 3], "p": 1}
_TURN = {"use": "A.Rotate", "limit": [-40, 40], "p": 1}
_GRAY = {"use": "A.ToGray", "p": 1}
_WORDS = ["Hello", "quick", "brown", "fox", "jumps", "over", "Kyoto", "1984", "lazy", "dogs"]
_PLAIN: Mapping[str, Any] = {"fonts": [FONT], "words": _WORDS}

EXAMPLES: Mapping[tuple[str, str], tuple[Example, ...]] = {
    ("transform", "A.*"): (
        Example(use="A.Affine", options={"rotate": [-30, 30], "shear": [-15, 15]}),
        Example(use="A.GridDistortion", options={"distort_limit": 0.6}),
        Example(use="A.RandomFog", options={"fog_coef_range": [0.4, 0.8]}),
    ),
    ("transform", "aug_mix"): _rows({"severity": 6}),
    ("transform", "classic"): _rows(
        {
            "rotation_range": 25,
            "width_shift_range": 0.2,
            "zoom_range": 0.3,
            "brightness_range": [0.5, 1.4],
            "horizontal_flip": True,
        },
        {"shear_range": 30, "channel_shift_range": 90, "fill_mode": "wrap"},
    ),
    ("transform", "fold"): _rows({"creases": 2, "strength": [0.2, 0.4]}),
    ("transform", "fused_color"): _rows(
        {"brightness": [0.6, 1.4], "contrast": [0.5, 1.6], "saturation": [0, 2], "hue": [-0.2, 0.2]}
    ),
    ("transform", "fused_crop_resize_flip"): _rows({"size": [132, 168], "scale": [0.15, 0.5]}),
    ("transform", "one_of"): _rows({"stages": [_TURN, _BLUR, _GRAY]}),
    ("transform", "rand_augment"): _rows({"magnitude": 14}),
    ("transform", "resize"): _rows(
        {"short": 24},
        {"size": [120, 120]},
        {"size": [120, 120], "fit": "pad", "background": "navy"},
    ),
    ("transform", "some_of"): _rows({"stages": [_FLIP, _TURN, _BLUR, _GRAY], "pick": 2}),
    ("mixer", "copy_paste"): (Example(objects=("instances",)),),
    ("mixer", "mixup"): _rows({"alpha": 4.0}),
    ("synthesizer", "captcha"): _rows({"fonts": [FONT]}),
    ("synthesizer", "composite"): _rows(
        {
            "objects": CUTOUTS,
            "height": 132,
            "width": 168,
            "number": [2, 4],
            "scale": [0.3, 0.7],
            "ground": ["photo", "gradient"],
            "photos": PHOTOS,
        }
    ),
    ("synthesizer", "gan"): (
        Example(
            options={"bank": BANK},
            remark="The bank of this picture holds drawn scenes, in place of what a GAN drew.",
        ),
    ),
    ("synthesizer", "plate"): _rows({"fonts": [FONT], "height": 48, "width": 168}),
    ("synthesizer", "text_line"): _rows(
        {**_PLAIN, "height": 48, "width": 168, "size": [28, 36]},
        {
            **_PLAIN,
            "height": 64,
            "width": 168,
            "size": [28, 36],
            "ground": ["photo", "gradient", "noise"],
            "photos": PHOTOS,
            "curve": [-60, 60],
            "shadow": 0.1,
            "outline": 0.05,
            "contrast": 4.5,
            "tinted": True,
        },
        {
            "fonts": [FONT],
            "patterns": [r"[A-Z]{2}-\d{3}"],
            "height": 64,
            "width": 168,
            "size": [26, 34],
            "slant": [-20, 20],
            "spacing": [0, 0.3],
            "perspective": 0.3,
            "boxes": ["characters"],
        },
    ),
    ("synthesizer", "text_page"): _rows(
        {
            **_PLAIN,
            "height": 168,
            "width": 168,
            "size": [12, 14],
            "margin": 10,
            "paragraphs": [1, 2],
            "paragraph_words": [8, 16],
            "align": ["left", "justified", "center"],
        }
    ),
}
"""Kind and name of a built-in plugin -> rows of its picture; others are drawn with defaults."""


def examples_of(plugin: Plugin) -> Sequence[Example]:
    """Returns what the rows of a plugin's picture are drawn with."""
    known = (
        EXAMPLES.get((plugin.kind, plugin.name)) if plugin.origin.package == "dsbuilder" else None
    )
    return known or (Example(),)
