"""A temporary folder goes at its end; one of a killed process goes with the next, no other does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dsbuilder.actions.clean import clean
from dsbuilder.cache import folders, temporary

AT_WORK = """
import sys, time
from pathlib import Path
from dsbuilder.cache import temporary
with temporary.beside(Path(sys.argv[1])) as place:
    (place / "half").mkdir()
    (place / "half/file").write_text("half")
    print(place, flush=True)
    time.sleep(600)
"""


@contextmanager
def at_work(target: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    command = [sys.executable, "-c", AT_WORK, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place = Path(process.stdout.readline().strip())
        try:
            yield process, place
        finally:
            process.kill()


def test_what_is_moved_away_stays_and_the_rest_goes(tmp_path: Path) -> None:
    target = tmp_path / "new/target"
    with temporary.beside(target) as place:
        assert place.parent == target.parent
        assert temporary.abandoned(target.parent) == []
        for name in ("whole", "rest"):
            (place / name).mkdir()
        (place / "whole").rename(target)
    assert list(target.parent.iterdir()) == [target]
    assert list(target.iterdir()) == []


def test_one_that_cannot_be_made_takes_nothing_with_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"exists|directory"), temporary.beside(tmp_path / "file/x"):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_one_of_a_killed_process_goes_and_one_at_work_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with at_work(target) as (killed, left), at_work(target) as (_, busy):
        with temporary.beside(target):
            assert left.is_dir()
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        assert temporary.abandoned(tmp_path) == [left]
        with temporary.beside(target):
            assert not left.exists()
        assert [each.name for each in tmp_path.iterdir()] == [busy.name]
        assert (busy / "half/file").read_text() == "half"


def test_one_whose_removal_was_interrupted_goes(tmp_path: Path) -> None:
    left = tmp_path / f".dsbuilder-x.partial{folders.REMOVED}"
    folders.make(left)
    (left / "file").write_text("")
    with temporary.beside(tmp_path / "target"):
        assert not left.exists()


def test_what_only_looks_like_one_stays(tmp_path: Path) -> None:
    others = tmp_path / "others"
    folders.make(others)
    (others / "file").write_text("")
    (tmp_path / ".dsbuilder-linked.partial").symlink_to(others)
    (tmp_path / ".dsbuilder-mine.partial").mkdir()
    (tmp_path / ".dsbuilder-mine.partial/file").write_text("")
    (tmp_path / ".dsbuilder-mine.partial" / folders.MARKER).symlink_to(others / folders.MARKER)
    (tmp_path / ".dsbuilder-file.partial").write_text("")
    before = sorted(tmp_path.rglob("*"))
    with temporary.beside(tmp_path / "target"):
        pass
    assert sorted(tmp_path.rglob("*")) == before


def test_clean_removes_it_and_says_so(tmp_path: Path) -> None:
    left = tmp_path / ".dsbuilder-x.partial"
    folders.make(left)
    (left / "file").write_text("12345")
    dry = clean(tmp_path, dry_run=True)
    assert [(each.path, each.kind) for each in dry.removed] == [(left, "export")]
    assert dry.freed_bytes > 5
    assert clean(tmp_path).removed == dry.removed
    assert list(tmp_path.iterdir()) == []
