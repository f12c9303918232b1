"""16-bit samples and the rarer kinds of PNG and TIFF, on files written here by hand."""

import struct
import zlib

import numpy as np
import pytest

from dsbuilder.errors import DataError
from dsbuilder.images import encoding as image

GRAY, RGB, GRAY_ALPHA, RGBA = 0, 2, 4, 6  # PNG color types
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # TIFF sample formats


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(rows: np.ndarray, *, depth: int, color: int, extra: bytes = b"") -> bytes:
    """An unfiltered PNG of samples `(H, W)` or `(H, W, C)` with `depth` bits each."""
    height, width = rows.shape[:2]
    bits = np.arange(depth - 1, -1, -1)
    flat = rows.reshape(height, -1)
    packed = [np.packbits((row[:, None] >> bits & 1).astype(np.uint8).ravel()) for row in flat]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            extra,
            chunk(b"IDAT", pixels),
            chunk(b"IEND", b""),
        )
    )


def tiff(
    samples: np.ndarray,
    *,
    order: str = "<",
    photometric: int | None = None,
    format: int = UNSIGNED,
    more: dict[int, int] | None = None,
) -> bytes:
    """An uncompressed TIFF of samples `(H, W, C)`; `more` are further short tags."""
    height, width, channels = samples.shape
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    kind = photometric if photometric is not None else (1 if channels < 3 else 2)
    bits = samples.dtype.itemsize * 8
    tags = {256: [width], 257: [height], 258: [bits] * channels, 259: [1], 262: [kind]}
    tags |= {273: [0], 277: [channels], 278: [height], 279: [len(data)]}
    tags |= {339: [format] * channels} | {tag: [value] for tag, value in (more or {}).items()}
    long = {273, 279}
    tail_start = 8 + 2 + 12 * len(tags) + 4
    tail_size = sum(2 * len(v) for t, v in tags.items() if t not in long and len(v) > 2)
    tags[273] = [tail_start + tail_size]
    entries, tail = b"", b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{'I' if tag in long else 'H'}", *values)
        if len(packed) > 4:
            place, tail = struct.pack(order + "I", tail_start + len(tail)), tail + packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, 4 if tag in long else 3, len(values)) + place
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HIH", 42, 8, len(tags))
    return head + entries + b"\0\0\0\0" + tail + data


def samples(*shape: int) -> np.ndarray:
    """16-bit samples with the ends of the range among them."""
    values = np.random.default_rng(shape).integers(0, 65536, shape).astype(np.uint16)
    values.reshape(-1)[:3] = 0, 65535, 128
    return values


def eight(values: np.ndarray) -> np.ndarray:
    return np.floor(values / 257 + 0.5).astype(np.uint8)


def test_16_bits_become_8_by_rounding_to_the_nearest_of_257_steps():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    gray = image.decode(png(values, depth=16, color=GRAY), mode="gray")
    assert np.array_equal(gray[:, :, 0], eight(values))


def test_16_bit_rgb_png_is_rounded_and_not_cut():
    values = samples(5, 7, 3)
    data = png(values, depth=16, color=RGB)
    assert np.array_equal(image.decode(data, mode="rgb"), eight(values))
    assert not np.array_equal(eight(values), values >> 8)


def test_16_bit_rgba_and_gray_alpha_png_keep_their_alpha():
    values = samples(5, 7, 4)
    assert np.array_equal(
        image.decode(png(values, depth=16, color=RGBA), mode="rgba"), eight(values)
    )
    values = samples(5, 7, 2)
    expected = eight(values)[:, :, [0, 0, 0, 1]]
    assert np.array_equal(
        image.decode(png(values, depth=16, color=GRAY_ALPHA), mode="rgba"), expected
    )


def test_the_transparent_16_bit_value_is_compared_at_16_bits():
    gray = np.array([[1000, 1001, 999]])
    data = png(gray, depth=16, color=GRAY, extra=chunk(b"tRNS", struct.pack(">H", 1000)))
    assert image.decode(data, mode="rgba")[0, :, 3].tolist() == [0, 255, 255]
    assert image.decode(data, mode="gray", background=(9, 9, 9))[0, :, 0].tolist() == [9, 4, 4]
    rgb = np.array([[(1000, 2000, 3000), (1000, 2000, 3001)]])
    extra = chunk(b"tRNS", struct.pack(">HHH", 1000, 2000, 3000))
    data = png(rgb, depth=16, color=RGB, extra=extra)
    assert image.decode(data, mode="rgba")[0, :, 3].tolist() == [0, 255]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_gray_of_few_bits_spans_the_range_and_has_its_transparent_value(depth):
    top = 2**depth - 1
    values = np.array([[0, 1, top, top - 1]])
    expected = [255 * value // top for value in values[0].tolist()]
    plain = png(values, depth=depth, color=GRAY)
    assert image.decode(plain, mode="gray")[0, :, 0].tolist() == expected
    clear = png(values, depth=depth, color=GRAY, extra=chunk(b"tRNS", struct.pack(">H", 1)))
    alpha = [0 if value == 1 else 255 for value in values[0].tolist()]
    assert image.decode(clear, mode="rgba")[0, :, 3].tolist() == alpha


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_tiff_of_either_byte_order_is_rounded(order, channels):
    values = samples(4, 6, channels)
    data = tiff(values, order=order)
    mode = "gray" if channels == 1 else "rgb"
    assert np.array_equal(image.decode(data, mode=mode), eight(values))
    assert image.size(data) == (4, 6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff_alpha_is_kept_and_premultiplied_color_restored(order):
    values = samples(4, 6, 4)
    data = tiff(values, order=order, more={338: 2})
    assert np.array_equal(image.decode(data, mode="rgba"), eight(values))
    half = np.array([[(10000, 20000, 0, 32768), (0, 0, 0, 0)]], np.uint16)
    restored = image.decode(tiff(half, order=order, more={338: 1}), mode="rgba")
    assert restored.tolist() == [[[78, 156, 0, 128], [0, 0, 0, 0]]]


def test_a_fourth_16_bit_channel_that_is_not_alpha_is_ignored():
    values = samples(4, 6, 4)
    rgba = image.decode(tiff(values, more={338: 0}), mode="rgba")
    assert np.array_equal(rgba[:, :, :3], eight(values)[:, :, :3])
    assert (rgba[:, :, 3] == 255).all()


def test_16_bit_tiff_whose_white_is_zero_is_inverted():
    values = samples(4, 6, 1)
    gray = image.decode(tiff(values, photometric=0), mode="gray")
    assert np.array_equal(gray, eight(65535 - values))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_tiff_stands_upright(orientation, channels):
    values = samples(4, 6, channels)
    data = tiff(values, more={274: orientation})
    plain = tiff((values >> 8).astype(np.uint8), more={274: orientation})
    mode = "gray" if channels == 1 else "rgb"
    turned = image.decode(data, mode=mode)
    assert turned.shape[:2] == image.size(data) == ((4, 6) if orientation < 5 else (6, 4))
    # The 8-bit file goes another way, tested against numpy elsewhere; rounding moves it by one.
    assert np.abs(turned.astype(int) - image.decode(plain, mode=mode)).max() <= 1


def test_samples_without_an_8_bit_meaning_are_refused():
    ones = np.ones((2, 2, 1))
    cases = {
        tiff(ones.astype(np.float32), format=FLOAT): "found floating-point ones",
        tiff(ones.astype(np.int16), format=SIGNED): "found signed or 32-bit ones",
        tiff(ones.astype(np.uint32)): "found signed or 32-bit ones",
        tiff(np.ones((2, 2, 3), np.float32), format=FLOAT): "floats or another kind",
        tiff(np.ones((2, 2, 4), np.uint16), photometric=5): r"another 16-bit TIFF \(CMYK\)",
    }
    for data, message in cases.items():
        with pytest.raises(DataError, match=message):
            image.decode(data, mode="rgb")


def twelve_bit(samples: np.ndarray) -> bytes:
    """A TIFF of 12-bit gray `(H, W)`, W even: two samples in three bytes."""
    first, second = samples[:, ::2].astype(int), samples[:, 1::2].astype(int)
    packed = np.stack((first >> 4, (first & 15) << 4 | second >> 8, second & 255), -1)
    data = packed.astype(np.uint8).tobytes()
    as_bytes = tiff(np.frombuffer(data, np.uint8).reshape(len(samples), -1, 1))
    start = 8 + 2

    def entry(tag: int, kind: int, value: int) -> bytes:
        return struct.pack("<HHII", tag, kind, 1, value)

    for place in range(start, len(as_bytes) - len(data), 12):
        (tag,) = struct.unpack_from("<H", as_bytes, place)
        found = {256: entry(256, 4, samples.shape[1]), 258: entry(258, 3, 12)}.get(tag)
        if found is not None:
            as_bytes = as_bytes[:place] + found + as_bytes[place + 12 :]
    return as_bytes


def test_white_of_a_12_bit_tiff_is_white():
    values = np.arange(4096).reshape(64, 64)
    found = image.decode(twelve_bit(values), mode="gray")[:, :, 0]
    assert np.array_equal(found, np.rint(values / 4095 * 255).astype(np.uint8))


@pytest.mark.parametrize("color", [GRAY, RGB, GRAY_ALPHA, RGBA])
@pytest.mark.parametrize("hidden", [True, False])
def test_an_animation_of_16_bits_shows_its_still_image(color, hidden):
    """OpenCV gives black without a first frame, and another frame where the still one is none."""
    channels = {GRAY: 1, RGB: 3, GRAY_ALPHA: 2, RGBA: 4}[color]
    still, other = samples(8, 6, channels), samples(8, 6, channels)[::-1]
    plain, moved = (png(each, depth=16, color=color) for each in (still, other))
    pixels = moved[moved.index(b"IDAT") + 4 : -16]
    frame = struct.pack(">IIIIHHBB", 6, 8, 0, 0, 1, 10, 0, 0)
    first = b"" if hidden else chunk(b"fcTL", struct.pack(">I", 0) + frame)
    number = 0 if hidden else 1
    before = chunk(b"acTL", struct.pack(">II", 2, 0)) + first
    after = chunk(b"fcTL", struct.pack(">I", number) + frame)
    after += chunk(b"fdAT", struct.pack(">I", number + 1) + pixels)
    at = plain.index(b"IDAT") - 4
    animated = plain[:at] + before + plain[at:-12] + after + plain[-12:]
    for data in (animated, plain[:at] + before + plain[at:]):
        assert np.array_equal(image.decode(data, mode="rgba"), image.decode(plain, mode="rgba"))
