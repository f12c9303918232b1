"""text_line with effects: nothing is cut off, and boxes and masks lie on what is drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.synth.bending import FINER, Bend, Shape
from dsbuilder.builtin.synth.fonts import Face
from dsbuilder.builtin.synth.lettering import InkLayer, Style, grown, line_of
from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.plugin import Boxes, Mask, Range, Sample, generator

SANS = tools.place(tools.DEJAVU)

pytestmark = tools.needs_dejavu

EFFECTS: dict[str, Any] = {
    "weight": Range(0.05, 0.05),
    "spacing": Range(0.3, 0.3),
    "tight": Range(-0.1, -0.1),
    "slant": Range(-25, 25),
    "curve": Range(-150, 150),
    "perspective": Range(0.4, 0.4),
    "turn": Range(40, 40),
    "direction": "vertical",
    "shadow": Range(0.1, 0.1),
    "outline": Range(0.06, 0.06),
}


def line(**options: Any) -> TextLine:
    given = {"spacing" if name == "tight" else name: value for name, value in options.items()}
    fixed = {"color": "black", "background": "white", "outline_color": "white", "padding": 4}
    labels = {"boxes": ("words", "characters"), "mask": True}
    sizes = {"height": None, "size": Range(24, 30)}
    words = ("Typ jg", "Quiz, fjord")
    return TextLine(**{"fonts": (SANS,), "words": words, **fixed, **labels, **sizes, **given})


def rendered(plugin: TextLine, seed: int = 0) -> Sample:
    return plugin.render("k", plugin.draw(generator("effects", seed)), "gray")


def pixels_of(box: list[float], shape: tuple[int, ...]) -> tuple[slice, slice]:
    left, top, right, bottom = (
        round(share * shape[axis]) for share, axis in zip(box, (1, 0, 1, 0), strict=True)
    )
    return slice(top, bottom), slice(left, right)


@pytest.mark.parametrize("effect", EFFECTS)
def test_boxes_and_mask_lie_on_the_ink(effect: str) -> None:
    for seed in range(2):
        plugin = line(**{effect: EFFECTS[effect]})
        params = plugin.draw(generator("effects", seed))
        sample = plugin.render("k", params, "gray")
        dark = sample.image[..., 0] < (128 if effect != "shadow" else 40)
        words, characters = sample.targets["words"], sample.targets["characters"]
        assert [each["text"] for each in words] == params["text"].split()
        assert [each["label"] for each in characters] == list(params["text"].replace(" ", ""))
        covered = np.zeros_like(dark)
        for each in characters:
            rows, columns = pixels_of(each["box"], dark.shape)
            covered[rows, columns] = True
            assert dark[rows, columns].any(axis=1).mean() > 0.5  # it is no box of nothing
        assert not (dark & ~covered).any()
        for each in words:
            rows, columns = pixels_of(each["box"], dark.shape)
            edges = dark[rows, columns]
            assert edges.any() and covered[rows, columns].any()
        mask = plugin.output_signature("gray").targets["mask"].parse(sample.targets["mask"])
        assert (mask.astype(bool) == dark).mean() > (0.99 if effect != "shadow" else 0.94)


@pytest.mark.parametrize("effect", EFFECTS)
def test_nothing_is_cut_off(effect: str) -> None:
    """The padding stays free of ink, where the canvas is as large as the text and where not."""
    for seed in range(2):
        made = rendered(line(**{effect: EFFECTS[effect]}), seed).image[..., 0] < 200
        frame = np.ones_like(made)
        frame[2:-2, 2:-2] = False
        assert not (made & frame).any()
        if effect == "direction":
            continue
        fixed = rendered(line(**{effect: EFFECTS[effect]}, width=90, height=40), seed)
        assert fixed.image.shape == (40, 90, 1)
        frame = np.ones((40, 90), bool)
        frame[2:-2, 2:-2] = False
        assert not ((fixed.image[..., 0] < 200) & frame).any()
        assert len(fixed.targets["characters"]) >= 5


@pytest.mark.parametrize("more", [{}, {"slant": Range(10, 10)}])
def test_what_is_around_a_text_shrinks_with_it(more: dict[str, Any]) -> None:
    """A shadow of half the size would leave no room for the text in the drawn size."""
    options = {"height": 36, "boxes": ("words",), "words": ("Typing",), **more}
    far = rendered(line(**options, shadow=Range(0.5, 0.5), outline=Range(0.3, 0.3)))
    left, top, right, bottom = np.array(far.targets["words"][0]["box"]) * 36
    assert 7 <= bottom - top <= 14 and left < right
    frame = np.ones(far.image.shape[:2], bool)
    frame[4:-4, 4:-4] = False
    assert far.image[..., 0][frame].min() == 255
    for seed in range(8):
        rendered(line(**options, shadow=Range(0, 0.5)), seed)
    with pytest.raises(ValueError, match="expected a text that fits into 7 px high in 6 px"):
        rendered(line(**{**options, "height": 15}, shadow=Range(0.5, 0.5)))


def test_asking_for_boxes_changes_no_pixel() -> None:
    for effect in ({}, {"slant": Range(9, 9)}, {"turn": Range(9, 9)}):
        with_boxes, without = line(**effect), line(**effect, boxes=(), mask=False)
        assert np.array_equal(rendered(with_boxes).image, rendered(without).image)
        assert set(rendered(without).targets) == {"text"}


def test_targets_are_announced() -> None:
    targets = line(words=("ab", "b c")).output_signature("rgb").targets
    assert targets["characters"] == Boxes(names=("a", "b", "c"))
    assert targets["words"] == Boxes(names=("word",), attributes=(("text", "string"),))
    assert targets["mask"] == Mask(names=("background", "text"))


def test_effects_are_done_to_their_share() -> None:
    plugin = line(slant=Range(5, 9), outline=Range(0.05, 0.1), effects=0.3)
    drawn = [plugin.draw(generator("share", seed)) for seed in range(400)]
    for effect in ("slant", "outline"):
        assert 80 < sum(effect in each for each in drawn) < 160
    assert 15 < sum("slant" in each and "outline" in each for each in drawn) < 65


POINTS = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 40)), min_size=1, max_size=5)


@given(
    slant=st.floats(-45, 45),
    curve=st.floats(-175, 175),
    corners=st.lists(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)), min_size=4, max_size=4),
    points=POINTS,
)
def test_what_is_bent_comes_from_where_it_was(
    slant: float, curve: float, corners: Any, points: Any
) -> None:
    shape = Shape(Bend(slant=slant, curve=curve, corners=tuple(corners)), (0, 0, 40, 300))
    x, y = np.array(points).T
    back = shape.backward(*shape.forward(x, y))
    assert np.allclose(back, (x, y), atol=0.05)


def test_a_curve_of_180_degrees_is_half_a_circle() -> None:
    shape = Shape(Bend(curve=180.0), (0, 0, 20, 314))
    x, y = shape.forward(np.array([0.0, 157.0, 314.0]), np.array([10.0, 10.0, 10.0]))
    radius = 314 / np.pi
    assert np.allclose(x, [157 - radius, 157, 157 + radius])
    assert np.allclose(y, [10 + radius, 10, 10 + radius])


def test_a_slant_leans_to_the_right_and_keeps_the_ink() -> None:
    bar = np.full((30 * FINER, 4 * FINER), 255, np.uint8)
    ink, _ = Shape(Bend(slant=30.0), (0, 0, *bar.shape)).apply(bar, (0, 0))
    columns = np.arange(ink.shape[1]) + 0.5
    middles = (ink * columns).sum(axis=1)[3:-3] / ink.sum(axis=1)[3:-3]
    assert np.allclose(np.diff(middles), -np.tan(np.radians(30)), atol=0.05)
    assert ink.sum() / 255 == pytest.approx(30 * 4, rel=0.03)


def test_strokes_grow_by_the_radius() -> None:
    ink = np.zeros((21, 21), np.uint8)
    ink[8:13, 8:13] = 255
    for radius in (0.5, 1.0, 2.25):
        made = grown(ink, radius)
        middle = made[made.shape[0] // 2].astype(float).sum() / 255
        assert middle == pytest.approx(5 + 2 * radius, abs=0.35)


def test_spacing_is_a_share_of_the_size() -> None:
    plain = line_of(Face(SANS), 40, "iiiii", Style()).ink.shape[1]
    wide = line_of(Face(SANS), 40, "iiiii", Style(spacing=0.5)).ink.shape[1]
    assert wide - plain == pytest.approx(4 * 0.5 * 40, abs=2)


def test_a_layer_knows_its_box() -> None:
    ink = np.zeros((5, 6), np.uint8)
    assert InkLayer(ink=ink, top=1, left=1).box() is None
    ink[2, 3] = 200
    assert InkLayer(ink=ink, top=10, left=20).box() == (12, 23, 13, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slant": Range(0, 60)}, "slant: expected values in [-45, 45], found [0, 60]."),
        ({"effects": 1.5}, "effects: expected a share in [0, 1], found 1.5."),
        (
            {"direction": "vertical", "curve": Range(5, 5)},
            "direction: expected horizontal lines to curve or slant, found vertical ones. Remove "
            "'curve' and 'slant'.",
        ),
        (
            {"words": ("\u05d0",)},
            "boxes: expected characters that stand for themselves, found '\u05d0', which a shaper "
            "joins to its neighbors. Leave the option out, or the character.",
        ),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        line(**options)
    assert str(caught.value) == message


def test_a_line_too_long_to_bend_is_told() -> None:
    plugin = line(words=("W" * 700,), boxes=(), slant=Range(5, 5), size=Range(30, 30))
    with pytest.raises(ValueError, match="expected a line of less than 10922 px to slant"):
        rendered(plugin)


def test_photos_are_part_of_the_image(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (300, 200), (90, 200, 250)).save(tmp_path / "sky.png")
    plugin = line(ground=("photo",), photos=tmp_path, contrast=4.5)
    made = plugin.render("k", plugin.draw(generator(1)), "rgb").image
    assert tuple(made[0, 0]) == (90, 200, 250)
