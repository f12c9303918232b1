"""`train --summary` says what a network is made of; what its builder warns of is said before."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.actions.train import prepare, prepare_dataset
from dsbuilder.cli.main import main

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [28, 28]}]
image: {mode: gray}
stream: {batch_size: 8}
train: {model: {use: lenet, form: 1998}}
"""
WARNING = (
    "warning: lenet: initializer: he_normal is not scaled for the activation tanh. "
    "Take Glorot's (glorot_uniform), or leave it out.\n"
)


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    for label in "abcdefghij":
        (tmp_path / "source" / label).mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(0, 256, (20, 20), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "source" / label / f"{index}.png")
    (tmp_path / "pets.yaml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_layers_shapes_and_parameters_are_told_and_nothing_is_built(pets: Path) -> None:
    shown = CliRunner().invoke(main, ["train", "pets.yaml", "--summary"])
    assert shown.exit_code == 0, shown.stderr
    lines = [each.split() for each in shown.stdout.splitlines()]
    assert lines[0] == ["layer", "kind", "output", "parameters", "trained"]
    assert lines[1] == ["pixels", "InputLayer", "28", "x", "28", "x", "1", "0", "0"]
    assert ["block1_conv", "Conv2D", "10", "x", "10", "x", "16", "2,416", "2,416"] in lines
    assert shown.stdout.endswith(": 61,706 parameters, 61,706 of them trained\n")
    assert not (pets / "out").exists() and not (pets / "runs").exists()


def test_a_dataset_has_the_same_network_and_json_says_all_of_it(pets: Path) -> None:
    session = dsbuilder.open("pets.yaml")
    before = session.summarize()
    dataset = dsbuilder.load(session.build(workers=0).path)
    after = dataset.summarize(overrides=["train.model.initializer=he_normal"])
    assert (after.layers, after.parameters) == (before.layers, 61_706)
    shown = CliRunner().invoke(main, ["train", str(dataset.path), "--summary", "--json"])
    found = json.loads(shown.stdout)
    assert found["parameters"] == found["trainable"] == 61_706
    assert found["layers"][-1] == {
        "name": "logits",
        "kind": "Dense",
        "output": [10],
        "parameters": 850,
        "trainable": 850,
    }
    assert found["warnings"] == [] and f"warning: {after.warnings[0]}\n" == WARNING


def test_what_a_model_warns_of_is_said_by_check_and_by_train(pets: Path) -> None:
    odd = ["--set", "train.model.initializer=he_normal"]
    assert CliRunner().invoke(main, ["check", "pets.yaml", *odd]).stderr == WARNING
    assert CliRunner().invoke(main, ["check", "pets.yaml"]).stderr == ""
    opened = dsbuilder.open("pets.yaml", overrides=odd[1:])
    of_pipeline = prepare(opened, run=pets / "one", workers=0)
    of_dataset = prepare_dataset(of_pipeline.dataset, overrides=odd[1:], run=pets / "two")
    for training in (of_pipeline, of_dataset):
        assert [f"warning: {each}\n" for each in training.warnings] == [WARNING]


def test_without_a_train_section_it_is_the_network_that_would_be_chosen(pets: Path) -> None:
    (pets / "pets.yaml").write_text(PIPELINE.rpartition("train:")[0])
    found = dsbuilder.open("pets.yaml").summarize()
    assert [each.split(":")[0] for each in found.chosen] == ["task", "model", "epochs"]
    dataset = dsbuilder.load(dsbuilder.open("pets.yaml").build(workers=0).path)
    after = dataset.summarize()
    assert (after.layers, after.chosen) == (found.layers, found.chosen)
