"""A run is exported on samples of its dataset, and with 8 bits measured before and after."""

import contextlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.errors import TrainError
from dsbuilder.train.model_formats import tflite

exporting_module = pytest.importorskip("dsbuilder.train.model_formats.exporting")
pytest.importorskip("ai_edge_litert.interpreter")


@pytest.mark.slow
def test_8_bits_are_calibrated_on_train_and_measured_on_test_by_the_foreign_reader(
    whole, dataset, tmp_path
):
    line = ["export-model", str(whole.path), "--to", "tflite", "--out", str(tmp_path / "m.tflite")]
    result = CliRunner().invoke(main, [*line, "--int8", "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["check"]["split"], found["check"]["samples"]) == ("test", 12)
    assert found["check"]["apart"] <= 1e-4 and found["warnings"] == []
    told = found["int8"]
    assert told["calibrated_on"] == dataset.num_samples("train") == 36
    assert (told["split"], told["samples"]) == ("test", 12)
    score = told["scores"]["label"]
    assert score["score"] == "accuracy"
    assert score["before"] == whole.evaluation()["accuracy"]
    assert abs(score["after"] - score["before"]) <= 1 / 12
    assert found["size_bytes"] == (tmp_path / "m.tflite").stat().st_size
    assert found["card"]["class_names"] == ["blue", "green", "red"]


@pytest.mark.slow
def test_a_file_that_ends_its_reader_is_refused_and_the_reader_s_reason_is_told(whole, tmp_path):
    exporting = exporting_module.begin(whole.path, "tflite")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model" * 9)
    with pytest.raises(TrainError, match=r"ai-edge-litert fails on it: .*Export it in another"):
        exporting.check(broken, None)
    killed = replace(exporting, form=replace(exporting.form, open=dying))
    with pytest.raises(TrainError, match="fails on it: RuntimeError: it is ended by SIGABRT"):
        killed.check(broken, None)


@contextlib.contextmanager
def dying(path, card):
    with subprocess.Popen(
        [sys.executable, "-c", "import os; os.abort()"], stdin=-1, stdout=-1
    ) as process:
        process.wait()
        assert tflite._exchanged(process, bytes(1 << 20)) == b""
        raise RuntimeError(tflite._last_line(b"", process.returncode))
        yield


@pytest.mark.slow
def test_weights_of_a_run_are_told_and_written(whole, tmp_path):
    values = tmp_path / "w.npz"
    result = CliRunner().invoke(main, ["params", str(whole.path), "--values", str(values)])
    assert result.exit_code == 0, result.stderr
    found = dsbuilder.params(whole.path)
    assert f"{found.count} values, {found.trainable} of them trained by gradients:" in result.stdout
    assert all(each.name in result.stdout for each in found.weights)
    assert 0 < found.trainable < found.count == sum(each.count for each in found.weights)
    assert values.is_file() and not found.warnings
