"""What is for Linux alone is needed to build, not to load a dataset, to stream or to predict."""

import subprocess
import sys
from pathlib import Path

import pytest

from dsbuilder.builder import build_dataset

PIPELINE = """
name: toy
source: {use: folder, path: source}
finish: [{use: resize, size: [16, 16]}]
stream: {batch_size: 4, stages: [{use: A.HorizontalFlip, p: 0.5}]}
"""

ELSEWHERE = """
import ctypes, os, socket, sys

class OtherLibrary(ctypes.CDLL):
    def __getattr__(self, name):
        if name in ("prctl", "mallopt", "malloc_trim"):
            raise AttributeError(name)
        return super().__getattr__(name)

ctypes.CDLL = OtherLibrary
sys.modules["fcntl"] = None
for module, name in (
    (os, "sched_getaffinity"), (os, "memfd_create"), (os, "fork"), (socket, "send_fds"),
    (socket, "recv_fds"),
):
    delattr(module, name)
"""

UNUSED = """
unused = {"dsbuilder.workers", "dsbuilder.memory", "dsbuilder.builder"} & set(sys.modules)
assert not unused, unused
"""


@pytest.fixture
def pipeline(make_images, write_pipeline) -> Path:
    make_images()
    return write_pipeline(PIPELINE)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_dataset_is_loaded_and_streamed_on_any_system(pipeline, tmp_path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    code = f"""
from dsbuilder import load
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan
dataset = load({str(built.path)!r})
assert next(dataset.samples("train")).image.shape == (16, 16, 3)
batch = next(Feed(plan(dataset, "train")).batches(0))
assert batch["image"].shape == (4, 16, 16, 3)
"""
    done = run(f"{ELSEWHERE}{code}{UNUSED}")
    assert not done.stderr
    assert done.returncode == 0


@pytest.mark.slow
def test_the_modules_that_train_and_predict_need_nothing_of_linux() -> None:
    code = "import dsbuilder.stream.tensorflow, dsbuilder.train.trainer, dsbuilder.train.prediction"
    done = run(f"import tensorflow, keras\n{ELSEWHERE}{code}{UNUSED}")
    assert done.returncode == 0, done.stderr


def test_a_build_says_which_system_it_needs(pipeline, tmp_path) -> None:
    code = f"""
from dsbuilder import CacheError
from dsbuilder.builder import build_dataset
for workers in (None, 2, 0):
    try:
        build_dataset({str(pipeline)!r}, {str(tmp_path / "out")!r}, workers=workers)
    except CacheError as error:
        print(error)
"""
    done = run(f"{ELSEWHERE}{code}")
    assert done.stdout.splitlines() == [
        *2
        * [
            "workers: expected Linux, on which worker processes run, found linux. "
            "--workers 0 (in Python `workers`) builds in this process."
        ],
        f"{tmp_path}/out/toy/.builds/lock: expected a system whose files can be locked, such as "
        "Linux, found linux. Build on Linux; datasets can be loaded and streamed here.",
    ]
