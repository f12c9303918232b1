"""What is given away: a wheel and an sdist, installed where nothing else is, and later Pythons."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LATER = ("3.12", "3.13")
"""Pythons that are not here to run: what is said of them, is said without them."""

MADE = {
    *(".venv", ".venv-interop", ".tools", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
    *(".hypothesis", ".coverage", "__pycache__", "build", "dist", "demo", "out"),
}
"""What tools leave in a checkout."""

SMOKE = """
import json, pathlib, sys
import dsbuilder
home = pathlib.Path(dsbuilder.__file__)
assert home.is_relative_to(sys.prefix), home
from dsbuilder import documents
assert documents.folder().is_relative_to(sys.prefix), documents.folder()
session = dsbuilder.open(dsbuilder.init("photos").output)
built = session.build("out", workers=2)
dataset = dsbuilder.load(built.path)
dataset.verify()
trained = session.train("out", run="run", epochs=1, workers=0)
answers = dsbuilder.load_run("run").predict(str(next(pathlib.Path("photos").rglob("*.png"))))
print(json.dumps({"made": built.made, "accuracy": trained.evaluation["accuracy"]}))
"""


def run(*words: object, **options) -> str:
    """Runs a command outside of this checkout, and returns what it prints."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    given = {"env": clean, "check": False, "text": True, "capture_output": True, **options}
    done = subprocess.run([str(each) for each in words], **given)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def files_of(folder: str = ".") -> set[str]:
    """Returns what the repository holds of a folder, and nothing that lies beside it."""
    if (ROOT / ".git").exists():
        listed = run("git", "ls-files", "-z", folder, cwd=ROOT).split("\0")
        return {name for name in listed if name and (ROOT / name).is_file()}
    found = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {each.as_posix() for each in found if not MADE.intersection(each.parts)}


def tracked(folder: Path) -> Path:
    """Copies what the repository holds."""
    for name in files_of():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, as `python -m build` makes them: one of the other."""
    source, out = tracked(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, source)
    return out


@pytest.mark.slow
def test_the_wheel_has_what_the_program_reads_and_no_test(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = files_of("dsbuilder")
    assert {name for name in package if not name.endswith(".md")} <= names
    assert not [name for name in names if name.startswith(("tests/", "plugins/", "samples/"))]
    documents = {name.partition("share/doc/dsbuilder/")[2] for name in names} - {""}
    assert {"README.md", "pipelines/README.md", "plugins/README.md"} <= documents


@pytest.mark.slow
def test_links_of_the_documents_in_the_wheel_lead_somewhere(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (folder,) = tmp_path.glob("*.data/data/share/doc/dsbuilder")
    documents = list(folder.rglob("*.md"))
    assert len(documents) > 3
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document}: {target}"


@pytest.mark.slow
def test_the_sdist_holds_all_that_tests_need(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert files_of() - names <= {".gitignore"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_does_its_main_job_where_nothing_else_is_installed(
    kind: str, dist: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh/bin/python"
    (archive,) = dist.glob(kind)
    more = (
        ["--no-deps"] if kind == "*.tar.gz" else []
    )  # the same requirements, tried with the wheel
    run(python, "-m", "pip", "install", "--quiet", *more, archive)
    if more:
        told = "import importlib.metadata as m; print(m.version('dsbuilder'), m.files('dsbuilder'))"
        assert "share/doc/dsbuilder/README.md" in run(python, "-c", told, cwd=tmp_path)
        return
    shutil.copytree(ROOT / "samples/emoji", tmp_path / "photos")
    told = run(python, "-c", SMOKE, cwd=tmp_path, timeout=1200)
    size = sum(each.stat().st_size for each in (tmp_path / "fresh").rglob("*") if each.is_file())
    print(f"\n[installed: {size / 1e6:.0f} MB; {told.strip().splitlines()[-1]}]")


@pytest.mark.slow
@pytest.mark.parametrize("version", LATER)
def test_tools_find_nothing_that_a_later_python_refuses(version: str, tmp_path: Path) -> None:
    """No such Python is here: ruff and mypy read the code as it would.

    What ruff would write otherwise for it alone (UP) is left out: 3.11 could not read that.
    """
    word = f"py{version.replace('.', '')}"
    run(
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--ignore",
        "UP",
        *("--target-version", word),
        cwd=ROOT,
    )
    cache = ["--cache-dir", tmp_path]
    run(sys.executable, "-m", "mypy", "--python-version", version, *cache, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("version", LATER)
def test_all_that_is_required_is_there_for_a_later_python(
    version: str, dist: Path, tmp_path: Path
) -> None:
    """As wheels alone: nothing is compiled, and nothing is downloaded that need not be."""
    (wheel,) = dist.glob("*.whl")
    words = ["--python-version", version, "--only-binary=:all:", "--dry-run", "--ignore-installed"]
    told = run(
        *(sys.executable, "-m", "pip", "install", "--target", tmp_path / "none", *words, wheel)
    )
    assert "Would install" in told
    assert re.search(r"\btensorflow-\d", told)
