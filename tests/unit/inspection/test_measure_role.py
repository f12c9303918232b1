"""Records are measured once each, in several processes, some of which die."""

import os
from pathlib import Path

import pytest

from dsbuilder.builder import load_spec, survey
from dsbuilder.builder.inspecting import inspect_survey
from dsbuilder.errors import PluginError
from dsbuilder.inspection import Report, every

INSPECTOR = '''
"""Does what the name of an image says."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("obedient")
@dataclass(frozen=True, kw_only=True)
class Obedient(Inspector):
    """Does what the name of an image says.

    Attributes:
      log: a file that is told of every record that was measured.
    """

    log: Path
    advice: ClassVar[str] = "Rename it."

    def measure(self, view: View) -> int:
        with self.log.open("a") as file:
            file.write(view.record.key + "\\n")
        if "kill" in view.record.key:
            os.kill(os.getpid(), signal.SIGKILL)
        if "sleep" in view.record.key:
            time.sleep(600)
        if "exit" in view.record.key:
            os._exit(0)
        if "raise" in view.record.key:
            raise RuntimeError("as it was told")
        if "odd" in view.record.key:
            return {1, 2}
        return os.getpid()

    def judge(self, seen: Seen) -> Iterator[Finding]:
        for record, process in seen.measured():
            yield Finding(key=record.key, text="measured", value=process)
'''

SOURCE = '''
"""A source whose catalog is good for one process."""

import os
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.plugin import Catalog, Listing, Record, Source, Text, source


@source("own")
@dataclass(frozen=True, kw_only=True)
class Own(Source):
    """Images of a folder.

    Attributes:
      path: the folder.
    """

    path: Path

    def open(self) -> Catalog:
        return OwnCatalog(self.path)


class OwnCatalog(Catalog):
    def __init__(self, path: Path) -> None:
        self.path, self.opened_by = path, os.getpid()

    def scan(self) -> Listing:
        files = sorted(self.path.rglob("*.png"))
        records = [
            Record(key=file.relative_to(self.path).as_posix(), path=file, targets={"name": "x"})
            for file in files
        ]
        return Listing(records=records, targets={"name": Text()})

    def read(self, record: Record) -> bytes:
        if os.getpid() != self.opened_by:
            raise RuntimeError("opened by another process")
        return super().read(record)
'''


@pytest.fixture
def images(make_images, tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/obedient.py").write_text(INSPECTOR)
    (tmp_path / "plugins/own.py").write_text(SOURCE)
    return make_images(classes=("cat", "dog"), count=40, size=(8, 8))


@pytest.fixture
def inspected(images, write_pipeline, tmp_path: Path):
    def run(workers: int, source: str = "folder", **options) -> Report:
        section = f"{{use: {source}, path: source}}"
        text = f"name: a\nsource: {section}\ninspect: {{obedient: {{log: log.txt}}}}\n"
        surveyed = survey(load_spec(write_pipeline(text)))
        found = every(surveyed.pipeline.spec)
        chosen = {name: found[name] for name in ("corrupt", "obedient")}
        return inspect_survey(surveyed, chosen, workers=workers, **options)

    return run


def test_every_record_is_measured_once_by_several_processes(inspected, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    report = inspected(3, on_progress=lambda done, of: told.append((done, of)))
    assert len(report.findings["obedient"]) == report.records == 80
    assert len(set((tmp_path / "log.txt").read_text().split())) == 80
    assert len((tmp_path / "log.txt").read_text().split()) == 80
    assert len({each.value for each in report.findings["obedient"]}) == 3
    assert told == sorted(told)
    assert told[-1] == (80, 80)
    assert {of for _, of in told} == {80}


def test_a_record_that_kills_is_lost_and_no_other(inspected, images: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("cat/kill.png", "dog/kill.png")):
        (images / "cat" / f"{number}.png").rename(images / name)
    report = inspected(2)
    assert [each.key for each in report.findings["corrupt"]] == ["cat/kill.png", "dog/kill.png"]
    assert report.lost["cat/kill.png"] == "2 workers died over it, one after the other"
    assert len(report.findings["obedient"]) == 78
    told = (tmp_path / "log.txt").read_text().split()
    assert told.count("cat/kill.png") == 2


def test_a_record_that_ends_its_worker_is_lost_and_no_other(inspected, images: Path) -> None:
    (images / "cat/5.png").rename(images / "cat/exit.png")
    report = inspected(2)
    assert report.lost == {"cat/exit.png": "2 workers died over it, one after the other"}
    assert len(report.findings["obedient"]) == 79


@pytest.mark.slow
def test_a_record_that_takes_too_long_is_lost_and_no_other(inspected, images: Path) -> None:
    (images / "cat/5.png").rename(images / "cat/sleep.png")
    report = inspected(2, sample_timeout_s=2.0)
    assert report.lost == {"cat/sleep.png": "TimeoutError: took more than 2 s"}
    assert len(report.findings["obedient"]) == 79


@pytest.mark.parametrize("workers", [0, 2])
def test_a_fault_of_an_inspector_names_it_and_the_record(inspected, images, workers: int) -> None:
    (images / "cat/5.png").rename(images / "cat/raise.png")
    message = (
        "inspector 'obedient': expected a measure of cat/raise.png, found RuntimeError: as it was "
        "told. Correct the plugin."
    )
    with pytest.raises(PluginError, match=message):
        inspected(workers)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_measure_that_could_not_be_sent_is_refused_everywhere(inspected, images, workers) -> None:
    (images / "cat/5.png").rename(images / "cat/odd.png")
    message = (
        "inspector 'obedient': expected a measure of cat/odd.png, found TypeError: expected plain "
        "values, found set. Correct the plugin."
    )
    with pytest.raises(PluginError, match=message):
        inspected(workers)


def test_every_worker_opens_the_source_for_itself(inspected) -> None:
    report = inspected(2, source="own")
    assert len(report.findings["obedient"]) == 80
    assert not report.findings["corrupt"]


def test_no_process_is_left_over(inspected) -> None:
    inspected(2)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not children
