"""What goes wrong around a build: full and read-only disks, files that change or vanish, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsbuilder.builder import build_dataset
from dsbuilder.errors import CacheError, DataError

PIPELINE = """
name: toy
source: {use: folder, path: source}
augment: {copies: 2, stages: [salt]}
finish: [{use: resize, size: [32, 32]}]
cache: {image: png, shard_mb: 0.02}
"""

PLUGINS = '''
"""A quick stage, one that meddles with the source, and those that end what workers hang on."""
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from dsbuilder.plugin import Finding, Inspector, Params, Sample, Seen, Transform, View
from dsbuilder.plugin import draw_seed, inspector, transform


@transform("salt", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Salt(Transform):
    """Adds noise, slowly if asked to."""

    seconds: float = 0.0

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"seed": draw_seed(rng)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        time.sleep(self.seconds)
        noise = np.random.default_rng(params["seed"]).integers(0, 9, sample.image.shape, np.uint8)
        return sample.replace(image=sample.image // 2 + noise)


@transform("meddle", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Meddle(Transform):
    """Removes or changes a file when it meets the first sample."""

    victim: str
    remove: bool = False

    def apply(self, sample: Sample, params: Params) -> Sample:
        path = Path(self.victim)
        if self.remove:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(b"something else")
        return sample


def end_once(key: str) -> None:
    """Ends the process that workers are forked from, at one record, for the first time."""
    note = Path(__file__).with_name("ended.txt")
    if key == "owl/9.png" and not note.exists():
        note.write_text(key)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)


@transform("ending", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Ending(Transform):
    """Ends the process that workers are forked from."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        end_once(sample.key)
        return sample


@inspector("ending_too")
@dataclass(frozen=True, kw_only=True)
class EndingToo(Inspector):
    """Ends the process that workers are forked from."""

    advice = "Build again."

    def measure(self, view: View) -> None:
        end_once(view.record.key)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        yield from ()
'''


@pytest.fixture
def pipeline(make_images, write_pipeline, tmp_path) -> Path:
    make_images(count=20)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/stages.py").write_text(PLUGINS)
    return write_pipeline(PIPELINE)


def mount(folder: Path, *options: str) -> None:
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"a file system cannot be mounted here: {done.stderr.strip()}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    mount(folder, "size=128k")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk_publishes_nothing_and_loses_nothing(
    pipeline, tmp_path, small_disk, workers
) -> None:
    with pytest.raises(CacheError) as error:
        build_dataset(pipeline, small_disk, workers=workers)
    assert "No space left on device" in str(error.value)
    assert str(error.value).endswith("finished shards are kept.")
    assert not (small_disk / "toy/1.0.0").exists()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    built = build_dataset(pipeline, small_disk, workers=workers)
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0)
    assert (built.path / "SHA256SUMS").read_text() == (fresh.path / "SHA256SUMS").read_text()


def test_a_read_only_output_is_a_clear_error(pipeline, small_disk) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(CacheError) as error:
        build_dataset(pipeline, small_disk, workers=0)
    assert str(error.value) == (
        f"{small_disk}/toy: the output folder cannot be written (Read-only file system). "
        "Choose another with --out (in Python `out`)."
    )


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("remove", ["true", "false"])
def test_a_source_that_changes_in_mid_build_is_not_published(
    pipeline, tmp_path, remove, workers
) -> None:
    victim = tmp_path / "source/owl/9.png"
    stage = f"{{use: meddle, victim: '{victim}', remove: {remove}}}"
    with pytest.raises(DataError) as error:
        build_dataset(pipeline, tmp_path / "out", workers=workers, overrides=[f"prepare=[{stage}]"])
    assert str(error.value) == (
        "owl/9.png: expected the file as it was when the build was planned, found that it "
        "changed or vanished since. Build again; what is finished is kept."
    )
    assert not (tmp_path / "out/toy/1.0.0").exists()


@pytest.mark.parametrize(
    "change",
    ["prepare=[ending]", "inspect={ending_too: warn}"],
)
@pytest.mark.slow
def test_a_build_whose_workers_all_end_says_so_and_the_next_one_goes_on(
    pipeline, make_images, tmp_path, change
) -> None:
    make_images(count=30)  # enough for workers to inspect
    message = "expected worker processes, found that they cannot be started, or were all ended."
    with pytest.raises(CacheError, match=message):
        build_dataset(pipeline, tmp_path / "out", workers=2, overrides=[change])
    assert not (tmp_path / "out/toy/1.0.0").exists()
    built = build_dataset(pipeline, tmp_path / "out", workers=2, overrides=[change])
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=[change])
    assert (built.path / "SHA256SUMS").read_text() == (fresh.path / "SHA256SUMS").read_text()


def test_a_source_is_never_written_to(pipeline, tmp_path) -> None:
    def look() -> dict[str, tuple[int, bytes]]:
        files = (each for each in (tmp_path / "source").rglob("*") if each.is_file())
        return {str(each): (each.stat().st_mtime_ns, each.read_bytes()) for each in files}

    before = look()
    build_dataset(pipeline, tmp_path / "out", workers=2)
    assert look() == before


SCRIPT = (
    # A shell that runs the tests in the background has them ignore SIGINT.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from dsbuilder.builder import build_dataset;"
    "build_dataset({pipeline!r}, {out!r}, workers=2, overrides={overrides!r})"
)


def start(pipeline: Path, out: Path, overrides: list[str]) -> subprocess.Popen[str]:
    code = SCRIPT.format(pipeline=str(pipeline), out=str(out), overrides=overrides)
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        own = children.get(todo.pop(), [])
        found += own
        todo += own
    return found


@pytest.mark.parametrize(
    "sent", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_no_process_outlives_a_build_that_was_ended(pipeline, tmp_path, sent) -> None:
    process = start(pipeline, tmp_path / "out", ["augment.stages=[{use: salt, seconds: 0.2}]"])
    builds = tmp_path / "out/toy/.builds"
    deadline = time.monotonic() + 60
    while not list(builds.glob("*.partial/*.done.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = descendants(process.pid)
    assert len(family) == 3  # the process that forks, and two workers
    process.send_signal(sent)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
    assert not (tmp_path / "out/toy/1.0.0").exists()
    assert list(builds.glob("*.partial/*.done.json"))
