"""What a build notes about itself in its log; see `cache/build_log.py`."""

import platform
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dsbuilder import targets
from dsbuilder.builder.survey import Survey
from dsbuilder.cache.build_log import BuildLog


@dataclass(frozen=True)
class Clock:
    """When a build began."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    at: float = field(default_factory=time.monotonic)

    @property
    def started_ns(self) -> int:
        """In nanoseconds since 1970, as file times are counted."""
        return int(self.started.timestamp() * 1e9)


def log_of(surveyed: Survey, clock: Clock) -> BuildLog:
    """Returns the log of a build that ends now."""
    spec, kinds = surveyed.pipeline.spec, surveyed.targets
    stated = None if kinds is None else {name: targets.to_json(k) for name, k in kinds.items()}
    return BuildLog(
        pipeline=str(Path(spec.document.origin).absolute()),
        folder=str(spec.document.folder),
        plugins=tuple(str(each) for each in spec.registry.folders),
        targets=stated,
        host=platform.node(),
        command=tuple(sys.argv),
        started=clock.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock.at, 3),
    )
