"""What is advised can be assigned to the pipeline it is for, of each built-in model."""

import json

import pytest

import dsbuilder
from dsbuilder.diagnosis.advice import advise, still_fell
from dsbuilder.diagnosis.learning_curve import CurveVerdict, Gap

PIPELINE = """
name: shades
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.5}
finish: [{use: resize, size: [32, 32]}]
"""
MODELS = {
    "mlp": "{use: mlp}",
    "linear": "{use: mlp, depth: 0}",
    "cnn": "{use: cnn, dropout: 0.3, l2: 0.001}",
    "lenet": "lenet",
    "rnn": "rnn",
    "vgg_small": "vgg_small",
    "resnet_small": "resnet_small",
    "cbam": "cbam",
}


def verdict(bias, variance):
    gaps = [Gap(value=0.1, low=0.0, high=0.2, verdict=each) for each in (bias, variance)]
    return CurveVerdict(points=(), bias=gaps[0], variance=gaps[1], trend=None)


def advised(opened, bias, variance, **given):
    surveyed = opened.survey()
    found = verdict(bias, variance)
    return advise(
        found,
        surveyed.pipeline.settings,
        surveyed.pipeline.streamed,
        **{"stopped_early": True, **given},
    )


@pytest.fixture
def opened(make_images, write_pipeline):
    make_images(classes=("cat", "dog"), count=2)

    def opens(*overrides):
        return dsbuilder.open(write_pipeline(PIPELINE), overrides=overrides)

    return opens


def test_what_is_advised_can_be_assigned(opened):
    for name, model in MODELS.items():
        found = advised(opened(f"train={{model: {model}}}"), "high", "high")
        assert {each.against for each in found} == {"high bias", "high variance"}, name
        for each in found:
            if each.assignment:
                settings = opened(f"train={{model: {model}}}", each.assignment).spec().settings
                place = each.option.split(".")
                if place[:2] == ["train", "model"] and len(place) == 3:
                    value = getattr(settings.train.model, place[2])
                    assert value != json.loads(each.now), each
                else:
                    assert each.assignment.startswith(f"{each.option}=") and settings.train, each
                json.loads(each.now)


def test_a_linear_model_is_to_get_a_layer_and_no_width(opened):
    found = advised(opened("train={model: {use: mlp, depth: 0}}"), "high", "small")
    assert "train.model={use: mlp, depth: 1}" in [each.assignment for each in found]
    assert not [each for each in found if "width" in each.option or "dropout" in each.option]


def test_a_model_is_not_made_deeper_than_its_images_allow(opened):
    found = advised(opened("train={model: {use: cnn, depth: 5}}"), "high", "small")
    assert "train.model={use: cnn, depth: 5, width: 64}" in [each.assignment for each in found]
    assert not [each for each in found if each.option == "train.model.depth"]


def test_against_bias_regularization_goes_down_and_against_variance_up(opened):
    train = "train={model: {use: cnn, dropout: 0.2, l2: 1e-3}, epochs: 9}"
    less = [each.assignment for each in advised(opened(train), "high", "small")]
    assert less[0] == "train.epochs=18"
    assert "train.model={use: cnn, l2: 0.001, dropout: 0.1}" in less
    assert "train.model={use: cnn, l2: 0.0001, dropout: 0.2}" in less
    late = advised(opened(train), "high", "small", stopped_early=False)
    assert "train.epochs" not in [each.option for each in late]
    more = [each.assignment for each in advised(opened(train), "small", "high")]
    assert "train.model={use: cnn, l2: 0.001, dropout: 0.4}" in more
    assert "train.model={use: cnn, l2: 0.01, dropout: 0.2}" in more
    assert "train.model={use: cnn, l2: 0.001, dropout: 0.2, width: 16}" in more
    assert "train.model=transfer" in more


def test_augmentation_that_is_there_is_to_be_changed_and_not_added(opened):
    varied = "augment={copies: 2, stages: [A.HorizontalFlip]}"
    found = advised(opened("train={model: cnn}", varied), "small", "high")
    assert "augment.copies=4" in [each.assignment for each in found]
    fresh = "stream={stages: [A.HorizontalFlip]}"
    found = advised(opened("train={model: cnn}", fresh), "high", "high")
    assert [each.why.split(":")[0] for each in found if each.option == "stream.stages"] == [
        "weaker augmentation",
        "more augmentation",
    ]


def test_nothing_is_advised_where_nothing_is_high(opened):
    assert advised(opened("train={model: cnn}"), "small", "unclear") == ()


@pytest.mark.parametrize(
    ("losses", "best", "fell"),
    [
        ([1.0, 0.8, 0.6, 0.4], 4, True),
        ([1.0, 0.8, 0.6, 0.4], 2, False),
        ([1.0, 0.5, 0.401, 0.4], 4, False),
        ([1.0], 1, False),
    ],
)
def test_a_loss_still_fell_where_the_last_epoch_is_the_best(losses, best, fell):
    assert still_fell(losses, best) is fell
