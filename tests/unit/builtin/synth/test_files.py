"""files: which are pictures, and that one more or fewer leaves others' draws alone."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from dsbuilder.builtin.synth.files import Pictures, picture
from dsbuilder.plugin import DataError, generator


def named(count: int) -> Pictures:
    return Pictures(folder=Path("x"), names=tuple(f"{number}.png" for number in range(count)))


def drawn(pictures: Pictures, count: int) -> list[str]:
    return [pictures.draw(generator("files", seed)) for seed in range(count)]


def test_files_are_drawn_equally_often() -> None:
    counts = Counter(drawn(named(5), 2000))
    assert len(counts) == 5 and all(310 < each < 490 for each in counts.values())


def test_one_file_more_takes_its_share_and_changes_no_other_draw() -> None:
    before, after = drawn(named(9), 1000), drawn(named(10), 1000)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(changed) == {"9.png"} and 70 < len(changed) < 130
    reordered = Pictures(folder=Path("y"), names=named(9).names[::-1])
    assert drawn(reordered, 100) == before[:100]


def test_what_is_hidden_or_no_file_is_no_picture(tmp_path: Path) -> None:
    root = tmp_path / ".cache" / "in"  # a hidden folder may be asked for
    for name in ("a.png", "b/c.JPG", "._a.png", ".ipynb_checkpoints/a.png", "b/.x/y/z.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    (root / "dir.png").mkdir()
    (root / "notes.txt").write_text("no picture")
    assert Pictures.of(root).names == ("a.png", "b/c.JPG")
    assert Pictures.of(root / "a.png").names == ("a.png",)
    assert Pictures.of(tmp_path / "none").names == ()


def test_a_name_is_found_again_or_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGB", (2, 3)).save(tmp_path / "a" / "b.png")
    found = Pictures.of(tmp_path)
    assert picture(found.path("a/b.png"), "rgb").shape == (3, 2, 3)
    with pytest.raises(DataError, match=r"a/c\.png: no such file\. Put back what was drawn"):
        picture(found.path("a/c.png"), "rgb")
    with pytest.raises(DataError, match=r"expected a path without '\.\.'"):
        found.path("../b.png")
