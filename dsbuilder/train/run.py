"""The run folder: one training execution.

runs/emoji-1/
  config.json       what was trained on what: the train section with every default, the dataset
  pipeline.yaml     a pipeline that says what was chosen, where nothing was said of the training
  results.csv       a line an epoch
  best.keras        the model of the lowest validation loss, for use
  last.keras        the model after the last whole epoch, with its optimizer, for `resume_run`
  checkpoint.keras  the same within a long epoch, gone when the epoch ends
  evaluation.json   how good the best model is on the test split
  curves.json       curves of that evaluation as data: ROC, calibration, residuals, ...
  predictions.csv   what it says of every sample of that split, beside what is true
  README.md         a model card of Hugging Face, with its scores
  charts/           all this drawn, as SVG beside its numbers; see `train/drawing.py`; and mistakes
  report.html       a page that shows all of it; see `train/run_page.py`
  tensorboard/      event files, where they are asked for; `mlflow.json` likewise: see `train/logs/`

Every file is replaced in one step, so a killed run leaves none half written. `last.keras` alone
says how many epochs a run came to, and `checkpoint.keras` how far the next one is; all else is
written from them again.
"""

import contextlib
import csv
import importlib.metadata
import io
import itertools
import math
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from dsbuilder import names, tasks, typed_json
from dsbuilder.cache import store
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError, printable
from dsbuilder.paths import near_path
from dsbuilder.report.charts.lines import LineChart
from dsbuilder.stream.sampling import Sampled
from dsbuilder.tasks import Evaluation, evaluations_of
from dsbuilder.tasks.intervals import Interval

PIPELINES = (".yaml", ".yml")
CONFIG = "config.json"
PIPELINE = "pipeline.yaml"
RESULTS = "results.csv"
BEST = "best.keras"
LAST = "last.keras"
CHECKPOINT = "checkpoint.keras"
EVALUATION = "evaluation.json"
CURVES = "curves.json"
PREDICTIONS = "predictions.csv"
LEARNING = "learning.json"
CHARTS = "charts"
REPORT = names.REPORT

_FIRST = ("epoch", "phase", "learning_rate")
_GROUPS = ("train", "validation")
_PACKAGES = ("dsbuilder", "keras", "tensorflow", "numpy")


def no_run(given: Path) -> str:
    """Returns what is wrong with a path that is to be a run's or a model's, and what was meant."""
    if given.suffix in PIPELINES and given.is_file():
        verb = f"dsbuilder train {shlex.quote(printable(str(given)))}"
        return f"expected a run, found a pipeline. `{verb}` makes one, and says where it lies."
    hint = near_path(given) or " Give the folder of a run, such as runs/emoji-1."
    return f"no such run.{hint}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One epoch.

    Attributes:
      epoch: its number, counted from 1 through all phases.
      phase: `train` or `fine_tune`.
      learning_rate: learning rate at the end of the epoch.
      train: loss and metrics by name, of the epoch's batches as they were trained on.
      validation: the same of the validation split after the epoch; empty without one.
      seconds: time that the epoch took, with its validation.
    """

    epoch: int
    phase: str
    learning_rate: float
    train: Mapping[str, float]
    validation: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def flat(self) -> dict[str, Any]:
        """Returns the line of `results.csv` by column; what has no finite number is None."""
        groups = {group: getattr(self, group) for group in _GROUPS}
        values = {
            f"{group}_{name}": value if math.isfinite(value) else None
            for group, each in groups.items()
            for name, value in each.items()
        }
        first = {name: getattr(self, name) for name in _FIRST}
        return {**first, **values, "seconds": round(self.seconds, 3)}

    @classmethod
    def from_flat(cls, line: Mapping[str, Any]) -> Self:
        """Returns the row of a line; its values may be texts, empty where there is no number."""
        groups = {
            group: {
                name.removeprefix(f"{group}_"): float("nan" if value in (None, "") else value)
                for name, value in line.items()
                if name.startswith(f"{group}_")
            }
            for group in _GROUPS
        }
        return cls(
            epoch=int(line["epoch"]),
            phase=str(line["phase"]),
            learning_rate=float(line["learning_rate"]),
            seconds=float(line["seconds"]),
            **groups,
        )


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder.

    Attributes:
      path: path of the folder.
      computing: backend, devices, precision and compiler of that training, in words.
      warnings: what a person should know of the training that was done last.
    """

    path: Path
    computing: str = ""
    warnings: tuple[str, ...] = ()

    def warned(self, *warnings: str | None) -> Self:
        """Returns the same folder, with further warnings; None is none."""
        return replace(self, warnings=(*self.warnings, *filter(None, warnings)))

    @property
    def best(self) -> Path:
        """The best model's file."""
        return self.path / BEST

    @property
    def last(self) -> Path:
        """The last model's file."""
        return self.path / LAST

    @property
    def checkpoint(self) -> Path:
        """The file of an epoch that is not over."""
        return self.path / CHECKPOINT

    def config(self) -> dict[str, Any]:
        """Returns the resolved configuration.

        Raises:
          TrainError: the folder is not a run.
        """
        config: dict[str, Any] = self._json(CONFIG)
        with self._reading(CONFIG):
            typed_json.bind(_Config, config, partly=True)
        return config

    def rows(self) -> list[Row]:
        """Returns the epochs so far, from `results.csv`; none if not one is whole yet."""
        path = self.path / RESULTS
        if not path.is_file():
            return []
        with self._reading(RESULTS), path.open(encoding="utf-8", newline="") as file:
            return [Row.from_flat(line) for line in csv.DictReader(file)]

    def evaluation(self) -> dict[str, Any]:
        """Returns what `evaluation.json` holds.

        Raises:
          TrainError: the run has not come to its end.
        """
        evaluation: dict[str, Any] = self._json(EVALUATION)
        with self._reading(EVALUATION):
            typed_json.bind(_Evaluated, evaluation, partly=True)
            for _, each in evaluations_of(evaluation):
                if typed_json.bind(_Evaluated, each, partly=True).kind not in tasks.TASKS:
                    raise ValueError(f"the kind {typed_json.shown(each['kind'])}")
        return evaluation

    def curves(self) -> "Curves | None":
        """Returns what `curves.json` holds; None where there is none.

        Raises:
          TrainError: it is not what a run writes.
        """
        if not (self.path / CURVES).exists():
            return None
        with self._reading(CURVES):
            return typed_json.bind(Curves, self._json(CURVES), partly=True)

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Writes a file of JSON values."""
        store.write_text(self.path / name, typed_json.dumps(data, indent=1) + "\n")

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Writes `results.csv`."""
        lines = [row.flat() for row in rows]
        columns = list(dict.fromkeys(name for line in lines for name in line if name != "seconds"))
        text = io.StringIO()
        writer = csv.DictWriter(text, [*columns, "seconds"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        store.write_text(self.path / RESULTS, text.getvalue())

    def _json(self, name: str) -> Any:
        path = self.path / name
        try:
            return typed_json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            gone = isinstance(error, FileNotFoundError)
            reason = "no such file" if gone else f"the file cannot be read ({error})"
            raise TrainError(
                f"{path}: {reason}. Give the folder of a run, such as runs/emoji-1."
            ) from None

    @classmethod
    def of(cls, given: Path) -> Self:
        """Returns the run of a folder, or of a model that lies in it.

        Raises:
          TrainError: nothing lies there, or it is a pipeline.
        """
        if given.is_dir():
            return cls(path=given)
        if not given.is_file() or given.suffix in PIPELINES:
            raise TrainError(f"{given}: {no_run(given)}")
        return cls(path=given.parent)

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Lets what a file says that no run writes be a TrainError."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, csv.Error, OSError) as error:
            raise TrainError(
                f"{self.path / name}: expected what a run writes, found another ({error}). "
                "Train it again."
            ) from None


@dataclass(frozen=True, kw_only=True)
class _ConfigDataset:
    path: str
    name: str
    version: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class _ConfigModel:
    use: str


@dataclass(frozen=True, kw_only=True)
class _ConfigTrain:
    model: _ConfigModel


@dataclass(frozen=True, kw_only=True)
class _Config:
    """What is read of a configuration."""

    dataset: _ConfigDataset
    train: _ConfigTrain
    plugins: tuple[str, ...]
    pipeline: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Evaluated:
    """What is read of an evaluation."""

    kind: str
    intervals: Mapping[str, Interval | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Curves of an evaluation, as data.

    Attributes:
      dataset: name and version of the dataset.
      split: name of the split.
      samples: number of samples measured.
      heads: charts of each head, by the name of its target.
    """

    dataset: str
    split: str
    samples: int
    heads: Mapping[str, tuple[LineChart, ...]]


def discard_unused(run: Run, *, configured: bool) -> bool:
    """Removes the folder of a run in which nothing was trained; returns whether it did.

    Args:
      configured: whether one that holds its configuration counts as unused as well.
    """
    found = {path.name for path in run.path.iterdir()} if run.path.is_dir() else {"none"}
    if found - ({CONFIG, PIPELINE} if configured else {PIPELINE}):
        return False
    shutil.rmtree(run.path)
    return True


def new_run(folder: Path | str, name: str) -> Run:
    """Makes the folder of a new run: `<folder>/<name>-1`, or the next number that is free.

    Raises:
      TrainError: the folder cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = Path(folder) / f"{name}-{number}"
            if not os.path.lexists(path):
                path.mkdir()
                break
    except OSError as error:
        raise TrainError(
            f"{folder}: the folder for runs cannot be written ({error.strerror}). Choose another."
        ) from None
    return Run(path=path)


def config_of(
    dataset: StoredDataset,
    train: Mapping[str, Any],
    plugins: Sequence[Path],
    *,
    seed: int,
    backend: str,
    devices: Sequence[str],
    sampled: Sampled | None = None,
) -> dict[str, Any]:
    """Returns the resolved configuration: what is trained on what, with every default.

    Args:
      train: options of the training, with the model and what is monitored.
      seed: seed of all that is random in it.
      backend: what Keras runs on.
      devices: names of the devices that it is trained on.
      sampled: what sampling makes of classes; None where every sample comes once.
    """
    return {
        "dataset": {
            "path": str(dataset.path),
            "name": dataset.name,
            "version": dataset.manifest.version,
            "fingerprint": dataset.manifest.fingerprint,
        },
        "train": dict(train),
        "sampled": None if sampled is None else sampled.to_json(),
        "seed": seed,
        "plugins": [str(Path(folder).resolve()) for folder in plugins],
        "pipeline": dataset.pipeline.sections,
        "backend": backend,
        "devices": list(devices),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def write_evaluation(run: Run, evaluation: Evaluation) -> None:
    """Writes an evaluation into a run folder, and its curves."""
    store.write_text(run.path / EVALUATION, _laid_out(evaluation.to_json()) + "\n")
    write_curves(run, evaluation)


def write_curves(run: Run, evaluation: Evaluation, name: str = CURVES) -> None:
    """Writes the curves of an evaluation as JSON values.

    The file has `dataset`, `split`, `samples`, and in `heads` a list of charts for each target, the
    only one without a name; see `tasks/charts.py` for what a chart is.
    """
    heads = {
        head: [chart.to_json() for chart in each.charts] for head, each in evaluation.by_head()
    }
    found = {name: getattr(evaluation, name) for name in ("dataset", "split", "samples")}
    store.write_text(run.path / name, typed_json.dumps({**found, "heads": heads}) + "\n")


def _laid_out(document: Mapping[str, Any], margin: str = "") -> str:
    """Returns an evaluation as JSON: a line a field, and in lists a line a class."""
    inner = f"{margin} "
    fields = []
    for name, value in document.items():
        text = typed_json.dumps(value)
        if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (str, float)):
            lines = ",\n".join(f"{inner} {typed_json.dumps(each)}" for each in value)
            text = f"[\n{lines}\n{inner}]"
        elif name == "heads" or (isinstance(value, Mapping) and "kind" in value):
            text = _laid_out(value, inner)
        fields.append(f"{inner}{typed_json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(fields) + f"\n{margin}}}"
