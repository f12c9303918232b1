"""The engine of worker processes says what it was not given."""

from pathlib import Path

import pytest

from dsbuilder.builder.engines.pool import Pool
from dsbuilder.builder.task import Job, ShardContents, ShardTask


@pytest.mark.parametrize("modules", [[], ["json"]], ids=["started late", "started early"])
def test_a_pool_that_has_no_pipeline_says_so(tmp_path: Path, modules: list[str]) -> None:
    task = ShardTask.of(
        ShardContents([], {}), split="train", stem="a#00000-of-00001", fingerprint=""
    )
    job = Job(output=str(tmp_path), before=None, originals=None, planned_ns=0)
    expected = pytest.raises(RuntimeError, match=r"expected prepare\(\) before run\(\)")
    with Pool(workers=1, sample_timeout_s=9, modules=modules) as pool, expected:
        list(pool.run(job, [task], lambda samples: None))
