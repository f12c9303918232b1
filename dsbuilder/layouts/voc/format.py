"""Pascal VOC: an XML file for every image, lists of images, and masks of palette colors.

    Annotations/a.xml            size, and objects with name, bndbox, difficult, truncated
    ImageSets/Main/train.txt     a name a line, without extension
    JPEGImages/a.jpg
    SegmentationClass/a.png      palette index = class id, 255 = not to be counted
    labelmap.txt                 name:red,green,blue:parts:actions, a class a line

Corners are numbers of pixels that still belong to the box, the first pixel being 1; so a box from
(1, 1) to (width, height) is the whole image.
"""

import html
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from dsbuilder.errors import DataError, instead
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import cut, lines, read_text
from dsbuilder.layouts.voc import xml
from dsbuilder.plugin import Boxes

Size = tuple[int, int]
Color = tuple[int, int, int]

LABELMAP = "labelmap.txt"
IMAGES, ANNOTATIONS, MASKS, LISTS = "JPEGImages", "Annotations", "SegmentationClass", "ImageSets"
"""Folders of the development kit."""

Corners = Literal["from_1", "from_0", "edges"]
"""What the numbers of corners count: pixels, the first being 1 or 0, or edges of pixels."""

_SHIFTS: Mapping[Corners, tuple[int, int]] = {"from_1": (0, 0), "from_0": (1, 1), "edges": (1, 0)}

ATTRIBUTES = ("difficult", "truncated")
"""What is said of an object beside its box, each 0 or 1; 0 where nothing is said."""

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""VOC's own classes, in the order of their palette indices from 1 on."""

VOID = 255
"""The palette index of pixels that are not to be counted."""
VOID_COLOR: Color = (224, 224, 192)

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FLAGS = {"": 0, "0": 0, "1": 1, "unspecified": 0, "true": 1, "false": 0}

_LABEL = re.compile(r"\s*(.+)\s*:" + r"\s*,".join([r"\s*(\d{1,3})"] * 3) + r"\s*(:.*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_OF_IMAGE = frozenset(
    ("filename", "size", "object", "folder", "path", "source", "owner", "segmented")
)
"""What is read of an annotation, or says where the image comes from and that it has a mask."""
_OF_OBJECT = frozenset(("name", "bndbox", "part", "pose", *ATTRIBUTES))


@dataclass(frozen=True, kw_only=True)
class VocObject:
    """One object of an image.

    Attributes:
      line: line of the file where it begins.
      name: its class.
      corners: x_min, y_min, x_max, y_max in pixels, as edges: the first pixel is from 0 to 1,
        where pixels are counted from 1.
      attributes: those of `ATTRIBUTES`.
    """

    name: str
    corners: tuple[float, float, float, float]
    attributes: Mapping[str, int] = field(default_factory=dict)
    line: int = 0

    def edges(self, corners: Corners) -> tuple[float, float, float, float]:
        """Returns the corners as edges, of a set whose numbers count what is said."""
        left, top, right, bottom = self.corners
        low, high = _SHIFTS[corners]
        return left + low, top + low, right + high, bottom + high


@dataclass(frozen=True, kw_only=True)
class VocAnnotation:
    """What is said of an image.

    Attributes:
      file_name: file name of the image; empty if it is not said.
      size: (height, width), or None if it is not said, or 0.
      objects: objects in the order of the file, each once.
      repeated: number of objects that were there again.
      parts: number of parts of objects, such as hands; they are not read.
      unread: number of elements that say something and are not read, by tag.
    """

    file_name: str = ""
    size: Size | None = None
    objects: tuple[VocObject, ...] = ()
    repeated: int = 0
    parts: int = 0
    unread: Mapping[str, int] = field(default_factory=dict)


def read(path: Path) -> VocAnnotation:
    """Returns what an annotation file says.

    Raises:
      DataError: it is missing, is not XML, has a document type, or an object in it is malformed; of
        these all are named.
    """
    root = xml.read(path)
    if root.tag != "annotation":
        raise DataError(f"{path}:{root.line}: expected <annotation>, found <{root.tag}>.")
    objects: dict[tuple[object, ...], VocObject] = {}
    found, faults = root.all("object"), Faults()
    for element in found:
        with faults.collecting():
            each = _object(path, element)
            objects.setdefault((each.name, each.corners, *each.attributes.values()), each)
    faults.check()
    return VocAnnotation(
        file_name=_text(root, "filename"),
        size=_size(path, root),
        objects=tuple(objects.values()),
        repeated=len(found) - len(objects),
        parts=sum(len(element.all("part")) for element in found),
        unread=Counter(_unread(root, _OF_IMAGE)) + Counter(_unread_of_objects(found)),
    )


def _unread(element: xml.Element, known: frozenset[str], within: str = "") -> Iterator[str]:
    """Yields the tags of children that are not known."""
    for child in element.children:
        if child.tag not in known:
            yield f"{within}{child.tag}"


def _unread_of_objects(found: Sequence[xml.Element]) -> Iterator[str]:
    for element in found:
        pose = _text(element, "pose").lower() not in ("", "unspecified")
        yield from _unread(element, _OF_OBJECT - {"pose"} if pose else _OF_OBJECT, "object.")


def shown_corners(annotations: Iterable[VocAnnotation]) -> Corners:
    """Returns what corners of a set count, as its boxes show: 1 is the first pixel of the kit."""
    has_zero = has_side = False
    for each in annotations:
        height, width = each.size or (math.inf, math.inf)
        for left, top, right, bottom in (found.corners for found in each.objects):
            has_zero |= left == -1 or top == -1
            has_side |= right == width or bottom == height
    if not has_zero:
        return "from_1"
    return "edges" if has_side else "from_0"


def _text(element: xml.Element, tag: str) -> str:
    child = element.find(tag)
    return child.text if child is not None else ""


def _size(path: Path, root: xml.Element) -> Size | None:
    element = root.find("size")
    if element is None:
        return None
    sides = [_text(element, side) or "0" for side in ("height", "width")]
    wrong = [side for side in sides if not re.fullmatch(r"\d{1,6}(\.0*)?", side, re.ASCII)]
    if wrong:
        raise DataError(
            f"{path}:{element.line}: expected width and height in pixels, found {cut(wrong[0])}. "
            "Correct the size."
        )
    height, width = (int(float(side)) for side in sides)
    return (height, width) if height and width else None


def _object(path: Path, element: xml.Element) -> VocObject:
    where = f"{path}:{element.line}"
    name, bounds = _text(element, "name"), element.find("bndbox")
    if not name or bounds is None:
        missing = "bndbox" if name else "name"
        raise DataError(f"{where}: the object has no <{missing}>. Add it.")
    x_min, y_min, x_max, y_max = (_corner(path, bounds, tag) for tag in _CORNERS)
    return VocObject(
        line=element.line,
        name=name,
        corners=(x_min - 1, y_min - 1, x_max, y_max),
        attributes={each: _flag(where, element, each) for each in ATTRIBUTES},
    )


def _corner(path: Path, bounds: xml.Element, tag: str) -> float:
    text = _text(bounds, tag)
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(number):
        wanted, found = f"number of pixels in <{tag}>", cut(text) if text else ""
        problem = instead(f"a {wanted}", found, missing=wanted)
        raise DataError(f"{path}:{bounds.line}: {problem}. Correct the box.")
    return number


def _flag(where: str, element: xml.Element, name: str) -> int:
    text = _text(element, name).lower()
    if text not in _FLAGS:
        raise DataError(f"{where}: expected <{name}> of 0 or 1, found {cut(text)}. Correct it.")
    return _FLAGS[text]


def kept_attributes(target: Boxes) -> tuple[str, ...]:
    """Returns the attributes of boxes that annotations have a place for."""
    return tuple(name for name, kind in target.attributes if name in ATTRIBUTES and kind == "int64")


def written(annotation: VocAnnotation, *, depth: int, segmented: bool) -> str:
    """Returns the text of an annotation file.

    Args:
      depth: channels of the image.
      segmented: whether the image has a mask.
    """
    height, width = annotation.size or (0, 0)
    text = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{html.escape(annotation.file_name)}</filename>",
        f"  <size><width>{width}</width><height>{height}</height><depth>{depth}</depth></size>",
        f"  <segmented>{int(segmented)}</segmented>",
        *(_written_object(each) for each in annotation.objects),
        "</annotation>",
    ]
    return "\n".join(text) + "\n"


def _written_object(each: VocObject) -> str:
    x_min, y_min, x_max, y_max = each.corners
    (left, right), (top, bottom) = _pixels(x_min, x_max), _pixels(y_min, y_max)
    corners = zip(_CORNERS, (left, top, right, bottom), strict=True)
    flags = (f"<{name}>{each.attributes.get(name, 0)}</{name}>" for name in ATTRIBUTES)
    bounds = (f"<{tag}>{_rounded(number)}</{tag}>" for tag, number in corners)
    return (
        f"  <object><name>{html.escape(each.name)}</name><pose>Unspecified</pose>{''.join(flags)}"
        f"<bndbox>{''.join(bounds)}</bndbox></object>"
    )


def _pixels(low: float, high: float) -> tuple[float, float]:
    """Returns the first and the last pixel between two edges, counted from 1.

    What is thinner than a pixel takes the whole one that its middle lies in.
    """
    if high - low >= 1:
        return low + 1, high
    middle = float(max(1, math.ceil((low + high) / 2)))
    return middle, middle


def _rounded(number: float) -> str:
    """Returns a number with at most 5 digits behind the point; whole ones have no point."""
    return f"{number:.5f}".rstrip("0").rstrip(".")


def read_image_set(path: Path) -> list[tuple[int, str]]:
    """Returns line and name of every image of a list; a name is without its extension.

    Raises:
      DataError: the file is missing or not UTF-8.
    """
    return list(lines(read_text(path, "list of images")))


def without_flag(line: str) -> str:
    """Returns a line of a list without blanks at its ends and the -1, 0 or 1 behind a name."""
    return re.sub(r"\s+(-1|0|1)$", "", line.strip())


def read_labelmap(path: Path) -> dict[str, Color]:
    """Returns class name -> color in masks, in the order of `labelmap.txt`.

    Raises:
      DataError: the file is missing, or a line is malformed or names a class or color again.
    """
    colors: dict[str, Color] = {}
    for number, line in lines(read_text(path, LABELMAP)):
        if line.lstrip().startswith("#") and not _LABEL.fullmatch(line):
            continue
        name, color = _label(f"{path}:{number}", line)
        if name in colors or color in colors.values():
            raise DataError(
                f"{path}:{number}: expected every class and color once, found '{name}' or its "
                "color again. Correct the line."
            )
        colors[name] = color
    if not colors:
        raise DataError(f"{path}: the file names no class. Write one a line, or remove the file.")
    return colors


def _label(where: str, line: str) -> tuple[str, Color]:
    match = _LABEL.fullmatch(line)
    if match is None or max(map(int, match.group(2, 3, 4))) > 255:
        raise DataError(
            f"{where}: expected 'name:red,green,blue::', found {cut(line.strip())}. "
            "Correct the line."
        )
    red, green, blue = map(int, match.group(2, 3, 4))
    return match.group(1).rstrip(), (red, green, blue)


def written_labelmap(names: Sequence[str]) -> str:
    """Returns the text of `labelmap.txt`.

    Args:
      names: classes in the order of their palette indices.
    """
    rows = [f"{name}:{_shown(color(number))}::" for number, name in enumerate(names)]
    return "\n".join(["# label:color_rgb:parts:actions", *rows]) + "\n"


def _shown(rgb: Iterable[int]) -> str:
    return ",".join(map(str, rgb))


def color(number: int) -> Color:
    """Returns the RGB color that VOC gives to a palette index: its bits, dealt out from the top.

    Bits 0, 3, 6 go to red, 1, 4, 7 to green, 2, 5 to blue, each from the highest place on.
    """
    red = green = blue = 0
    for place in range(7, -1, -1):
        red |= (number & 1) << place
        green |= (number >> 1 & 1) << place
        blue |= (number >> 2 & 1) << place
        number >>= 3
    return red, green, blue


def palette() -> list[int]:
    """Returns the 256 colors of masks as one list, red, green and blue in turn."""
    return [part for number in range(256) for part in color(number)]


def written_mask(indices: npt.NDArray[np.uint8]) -> bytes:
    """Returns palette indices `(H, W)` as a PNG in the colors of VOC."""
    file = io.BytesIO()
    mask_picture(indices).save(file, "PNG")
    return file.getvalue()


def mask_picture(indices: npt.NDArray[np.uint8]) -> Image.Image:
    """Returns palette indices `(H, W)` as a picture in the colors of VOC."""
    image = Image.fromarray(indices)
    image.putpalette(palette())
    return image
