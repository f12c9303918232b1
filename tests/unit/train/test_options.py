"""The train section survives being kept in a run, whatever it says."""

import json
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.transfer import Transfer
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.pipelinefile.training import (
    FineTuneOptions,
    HeadOptions,
    OptimizerOptions,
    TrainOptions,
)
from dsbuilder.proposal import defaults
from dsbuilder.proposal.defaults import Case, choose
from dsbuilder.registry import discover
from dsbuilder.train.options import bind, options_of, settled, to_data


@pytest.mark.parametrize(
    "options",
    [
        TrainOptions(model=Cnn()),
        TrainOptions(model=Cnn(), class_weight="balanced"),
        TrainOptions(model=Cnn(), class_weight={"rare": 3.0}, sampling="balanced"),
        TrainOptions(model=Cnn(), class_weight={"rare": 3.0, "none": 0.0}),
        TrainOptions(
            model=Cnn(dense=(8, 4), activation="gelu", l2=1e-4),
            optimizer=OptimizerOptions(use="sgd", options={"momentum": 0.9, "nesterov": True}),
            normalize="standardize",
            patience=3,
            seed=5,
            batch_size=4,
            deterministic=True,
        ),
        TrainOptions(model=Transfer(), fine_tune=None, patience=None),
        TrainOptions(model=Transfer(), fine_tune=FineTuneOptions(layers=3, epochs=2)),
        TrainOptions(model=Transfer(weights=Path("/models/mine.keras"), freeze=False)),
        TrainOptions(model=Transfer(backbone="resnet50", weights="none")),
    ],
)
def test_binding_kept_options_gives_equal_options(options, tmp_path):
    kept = json.loads(json.dumps(to_data(options)))
    assert bind(kept, origin=tmp_path / "config.json") == options


def test_options_of_a_dataset_are_its_pipelines(dataset, options):
    assert options.model == Cnn(width=4, depth=2, convolutions=1, dropout=0.2)
    assert options.optimizer.learning_rate == 0.01
    overridden = options_of(dataset, overrides=["train.epochs=9", "train.model.width=6"])
    assert (overridden.epochs, overridden.model.width) == (9, 6)


def test_a_dataset_without_a_train_section_is_an_error(dataset, tmp_path):
    pipeline = json.loads((dataset.path / "pipeline.json").read_text())
    (tmp_path / "pipeline.json").write_text(json.dumps({**pipeline, "train": None}))
    bare = dsbuilder.Dataset(path=tmp_path, manifest=dataset.manifest)
    with pytest.raises(TrainError) as error:
        options_of(bare)
    assert str(error.value) == (
        f"{tmp_path}/pipeline.json: there is no train section. Add one to the pipeline."
    )


def test_a_plugin_that_is_missing_names_the_file(tmp_path):
    data = {"model": {"use": "resnet_of_mine"}}
    with pytest.raises(SpecError, match=r"config\.json: train\.model: unknown model"):
        bind(data, origin=tmp_path / "config.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "epochs: expected 1 or more, found 0."),
        ({"epochs": 10**10}, f"epochs: expected at most 1,000,000,000, found {10**10}."),
        ({"patience": 0}, "patience: expected 1 or more, found 0."),
        ({"batch_size": 0}, "batch_size: expected 1 or more, found 0."),
        ({"checkpoint_minutes": 0}, "checkpoint_minutes: expected more than 0, found 0."),
    ],
)
def test_numbers_out_of_range_are_refused(given, message):
    with pytest.raises(ValueError) as error:
        TrainOptions(model=Cnn(), **given)
    assert str(error.value) == message


def test_a_learning_rate_must_be_above_0():
    for options in (OptimizerOptions, FineTuneOptions):
        with pytest.raises(ValueError, match="learning_rate: expected more than 0, found 0"):
            options(learning_rate=0.0)


def test_normalization_for_a_model_that_preprocesses_is_refused():
    with pytest.raises(ValueError) as error:
        TrainOptions(model=Transfer(), normalize="scale")
    assert str(error.value) == (
        "normalize: expected none for a model that preprocesses its input itself, found 'scale'. "
        "Remove it."
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clip_norm": 0.0}, "clip_norm: expected more than 0, found 0."),
        (
            {"clip_norm": 1.0, "clip_value": 1.0},
            "expected one way to clip, found clip_norm and clip_value. Keep one.",
        ),
        ({"accumulate": 0}, "accumulate: expected 1 or more, found 0."),
        ({"average": 1.0}, "average: expected a share in (0, 1), found 1."),
        ({"schedule_epochs": 0}, "schedule_epochs: expected 1 or more, found 0."),
    ],
)
def test_options_of_an_optimizer_out_of_range_are_refused(given, message):
    with pytest.raises(ValueError) as error:
        OptimizerOptions(**given)
    assert str(error.value) == message


@pytest.mark.parametrize(("least", "layers"), [(37, None), (36, 20)])
def test_a_transfer_that_says_no_more_is_as_long_as_one_that_is_chosen(
    dataset, monkeypatch, tmp_path, least, layers
):
    monkeypatch.setattr(defaults, "is_installed", lambda: True)
    monkeypatch.setattr(defaults, "LEAST_FOR_TUNING", least)
    found, why = settled(TrainOptions(model=Transfer()), dataset)
    assert (found.epochs, found.patience) == (200, 10)
    assert (found.fine_tune and found.fine_tune.layers) == layers
    assert [each.split(":")[0] for each in why] == ["epochs", "fine_tune"]
    case = Case(targets=dataset.signature.targets, samples=36, short=200)
    section = choose(case, (200, 200), discover()).section
    chosen = bind(section, origin=tmp_path / "config.json")
    assert settled(chosen, dataset)[0] == found == settled(found, dataset)[0]


@pytest.mark.parametrize(
    ("given", "length", "said"),
    [
        ({"model": Cnn()}, (60, 20, None), ["epochs"]),
        ({"model": Cnn(), "patience": 3}, (60, 3, None), ["epochs"]),
        ({"model": Cnn(), "epochs": 2}, (2, None, None), []),
        ({"model": Transfer(freeze=False)}, (60, 20, None), ["epochs"]),
        ({"model": Transfer(), "epochs": 7}, (7, None, None), ["fine_tune"]),
        ({"model": Transfer(), "patience": 3, "fine_tune": None}, (200, 3, None), ["epochs"]),
    ],
)
def test_what_is_said_of_the_length_stays(dataset, given, length, said):
    found, why = settled(TrainOptions(**given), dataset)
    assert (found.epochs, found.patience, found.fine_tune) == length
    assert [each.split(":")[0] for each in why] == said


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class_weight": "balanced", "sampling": "square_root"}, "none beside sampling"),
        ({"heads": {"a": HeadOptions()}, "sampling": "balanced"}, "sampling: .* Give it to a head"),
        ({"heads": {"a": HeadOptions()}, "target": "natural"}, "target: .* Give it to a head"),
        (
            {"heads": {name: HeadOptions(sampling="balanced") for name in "ab"}},
            "expected sampling by one head, found by a and b",
        ),
    ],
)
def test_sampling_that_says_two_things_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        TrainOptions(model=Cnn(), **given)
