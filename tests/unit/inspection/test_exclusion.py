"""The list of keys to leave out: what is written is read, whatever the keys are."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.inspection import exclusion
from dsbuilder.inspection.deciding import Verdict, decide
from dsbuilder.plugin import Finding

keys = st.text(st.characters(), min_size=1, max_size=12)  # broken bytes of a name, too


@given(st.lists(keys, max_size=8, unique=True), keys)
def test_what_is_written_is_read(tmp_path_factory, some: list[str], text: str) -> None:
    path = tmp_path_factory.mktemp("a") / "exclude.txt"
    found = {key: Verdict(inspector="dark", text=text) for key in some}
    exclusion.write(path, exclusion.text_of(found, {"dark": "Brighten it."}))
    assert exclusion.read(path) == set(some)
    assert len(path.read_text().splitlines()) == (3 + 2 * len(some) if some else 1)


def test_a_key_stands_once_and_findings_of_the_whole_set_not_at_all() -> None:
    findings = {
        "dark": [Finding(key="a.png", text="too dark")],
        "leak": [Finding(key="a.png", text="in two splits"), Finding(key=None, text="the set")],
        "blurred": [Finding(key="#b", text="two\nlines")],
    }
    advice = {"dark": "Brighten it.", "leak": "Move it.", "blurred": "Take another."}
    assert exclusion.text_of(decide(findings, {}), advice) == (
        "# Keys to leave out of a build: build.exclude, or dsbuilder build --exclude FILE.\n\n"
        "# dark (1): Brighten it.\n# too dark\na.png\n\n"
        '# blurred (1): Take another.\n# two lines\n"#b"\n'
    )


def test_lists_written_by_hand_with_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "exclude.txt"
    path.write_bytes("\ufeff# mine\r\ncat/1.jpg\r\n\r\n狗/2.jpg\r\n".encode())
    assert exclusion.read(path) == {"cat/1.jpg", "狗/2.jpg"}


def test_wrong_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.txt: the list of keys .* Check the path"):
        exclusion.read(tmp_path / "none.txt")
    path = tmp_path / "wrong.txt"
    path.write_text('a\n"b\n')
    with pytest.raises(DataError, match=r"wrong.txt:2: expected a key in quotes"):
        exclusion.read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8"):
        exclusion.read(path)
