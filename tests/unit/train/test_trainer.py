"""A training leaves a run folder, and one that was interrupted comes to the same end."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.errors import SpecError, TrainError
from dsbuilder.pipelinefile.training import FineTuneOptions
from dsbuilder.train.options import bind, to_data

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
trainer = pytest.importorskip("dsbuilder.train.trainer")

FROZEN = '''
"""A network whose features are frozen, though random: enough to have two phases."""
from dataclasses import dataclass
from dsbuilder.plugin import ModelBuilder, Signature, model

@model("frozen")
@dataclass(frozen=True, kw_only=True)
class Frozen(ModelBuilder):
    """Two frozen convolutions, dropout, logits."""

    def build(self, signature: Signature):
        import keras
        inputs = keras.Input(signature.image.shape)
        x = keras.layers.Conv2D(4, 3, activation="relu", name="one")(inputs)
        x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.Conv2D(4, 3, activation="relu", name="two")(x)
        features = keras.Model(inputs, x, name="features")
        features.trainable = False
        outer = keras.Input(signature.image.shape)
        x = keras.layers.GlobalAveragePooling2D()(features(outer))
        x = keras.layers.Dropout(0.2)(x)
        return keras.Model(outer, keras.layers.Dense(3, name="logits")(x))
'''


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project") / "plugins"
    folder.mkdir()
    (folder / "frozen.py").write_text(FROZEN)
    return [folder]


@pytest.fixture(scope="module")
def two_phases(options, plugins):
    data = {**to_data(options), "model": {"use": "frozen"}, "epochs": 3}
    data["optimizer"] = {**data["optimizer"], "schedule": "cosine"}
    bound = bind(data, origin=Path("pipeline.yaml"), plugins=plugins)
    return replace(bound, fine_tune=FineTuneOptions(layers=1, epochs=2, learning_rate=1e-3))


def weights(path):
    return archive.load_model(path).model.get_weights()


def told(run):
    """What a run warns of, but that twelve samples say little of how good it is."""
    return [each for each in run.warnings if "expected enough samples to judge" not in each]


def assert_equal_runs(one, other):
    """Same results but for the seconds, same last model, bit for bit."""
    rows, others = ([replace(row, seconds=0) for row in run.rows()] for run in (one, other))
    assert rows == others
    for a, b in zip(weights(one.last), weights(other.last), strict=True):
        assert np.array_equal(a, b)


def scores(run):
    """The evaluation without times."""
    return {**run.evaluation(), "cost": None}


def test_a_run_folder_holds_what_a_run_is(whole, dataset):
    assert sorted(path.name for path in whole.path.iterdir()) == [
        "README.md",
        "best.keras",
        "charts",
        "config.json",
        "curves.json",
        "evaluation.json",
        "last.keras",
        "predictions.csv",
        "report.html",
        "results.csv",
    ]
    config = whole.config()
    assert config["dataset"]["fingerprint"] == dataset.manifest.fingerprint
    assert config["train"]["model"]["use"] == "cnn"
    assert config["train"]["patience"] is None
    assert config["pipeline"]["name"] == "colors"
    charts = {path.name for path in (whole.path / "charts").iterdir()}
    of_best = ("calibration", "confusion", "precision_recall", "roc")
    assert {f"{name}.{kind}" for name in of_best for kind in ("svg", "csv")} <= charts
    assert {"training-accuracy.svg", "training-loss.svg"} <= charts
    told = (whole.path / "charts" / "training-loss.svg").read_text()
    for expected in ("train, 3 points", "validation, 3 points", "best model", "../results.csv"):
        assert expected in told


def test_results_count_epochs_from_one_and_measure_both_splits(whole):
    rows = whole.rows()
    assert [row.epoch for row in rows] == [1, 2, 3]
    for row in rows:
        assert set(row.train) == set(row.validation) == {"loss", "accuracy"}
        assert row.learning_rate == 0.01


def test_the_model_learns(whole):
    rows = whole.rows()
    assert rows[-1].train["loss"] < rows[0].train["loss"] * 0.7
    assert whole.evaluation()["accuracy"] > 0.6


def test_the_evaluation_is_of_the_test_split(whole, dataset):
    evaluation = whole.evaluation()
    assert evaluation["split"] == "test"
    assert evaluation["samples"] == dataset.num_samples("test")
    assert sum(count for _, _, count in evaluation["confusion"]) == evaluation["samples"]


@pytest.mark.slow
def test_progress_is_reported_batch_by_batch_and_epoch_by_epoch(dataset, options, tmp_path):
    steps, rows = [], []
    trainer.train_dataset(
        dataset,
        replace(options, epochs=2),
        run=tmp_path / "run",
        on_batch=steps.append,
        on_epoch=rows.append,
    )
    count = -(-dataset.num_samples("train") // 8)
    assert [(step.epoch, step.step) for step in steps] == [
        (epoch, step) for epoch in (1, 2) for step in range(1, count + 1)
    ]
    assert {step.steps for step in steps} == {count}
    assert [row.epoch for row in rows] == [1, 2]


@pytest.mark.slow
def test_nothing_is_printed(dataset, options, tmp_path, capsys):
    trainer.train_dataset(dataset, replace(options, epochs=1), run=tmp_path / "run")
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_equal_seeds_train_equal_models_and_others_do_not(dataset, options, whole, tmp_path):
    again = trainer.train_dataset(dataset, options, run=tmp_path / "again")
    assert_equal_runs(whole, again)
    other = trainer.train_dataset(dataset, replace(options, seed=99), run=tmp_path / "other")
    assert other.rows()[0].train != whole.rows()[0].train


class Interrupted(Exception):
    """Stands for a killed process, in one that lives on."""


def interrupt_at(epoch, step=1):
    def on_batch(each):
        if (each.epoch, each.step) == (epoch, step):
            raise Interrupted

    return on_batch


def interrupted(dataset, options, run, *, epoch, **given):
    with pytest.raises(Interrupted):
        trainer.train_dataset(dataset, options, run=run, on_batch=interrupt_at(epoch, 2), **given)
    return run


@pytest.mark.parametrize("epoch", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_resumed_run_ends_as_one_that_was_never_interrupted(
    dataset, options, whole, tmp_path, epoch
):
    run = interrupted(dataset, options, tmp_path / "run", epoch=epoch)
    resumed = trainer.resume_run(run)
    assert_equal_runs(whole, resumed)
    assert scores(resumed) == scores(whole)


@pytest.fixture(scope="module")
def tuned(dataset, two_phases, plugins, tmp_path_factory):
    """A run of two phases that was never interrupted."""
    run = tmp_path_factory.mktemp("runs") / "tuned"
    return trainer.train_dataset(dataset, two_phases, run=run, plugins=plugins)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [4, 5])
def test_a_run_of_two_phases_is_resumed_in_the_second(
    dataset, two_phases, plugins, tuned, tmp_path, epoch
):
    assert [row.phase for row in tuned.rows()] == ["train"] * 3 + ["fine_tune"] * 2
    cut = interrupted(dataset, two_phases, tmp_path / "cut", epoch=epoch, plugins=plugins)
    assert_equal_runs(tuned, trainer.resume_run(cut, plugins=plugins))


@pytest.mark.slow
def test_fine_tuning_changes_the_last_frozen_layer_alone(
    dataset, two_phases, plugins, tuned, tmp_path
):
    plain = replace(two_phases, fine_tune=None)
    before = trainer.train_dataset(dataset, plain, run=tmp_path / "run", plugins=plugins)
    features = [_features(archive.load_model(run.last).model) for run in (before, tuned)]
    same = {
        name: all(
            np.array_equal(a, b)
            for a, b in zip(*(each.get_layer(name).get_weights() for each in features), strict=True)
        )
        for name in ("one", "norm", "two")
    }
    assert same == {"one": True, "norm": True, "two": False}


@pytest.mark.slow
def test_a_cosine_schedule_starts_anew_in_each_phase(tuned):
    rates = [row.learning_rate for row in tuned.rows()]
    assert rates == pytest.approx([*half_cosine(0.01, 3), *half_cosine(1e-3, 2)])


def half_cosine(rate, epochs, steps=5):
    """Returns the rate of the last step of each epoch."""
    last = (np.arange(epochs) + 1) * steps - 1
    return rate * (1 + np.cos(np.pi * last / (epochs * steps))) / 2


def _features(model):
    for layer in model.layers:
        if layer.name == "features":
            return layer
        if hasattr(layer, "layers"):
            return _features(layer)
    raise AssertionError("no features")


@pytest.mark.slow
def test_more_epochs_can_be_trained_later(dataset, options, whole, tmp_path):
    short = trainer.train_dataset(dataset, replace(options, epochs=1), run=tmp_path / "run")
    longer = trainer.resume_run(short, epochs=3)
    assert_equal_runs(whole, longer)
    assert longer.config()["train"]["epochs"] == 3
    assert not told(longer)


@pytest.mark.slow
def test_added_epochs_have_the_rate_where_the_schedule_ended_and_a_warning_says_so(
    dataset, options, tmp_path
):
    falling = replace(options.optimizer, schedule="cosine")
    run = trainer.train_dataset(
        dataset, replace(options, epochs=2, optimizer=falling), run=tmp_path / "run"
    )
    longer = trainer.resume_run(run, epochs=4)
    rates = [row.learning_rate for row in longer.rows()]
    assert rates == pytest.approx(half_cosine(0.01, 2)[[0, 1, 1, 1]])
    assert told(longer) == [
        "train.epochs: the schedule is laid over 2 epochs. Those after them begin at the learning "
        f"rate where it ended ({rates[1]:.3g}). To lay it over all, resume with "
        "--schedule-epochs 4 (in Python `schedule_epochs`).",
    ]
    stretched = trainer.resume_run(run, epochs=5, schedule_epochs=5)
    assert stretched.rows()[-1].learning_rate == pytest.approx(half_cosine(0.01, 5)[-1])
    assert not told(stretched)


@pytest.mark.slow
def test_patience_ends_a_training_early(dataset, options, tmp_path):
    still = replace(
        options, epochs=30, patience=2, optimizer=replace(options.optimizer, learning_rate=1e-12)
    )
    run = trainer.train_dataset(dataset, still, run=tmp_path / "run")
    assert len(run.rows()) < 30


@pytest.mark.slow
def test_the_best_model_is_kept_and_not_the_last(dataset, options, tmp_path):
    wild = replace(options, epochs=6, optimizer=replace(options.optimizer, learning_rate=0.3))
    run = trainer.train_dataset(dataset, wild, run=tmp_path / "run")
    best = min(run.rows(), key=lambda row: row.validation["loss"])
    assert archive.read_note(run.best).rows[-1].epoch == best.epoch
    found = trainer.evaluate(run.path, dataset, split="validation")
    assert found.loss == pytest.approx(best.validation["loss"], rel=1e-4)


@pytest.mark.slow
def test_without_validation_the_loss_on_train_decides_and_a_warning_says_so(
    build_dataset, options, tmp_path
):
    dataset = build_dataset(split="{train: 0.8, test: 0.2}")
    run = trainer.train_dataset(dataset, options, run=tmp_path / "run")
    assert told(run) == [
        f"{dataset.where}: no validation split: the loss on train decides which epoch is the best.",
    ]
    rows = run.rows()
    assert all(not row.validation for row in rows)
    best = min(rows, key=lambda row: row.train["loss"])
    assert archive.read_note(run.best).rows[-1].epoch == best.epoch


@pytest.mark.slow
def test_without_a_test_split_validation_is_evaluated(build_dataset, options, tmp_path):
    dataset = build_dataset(split="{train: 0.8, validation: 0.2}")
    run = trainer.train_dataset(dataset, replace(options, epochs=1), run=tmp_path / "run")
    assert run.evaluation()["split"] == "validation"


MIXED = "augment: {copies: 1, stages: [{use: mixup}]}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "mixed",
    [
        {"augment": MIXED},
        {"augment": MIXED, "codec": "tfrecord"},
        {"stages": "[{use: mixup}]"},
    ],
    ids=["cached", "cached as tfrecord", "in the stream"],
)
def test_mixed_classes_are_trained_on_their_weights(build_dataset, options, tmp_path, mixed):
    dataset = build_dataset(**mixed)
    run = trainer.train_dataset(dataset, replace(options, epochs=6), run=tmp_path / "run")
    rows = run.rows()
    assert rows[-1].train["loss"] < rows[0].train["loss"]
    assert run.evaluation()["accuracy"] > 0.5


@pytest.mark.slow
def test_standardization_is_by_the_train_splits_own_statistics(dataset, options, tmp_path):
    chosen = replace(options, normalize="standardize", epochs=1)
    run = trainer.train_dataset(dataset, chosen, run=tmp_path / "run")
    pixels = np.stack([sample.image for sample in dataset.samples("train")])
    layer = archive.load_model(run.best).model.get_layer("normalize")
    normalized = np.asarray(layer(pixels.astype("float32")))
    assert np.allclose(normalized.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    assert np.allclose(normalized.std(axis=(0, 1, 2)), 1, atol=1e-3)


def test_a_folder_that_holds_a_run_is_not_overwritten(whole, dataset, options):
    before = (whole.path / "results.csv").read_bytes()
    with pytest.raises(TrainError) as error:
        trainer.train_dataset(dataset, options, run=whole)
    assert str(error.value) == (
        f"{whole.path}: expected a folder for a new run, found a run. "
        "Resume it, or choose another folder."
    )
    assert (whole.path / "results.csv").read_bytes() == before


def test_resuming_on_another_dataset_is_an_error(whole, build_dataset):
    other = build_dataset(split="{train: 0.5, validation: 0.3, test: 0.2}")
    with pytest.raises(TrainError, match="expected the dataset it was trained on"):
        trainer.resume_run(whole, dataset=other)


def test_resuming_what_is_no_run_is_an_error(tmp_path):
    with pytest.raises(TrainError, match="no such file"):
        trainer.resume_run(tmp_path)


def test_a_failed_start_leaves_no_run(dataset, options, tmp_path):
    wrong = replace(options, optimizer=replace(options.optimizer, use="adan"))
    with pytest.raises(SpecError, match="Did you mean 'adam'"):
        trainer.train_dataset(dataset, wrong, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nothing_to_fine_tune_is_told_before_the_first_epoch(dataset, options, tmp_path):
    wrong = replace(options, fine_tune=FineTuneOptions())
    epochs = []
    with pytest.raises(TrainError, match="the model has no frozen layers"):
        trainer.train_dataset(dataset, wrong, run=tmp_path / "run", on_epoch=epochs.append)
    assert not epochs


@pytest.mark.slow
def test_a_results_file_that_was_lost_is_written_again(whole, dataset, options, tmp_path):
    run = interrupted(dataset, options, tmp_path / "run", epoch=3)
    (run / "results.csv").write_text("nonsense")
    assert_equal_runs(whole, trainer.resume_run(run))


def test_the_configuration_is_json_that_names_every_default(whole):
    train = json.loads((whole.path / "config.json").read_text())["train"]
    assert train["optimizer"] == {
        "use": "adam",
        "learning_rate": 0.01,
        "schedule": "constant",
        "schedule_epochs": None,
        "clip_norm": None,
        "clip_value": None,
        "global_clip_norm": None,
        "accumulate": 1,
        "average": None,
        "options": {},
    }
    assert train["model"]["initializer"] is None  # the one that goes with the activation
    assert (train["monitor"], train["monitor_mode"]) == ("loss", "min")


@pytest.mark.slow
def test_averages_are_what_is_watched_and_saved_as_the_best_model(dataset, options, tmp_path):
    averaging = replace(options, optimizer=replace(options.optimizer, average=0.95))
    run = trainer.train_dataset(dataset, averaging, run=tmp_path / "run")
    best = min(run.rows(), key=lambda row: row.validation["loss"])
    found = trainer.evaluate(run.path, dataset, split="validation")
    assert found.loss == pytest.approx(best.validation["loss"], rel=1e-4)
    last = archive.load_model(run.last)
    assert not np.array_equal(last.model.get_weights()[0], weights(run.best)[0])
    plain = trainer.train_dataset(dataset, options, run=tmp_path / "plain")
    for one, other in zip(weights(run.last), weights(plain.last), strict=True):
        assert np.array_equal(one, other), "averages must not change what is trained"


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_16_bits_and_yields_32(dataset, options, tmp_path, precision):
    mixed = replace(options, precision=precision, epochs=6)
    run = trainer.train_dataset(dataset, mixed, run=tmp_path / "run")
    model = archive.load_model(run.best).model
    assert model.output.dtype == "float32"
    assert {each.dtype for each in model.weights if "seed" not in each.path} == {"float32"}
    inner = next(layer for layer in model.layers if hasattr(layer, "layers") and layer.weights)
    assert any(layer.compute_dtype == precision.removeprefix("mixed_") for layer in inner.layers)
    assert run.rows()[-1].train["loss"] < run.rows()[0].train["loss"]
    assert run.evaluation()["accuracy"] > 0.6


@pytest.mark.slow
def test_auto_says_which_precision_it_chose(dataset, options, tmp_path):
    run = trainer.train_dataset(
        dataset, replace(options, precision="auto", epochs=1), run=tmp_path / "run"
    )
    assert any(each.startswith("train.precision: chose ") for each in run.warnings)


@pytest.mark.slow
def test_a_metric_may_say_which_epoch_is_the_best(dataset, options, tmp_path):
    chosen = replace(options, monitor="accuracy", epochs=4)
    run = trainer.train_dataset(dataset, chosen, run=tmp_path / "run")
    assert run.config()["train"]["monitor_mode"] == "max"
    best = max(run.rows(), key=lambda row: row.validation["accuracy"])
    assert archive.read_note(run.best).rows[-1].epoch == best.epoch


def test_more_batches_than_an_epoch_has_cannot_be_added_up(dataset, options, tmp_path):
    many = replace(options, optimizer=replace(options.optimizer, accumulate=6))
    with pytest.raises(TrainError, match="expected at most the 5 batches of an epoch, found 6"):
        trainer.train_dataset(dataset, many, run=tmp_path / "run")
