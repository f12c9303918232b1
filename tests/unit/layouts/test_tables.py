"""Tables of every form give the same rows, and every malformed row an error with its line."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import Table, TableRow, read_table


def table(folder: Path, name: str, data: str | bytes) -> Table:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    faults = Faults()
    found = read_table(path, faults)
    faults.check()
    return found


def refusal(folder: Path, name: str, data: str | bytes) -> str:
    with pytest.raises(DataError) as caught:
        table(folder, name, data)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path, end, mark):
    rows = (TableRow(2, {"a": "1", "b": "x y"}), TableRow(4, {"a": "猫", "b": '"'}))
    delimited = f'a,b{end}1,x y{end}{end}猫,""""{end}'
    expected = Table(columns=("a", "b"), rows=rows)
    assert table(tmp_path, "t.csv", mark + delimited.encode()) == expected
    assert table(tmp_path, "t.tsv", mark + delimited.replace(",", "\t").encode()) == expected
    objects = end.join(["", *(json.dumps(row.cells) for row in rows[:1]), "", "{}", ""])
    found = table(tmp_path, "t.jsonl", mark + objects.encode())
    assert found == Table(columns=("a", "b"), rows=(rows[0], TableRow(4, {})))


def test_parquet_gives_what_jsonl_gives(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"a": 1, "b": {"c": [[1.5, 2.0]]}}, {"a": None, "b": {"c": []}}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet", Faults())
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    assert found == table(tmp_path, "t.jsonl", lines)
    assert refusal(tmp_path, "t.parquet", b"PAR1 no table").startswith(
        "t.parquet: expected a Parquet table, found: "
    )


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refusal(tmp_path, "t.parquet", b"") == (
        "t.parquet: pyarrow, which reads Parquet, is not installed. "
        "Install it with pip install pyarrow, or save the table as JSONL."
    )


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.csv", "a,b\n1\n1,2,3\n", "t.csv:2: expected 2 cells, found 1."),
        ("t.csv", "a,a\n1,2\n", "t.csv:1: expected the column 'a' once, found it 2 times."),
        ("t.csv", 'a\n"open\n', "t.csv:2: expected cells separated by ',', found an error:"),
        ("t.csv", b"a\n\xff\n", "t.csv:2: expected text in UTF-8, found the byte 0xff."),
        ("t.jsonl", "{}\n[]\n", "t.jsonl:2: expected a JSON object, found '[]'."),
        ("t.jsonl", "[" * 100_000, f"t.jsonl:1: expected a JSON object, found '{'[' * 60}...'"),
        ("t.jsonl", "9" * 5000, f"t.jsonl:1: expected a JSON object, found '{'9' * 60}...'"),
    ],
)
def test_a_malformed_table_is_an_error_with_its_line(tmp_path, name, data, message):
    assert refusal(tmp_path, name, data).startswith(message)


def test_all_malformed_rows_are_told_at_once(tmp_path):
    assert len(refusal(tmp_path, "t.csv", "a,b\n1\n1,2\n3\n").splitlines()) == 2
    found = refusal(tmp_path, "t.jsonl", "x\n" * 100).splitlines()
    assert len(found) == 21
    assert found[-1] == "There may be more: only the first 20 errors are shown."


def test_a_table_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "t.csv").symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match="expected a table that can be read, found: Input/output"):
        read_table(tmp_path / "t.csv", Faults())


def test_a_missing_table_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no such table\. Check the path"):
        read_table(tmp_path / "t.csv", Faults())


@given(st.binary(max_size=300), st.sampled_from(["t.csv", "t.tsv", "t.jsonl"]))
def test_any_bytes_are_a_table_or_a_clear_error(tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("table")
    try:
        found = table(folder, name, data)
    except DataError as error:
        assert name in str(error)
    else:
        assert all(set(row.cells) <= set(found.columns) for row in found.rows)
