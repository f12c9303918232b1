"""Confusion matrices, of few classes and of a thousand."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from dsbuilder.report.charts import matrix
from dsbuilder.report.charts.matrix import Confusions
from dsbuilder.report.charts.svg import Heading

SVG = "{http://www.w3.org/2000/svg}"
HEADING = Heading(title="Confusion matrix", dataset="pets 1.0.0", numbers="confusion.csv")


def confusions(counts, names=None):
    counts = np.reshape(counts, (len(counts), len(counts)))
    return Confusions(
        names=names or [f"class {index}" for index in range(len(counts))],
        cells=tuple(
            (int(a), int(b), int(counts[a, b])) for a, b in zip(*np.nonzero(counts), strict=True)
        ),
    )


def many(classes, *, hits=40):
    """Each class right but for one sample; class 7 is taken for class 3 thirty times."""
    counts = np.eye(classes, dtype=int) * hits
    counts[np.arange(classes), (np.arange(classes) + 1) % classes] = 1
    counts[7, 3] = 30
    return confusions(counts)


def drawn(found):
    return ET.fromstring(matrix.draw(found, HEADING))


def texts(root):
    return [each.text for each in root.iter(f"{SVG}text")]


def tooltips(root):
    return [each.find(f"{SVG}title").text for each in root.iter(f"{SVG}g")]


def test_every_count_is_written_in_its_cell():
    root = drawn(confusions([[5, 2], [0, 9]], ["cat", "dog"]))
    assert tooltips(root) == [
        "5 of 7 'cat' taken for 'cat'",
        "2 of 7 'cat' taken for 'dog'",
        "9 of 9 'dog' taken for 'dog'",
    ]
    cells = [
        (g.find(f"{SVG}rect").get("class"), g.find(f"{SVG}text").text) for g in root.iter(f"{SVG}g")
    ]
    assert cells == [("hit s7", "5"), ("miss s4", "2"), ("hit s8", "9")]
    assert texts(root).count("cat") == texts(root).count("dog") == 2


def test_the_description_says_what_is_right_and_what_is_confused():
    told = drawn(confusions([[5, 2], [0, 9]], ["cat", "<dog>"])).find(f"{SVG}desc").text
    assert "14 of 16 samples are right. 2 of 7 'cat' taken for '<dog>'." in told
    assert told.endswith("The numbers are in confusion.csv.")


@pytest.mark.parametrize("classes", [21, 100, 1000])
def test_of_many_classes_the_most_confused_are_named_and_all_are_mapped(classes):
    text = matrix.draw(many(classes), HEADING)
    root = ET.fromstring(text)
    assert texts(root).count("class 7") == texts(root).count("class 3") == 2
    assert "30 of 71 'class 7' taken for 'class 3'" in tooltips(root)
    assert "30 of 71 'class 7' taken for 'class 3'." in texts(root)
    assert "(all others)" in texts(root)
    assert len(text) < 100_000
    width, height = map(float, root.get("viewBox").split()[2:])
    assert width <= 700 and height <= 1800


def test_what_is_zoomed_adds_up_to_all_samples():
    """Every cell is seen once: those of the named classes, and sums of all others."""
    found = many(300)
    counted = [int(told.split()[0].replace(",", "")) for told in tooltips(drawn(found))]
    assert sum(counted) == found.samples


def test_errors_that_are_not_listed_count_among_all_others():
    """Of class 7 half of the errors are listed, of class 30 none, which is in most errors then."""
    listed = many(300)
    samples = listed.of_class.copy()
    samples[[7, 30]] += (31, 500)
    found = Confusions(names=listed.names, cells=listed.cells, class_samples=samples.tolist())
    told = tooltips(drawn(found))
    assert "30 of 102 'class 7' taken for 'class 3'" in told
    assert "31 of 102 'class 7' taken for '(all others)'" in told
    assert "501 of 541 'class 30' taken for '(all others)'" in told
    counted = [int(each.split()[0].replace(",", "")) for each in told]
    assert sum(counted) == found.samples == listed.samples + 531


def test_the_map_shows_every_error_where_it_is():
    """Of 1,000 classes 20 share a row: 999 lies in the last of 50, 500 in the middle."""
    counts = np.eye(1000, dtype=int)
    counts[999, 500] = 4
    paths = list(drawn(confusions(counts)).iter(f"{SVG}path"))
    missed = [each for each in paths if each.get("class", "").startswith("miss")]
    (one,) = missed
    frame = next(each for each in reversed(paths) if each.get("class") == "axis")
    left, top, side = map(float, re.match(r"M(\S+) (\S+?)h(\S+?)v", frame.get("d")).groups())
    x, y = map(float, re.match(r"M(\S+) (\S+?)h", one.get("d")).groups())
    assert (x - left) / side == pytest.approx(25 / 50, abs=0.002)
    assert (y - top) / side == pytest.approx(49 / 50, abs=0.002)


def test_a_perfect_model_of_many_classes_has_no_zoom():
    root = drawn(confusions(np.eye(40, dtype=int) * 3))
    assert "(all others)" not in texts(root)
    assert any("All 40 classes" in each for each in texts(root))


@pytest.mark.parametrize(
    "counts", [[], [[0]], [[3]], [[0, 0], [1, 2]], np.eye(20, dtype=int) * 123456]
)
def test_any_matrix_is_drawn(counts):
    drawn(confusions(counts))


def test_names_of_any_length_and_kind_are_drawn():
    names = ["<img onerror=x>", "猫", "", "x" * 300, "a&b\"'", "\udce9"]
    text = matrix.draw(confusions(np.ones((6, 6), int), names), HEADING)
    assert "<img" not in text
    assert float(ET.fromstring(text.encode()).get("viewBox").split()[2]) <= 700


def test_errors_come_most_frequent_first_and_the_table_holds_all():
    found = confusions([[5, 1, 0], [3, 5, 0], [0, 2, 9]], ["a", "b", "c"])
    assert found.errors() == [(3, "b", "a", 8), (2, "c", "b", 11), (1, "a", "b", 6)]
    table = list(found.table())
    assert table[0] == ("truth", "answer", "count")
    assert ("c", "b", 2) in table and len(table) == 7
    assert (found.samples, found.right) == (25, 19)
