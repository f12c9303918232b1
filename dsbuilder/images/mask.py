"""Mask files -> class ids: palette indices, gray values or colors, mapped if a map says how."""

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from dsbuilder.errors import CacheError, DataError
from dsbuilder.images import jpeg, orientation, png, raster

Ids = npt.NDArray[np.uint8]
Stored = npt.NDArray[np.int64]

_SHOWN = 5


def read_ids(data: bytes, values: Mapping[str, int] | None) -> Ids:
    """Returns the class ids `(H, W)` of a mask file, upright.

    Args:
      values: id by stored value (`"7"`), or by color (`"#ff0080"`) where keys are colors; None
        takes the stored values, palette indices or gray values in [0, 255], for ids.

    Raises:
      DataError: not a lossless image, or one that holds values which the map lacks.
    """
    _refuse_jpeg(data)
    colored = values is not None and any(key.startswith("#") for key in values)
    stored = _stored(data, colored=colored)
    if values is None:
        return _checked(stored)
    numbers = {int(key[1:], 16) if colored else int(key): int(i) for key, i in values.items()}
    return _mapped(stored, numbers, colored=colored)


def _refuse_jpeg(data: bytes) -> None:
    if jpeg.header(data) is not None:
        raise DataError(
            "expected a mask in a lossless format, found a JPEG, whose values are not those that "
            "were written. Convert it from where it was made, say to PNG."
        )


def encode_ids(mask: Ids) -> bytes:
    """Returns class ids `(H, W)` as a gray PNG; equal masks give equal bytes."""
    return png.encode(mask[:, :, None])


def decode_ids(data: bytes) -> Ids:
    """Returns the class ids `(H, W)` that `encode_ids` stored.

    Raises:
      CacheError: they are damaged.
    """
    ids = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if ids is None or ids.dtype != np.uint8 or ids.ndim != 2:
        raise CacheError(
            f"expected a mask as a gray PNG, found {len(data)} other bytes. "
            "Build the dataset again."
        )
    return np.asarray(ids, np.uint8)


def count_ids(mask: Ids) -> npt.NDArray[np.int64]:
    """Returns how many pixels have each id, `(256,)`."""
    counts = cv2.calcHist([mask], [0], None, [256], [0, 256])
    return np.asarray(np.rint(counts.reshape(-1)), np.int64)


def _stored(data: bytes, *, colored: bool) -> Stored:
    """Returns what a mask file holds, upright: indices, gray values, or 0xrrggbb `(H, W)`."""
    if data.startswith(png.SIGNATURE):
        png.check(data)
    with raster.opened(data) as image:
        turn = raster.turn(image, data)
        found = _colors(image) if colored else _numbers(image, data)
    upright: Stored = orientation.apply(found[:, :, None], turn)[:, :, 0]
    return upright


def _numbers(image: Image.Image, data: bytes) -> Stored:
    if image.mode in ("1", "P"):
        return np.array(image).astype(np.int64)
    if image.mode == "L":
        gray = np.array(image).astype(np.int64)
        # Pillow widens gray of fewer than 8 bits to the whole range.
        depth = png.bit_depth(data) if image.format == "PNG" else 8
        return gray // (255 // (2**depth - 1)) if depth < 8 else gray
    if image.mode.startswith("I"):
        return np.array(image).astype(np.int64)
    colors = _colors(image)
    red, green, blue = colors >> 16, colors >> 8 & 0xFF, colors & 0xFF
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        raise DataError(
            "expected a mask of palette indices or gray values, found one of colors. "
            "Say which color is which class, as '#rrggbb'."
        )
    return red


def _colors(image: Image.Image) -> Stored:
    pixels = np.array(image.convert("RGBA")).astype(np.int64)
    if (pixels[:, :, 3] != 255).any():
        raise DataError("expected an opaque mask, found transparent pixels in it. Flatten it.")
    return pixels[:, :, 0] << 16 | pixels[:, :, 1] << 8 | pixels[:, :, 2]


def _checked(stored: Stored) -> Ids:
    largest = int(stored.max(initial=0))
    if largest > 255:
        raise DataError(
            f"expected values in [0, 255], found {largest}. Say which value is which class."
        )
    return stored.astype(np.uint8)


def _mapped(stored: Stored, ids: Mapping[int, int], *, colored: bool) -> Ids:
    known = np.array(sorted(ids), np.int64)
    place = np.minimum(np.searchsorted(known, stored), len(known) - 1)
    unknown = np.unique(stored[known[place] != stored])
    if len(unknown):
        form = "#{:06x}" if colored else "{}"
        shown = ", ".join(form.format(value) for value in unknown[:_SHOWN].tolist())
        more = ", ..." if len(unknown) > _SHOWN else ""
        raise DataError(
            f"expected one of the {len(known)} values that stand for a class, found "
            f"{shown}{more}. Add what they stand for."
        )
    return np.array([ids[value] for value in known.tolist()], np.uint8)[place]


def stored_values(data: bytes) -> list[str]:
    """Returns which values a mask file holds, as the keys of `values` for `read_ids`, sorted.

    Palette indices and gray values are numbers, colors `#rrggbb`.

    Raises:
      DataError: not a lossless image.
    """
    _refuse_jpeg(data)
    try:
        found = np.unique(read_ids(data, None))
    except DataError:
        colors = np.unique(_stored(data, colored=True))
        return [f"#{value:06x}" for value in colors.tolist()]
    return [str(value) for value in found.tolist()]
