"""The command line as a whole: help, loading, errors as JSON, exit codes, completion."""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

import dsbuilder.cli
from dsbuilder.cli import main as entry
from dsbuilder.cli.main import VERBS, main
from dsbuilder.errors import DataError

CLI = Path(dsbuilder.cli.__file__).parent
NAMES = [verb.replace("-", "_") for verb in VERBS]


def run(*args: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dsbuilder", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_every_verb_has_a_module_and_the_help_of_the_table() -> None:
    context = click.Context(main)
    for name, text in VERBS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str(200).rstrip(".") == text.rstrip(".")


def test_help_lists_every_verb_and_imports_none(call) -> None:
    shown = call("--help").stdout
    assert all(f"\n  {name} " in shown for name in VERBS)
    code = (
        "import sys\nfrom dsbuilder.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "loaded = set(sys.modules)\n"
        "assert not {'numpy', 'PIL', 'cv2', 'rich', 'tensorflow', 'keras'} & loaded\n"
        f"assert not {{f'dsbuilder.cli.{{verb}}' for verb in {NAMES!r}}} & loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_nothing_heavy(verb: str) -> None:
    code = (
        "import sys\nfrom dsbuilder.cli.main import main\n"
        f"try:\n    main([{verb!r}, '--help'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert not {'numpy', 'PIL', 'cv2', 'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    before = os.times().children_user
    began_s = time.monotonic()
    result = run("--help")
    assert result.returncode == 0
    with capsys.disabled():  # noted, not asserted: other work may hold the machine
        user_s = os.times().children_user - before
        print(f" [--help: {user_s:.2f} s user, {time.monotonic() - began_s:.2f} s in all] ", end="")


def test_the_version_is_the_package_s(call) -> None:
    assert call("--version").stdout == "dsbuilder 0.1.0\n"


def test_nothing_asked_for_shows_the_help(call) -> None:
    result = call("")
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: dsbuilder [OPTIONS] VERB ...")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "biuld x",
            "error: unknown verb 'biuld'. Did you mean 'build'?\n"
            "Usage: dsbuilder [OPTIONS] VERB ...\n`dsbuilder --help` says more.\n",
        ),
        (
            "build x --worker 3",
            "error: No such option '--worker'. Did you mean '--workers'?\n"
            "Usage: dsbuilder build [OPTIONS] PIPELINE\n`dsbuilder build --help` says more.\n",
        ),
        (
            "build",
            "error: Missing argument 'PIPELINE'.\n"
            "Usage: dsbuilder build [OPTIONS] PIPELINE\n`dsbuilder build --help` says more.\n",
        ),
        (
            "build x --workers -1",
            "error: Invalid value for '--workers': -1 is not in the range x>=0.\n"
            "Usage: dsbuilder build [OPTIONS] PIPELINE\n`dsbuilder build --help` says more.\n",
        ),
    ],
)
def test_a_wrong_command_line_exits_with_2(line: str, message: str, call) -> None:
    result = call(line)
    assert (result.stderr, result.stdout, result.exit_code) == (message, "", 2)


@pytest.mark.parametrize(
    ("line", "code", "kind", "problems"),
    [
        ("biuld --json", 2, "UsageError", 0),
        ("build x --worker 3 --json", 2, "NoSuchOption", 0),
        ("check wrong.yaml --json", 2, "SpecError", 3),
        ("info nowhere --json", 1, "CacheError", 0),
    ],
)
def test_errors_are_one_json_document(
    line: str, code: int, kind: str, problems: int, folder: Path, call
) -> None:
    (folder / "wrong.yaml").write_text("name: 3\nseed: x\nsorce: 3\n")
    result = call(line)
    assert result.stderr == ""
    assert result.exit_code == code
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == kind
    assert error["message"]
    assert len(error["problems"]) == problems
    assert all(set(each) == {"where", "message"} for each in error["problems"])


def raising(error: BaseException) -> click.Command:
    def verb() -> None:
        raise error

    return click.Command("check", callback=verb)


@pytest.fixture
def check_raises(monkeypatch: pytest.MonkeyPatch):
    """Puts a verb that raises in the place of `check`."""

    def put(error: BaseException) -> None:
        command = raising(error)
        monkeypatch.setattr(entry.Verbs, "get_command", lambda self, ctx, name: command)

    return put


def test_an_interrupt_exits_with_130_and_says_what_is_kept(check_raises, call) -> None:
    error = KeyboardInterrupt()
    error.add_note("Finished shards are kept.")
    check_raises(error)
    result = call("check")
    assert result.exit_code == 130
    assert result.stderr.strip() == "error: interrupted. Finished shards are kept."


def test_an_error_raised_on_purpose_shows_no_traceback(check_raises, call) -> None:
    check_raises(DataError("a: expected b, found c. Do d."))
    result = call("check")
    assert (result.exit_code, result.stderr) == (1, "error: a: expected b, found c. Do d.\n")


def test_an_unforeseen_exception_shows_traceback_and_notes(check_raises, call) -> None:
    error = ValueError("what a plugin said")
    error.add_note("stage: augment/mine")
    check_raises(error)
    result = call("check")
    assert result.exit_code == 1
    first, *_, notes, last, hint = result.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert "test_main.py" in result.stderr
    assert "click" not in result.stderr
    assert notes == "stage: augment/mine"
    assert last == "error: unforeseen ValueError: what a plugin said"
    assert hint.startswith("error: The traceback ends where it was raised")


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m dsbuilder plugins list --json | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("{\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(shell: str, call) -> None:
    script = call(f"completion {shell}").stdout
    assert f"_DSBUILDER_COMPLETE={shell}_complete" in script
    assert json.loads(call(f"completion {shell} --json").stdout)["script"] in script


def complete(line: str) -> list[str]:
    words = line.split(" ")
    environment = {
        **os.environ,
        "_DSBUILDER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    shown = run(env=environment).stdout.splitlines()
    return [each.partition(",")[2] for each in shown]


@pytest.mark.slow
def test_a_shell_completes_verbs_options_and_plugin_names(folder: Path) -> None:
    assert complete("dsbuilder p") == ["preview", "plan", "predict", "params", "plugins"]
    assert complete("dsbuilder build --wor") == ["--workers"]
    assert complete("dsbuilder plugins list --kind s") == ["source", "synthesizer", "schedule"]
    assert complete("dsbuilder plugins show mix") == ["mixup"]
    assert "A.HorizontalFlip" in complete("dsbuilder plugins show A.Hor")


def test_only_the_command_line_knows_click() -> None:
    for path in CLI.parent.rglob("*.py"):
        if CLI in path.parents:
            continue
        names = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        assert "click" not in names, path
