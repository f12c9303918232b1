"""A window of an image holds the pixels that the whole has there, of every format and packing."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dsbuilder.errors import DataError
from dsbuilder.images import encoding, tiff
from dsbuilder.images.segments import ByteSource
from dsbuilder.images.windows import WindowedImage

HEIGHT, WIDTH = 70, 93
MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16")


def painted(mode: str, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Image.Image:
    rng = np.random.default_rng(len(mode))
    values = rng.integers(0, 256, (size[0] // 4 + 1, size[1] // 4 + 1, 3), dtype=np.uint8)
    picture = Image.fromarray(values).resize(size[::-1], Image.Resampling.BICUBIC)
    ImageDraw.Draw(picture).line([(0, 0), (size[1], size[0])], fill=(255, 0, 0), width=3)
    if mode == "I;16":
        wide = np.asarray(picture.convert("L"), np.uint16) * 251
        return Image.fromarray(wide)
    return picture.convert(mode)


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def of_tiff(picture: Image.Image, compression: str, *, rows: int, turn: int = 1) -> bytes:
    tags = {278: rows, 274: turn}
    return saved(picture, "TIFF", compression=compression, tiffinfo=tags)


def in_tiles(pixels: np.ndarray, side: int, *, big: bool, order: str = "<") -> bytes:
    """A TIFF in tiles, deflated, which no library at hand writes."""
    import zlib

    height, width, channels = pixels.shape
    down, across = -(-height // side), -(-width // side)
    padded = np.zeros((down * side, across * side, channels), np.uint8)
    padded[:height, :width] = pixels
    parts = [
        zlib.compress(padded[y : y + side, x : x + side].tobytes())
        for y in range(0, down * side, side)
        for x in range(0, across * side, side)
    ]
    long, room, head = ("Q", 8, 16) if big else ("I", 4, 8)
    starts, place = [], head
    for part in parts:
        starts.append(place)
        place += len(part)
    lists = struct.pack(f"{order}{2 * len(parts)}{long}", *starts, *map(len, parts))
    bits = struct.pack(f"{order}{channels}H", *[8] * channels)
    at_bits, at_lists = place, place + len(bits) + len(bits) % 2
    directory = at_lists + len(lists)
    kind = 16 if big else 4
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, at_bits), (259, 3, 1, 8),
        (262, 3, 1, 2 if channels == 3 else 1), (277, 3, 1, channels), (322, 3, 1, side),
        (323, 3, 1, side), (324, kind, len(parts), at_lists),
        (325, kind, len(parts), at_lists + len(parts) * room),
    ]  # fmt: skip
    rows = []
    for tag, code, count, value in entries:
        inline = count * {3: 2, 4: 4, 16: 8}[code] <= room
        form = {3: "H", 4: "I", 16: "Q"}[code] if inline else long
        content = struct.pack(f"{order}{form}", value).ljust(room, b"\0")
        if inline and tag in (324, 325):  # one tile: the value itself
            content = struct.pack(f"{order}{long}", (starts if tag == 324 else [len(parts[0])])[0])
        if inline and tag == 258:
            content = bits.ljust(room, b"\0")
        rows.append(struct.pack(f"{order}HH{long}", tag, code, count) + content)
    mark = b"II" if order == "<" else b"MM"
    if big:
        start = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, directory)
        counted = struct.pack(f"{order}Q", len(rows))
    else:
        start = mark + struct.pack(f"{order}HI", 42, directory)
        counted = struct.pack(f"{order}H", len(rows))
    return b"".join([start, *parts, bits, bytes(len(bits) % 2), lists, counted, *rows, bytes(room)])


@st.composite
def boxes(draw: st.DrawFn, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[int, int, int, int]:
    top, left = draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))
    return top, left, draw(st.integers(1, size[0] - top)), draw(st.integers(1, size[1] - left))


def check(data: bytes | Path, box: tuple[int, int, int, int]) -> None:
    whole = encoding.decode_channels(data if isinstance(data, bytes) else data.read_bytes())
    image = WindowedImage(data)
    assert image.size == whole.shape[:2]
    top, left, height, width = box
    for _ in range(2):  # what is kept is the same
        found = image.read(box)
        assert np.array_equal(found, whole[top : top + height, left : left + width])
    image.close()


TIFFS = {
    f"{mode} {packing} of {rows} rows": of_tiff(painted(mode), packing, rows=rows)
    for mode in MODES
    for packing in ("raw", "tiff_deflate", "tiff_lzw", "packbits", "jpeg")
    for rows in ((1, 16, 999) if mode == "RGB" else (16,))
    if not (packing == "jpeg" and (mode not in ("L", "RGB") or rows == 1))
    and not (packing == "packbits" and mode == "LA")
}


@pytest.mark.parametrize("case", TIFFS)
@given(box=boxes())
def test_a_window_of_a_tiff_is_that_of_the_whole(case: str, box) -> None:
    check(TIFFS[case], box)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("channels", "side"), [(1, 16), (3, 32), (3, 128)])
@given(box=boxes())
def test_tiles_of_tiff_and_bigtiff_are_read(order, big, channels, side, box) -> None:
    mode = "L" if channels == 1 else "RGB"
    pixels = np.asarray(painted(mode)).reshape(HEIGHT, WIDTH, channels)
    image = WindowedImage(in_tiles(pixels, side, big=big, order=order))
    top, left, height, width = box
    assert np.array_equal(image.read(box), pixels[top : top + height, left : left + width])


@pytest.mark.parametrize("turn", range(1, 9))
@given(data=st.data())
def test_a_window_counts_in_the_upright_image(turn: int, data: st.DataObject) -> None:
    stored = of_tiff(painted("RGB"), "tiff_lzw", rows=16, turn=turn)
    size = (WIDTH, HEIGHT) if turn >= 5 else (HEIGHT, WIDTH)
    check(stored, data.draw(boxes(size)))


OTHERS = {
    "bmp 24": saved(painted("RGB"), "BMP"),
    "bmp 8": saved(painted("P"), "BMP"),
    "bmp gray": saved(painted("L"), "BMP"),
    "bmp 1": saved(painted("1"), "BMP"),
    "png": saved(painted("RGBA"), "PNG"),
    "jpeg": saved(painted("RGB"), "JPEG", quality=90),
    "webp": saved(painted("RGB"), "WEBP", lossless=True),
}


@pytest.mark.parametrize("case", OTHERS)
@given(box=boxes())
def test_a_window_of_any_other_image_is_that_of_the_whole(case: str, box) -> None:
    check(OTHERS[case], box)


def test_a_bmp_from_top_to_bottom_is_read() -> None:
    data = bytearray(OTHERS["bmp 24"])
    struct.pack_into("<i", data, 22, -HEIGHT)
    check(bytes(data), (3, 5, 20, 31))


def test_files_are_read_where_a_window_lies_and_nowhere_else(tmp_path: Path, monkeypatch) -> None:
    read: list[int] = []
    plain = ByteSource.read

    def counting(self: ByteSource, offset: int, length: int) -> bytes:
        read.append(length)
        return plain(self, offset, length)

    monkeypatch.setattr(ByteSource, "read", counting)
    side = 2000
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[1500:1510, 900:960] = (10, 200, 30)
    for name, options in (("one strip", {"rows": 10**6}), ("strips", {"rows": 8})):
        path = tmp_path / f"{name}.tif"
        path.write_bytes(of_tiff(Image.fromarray(pixels), "raw", **options))
        read.clear()
        found = WindowedImage(path).read((1500, 900, 10, 60))
        assert (found == (10, 200, 30)).all()
        assert sum(read) < 60_000
    path = tmp_path / "a.bmp"
    path.write_bytes(saved(Image.fromarray(pixels), "BMP"))
    read.clear()
    assert (WindowedImage(path).read((1500, 900, 10, 60)) == (10, 200, 30)).all()
    assert sum(read) < 60_000


def test_a_gigapixel_is_read_in_windows_and_never_whole(tmp_path: Path) -> None:
    """33,000 x 33,000 RGB without compression: a sparse file of 3 GB, of which a window is read."""
    side = 33_000
    small = of_tiff(Image.new("RGB", (side, 1)), "raw", rows=1)
    offset = 4096
    entries = {257: side, 278: side, 273: offset, 279: 0}
    (start,) = struct.unpack_from("<I", small, 4)
    (count,) = struct.unpack_from("<H", small, start)
    data = bytearray(small[: min(offset, 4096)])  # what describes it stands before the pixels
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, number = struct.unpack_from("<HHI", data, at)
        if tag in entries and number == 1:
            struct.pack_into("<HHII", data, at, tag, 4, 1, entries[tag])
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.write(data)
        file.seek(offset + (20_000 * side + 30_000) * 3)
        file.write(bytes([1, 2, 3]))
        file.truncate(offset + side * side * 3)
    image = WindowedImage(path)
    assert image.size == (side, side)
    window = image.read((19_999, 29_999, 3, 3))
    assert window[1, 1].tolist() == [1, 2, 3]
    assert window.sum() == 6


def test_what_is_decoded_whole_is_bounded_before_it_is(tmp_path: Path) -> None:
    image = WindowedImage(OTHERS["png"], memory_bytes=1000)
    with pytest.raises(DataError, match=r"found one of 93 x 70 pixels in one piece, which take"):
        image.read((0, 0, 1, 1))
    packed = of_tiff(painted("RGB"), "tiff_lzw", rows=HEIGHT)
    with pytest.raises(DataError, match=r"in segments of 93 x 70 pixels, which take"):
        WindowedImage(packed, memory_bytes=1000).read((0, 0, 1, 1))
    header = bytearray(OTHERS["png"])
    struct.pack_into(">II", header, 16, 40_000, 40_000)
    huge = WindowedImage(bytes(header))
    assert huge.size == (40_000, 40_000)
    with pytest.raises(DataError, match=r"500 MB .*found one of 40000 x 40000 pixels in one piece"):
        huge.read((0, 0, 1, 1))


@given(cut=st.integers(8, 3000), at=st.integers(0, 3000), byte=st.integers(0, 255))
def test_a_damaged_tiff_is_an_error_or_pixels_and_nothing_else(cut, at, byte) -> None:
    data = bytearray(TIFFS["RGB tiff_lzw of 16 rows"])
    data[at % len(data)] = byte
    for damaged in (bytes(data), bytes(data[: len(data) - cut % (len(data) - 8)])):
        try:
            image = WindowedImage(damaged, memory_bytes=1e6)
            image.read((0, 0, min(8, image.size[0]), min(8, image.size[1])))
        except DataError:
            continue


def test_another_tiff_is_decoded_whole() -> None:
    planes = bytearray(of_tiff(painted("RGB"), "raw", rows=16))
    assert tiff.opened(ByteSource(bytes(planes))) is not None
    (start,) = struct.unpack_from("<I", planes, 4)
    (count,) = struct.unpack_from("<H", planes, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", planes, place)[0] == 284:
            struct.pack_into("<HHII", planes, place, 284, 3, 1, 2)
    assert tiff.opened(ByteSource(bytes(planes))) is None
    assert tiff.opened(ByteSource(b"II*\0")) is None
