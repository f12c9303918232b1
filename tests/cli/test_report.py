"""`dsbuilder report` on the command line."""

import json
from pathlib import Path

import pytest


def test_a_page_is_written_and_said_where(pets: Path, call) -> None:
    built = call("build pets.yaml --workers 0")
    assert "report   out/pets/1.0.0/report.html\n" in built.stdout
    (pets / "out/pets/1.0.0/report.html").unlink()
    found = call("report out/pets")
    assert found.stdout.startswith("out/pets/1.0.0/report.html: ")
    assert (pets / "out/pets/1.0.0/report.html").is_file()
    told = json.loads(call("report out/pets --output page.html --json").stdout)
    assert told["output"] == str(pets / "page.html")
    assert told["about"] == "dataset"


def test_a_page_is_opened_in_a_browser(pets: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    call("build pets.yaml --workers 0")
    assert call("report out/pets --open").exit_code == 0
    assert opened == [(pets / "out/pets/1.0.0/report.html").as_uri()]
