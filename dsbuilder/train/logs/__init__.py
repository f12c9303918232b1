"""What a training tells other programs as it goes on, beside what its run holds.

training_log.py     what a log is, and what both tell alike
tensorboard_log.py  event files in the run, which TensorBoard shows
mlflow_log.py       a run of MLflow in a folder

A log tells what stands in the run's files and nothing else, so that a run that goes on tells it
again as far as it is missing, and one that was never logged can be. It begins with the first whole
epoch: of a training that comes to none, none is there. What keeps a log from being written is a
warning, and the training goes on without it.
"""

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from dsbuilder.pipelinefile.training import LogName
from dsbuilder.train.logs.training_log import STORE, Outcome, TrainingLog
from dsbuilder.train.run import Row, Run

_PACKAGES: Mapping[LogName, tuple[str, str]] = {
    "tensorboard": ("tensorboard", "tensorboard"),
    "mlflow": ("mlflow", "mlflow-skinny"),
}
"""The module that a log is written with, and the package that pip brings it by."""


class Logs:
    """The logs of one training, of which none is there before its first epoch is over."""

    def __init__(self, run: Run | None = None, names: Sequence[LogName] = ()) -> None:
        """Makes logs that nothing is written to yet.

        Args:
          run: the run that they tell of.
          names: programs that they are for.
        """
        self._run = run
        self._waiting = tuple(names)
        self._open: dict[LogName, TrainingLog] = {}
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What kept logs from being written."""
        return tuple(self._warnings)

    def write_epochs(self, rows: Sequence[Row]) -> None:
        """Writes the epochs that are over, as far as that is not done."""
        if not rows or self._run is None:
            return
        waiting, self._waiting = self._waiting, ()
        for name in waiting:
            with self._trying(name):
                self._open[name] = _open(name, self._run)
        for name, log in [*self._open.items()]:
            with self._trying(name):
                log.write_epochs(rows)

    def end(self, outcome: Outcome) -> None:
        """Ends the logs that were begun."""
        for name, log in [*self._open.items()]:
            with self._trying(name):
                log.end(outcome)
        self._open.clear()

    @contextlib.contextmanager
    def ended_by_errors(self) -> Iterator[None]:
        """Lets the logs of a training that an error ends say so."""
        try:
            yield
        except BaseException:
            self.end("failed")
            raise

    @contextlib.contextmanager
    def _trying(self, name: LogName) -> Iterator[None]:
        """Gives a log up that cannot be written, with a warning."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - another program's; a training is worth more
            self._open.pop(name, None)
            where = self._run.path if self._run is not None else ""
            told = str(error).strip().partition("\n")[0].rstrip(".")
            self._warnings.append(
                f"{where}: the log for {name} is not written any more "
                f"({type(error).__name__}: {told}). What is missing, "
                f"`dsbuilder train PIPELINE --run {where} --resume` writes."
            )


def _open(name: LogName, run: Run) -> TrainingLog:
    if name == "tensorboard":
        from dsbuilder.train.logs.tensorboard_log import TensorBoardLog

        return TensorBoardLog(run)
    from dsbuilder.train.logs.mlflow_log import MlflowLog

    return MlflowLog(run)


def faults(names: Sequence[LogName]) -> Iterator[str]:
    """Yields what keeps logs from being written here; nothing is imported for that."""
    for name in names:
        module, package = _PACKAGES[name]
        if not is_installed(module):
            yield (
                f"expected the package {module} to be installed, with which the log for {name} is "
                f"written. `pip install {package}` brings it, or leave the log out."
            )
    scheme = urlsplit(os.environ.get(STORE, "")).scheme
    if "mlflow" in names and len(scheme) > 1 and scheme != "file":  # of one letter is a drive
        yield (
            f"{STORE}: expected a folder or a file: URI, since a training uses no network and no "
            f"database, found '{scheme}:'. Set it to a folder, or unset it."
        )


def is_installed(module: str) -> bool:
    """Whether a module can be imported; a folder of its name is none."""
    found = importlib.util.find_spec(module)
    return found is not None and found.origin is not None
