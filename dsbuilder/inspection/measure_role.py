"""The role of a worker that measures records, and its tasks; see `dsbuilder/workers/`.

What crosses is a task's records and what was measured of them; never pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from dsbuilder import targets
from dsbuilder.binding import PlainPipeline
from dsbuilder.errors import option
from dsbuilder.inspection.choosing import bound
from dsbuilder.inspection.measuring import (
    MeasuredRecords,
    Measurer,
    Progress,
    from_json,
    to_json,
)
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.pipelinefile.stages import Inspection
from dsbuilder.plugin import Source, Target
from dsbuilder.registry import discover
from dsbuilder.sample import Record
from dsbuilder.workers import NO_ITEM, At, Crew, Role

_RECORDS = 32
_SECTIONS = {"source": Source, "image": ImageOptions, "inspect": Mapping[str, Inspection]}


@dataclass(frozen=True, kw_only=True)
class MeasureTask:
    """Some records to measure.

    Attributes:
      first: place of the first one among all records; the others follow.
      records: records to measure.
      lost: reasons why some of them are not to be measured again, by place in `records`.
    """

    first: int
    records: Sequence[Record]
    lost: Mapping[int, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How errors call it."""
        return f"inspect: {self.records[0].key} and what follows"

    @property
    def samples(self) -> int:
        """How many records it counts for."""
        return len(self.records)

    def to_json(self) -> dict[str, Any]:
        """Returns what a worker needs of the task, as JSON values."""
        return {"records": [each.to_json() for each in self.records], "lost": list(self.lost)}

    def without(self, item: int, part: int, reason: str) -> Self:
        """Returns the task without a record."""
        return replace(self, lost={**self.lost, item: reason})


class MeasureRole(Role):
    """Measures records, each by all inspectors."""

    _measurer: Measurer

    def __init__(self, setup: Mapping[str, Any]) -> None:
        """Binds the source, how its images are decoded, and the inspectors."""
        plain = PlainPipeline.from_json(setup["pipeline"])
        self._sections = plain.bind(_SECTIONS)
        self._inspectors = bound(self._sections["inspect"], discover(plain.plugins), setup["names"])
        self._kinds = {name: targets.from_json(data) for name, data in setup["kinds"].items()}

    def start(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Opens the source: in each worker, since a file that all share has one position."""
        self._measurer = Measurer(
            catalog=self._sections["source"].open(),
            image=self._sections["image"],
            kinds=self._kinds,
            inspectors=self._inspectors,
        )

    def run(self, task: Any, at: At) -> list[Any]:
        """Measures the records of a `MeasureTask`; returns measures, None of what is lost.

        Items are the records.
        """
        lost, found = set(task["lost"]), []
        for item, row in enumerate(task["records"]):
            at(item, NO_ITEM, item)
            record = Record.from_json(row)
            found.append(None if item in lost else to_json(self._measurer.measure(record)))
        at(NO_ITEM, NO_ITEM, len(found))
        return found


def measure_apart(
    pipeline: PlainPipeline,
    names: Sequence[str],
    kinds: Mapping[str, Target],
    records: Sequence[Record],
    on_progress: Progress,
    *,
    workers: int,
    sample_timeout_s: float,
) -> MeasuredRecords:
    """Measures records in worker processes; the result is that of `measure_here`.

    Args:
      names: names of the inspectors, in the order of the measures.
      kinds: targets of the source by name.
      workers: number of processes, 1 or more.
      sample_timeout_s: seconds that one record may take before it is lost.

    Raises:
      PluginError: an inspector or the source failed.
      CacheError: workers cannot be started.
    """
    setup = {
        "pipeline": pipeline.only(*_SECTIONS).to_json(),
        "names": list(names),
        "kinds": {name: targets.to_json(kind) for name, kind in kinds.items()},
    }
    tasks = [
        MeasureTask(first=first, records=records[first : first + _RECORDS])
        for first in range(0, len(records), _RECORDS)
    ]
    measured, done = MeasuredRecords([None] * len(records)), 0

    def report(samples: int) -> None:
        nonlocal done
        done += samples
        on_progress(done, len(records))

    crew = Crew(
        workers=workers,
        item_timeout_s=sample_timeout_s,
        instead=f"{option('workers 0')} inspects in this process.",
    )
    with crew:
        crew.prepare(f"{__name__}:{MeasureRole.__name__}", setup)
        for task, result in crew.run({}, tasks, report):
            for place, found in enumerate(result, start=task.first):
                measured.measures[place] = None if found is None else tuple(from_json(found))
            lost = {task.first + item: reason for item, reason in task.lost.items()}
            measured.lost.update(lost)
    return measured
