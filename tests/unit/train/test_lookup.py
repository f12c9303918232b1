"""Losses, metrics, schedules and optimizers are found by name, in one way."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.schedules.cosine import Cosine
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.pipelinefile.training import OptimizerOptions, TrainOptions
from dsbuilder.registry import discover
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask
from dsbuilder.tasks import heads_of
from dsbuilder.train.lookup import KerasClass, choose, keras_names, snake

PLUGINS = Path(__file__).parents[3] / "plugins"
REGISTRY = discover((PLUGINS,))
BASES = {
    "loss": ("losses", "Loss"),
    "metric": ("metrics", "Metric"),
    "schedule": ("optimizers.schedules", "LearningRateSchedule"),
    "optimizer": ("optimizers", "Optimizer"),
}


def task_for(target):
    image = ImageSignature(height=8, width=8, channels=3)
    return heads_of(Signature(image=image, targets={"it": target}))["it"]


LABEL = task_for(ClassLabel(names=("a", "b", "c")))
PAIR = task_for(ClassLabel(names=("a", "b")))


def chosen(task=LABEL, *, optimizer=None, **named):
    options = TrainOptions(model=Cnn(), optimizer=OptimizerOptions(**(optimizer or {})), **named)
    return choose(options, {"it": task}, REGISTRY, where="x.yaml:3: {}".format)


def problems(*given, **named):
    with pytest.raises(SpecError) as error:
        chosen(*given, **named)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("role", BASES)
def test_names_of_keras_are_those_of_its_classes(role):
    keras = pytest.importorskip("keras")
    module, base = BASES[role]
    home = keras
    for part in module.split("."):
        home = getattr(home, part)
    expected = {
        snake(name): name
        for name, each in vars(home).items()
        if inspect.isclass(each) and issubclass(each, getattr(home, base)) and name != base
    }
    assert dict(keras_names(role)) == expected


def test_names_are_in_snake_case():
    assert {"adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "lion"} <= set(
        keras_names("optimizer")
    )
    assert all(name == name.lower() and " " not in name for name in keras_names("optimizer"))


def test_a_plugin_is_found_before_what_keras_has():
    found = chosen(
        loss={"use": "focal", "gamma": 1.5},
        metrics=({"use": "top_k", "k": 1}, "poisson"),
        optimizer={"schedule": "cosine"},
    )
    head = found.heads["it"]
    assert type(head.loss).__name__ == "Focal" and head.loss.gamma == 1.5
    assert type(head.metrics["top_k"]).__name__ == "TopK"
    assert isinstance(head.metrics["poisson"], KerasClass)
    assert found.schedule == Cosine()
    assert (found.optimizer.role, found.optimizer.use) == ("optimizer", "adam")


def test_a_metric_of_the_task_is_watched_anyway():
    assert not chosen(metrics=("accuracy",)).heads["it"].metrics


def test_all_that_is_wrong_is_told_with_its_place():
    found = problems(
        loss={"use": "focal", "gama": 1},
        metrics=("top_q", "top_k", "top_k"),
        optimizer={"use": "adan", "schedule": "cosin"},
    )
    assert found == [
        "x.yaml:3: train.optimizer.use: unknown optimizer 'adan'. Did you mean 'adam'?",
        "x.yaml:3: train.optimizer.schedule: unknown schedule 'cosin'. Did you mean 'cosine'?",
        "x.yaml:3: train.loss.gama: unknown option 'gama'. Did you mean 'gamma'?",
        "x.yaml:3: train.metrics[0]: unknown metric 'top_q'. Did you mean 'top_k'?",
        "x.yaml:3: train.metrics[2]: expected each metric once, found 'top_k' again. Remove it.",
    ]


def test_what_is_for_another_kind_of_target_is_refused():
    mask = task_for(Mask(names=("a", "b")))
    assert problems(mask, loss="focal", metrics=("top_k",)) == [
        "x.yaml:3: train.loss: focal: expected a target of kind class, found mask of 2.",
        "x.yaml:3: train.metrics[0]: top_k: expected a target of kind class, found mask of 2.",
    ]


def test_a_loss_that_counts_classes_is_refused_for_two_which_have_one_logit():
    named = "sparse_categorical_crossentropy"
    assert problems(PAIR, loss=named) == [
        "x.yaml:3: train.loss: expected one for two classes, which have one logit, found "
        f"'{named}'. Use binary ones, or a plugin."
    ]


def test_a_plugin_for_classes_serves_two_which_have_one_logit():
    ops = pytest.importorskip("keras").ops
    logits, ids = np.array([[1.5], [-0.5], [2.0]], "f4"), np.array([[1.0], [1.0], [0.0]], "f4")
    head = chosen(PAIR, loss={"use": "focal", "gamma": 0}, metrics=({"use": "top_k", "k": 1},))
    head = head.heads["it"]
    cross_entropy = np.log1p(np.exp(-logits)) * ids + np.log1p(np.exp(logits)) * (1 - ids)
    assert np.allclose(head.loss.compute(ids, ops.convert_to_tensor(logits)), cross_entropy[:, 0])
    assert head.metrics["top_k"].collect(ids, logits, np)[:, 0].tolist() == [1, 0, 0]
    assert not head.metrics["top_k"].adds_up


def test_an_optimizer_takes_its_options():
    pytest.importorskip("keras")
    found = chosen(optimizer={"use": "sgd", "options": {"momentum": 0.9}}).optimizer
    optimizer = found.make({"learning_rate": 0.25})
    assert float(optimizer.learning_rate) == 0.25
    assert optimizer.momentum == 0.9


@pytest.mark.parametrize(("use", "nesterov"), [("momentum", False), ("nesterov", True)])
def test_an_optimizer_may_be_called_as_courses_do(use, nesterov):
    pytest.importorskip("keras")
    made = chosen(optimizer={"use": use, "options": {"momentum": 0.8}}).optimizer.make(
        {"learning_rate": 0.1}
    )
    assert (type(made).__name__, made.momentum, made.nesterov) == ("SGD", 0.8, nesterov)
    assert chosen(optimizer={"use": use}).optimizer.make({"learning_rate": 0.1}).momentum == 0.9


def test_an_unknown_option_is_answered_with_the_closest():
    pytest.importorskip("keras")
    found = chosen(optimizer={"use": "sgd", "options": {"momentun": 1}}).optimizer
    with pytest.raises(TrainError) as error:
        found.make({"learning_rate": 0.1})
    assert str(error.value) == (
        "train.optimizer.use: unknown option 'momentun' of sgd. Did you mean 'momentum'?"
    )


def test_a_loss_of_keras_takes_logits():
    losses = pytest.importorskip("dsbuilder.train.losses")
    found = chosen(loss="sparse_categorical_crossentropy").heads["it"].loss
    made, own = losses.make_loss(found, LABEL), losses.make_loss(None, LABEL)
    truth, logits = np.array([0, 1]), np.array([[3.0, -2.0], [1.0, 1.0]], "float32")
    assert float(made(truth, logits)) == float(own(truth, logits))
