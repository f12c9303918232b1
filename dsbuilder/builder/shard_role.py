"""The role of a worker that makes shards; see `dsbuilder/workers/`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dsbuilder.binding import resolved_from_json
from dsbuilder.builder.shard import ShardMaker
from dsbuilder.builder.task import Job, ShardTask
from dsbuilder.workers import At, Role


class ShardRole(Role):
    """Makes whole shards: reads, transforms, encodes, writes, and answers with a few numbers."""

    _maker: ShardMaker

    def __init__(self, setup: Mapping[str, Any]) -> None:
        """Binds the pipeline that `resolved_to_json` described."""
        self._pipeline = resolved_from_json(setup)

    def start(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Takes a `Job` as JSON values."""
        self._maker = ShardMaker(self._pipeline, Job(**job))

    def run(self, task: Any, at: At) -> dict[str, Any]:
        """Makes the shard of a `ShardTask`; returns its `ShardResult` as JSON values.

        Items are the roots of the task, parts their outputs.
        """
        return asdict(self._maker.make(ShardTask.from_json(task), at))
