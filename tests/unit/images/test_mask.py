"""Mask files are read as they were written, however large, and none takes memory without bound."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.images import mask, png

IDS = np.arange(7 * 5, dtype=np.uint8).reshape(7, 5) % 4
COLORS = {0: "#000000", 1: "#ff0080", 2: "#00ff00", 3: "#0000ff"}


def file(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def colored(ids: np.ndarray) -> Image.Image:
    numbers = np.array([int(COLORS[n][1:], 16) for n in range(4)])[ids]
    return Image.fromarray(
        np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype("u1")
    )


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + name + content + checksum


@pytest.fixture(params=[1, 5, 12, 1 << 20])
def band_pixels(request, monkeypatch):
    monkeypatch.setattr(mask, "_BAND_PIXELS", request.param)


@pytest.mark.usefixtures("band_pixels")
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_mask_read_in_bands_is_the_mask(kind):
    values = {COLORS[n]: 3 - n for n in COLORS}
    turned = Image.Exif()
    turned[0x0112] = 6
    assert np.array_equal(mask.read_ids(file(Image.fromarray(IDS), kind), None), IDS)
    assert np.array_equal(mask.read_ids(file(colored(IDS), kind), values), 3 - IDS)
    upright = mask.read_ids(file(Image.fromarray(IDS), kind, exif=turned), None)
    assert np.array_equal(upright, np.rot90(IDS, -1))
    assert mask.stored_values(file(colored(IDS), kind)) == sorted(COLORS.values())


@pytest.mark.usefixtures("band_pixels")
def test_values_of_all_bands_that_stand_for_nothing_are_told_together():
    with pytest.raises(DataError, match=r"one of the 2 values .* found #0000ff, #ff0080\."):
        mask.read_ids(file(colored(IDS)), {COLORS[0]: 0, COLORS[2]: 1})


@pytest.mark.parametrize(
    ("kind", "samples", "width", "megabytes"),
    [(0, 1, 6000, 100), (3, 1, 6000, 100), (2, 3, 9200, 500), (6, 4, 9200, 500)],
)
def test_a_mask_that_would_take_too_much_memory_is_refused(
    kind, samples, width, megabytes, monkeypatch
):
    """Its header alone is read: a few bytes, packed, may stand for half a gigabyte."""
    assert mask._MEMORY_BYTES == 500e6
    monkeypatch.setattr(mask, "_MEMORY_BYTES", megabytes * 1e6)
    size = width.to_bytes(4, "big") * 2
    header = chunk(b"IHDR", size + bytes([8, kind, 0, 0, 0]))
    palette = chunk(b"PLTE", bytes(6)) if kind == 3 else b""
    pixels = chunk(b"IDAT", zlib.compress(bytes(width * samples)))
    bomb = png.SIGNATURE + header + palette + pixels + chunk(b"IEND", b"")
    expected = rf"at most {megabytes} MB .* found {width} x {width} pixels"
    with pytest.raises(DataError, match=expected):
        mask.read_ids(bomb, None)
