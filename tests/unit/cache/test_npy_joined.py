"""An array in several files, mapped as one."""

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.cache import npy_joined
from dsbuilder.cache.npy_joined import join_rows
from dsbuilder.errors import CacheError

SHAPES = ((7,), (28, 28, 1), (33, 41, 3), (64, 64, 3), (4096,), ())
"""Rows of odd sizes, of parts of a page and of whole ones."""


def saved(folder: Path, counts: list[int], shape: tuple[int, ...], dtype: str) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [folder / f"{index}.npy" for index in range(len(counts))]
    for path, count in zip(paths, counts, strict=True):
        np.save(path, rng.integers(0, 256, (count, *shape)).astype(dtype))
    return paths


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    shape=st.sampled_from(SHAPES),
    dtype=st.sampled_from(["uint8", "float32", "int64"]),
)
def test_every_row_of_every_file_is_there(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[int],
    shape: tuple[int, ...],
    dtype: str,
) -> None:
    paths = saved(tmp_path_factory.mktemp("rows"), counts, shape, dtype)
    found = join_rows(paths)
    assert found is not None
    for path, first, count in zip(paths, found.first.tolist(), counts, strict=True):
        assert np.array_equal(found.values[first : first + count], np.load(path))
    assert found.values.dtype == dtype and found.values.shape[1:] == shape


def test_no_file_changes(tmp_path: Path) -> None:
    paths = saved(tmp_path, [3, 4], (5, 5), "uint8")
    before = [path.read_bytes() for path in paths]
    found = join_rows(paths)
    assert found is not None
    found.values[found.first] = 7
    assert [path.read_bytes() for path in paths] == before


def test_addresses_are_given_back_with_the_last_array(tmp_path: Path) -> None:
    def mapped() -> int:
        return Path("/proc/self/maps").read_text(encoding="utf-8").count(str(tmp_path))

    found = join_rows(saved(tmp_path, [3, 4], (5, 5), "uint8"))
    assert found is not None
    row = found.values[found.first[1]]
    assert mapped() == 2
    del found
    assert mapped() == 2  # a view of it is enough
    del row
    gc.collect()
    assert mapped() == 0


def test_files_that_begin_otherwise_are_not_joined(tmp_path: Path) -> None:
    one, two = saved(tmp_path, [3, 4], (5, 5), "uint8")
    with two.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (4, 5, 5)}
        )
        file.write(bytes(100))
    assert join_rows([one, two]) is not None
    data = two.read_bytes()
    length = int.from_bytes(data[8:10], "little")
    longer = data[10 : 10 + length - 1] + b" " * 64 + b"\n"
    two.write_bytes(data[:8] + (length + 64).to_bytes(2, "little") + longer + data[10 + length :])
    assert np.load(two).shape == (4, 5, 5)
    assert join_rows([one, two]) is None


def test_rows_of_other_shapes_are_not_joined(tmp_path: Path) -> None:
    (one,) = saved(tmp_path, [3], (5, 5), "uint8")
    (tmp_path / "b").mkdir()
    (two,) = saved(tmp_path / "b", [3], (5, 6), "uint8")
    assert join_rows([one, two]) is None


def test_too_many_addresses_are_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy_joined, "_MOST_BYTES", 4096)
    assert join_rows(saved(tmp_path, [3, 4], (5, 5), "uint8")) is None


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    one, two = saved(tmp_path, [3, 4], (5, 5), "uint8")
    two.write_bytes(two.read_bytes()[:-1])
    with pytest.raises(CacheError, match=r"1\.npy: expected a whole \.npy array"):
        join_rows([one, two])
