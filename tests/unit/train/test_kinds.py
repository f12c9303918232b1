"""Every kind of target that has a built-in training is learnt, measured and kept in its run."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError
from dsbuilder.train.options import options_of

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
evaluation = pytest.importorskip("dsbuilder.train.evaluation")
trainer = pytest.importorskip("dsbuilder.train.trainer")

SOURCE = '''
"""A bright square on noise, with a target of every kind that says something of it."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import (
    Boxes,
    Catalog,
    Keypoints,
    Listing,
    Mask,
    MultiLabel,
    Record,
    Source,
    Target,
    Text,
    Value,
    generator,
    source,
)


def square(key):
    rng = generator("square", key)
    side = int(rng.integers(5, 10))
    y, x = int(rng.integers(0, 18 - side)), int(rng.integers(0, 22 - side))
    return y, x, side, bool(rng.random() < 0.5), bool(rng.random() < 0.5)


@source("squares")
@dataclass(frozen=True, kw_only=True)
class Squares(Source):
    """Makes them."""

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Squares

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for i in range(60):
            y, x, side, red, green = square(f"{i}")
            around = [x, y, x + side, y, x + side, y + side, x, y + side]
            segments = [{"label": "square", "polygons": [around]}]
            yield Record(key=f"{i}", targets={
                "mask": {"size": [18, 22], "segments": segments},
                "labels": ["red"] * red + ["green"] * green,
                "side": side / 10,
                "places": [1e6 + 1e3 * x, side / 1e4, 7.0],
                "far": side * 100.0 + 1000.0,
                "objects": [{"label": "s", "box": [0.0, 0.0, 0.5, 0.5]}],
                "text": "square",
                "points": [[
                    [x / 22, y / 18, 2],
                    [(x + side) / 22, y / 18, 1],
                    [0.0, 0.0, 0] if red else [(x + side / 2) / 22, (y + side / 2) / 18, 2],
                ]],
            })

    def _targets(self) -> Mapping[str, Target]:
        return {
            "mask": Mask(names=("ground", "square"), ignore=255),
            "labels": MultiLabel(names=("red", "green")),
            "side": Value(),
            "places": Value(size=3),
            "far": Value(),
            "objects": Boxes(names=("s",)),
            "text": Text(),
            "points": Keypoints(names=("left", "right", "center"), swaps=(("left", "right"),)),
        }

    def identity(self, record: Record) -> str:
        return record.key

    def read(self, record: Record) -> np.ndarray:
        y, x, side, red, green = square(record.key)
        image = generator("noise", record.key).integers(0, 90, (18, 22, 3), dtype=np.uint8)
        image[y : y + side, x : x + side] += np.array([20 + 120 * red, 20 + 120 * green, 120], "u1")
        return image
'''
PIPELINE = """
name: squares
source: {use: squares}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [18, 22]}]
cache: {codec: tfrecord, image: png}
stream: {batch_size: 6, stages: [{use: A.HorizontalFlip, p: 0.5}]}
train:
  model: {use: cnn, width: 8, depth: 2, convolutions: 1}
  target: side
  optimizer: {use: adam, learning_rate: 0.01}
  epochs: 8
"""


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squares")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "squares.py").write_text(SOURCE)
    path = folder / "squares.yaml"
    path.write_text(PIPELINE)
    return dsbuilder.load(build_dataset(path, folder / "out", workers=0).path)


@pytest.fixture(scope="module")
def train(squares, tmp_path_factory):
    def trained(target, **changes):
        options = replace(options_of(squares), target=target, **changes)
        folder = tmp_path_factory.mktemp("runs") / str(target)
        return trainer.train_dataset(squares, options, run=folder)

    return trained


def columns(run):
    with (run.path / "results.csv").open(newline="") as file:
        return next(csv.reader(file))


def predicted(run, dataset, target):
    """What is true and what the best model yields, over the test split."""
    model = archive.load_model(run.path).model
    batches = list(dataset.stream("test", targets=[target]))
    truth = np.concatenate([truth.numpy() for _, truth in batches])
    return truth, np.concatenate([model.predict_on_batch(i.numpy()) for i, _ in batches])


@pytest.mark.slow
def test_unet_finds_bright_squares_of_an_odd_size(train, squares):
    run = train("mask", model=Unet(width=4, depth=2, convolutions=1), epochs=20)
    found = run.evaluation()
    assert found["kind"] == "mask" and [each["name"] for each in found["classes"]] == [
        "ground",
        "square",
    ]
    assert found["classes"][1]["iou"] > 0.8
    assert {"train_mean_iou", "validation_mean_iou"} <= set(columns(run))
    charts = {path.name for path in (run.path / "charts").iterdir()}
    assert "mistakes.png" in charts and "confusion.svg" not in charts
    truth, logits = predicted(run, squares, "mask")
    taken = logits.argmax(-1)
    both, either = ((truth & taken) == 1).sum(), ((truth | taken) == 1).sum()
    assert found["classes"][1]["iou"] == pytest.approx(both / either)
    again = trainer.resume_run(run.path, epochs=21)
    assert len(again.rows()) == 21


@pytest.mark.slow
def test_cnn_learns_several_classes(train, squares):
    run = train("labels", epochs=15)
    found = run.evaluation()
    assert found["kind"] == "multi_label" and found["mean_average_precision"] > 0.8
    assert {"validation_accuracy", "validation_mean_average_precision"} <= set(columns(run))
    truth, logits = predicted(run, squares, "labels")
    assert found["accuracy"] == pytest.approx(((truth > 0.5) == (logits > 0)).mean())
    assert len(trainer.resume_run(run.path, epochs=16).rows()) == 16


@pytest.mark.slow
def test_cnn_learns_a_number(train, squares):
    run = train("side", epochs=25)
    found = run.evaluation()
    truth, numbers = predicted(run, squares, "side")
    errors = np.abs(truth - numbers[:, 0])
    assert found["kind"] == "value"
    assert found["mean_absolute_error"] == pytest.approx(errors.mean(), rel=1e-5)
    assert found["mean_absolute_error"] < np.abs(truth - truth.mean()).mean()
    assert "validation_mean_absolute_error" in columns(run)


@pytest.mark.slow
def test_cnn_learns_where_the_points_of_an_object_are(train, squares):
    run = train("points", epochs=25)
    found = run.evaluation()
    assert found["kind"] == "keypoints"
    assert [each["name"] for each in found["points"]] == ["left", "right", "center"]
    assert 0 < found["points"][2]["samples"] < found["points"][0]["samples"] == found["samples"]
    true = [each.targets["points"] for each in squares.samples("train")]
    spread = np.concatenate([each.points[0][each.visibility[0] > 0] for each in true]).std()
    assert found["mean_error"] < spread / 2  # one that mixes up mirrored sides is worse
    assert {"validation_mean_error", "validation_pck"} <= set(columns(run))
    with (run.path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert json.loads(rows[0]["answer"]).keys() == {"left", "right", "center"}
    assert any(json.loads(each["truth"])["center"] is None for each in rows)
    assert len(trainer.resume_run(run.path, epochs=26).rows()) == 26
    shown = CliRunner().invoke(main, ["evaluate", str(run.path)])
    assert shown.exit_code == 0 and "within 0.05" in shown.output


@pytest.mark.slow
def test_numbers_that_are_scaled_and_shifted_are_learnt_alike(train, squares):
    """`far` is `side`, times 1000 and 1000 more."""
    near, far = (train(target, epochs=6).evaluation() for target in ("side", "far"))
    for name in ("loss", "r2"):
        assert far[name] == pytest.approx(near[name], rel=1e-2)
    assert far["mean_absolute_error"] / 1000 == pytest.approx(near["mean_absolute_error"], rel=1e-2)


@pytest.mark.slow
def test_several_numbers_are_learnt_each_in_its_units_and_kept_in_their_own(train, squares):
    run = train("places", epochs=2)
    units = archive.read_note(run.best).heads["places"].units
    stored = np.stack([each.targets["places"] for each in squares.samples("train")])
    assert units.mean == pytest.approx(stored.mean(0, np.float64))
    assert units.deviation == pytest.approx([*stored.std(0, dtype=np.float64)[:2], 1.0])
    truth, numbers = predicted(run, squares, "places")
    expected = (((truth - numbers) / units.deviation) ** 2).mean()
    assert run.evaluation()["loss"] == pytest.approx(expected, rel=1e-3)
    assert np.abs(numbers[:, 0] - 1e6).max() < 1e5
    assert len(trainer.resume_run(run.path, epochs=3).rows()) == 3


@pytest.mark.slow
def test_the_model_of_numbers_loads_without_this_package(train):
    code = "import keras, sys; print(keras.models.load_model(sys.argv[1]).output_shape)"
    best = train("side", epochs=1).best
    done = subprocess.run(
        [sys.executable, "-c", code, best], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(None, 1)"


@pytest.mark.slow
def test_evaluate_draws_the_scores_of_each_kind(train, squares):
    expected = {"mask": "IoU", "labels": "average precision", "side": "mean absolute error"}
    for target, words in expected.items():
        model = Unet(width=2, depth=1) if target == "mask" else Cnn(width=2, depth=1)
        run = train(target, model=model, epochs=1)
        shown = CliRunner().invoke(main, ["evaluate", str(run.path)])
        assert shown.exit_code == 0 and words in shown.output
        data = CliRunner().invoke(main, ["evaluate", str(run.path), "--json"])
        assert json.loads(data.stdout)["split"] == "test"


def test_what_cannot_be_learnt_is_refused_with_what_to_do(train):
    with pytest.raises(SpecError, match=r"found mask, labels, .* Say in train\.target"):
        train(None)
    with pytest.raises(SpecError, match=r"^train\.target: unknown target 'labls'\. Did you mean"):
        train("labls")
    with pytest.raises(SpecError, match=r"found 'objects' of kind 'boxes'.* --to yolo"):
        train("objects")
    with pytest.raises(
        SpecError, match=r"train\.model: cnn: expected a target that a row of outputs"
    ):
        train("mask")
    with pytest.raises(SpecError, match=r"unet: expected a target that every pixel .* 'side'"):
        train("side", model=Unet())
