"""`keys.csv`: what is written is read, what is derived becomes a key that a source may give."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts import keys

NAMES = st.text(st.characters(exclude_characters="/\\\0", codec="utf-8"), min_size=1, max_size=8)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DERIVED = st.one_of(
    PATHS,
    st.tuples(PATHS, st.integers(1, 3)).map(lambda each: f"{each[0]}//copy-{each[1]}"),
    PATHS.map(lambda path: f"/{path}"),
)


def table(folder: Path, text: str) -> Path:
    (folder / keys.TABLE).write_text(text, encoding="utf-8", newline="")
    return folder


@given(st.lists(DERIVED, unique=True, max_size=20))
def test_different_keys_stay_different_and_those_of_a_source_as_they_are(found: list[str]) -> None:
    made = keys.of_source(found)
    assert made.keys() == set(found)
    assert len(set(made.values())) == len(found)
    for key, given_key in made.items():
        assert keys.fault(given_key) is None
        assert given_key == key or keys.fault(key) is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exported")
    for number in range(20):
        (root / f"{number}.png").touch()
    return root


@given(st.lists(DERIVED, unique=True, min_size=1, max_size=20))
def test_what_is_written_is_read(folder: Path, found: list[str]) -> None:
    written = {f"{number}.png": key for number, key in enumerate(found)}
    keys.write(folder, written)
    read = keys.read(folder)
    made = keys.of_source(found)
    assert {path: read.key(path) for path in written} == {
        path: made[key] for path, key in written.items()
    }
    grouped = any("//" in key for key in found)
    for one, key in written.items():
        for other, another in written.items():
            same = key.partition("//")[0] == another.partition("//")[0]
            assert not grouped or (read.group(one) == read.group(other)) == same
        assert grouped or read.group(one) is None


def test_no_table_is_written_where_every_path_is_the_key(tmp_path: Path) -> None:
    keys.write(tmp_path, {"a.png": "a.png", "b/c.png": "b/c.png"})
    assert not list(tmp_path.iterdir())
    assert keys.read(tmp_path) == keys.Keys()


def test_a_file_without_a_line_has_its_path_for_key_and_group(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    read = keys.read(table(tmp_path, "file,key\na.png,b.png//copy-1\n"))
    assert (read.key("a.png"), read.group("a.png")) == ("b.png@copy-1", "b.png")
    assert (read.key("new.png"), read.group("new.png")) == ("new.png", "new.png")


def test_a_mark_that_a_key_has_already_is_doubled() -> None:
    found = ["a.png//copy-1", "a.png@copy-1", "a.png"]
    assert [keys.of_source(found)[key] for key in found] == [
        "a.png@@copy-1",
        "a.png@copy-1",
        "a.png",
    ]


@pytest.mark.parametrize("head", ["file,key", "\ufefffile,key", '"file","key"', "file, key"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_program_may_have_saved_it(tmp_path: Path, head: str, end: str) -> None:
    (tmp_path / "猫 1.png").touch()
    read = keys.read(table(tmp_path, f'{head}{end}猫 1.png,"x ""y"", z"{end}'))
    assert read.key("猫 1.png") == 'x "y", z'


@pytest.mark.parametrize("text", ["", "id,name\n1,2\n", "file,key,more\na,b,c\n", "\x80\n"])
def test_a_file_of_other_columns_is_another_file(tmp_path: Path, text: str) -> None:
    assert keys.read(table(tmp_path, text)) == keys.Keys()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("b.png,x\n", "2: expected a file below .*, found no 'b.png'. Correct the line or remove"),
        ("../a.png,x\n", "2: expected a path without '..', found '../a.png'"),
        ("/a.png,x\n", "2: expected a relative path, found the absolute '/a.png'"),
        ("out.png,x\n", "2: expected a file below .*, found 'out.png', which links to"),
        (",x\n", "2: expected a path in UTF-8, found ''"),
        ("a.png,x\na.png,y\n", "3: expected every file once, found 'a.png' as in line 2"),
        ("a.png,x\nc.png,x\n", "3: expected every key once, found 'x' as in line 2"),
        ("a.png,\n", "2: expected a key, found an empty one. Correct the line"),
        ("a.png,x\\y\n", "2: expected a key, found a backslash in it"),
        ("a.png,x/\n", "2: expected a key, found a slash at its end"),
        ("a.png,x,y\n", "2: expected 2 cells, found 3"),
        ('a.png,"x\n', "2: expected cells separated by ','"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, lines: str, told: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.png").touch()
    for name in ("a.png", "c.png"):
        (tmp_path / "in" / name).touch()
    (tmp_path / "in" / "out.png").symlink_to(tmp_path / "secret.png")
    root = table(tmp_path / "in", "file,key\n" + lines)
    with pytest.raises(DataError, match=f"keys.csv:{told}"):
        keys.read(root)


def test_groups_are_there_where_samples_derive_from_one() -> None:
    assert keys.with_groups(["a.png", "b.png"]) == [("a.png", None), ("b.png", None)]
    found = keys.with_groups(["a.png//copy-1", "a.png", "/made/1", "a.png@copy-1"])
    assert found == [
        ("a.png@@copy-1", "a.png"),
        ("a.png", "a.png"),
        ("@made/1", "@made/1"),
        ("a.png@copy-1", "a.png@copy-1"),
    ]
