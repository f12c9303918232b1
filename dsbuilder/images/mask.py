"""Mask files -> class ids: palette indices, gray values or colors, mapped if a map says how."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from dsbuilder.errors import CacheError, DataError
from dsbuilder.images import jpeg, orientation, png, raster
from dsbuilder.images.windows import WindowedImage

Ids = npt.NDArray[np.uint8]
Stored = npt.NDArray[np.int64]

_SHOWN = 5
_BAND_PIXELS = 1 << 20
"""How many pixels of a mask are held as numbers at a time: eight bytes each, and their copies."""
_MEMORY_BYTES = 500_000_000
"""What a mask may take until it is decoded; so much as an image by default."""


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
    if values is None:
        return _upright(data, [_checked(band) for band in _bands(data, colored=False)])
    numbers = {int(key[1:], 16) if colored else int(key): int(i) for key, i in values.items()}
    known = np.array(sorted(numbers), np.int64)
    ids = np.array([numbers[value] for value in known.tolist()], np.uint8)
    unknown: set[int] = set()
    found: list[Ids] = []
    for band in _bands(data, colored=colored):
        place = np.minimum(np.searchsorted(known, band), len(known) - 1)
        unknown.update(np.unique(band[known[place] != band]).tolist())
        found.append(ids[place])
    if unknown:
        raise _unknown(sorted(unknown), len(known), colored=colored)
    return _upright(data, found)


class MaskFile(NamedTuple):
    """Where a mask lies: in a file of its own, or in a part of another.

    Attributes:
      path: the file.
      offset, length: which of its bytes; None of a file of its own.
    """

    path: Path
    offset: int | None = None
    length: int | None = None


def read_window(
    place: MaskFile, values: Mapping[str, int] | None, box: tuple[int, int, int, int]
) -> tuple[Ids, tuple[int, int]]:
    """Returns the ids of a box (top, left, height, width) of a mask, and its whole (height, width).

    The mask that was read last is kept, or of one in segments some of them: see `windows.py`.

    Raises:
      DataError: as `read_ids`; or it is decoded whole and too large for that.
      OSError: the file cannot be read.
    """
    facts = place.path.stat()
    mapping = None if values is None else tuple(sorted(values.items()))
    image = _windowed(place, mapping, (facts.st_mtime_ns, facts.st_size))
    height, width = image.size
    top, left, tall, wide = box
    if top + tall > height or left + wide > width:
        return np.zeros((tall, wide), np.uint8), image.size  # of another size than its image
    return np.asarray(image.read(box), np.uint8), image.size


@lru_cache(maxsize=1)
def _windowed(
    place: MaskFile, values: tuple[tuple[str, int], ...] | None, _written: tuple[int, int]
) -> WindowedImage:
    mapping = None if values is None else dict(values)

    def ids(data: bytes) -> Ids:
        return read_ids(data, mapping)

    if place.offset is None and place.length is None:
        return WindowedImage(place.path, ids)
    with place.path.open("rb") as file:
        file.seek(place.offset or 0)
        return WindowedImage(file.read(-1 if place.length is None else place.length), ids)


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


def _bands(data: bytes, *, colored: bool) -> Iterator[Stored]:
    """Yields what a mask file holds: indices, gray values, or 0xrrggbb, some rows `(h, W)` each."""
    if data.startswith(png.SIGNATURE):
        png.check(data)
    with raster.opened(data) as image:
        _check_memory(image)
        raster.turn(image, data)  # takes from the image what would turn it as it loads
        image.load()
        width, height = image.size
        rows = max(1, _BAND_PIXELS // width)
        for top in range(0, height, rows):
            band = image.crop((0, top, width, min(height, top + rows)))
            yield _colors(band) if colored else _numbers(band, image, data)


def _check_memory(image: Image.Image) -> None:
    """Bounds what a mask takes as Pillow holds it, with its ids and these turned upright."""
    (width, height), mode = image.size, image.mode
    needs = width * height * ((1 if mode in ("1", "L", "P") else 4) + 2)
    if needs > _MEMORY_BYTES:
        raise DataError(
            f"expected a mask that takes at most {_MEMORY_BYTES / 1e6:.0f} MB of memory to decode, "
            f"found {width} x {height} pixels of mode {mode}, which take {needs / 1e6:.0f} MB. "
            "Make it smaller, or store palette indices."
        )


def _upright(data: bytes, bands: list[Ids]) -> Ids:
    with raster.opened(data) as image:
        turn = raster.turn(image, data)
    whole = bands[0] if len(bands) == 1 else np.concatenate(bands)
    upright: Ids = orientation.apply(whole[:, :, None], turn)[:, :, 0]
    return upright


def _numbers(band: Image.Image, image: Image.Image, data: bytes) -> Stored:
    if image.mode in ("1", "P") or image.mode.startswith("I"):
        return np.array(band).astype(np.int64)
    if image.mode == "L":
        gray = np.array(band).astype(np.int64)
        # Pillow widens gray of fewer than 8 bits to the whole range.
        depth = png.bit_depth(data) if image.format == "PNG" else 8
        return gray // (255 // (2**depth - 1)) if depth < 8 else gray
    colors = _colors(band)
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


def _unknown(values: list[int], known: int, *, colored: bool) -> DataError:
    form = "#{:06x}" if colored else "{}"
    shown = ", ".join(form.format(value) for value in values[:_SHOWN])
    more = ", ..." if len(values) > _SHOWN else ""
    return DataError(
        f"expected one of the {known} values that stand for a class, found "
        f"{shown}{more}. Add what they stand for."
    )


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
        colors = {n for band in _bands(data, colored=True) for n in np.unique(band).tolist()}
        return [f"#{value:06x}" for value in sorted(colors)]
    return [str(value) for value in found.tolist()]
