"""A training as TensorBoard shows it: event files in the folder `tensorboard` of its run.

tensorboard/             the configuration, as text and as hyperparameters; the worst mistakes
tensorboard/train/       loss, metrics, learning rate and seconds of every epoch
tensorboard/validation/  loss and metrics of the same names, so that both lie in one chart
tensorboard/evaluation/  scores of the best model on the split that it was measured on

The files are written anew by every training that goes on, from the epochs of its run: so they hold
each of them once, wherever the run was killed. `tensorboard --logdir runs` shows all runs.
"""

import itertools
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.summary import session_end_pb
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util import tensor_util

from dsbuilder.records.tfrecord import frame
from dsbuilder.report.page.yaml_text import as_yaml
from dsbuilder.tasks import numbers_of
from dsbuilder.train.logs.training_log import (
    TENSORBOARD,
    Outcome,
    TrainingLog,
    ends_of,
    finite,
    options_by_path,
)
from dsbuilder.train.run import CHARTS, EVALUATION, Row, Run

_VERSION = "brain.Event:2"
_COUNTER = itertools.count()


class TensorBoardLog(TrainingLog):
    """The event files of one run."""

    def __init__(self, run: Run) -> None:
        """Removes those that an earlier training of the run left."""
        self._run = run
        self._folder = run.path / TENSORBOARD
        self._files: dict[str, _EventFile] = {}
        self._written = 0
        self._ended = 0.0
        for old in self._folder.glob("**/*.tfevents.*"):
            old.unlink()

    def write_epochs(self, rows: Sequence[Row]) -> None:
        """Writes a point of each chart for each epoch that has none."""
        ends = ends_of(rows)
        if not self._written:
            self._configure(ends[0] - rows[0].seconds)
        new = [*zip(rows, ends, strict=True)][self._written :]
        for row, end in new:
            for split, values in _by_split(row).items():
                for name, value in values.items():
                    self._file(split).add(scalar_pb(name, value), row.epoch, end)
            self._ended = end
        self._written = len(rows)
        self._flush()

    def end(self, outcome: Outcome) -> None:
        """Writes the scores and mistakes of the best model, and how the training ended."""
        if outcome == "done":
            self._evaluated()
        statuses = {"done": "STATUS_SUCCESS", "left": "STATUS_RUNNING", "failed": "STATUS_FAILURE"}
        status = api_pb2.Status.Value(statuses[outcome])
        if outcome != "left":
            # Of the class that TensorFlow has for it.
            ended = session_end_pb(status, self._ended).SerializeToString()
            summary = summary_pb2.Summary.FromString(ended)
            self._file("").add(summary, self._written, self._ended)
        self._flush()

    def _configure(self, began: float) -> None:
        config = self._run.config()
        dataset = config["dataset"]
        told = {"dataset": dataset, "seed": config.get("seed"), "train": config["train"]}
        text = "".join(f"    {line}\n" for line in as_yaml(told).splitlines())  # code, in Markdown
        self._file("").add(text_pb("configuration", text), 0, began)
        options = dict(options_by_path(config["train"]))
        options["dataset"] = f"{dataset['name']} {dataset['version']}"
        started = hparams_pb(options, start_time_secs=began)
        self._file("").add(started, 0, began)

    def _evaluated(self) -> None:
        if not (self._run.path / EVALUATION).is_file():
            return
        for name, value in numbers_of(self._run.evaluation()):
            self._file("evaluation").add(scalar_pb(name, value), self._written, self._ended)
        for picture in sorted((self._run.path / CHARTS).glob("*.png")):
            self._file("").add(_image_pb(picture), self._written, self._ended)

    def _file(self, name: str) -> "_EventFile":
        if name not in self._files:
            self._files[name] = _EventFile(self._folder / name)
        return self._files[name]

    def _flush(self) -> None:
        for each in self._files.values():
            each.flush()


class _EventFile:
    """A file of events, in the order in which they are added; what is whole is appended."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # A reader that follows the folder goes on to the file of the next higher name.
        unique = f"{socket.gethostname()}.{os.getpid()}.{next(_COUNTER)}"
        self._path = folder / f"events.out.tfevents.{int(time.time()):010d}.{unique}"
        self._waiting: list[bytes] = []

    def add(self, summary: summary_pb2.Summary, step: int, at: float) -> None:
        if not self._waiting and not self._path.exists():
            self._add(event_pb2.Event(wall_time=at, file_version=_VERSION))
            # What a reader has of files before this one, it forgets.
            anew = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._add(event_pb2.Event(wall_time=at, step=0, session_log=anew))
        self._add(event_pb2.Event(wall_time=at, step=step, summary=summary))

    def flush(self) -> None:
        with self._path.open("ab") as file:
            file.write(b"".join(self._waiting))
        self._waiting.clear()

    def _add(self, event: event_pb2.Event) -> None:
        self._waiting.append(frame(event.SerializeToString()))


def _by_split(row: Row) -> dict[str, dict[str, float]]:
    """Returns what is shown of an epoch by the folder that it is written to."""
    train = {**row.train, "learning_rate": row.learning_rate, "seconds": row.seconds}
    return {"train": finite(train), "validation": finite(row.validation)}


def _image_pb(path: Path) -> summary_pb2.Summary:
    """Returns a picture, named as its file, in the form in which TensorBoard keeps one."""
    with Image.open(path) as picture:
        sides = [str(side).encode() for side in picture.size]
    summary = summary_pb2.Summary()
    summary.value.add(
        tag=path.stem,
        metadata=create_summary_metadata(display_name=None, description=None),
        tensor=tensor_util.make_tensor_proto([*sides, path.read_bytes()]),
    )
    return summary
