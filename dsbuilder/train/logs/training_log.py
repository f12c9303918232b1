"""What each log of a training is, and what all of them tell alike."""

import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from dsbuilder import typed_json
from dsbuilder.train.run import Row

Outcome = Literal["done", "left", "failed"]
"""How a training ended: evaluated, left to go on later, or by an error."""

TENSORBOARD = "tensorboard"
"""The folder of a run that holds its event files."""
MLFLOW_FILE = "mlflow.json"
"""The file of a run that says which run of MLflow is its own."""

STORE = "MLFLOW_TRACKING_URI"
"""The variable that says where MLflow keeps its runs."""
_RUNS_OF_MLFLOW = "mlruns"


class TrainingLog(ABC):
    """A log of one training. Its methods may raise whatever the library below them does."""

    @abstractmethod
    def write_epochs(self, rows: Sequence[Row]) -> None:
        """Writes those epochs of a run that the log does not have yet.

        Args:
          rows: all that are over.
        """

    @abstractmethod
    def end(self, outcome: Outcome) -> None:
        """Writes what the run holds beside its epochs, and that the training is over."""


def folder_of_mlflow(run: Path) -> Path:
    """Returns the folder in which MLflow keeps its runs: that which is said, or one beside a run's.

    Args:
      run: folder of the run.
    """
    said = os.environ.get(STORE)
    if not said:
        return run.absolute().parent / _RUNS_OF_MLFLOW
    parsed = urlsplit(said)
    return Path(unquote(parsed.path) if parsed.scheme == "file" else said).absolute()


def options_by_path(options: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the options of a train section by their paths, such as `optimizer.learning_rate`.

    What is no text, number or truth value is JSON; what is null is left out.
    """
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from options_by_path(value, f"{before}{name}.")
        elif isinstance(value, (str, bool, int, float)):
            yield f"{before}{name}", value
        elif value is not None and value not in ([], {}, ()):
            yield f"{before}{name}", typed_json.dumps(value)


def ends_of(rows: Sequence[Row]) -> list[float]:
    """Returns when epochs ended, in seconds since 1970, as if the last one had ended now.

    Of a run that was interrupted the time in between is left out.
    """
    ends, at = [], time.time()
    for row in reversed(rows):
        ends.append(at)
        at -= row.seconds
    return ends[::-1]


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """Returns the values that can be drawn."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
