"""Every source of a layout that is exported takes keys and groups from `keys.csv`."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.layouts.ocr.reader import Ocr
from dsbuilder.plugin import Source

PLACES = ("train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png")
SPLITS = ("train", "train", "test", "test")


def draw(root: Path, paths: tuple[str, ...]) -> list[Path]:
    for number, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (number, 0, 0)).save(root / path)
    return [root / path for path in paths]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def ocr(root: Path) -> tuple[Source, list[Path]]:
    for split in ("train", "test"):
        files = [path.partition("/")[2] for path in PLACES if path.startswith(split)]
        write(root / split / "gt.txt", "".join(f"{file}\tx\n" for file in files))
    return Ocr(path=root), draw(root, PLACES)


KEYS = ("sub/a b.png", "sub/a b.png//copy-1", "/synthesize/words/000001", '猫, "x".png')
GIVEN = ("sub/a b.png", "sub/a b.png@copy-1", "@synthesize/words/000001", KEYS[3])
GROUPS = (GIVEN[0], GIVEN[0], GIVEN[2], GIVEN[3])

Make = Callable[[Path], tuple[Source, list[Path]]]
LAYOUTS = [ocr]


@pytest.mark.parametrize("make", LAYOUTS)
def test_keys_groups_and_splits_are_those_of_the_table(tmp_path: Path, make: Make, caplog) -> None:
    source, images = make(tmp_path)
    lines = "".join(
        '{},"{}"\n'.format(image.relative_to(tmp_path).as_posix(), key.replace('"', '""'))
        for image, key in zip(images, KEYS, strict=True)
    )
    write(tmp_path / "keys.csv", f"file,key\n{lines}")
    with caplog.at_level(logging.WARNING):
        found = {record.path: record for record in source.records()}
    records = [found[image] for image in images]
    assert tuple(each.key for each in records) == GIVEN
    assert tuple(each.group for each in records) == GROUPS
    assert tuple(each.split for each in records) == SPLITS
    assert not caplog.messages  # the table is read, hence not skipped


@pytest.mark.parametrize("make", LAYOUTS)
def test_a_wrong_table_is_told_with_its_line(tmp_path: Path, make: Make) -> None:
    source, _ = make(tmp_path)
    write(tmp_path / "keys.csv", "file,key\n\nnowhere.png,a\n")
    with pytest.raises(DataError, match=r"keys\.csv:3: expected a file below .*nowhere"):
        list(source.records())


@pytest.mark.parametrize("make", LAYOUTS)
def test_a_file_of_that_name_with_other_columns_is_skipped_and_counted(
    tmp_path: Path, make: Make, caplog
) -> None:
    source, images = make(tmp_path)
    write(tmp_path / "keys.csv", "id,door\n1,2\n")
    found = {record.path: record for record in source.records()}
    assert [found[image].key for image in images] == [
        image.relative_to(tmp_path).as_posix() for image in images
    ]
    assert "1 file was skipped: 1 .csv" in caplog.text


@pytest.mark.parametrize("make", [ocr])
def test_a_table_that_changes_is_noticed(tmp_path: Path, make: Make) -> None:
    source, images = make(tmp_path)
    place = images[0].relative_to(tmp_path).as_posix()
    write(tmp_path / "keys.csv", f"file,key\n{place},a.png\n")
    assert tmp_path / "keys.csv" in (source.watches() or ())
