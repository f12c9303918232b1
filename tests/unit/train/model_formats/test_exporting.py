"""A run is exported on samples of its dataset, and with 8 bits measured before and after."""

import json

import pytest
from click.testing import CliRunner

import dsbuilder
from dsbuilder.cli.main import main

pytest.importorskip("keras")
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
def test_weights_of_a_run_are_told_and_written(whole, tmp_path):
    values = tmp_path / "w.npz"
    result = CliRunner().invoke(main, ["params", str(whole.path), "--values", str(values)])
    assert result.exit_code == 0, result.stderr
    found = dsbuilder.params(whole.path)
    assert f"{found.count} values, {found.trainable} of them trained by gradients:" in result.stdout
    assert all(each.name in result.stdout for each in found.weights)
    assert 0 < found.trainable < found.count == sum(each.count for each in found.weights)
    assert values.is_file() and not found.warnings
