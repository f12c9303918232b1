"""Streams whose batches worker processes make, or threads of TensorFlow, left in every way.

Each is a program of its own. It must end by itself, soon, and leave no process behind: nothing that
it had started may be there any more. The time is from the moment that it is left, or told to go.
"""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from conftest import noise
from faults.test_faults import descendants
from PIL import Image

from dsbuilder.builder import build_dataset

PIPELINE = """
name: left
source: {{use: folder, path: {source}}}
split: {{train: 1.0}}
finish: [{{use: resize, size: [96, 96]}}]
cache: {{codec: {codec}}}
stream: {{batch_size: 8, stages: [{stages}]}}
"""
STAGES = "{use: A.HorizontalFlip}, {use: A.Rotate, limit: [-9, 9]}"
KINDS = {
    "workers": ({"codec": "npy", "stages": STAGES}, "workers=2"),
    "records": ({"codec": "tfrecord", "stages": ""}, "cache_mb=0"),
}
"""By what makes batches: what of the pipeline differs, and how the stream is opened."""

PROGRAM = """
import signal, sys, threading, time
import dsbuilder

way, seconds = sys.argv[2], float(sys.argv[3])
dataset = dsbuilder.load(sys.argv[1]).stream("train", **eval(f"dict({sys.argv[4]})")).epochs()
batches = iter(dataset)
for _ in range(3):
    next(batches)
print("begun", flush=True)
deadline = time.monotonic() + seconds
held = []
while way in ("interrupt", "terminate", "kill") or time.monotonic() < deadline:
    batch = next(batches)
    if way == "hold":
        held.append(batch)
print("left", flush=True)
if way == "raise":
    raise KeyError("of the consumer")
if way == "exit":
    sys.exit(0)
if way == "two":
    other = iter(dataset)
    next(other)
if way == "thread":
    threading.Thread(target=lambda: [next(batches) for _ in range(10_000)], daemon=True).start()
"""
SIGNALS: Mapping[str, signal.Signals] = {
    "interrupt": signal.SIGINT,
    "terminate": signal.SIGTERM,
    "kill": signal.SIGKILL,
}
WAYS = ("end", "exit", "raise", "hold", "two", "thread", *SIGNALS)
_SOON_S = 10.0
"""Most take some tenths, of which TensorFlow's own end is a part."""


def run(count: int, seed: int) -> list[tuple[str, str]]:
    """Leaves `count` streams, each way as often."""
    chance = random.Random(seed)
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        datasets = {kind: prepared(folder / kind, kind) for kind in KINDS}
        for number in range(count):
            kind, way = list(KINDS)[number % 2], WAYS[number // 2 % len(WAYS)]
            seconds, left = leave(datasets[kind], way, chance.uniform(0.0, 0.5), kind=kind)
            where = f"seed {seed}, number {number}, {kind}, {way}"
            assert not left, f"{where}: processes {left} are left"
            assert seconds < _SOON_S, f"{where}: {seconds:.1f} s"
            took.setdefault(f"{kind}, {way}", []).append(seconds)
    rows = [
        (f"{way}: median and most seconds", f"{statistics.median(each):.2f}, {max(each):.2f}")
        for way, each in took.items()
    ]
    return [("streams left, with nothing left behind", str(count)), *rows]


def prepared(folder: Path, kind: str) -> Path:
    """Builds what is streamed; returns its folder."""
    for label in ("cat", "dog"):
        (folder / "images" / label).mkdir(parents=True)
        for index in range(40):
            Image.fromarray(noise(index, (96, 96))).save(folder / f"images/{label}/{index}.png")
    pipeline = folder / "left.yaml"
    pipeline.write_text(
        PIPELINE.format(source=folder / "images", **KINDS[kind][0]), encoding="utf-8"
    )
    return build_dataset(pipeline, folder / "out", workers=0).path


def leave(
    dataset: Path, way: str, seconds: float = 0.0, *, kind: str = "workers"
) -> tuple[float, list[int]]:
    """Leaves a stream in the middle of an epoch; returns how long it took, and who is left."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(dataset), way, str(seconds), KINDS[kind][1]],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        # Who runs in the background of a shell is given it ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        below = descendants(program.pid)
        if way in SIGNALS:
            time.sleep(seconds)
            below = descendants(program.pid)
            # The process that workers are forked from, and two of them.
            assert len(below) == (3 if kind == "workers" else 0)
            program.send_signal(SIGNALS[way])
        else:
            assert program.stdout.readline() == "left\n"
        began = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(timeout=60)
        took = time.monotonic() - began
        program.kill()
    deadline = time.monotonic() + 5
    left = below
    while left and time.monotonic() < deadline:
        left = [each for each in below if Path(f"/proc/{each}").exists()]
        time.sleep(0.02)
    return took, left
