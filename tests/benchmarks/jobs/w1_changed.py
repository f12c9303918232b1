"""W1 by dsbuilder with prepared images kept, then again with another augmentation.

`MODE` says which of the two is timed: first or changed. In a changed build the originals are
copied and two copies of each image made, so that both count the same samples.
"""

import os
import time

from job import KEPT, OTHER, build, clock, out_dir, subset

from dsbuilder.builder.engines.pool import ALBUMENTATIONS, Pool

folder, out = subset(), out_dir()
changed = os.environ["MODE"] == "changed"
if changed:
    build(folder, out, KEPT)
with Pool(workers=2, sample_timeout_s=60, modules=[ALBUMENTATIONS]) as pool:
    time.sleep(3)
    watch = clock()
    built = build(folder, out, KEPT, *([OTHER] if changed else []), engine=pool)
    watch.stop(built.made + built.reused)
