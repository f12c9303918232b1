"""W1 by dsbuilder after all imports, those of the workers' parent, too; `MODE` is exact or fused.

The limit's workers are forked from a process that has imported all. Ours are forked from a process
of their own, which is started before the clock here, and given three seconds to import; and the
built-in plugins, each of which a build imports when it is named, are imported here as well.
"""

import os
import time

from job import FUSED, build, clock, out_dir, subset

from dsbuilder.builder.engines.pool import ALBUMENTATIONS, Pool
from dsbuilder.registry import discover

tuple(discover().plugins)
folder, out = subset(), out_dir()
words = (FUSED,) if os.environ["MODE"] == "fused" else ()
with Pool(workers=2, sample_timeout_s=60, modules=[ALBUMENTATIONS]) as pool:
    time.sleep(3)
    watch = clock()
    built = build(folder, out, *words, engine=pool)
    watch.stop(built.made)
