"""Keypoints of one object are learnt as numbers, and what is absent counts nothing."""

import numpy as np
import pytest

from dsbuilder.sample import ImageSignature, Record, Signature
from dsbuilder.targets import Keypoints
from dsbuilder.tasks import heads_of, measure, objects_fault, without_one_object

RNG = np.random.default_rng(7)
NAMES = ("left", "nose", "right")
TARGET = Keypoints(names=NAMES, swaps=(("left", "right"),))
IMAGE = ImageSignature(height=40, width=80, channels=3)


@pytest.fixture
def task():
    found = heads_of(Signature(image=IMAGE, targets={"it": TARGET}))["it"]
    return found.fit(lambda: (np.full(6, 0.5), np.array([0.5, 0.25, 0.5, 0.25, 0.5, 0.25])))


@pytest.fixture
def batch():
    """Truth as a stream yields it and as the loss takes it, and outputs; some points are absent."""
    points = RNG.random((20, 1, 3, 2), np.float32)
    seen = RNG.integers(0, 3, (20, 1, 3))
    seen[0] = 0
    points[seen == 0] = 0
    truth = np.concatenate([points[:, 0], (seen[:, 0] > 0)[..., None]], axis=-1).astype("f4")
    return {"points": points, "visibility": seen}, truth, RNG.random((20, 6), np.float32)


def distances(truth, outputs):
    apart = (outputs.reshape(-1, 3, 2) - truth[..., :2]) * [1.0, 0.5]
    return np.sqrt((apart**2).sum(axis=-1))


def test_scores_are_of_known_points_in_shares_of_the_longer_side(task, batch):
    _, truth, outputs = batch
    outputs[1, :2] = truth[1, 0, :2] + [0.02, 0.05]
    truth[1, 0, 2] = 1
    found = measure(task, [(truth[:7], outputs[:7]), (truth[7:], outputs[7:])])
    far, known = distances(truth, outputs), truth[..., 2] > 0
    assert found.mean_error == pytest.approx(far[known].mean(), rel=1e-5)
    assert found.pck == pytest.approx((far[known] <= 0.05).mean())
    for place, each in enumerate(found.points):
        assert (each.name, each.samples) == (NAMES[place], known[:, place].sum())
        assert each.mean_error == pytest.approx(far[known[:, place], place].mean(), rel=1e-5)
    assert found.intervals["mean_error"].low < found.mean_error < found.intervals["mean_error"].high


def test_without_any_known_point_there_is_no_score(task, batch):
    _, truth, outputs = batch
    found = measure(task, [(truth[:1], outputs[:1])])
    assert (found.mean_error, found.pck, found.points[0].mean_error) == (None, None, None)


def test_judgments_name_the_points_and_come_to_the_mean_error(task, batch):
    streamed, truth, outputs = batch
    judged = list(task.judge(streamed, outputs))
    known = truth[..., 2].sum(axis=1)
    errors = [each.score * count for each, count in zip(judged, known, strict=True) if count]
    whole = measure(task, [(truth, outputs)]).mean_error
    assert sum(errors) / known.sum() == pytest.approx(whole, rel=1e-5)
    assert judged[0].score is None and judged[0].truth == dict.fromkeys(NAMES)
    assert list(judged[1].answer) == list(NAMES)
    assert judged[1].answer["nose"] == pytest.approx(outputs[1, 2:4].tolist(), rel=1e-6)


def test_an_answer_is_moved_with_the_image_and_mirrored_names_change_places(task):
    from dsbuilder.sample import Motion

    value = task.answer(np.array([0.1, 0.5, 0.5, 0.5, 1.2, 0.5])).value
    whole = (0, 0, 40, 80)
    back = Motion.of_box((40, 80), whole, whole, (40, 80), mirrored=True)
    assert task.told(TARGET.move(value, back)) == {
        "left": [0.0, 0.5],  # no answer lies beyond the image
        "nose": [0.5, 0.5],
        "right": pytest.approx([0.9, 0.5]),
    }
    cropped = Motion.of_box((40, 80), (0, 20, 40, 40), (0, 0, 40, 40), (40, 40))
    assert task.told(TARGET.move(value, cropped)) == {
        "left": None,
        "nose": [0.5, 0.5],
        "right": None,
    }
    assert task.cells({"value": {"left": None, "nose": [0.5, 0.25]}}) == [
        "left outside; nose 0.500, 0.250"
    ]


def test_losses_leave_absent_points_out_whichever_is_named(task, batch):
    pytest.importorskip("keras")
    from dsbuilder.train.lookup import KerasClass
    from dsbuilder.train.losses import make_loss

    streamed, truth, outputs = batch
    assert np.array_equal(task.batch(streamed), truth)
    known = truth[..., 2]
    apart = outputs.reshape(-1, 3, 2) - truth[..., :2]
    for loss, squares in (
        (None, (apart / [0.5, 0.25]) ** 2),
        (KerasClass(role="loss", use="mean_squared_error", place="x"), apart**2),
        (KerasClass(role="loss", use="mean_absolute_error", place="x"), np.abs(apart)),
    ):
        sums = (squares.mean(axis=-1) * known).sum(axis=1)
        expected = (sums / np.maximum(known.sum(axis=1), 1)).mean()
        assert float(make_loss(loss, task)(truth, outputs)) == pytest.approx(expected, rel=1e-5)
    assert task.refusal("huber", "loss") is None
    assert "of kind 'keypoints', found 'dice'. Use one of huber, " in task.refusal("dice", "loss")
    assert "found 'huber'" in task.refusal("huber", "metric")


def test_samples_of_no_object_or_of_several_are_counted_in_the_reason():
    assert objects_fault([1, 1]) is None and objects_fault([]) is None
    assert "found 1 samples with none and 2 with several" in objects_fault([1, 0, 2, 1, 5])


def test_a_record_whose_label_is_wrong_does_not_say_what_can_be_learnt():
    one = [[0.5, 0.5, 2]] * 3
    records = [
        Record(key="a", targets={"it": [one]}),
        Record(key="b", targets={"it": [[[2.0, 0.5, 2]] * 3]}),
        Record(key="c", targets={}, error="cut"),
    ]
    assert without_one_object({"it": TARGET}, records) == frozenset()
    records.append(Record(key="d", targets={"it": [one, one]}))
    assert without_one_object({"it": TARGET}, records) == {"it"}
