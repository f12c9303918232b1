"""W1 by dsbuilder, from nothing; `MODE` is exact or fused."""

import os

from job import FUSED, build, clock, out_dir, subset

folder, out = subset(), out_dir()
words = (FUSED,) if os.environ["MODE"] == "fused" else ()
watch = clock()
built = build(folder, out, *words)
watch.stop(built.made)
