"""Overlays lie where they should, in the color of their class."""

import itertools

import numpy as np
import pytest
from PIL import Image

from dsbuilder.images import rle
from dsbuilder.report.overlay import Dots, Frame, Region, Tint, color_of, lay, overlays_of
from dsbuilder.report.strip import GAP, Cell, draw_strip
from dsbuilder.sample import Sample
from dsbuilder.targets import Instances


def paper(width: int = 40, height: int = 20) -> Image.Image:
    return Image.new("RGB", (width, height), (0, 0, 0))


def test_nothing_leaves_a_picture_as_it_is() -> None:
    assert lay(paper(), []).tobytes() == paper().tobytes()


def test_classes_tint_their_areas_and_class_0_none() -> None:
    ids = np.array([[0, 1], [2, 1]], np.uint8)
    pixels = np.asarray(lay(paper(), [Tint(ids=ids)]))
    assert (pixels[:10, :20] == 0).all()
    for rows, columns, number in ((slice(10), slice(20, None), 1), (slice(10, None), slice(20), 2)):
        expected = 0.45 * np.array(color_of(number))
        assert np.abs(pixels[rows, columns] - expected).max() <= 1


def test_what_is_ignored_is_hatched() -> None:
    tinted = lay(paper(), [Tint(ids=np.full((2, 2), 255, np.uint8), ignored=255)])
    shown = np.asarray(tinted)[:, :, 0] > 0
    assert 0.4 < shown.mean() < 0.6


def test_a_frame_surrounds_its_box() -> None:
    frame = Frame(corners=(0.25, 0.5, 0.75, 0.9), number=3)
    pixels = np.asarray(lay(paper(), [frame]))
    rows, columns = np.nonzero((pixels == color_of(3)).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 18, 10, 30)
    assert (pixels[12:16, 12:28] == 0).all()


@pytest.mark.parametrize("corners", [(0, 0, 1, 1), (0.99, 0.99, 1, 1), (0.5, 0.5, 0.5, 0.5)])
def test_a_box_with_a_word_fits_whatever_its_size(corners) -> None:
    word = Frame(corners=corners, number=0, word="猫 with a rather long name")
    assert lay(paper(), [word]).size == (40, 20)


def test_an_object_is_tinted_within_an_outline_of_its_own_color() -> None:
    mask = np.zeros((20, 40), bool)
    mask[4:12, 10:30] = True
    counts = [rle.encode(each) for each in (~mask, mask)]
    objects = [{"label": "cat", "counts": each} for each in counts]
    value = Instances(names=("cat",)).parse({"objects": objects, "size": [20, 40]})
    pixels = np.asarray(lay(paper(), [Region(objects=value, place=1)])).astype(int)
    color, inner = np.array(color_of(1)), np.zeros_like(mask)
    inner[5:11, 11:29] = True
    assert (pixels[mask & ~inner] == color).all()
    assert np.abs(pixels[inner] - 0.45 * color).max() <= 1
    assert (pixels[~mask] == 0).all()


def test_objects_of_one_class_have_colors_of_their_own_the_smaller_above() -> None:
    kind = Instances(names=("cat",))
    squares = [[5, 5, 9, 5, 9, 9, 5, 9], [0, 0, 20, 0, 20, 20, 0, 20]]
    objects = [{"label": "cat", "polygons": [each]} for each in squares]
    value = kind.parse({"objects": objects, "size": [20, 40]})
    sample = Sample(
        key="a",
        image=np.zeros((20, 40, 3), np.uint8),
        targets={"things": value},
        positional={"things": kind},
    )
    regions = overlays_of(sample)
    assert regions == [Region(objects=value, place=place, word="cat") for place in (1, 0)]
    assert all(each.objects is value for each in regions if isinstance(each, Region))
    pixels = np.asarray(lay(paper(), [Region(objects=value, place=place) for place in (1, 0)]))
    assert tuple(pixels[5, 5]) == color_of(0) and tuple(pixels[0, 19]) == color_of(1)
    with_words = np.asarray(lay(paper(), regions))
    assert (with_words != pixels).any()


def test_known_points_are_joined_and_others_left_out() -> None:
    dots = Dots(
        points=[(0.1, 0.5), None, (0.9, 0.5)], hollow=[False, False, True], edges=[(0, 2), (0, 1)]
    )
    pixels = np.asarray(lay(paper(), [dots]))
    assert (pixels[10, 10:30] == 255).all()
    assert tuple(pixels[10, 4]) == color_of(0)
    assert tuple(pixels[10, 36]) == (0, 0, 0)
    assert not (pixels == color_of(1)).all(axis=2).any()


def test_colors_of_neighbors_differ() -> None:
    colors = [color_of(number) for number in range(30)]
    assert len(set(colors)) == 30
    pairs = itertools.pairwise(colors)
    assert all(np.abs(np.subtract(one, other)).max() > 100 for one, other in pairs)


def test_a_cell_shows_its_overlays() -> None:
    cell = Cell(
        image=np.zeros((8, 8, 3), np.uint8), overlays=[Frame(corners=(0, 0, 1, 1), number=1)]
    )
    strip = np.asarray(draw_strip([cell], side=32))
    assert tuple(strip[GAP, GAP]) == color_of(1)
