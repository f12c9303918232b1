"""Messages that point to documents say where they lie."""

from pathlib import Path

import pytest

from dsbuilder import documents


def test_in_a_checkout_they_lie_beside_the_package() -> None:
    assert documents.folder() == Path(__file__).parents[2]


def test_an_installation_has_them_where_it_has_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "__file__", str(tmp_path / "lib/dsbuilder/documents.py"))
    monkeypatch.setattr(documents.sysconfig, "get_path", lambda name: str(tmp_path / name))
    monkeypatch.setattr(documents.site, "getuserbase", lambda: str(tmp_path / "user"))
    assert documents.folder() is None
    for prefix in ("user", "data"):
        page = tmp_path / prefix / "share/doc/dsbuilder" / documents.REFERENCE
        page.parent.mkdir(parents=True)
        page.touch()
        assert documents.folder() == tmp_path / prefix / "share/doc/dsbuilder"
