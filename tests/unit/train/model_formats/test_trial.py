"""An export whose answers differ is refused, whatever they differ by; rounding is no difference."""

import numpy as np
import pytest

from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import HeadOptions
from dsbuilder.plugin import ClassLabel, ImageSignature, Signature, Value
from dsbuilder.tasks import heads_of
from dsbuilder.train.model_formats.card import card_of

archive = pytest.importorskip("dsbuilder.train.archive")
trial = pytest.importorskip("dsbuilder.train.model_formats.trial")

IMAGE = ImageSignature(height=3, width=2, channels=1)
ANSWERS = {
    "label": np.array([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float32),
    "far": np.array([[1e6], [1e6 + 3]], np.float32),
}


@pytest.fixture(scope="module")
def card():
    targets = {"label": ClassLabel(names=("a", "b", "c")), "far": Value()}
    signature = Signature(image=IMAGE, targets=targets)
    heads = heads_of(signature)
    heads["far"] = heads["far"].fit(lambda: (np.array([1e6]), np.array([10.0])))
    note = archive.Note(
        dataset="x 1.0.0",
        fingerprint="",
        class_names=("a", "b", "c"),
        signature=signature,
        heads=heads,
        learnt={name: HeadOptions() for name in targets},
        normalize="scale",
        pipeline={"image": {}, "prepare": [], "finish": []},
    )
    return card_of(note)


class Answering:
    """Says what it says, as a model of Keras would."""

    def predict_on_batch(self, images):
        return ANSWERS


def asked(card, **answers):
    tried = trial.trial_of(card, None)
    return trial.apart(lambda images: {**ANSWERS, **answers}, Answering(), card, tried)


def test_random_images_are_the_same_each_time_and_in_the_form_of_the_model(card):
    one, two = trial.trial_of(card, None), trial.trial_of(card, None)
    assert one.split is None and np.array_equal(one.images, two.images)
    assert one.images.shape == (trial.SAMPLES, 3, 2, 1) and one.images.dtype == np.uint8


def test_equal_answers_are_no_distance_apart_and_rounding_is_none_either(card):
    assert asked(card) == 0.0
    assert asked(card, far=np.nextafter(ANSWERS["far"], np.float32(2e6))) == 0.0
    assert asked(card, label=ANSWERS["label"] + np.float32(5e-5)) == pytest.approx(5e-5, rel=0.02)


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        ("label", ANSWERS["label"] + np.float32(2e-4)),
        ("label", np.roll(ANSWERS["label"], 1, axis=1)),
        ("label", np.full((2, 3), np.nan, np.float32)),
        ("label", ANSWERS["label"][:, :2]),
        ("far", ANSWERS["far"] + 1),
    ],
)
def test_other_answers_are_refused_by_the_name_of_the_head(card, head, wrong):
    with pytest.raises(TrainError, match=f"^{head}: expected answers that are at most 0.0001"):
        asked(card, **{head: wrong})
