"""Kills a build at random moments, a hundred times; each is resumed and ends in the same bytes."""

import contextlib
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from test_faults import PIPELINE, PLUGINS, descendants, start

from dsbuilder.builder import build_dataset

SLOWLY = ["augment.stages=[{use: salt, seconds: 0.004}]"]


@pytest.mark.slow
def test_a_hundred_kills_and_resumes_give_a_hundred_equal_sums(
    make_images, write_pipeline, tmp_path
) -> None:
    make_images(count=20)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/stages.py").write_text(PLUGINS)
    pipeline = write_pipeline(PIPELINE)
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=SLOWLY)
    expected = (fresh.path / "SHA256SUMS").read_text()
    chance = random.Random(7)
    interrupted = 0
    for _ in range(100):
        out = tmp_path / "out"
        process = start(pipeline, out, SLOWLY)
        time.sleep(chance.uniform(0.2, 2.0))
        victims = [process.pid, *descendants(process.pid)]
        victim = chance.choice(victims)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        process.communicate(timeout=60)
        interrupted += not (out / "toy/1.0.0").exists()
        built = build_dataset(pipeline, out, workers=0, overrides=SLOWLY)
        assert (built.path / "SHA256SUMS").read_text() == expected
        assert not list((out / "toy/.builds").glob("*.partial"))
        shutil.rmtree(out)
    assert interrupted > 20  # the moments were not all too late
