"""Where tiles lie in an image, and how a key says it: `KEY@tile-TOP-LEFT-HEIGHT-WIDTH`.

Height and width are those of what the tile shows of its image; where that is padded, `-in-`, height
and width of the tile follow. So the key says all that decides the pixels. Every record of the
source has such a key, and what stands before its last `@tile-` is the key of the image; so no two
are equal, whatever files are called.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from dsbuilder.plugin import Window

Edge = Literal["shift", "pad"]
Pair = tuple[int, int]

_MARK = "@tile-"
_KEY = re.compile(rf"(.+){_MARK}(\d+)-(\d+)-(\d+)-(\d+)(-in-(\d+)-(\d+))?", re.DOTALL | re.ASCII)


def windows(
    image: Pair, size: Pair, overlap: Pair, edge: Edge, least_visible: float = 0.0
) -> Iterator[Window]:
    """Yields tiles that cover an image, row by row.

    An image that is smaller than a tile has one, which is padded.

    Args:
      image, size: (height, width) of the image and of a tile.
      overlap: pixels that neighbors have in common, at least, down and across.
      edge: whether a tile that would reach out of the image is shifted into it, or padded.
    """
    rows, columns = (
        _starts(side, part, common, edge)
        for side, part, common in zip(image, size, overlap, strict=True)
    )
    for top in rows:
        for left in columns:
            yield Window(image=image, box=(top, left, *size), least_visible=least_visible)


def _starts(side: int, part: int, common: int, edge: Edge) -> list[int]:
    last = max(0, side - part)
    starts = list(range(0, last, part - common))
    beyond = starts[-1] + part - common if starts else 0
    return [*starts, last if edge == "shift" else beyond]


def key_of(image: str, window: Window) -> str:
    """Returns the key of a tile of an image with a key; keys sort as tiles lie."""
    top, left, height, width = window.inside
    padded = "" if window.inside == window.box else f"-in-{window.size[0]}-{window.size[1]}"
    return f"{image}{_MARK}{top:06d}-{left:06d}-{height}-{width}{padded}"


class TilePlace(NamedTuple):
    """What a key says of a tile.

    Attributes:
      image: key of its image.
      inside: (top, left, height, width) of what it shows of the image.
      size: (height, width) of the tile, which is larger where it is padded.
    """

    image: str
    inside: tuple[int, int, int, int]
    size: Pair

    def window(self, image: Pair) -> Window:
        """Returns the tile of an image of (height, width)."""
        return Window(image=image, box=(*self.inside[:2], *self.size))


def placed(key: str) -> TilePlace | None:
    """Returns where a tile lies; None for a key that is not of a tile."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    top, left, height, width = map(int, found.groups()[1:5])
    padded = found[6]
    size = (height, width) if padded is None else (int(found[7]), int(found[8]))
    return TilePlace(found[1], (top, left, height, width), size)
