"""A page is written by every build that builds, changes nothing of the dataset, and opens."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import MakeImages, WritePipeline
from reports import Html, check_harmless

import dsbuilder
from dsbuilder.cache import store

PETS = """
name: pets
source: {use: folder, path: source}
split: {train: 0.5, test: 0.5}
finish: [{use: resize, size: [16, 16]}]
"""


@pytest.fixture
def pets(make_images: MakeImages, write_pipeline: WritePipeline) -> dsbuilder.Session:
    make_images(classes=("cat", "dog"), count=6)
    path = write_pipeline(PETS, "pets")
    return dsbuilder.open(path, out=path.parent / "out")


def test_a_build_writes_a_page_that_is_no_part_of_the_dataset(
    pets: dsbuilder.Session, tmp_path: Path
) -> None:
    built = pets.build(workers=0)
    assert built.report == built.path / "report.html"
    check_harmless(built.report.read_text(encoding="utf-8"))
    assert "report.html" not in store.read_sums(built.path)
    dsbuilder.load(built.path).verify()
    again = pets.build(tmp_path / "elsewhere", workers=0)
    assert again.fingerprint == built.fingerprint
    assert store.read_sums(again.path) == store.read_sums(built.path)
    built.report.unlink()
    dsbuilder.load(built.path).verify()


def test_a_build_with_nothing_to_do_writes_none(pets: dsbuilder.Session) -> None:
    first = pets.build(workers=0)
    assert first.report is not None
    first.report.write_text("mine")
    again = pets.build(workers=0)
    assert (again.made, again.report) == (0, first.report)
    assert first.report.read_text() == "mine"
    first.report.unlink()
    assert pets.build(workers=0).report is None
    assert not first.report.exists()


def test_a_build_stands_without_the_page_that_cannot_be_written(
    pets: dsbuilder.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = store.Store.point

    def blocked(self: store.Store, version: str, build: Path) -> Path:
        """Puts a folder where the page is to lie, as the dataset gets its name."""
        (build / "report.html" / "full").mkdir(parents=True)
        return point(self, version, build)

    monkeypatch.setattr(store.Store, "point", blocked)
    built = pets.build(workers=0)
    assert built.report is None
    (told,) = [each for each in built.warnings if "report" in each]
    assert "the report is not written" in told
    assert built.made == 12


def test_the_page_lies_where_it_is_asked_for(pets: dsbuilder.Session, tmp_path: Path) -> None:
    dataset = dsbuilder.load(pets.build(workers=0).path)
    found = dataset.report(tmp_path / "mine.html")
    assert (found.output, found.about) == (tmp_path / "mine.html", "dataset")
    assert found.size_bytes == found.output.stat().st_size
    with pytest.raises(dsbuilder.DataError, match="cannot be written"):
        dataset.report(tmp_path / "no" / "such" / "mine.html")


def test_checking_and_planning_leave_the_template_engine_unimported(
    pets: dsbuilder.Session,
) -> None:
    code = (
        "import sys, dsbuilder\n"
        f"session = dsbuilder.open({str(pets.pipeline)!r}, out={str(pets.out)!r})\n"
        "session.check(), session.plan()\n"
        "assert not {'jinja2', 'markupsafe'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_what_opens_the_dataset_runs_as_it_stands(
    pets: dsbuilder.Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    codec: str,
) -> None:
    pytest.importorskip("tensorflow")
    monkeypatch.chdir(tmp_path)
    session = dsbuilder.open("pets.yaml", overrides=[f"cache.codec={codec}"])
    page = Html(session.build(workers=0).report.read_text(encoding="utf-8"))
    codes = [code for code in page.texts["code"] if "import" in code]
    assert len(codes) == (6 if codec == "tfrecord" else 5)
    for code in codes:
        if "import datasets" in code:
            continue  # tests/interop runs it
        assert "out/pets/1.0.0" in code
        exec(compile(code, "report.html", "exec"), {})
    assert "(16, 16, 3)" in capsys.readouterr().out
