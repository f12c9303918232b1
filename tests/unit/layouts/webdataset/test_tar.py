"""Tar archives: the same members as Python's tarfile finds, and no end that is none."""

import io
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.webdataset import tar

FORMS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=40)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=5)


def written(
    path: Path, files: dict[str, bytes], form: str = "pax", **more: tarfile.TarInfo
) -> Path:
    with tarfile.open(path, "w", format=FORMS[form]) as archive:
        for member in more.values():
            archive.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "elsewhere"
    return member


@given(
    files=st.dictionaries(PATHS.map("/".join), st.binary(max_size=1100)),
    form=st.sampled_from(["gnu", "pax"]),
)
def test_members_are_those_that_tarfile_finds(tmp_path_factory, files, form: str) -> None:
    path = written(tmp_path_factory.getbasetemp() / "a.tar", files, form)
    with tarfile.open(path, "r:") as archive:
        theirs = [(each.name, each.offset_data, each.size) for each in archive]
    assert [(each.name, each.offset, each.size) for each in tar.members(path)] == theirs
    found = {each.name: tar.content(path, each.offset, each.size) for each in tar.members(path)}
    assert found == files


def test_long_names_of_every_form_are_whole(tmp_path: Path) -> None:
    name = "/".join(["folder" * 10] * 3) + "/file.png"
    for form in FORMS:
        path = written(tmp_path / f"{form}.tar", {name: b"x"}, form)
        assert [each.name for each in tar.members(path)] == [name]


def test_what_is_no_file_is_told_by_its_kind(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.tar",
        {"f": b"12"},
        one=special("folder", tarfile.DIRTYPE),
        two=special("link", tarfile.SYMTYPE),
        three=special("pipe", tarfile.FIFOTYPE),
        four=special("hard", tarfile.LNKTYPE),
    )
    found = {each.name: each.kind for each in tar.members(path)}
    assert found == {
        "folder/": "folders",
        "link": "links",
        "pipe": "devices",
        "hard": "links",
        "f": "files",
    }


def changed(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


FILES = {"a.png": b"x" * 600, "b.png": b"y" * 10}
SECOND = 512 + 1024


def damaged_and_cut(path: Path) -> bytes:
    changed(path, SECOND, b"B")
    return path.read_bytes()[: SECOND + 1024]


THREE = {"a.png": b"x" * 600, "b.png": b"y" * 10, f"{'c' * 60}/{'d' * 60}.png": b"z" * 2000}


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    ("place", "data", "message", "left"),
    [
        (0, b"B", "byte 0: expected the header of a file in a tar archive, or its end", [1, 2]),
        (148, b"9" * 7, "no number but b'9999999'", [1, 2]),
        (SECOND, bytes(512), f"byte {SECOND}: .*found an end with more behind it", [0, 2]),
        (SECOND + 5, b"\xff", "another sum of its bytes", [0, 2]),
    ],
)
def test_what_follows_a_damaged_header_is_read(
    tmp_path: Path, form: str, place: int, data: bytes, message: str, left: list[int]
) -> None:
    path = written(tmp_path / "a.tar", THREE, form)
    whole = list(tar.members(path))
    changed(path, place, data)
    found = list(tar.members(path))
    (damage,) = [each for each in found if each.kind == "damage"]
    assert re.search(message, damage.name)
    assert [each for each in found if each.kind == "files"] == [whole[n] for n in left]


def test_the_last_header_may_be_damaged_where_an_end_follows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", FILES, "gnu")
    changed(path, SECOND, b"B")
    assert [each.kind for each in tar.members(path)] == ["files", "damage"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:700]), "a file of 600 bytes, so that it"),
        (lambda path: path.write_bytes(path.read_bytes()[: SECOND + 100]), "100 bytes, so that"),
        (lambda path: path.write_bytes(path.read_bytes()[:SECOND]), "found 0 bytes, so that it"),
        (lambda path: path.write_bytes(b""), "byte 0: expected the header of a file"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08" + bytes(600)), "packed with gzip: unpack"),
        (lambda path: path.write_bytes(b"no tar" * 200), "found no number but b'arno tar'"),
        (lambda path: path.write_bytes(b"7" * 600), "another sum of its bytes"),
        (lambda path: path.write_bytes(b"7" * 600 + bytes(2048)), "another sum of its bytes"),
        (lambda path: path.write_bytes(damaged_and_cut(path)), "another sum of its bytes"),
        (lambda path: path.unlink(), "the file cannot be read"),
    ],
)
def test_a_damaged_archive_is_an_error_and_no_end(tmp_path: Path, damage, message: str) -> None:
    path = written(tmp_path / "a.tar", FILES, "gnu")
    damage(path)
    with pytest.raises(DataError, match=re.escape(message)) as error:
        list(tar.members(path))
    assert str(error.value).startswith(str(path))


def test_a_file_that_shrank_since_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", FILES)
    *_, last = tar.members(path)
    path.write_bytes(path.read_bytes()[: last.offset + 3])
    with pytest.raises(DataError, match="expected 10 bytes, found 3: the file was changed"):
        tar.content(path, last.offset, last.size)


@given(data=st.data(), form=st.sampled_from(sorted(FORMS)))
def test_a_changed_archive_is_read_as_it_stands_or_an_error(tmp_path_factory, data, form) -> None:
    path = written(tmp_path_factory.getbasetemp() / "changed.tar", {**FILES, "é" * 30: b"z"}, form)
    size = path.stat().st_size
    for _ in range(data.draw(st.integers(1, 3))):
        changed(path, data.draw(st.integers(0, size - 1)), data.draw(st.binary(max_size=3)))
    try:
        found = list(tar.members(path))
    except DataError as error:
        assert str(path) in str(error)
        return
    assert all(each.offset + each.size <= path.stat().st_size for each in found)
    files = [each for each in found if each.kind != "damage"]
    assert len(files) == 3 or len(files) < len(found)
