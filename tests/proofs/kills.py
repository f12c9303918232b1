"""Builds killed at random moments, the command or any of its processes; each is resumed.

Each must end in the bytes of a build that nobody killed, and leave nothing half done behind.
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

from dsbuilder.builder import build_dataset

SLOWLY = ["augment.stages=[{use: salt, seconds: 0.004}]"]


def run(count: int, seed: int) -> list[tuple[str, int]]:
    """Kills `count` builds."""
    chance, interrupted = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pipeline = prepared(folder)
        fresh = build_dataset(pipeline, folder / "fresh", workers=0, overrides=SLOWLY)
        expected = (fresh.path / "SHA256SUMS").read_text()
        for number in range(count):
            interrupted += not kill(pipeline, folder / "out", chance)
            built = build_dataset(pipeline, folder / "out", workers=0, overrides=SLOWLY)
            case = f"seed {seed}, number {number}"
            assert (built.path / "SHA256SUMS").read_text() == expected, case
            assert not list((folder / "out/toy/.builds").glob("*.partial")), case
            shutil.rmtree(folder / "out")
    assert interrupted >= count // 5, "the moments were all too late"
    return [("killed", count), ("before the build was through", interrupted), ("equal", count)]


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
