"""A training as a run of MLflow, in a folder: parameters, metrics by epoch, files, the dataset.

The folder is what MLFLOW_TRACKING_URI says, or `mlruns` beside the run; `mlflow.json` in the run
says which run of MLflow is its own, with which a training that goes on goes on too. MLflow has
deprecated folders in favor of databases, and from 3.13 on reads and writes them only where
MLFLOW_ALLOW_FILE_STORE is set: here it is, as far as nobody says otherwise, and so is what keeps
MLflow from telling its makers that it is used, for a training uses no network.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.cache import store
from dsbuilder.tasks import numbers_of
from dsbuilder.train.logs.training_log import (
    MLFLOW_FILE,
    Outcome,
    TrainingLog,
    ends_of,
    finite,
    folder_of_mlflow,
    options_by_path,
)
from dsbuilder.train.run import (
    CHARTS,
    CURVES,
    EVALUATION,
    PIPELINE,
    REPORT,
    RESULTS,
    Row,
    Run,
)

for _name in ("MLFLOW_ALLOW_FILE_STORE", "MLFLOW_DISABLE_TELEMETRY", "MLFLOW_DISABLE_AGENT_HINT"):
    os.environ.setdefault(_name, "true")

from mlflow import MlflowClient  # noqa: E402 (reads these)
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

_EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
_FILES = (PIPELINE, RESULTS, EVALUATION, CURVES, store.CARD, REPORT)
"""What is copied: not the configuration, which makes a folder a run, and is in the parameters."""
_MOST_AT_ONCE = 100
_LONGEST_PARAM = 6000
_LONGEST_DIGEST = 36
_STATUSES: Mapping[Outcome, str] = {"done": "FINISHED", "left": "KILLED", "failed": "FAILED"}


class MlflowLog(TrainingLog):
    """The run of MLflow that one run has."""

    def __init__(self, run: Run) -> None:
        """Opens the one that the run has, where the folder still holds it, or makes one."""
        self._run = run
        self._config = run.config()
        self._client = MlflowClient(tracking_uri=folder_of_mlflow(run.path).as_uri())
        known = self._known()
        self._id = self._made() if known is None else known
        self._client.update_run(self._id, status="RUNNING")
        self._describe()
        self._logged: int | None = None

    def write_epochs(self, rows: Sequence[Row]) -> None:
        """Writes the metrics of each epoch that has none, as `results.csv` names them."""
        if self._logged is None:
            self._logged = self._last_step(rows[0])
        found = [
            Metric(_name_of(name), value, int(1000 * end), row.epoch)
            for row, end in zip(rows, ends_of(rows), strict=True)
            if row.epoch > self._logged
            for name, value in _metrics(row).items()
        ]
        self._log(found, [], [])
        self._logged = rows[-1].epoch

    def end(self, outcome: Outcome) -> None:
        """Writes scores and files of the run, and how the training ended."""
        if outcome == "done" and (self._run.path / EVALUATION).is_file():
            self._evaluated()
        for path in self._files():
            folder = None if path.parent == self._run.path else path.parent.name
            self._client.log_artifact(self._id, str(path), folder)
        self._client.set_terminated(self._id, status=_STATUSES[outcome])

    def _evaluated(self) -> None:
        evaluation, steps = self._run.evaluation(), self._logged or 0
        now = int(1000 * time.time())
        split = evaluation["split"]
        found = [
            Metric(_name_of(f"{split}_{name}"), value, now, steps)
            for name, value in numbers_of(evaluation)
        ]
        self._log(found, [], [])

    def _files(self) -> Iterator[Path]:
        yield from filter(Path.is_file, (self._run.path / name for name in _FILES))
        yield from sorted((self._run.path / CHARTS).glob("*.png"))

    def _known(self) -> str | None:
        """Returns the id of the run that is known here; None where there is none (any more)."""
        file = self._run.path / MLFLOW_FILE
        if not file.is_file():
            return None
        known = typed_json.loads(file.read_text(encoding="utf-8"))
        try:
            found = self._client.get_run(str(known["run_id"]))
        except MlflowException:
            return None
        return str(found.info.run_id) if found.info.lifecycle_stage == "active" else None

    def _made(self) -> str:
        name = os.environ.get(_EXPERIMENT) or self._config["dataset"]["name"]
        found = self._client.get_experiment_by_name(name)
        experiment = self._client.create_experiment(name) if found is None else found.experiment_id
        path = self._run.path.absolute()
        made = self._client.create_run(experiment, run_name=f"{path.parent.name}/{path.name}")
        self._client.log_inputs(made.info.run_id, [self._trained_on()])
        self._run.write_json(MLFLOW_FILE, {"run_id": made.info.run_id, "experiment": name})
        return str(made.info.run_id)

    def _trained_on(self) -> DatasetInput:
        """Returns the dataset as MLflow keeps those of a run; its digest has a limit of length."""
        dataset = self._config["dataset"]
        found = Dataset(
            name=f"{dataset['name']} {dataset['version']}",
            digest=dataset["fingerprint"][:_LONGEST_DIGEST],
            source_type="dsbuilder",
            source=typed_json.dumps({"uri": dataset["path"]}),
        )
        return DatasetInput(dataset=found, tags=[InputTag("mlflow.data.context", "training")])

    def _describe(self) -> None:
        """Writes parameters and tags; a parameter that a run changes as it goes on is a tag."""
        dataset, before = self._config["dataset"], self._client.get_run(self._id).data.params
        options = {
            _name_of(name): value if isinstance(value, str) else typed_json.dumps(value)
            for name, value in options_by_path(self._config["train"])
        }
        options["seed"] = str(self._config.get("seed"))
        new = {n: value[:_LONGEST_PARAM] for n, value in options.items() if n not in before}
        changed = {n: value for n, value in options.items() if before.get(n, value) != value}
        tags = {
            "dsbuilder.dataset.name": dataset["name"],
            "dsbuilder.dataset.version": dataset["version"],
            "dsbuilder.dataset.fingerprint": dataset["fingerprint"],
            "dsbuilder.run": str(self._run.path.absolute()),
            "dsbuilder.backend": self._config.get("backend"),
            **{f"dsbuilder.packages.{n}": v for n, v in self._config.get("packages", {}).items()},
            **{f"dsbuilder.changed.{name}": value for name, value in changed.items()},
        }
        self._log(
            [],
            [Param(name, value) for name, value in new.items()],
            [RunTag(name, str(value)) for name, value in tags.items()],
        )

    def _last_step(self, first: Row) -> int:
        """Returns the number of the last epoch that is there."""
        history = self._client.get_metric_history(self._id, next(iter(_metrics(first))))
        return max((each.step for each in history), default=0)

    def _log(self, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[Any]) -> None:
        """Logs values, as many at once as MLflow takes."""
        for at in range(0, max(len(metrics), len(params), len(tags)), _MOST_AT_ONCE):
            some = slice(at, at + _MOST_AT_ONCE)
            self._client.log_batch(
                self._id, metrics=metrics[some], params=params[some], tags=tags[some]
            )


def _metrics(row: Row) -> dict[str, float]:
    values = {name: value for name, value in row.flat().items() if isinstance(value, float)}
    return finite(values)


def _name_of(name: str) -> str:
    """Returns a name that MLflow takes, which is a path in its folder."""
    return re.sub(r"[^\w.\- ]", "_", name).strip(".") or "_"
