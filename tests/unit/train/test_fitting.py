"""A train section that does not fit its data is refused, each problem with its place."""

from dataclasses import dataclass

import pytest

from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.transfer import Transfer
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile.training import HeadOptions, TrainOptions
from dsbuilder.plugin import ModelBuilder
from dsbuilder.registry import discover
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import Boxes, ClassLabel, Keypoints, Mask, MultiLabel, Text, Value
from dsbuilder.tasks import TASKS
from dsbuilder.train.fitting import check_fit, sampling_of, unlearnable

REGISTRY = discover()
KINDS = {
    "label": ClassLabel(names=("a", "b")),
    "labels": MultiLabel(names=("a", "b")),
    "price": Value(),
    "mask": Mask(names=("a", "b")),
    "text": Text(),
    "objects": Boxes(names=("a",)),
    "keypoints": Keypoints(names=("a",)),
}
LEARNT = {
    Cnn(): {"label", "labels", "price", "keypoints"},
    Transfer(): {"label", "labels", "price", "keypoints"},
    Unet(): {"mask"},
}


def signature(*names, size=(32, 32), channels=3, dtype="uint8"):
    image = ImageSignature(height=size[0], width=size[1], channels=channels, dtype=dtype)
    return Signature(image=image, targets={name: KINDS[name] for name in names})


def problems(found, model=None, **options):
    with pytest.raises(SpecError) as error:
        train = TrainOptions(model=model or Cnn(), **options)
        check_fit(train, found, REGISTRY, where="x.yaml: {}".format)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("model", LEARNT, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("target", KINDS)
def test_a_model_fits_exactly_the_kinds_that_it_learns(model, target):
    options = TrainOptions(model=model, target=target)
    if target in LEARNT[model]:
        learnt = check_fit(options, signature(*KINDS), REGISTRY)
        assert dict(learnt.targets) == {target: KINDS[target]}
    else:
        (found,) = problems(signature(*KINDS), model=model, target=target)
        trained = KINDS[target].kind in TASKS
        assert found.startswith("x.yaml: train.model: " if trained else "x.yaml: train.target: ")
        assert f"'{target}'" in found


def test_the_only_target_needs_no_name():
    assert list(check_fit(TrainOptions(model=Cnn()), signature("price"), REGISTRY).targets) == [
        "price"
    ]


def test_a_temperature_is_for_classes():
    assert problems(signature("price"), calibrate="temperature") == [
        "x.yaml: train.calibrate: expected a target of classes, whose probabilities it mends, "
        "found value. Leave it out."
    ]
    given = {"heads": {"label": HeadOptions(), "price": HeadOptions()}}
    options = TrainOptions(model=Cnn(), calibrate="temperature", **given)
    assert check_fit(options, signature("label", "price"), REGISTRY).targets.keys() == {
        "label",
        "price",
    }


def test_several_targets_need_one():
    assert problems(signature("label", "price")) == [
        "x.yaml: train: expected one target, found label, price. "
        "Say in train.target which one is learnt, or in train.heads which ones."
    ]


def test_a_target_that_is_not_there_is_answered_with_the_closest():
    assert problems(signature("label", "price"), target="prize") == [
        "x.yaml: train.target: unknown target 'prize'. Did you mean 'price'?"
    ]


def test_nothing_to_learn_is_an_error():
    assert problems(signature()) == [
        "x.yaml: train: the samples have no labels to learn. Label them, say by class folders."
    ]


def test_images_and_model_are_judged_together():
    image, normalize, model = problems(
        signature("label", size=(None, 32), channels=4, dtype="float32"),
        model=Cnn(head="flatten"),
        normalize="scale",
    )
    assert image.startswith("x.yaml: finish: expected images of one size to train on, found ?x32x4")
    assert normalize.startswith("x.yaml: train.normalize: expected uint8 images to scale")
    assert model.startswith("x.yaml: train.model: cnn: expected images of one size")


@pytest.mark.parametrize(
    ("model", "found", "message"),
    [
        (Cnn(depth=6), signature("label"), "cnn: expected images of at least 64 pixels a side"),
        (Unet(depth=6), signature("mask"), "unet: expected images of one size, at least 64"),
        (Transfer(), signature("label", channels=4), "transfer: expected images of 3 channels"),
    ],
)
def test_images_that_a_model_cannot_take_are_refused(model, found, message):
    (problem,) = problems(found, model=model)
    assert problem.startswith(f"x.yaml: train.model: {message}")


@dataclass(frozen=True, kw_only=True)
class Any(ModelBuilder):
    """Says nothing of what it learns, as a builder of one's own may."""

    def build(self, signature):
        raise NotImplementedError


def test_a_builder_that_checks_nothing_is_let_pass():
    check_fit(TrainOptions(model=Any()), signature("mask"), REGISTRY)


def test_what_is_monitored_must_be_watched():
    with pytest.raises(SpecError) as error:
        check_fit(TrainOptions(model=Cnn(), monitor="acuracy"), signature("label"), REGISTRY)
    assert str(error.value) == (
        "train.monitor: expected a value of an epoch (loss, accuracy), found 'acuracy'. "
        "Did you mean 'accuracy'?"
    )


@pytest.mark.parametrize("target", [ClassLabel(names=("a",)), Mask(names=("a",))])
def test_one_class_is_nothing_to_tell_apart(target):
    image = ImageSignature(height=32, width=32, channels=3)
    model = Unet() if isinstance(target, Mask) else Cnn()
    (found,) = problems(Signature(image=image, targets={"it": target}), model=model)
    assert found == (
        "x.yaml: train: expected two classes or more to tell apart, found of 'it' 'a'. "
        "Add samples of another class."
    )


def test_classes_that_train_never_has_are_told_by_split():
    target = ClassLabel(names=("a", "b", "c"))
    counts = {"train": {"a": 5, "b": 1}, "validation": {"a": 2}, "test": {"b": 1, "c": 3}}
    (told,) = unlearnable("label", target, counts)
    assert told.startswith(
        "label: samples of test are of classes that train has no sample of ('c')"
    )
    assert not list(unlearnable("label", target, {**counts, "test": {"a": 1}}))
    assert not list(unlearnable("label", target, {"test": {"c": 1}})), "nothing is known of train"
    assert not list(unlearnable("price", Value(), counts))


@pytest.mark.parametrize("target", ["price", "mask", "text"])
def test_there_is_nothing_to_sample_by_where_samples_have_no_classes(target):
    given = {"model": Unet() if target == "mask" else Cnn(), "sampling": "balanced"}
    wanted = (
        "x.yaml: train.sampling: expected a target of kind class, multi_label, boxes or instances "
        f"to sample by, found '{target}' of kind '{KINDS[target].kind}'. Leave sampling out."
    )
    assert wanted in problems(signature(target), **given)
    assert not any("train.sampling" in each for each in problems(signature("objects"), **given))


def test_one_head_may_be_sampled_by():
    heads = {"labels": HeadOptions(sampling="square_root"), "price": HeadOptions()}
    options = TrainOptions(model=Cnn(), heads=heads)
    assert set(check_fit(options, signature(*KINDS), REGISTRY).targets) == {"labels", "price"}
    assert sampling_of(options, ["price", "labels"]) == {
        "sampling": "square_root",
        "sampled_by": "labels",
    }
    heads = {"label": HeadOptions(), "price": HeadOptions(sampling="balanced")}
    (found,) = problems(signature(*KINDS), heads=heads)
    assert found.startswith("x.yaml: train.heads.price.sampling: expected a target of kind class")
    assert sampling_of(TrainOptions(model=Cnn()), ["label"]) == {}


def test_labels_are_smoothed_of_classes_alone():
    (found,) = problems(signature("price"), label_smoothing=0.1)
    assert found.startswith("x.yaml: train.label_smoothing: expected a target of classes, found ")
    heads = {"price": HeadOptions(label_smoothing=0.1), "label": HeadOptions(label_smoothing=0.1)}
    (found,) = problems(signature("price", "label"), heads=heads)
    assert found.startswith("x.yaml: train.heads.price.label_smoothing: expected a target of ")


@pytest.mark.parametrize(
    "use", ["sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"]
)
def test_a_loss_of_ids_takes_no_smoothed_labels(use):
    three = signature("label").replace(targets={"label": ClassLabel(names=("a", "b", "c"))})
    (found,) = problems(three, loss=use, label_smoothing=0.1)
    assert found == (
        "x.yaml: train.label_smoothing: expected a loss of a number for each class to smooth the "
        f"labels, found '{use}'. Leave the loss out, or name one that takes no ids."
    )
