"""What was found of a class of albumentations is kept: the same answers, and no import."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from albumentations_classes import OPTIONS, REFERENCED, USED

from dsbuilder import load
from dsbuilder.builtin.transforms import albumentations_facts as facts
from dsbuilder.builtin.transforms.albumentations import Albumentations
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    ImageSignature,
    Keypoints,
    Mask,
    PluginError,
    Signature,
    Target,
)
from dsbuilder.workers import cores

SLOW = {"PiecewiseAffine", "Superpixels"}
NAMES = ("a", "b")
KINDS: tuple[dict[str, Target], ...] = (
    {"label": ClassLabel(names=NAMES)},
    {"boxes": Boxes(names=NAMES)},
    {"mask": Mask(names=NAMES), "points": Keypoints(names=NAMES)},
)
PIPELINE = """
name: pets
source: {use: folder, path: images}
augment:
  copies: 1
  stages: [{use: A.HorizontalFlip}, {use: A.Affine, scale: [0.5, 1.2], p: 0.7}]
finish: [{use: A.Resize, height: 24, width: 30}]
cache: {codec: npy}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where facts are kept in a test: nothing is known at its start."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    facts._facts.cache_clear()
    yield tmp_path / "cache" / "dsbuilder" / "albumentations"
    facts._facts.cache_clear()


def found(member: str) -> dict[str, Any]:
    """All that is asked of a stage where a pipeline is checked."""
    plugin = Albumentations(member=member, options=OPTIONS.get(member, {}))
    after: list[Any] = []
    for targets in KINDS:
        image = ImageSignature(height=50, width=None, channels=3, within=(60, 60))
        signature = Signature(image=image, targets=targets)
        try:
            after.append((plugin.output_signature(signature), plugin.notes(signature)))
        except (ValueError, PluginError) as error:
            after.append(str(error))
    return {
        "geometry": plugin.geometry,
        "moves": plugin.moves,
        "default_p": plugin.default_p,
        "shrinks_to": [plugin.shrinks_to(*size) for size in ((100, 200), (31, 17))],
        "after": after,
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("member", sorted(set(USED) - set(REFERENCED) - SLOW))
def test_what_is_kept_is_what_is_found(member: str, folder: Path) -> None:
    first = found(member)
    assert len(list(folder.glob("*.json"))) == 1
    facts._facts.cache_clear()
    assert found(member) == first


def checked(home: Path, *verb: str) -> tuple[str, bool]:
    """What a verb prints in a process of its own, and whether that imported albumentations."""
    code = (
        "import sys; from dsbuilder.cli.main import main\n"
        "try: main()\n"
        "finally: print('albumentations' in sys.modules, file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, *verb],
        cwd=home,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout, told.stderr.split()[-1] == "True"


@pytest.fixture
def home(tmp_path: Path, make_images: Any) -> Path:
    make_images("images")
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


def test_a_pipeline_that_is_known_is_checked_without_the_import(home: Path) -> None:
    first, imported = checked(home, "check", "p.yaml")
    assert imported
    again, imported = checked(home, "check", "p.yaml")
    assert not imported
    assert again == first
    (home / "p.yaml").write_text(PIPELINE.replace("0.5, 1.2", "0.5, 1.3"), encoding="utf-8")
    assert checked(home, "check", "p.yaml")[1]  # other options are another thing


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_build_of_what_is_known_has_the_same_bytes(home: Path, workers: str) -> None:
    for out in ("one", "two"):
        checked(home, "build", "p.yaml", "--out", out, "--workers", workers)
    one, two = (load(home / out / "pets").path.resolve() for out in ("one", "two"))
    assert (one / "SHA256SUMS").read_text() == (two / "SHA256SUMS").read_text()


@pytest.mark.skipif(cores() < 2, reason="a worker needs a core of its own")
def test_a_worker_imports_for_the_few_samples_that_are_to_be_made(home: Path) -> None:
    checked(home, "build", "p.yaml")
    changed = home / "images" / "cat" / "3.png"
    changed.write_bytes((home / "images" / "owl" / "2.png").read_bytes())
    _, imported = checked(home, "build", "p.yaml")
    assert not imported
    checked(home, "build", "p.yaml", "--out", "anew")
    known = (load(home / out / "pets").path / "SHA256SUMS" for out in ("out", "anew"))
    one, other = (path.read_text(encoding="utf-8") for path in known)
    assert one == other


def test_another_version_asks_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found("HorizontalFlip")
    facts._facts.cache_clear()
    monkeypatch.setattr(facts, "_basis", lambda: ("another",))
    found("HorizontalFlip")
    assert len(list(folder.iterdir())) == 2


def test_what_is_refused_is_refused_again(folder: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="unknown option 'angle'"):
            Albumentations(member="HorizontalFlip", options={"angle": 3})
        facts._facts.cache_clear()
    assert not folder.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"', "[" * 5000])
def test_a_damaged_file_is_found_anew(folder: Path, text: str) -> None:
    first = found("Affine")
    (path,) = folder.iterdir()
    whole = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    facts._facts.cache_clear()
    assert found("Affine") == first
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(whole)


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    assert found("Affine")["geometry"] == "moves"


def test_reference_images_are_looked_at_every_time(folder: Path, make_images: Any) -> None:
    image = next(make_images("images").rglob("*.png"))
    plugin = Albumentations(member="FDA", options={"reference_images": [str(image.absolute())]})
    assert plugin.geometry == "fixed"
    assert not folder.exists()


def test_room_is_made_for_new_facts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_MOST_FILES", 8)
    for height in range(1, 12):
        _ = Albumentations(member="Resize", options={"height": height, "width": 9}).geometry
    assert 4 <= len(list(folder.iterdir())) <= 8
