"""What lies over a picture: tinted areas, framed boxes, outlined objects, dots with lines between.

Everything has the color of its class, which depends on the class's number alone, so that it is the
same in all pictures of a page. Objects with a mask each have a color each, by their places.
"""

import colorsys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dsbuilder.report.lettering import Lettering
from dsbuilder.sample import Sample, Target
from dsbuilder.targets import Boxes, BoxSet, Instances, InstanceSet, Keypoints, Mask, PointSet

Color = tuple[int, int, int]

_SMALL = Lettering(10)
_TINT = 0.45
_GOLDEN = 0.618033988749895
_IGNORED: Color = (128, 128, 128)
_DOT = 2
_GLOW = np.array([(40, 20, 90), (180, 40, 90), (245, 130, 30), (255, 245, 150)], np.float64)
"""Colors of a glow from weak to strong, each lighter than the one before."""
_MOST_GLOW = 0.75


@dataclass(frozen=True, kw_only=True)
class Tint:
    """Areas in the colors of their classes.

    Attributes:
      ids: `(H, W)` uint8, of the picture's proportions; 0 is left as it is.
      ignored: an id that is hatched with gray; None if there is none.
    """

    ids: np.ndarray
    ignored: int | None = None


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A box with a word at its corner.

    Attributes:
      corners: x_min, y_min, x_max, y_max as shares of the picture's sides.
      number: id of its class.
      word: name of its class.
    """

    corners: tuple[float, float, float, float]
    number: int
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class Region:
    """An object: a tint with an outline, and a word at its top left corner.

    Attributes:
      objects: those of the picture, of its proportions; masks are unpacked as they are drawn.
      place: its own among them, which says its color.
      word: name of its class.
    """

    objects: InstanceSet
    place: int
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Points of one object.

    Attributes:
      points: places (x, y) as shares of the picture's sides, or None where one is not known.
      hollow: flags of the points that are only outlined.
      edges: pairs of indices among the points that a line joins where both are known.
    """

    points: Sequence[tuple[float, float] | None]
    hollow: Sequence[bool]
    edges: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, kw_only=True)
class Heat:
    """How much each place counts: the more, the more of a glow lies over the picture.

    Attributes:
      values: float `(h, w)` in [0, 1] over the whole picture, of any size.
    """

    values: np.ndarray


Overlay = Tint | Frame | Region | Dots | Heat


def lay(picture: Image.Image, overlays: Sequence[Overlay]) -> Image.Image:
    """Returns an RGB picture with overlays, one over the other."""
    for overlay in overlays:
        if isinstance(overlay, Tint):
            picture = _tint(picture, overlay)
        elif isinstance(overlay, Frame):
            picture = _frame(picture, overlay)
        elif isinstance(overlay, Region):
            picture = _region(picture, overlay)
        elif isinstance(overlay, Heat):
            picture = _heat(picture, overlay)
        else:
            picture = _dots(picture, overlay)
    return picture


def color_of(number: int) -> Color:
    """Returns the color of a class: neighbors are far apart on the circle of colors."""
    red, green, blue = colorsys.hsv_to_rgb((0.02 + number * _GOLDEN) % 1.0, 0.85, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _tint(picture: Image.Image, tint: Tint) -> Image.Image:
    ids = np.asarray(Image.fromarray(tint.ids).resize(picture.size, Image.Resampling.NEAREST))
    colors = np.array([color_of(number) for number in range(256)], np.float64)
    if tint.ignored is not None:
        colors[tint.ignored] = _IGNORED
    pixels = np.asarray(picture).astype(np.float64)
    shown = ids > 0
    if tint.ignored is not None:
        rows, columns = np.indices(ids.shape)
        shown &= (ids != tint.ignored) | ((rows + columns) % 4 < 2)
    pixels[shown] = (1 - _TINT) * pixels[shown] + _TINT * colors[ids[shown]]
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _heat(picture: Image.Image, heat: Heat) -> Image.Image:
    """Grays a picture and lets what counts glow: darker stays darker for any color vision."""
    values = Image.fromarray(heat.values.astype(np.float32))
    smooth = np.asarray(values.resize(picture.size, Image.Resampling.BILINEAR))
    share = np.clip(smooth, 0, 1)[..., None].astype(np.float64)
    places = np.linspace(0, 1, len(_GLOW))
    glow = np.concatenate([np.interp(share, places, each) for each in _GLOW.T], axis=-1)
    gray = np.asarray(picture.convert("L"), np.float64)[..., None]
    shown = _MOST_GLOW * np.sqrt(share)
    return Image.fromarray(np.rint((1 - shown) * gray + shown * glow).astype(np.uint8))


def _frame(picture: Image.Image, frame: Frame) -> Image.Image:
    made = picture.copy()
    draw, color = ImageDraw.Draw(made), color_of(frame.number)
    left, top = _pixel(made, frame.corners[:2])
    right, bottom = _pixel(made, frame.corners[2:])
    draw.rectangle((left, top, right, bottom), outline=color)
    _write(made, (left, top), frame.word, color)
    return made


def _write(picture: Image.Image, corner: tuple[int, int], text: str, color: Color) -> None:
    """Writes a word above a corner, or below where there is no room, on a ground of a color."""
    left, top = corner
    word = _SMALL.elide(text, picture.width - left) if text else ""
    if word:
        draw, height = ImageDraw.Draw(picture), _SMALL.line_height
        above = top - height if top >= height else top + 1
        draw.rectangle((left, above, left + _SMALL.width(word) + 2, above + height), fill=color)
        _SMALL.write(draw, (left + 1, above), word, fill=(0, 0, 0))


def _region(picture: Image.Image, region: Region) -> Image.Image:
    shown = Image.fromarray(region.objects.mask(region.place))
    mask = np.asarray(shown.resize(picture.size, Image.Resampling.NEAREST))
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    color, pixels = np.array(color_of(region.place)), np.asarray(picture).astype(np.float64)
    pixels[mask] = (1 - _TINT) * pixels[mask] + _TINT * color
    pixels[mask & ~inner] = color
    made = Image.fromarray(np.rint(pixels).astype(np.uint8))
    rows, columns = np.nonzero(mask)
    if len(rows):
        corner = int(columns.min()), int(rows.min())
        _write(made, corner, region.word, color_of(region.place))
    return made


def _dots(picture: Image.Image, dots: Dots) -> Image.Image:
    made = picture.copy()
    draw = ImageDraw.Draw(made)
    places = [None if point is None else _pixel(made, point) for point in dots.points]
    for one, other in dots.edges:
        ends = places[one], places[other]
        if ends[0] is not None and ends[1] is not None:
            draw.line((*ends[0], *ends[1]), fill=(255, 255, 255))
    for number, (place, hollow) in enumerate(zip(places, dots.hollow, strict=True)):
        if place is not None:
            x, y = place
            box = (x - _DOT, y - _DOT, x + _DOT, y + _DOT)
            fill = (0, 0, 0) if hollow else color_of(number)
            draw.ellipse(box, fill=fill, outline=color_of(number))
    return made


def _pixel(picture: Image.Image, share: Sequence[float]) -> tuple[int, int]:
    """Returns the pixel at shares of the sides."""
    x, y = share
    return (
        min(int(x * picture.width), picture.width - 1),
        min(int(y * picture.height), picture.height - 1),
    )


def overlays_of(sample: Sample) -> list[Overlay]:
    """Returns what of a sample lies over its picture, from areas to points, all visible."""
    found = [
        (place, overlay)
        for name, kind in sample.positional.items()
        for place, known in enumerate(_DRAWN)
        if isinstance(kind, known)
        for overlay in _DRAWN[known](kind, sample.targets[name])
    ]
    return [overlay for _, overlay in sorted(found, key=lambda each: each[0])]


def _tints_of(kind: Mask, value: np.ndarray) -> Iterator[Tint]:
    yield Tint(ids=value, ignored=kind.ignore)


def _frames_of(kind: Boxes, value: BoxSet) -> Iterator[Frame]:
    for corners, number in zip(value.corners.tolist(), value.classes.tolist(), strict=True):
        yield Frame(corners=tuple(corners), number=number, word=kind.names[number])


def _regions_of(kind: Instances, value: InstanceSet) -> Iterator[Region]:
    """Yields the objects, larger ones below smaller ones."""
    for place in np.argsort(-value.areas(), kind="stable").tolist():
        yield Region(objects=value, place=place, word=kind.names[value.boxes.classes[place]])


def _dots_of(kind: Keypoints, value: PointSet) -> Iterator[Dots]:
    edges = [(kind.names.index(one), kind.names.index(other)) for one, other in kind.edges]
    for points, visibility in zip(value.points.tolist(), value.visibility.tolist(), strict=True):
        yield Dots(
            points=[(p[0], p[1]) if v else None for p, v in zip(points, visibility, strict=True)],
            hollow=[v == 1 for v in visibility],
            edges=edges,
        )


_DRAWN: Mapping[type[Target], Callable[[Any, Any], Iterator[Overlay]]] = {
    Mask: _tints_of,
    Instances: _regions_of,
    Boxes: _frames_of,
    Keypoints: _dots_of,
}
"""How kinds are drawn, in the order in which they lie over each other."""
