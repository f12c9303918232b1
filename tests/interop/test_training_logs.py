"""TensorBoard and MLflow read what a training has logged for them."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tools
from train_colors import build, write_images

import dsbuilder
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Run

os.environ["MLFLOW_ALLOW_FILE_STORE"] = os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
mlflow = tools.module("mlflow")
accumulator = tools.module("tensorboard.backend.event_processing.event_accumulator")
multiplexer = tools.module("tensorboard.backend.event_processing.plugin_event_multiplexer")
trainer = tools.module("dsbuilder.train.trainer")

pytestmark = pytest.mark.filterwarnings("ignore")


class Interrupted(Exception):
    """Stands for a killed process, in one that lives on."""


def stop_at(epoch, step):
    def on_batch(each):
        if (each.epoch, each.step) == (epoch, step):
            raise Interrupted

    return on_batch


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> dsbuilder.Dataset:
    home = tmp_path_factory.mktemp("logged")
    source = write_images(home / "images")
    return build(home, source=source)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a name that URIs must escape."""
    folder = tmp_path_factory.mktemp("runs") / "all of 50 %#斑马"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def logged(dataset, home) -> Run:
    """A run that was stopped in its second epoch, and resumed."""
    options = options_of(dataset, overrides=["train.log=[tensorboard, mlflow]"])
    with pytest.raises(Interrupted):
        trainer.train_dataset(dataset, options, run=home / "first", on_batch=stop_at(3, 2))
    found = client(home).search_runs(experiments(home))
    assert [each.info.status for each in found] == ["FAILED"]
    assert len(events(home / "first", "train").Tensors("loss")) == 2
    return trainer.resume_run(home / "first")


def client(home):
    return mlflow.MlflowClient(tracking_uri=(home / "mlruns").as_uri())


def experiments(home):
    return [each.experiment_id for each in client(home).search_experiments()]


def run_of(run):
    known = json.loads((run.path / "mlflow.json").read_text())
    return client(run.path.parent).get_run(known["run_id"])


def events(folder, part):
    found = accumulator.EventAccumulator(
        str(folder / "tensorboard" / part), size_guidance={"tensors": 0}
    )
    return found.Reload()


def numbers(found, tag):
    return [(each.step, each.tensor_proto.float_val[0]) for each in found.Tensors(tag)]


def test_tensorboard_reads_each_epoch_once_though_the_run_was_interrupted(logged):
    rows = logged.rows()
    train, validation = (events(logged.path, part) for part in ("train", "validation"))
    for name in ("loss", "accuracy"):
        for found, split in ((train, "train"), (validation, "validation")):
            expected = [(row.epoch, getattr(row, split)[name]) for row in rows]
            assert numbers(found, name) == [(n, pytest.approx(each)) for n, each in expected]
    assert [each for _, each in numbers(train, "learning_rate")] == [
        pytest.approx(row.learning_rate) for row in rows
    ]
    times = [each.wall_time for each in train.Tensors("loss")]
    assert times == sorted(times) and len(set(times)) == len(rows) == 3


def test_tensorboard_reads_configuration_scores_and_mistakes(logged):
    root = events(logged.path, "")
    (told,) = root.Tensors("configuration")
    text = told.tensor_proto.string_val[0].decode()
    fingerprint = logged.config()["dataset"]["fingerprint"]
    assert fingerprint in text and "learning_rate: 0.01" in text
    scores = events(logged.path, "evaluation")
    assert numbers(scores, "accuracy")[0][1] == pytest.approx(logged.evaluation()["accuracy"])
    drawn = (logged.path / "charts/mistakes.png").exists()
    assert ("mistakes" in root.Tags()["tensors"]) == drawn
    if drawn:
        width, height, png = root.Tensors("mistakes")[0].tensor_proto.string_val
        assert png == (logged.path / "charts/mistakes.png").read_bytes()
        assert int(width) > 100 and int(height) > 100


def test_the_table_of_hyperparameters_holds_the_run(logged):
    hparams = tools.module("tensorboard.plugins.hparams.metadata")
    plugin = events(logged.path, "").SummaryMetadata(hparams.SESSION_START_INFO_TAG).plugin_data
    begun = hparams.parse_session_start_info_plugin_data(plugin.content)
    assert begun.hparams["optimizer.learning_rate"].number_value == 0.01
    assert begun.hparams["model.use"].string_value == "cnn"
    ended = events(logged.path, "").SummaryMetadata(hparams.SESSION_END_INFO_TAG).plugin_data
    assert hparams.parse_session_end_info_plugin_data(ended.content).status == 1  # success


def test_all_runs_lie_beside_each_other_for_tensorboard(logged):
    found = multiplexer.EventMultiplexer().AddRunsFromDirectory(str(logged.path.parent)).Reload()
    assert {"first/tensorboard/train", "first/tensorboard/validation"} <= set(found.Runs())


def test_mlflow_reads_parameters_metrics_files_and_the_dataset(logged):
    found, config = run_of(logged), logged.config()
    assert found.info.status == "FINISHED" and found.info.run_name.endswith("/first")
    assert found.data.params["optimizer.learning_rate"] == "0.01"
    assert found.data.params["model.use"] == "cnn" and found.data.params["deterministic"] == "false"
    fingerprint = config["dataset"]["fingerprint"]
    assert found.data.tags["dsbuilder.dataset.fingerprint"] == fingerprint
    (trained_on,) = found.inputs.dataset_inputs
    assert fingerprint.startswith(trained_on.dataset.digest)
    assert trained_on.dataset.name == "colors 1.0.0"
    assert found.data.metrics["test_accuracy"] == pytest.approx(logged.evaluation()["accuracy"])
    assert client(logged.path.parent).get_experiment(found.info.experiment_id).name == "colors"


def test_mlflow_has_each_epoch_once(logged):
    reader, run_id = client(logged.path.parent), run_of(logged).info.run_id
    for column in ("train_loss", "validation_accuracy", "learning_rate"):
        history = reader.get_metric_history(run_id, column)
        expected = [(row.epoch, row.flat()[column]) for row in logged.rows()]
        assert [(each.step, each.value) for each in history] == expected
        assert all(a.timestamp <= b.timestamp for a, b in itertools.pairwise(history))
    assert len(reader.search_runs(experiments(logged.path.parent))) == 1
    assert [each.run for each in dsbuilder.runs(logged.path.parent).runs] == [logged.path]


def test_mlflow_has_the_files_as_the_run_has_them(logged, tmp_path):
    reader, run_id = client(logged.path.parent), run_of(logged).info.run_id
    names = {each.path for each in reader.list_artifacts(run_id)}
    assert {"report.html", "README.md", "results.csv", "evaluation.json"} <= names
    for name in ("report.html", "results.csv"):
        copied = Path(reader.download_artifacts(run_id, name, str(tmp_path)))
        assert copied.read_bytes() == (logged.path / name).read_bytes()


def test_a_run_that_was_not_logged_may_be_when_it_goes_on(dataset, tmp_path):
    run = trainer.train_dataset(dataset, options_of(dataset), run=tmp_path / "plain")
    assert not (tmp_path / "plain/tensorboard").exists() and not (tmp_path / "mlruns").exists()
    resumed = trainer.resume_run(run, epochs=4, log=["tensorboard", "mlflow"])
    assert len(resumed.rows()) == 4
    assert [step for step, _ in numbers(events(run.path, "train"), "loss")] == [1, 2, 3, 4]
    again = trainer.resume_run(run, epochs=5)
    found = run_of(again)
    history = client(tmp_path).get_metric_history(found.info.run_id, "train_loss")
    assert [each.step for each in history] == [1, 2, 3, 4, 5]
    assert found.data.params["epochs"] == "4" and found.data.tags["dsbuilder.changed.epochs"] == "5"
    assert [step for step, _ in numbers(events(run.path, "train"), "loss")] == [1, 2, 3, 4, 5]


def test_a_run_that_mlflow_has_deleted_is_told_again_and_one_that_is_left_is_killed(
    dataset, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    options = options_of(dataset, overrides=["train.log=[mlflow]"])
    run = trainer.train_dataset(dataset, options, run=tmp_path / "run", stop_after=1)
    found = run_of(run)
    assert found.info.status == "KILLED" and "test_accuracy" not in found.data.metrics
    client(tmp_path).delete_run(found.info.run_id)
    again = run_of(trainer.resume_run(run))
    assert again.info.run_id != found.info.run_id and again.info.status == "FINISHED"
    history = client(tmp_path).get_metric_history(again.info.run_id, "train_loss")
    assert [each.step for each in history] == [1, 2, 3]
    assert client(tmp_path).get_experiment(again.info.experiment_id).name == "mine"


def test_a_log_that_cannot_be_written_is_a_warning(dataset, tmp_path):
    options = options_of(dataset, overrides=["train.log=[tensorboard, mlflow]", "train.epochs=1"])
    (tmp_path / "mlruns").write_text("no folder")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/tensorboard").write_text("no folder")
    done = trainer.train_dataset(dataset, options, run=tmp_path / "run")
    assert done.evaluation()["samples"] == 12
    for name in ("tensorboard", "mlflow"):
        assert any(f"the log for {name} is not written any more" in each for each in done.warnings)


def test_nothing_is_asked_of_a_network(dataset, tmp_path):
    code = (
        "import sys\n"
        "def heard(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        print(event, args, file=sys.stderr); sys.stderr.flush()\n"
        "sys.addaudithook(heard)\n"
        "import dsbuilder\n"
        "dataset = dsbuilder.load(sys.argv[1])\n"
        "dataset.train(run=sys.argv[2], epochs=1, overrides=['train.log=[tensorboard, mlflow]'])\n"
    )
    unset = {"CI", "PYTEST_CURRENT_TEST", "MLFLOW_DISABLE_TELEMETRY", "MLFLOW_ALLOW_FILE_STORE"}
    env = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", code, str(dataset.path), str(tmp_path / "run")],
        env={**env, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "socket." not in done.stderr
    assert (tmp_path / "mlruns").is_dir()
