"""W2 by dsbuilder: photographs of 224 x 224 as they are, by `CODEC` npy or tfrecord, in `SHARDS`.

`CACHE_MB` is the memory that decoded images may take; empty for what the stream takes by itself.
What it streams from is built once, into the folder of the race's data.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, os.environ["BENCH"])

from common import DATA, files, stream  # isort: split

import tensorflow  # noqa: F401 - the peers' clocks start after the imports as well

import dsbuilder
from dsbuilder.builder import build_dataset

IMAGE_MB = {"npy": 224 * 224 * 3 / 1e6, "tfrecord": 0.0377}

codec, shards = os.environ["CODEC"], int(os.environ["SHARDS"])
folder = Path(DATA, "jpeg224")
shard_mb = len(files(folder)) * IMAGE_MB[codec] / shards
words = [f"source.path={folder}", f"cache.codec={codec}", f"name=w2_{shards}"]
words += [f"cache.image={'raw' if codec == 'npy' else 'jpeg'}", f"cache.shard_mb={shard_mb:.3f}"]
# A copy beside the data: beside this file, a build would read this tree's `plugins/` too.
pipeline = Path(shutil.copy(Path(__file__).with_name("w2.yaml"), DATA))
built = build_dataset(pipeline, Path(DATA) / "ours" / codec, workers=2, overrides=words)
dataset = dsbuilder.load(built.path)
print(len(dataset.shards("train")), "shards", file=sys.stderr)
kept = os.environ.get("CACHE_MB")
how = {} if not kept else {"cache_mb": float(kept)}
stream(dataset.stream("train", **how).epochs)
