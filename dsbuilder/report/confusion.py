"""A confusion matrix as a picture: rows are true classes, columns predicted ones.

A cell's shade is its share of its row, so that classes of few samples show as clearly as large
ones. Up to 30 classes every cell carries its count; beyond, cells shrink to a few pixels, names are
left out where they would overlap, and the most frequent confusions are listed in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from dsbuilder.report.canvas import FAINT, INK, LINE, PAPER
from dsbuilder.report.lettering import Lettering

MOST_COUNTED = 30
"""Classes up to which every cell carries its count."""

_SHADE = (20, 70, 150)
_HIT = (20, 110, 60)
_NAME_WIDTH = 170
_MARGIN = 20
_LISTED = 15
_LIST_WIDTH = 380
_LONGEST_SIDE = 1000
_TITLE = Lettering(14)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where things are, in pixels."""

    cell: int
    left: int
    top: int
    letters: Lettering
    every: int

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        x, y = self.left + column * self.cell, self.top + row * self.cell
        return (x, y, x + self.cell - 1, y + self.cell - 1)


def draw(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Image.Image:
    """Returns the picture of a confusion matrix.

    Args:
      names: of the classes, in id order.
      counts: `(num_classes, num_classes)`, rows by true class.
    """
    layout = _layout(names, counts)
    side = layout.cell * len(names)
    width, height = layout.left + side + _MARGIN, layout.top + side + _MARGIN
    listed = len(names) > MOST_COUNTED
    if listed:
        width, height = width + _LIST_WIDTH, max(height, layout.top + _MARGIN * (_LISTED + 3))
    image = Image.new("RGB", (max(width, 260), height), PAPER)
    pen = ImageDraw.Draw(image)
    _TITLE.write(pen, (_MARGIN, 10), "rows: true class, columns: predicted", fill=FAINT)
    _draw_cells(image, layout, np.array(counts).reshape(len(names), len(names)))
    _draw_names(image, pen, layout, names)
    if listed:
        _draw_list(pen, names, counts, left=layout.left + side + _MARGIN, top=layout.top)
    return image


def confusions(names: Sequence[str], counts: Sequence[Sequence[int]]) -> list[tuple[int, str, str]]:
    """Returns (count, true class, predicted class) of what was confused, most frequent first."""
    pairs = [
        (count, names[row], names[column])
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
        if row != column and count
    ]
    return sorted(pairs, key=lambda pair: -pair[0])


def _layout(names: Sequence[str], counts: Sequence[Sequence[int]]) -> _Layout:
    classes = max(1, len(names))
    letters = Lettering(13 if classes <= 15 else 11)
    widest = max((letters.width(str(count)) for line in counts for count in line), default=10)
    cell = max(widest + 12, 36 if classes <= 15 else 26)
    if classes > MOST_COUNTED:
        cell = max(2, min(24, _LONGEST_SIDE // classes))
    room = min(_NAME_WIDTH, max((letters.width(name) for name in names), default=0))
    return _Layout(
        cell=cell,
        left=_MARGIN + room + 8,
        top=36 + room + 8,
        letters=letters,
        every=-(-letters.line_height // cell),
    )


def _draw_cells(image: Image.Image, layout: _Layout, counts: np.ndarray) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    inks = np.where(np.eye(len(counts), dtype=bool)[:, :, None], _HIT, _SHADE)
    # Below 1, the power keeps single confusions of a large class visible.
    shades = np.array(PAPER) + (inks - np.array(PAPER)) * shares[:, :, None] ** 0.7
    side = layout.cell * len(counts)
    cells = Image.fromarray(np.rint(shades).astype(np.uint8))
    image.paste(cells.resize((side, side), Image.Resampling.NEAREST), (layout.left, layout.top))
    pen = ImageDraw.Draw(image)
    x, y = layout.left, layout.top
    if len(counts) <= MOST_COUNTED:
        _draw_counts(pen, layout, counts, shares)
    pen.rectangle((x - 1, y - 1, x + side, y + side), outline=FAINT)


def _draw_counts(
    pen: ImageDraw.ImageDraw, layout: _Layout, counts: np.ndarray, shares: np.ndarray
) -> None:
    for row, column in np.ndindex(*counts.shape):
        box = layout.box(row, column)
        pen.rectangle(box, outline=LINE)
        if counts[row, column]:
            text = str(counts[row, column])
            x = box[0] + (layout.cell - layout.letters.width(text)) // 2
            y = box[1] + (layout.cell - layout.letters.line_height) // 2
            fill = PAPER if shares[row, column] > 0.5 else INK
            layout.letters.write(pen, (x, y), text, fill=fill)


def _draw_names(
    image: Image.Image, pen: ImageDraw.ImageDraw, layout: _Layout, names: Sequence[str]
) -> None:
    letters = layout.letters
    height = letters.line_height
    for index in range(0, len(names), layout.every):
        name = letters.elide(names[index], _NAME_WIDTH)
        x, y, *_ = layout.box(index, index)
        width = letters.width(name)
        center = (layout.cell - height) // 2
        letters.write(pen, (layout.left - 8 - width, y + center), name, fill=INK)
        upright = Image.new("RGB", (width + 2, height), PAPER)
        letters.write(ImageDraw.Draw(upright), (0, 0), name, fill=INK)
        turned = upright.rotate(90, expand=True)
        image.paste(turned, (x + center, layout.top - 6 - turned.height))


def _draw_list(
    pen: ImageDraw.ImageDraw,
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    left: int,
    top: int,
) -> None:
    _TITLE.write(pen, (left, top), "most frequent confusions", fill=INK)
    letters = Lettering(12)
    for index, (count, true, predicted) in enumerate(confusions(names, counts)[:_LISTED]):
        text = letters.elide(f"{count}  {true} taken for {predicted}", _LIST_WIDTH - _MARGIN)
        letters.write(pen, (left, top + 26 + index * _MARGIN), text, fill=INK)
