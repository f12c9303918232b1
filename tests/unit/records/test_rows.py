"""Rows are read by their place, and a file that is cut never ends a process."""

import io
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.errors import DataError
from dsbuilder.records.rows import ArrayRows, check_image_shape, open_file, unpacked


def opened(path: Path, array: np.ndarray) -> ArrayRows:
    path.write_bytes(b"head" + array.tobytes())
    return ArrayRows(
        name="a.bin", file=open_file(path), offset=4, count=len(array), shape=array.shape[1:]
    )


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 1), (3, 4, 5, 3)])
def test_a_row_is_an_image_with_channels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    rows = opened(tmp_path / "a.bin", array)
    for index in (2, 0, 1):
        assert np.array_equal(rows.image(index), array[index].reshape(4, 5, -1))
        assert rows.read(index) == array[index].tobytes()


@pytest.mark.parametrize("index", [-1, 3])
def test_a_row_that_is_not_there_is_an_error(tmp_path: Path, index: int) -> None:
    rows = opened(tmp_path / "a.bin", np.zeros((3, 2, 2), np.uint8))
    with pytest.raises(DataError, match=rf"a.bin: expected a row {index}, found 3 rows"):
        rows.read(index)


def test_a_file_that_is_cut_while_it_is_open_is_an_error(tmp_path: Path) -> None:
    rows = opened(tmp_path / "a.bin", np.zeros((3, 2, 2), np.uint8))
    with (tmp_path / "a.bin").open("r+b") as file:
        file.truncate(10)
    assert len(rows.read(0)) == 4
    with pytest.raises(DataError, match="row 1: expected 4 bytes, found 2: the file was cut"):
        rows.read(1)


def test_the_file_is_closed_with_its_rows(tmp_path: Path) -> None:
    rows = opened(tmp_path / "a.bin", np.zeros((3, 2, 2), np.uint8))
    file = rows.file
    del rows
    assert file.closed


def test_no_more_is_unpacked_than_is_asked_for() -> None:
    with unpacked(io.BytesIO(bytes(5000)), limit=3000) as file:
        assert file.seek(0, 2) == 3000
    with unpacked(io.BytesIO(bytes(5000))) as file:
        assert file.seek(0, 2) == 5000


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 5, 2), (3, 0, 5), (3, 4, 5, 3, 1)])
def test_other_shapes_are_no_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"a: expected images \(N, H, W\)"):
        check_image_shape("a", shape)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.bin: the file cannot be read"):
        open_file(tmp_path / "none.bin")
