"""Confusion matrices as pictures, for few classes and for many."""

import numpy as np
import pytest

from dsbuilder.report.confusion import confusions, draw


def counts(classes, hits=40):
    rng = np.random.default_rng(classes)
    matrix = rng.integers(0, 4, (classes, classes))
    matrix[np.arange(classes), np.arange(classes)] += hits
    return matrix.tolist()


@pytest.mark.parametrize(
    "classes", [1, 2, 5, 10, 30, 31, 100, pytest.param(1000, marks=pytest.mark.slow)]
)
def test_any_number_of_classes_fits_a_screen(classes):
    picture = draw([f"class number {index}" for index in range(classes)], counts(classes))
    assert picture.width <= 2700
    assert picture.height <= 2300
    assert picture.mode == "RGB"


def test_few_classes_are_small_pictures():
    assert max(draw(["a", "b", "c"], counts(3)).size) <= 300


def test_the_diagonal_is_dark_where_everything_is_right_and_light_where_nothing_is():
    right, wrong = (draw(["a", "b"], matrix) for matrix in ([[9, 0], [0, 9]], [[0, 9], [9, 0]]))
    green = [
        int((np.asarray(picture, int) == (20, 110, 60)).all(axis=2).sum())
        for picture in (right, wrong)
    ]
    assert green[0] > 1000
    assert green[1] == 0


def test_a_class_without_samples_is_drawn():
    draw(["a", "b"], [[0, 0], [1, 2]])


def test_names_of_any_length_and_script_are_drawn():
    draw(["x" * 300, "猫", ""], counts(3))


def test_confusions_come_most_frequent_first():
    found = confusions(["a", "b", "c"], [[5, 1, 0], [3, 5, 0], [0, 2, 9]])
    assert found == [(3, "b", "a"), (2, "c", "b"), (1, "a", "b")]


def test_equal_data_give_equal_pictures():
    one, other = (draw(["a", "b"], counts(2)) for _ in range(2))
    assert one.tobytes() == other.tobytes()
