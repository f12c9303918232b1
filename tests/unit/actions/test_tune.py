"""A search finds better values, says whether they are, and goes on wherever it was killed."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError, TrainError

pytest.importorskip("keras")

PIPELINE = """\
name: shades
source: {use: folder, path: images}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [6, 6]}]
cache: {codec: npy, image: raw}
train:
  model: {use: mlp, width: 8, depth: 1}
  optimizer: {learning_rate: 1e-7}
  batch_size: 4
  normalize: standardize
  epochs: 3
  deterministic: true
tune:
  train.optimizer.learning_rate: [0.02, 1.0e+30]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with images of three shades, and a pipeline whose learning rate is poor."""
    home, rng = tmp_path_factory.mktemp("tune"), np.random.default_rng(0)
    for number in range(90):
        folder = home / "images" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 60, (6, 6, 3), dtype="u1") + np.uint8(95 * (number % 3))
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (home / "shades.yaml").write_text(PIPELINE)
    return home


@pytest.fixture(scope="module")
def found(home):
    """What a search came to that nobody interrupted."""
    opened = dsbuilder.open(home / "shades.yaml", out=home / "out")
    return opened.tune(trials=3, run=home / "whole", workers=0)


def compared(found):
    """Trials without their seconds, and without the folder in why they failed."""
    return [
        replace(each, seconds=0, failed=each.failed and each.failed.partition(": ")[2])
        for each in found.trials
    ]


KILL = """
import os, signal, sys
from pathlib import Path
import dsbuilder

home = Path(sys.argv[1])

def kill(step):
    if (home / "killed/trial-3").is_dir():
        os.kill(os.getpid(), signal.SIGKILL)

opened = dsbuilder.open(home / "shades.yaml", out=home / "out")
opened.tune(trials=3, run=home / "killed", workers=0, on_batch=kill)
"""


@pytest.mark.slow
def test_a_search_beats_a_poor_default_and_says_by_how_much(home, found):
    first, *others = found.trials
    assert first.values == {"train.optimizer.learning_rate": 1e-7}
    by_rate = {each.values["train.optimizer.learning_rate"]: each for each in others}
    assert set(by_rate) == {0.02, 1e30}
    assert "expected a finite loss" in by_rate[1e30].failed
    assert found.best == by_rate[0.02].number
    assert (by_rate[0.02].rung, by_rate[0.02].epochs, len(first.scores)) == (1, 3, 3)
    assert found.beats
    validation, test = found.gains
    assert (validation.split, test.split, found.metric) == ("validation", "test", "accuracy")
    assert validation.mean == pytest.approx(np.mean(validation.best) - np.mean(validation.own))
    assert validation.interval.low > 0
    assert found.verdict.startswith(f"Trial {found.best} beats the default: accuracy on validation")
    # Nothing but the trainings that are compared has seen the test split.
    assert not list((home / "whole").glob("trial-*/evaluation.json"))
    assert len(list((home / "whole").glob("compared/*/evaluation.json"))) == 6


@pytest.mark.slow
def test_what_a_search_found_is_written_and_can_be_trained_with(home, found):
    folder = found.folder
    assert json.loads((folder / "tuning.json").read_text()) == json.loads(
        json.dumps(found.to_json())
    )
    opened = dsbuilder.open(home / "shades.yaml", patches=[found.patch])
    assert opened.spec().settings.train.optimizer.learning_rate == 0.02
    assert found.verdict in found.patch.read_text()
    with (folder / "trials.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["trial"] for line in lines] == ["1", "2", "3"]
    assert [bool(line["failed"]) for line in lines] == [bool(e.failed) for e in found.trials]
    chart = (folder / "charts/trials.svg").read_text()
    assert ">default<" in chart
    assert f">trial {found.best}<" in chart
    assert (folder / "charts/train.optimizer.learning_rate.csv").is_file()


@pytest.mark.slow
def test_a_person_reads_what_was_found(home, found):
    words = ["tune", home / "shades.yaml", "--out", home / "out", "--trials", 3]
    words += ["--run", home / "whole", "--workers", 0]
    shown = CliRunner().invoke(main, list(map(str, words)))
    assert shown.exit_code == 0, shown.stderr
    assert f"seed 1: trial {found.best}\n" in shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["trial", "learning_rate", "epochs", "accuracy"] in lines
    assert [str(found.best), "0.02", "3", "1"] in lines
    assert found.verdict in shown.stdout
    again = f"{home / 'shades.yaml'} --out {home / 'out'} --patch {found.patch}"
    assert f"next: dsbuilder train {again}" in shown.stdout
    told = CliRunner().invoke(main, [*map(str, words), "--json"])
    assert json.loads(told.stdout) == json.loads(json.dumps(found.to_json()))


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_to_the_same_end(home, found):
    command = [sys.executable, "-c", KILL, str(home)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = json.loads((home / "killed/search.json").read_text())
    assert [each["number"] for each in state["trials"]] == [1, 2]
    shutil.copytree(home / "whole/compared", home / "killed/compared")  # whose seeds are others
    opened = dsbuilder.open(home / "shades.yaml", out=home / "out")
    epochs = []
    again = opened.tune(trials=3, run=home / "killed", workers=0, on_epoch=epochs.append)
    assert compared(again) == compared(found)
    assert (again.best, again.verdict) == (found.best, found.verdict)
    assert [each.epoch for each in epochs] == [2, 3], "what was done was done again"
    with pytest.raises(TrainError, match="found one of another pipeline"):
        opened.tune(trials=3, seed=5, run=home / "killed")


@pytest.mark.slow
def test_too_little_time_is_told_and_trials_that_differ_in_samples_have_datasets(home):
    given = {"out": home / "none", "overrides": ["tune={augment.copies: [1, 2]}"]}
    opened = dsbuilder.open(home / "shades.yaml", **given)
    with pytest.raises(TrainError, match=r"minutes more are needed\. Give more minutes"):
        opened.tune(minutes=0.001, run=home / "short", workers=0)
    assert not (home / "none").exists()
    configs = [
        json.loads((home / f"short/trial-{number}/config.json").read_text()) for number in (1, 2)
    ]
    first, second = (dsbuilder.load(each["dataset"]["path"]) for each in configs)
    copies = configs[1]["pipeline"]["augment"]["copies"]
    assert second.num_samples("train") == (1 + copies) * first.num_samples("train")
    assert second.num_samples("validation") == first.num_samples("validation")
    assert {each.path.parents[2] for each in (first, second)} == {home / "short/data"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trials": 2}, "expected 3 trials or more, found 2"),
        ({"minutes": 0.0}, "expected more than 0 minutes, found 0"),
        ({"seeds": 1}, "expected 2 to 20 seeds, found 1"),
    ],
)
def test_numbers_that_no_search_can_have_are_refused(home, wrong, message):
    with pytest.raises(SpecError, match=message):
        dsbuilder.open(home / "shades.yaml").tune(run=home / "none", **wrong)


def test_without_validation_there_is_nothing_to_compare_on(home):
    opened = dsbuilder.open(home / "shades.yaml", overrides=["split={train: 0.8, test: 0.2}"])
    with pytest.raises(TrainError, match="there is no validation split, by which trainings"):
        opened.tune(run=home / "none")
    assert not (home / "none").exists()
