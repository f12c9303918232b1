"""Several views of an image: what is averaged, what is turned back, and what is refused."""

import numpy as np
import pytest

from dsbuilder.errors import SpecError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Text, Value
from dsbuilder.tasks import heads_of
from dsbuilder.train.views import PLAIN, views_for

IMAGE = ImageSignature(height=32, width=48, channels=3)
RNG = np.random.default_rng(0)
NAMES = ("a", "b", "c")


def heads(**targets):
    return heads_of(Signature(image=IMAGE, targets=targets))


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("target", "shape", "probabilities"),
    [
        (ClassLabel(names=NAMES), (4, 3), softmax),
        (ClassLabel(names=NAMES[:2]), (4, 1), sigmoid),
        (MultiLabel(names=NAMES), (4, 3), sigmoid),
        (Mask(names=NAMES), (4, 32, 48, 3), softmax),
        (Value(size=3), (4, 3), np.asarray),
    ],
)
def test_probabilities_are_averaged(target, shape, probabilities):
    (task,) = heads(it=target).values()
    outputs = RNG.normal(size=(5, *shape)).astype(np.float32)
    expected = probabilities(outputs).mean(axis=0)
    assert np.allclose(probabilities(task.averaged(outputs)), expected, atol=1e-6)
    extreme = task.averaged(np.stack([np.full(shape, 900.0), np.full(shape, -900.0)]))
    assert np.isfinite(extreme).all()


def test_what_is_said_of_pixels_is_turned_back():
    batch = RNG.integers(0, 255, (2, 32, 48, 3))
    views = views_for(heads(it=Mask(names=NAMES)), "flip+shift")
    assert len(views) == 6 and views[0] is PLAIN
    for view in views:
        back = view.undo(view.apply(batch))
        assert np.array_equal(back[:, 2:-2, 3:-3], batch[:, 2:-2, 3:-3])
    shown = [view.apply(batch) for view in views]
    assert all(not np.array_equal(one, shown[0]) for one in shown[1:])
    assert np.array_equal(shown[1], batch[:, :, ::-1])
    assert np.array_equal(shown[3][:, 2:], batch[:, :-2]), "down by a sixteenth of 32"
    small = RNG.integers(0, 255, (1, 3, 3, 1))
    assert all(view.apply(small).shape == small.shape for view in views)


def test_mirrors_are_left_out_where_they_may_change_the_answer_unless_asked():
    of_class, of_value = heads(it=ClassLabel(names=NAMES)), heads(it=Value())
    assert len(views_for(of_class, "auto")) == 6
    assert len(views_for(of_value, "auto")) == 5
    assert len(views_for({**of_class, "other": of_value["it"]}, "auto")) == 5
    assert len(views_for(of_value, "flip")) == 2
    assert views_for(of_value, None) == (PLAIN,)


@pytest.mark.parametrize("asked", ["flip", "shift", "auto"])
def test_texts_are_refused(asked):
    with pytest.raises(SpecError, match=r"tta: .* found 'word' of kind 'text'. Leave it out"):
        views_for(heads(kind=ClassLabel(names=NAMES), word=Text(alphabet="ab")), asked)
    with pytest.raises(SpecError, match="expected one of flip, shift"):
        views_for({}, "turn")
