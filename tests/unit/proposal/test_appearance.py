"""What a few headers say of all images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.images import encoding as images
from dsbuilder.layouts.folder.reader import Folder
from dsbuilder.proposal.facts import look


def looked(root: Path, *, most: int = 100):
    catalog = Folder(path=root).open()
    return look(catalog, list(catalog.records), most=most)


def test_a_sample_reaches_from_the_first_to_the_last(make_images) -> None:
    looks = looked(make_images(count=30), most=5)
    assert len(looks.headers) == 5
    assert looks.describe() == "5 looked at: 50 to 50 wide, 40 to 42 high"


def test_all_of_one_size_are_told_apart(make_images) -> None:
    looks = looked(make_images(count=1, size=(24, 36), channels=1))
    assert looks.only_size == (24, 36)
    assert looks.gray
    assert not looks.lossy
    assert (looks.short, looks.aspect) == (24, 1.5)


def test_what_cannot_be_read_is_passed_over_with_its_reason(make_images) -> None:
    root = make_images(count=3)
    (root / "cat/0.png").write_bytes(b"junk")
    looks = looked(root)
    assert len(looks.headers) == 8
    assert "expected an image" in looks.unreadable["cat/0.png"]


def test_nothing_to_look_at_is_an_error(make_images) -> None:
    root = make_images(count=2)
    for path in root.glob("*/*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none that can be read among 6 looked at, such as 'cat/0"):
        looked(root)


@pytest.mark.parametrize(
    ("mode", "suffix", "gray", "alpha", "lossy"),
    [
        ("RGB", "png", False, False, False),
        ("RGB", "jpg", False, False, True),
        ("L", "jpg", True, False, True),
        ("LA", "png", True, True, False),
        ("RGBA", "webp", False, True, False),
        ("1", "png", True, False, False),
        ("I;16", "png", True, False, False),
        ("P", "gif", False, False, False),
    ],
)
def test_a_header_says_what_decoding_would(tmp_path, mode, suffix, gray, alpha, lossy) -> None:
    path = tmp_path / f"a.{suffix}"
    pixels = np.full((6, 8), 700, np.uint16)
    image = Image.fromarray(pixels) if mode == "I;16" else Image.new(mode, (8, 6))
    image.save(path)
    found = images.header(path.read_bytes())
    assert found == images.Header(size=(6, 8), gray=gray, alpha=alpha, lossy=lossy)
