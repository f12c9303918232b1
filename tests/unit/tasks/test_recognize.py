"""Texts are learnt by CTC: what its loss is, how outputs are read off, and what counts as wrong."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.sample import ImageSignature
from dsbuilder.targets.text import Text, time_steps
from dsbuilder.tasks.recognize import (
    CharacterErrorRate,
    ExactMatch,
    Recognize,
    collapsed,
    edit_distance,
)

IMAGE = ImageSignature(height=8, width=8, channels=1)
words = st.text("abc", max_size=5)


def task(alphabet="abc", longest=4):
    return Recognize(target=Text(alphabet=alphabet, longest=longest), image=IMAGE)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_the_loss_is_that_of_all_ways_to_spell_a_text():
    """Graves et al. 2006: the sum of the probabilities of all paths that collapse to the text."""
    ops = pytest.importorskip("keras").ops
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, 4)).astype("float32")
    texts = [[1, 2, 0, 0], [3, 3, 0, 0], [0, 0, 0, 0]]
    found = task().loss().compute(ops.convert_to_tensor(texts), ops.convert_to_tensor(logits))
    for row, text, loss in zip(log_softmax(logits), texts, np.asarray(found), strict=True):
        wanted = [each for each in text if each]
        paths = itertools.product(range(4), repeat=4)
        spelled = [path for path in paths if collapsed(np.array(path)) == wanted]
        total = sum(np.exp(sum(row[t, c] for t, c in enumerate(path))) for path in spelled)
        assert loss == pytest.approx(-np.log(total), rel=1e-4)


def test_a_text_that_no_output_can_spell_counts_nothing():
    ops = pytest.importorskip("keras").ops
    logits = np.random.default_rng(1).normal(size=(2, 4, 4)).astype("float32")
    loss = task().loss()
    alone = np.asarray(loss.compute(ops.convert_to_tensor([[1, 0]]), logits[:1]))
    both = np.asarray(loss.compute(ops.convert_to_tensor([[1, 0], [1, 4]]), logits))
    assert both[1] == 0
    assert both.mean() == pytest.approx(alone.mean(), rel=1e-5)


@given(words, words)
def test_the_edit_distance_is_a_distance(one, two):
    found = edit_distance(one, two)
    assert found == edit_distance(two, one)
    assert (found == 0) == (one == two)
    assert abs(len(one) - len(two)) <= found <= max(len(one), len(two))


def test_the_edit_distance_counts_what_must_be_done():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3


@given(words)
def test_every_text_fits_in_its_time_steps(text):
    """Spelled with a blank between equal neighbors it comes back, and in no fewer steps."""
    ids = ["abc".index(each) + 1 for each in text]
    path = []
    for one in ids:
        path += [0, one] if path and path[-1] == one else [one]
    assert len(path) == time_steps(text)
    assert not path or collapsed(np.array(path)) == ids


def one_hot(paths, size=4):
    return (np.eye(size)[np.array(paths)] * 9).astype("float32")


def test_metrics_compare_texts():
    truth, outputs = np.array([[1, 2, 0], [3, 0, 0]]), one_hot([[1, 1, 0, 2], [3, 0, 3, 1]])
    match, rate = ExactMatch(longest=3), CharacterErrorRate(longest=3)
    rows = match.collect(truth, outputs, np)
    assert match.result(rows) == 0.5
    assert rate.result(rows) == pytest.approx(2 / 3)  # "c" was read as "cca"


def test_an_answer_is_a_text_and_the_probability_of_its_path():
    outputs = one_hot([[1, 0, 1, 2]])[0]
    value, scores = task().answer(outputs)
    assert value == "aab" and scores[0][0] == "aab"
    assert scores[0][1] == pytest.approx(np.exp(log_softmax(outputs).max(-1).sum()))


def test_texts_become_ids_and_what_is_not_in_the_alphabet_is_behind_it():
    tf = pytest.importorskip("tensorflow")
    found = task("aéö你", longest=4).batch(tf.constant(["a你", "öxé", ""]))
    assert found.numpy().tolist() == [[1, 4, 0, 0], [3, 5, 2, 0], [0, 0, 0, 0]]
    assert found.dtype == tf.int32


def test_an_alphabet_is_sorted_and_has_each_character_once():
    for wrong in ("ba", "aab"):
        with pytest.raises(ValueError, match="each character once"):
            Text(alphabet=wrong)
