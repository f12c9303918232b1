"""Calls the command line as a user does, in a folder with a few real images."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dsbuilder.cli.main import main

Call = Callable[..., Result]

PETS = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 20]}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    yield tmp_path


@pytest.fixture
def pets(folder: Path, make_images) -> Path:
    """The current folder with `source/{cat,dog}/{0..7}.png` and `pets.yaml`."""
    make_images(classes=("cat", "dog"), count=8, size=(24, 30))
    (folder / "pets.yaml").write_text(PETS)
    return folder


@pytest.fixture
def call() -> Call:
    """Calls `dsbuilder` with a line of arguments; further arguments are taken as they are."""

    def run(line: str, *more: str) -> Result:
        return CliRunner().invoke(main, [*shlex.split(line), *more])

    return run
