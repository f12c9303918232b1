"""Builds killed at random moments, the command or any of its processes; each is resumed.

As many again lose their workers in the middle of writing a shard. Each must end in the bytes of a
build that nobody killed, verify, and leave nothing half done behind.
"""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from conftest import noise
from faults.test_faults import PIPELINE, PLUGINS, descendants, start
from PIL import Image

from dsbuilder import load
from dsbuilder.builder import build_dataset

DISK = Path("/var/tmp")
"""Where a shard takes a while to be written; other tests may write to memory."""
SLOWLY = ["augment.stages=[{use: salt, seconds: 0.004}]"]


def run(count: int, seed: int) -> list[tuple[str, int]]:
    """Kills `count` builds, and the workers of as many others while they write."""
    chance, interrupted, writing = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory(dir=DISK if DISK.is_dir() else None) as temporary:
        folder = Path(temporary)
        pipeline = prepared(folder)
        fresh = build_dataset(pipeline, folder / "fresh", workers=0, overrides=SLOWLY)
        expected = (fresh.path / "SHA256SUMS").read_text()
        for number in range(count):
            interrupted += not kill(pipeline, folder / "out", chance)
            finish(pipeline, folder / "out", expected, f"seed {seed}, number {number}")
        for number in range(count):
            writing += kill_writing(pipeline, folder / "out", chance)
            finish(pipeline, folder / "out", expected, f"seed {seed}, number {number}, writing")
    assert interrupted >= count // 5, "the moments were all too late"
    assert writing >= count * 4 // 5, "too few workers were caught in the middle of a shard"
    return [
        ("builds killed", count),
        ("before they were through", interrupted),
        ("builds whose workers were killed in the middle of writing a shard", writing),
        ("equal and verified after the next build", 2 * count),
    ]


def finish(pipeline: Path, out: Path, expected: str, case: str) -> None:
    """Builds again; before that, what is published already must be whole."""
    if (out / "toy/1.0.0").exists():
        load(out / "toy/1.0.0").verify()
    built = build_dataset(pipeline, out, workers=0, overrides=SLOWLY)
    load(built.path).verify()
    assert (built.path / "SHA256SUMS").read_text() == expected, case
    assert not list((out / "toy/.builds").glob("*.partial")), case
    shutil.rmtree(out)


def prepared(folder: Path) -> Path:
    """Makes 60 images, plugins and a pipeline; returns the pipeline."""
    for number in range(60):
        place = folder / "source" / ("cat", "dog", "owl")[number % 3] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(number, (40, 50))).save(place)
    (folder / "plugins").mkdir()
    (folder / "plugins/stages.py").write_text(PLUGINS)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    return folder / "pipeline.yaml"


def kill(pipeline: Path, out: Path, chance: random.Random) -> bool:
    """Starts a build and kills a process of it after a while; returns whether it was through."""
    process = start(pipeline, out, SLOWLY)
    time.sleep(chance.uniform(0.2, 2.0))
    victim = chance.choice([process.pid, *descendants(process.pid)])
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    process.communicate(timeout=120)
    return (out / "toy/1.0.0").exists()


def kill_writing(pipeline: Path, out: Path, chance: random.Random) -> bool:
    """Kills the workers of a build while one writes a shard; says whether it caught one."""
    process, caught = start(pipeline, out, SLOWLY), False
    builds, passed = out / "toy/.builds", chance.randrange(4)
    while process.poll() is None and not caught:
        time.sleep(0.0003)
        if not is_writing(builds):
            continue
        if passed:
            passed -= 1
            time.sleep(0.02)
            continue
        workers = descendants(process.pid)[1:]  # the first is what they are forked from
        send(workers, signal.SIGSTOP)
        caught = is_writing(builds)
        send(workers, signal.SIGKILL if caught else signal.SIGCONT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return caught


def is_writing(builds: Path) -> bool:
    try:
        return any(builds.glob("*.partial/.shard-*"))
    except FileNotFoundError:  # it is published by now, under another name
        return False


def send(workers: list[int], what: signal.Signals) -> None:
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)
