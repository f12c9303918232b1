"""What our contestants share: the job W1 as a pipeline, and one build of it with two workers.

`BENCH` is the folder of the race; `common`, its clock and its files come from there. It is imported
first, since it keeps albumentations from looking for a newer version.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, os.environ["BENCH"])

from common import COPIES, DATA, SHARDS, N, again, clock, out_dir, subset  # isort: split

import albumentations  # noqa: F401 - every clock starts after the imports

from dsbuilder.builder import Built, build_dataset

__all__ = [
    "FUSED",
    "KEPT",
    "OTHER",
    "PIPELINE",
    "again",
    "build",
    "clock",
    "out_dir",
    "shard_mb",
    "subset",
]

# A copy beside the data: beside this file, a build would read this tree's `plugins/` too.
PIPELINE = Path(shutil.copy(Path(__file__).with_name("w1.yaml"), DATA))
FUSED = (
    "augment.stages=["
    "{use: fused_crop_resize_flip, size: [224, 224], scale: [0.5, 1.0]}, {use: fused_color}]"
)
KEPT = "build.keep_prepared=true"
OTHER = "augment.stages[0].scale=[0.4, 1.0]"


def shard_mb() -> float:
    """Returns the size from which 8 shards follow: a sample counts for 37.7 kB."""
    return float(N * (1 + COPIES) * 0.0377 / SHARDS)


def build(folder: str, out: str, *overrides: str, **how: Any) -> Built:
    """Builds W1 of a folder of images."""
    words = (f"source.path={folder}", f"cache.shard_mb={shard_mb():.3f}", *overrides)
    return build_dataset(PIPELINE, out, workers=2, overrides=words, **how)
