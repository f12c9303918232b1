"""`dsbuilder inspect`: what it prints, what it writes, and what a build takes of it."""

import json
from pathlib import Path

import pytest
from PIL import Image

ADVICE = "Download or copy the file again, or leave it out."
ONLY = "--only truncated --only exact_duplicate --only empty_class"


@pytest.fixture
def faulty(pets: Path) -> Path:
    """Pets, of which one ends early and one is there twice."""
    path = pets / "source/cat/3.png"
    path.write_bytes(path.read_bytes()[:300])
    (pets / "source/dog/99.png").write_bytes((pets / "source/dog/4.png").read_bytes())
    return pets


def test_inspect_shows_each_finding_with_examples_and_advice(faulty: Path, call) -> None:
    result = call(f"inspect pets.yaml {ONLY}")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        "finding          count  examples, and what to do\n"
        "exact_duplicate      1  dog/99.png: the same pixels as dog/4.png\n"
        "                        -> Keep one of them and leave the others out.\n"
        "truncated            1  cat/3.png: the file ends early, after 300 bytes\n"
        f"                        -> {ADVICE}\n"
        "\n"
        "nothing found: empty_class\n"
        "2 of 17 records have a finding.\n"
        "\n"
        "next: dsbuilder inspect pets.yaml --sheet findings.png --exclude findings.txt\n"
        "      dsbuilder build pets.yaml\n"
    )


def test_inspect_as_json_names_everything_of_a_finding(faulty: Path, call) -> None:
    document = json.loads(call(f"inspect pets.yaml {ONLY} --json").stdout)
    assert document["records"] == 17
    assert document["counts"] == {"empty_class": 0, "exact_duplicate": 1, "truncated": 1}
    assert document["findings"][1] == {
        "inspector": "truncated",
        "key": "cat/3.png",
        "text": "the file ends early, after 300 bytes",
        "value": 300,
        "threshold": None,
        "others": [],
        "advice": ADVICE,
        "action": "warn",
    }


def test_a_build_takes_the_list_of_what_to_leave_out(faulty: Path, call) -> None:
    result = call(f"inspect pets.yaml {ONLY} --exclude out.txt")
    assert result.stdout.endswith(
        "written: out.txt\n\nnext: dsbuilder build pets.yaml --exclude out.txt\n"
    )
    assert "\ncat/3.png\n" in (faulty / "out.txt").read_text()
    built = json.loads(call("build pets.yaml --exclude out.txt --workers 0 --json").stdout)
    assert not built["quarantined"]
    assert sum(each["samples"] for each in built["splits"].values()) < 17 + 9
    listed = json.loads(call("check pets.yaml --set build.exclude=out.txt --json").stdout)
    assert sum(listed["records"].values()) == 15


def test_a_sheet_shows_findings_beside_what_they_repeat(faulty: Path, call) -> None:
    result = call(f"inspect pets.yaml {ONLY} --sheet sheet.png")
    assert result.stdout.endswith(
        "written: sheet.png\n\nnext: dsbuilder inspect pets.yaml --exclude findings.txt\n"
        "      dsbuilder build pets.yaml\n"
    )
    with Image.open(faulty / "sheet.png") as sheet:
        assert sheet.width > 300 and sheet.height > 400


def test_every_inspector_runs_but_those_that_are_ignored(faulty: Path, call) -> None:
    counts = json.loads(call("inspect pets.yaml --json").stdout)["counts"]
    assert len(counts) >= 20
    fewer = json.loads(call("inspect pets.yaml --json --set inspect.blurred=ignore").stdout)
    assert set(counts) - set(fewer["counts"]) == {"blurred"}


def test_an_error_of_the_pipeline_ends_with_1(faulty: Path, call) -> None:
    assert call("inspect pets.yaml --set inspect.truncated=error").exit_code == 1
    assert call("inspect pets.yaml --set inspect.charset=error").exit_code == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--only trunctaed", "Did you mean 'truncated'?"),
        (
            "--only dark --set inspect.dark=ignore",
            "no inspector 'dark', or the pipeline ignores it",
        ),
        ("--only dark --exclude none/out.txt", "out.txt: the file cannot be written"),
    ],
)
def test_wrong_calls_are_told(faulty: Path, call, line: str, message: str) -> None:
    result = call(f"inspect pets.yaml {line}")
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_pipeline_without_a_source_has_nothing_to_inspect(folder: Path, call) -> None:
    (folder / "none.yaml").write_text("name: a\nsynthesize: [{use: shapes, count: 3}]\n")
    plugins = str(Path(__file__).parents[2] / "plugins")
    result = call("inspect none.yaml --plugins", plugins)
    assert result.exit_code == 1
    assert "there is no source to inspect. Add one to the pipeline." in result.stderr
