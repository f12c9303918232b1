"""Every 8-bit kind of image reaches the mode that is asked for; damage is an error."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.images import encoding as image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
# 0.299, 0.587 and 0.114 of 255, rounded
RED_LUMA, GREEN_LUMA, BLUE_LUMA = 76, 150, 29
LOSSLESS = [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]


def saved(picture: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def scene(height=40, width=60) -> np.ndarray:
    """A smooth color picture without symmetry, so that JPEG changes it little."""
    y, x = np.mgrid[:height, :width]
    red = 255 * y / height
    green = 255 * x / width
    blue = 128 + 100 * np.sin(x / 9 + y / 17)
    return np.dstack((red, green, blue)).astype(np.uint8)


def colors() -> np.ndarray:
    return np.array([[RED, GREEN, BLUE], [(0, 0, 0), (255, 255, 255), (10, 200, 30)]], np.uint8)


@pytest.mark.parametrize(("format", "options"), LOSSLESS)
def test_lossless_rgb_is_read_as_it_was_written(format, options):
    data = saved(Image.fromarray(scene()), format, **options)
    assert np.array_equal(image.decode(data, mode="rgb"), scene())


@pytest.mark.parametrize(("format", "options"), LOSSLESS)
def test_gray_is_bt601_luma(format, options):
    gray = image.decode(saved(Image.fromarray(colors()), format, **options), mode="gray")
    mixed = round(0.299 * 10 + 0.587 * 200 + 0.114 * 30)
    assert gray[:, :, 0].tolist() == [[RED_LUMA, GREEN_LUMA, BLUE_LUMA], [0, 255, mixed]]


def test_gray_of_every_format_is_within_the_rounding_of_the_stored_luma():
    picture = Image.fromarray(scene())
    from_jpeg = image.decode(saved(picture, "JPEG", quality=95), mode="gray").astype(int)
    from_png = image.decode(saved(picture, "PNG"), mode="gray").astype(int)
    assert np.abs(from_jpeg - from_png).max() <= 6
    decoded = image.decode(saved(picture, "JPEG", quality=95), mode="rgb")
    assert np.abs(from_jpeg - image.color.luma(decoded)).max() <= 1


@pytest.mark.parametrize("mode", ["rgb", "gray", "rgba"])
def test_decoded_arrays_are_new_contiguous_uint8_of_the_channels_of_the_mode(mode):
    for format in ("PNG", "JPEG", "GIF"):
        pixels = image.decode(saved(Image.fromarray(scene()), format), mode=mode)
        assert pixels.shape == (40, 60, {"rgb": 3, "gray": 1, "rgba": 4}[mode])
        assert pixels.dtype == np.uint8
        assert pixels.flags.writeable
        assert pixels.flags.c_contiguous


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}]
)
def test_jpeg_equals_pillow_to_the_bit(options):
    data = saved(Image.fromarray(scene()), "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(image.decode(data, mode="rgb"), expected)


def test_gray_jpeg_has_three_equal_channels_in_rgb():
    data = saved(Image.fromarray(scene()).convert("L"), "JPEG")
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(image.decode(data, mode="gray")[:, :, 0], expected)
    assert np.array_equal(image.decode(data, mode="rgb"), np.dstack([expected] * 3))


def test_jpeg_that_stores_rgb_is_read_as_rgb():
    data = saved(Image.fromarray(scene()), "JPEG", quality=100, keep_rgb=True)
    difference = image.decode(data, mode="rgb").astype(int) - scene()
    assert np.abs(difference).max() <= 3


def test_transparency_lies_over_the_background_rounded():
    pixels = np.array([[(200, 100, 0, 0), (200, 100, 0, 255), (200, 100, 0, 128)]], np.uint8)
    data = saved(Image.fromarray(pixels), "PNG")
    flat = image.decode(data, mode="rgb", background=(10, 20, 31))
    # (200 * 128 + 10 * 127) / 255 = 105.37, (100 * 128 + 20 * 127) / 255 = 60.16, 31 * 127 / 255
    assert flat.tolist() == [[[10, 20, 31], [200, 100, 0], [105, 60, 15]]]


def test_the_default_background_is_white():
    data = saved(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "PNG")
    assert image.decode(data, mode="rgb").tolist() == [[[255, 255, 255]]]
    assert image.decode(data, mode="gray").tolist() == [[[255]]]


def test_every_mix_of_color_alpha_and_background_is_rounded_to_nearest():
    values, alphas = np.meshgrid(np.arange(256), np.arange(256))
    pixels = np.dstack((values, values, values, alphas)).astype(np.uint8)
    for background in (0, 77, 255):
        flat = image.color.flatten(pixels, (background,) * 3)
        exact = (values * alphas + background * (255 - alphas)) / 255
        assert np.array_equal(flat[:, :, 1], np.floor(exact + 0.5))


def test_rgba_keeps_alpha_and_the_colors_below_it():
    pixels = np.array([[(200, 100, 0, 0), (1, 2, 3, 77)]], np.uint8)
    data = saved(Image.fromarray(pixels), "PNG")
    assert np.array_equal(image.decode(data, mode="rgba"), pixels)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP"])
def test_an_image_without_alpha_becomes_opaque(format):
    for kind in ("RGB", "L"):
        pixels = image.decode(saved(Image.new(kind, (2, 1)), format), mode="rgba")
        assert pixels[:, :, 3].tolist() == [[255, 255]]


def test_gray_with_alpha_is_flattened():
    data = saved(Image.new("LA", (1, 1), (100, 51)), "PNG")
    assert image.decode(data, mode="gray", background=(200, 200, 200)).tolist() == [[[180]]]
    assert image.decode(data, mode="rgba").tolist() == [[[100, 100, 100, 51]]]


def palette_picture() -> Image.Image:
    picture = Image.new("P", (3, 1))
    picture.putpalette([*RED, *GREEN, *BLUE])
    picture.putdata([0, 1, 2])
    return picture


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette_images_show_their_colors(format):
    data = saved(palette_picture(), format)
    assert image.decode(data, mode="rgb").tolist() == [[[*RED], [*GREEN], [*BLUE]]]
    assert image.decode(data, mode="gray").tolist() == [[[RED_LUMA], [GREEN_LUMA], [BLUE_LUMA]]]


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_one_transparent_palette_entry_shows_the_background(format):
    data = saved(palette_picture(), format, transparency=1)
    rgb = image.decode(data, mode="rgb", background=(9, 8, 7))
    assert rgb.tolist() == [[[*RED], [9, 8, 7], [*BLUE]]]
    assert image.decode(data, mode="rgba")[0, :, 3].tolist() == [255, 0, 255]


def test_partly_transparent_palette_entries_are_mixed():
    data = saved(palette_picture(), "PNG", transparency=bytes((255, 51, 0)))
    rgb = image.decode(data, mode="rgb", background=(0, 0, 0))
    assert rgb.tolist() == [[[*RED], [0, 51, 0], [0, 0, 0]]]


def test_the_transparent_color_of_an_rgb_png_shows_the_background():
    data = saved(Image.fromarray(colors()), "PNG", transparency=GREEN)
    assert image.decode(data, mode="rgb", background=(1, 2, 3))[0, 1].tolist() == [1, 2, 3]


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit_images_are_black_and_white(format):
    picture = Image.fromarray(np.array([[0, 255, 255], [255, 0, 0]], np.uint8)).convert("1")
    data = saved(picture, format)
    assert image.decode(data, mode="gray")[:, :, 0].tolist() == [[0, 255, 255], [255, 0, 0]]


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_is_read_as_pillow_reads_it(format):
    # Cyan, black and paper, as ink; Pillow writes JPEG the inverted way that Adobe does.
    inks = np.zeros((16, 48, 4), np.uint8)
    inks[:, :16, 0] = 255
    inks[:, 16:32, 3] = 255
    rgb = image.decode(saved(Image.fromarray(inks, "CMYK"), format), mode="rgb").astype(int)
    assert np.abs(rgb[8, [8, 24, 40]] - [(0, 255, 255), (0, 0, 0), (255, 255, 255)]).max() <= 2


def test_the_first_frame_of_an_animation_is_read():
    first, second = Image.new("RGB", (4, 3), RED), Image.new("RGB", (4, 3), BLUE)
    for format, options in (("GIF", {}), ("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        data = saved(first, format, save_all=True, append_images=[second], **options)
        assert image.decode(data, mode="rgb")[0, 0].tolist() == [*RED], format


TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


def exif(orientation: int, order: str = "<") -> bytes:
    """A hand-made EXIF block whose second entry is the orientation."""
    mark = b"II" if order == "<" else b"MM"
    entries = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0)
    entries += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "HIH", 42, 8, 2) + entries + b"\0\0\0\0"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "CMYK"])
def test_exif_orientation_turns_the_image_upright(format, orientation, order):
    options: dict = {"exif": exif(orientation, order)}
    if format == "JPEG" or format == "CMYK":
        options["exif"] = b"Exif\0\0" + options["exif"]
    elif format == "WEBP":
        options["lossless"] = True
    elif format == "TIFF":
        options = {"tiffinfo": {0x0112: orientation}}
    picture = Image.fromarray(scene())
    if format == "CMYK":
        format, picture = "JPEG", picture.convert("CMYK")
    plain = saved(picture, format, lossless=True) if format == "WEBP" else saved(picture, format)
    data = saved(picture, format, **options)
    upright = image.decode(data, mode="rgb")
    assert np.array_equal(upright, TURNS[orientation](image.decode(plain, mode="rgb")))
    assert image.size(data) == upright.shape[:2]


@pytest.mark.parametrize(
    "block", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"??junk", exif(9), exif(0)]
)
def test_exif_that_states_no_orientation_means_upright(block):
    data = saved(Image.fromarray(scene()), "PNG", exif=block)
    assert np.array_equal(image.decode(data, mode="rgb"), scene())


def xmp(orientation: int, form: str = 'tiff:Orientation="{}"/>') -> bytes:
    """A packet of XMP with the orientation as an attribute or an element."""
    name = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:Rating="3" '
    return name + form.format(orientation).encode() + b"</x:xmpmeta>"


ELEMENT = "><tiff:Orientation> {} </tiff:Orientation></rdf:Description>"


def profile(name: str, content: bytes) -> bytes:
    """A profile as ImageMagick writes it: name, length, lines of hexadecimal digits."""
    digits = content.hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return "\n".join(["", name, f"{len(content):8}", *lines, ""]).encode()


def png_with(kind: bytes, content: bytes) -> bytes:
    """A PNG of `scene` with one more chunk."""
    data = saved(Image.fromarray(scene()), "PNG")
    body = kind + content
    chunk = struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    return data[:-12] + chunk + data[-12:]


def with_metadata(form: str, number: int) -> bytes:
    """The scene in a file whose metadata state an orientation in one of many forms."""
    kind, _, how = form.partition(" ")
    packet = xmp(number, ELEMENT if how == "element" else 'tiff:Orientation="{}"/>')
    if kind == "TIFF":
        return saved(Image.fromarray(scene()), "TIFF", tiffinfo={700: packet})
    if kind in ("JPEG", "WEBP", "CMYK"):
        options = {"lossless": True} if kind == "WEBP" else {}
        picture = Image.fromarray(scene()).convert("CMYK" if kind == "CMYK" else "RGB")
        return saved(picture, "JPEG" if kind == "CMYK" else kind, xmp=packet, **options)
    if how in ("attribute", "element"):
        return png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    if how == "packed":
        text = zlib.compress(packet)
        return png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text)
    block = b"Exif\0\0" + exif(number)
    content = {"APP1-xmp": b"http://ns.adobe.com/xap/1.0/\0" + packet, "xmp": packet}
    text = profile(how, content.get(how, block))
    name = b"Raw profile type " + how.partition("-")[0].encode() + b"\0"
    if how == "exif":
        return png_with(b"zTXt", name + b"\0" + zlib.compress(text))
    return png_with(b"tEXt", name + text)


FORMS = (
    *(f"{kind} attribute" for kind in ("JPEG", "CMYK", "PNG", "WEBP", "TIFF")),
    *("JPEG element", "PNG element", "PNG packed"),
    *("PNG exif", "PNG APP1", "PNG APP1-xmp", "PNG xmp"),
)


@pytest.mark.parametrize("orientation", [3, 6, 7])
@pytest.mark.parametrize("form", FORMS)
def test_orientation_in_xmp_and_in_profiles_turns_the_image_upright(form, orientation):
    data = with_metadata(form, orientation)
    upright = image.decode(data, mode="rgb")
    plain = image.decode(with_metadata(form, 1), mode="rgb")
    assert np.array_equal(upright, TURNS[orientation](plain))
    assert image.size(data) == upright.shape[:2]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_counts_before_xmp(format):
    options = {"exif": exif(1), "xmp": xmp(6)}
    if format == "JPEG":
        options["exif"] = b"Exif\0\0" + options["exif"]
    data = saved(Image.fromarray(scene()), format, **options)
    assert image.size(data) == (40, 60)


@pytest.mark.parametrize(
    "content",
    [
        b"Raw profile type exif\0\nexif\n 12\nzz",
        b"Raw profile type exif\0\nexif",
        b"Raw profile type icc\0" + profile("icc", exif(6)),
        b"Raw profile type xmp\0" + profile("xmp", xmp(9)),
        b"Comment\0" + xmp(6),
    ],
)
def test_a_text_that_states_no_orientation_means_upright(content):
    assert np.array_equal(image.decode(png_with(b"tEXt", content), mode="rgb"), scene())
    damaged = png_with(b"zTXt", content.partition(b"\0")[0] + b"\0\0junk")
    assert np.array_equal(image.decode(damaged, mode="rgb"), scene())


def test_orientation_is_found_behind_the_pixels_of_a_png():
    data = saved(Image.fromarray(scene()), "PNG")
    with_exif = saved(Image.fromarray(scene()), "PNG", exif=exif(6))
    start = with_exif.index(b"eXIf") - 4
    chunk = with_exif[start : start + 12 + struct.unpack(">I", with_exif[start : start + 4])[0]]
    late = data[:-12] + chunk + data[-12:]
    assert np.array_equal(image.decode(late, mode="rgb"), np.rot90(scene(), -1))
    assert image.size(late) == (60, 40)


@pytest.mark.parametrize(("format", "options"), [*LOSSLESS, ("JPEG", {}), ("GIF", {})])
def test_size_needs_the_header_alone(format, options):
    data = saved(Image.fromarray(scene(300, 200)), format, **options)
    head = data if format in ("WEBP", "TIFF") else data[: len(data) // 2]
    assert image.size(head) == (300, 200)


DAMAGED = [
    *LOSSLESS,
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("GIF", {}),
    ("WEBP", {}),
    ("TIFF", {"compression": "tiff_deflate"}),
]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
@pytest.mark.parametrize(("format", "options"), DAMAGED)
def test_an_image_cut_anywhere_is_an_error(format, options):
    data = saved(Image.fromarray(scene()), format, **options)
    for stop in [*range(0, len(data) - 1, max(1, len(data) // 40)), len(data) - 3]:
        with pytest.raises(DataError, match=r"expected .*, found .*\. .*\.$"):
            image.decode(data[:stop], mode="rgb")


def test_a_flipped_bit_in_a_png_is_an_error():
    data = saved(Image.fromarray(scene()), "PNG")
    for position in range(data.index(b"IDAT"), len(data) - 13, 5):
        flipped = bytearray(data)
        flipped[position] ^= 4
        with pytest.raises(DataError, match=r"checksum|ends early|damaged"):
            image.decode(bytes(flipped), mode="rgb")


def test_a_damaged_scan_of_a_jpeg_is_an_error_that_says_so():
    data = bytearray(saved(Image.fromarray(scene(200, 200)), "JPEG"))
    middle = len(data) // 2
    data[middle : middle + 20] = b"\xff\xd0" * 10
    with pytest.raises(DataError, match="expected a whole JPEG, found a damaged one: "):
        image.decode(bytes(data), mode="gray")


def test_the_messages_say_what_is_wrong():
    whole = saved(Image.fromarray(scene(300, 300)), "JPEG")
    messages = {
        b"": "expected an image, found no bytes at all. Replace the file.",
        b"<html>": "expected an image (PNG, JPEG, WebP, BMP, GIF, TIFF), found 6 bytes that start "
        "with b'<html>': another format, or a header that is cut. Convert or replace the file.",
        whole[: len(whole) // 2]: "expected a whole JPEG, found a damaged one: "
        "Premature end of JPEG file. Replace the file.",
    }
    for data, message in messages.items():
        with pytest.raises(DataError) as caught:
            image.decode(data, mode="rgb")
        assert str(caught.value) == message


def test_formats_that_are_not_promised_are_refused():
    with pytest.raises(DataError, match="expected an image"):
        image.decode(saved(Image.new("RGB", (2, 2)), "PPM"), mode="rgb")


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    jpeg = bytearray(saved(Image.new("RGB", (8, 8)), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 60000, 60000)
    gif = b"GIF89a" + struct.pack("<HH", 60000, 60000) + b"\0\0\0"
    gif += b"," + struct.pack("<HHHHB", 0, 0, 60000, 60000, 0) + b"\x02\x01\x00\x00;"
    for data in (bytes(jpeg), gif):
        for call in (image.size, lambda data: image.decode(data, mode="rgb")):
            with pytest.raises(DataError, match="decompression bomb"):
                call(data)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_is_lossless_and_equal_images_give_equal_bytes(channels):
    pixels = np.random.default_rng(channels).integers(0, 256, (13, 7, channels), np.uint8)
    data = image.encode(pixels, "png")
    assert data == image.encode(pixels.copy(), "png")
    mode = {1: "gray", 3: "rgb", 4: "rgba"}[channels]
    assert np.array_equal(image.decode(data, mode=mode), pixels)
    theirs = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(theirs.reshape(pixels.shape), pixels)


def test_jpeg_is_near_to_the_image_and_subsampled_as_stated():
    data = image.encode(scene(), "jpeg", quality=95)
    assert np.abs(image.decode(data, mode="rgb").astype(int) - scene()).mean() < 2
    theirs = Image.open(io.BytesIO(data))
    assert [layer[1:3] for layer in theirs.layer] == [(2, 2), (1, 1), (1, 1)]
    assert len(image.encode(scene(), "jpeg", quality=50)) < len(data)


def test_one_channel_becomes_a_gray_jpeg():
    data = image.encode(scene()[:, :, :1], "jpeg")
    assert Image.open(io.BytesIO(data)).mode == "L"
    assert image.decode(data, mode="gray").shape == (40, 60, 1)


def test_views_are_encoded_as_what_they_show():
    view = scene()[::-1, ::2]
    for format in ("jpeg", "png"):
        assert image.encode(view, format) == image.encode(np.ascontiguousarray(view), format)


def test_what_a_format_cannot_hold_is_refused():
    with pytest.raises(DataError) as caught:
        image.encode(np.zeros((2, 2, 4), np.uint8), "jpeg")
    assert str(caught.value) == (
        "jpeg: expected uint8 (H, W, C) with C in (1, 3), found uint8 (2, 2, 4). "
        "Store it as PNG or raw."
    )
    for wrong in (np.zeros((2, 2, 3), np.float32), np.zeros((2, 2), np.uint8)):
        with pytest.raises(DataError, match="Store it raw"):
            image.encode(wrong, "png")
