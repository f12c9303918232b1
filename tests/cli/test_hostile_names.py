"""What names of somebody else do to a terminal: nothing, in any verb, as text and as JSON."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import dsbuilder
from dsbuilder.cli.main import VERBS, main
from dsbuilder.cli.screen import harmless

UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)
FORGED = "forged: line"
CLASS = "cat\x1b[2J\u202etac"
FILE = f"0\x1b]0;owned\x07\x9b31m\u2066\n{FORGED}.png"
NAMED = "p\x1b[31m\u202e.yaml"

WITHOUT_DATA = {"completion", "doctor", "plugins", "schema"}
TRAINING = {
    "train",
    "bench",
    "diagnose",
    "suspects",
    "evaluate",
    "predict",
    "runs",
    "export-model",
    "params",
    "tune",
    "synth",
    "ablate",
}
"""Those that learn, or ask what was learnt: slow."""
LONG = {"suspects", "diagnose", "tune", "synth", "ablate"}
"""Asked once, as text."""


@pytest.fixture
def pets(make_images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a hostile class and file, and a pipeline of a hostile name over it."""
    make_images(classes=(CLASS, "dog"), count=6)
    (tmp_path / "source" / CLASS / "0.png").rename(tmp_path / "source" / CLASS / FILE)
    (tmp_path / "source" / CLASS / f"broken{FILE}").write_bytes(b"no image")
    (tmp_path / NAMED).write_text(
        "name: pets\nsource: {use: folder, path: source}\nsplit: {train: 0.5, test: 0.5}\n"
        "inspect: {corrupt: warn, exact_duplicate: warn}\nbuild: {max_quarantined: 5}\n"
        "finish: [{use: resize, size: [8, 8]}]\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    for stream in (result.stdout, result.stderr):
        assert not UNSAFE.search(stream), (words, UNSAFE.search(stream), stream)
        assert not [line for line in stream.splitlines() if line.lstrip().startswith(FORGED)], words
    if "--json" in words:
        json.loads(result.stdout)
    assert "Traceback" not in result.stderr, result.stderr
    return result


def test_no_verb_lets_a_name_control_the_terminal(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsbuilder.actions.browse.BrowserServer.serve", lambda _: None)
    built = call("build", NAMED, "--workers", 0)
    assert built.exit_code == 0, built.stderr
    assert "\\x1b" in built.stderr + built.stdout
    dataset = pets / "out/pets/1.0.0"
    summed = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(summed, cwd=dataset, check=False).returncode == 0
    key = next(
        each.key
        for split in ("train", "test")
        for _, each in dsbuilder.load(dataset).entries(split)
        if each.key.endswith(FILE)
    )
    calls: dict[str, tuple[object, ...]] = {
        "init": ("init", "source", "--output", "\x1b[1mnew.yaml"),
        "check": ("check", NAMED),
        "inspect": ("inspect", NAMED, "--workers", 0),
        "preview": ("preview", NAMED, "--output", "\u202esheet.png"),
        "plan": ("plan", NAMED),
        "build": ("build", NAMED, "--workers", 0),
        "info": ("info", dataset),
        "report": ("report", dataset),
        "browse": ("browse", dataset, "--no-open", "--exclude", "\u202eout.txt"),
        "verify": ("verify", dataset),
        "explain": ("explain", dataset, key, "--output", "\u202ekey.png"),
        "replay": ("replay", dataset, key),
        "diff": ("diff", dataset, dataset),
        "card": ("card", dataset),
        "clean": ("clean", "out/pets"),
        "export": ("export", dataset, "--to", "folder", "--out", "\x1b[5mexported"),
    }
    assert set(calls) | TRAINING | WITHOUT_DATA == set(VERBS)
    for words in calls.values():
        assert call(*words).exit_code == 0, words
        if words[0] in ("init", "export"):
            shutil.rmtree(pets / "\x1b[5mexported", ignore_errors=True)
            (pets / "\x1b[1mnew.yaml").unlink(missing_ok=True)
        assert call(*words, "--json").exit_code == 0, words


@pytest.mark.slow
def test_no_verb_that_learns_lets_a_name_control_the_terminal(pets: Path) -> None:
    pytest.importorskip("tensorflow")
    for number in range(40):
        label = (CLASS, "dog")[number % 2]
        shutil.copy(pets / f"source/{label}/1.png", pets / f"source/{label}/more {number}{FILE}")
    text = (pets / NAMED).read_text().replace("test: 0.5", "validation: 0.25, test: 0.25")
    train = "train: {model: {use: mlp, width: 2, depth: 1}, epochs: 1, batch_size: 4}\n"
    tune = "tune: {train.model.width: [1, 3]}\n"
    stages = 'augment: {copies: 1, stages: [{use: A.Blur, name: "\\e[31m\\u202eblur"}]}\n'
    (pets / NAMED).write_text(text + train + tune + stages)
    run, pictures = "runs/\x1b[1mmine", f"source/{CLASS}"
    calls: dict[str, tuple[object, ...]] = {
        "train": ("train", NAMED, "--workers", 0, "--run", run),
        "bench": ("bench", "out/pets", "--seconds", 0.05, "--workers", 0),
        "evaluate": ("evaluate", run, "--mistakes", "\u202emistakes"),
        "predict": ("predict", run, pictures, "--top", 2),
        "runs": ("runs", "runs"),
        "params": ("params", run, "--values", "\x1b[5mvalues.txt"),
        "export-model": ("export-model", run, "--to", "keras", "--overwrite"),
        "suspects": ("suspects", NAMED, "--workers", 0, "--folds", 3, "--sheet", "\u202es.png"),
        "diagnose": ("diagnose", NAMED, "--workers", 0, "--seeds", 2, "--shares", 2),
        "tune": ("tune", NAMED, "--workers", 0, "--trials", 4, "--seeds", 2),
        "synth": ("synth", "train", NAMED, "--workers", 0, "--gan", "cgan", "--epochs", 1),
        "ablate": ("ablate", NAMED, "--workers", 0, "--seeds", 2),
    }
    assert set(calls) == TRAINING
    for verb, words in calls.items():
        expected = 1 if verb == "predict" else 0  # one image is none
        plain = call(*words)
        assert plain.exit_code == expected, plain.stderr
        if verb == "train":
            shutil.rmtree(pets / run)
        if verb not in LONG:
            assert call(*words, "--json").exit_code == expected, words


@pytest.mark.parametrize("verb", sorted(set(VERBS) - WITHOUT_DATA))
def test_errors_about_hostile_names_are_escaped(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    more = {
        "explain": ["key"],
        "replay": ["key"],
        "diff": [NAMED],
        "predict": [FILE],
        "export-model": ["--to", "keras"],
    }
    words = [verb, NAMED, *more.get(verb, [])]
    if verb == "synth":
        words = [verb, "sample", NAMED, "--count", "2", "--output", "x"]
    if verb == "export":
        words += ["--to", "\x1b[2Jfolder", "--out", "x"]
    for form in ([], ["--json"]):
        assert call(*words, *form).exit_code in (1, 2)


def test_a_traceback_of_a_plugin_and_a_broken_file_of_plugins_are_escaped(pets: Path) -> None:
    (pets / "plugins").mkdir()
    (pets / "plugins/bad.py").write_text("raise RuntimeError('\\x1b[2J\\u202e')")
    assert "\\x1b[2J\\u202e" in call("plugins", "list").stdout
    call("plugins", "list", "--json")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("猫 é\t.\n", "猫 é\t.\n"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a letter that Persian needs
        ("\x1b[2J\r\x9b", r"\x1b[2J\r\x9b"),
        ("a\u202eb\u2066\u200f", r"a\u202eb\u2066\u200f"),
        ("\udc80\u2028\U000e0041", r"\x80\u2028\U000e0041"),
    ],
)
def test_what_controls_a_terminal_is_escaped_and_letters_are_not(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_all_of_the_command_line_prints_through_the_screen() -> None:
    folder = Path(dsbuilder.__file__).parent / "cli"
    called: Callable[[Path], bool] = lambda path: bool(  # noqa: E731 - one line for one question
        re.search(
            r"(?<!progress\.console\.)\b(click\.s?echo|print|sys\.std\w+\.write)\(",
            path.read_text("utf-8"),
        )
    )
    assert [path.name for path in folder.glob("*.py") if called(path)] == ["screen.py"]
