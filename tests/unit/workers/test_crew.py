"""Tasks are done though workers die, what kills or stalls them is named, errors keep class."""

import mmap
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from acting import Acts

from dsbuilder.errors import CacheError, DataError, SpecError
from dsbuilder.workers import Crew, system

LOST = "2 workers died over it, one after the other"


@pytest.fixture
def crew(monkeypatch) -> Iterator[Crew]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with Crew(workers=2, item_timeout_s=1.0, instead="Do it here.", modules=["acting"]) as crew:
        crew.prepare("acting:Actor", {"setup": 1})
        yield crew


def acts(**tasks: str) -> list[Acts]:
    return [Acts(name=name, words=words.split(",")) for name, words in tasks.items()]


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def is_fork_server(pid: int) -> bool:
    """Whether a process is that of a crew, not one that other tests keep."""
    return b"dsbuilder.workers.fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_every_task_is_done_once_by_workers_that_share_what_they_were_told(crew) -> None:
    told: list[int] = []
    tasks = acts(**{f"task {number}": "a,b,c" for number in range(8)})
    results = list(crew.run({"job": 2}, tasks, told.append))
    assert {task.name for task, _ in results} == {task.name for task in tasks}
    assert all(result["setup"] == 1 and result["job"] == 2 for _, result in results)
    assert len({result["pid"] for _, result in results}) <= 2
    assert sum(told) == 24


def test_another_job_and_another_role_go_to_new_workers(crew) -> None:
    (first,) = crew.run({"job": 1}, acts(a="a"), print)
    crew.prepare("acting:Actor", {"setup": 2})
    (second,) = crew.run({"job": 2}, acts(a="a"), print)
    assert [each["job"] for _, each in (first, second)] == [1, 2]
    assert [each["setup"] for _, each in (first, second)] == [1, 2]


@pytest.mark.parametrize("word", ["kill", "exit"])
def test_an_item_at_which_two_workers_died_is_left_out_and_no_other(crew, word: str) -> None:
    told: list[int] = []
    run = crew.run({}, acts(a=f"a,{word},c", b="a"), told.append)
    results = {task.name: task.lost for task, _ in run}
    assert results == {"a": ((1, -1, LOST),), "b": ()}
    assert sum(told) == 4


def test_an_item_that_takes_too_long_is_left_out_and_no_other(crew) -> None:
    results = {task.name: task.lost for task, _ in crew.run({}, acts(a="a,sleep", b="a"), print)}
    assert results == {"a": ((1, -1, "TimeoutError: took more than 1 s"),), "b": ()}


PAUSED = """
import os, sys
from pathlib import Path
from acting import Acts
from dsbuilder.workers import Crew

with Crew(workers=1, item_timeout_s=2.0, instead="", modules=["acting"]) as crew:
    crew.prepare("acting:Actor", {})
    for task, result in crew.run({"file": sys.argv[1]}, [Acts(name="a", words=["wait"])], print):
        print(task.lost)
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def start_paused(file: Path) -> subprocess.Popen[str]:
    """Starts a crew in a group of its own; its worker says in the file that it is at an item."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", PAUSED, str(file)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.slow
def test_a_pause_is_no_item_that_hangs(tmp_path: Path) -> None:
    """Ctrl-Z stops the whole group of processes; a debugger, or a person, stops one worker."""
    files = [tmp_path / "whole group", tmp_path / "worker alone"]
    with start_paused(files[0]) as whole, start_paused(files[1]) as alone:
        for file in files:
            wait_until(lambda file=file: file.is_file() and bool(file.read_text()))
        workers = [int(file.read_text()) for file in files]
        os.killpg(whole.pid, signal.SIGSTOP)
        os.kill(workers[1], signal.SIGSTOP)
        wait_until(lambda: all(map(system.is_stopped, workers)))
        time.sleep(2.5)
        os.killpg(whole.pid, signal.SIGCONT)
        os.kill(workers[1], signal.SIGCONT)
        for run, file in zip((whole, alone), files, strict=True):
            file.write_text("go on")
            assert run.communicate(timeout=30)[0].splitlines()[-1] == "()", file.name


def test_a_task_may_take_longer_than_an_item_may(crew) -> None:
    words = ",".join(["sleep"] * 30)
    ((task, _),) = crew.run({"quick": True}, acts(a=words), print)
    assert task.lost == ()


def test_a_task_whose_workers_die_over_no_item_is_given_up(crew) -> None:
    with pytest.raises(CacheError, match="task: expected it to be finished, found that 3 workers"):
        list(crew.run({}, acts(task="a,end"), print))


def test_workers_die_with_the_process_that_they_are_forked_from(crew) -> None:
    message = (
        "expected worker processes, found that they cannot be started, or were all ended. "
        "What they printed stands above; Do it here."
    )
    with pytest.raises(CacheError, match=re.escape(message)):
        list(crew.run({}, acts(a="kill the server", b="sleep"), print))


def test_errors_of_a_role_keep_their_class(crew) -> None:
    with pytest.raises(DataError, match=r"odd: as told\."):
        list(crew.run({}, acts(a="odd"), print))
    with pytest.raises(OSError, match="No space left on device") as failure:
        list(crew.run({}, acts(a="full"), print))
    assert failure.value.errno == 28
    with pytest.raises(RuntimeError, match=r"(?s)unforeseen in a worker:\n.*acting.py.*as told"):
        list(crew.run({}, acts(a="bug"), print))


def test_a_role_that_cannot_be_made_says_why_with_its_class(crew) -> None:
    crew.prepare("acting:Actor", {"fails": True})
    with pytest.raises(SpecError) as error:
        list(crew.run({}, acts(a="a"), print))
    assert [problem.where for problem in error.value.problems] == ["a.yaml:1", "a.yaml:2"]


def test_shared_memory_comes_by_its_descriptor(crew) -> None:
    fd = os.memfd_create("page")
    os.ftruncate(fd, 4096)
    list(crew.run({}, acts(a="write"), print, descriptors=[fd]))
    with mmap.mmap(fd, 4096) as page:
        assert page[:5] == b"hello"
    os.close(fd)


def test_a_module_that_cannot_be_imported_is_a_clear_error() -> None:
    message = "expected worker processes, found that they cannot be started"
    with Crew(workers=1, item_timeout_s=9, instead="", modules=["no_such_module"]) as crew:
        crew.prepare("acting:Actor", {})
        with pytest.raises(CacheError, match=message):
            list(crew.run({}, acts(a="a"), print))


def test_a_crew_without_a_role_says_so() -> None:
    expected = pytest.raises(RuntimeError, match=r"expected prepare\(\) before run\(\)")
    with Crew(workers=1, item_timeout_s=9, instead="", modules=["json"]) as crew, expected:
        list(crew.run({}, acts(a="a"), print))


def test_no_process_is_left_over_and_none_is_a_zombie(crew) -> None:
    run = crew.run({"quick": True}, acts(a="a", b=",".join(["sleep"] * 99), c="kill,a"), print)
    next(run)
    server = crew._server._process.pid
    assert server in children(os.getpid()) and is_fork_server(server)
    workers = children(server)
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in workers]
    assert stats
    assert "Z" not in [stat.rpartition(")")[2].split()[0] for stat in stats]
    run.close()
    crew.__exit__()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in (server, *workers) if Path(f"/proc/{pid}").exists()]


def test_another_system_is_a_clear_error(monkeypatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(CacheError, match=r"workers: expected Linux.*found linux\. Do it here\."):
        Crew(workers=1, item_timeout_s=9, instead="Do it here.")
    assert system.cores() >= 1
