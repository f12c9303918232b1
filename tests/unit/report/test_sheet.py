"""A sheet shows every cell in its place, and is written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import GAP, Cell, column_left, draw_strip, strip_width


def flat(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, np.uint8)


def test_every_picture_stands_in_its_column() -> None:
    cells = [Cell(image=flat(10), name="a"), None, Cell(image=flat(200), name="b")]
    strip = np.asarray(draw_strip(cells, side=32))
    assert strip.shape[1] == strip_width(32, 3)
    for column, value in ((0, 10), (2, 200)):
        left = column_left(column, 32)
        assert (strip[GAP + 2 : GAP + 30, left + 2 : left + 30] == value).all()
    free = column_left(1, 32)
    assert (strip[:, free + 1 : free + 30] == 255).all()


def test_a_longer_caption_makes_a_higher_strip_up_to_a_limit() -> None:
    heights = [
        draw_strip([Cell(image=flat(0), lines=["word"] * count)], side=64).height
        for count in (0, 3, 6, 60)
    ]
    assert heights[0] < heights[1] < heights[2] == heights[3]


def test_a_missing_image_is_marked_and_named() -> None:
    strip = np.asarray(draw_strip([Cell(image=None, name="bad.png")], side=64))
    reds = (strip[:, :, 0] > 150) & (strip[:, :, 1] < 90)
    assert reds[GAP : GAP + 64].any()
    assert reds[GAP + 66 :].any()


def test_sections_stand_below_each_other() -> None:
    row = [Cell(image=flat(10), name="a"), Cell(image=flat(20), name="b")]
    one = Section(headings=["original", "copy 1"], rows=[row])
    single = draw_sheet(Sheet(title="t", sections=[one]), side=40)
    double = draw_sheet(Sheet(title="t", sections=[one, one]), side=40)
    noted = draw_sheet(Sheet(title="t", notes=["word " * 40], sections=[one]), side=40)
    assert double.width == single.width
    assert double.height > single.height
    assert noted.height > single.height


def test_equal_sheets_are_equal_pictures(tmp_path: Path) -> None:
    sheet = Sheet(title="t", sections=[Section(headings=["x"], rows=[[Cell(image=flat(3))]])])
    for name in ("a.png", "b.png"):
        write_png(draw_sheet(sheet), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "sheet.png"
    with pytest.raises(DataError) as caught:
        write_png(Image.new("RGB", (2, 2)), target)
    assert str(caught.value) == (
        f"{target}: the picture cannot be written (Not a directory). Choose another path."
    )
