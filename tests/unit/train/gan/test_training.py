"""The training of a GAN: a run like any other, which can be stopped anywhere."""

import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.run import Run

pytest.importorskip("tensorflow")

from dsbuilder.train.gan import drawing, snapshots
from dsbuilder.train.gan.trainer import resume_gan, train_gan

Train = Callable[..., Run]


class StoppedError(Exception):
    """Ends a training where a test wants it to end."""


def weights(run: Run) -> list[np.ndarray]:
    with zipfile.ZipFile(run.last) as file:
        values = np.load(io.BytesIO(file.read(snapshots.STATE)))
        return [values[name] for name in values.files]


def rows(run: Run) -> list[dict[str, Any]]:
    return [{**row.flat(), "seconds": None} for row in run.rows()]


def test_a_run_holds_what_a_run_holds_and_sheets_of_samples(
    trained: Run, dataset: dsbuilder.Dataset
) -> None:
    config = trained.config()
    assert config["dataset"]["fingerprint"] == dataset.manifest.fingerprint
    assert config["train"]["model"] == {"use": "cgan"}
    assert [row.epoch for row in trained.rows()] == [1, 2]
    for row in trained.rows():
        assert set(row.train) == {"discriminator_loss", "generator_loss"}
        assert set(row.validation) == {"distance", "diversity", "recognition"}
        assert row.validation["distance"] > 0
    for name in ("best.keras", "last.keras", "judge.keras", "charts/training-distance.svg"):
        assert (trained.path / name).is_file(), name
    assert not (trained.path / "checkpoint.keras").exists()
    sheets = sorted((trained.path / "samples").iterdir())
    assert [each.name for each in sheets] == ["epoch-0001.png", "epoch-0002.png"]
    with Image.open(sheets[0]) as sheet:
        assert sheet.size == (10 * 18, 3 * 18)  # a row for each of three classes of 16 pixels


def test_the_best_snapshot_is_the_nearest_to_validation(trained: Run) -> None:
    note = snapshots.read_note(trained.best)
    distances = [row.validation["distance"] for row in trained.rows()]
    assert len(note.rows) == 1 + int(np.argmin(distances))
    assert note.class_names == ("blue", "green", "red")


def test_keras_alone_loads_the_generator(trained: Run) -> None:
    import keras

    model = keras.models.load_model(trained.best)
    images = model([np.zeros((2, 4), np.float32), np.array([0, 2], np.int32)])
    assert images.shape == (2, 16, 16, 3)
    assert float(np.abs(images).max()) <= 1


def test_what_is_drawn_hangs_on_weights_seed_class_and_number_alone(trained: Run) -> None:
    generator = snapshots.load_generator(trained.best)
    numbers = drawing.numbered(3, 200)
    whole = drawing.draw(generator, numbers, seed=1, what="bank")
    some = drawing.draw(generator, numbers[150:153], seed=1, what="bank")
    assert np.abs(whole[150:153].astype(int) - some).max() <= 1
    assert whole.dtype == np.uint8 and whole.shape == (200, 16, 16, 3)
    other = drawing.draw(generator, numbers[:8], seed=2, what="bank")
    assert not np.array_equal(whole[:8], other)
    assert [each for each, _ in numbers[:4]] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    "stop",
    [pytest.param((1, 2), marks=pytest.mark.slow), (2, 1)],
)
def test_an_interrupted_run_goes_on_as_if_it_never_was(
    train: Train, trained: Run, stop: tuple[int, int], tmp_path: Path
) -> None:
    def interrupt(step: Any) -> None:
        if (step.epoch, step.step) == stop:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(checkpoint_minutes=1e-9, on_batch=interrupt)
    resumed = resume_gan(Run(path=tmp_path / "run"))
    assert rows(resumed) == rows(trained)
    for one, other in zip(weights(resumed), weights(trained), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.slow
def test_a_run_that_is_done_is_given_more_epochs(
    trained: Run, train: Train, tmp_path: Path
) -> None:
    shutil.copytree(trained.path, tmp_path / "more")
    more = resume_gan(Run(path=tmp_path / "more"), epochs=3)
    longer = train(epochs=3)
    assert rows(more) == rows(longer)
    assert rows(more)[:2] == rows(trained)


@pytest.mark.slow
def test_time_ends_a_run_within_an_epoch(train: Train) -> None:
    run = train(epochs=None, minutes=0.5, epoch_steps=10**6)
    (row,) = run.rows()
    note = snapshots.read_note(run.last)
    assert 1 <= note.step < 10**6
    assert row.seconds >= 20  # without what judging takes


@pytest.mark.slow
def test_a_gan_of_images_alone_passes_over_labels(train: Train) -> None:
    run = train("dcgan", epochs=1)
    (row,) = run.rows()
    assert set(row.validation) == {"distance", "diversity"}
    note = snapshots.read_note(run.best)
    assert (note.target, note.class_names) == (None, ())
    generator = snapshots.load_generator(run.best)
    assert drawing.draw(generator, [(0, 1)], seed=0, what="bank").shape == (1, 16, 16, 3)


@pytest.mark.slow
def test_a_schedule_sets_the_rates(train: Train) -> None:
    run = train(schedule={"use": "step", "at": [1], "factor": 0.1}, learning_rate=1e-3)
    assert [row.learning_rate for row in run.rows()] == pytest.approx([1e-3, 1e-4])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"target": "breed"}, TrainError, "expected one class a sample for cgan, found 'breed'"),
        ({"gan": "dcgan", "target": "label"}, TrainError, "expected no target for dcgan"),
        ({"gan": "dcgan", "sampling": "balanced"}, TrainError, "expected no sampling by class"),
        ({"schedule": "cosin"}, SpecError, "Did you mean 'cosine'"),
    ],
)
def test_what_cannot_be_learnt_is_told_before_anything_is_written(
    train: Train, tmp_path: Path, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        train(**given)
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["judge.keras"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected epochs or minutes"),
        ({"epochs": 0}, "expected 1 or more"),
        ({"minutes": -1}, "expected more than 0"),
        ({"epochs": 1, "augment": ("colour",)}, "expected parts of color"),
        ({"epochs": 1, "average": 1.0}, "expected a share"),
    ],
)
def test_options_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GanOptions(gan="cgan", **given)


def test_options_come_back_from_json() -> None:
    options = GanOptions(gan="dcgan", minutes=7, schedule={"use": "cosine"}, augment=("cutout",))
    assert GanOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_runs_of_one_kind_are_not_taken_for_those_of_another(
    trained: Run, dataset: dsbuilder.Dataset, tmp_path: Path
) -> None:
    from dsbuilder.train.archive import load_model
    from dsbuilder.train.trainer import resume_run

    config = trained.config()
    del config["gan"]
    Run(path=tmp_path).write_json("config.json", config)
    with pytest.raises(TrainError, match="expected a run of `dsbuilder synth train`"):
        resume_gan(Run(path=tmp_path))
    with pytest.raises(TrainError, match="found one of `dsbuilder synth train`"):
        resume_run(trained)
    with pytest.raises(TrainError, match="dsbuilder synth sample"):
        load_model(trained.path)
    with pytest.raises(TrainError, match="expected a folder for a new run"):
        train_gan(dataset, GanOptions(gan="cgan", epochs=1), run=trained)
    listed = {each.run: each for each in dsbuilder.runs(trained.path).runs}
    assert listed[trained.path].model == "cgan"


SCRIPT = """
import os, signal, sys
from pathlib import Path
import dsbuilder
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.gan.trainer import train_gan
from dsbuilder.train.run import Run

def kill(step):
    if (step.epoch, step.step) == (2, 2):
        os.kill(os.getpid(), signal.SIGKILL)

options = GanOptions(
    gan="cgan", epochs=2, epoch_steps=3, batch_size=8, width=4, discriminator_width=4, latent=4,
    checkpoint_minutes=1e-9,
)
run = Run(path=Path(sys.argv[2]))
train_gan(dsbuilder.load(sys.argv[1]), options, run=run, on_batch=kill)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_in_another_process(
    dataset: dsbuilder.Dataset, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(dataset.path), str(tmp_path / "run")]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = resume_gan(Run(path=tmp_path / "run"))
    options = GanOptions.from_json(resumed.config()["gan"])
    whole = train_gan(dataset, options, run=Run(path=tmp_path / "whole"))
    # The judge of this process learnt from fewer batches; what learns knows none.
    for one, other in zip(weights(resumed), weights(whole), strict=True):
        assert np.array_equal(one, other)


ON_JAX = """
import sys
from pathlib import Path
import dsbuilder
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.gan.trainer import resume_gan, train_gan
from dsbuilder.train.run import Run

class Interrupted(Exception):
    pass

def interrupt(step):
    if (step.epoch, step.step) == (2, 2):
        raise Interrupted

dataset = dsbuilder.load(sys.argv[1])
options = GanOptions(
    gan="cgan", epochs=2, epoch_steps=3, batch_size=8, width=4, discriminator_width=4, latent=4,
    checkpoint_minutes=1e-9,
)
train_gan(dataset, options, run=Run(path=Path(sys.argv[2]) / "whole"))
run = Run(path=Path(sys.argv[2]) / "stopped")
try:
    train_gan(dataset, options, run=run, on_batch=interrupt)
except Interrupted:
    resume_gan(run)
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_trains_goes_on_and_hands_over_to_tensorflow(
    dataset: dsbuilder.Dataset, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ON_JAX, str(dataset.path), str(tmp_path)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    whole, stopped = (Run(path=tmp_path / name) for name in ("whole", "stopped"))
    assert whole.config()["backend"] == "jax"
    for row, other in zip(whole.rows(), stopped.rows(), strict=True):
        assert row.train == pytest.approx(other.train, rel=1e-4)
    generator = snapshots.load_generator(whole.best)  # on TensorFlow
    images = drawing.draw(generator, [(0, 1), (2, 1)], seed=0, what="bank")
    assert images.shape == (2, 16, 16, 3)
