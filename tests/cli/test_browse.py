"""`dsbuilder browse` on the command line."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest


def test_a_dataset_is_served_until_it_is_interrupted(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    command = [sys.executable, "-m", "dsbuilder", "browse", "out/pets", "--no-open", "--json"]
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        command,
        cwd=pets,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        # Who runs in the background of a shell is given it ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as served:
        try:
            assert served.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                text += served.stdout.readline()
            told = json.loads(text)
            with urllib.request.urlopen(told["url"], timeout=30) as answer:
                assert "cat/" in answer.read().decode()
            served.send_signal(signal.SIGINT)
            assert served.wait(timeout=30) == 0
            assert served.stderr is not None and served.stderr.read() == ""
        finally:
            served.kill()
    assert told["exclude"] == "pets-exclude.txt"


def test_its_address_is_opened_in_a_browser(
    pets: Path, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("build pets.yaml --workers 0")
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    monkeypatch.setattr("dsbuilder.actions.browse.BrowserServer.serve", lambda _: None)
    found = call("browse out/pets")
    assert found.exit_code == 0 and opened[0] in found.stdout
    assert call("browse out/pets --count 3").exit_code == 2


def test_a_pipeline_is_shown_as_it_was_built_or_as_it_would_be(
    pets: Path, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []
    monkeypatch.setattr("click.launch", lambda url: None)
    monkeypatch.setattr(
        "dsbuilder.actions.browse.BrowserServer.serve",
        lambda server: pages.append(server.page(f"/{server.token}/") or ""),
    )
    before = sorted(pets.rglob("*"))
    assert call("browse pets.yaml --count 2").exit_code == 0
    assert sorted(pets.rglob("*")) == before, "nothing is built, and nothing is left"
    call("build pets.yaml --workers 0")
    assert call("browse pets.yaml").exit_code == 0
    assert call("browse pets.yaml --set seed=99").exit_code == 0
    unbuilt, built, changed = pages
    assert "Not built yet: " in unbuilt and "cat/" in unbuilt
    assert "Not built yet" not in built
    assert "out/pets/1.0.0 was built before the pipeline was changed." in changed
