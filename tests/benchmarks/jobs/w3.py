"""W3 by dsbuilder: `CODEC` npy or tfrecord, `MODE` exact or fused, `WORKERS` processes or 0.

What it streams from is built once, into the folder of the race's data.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, os.environ["BENCH"])

from common import DATA, stream  # isort: split

import tensorflow  # noqa: F401 - the peers' clocks start after the imports as well

import dsbuilder
from dsbuilder.builder import build_dataset

FUSED = (
    "stream.stages=["
    "{use: fused_crop_resize_flip, size: [224, 224], scale: [0.5, 1.0]}, {use: fused_color}]"
)
codec = os.environ["CODEC"]
words = [f"source.path={DATA}/jpeg256", f"cache.codec={codec}", f"name=w3_{os.environ['MODE']}"]
words += ["cache.image=raw"] if codec == "npy" else ["cache.image=jpeg"]
words += [FUSED] if os.environ["MODE"] == "fused" else []
pipeline = Path(__file__).with_name("w3.yaml")
built = build_dataset(pipeline, Path(DATA) / "ours" / codec, workers=2, overrides=words)
opened = dsbuilder.load(built.path).stream("train", workers=int(os.environ["WORKERS"]))
stream(opened.epochs)
