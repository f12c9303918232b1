"""Someone who knows nothing of the tool comes from a folder of pictures to a model and its report.

Every command but the first is the last one that the command before names, and the first is named
by `dsbuilder` alone. Once on a terminal, once without.
"""

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "dsbuilder"]


def pictures(folder: Path) -> None:
    """Makes a folder of 60 pictures as a camera calls them, a folder each of five classes."""
    for home in sorted((ROOT / "samples/emoji").iterdir()):
        for number, path in enumerate(sorted(home.glob("*.png"))[:12]):
            with Image.open(path) as image:
                drawn = image.convert("RGBA").resize((160, 160))
            ground = Image.new("RGBA", (200, 180), (230, 235, 225 - number, 255))
            ground.alpha_composite(drawn, (20, 10))
            (folder / home.name).mkdir(parents=True, exist_ok=True)
            ground.convert("RGB").save(folder / home.name / f"IMG_{number:04}.jpg")


def on_a_terminal(words: list[str]) -> str:
    """Runs a command whose output is a terminal, and returns what it shows, without colors."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode(errors="replace"))
    assert process.returncode in (0, 2), text  # 2 of `dsbuilder` alone
    return text.replace("\r\n", "\n")


def without_a_terminal(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 2), done.stderr
    return done.stdout + done.stderr


def last_named(text: str) -> list[str]:
    """Returns the words of the last command that a verb names at its end."""
    named = re.findall(r"^(?:next: |      )dsbuilder (.+)$", text, re.MULTILINE)
    return shlex.split(named[-1])


@pytest.mark.slow
@pytest.mark.parametrize("run", [on_a_terminal, without_a_terminal])
def test_three_commands_lead_from_a_folder_to_a_model_and_its_report(
    run: Callable[[list[str]], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "100")
    pictures(tmp_path / "photos")
    begun = " ".join(run(PROGRAM).split())
    assert "From a folder to a trained model: `dsbuilder init FOLDER`" in begun
    told, typed = ["init", "photos"], []
    while told[0] != "predict":
        typed.append(told[0])
        assert len(typed) <= 5, typed
        said = run([*PROGRAM, *told])
        told = last_named(said)
    assert typed == ["init", "build", "train"]
    assert re.search(r"^report +runs/photos-1/report\.html *$", said, re.MULTILINE)
    page = (tmp_path / "runs/photos-1/report.html").read_text(encoding="utf-8")
    assert "photos" in page
    assert told == ["predict", "runs/photos-1", "IMAGE"]
    answered = run([*PROGRAM, *told[:-1], "photos/vehicle/IMG_0000.jpg"])
    assert re.search(r"IMG_0000\.jpg +\w+ [01]\.\d{3}", answered), answered
