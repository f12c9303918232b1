"""Logs for other programs, as far as none of these is needed; tests/interop has their readers."""

import json
import sys

import pytest

from dsbuilder.errors import SpecError
from dsbuilder.train.logs import faults
from dsbuilder.train.logs.training_log import ends_of, folder_of_mlflow, options_by_path
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Row


def rows(*seconds):
    return [
        Row(epoch=n, phase="train", learning_rate=0.1, train={"loss": 1.0}, seconds=each)
        for n, each in enumerate(seconds, 1)
    ]


@pytest.mark.parametrize(("name", "package"), [("tensorboard",) * 2, ("mlflow", "mlflow-skinny")])
def test_a_missing_package_is_told_with_what_brings_it(dataset, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, name, None)
    (told,) = faults([name])
    assert f"`pip install {package}`" in told
    with pytest.raises(SpecError, match="pip install") as found:
        dataset.train(overrides=[f"train.log=[{name}]"], run="never")
    assert "train.log: expected the package" in str(found.value)


def test_an_unknown_program_is_named(dataset):
    with pytest.raises(SpecError, match="tensorbord"):
        options_of(dataset, overrides=["train.log=[tensorbord]"])


@pytest.mark.parametrize("store", ["http://127.0.0.1:5000", "sqlite:///mlflow.db", "databricks://"])
def test_a_server_or_a_database_is_refused_before_training(monkeypatch, store):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert any(
        told.startswith("MLFLOW_TRACKING_URI: expected a folder") for told in faults(["mlflow"])
    )
    assert not any("MLFLOW_TRACKING_URI" in told for told in faults(["tensorboard"]))


def test_the_folder_of_mlflow_is_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert folder_of_mlflow(tmp_path / "runs/pets-1") == tmp_path / "runs/mlruns"
    for said in (str(tmp_path / "my runs"), (tmp_path / "my runs").as_uri()):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", said)
        assert folder_of_mlflow(tmp_path / "runs/pets-1") == tmp_path / "my runs"


def test_options_are_told_by_their_paths():
    section = {
        "model": {"use": "cnn", "width": 4},
        "loss": None,
        "heads": {},
        "metrics": [{"use": "recall"}],
        "deterministic": False,
    }
    told = dict(options_by_path(section))
    assert told.pop("metrics") == json.dumps([{"use": "recall"}])
    assert told == {"model.use": "cnn", "model.width": 4, "deterministic": False}


def test_epochs_end_one_after_the_other_up_to_now():
    ends = ends_of(rows(2.0, 3.0, 5.0))
    assert ends[1] - ends[0] == pytest.approx(3.0) and ends[2] - ends[1] == pytest.approx(5.0)
