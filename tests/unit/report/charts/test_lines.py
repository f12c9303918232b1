"""Line charts: the numbers that went in can be read from what is drawn."""

import math
import re
from itertools import pairwise
from typing import get_args
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from dsbuilder import typed_json
from dsbuilder.report.charts import lines
from dsbuilder.report.charts.lines import ChartScore, Curve, Kind, LineChart
from dsbuilder.report.charts.svg import Heading

SVG = "{http://www.w3.org/2000/svg}"
HEADING = Heading(title="ROC", dataset="pets 1.0.0", samples={"test": 9}, numbers="roc.csv")


def chart(*found, kind="roc", **given):
    told = {"title": "t", "x_title": "x axis", "y_title": "y axis", **given}
    return LineChart(kind=kind, lines=tuple(found), **told)


def line(x, y, name="dog", **given):
    return Curve(name=name, x=tuple(x), y=tuple(y), **given)


def drawn(*found, **given):
    return ET.fromstring(lines.draw(chart(*found, **given), HEADING))


def of_class(root, name):
    return [each for each in root.iter(f"{SVG}path") if name in each.get("class", "").split()]


def curves(root):
    """The lines themselves, without the samples of the legend, which are short."""
    return [each.get("d") for each in of_class(root, "line") if "h26" not in each.get("d")]


def points(path):
    return [tuple(map(float, each)) for each in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def test_points_lie_where_their_values_say():
    (path,) = curves(drawn(line([0, 0.5, 1], [0, 0.75, 1])))
    (x0, y0), (x1, y1), (x2, y2) = points(path)
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.5, abs=0.002)
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.75, abs=0.002)
    assert y2 < y0, "more is higher"


def test_the_axes_of_shares_go_from_0_to_1_and_the_diagonal_from_corner_to_corner():
    root = drawn(line([0.4, 0.5], [0.5, 0.6]), reference="diagonal")
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts.count("0") == texts.count("1") == 2
    (reference,) = of_class(root, "mark")
    (x0, y0), (x1, y1) = points(reference.get("d"))
    (path,) = curves(root)
    (x, _), _ = points(path)
    assert x == pytest.approx(x0 + 0.4 * (x1 - x0), abs=0.1)
    assert y1 < y0


@pytest.mark.parametrize("gap", [None, math.nan, math.inf])
def test_a_line_has_a_gap_where_there_is_no_number(gap):
    (path,) = curves(drawn(line(range(5), [1, 2, gap, 3, 4]), kind="training"))
    assert path.count("M") == 2
    (alone,) = curves(drawn(line(range(3), [1, gap, 3]), kind="training"))
    assert alone.count("h0") == 2, "a point alone is a dot"


def test_precision_is_held_from_a_recall_to_the_next_lower_one():
    """The area under the drawn steps is the average precision, in either order of points."""
    recall, precision = np.array([0.0, 0.25, 0.5, 1.0]), np.array([1.0, 0.9, 0.8, 0.4])
    expected = np.sum(np.diff(recall) * precision[1:])
    for order in (slice(None), slice(None, None, -1)):
        (path,) = curves(drawn(line(recall[order], precision[order]), kind="precision_recall"))
        x, y = points(path.split("H")[0].split("V")[0])[0]
        corners = [(x, y)]
        for command, value in re.findall(r"([HV])(-?[\d.]+)", path):
            x, y = (float(value), y) if command == "H" else (x, float(value))
            corners.append((x, y))
        xs, ys = np.array(corners).T
        bottom, top = _ends(drawn(line([0, 1], [0, 1])))
        high = (bottom - ys) / (bottom - top)
        area = abs(sum((b - a) * h for (a, b), h in zip(pairwise(xs), high, strict=False)))
        assert area / (xs.max() - xs.min()) == pytest.approx(expected, abs=0.005)


def _ends(root):
    (path,) = curves(root)
    (_, bottom), (_, top) = points(path)
    return bottom, top


def test_residuals_are_points_alone():
    root = drawn(line(range(60), range(60)), kind="residuals", reference="zero")
    assert curves(root) == []
    assert len(of_class(root, "dot")) == 61  # one in the legend


def test_what_was_tried_is_points_by_numbers_by_factors_or_by_names():
    def places(kind):
        root = drawn(line([10, 100, 1000], [0, 1, 2]), kind=kind, marks=((10.0, "relu"),))
        assert curves(root) == []
        told = [each.get("d") for each in of_class(root, "dot")[1:]]
        x = [float(re.match(r"M([\d.]+)", each)[1]) for each in told]
        return (x[1] - x[0]) / (x[2] - x[0]), ET.tostring(root, "unicode")

    assert places("values")[0] == pytest.approx(1 / 11, abs=0.01)
    assert places("factors")[0] == pytest.approx(1 / 2, abs=0.01)
    _, named = places("choices")
    assert ">relu<" in named
    assert ">400<" not in named
    assert ">400<" in places("values")[1]


def test_a_mark_is_as_large_as_what_it_stands_for():
    root = drawn(line([0.1, 0.9], [0.1, 0.9], counts=(1, 100)), kind="calibration")
    small, large = (
        float(re.search(r"a([\d.]+)", each.get("d")).group(1)) for each in of_class(root, "dot")[1:]
    )
    assert large > 2 * small
    told = [each.find(f"{SVG}title").text for each in of_class(root, "dot")[1:]]
    assert told == ["dog, 0.1: 0.1, 1 samples", "dog, 0.9: 0.9, 100 samples"]


def test_twelve_lines_differ_in_color_and_dashes_and_many_points_keep_a_file_small():
    grid = np.linspace(0, 1, 200)
    root_text = lines.draw(
        chart(*(line(grid, grid**n, name=f"class {n}") for n in range(12))), HEADING
    )
    looks = {each.get("class") for each in of_class(ET.fromstring(root_text), "line")}
    assert len(looks) == 12
    assert len(root_text) < 60_000


def test_the_description_says_each_line_in_words():
    root = drawn(
        line([1, 2, 3], [0.9, 0.2, 0.4], score=0.2), kind="training", marks=((2.0, "best"),)
    )
    assert root.find(f"{SVG}desc").text == (
        "Chart of y axis by x axis. dog: 0.2, 3 points: first 0.9, last 0.4, least 0.2 at 2, "
        "greatest 0.9 at 1. At 2: best. The numbers are in roc.csv."
    )


def test_marks_that_lie_close_have_a_row_each():
    marks = tuple((10.0 + n, "some long text of a mark") for n in range(3))
    root = drawn(line(range(20), range(20)), kind="training", marks=marks)
    rows = [each.get("y") for each in root.iter(f"{SVG}text") if each.text.startswith("some long")]
    assert len(set(rows)) == 3


def test_epochs_are_whole():
    root = drawn(line([1, 2], [3, 4]), kind="training")
    texts = {each.text for each in root.iter(f"{SVG}text")}
    assert {"1", "2"} <= texts and "1.5" not in texts


def test_the_table_holds_what_is_drawn():
    table = list(chart(line([0, 1], [None, 2], counts=(3, 4)), line([5], [6])).table())
    assert table == [
        ("line", "x", "y", "count"),
        ("dog", 0, None, 3),
        ("dog", 1, 2, 4),
        ("dog", 5, 6, None),
    ]


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("y", [(), (1.5,), (0.0, 0.0), (math.nan, 1.0, math.inf, 2.0), range(500)])
def test_whatever_there_is_is_drawn(kind, y):
    told = drawn(line(range(len(y)), y, name="<b>&"), kind=kind).find(f"{SVG}desc").text
    assert "<b>&" in told
    assert "nan" not in lines.draw(chart(line(range(len(y)), y), kind=kind), HEADING)
    drawn(kind=kind)


def test_a_chart_is_read_from_json_as_a_run_keeps_it():
    data = {
        "kind": "calibration",
        "title": "Calibration",
        "x_title": "confidence",
        "y_title": "right",
        "score": {"name": "calibration error", "value": 0.04},
        "lines": [{"name": "all", "x": [0, 0.5], "y": [0.1, 1], "score": None, "counts": [3, 4]}],
        "reference": "diagonal",
    }
    found = typed_json.bind(LineChart, data)
    assert found.lines == (Curve(name="all", x=(0, 0.5), y=(0.1, 1), counts=(3, 4)),)
    assert str(found.score) == "calibration error 0.04"
    assert str(ChartScore(name="area")) == ""
    with pytest.raises(ValueError, match="kind"):
        typed_json.bind(LineChart, {**data, "kind": "pie"})


def test_a_learning_curve_has_its_sizes_along_the_axis_by_factors_and_intervals():
    between = ((0.3, 0.5), None, (0.1, 0.2))
    curve = line([100, 200, 400], [0.4, 0.25, 0.15], between=between)
    root = drawn(curve, kind="learning")
    (path,) = [each for each in curves(root) if "V" not in each]
    (x0, y0), (x1, _), (x2, y2) = points(path)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2), "equal factors are equal distances"
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {"100", "200", "400"} <= set(texts)
    bars = [each for each in curves(root) if "V" in each]
    assert len(bars) == 2, "one has no interval"
    ends = [
        tuple(map(float, re.match(r"M([-\d.]+) ([-\d.]+)V([-\d.]+)", each).groups()))
        for each in bars
    ]
    unit = (y2 - y0) / 0.25
    for (x, low, high), (bottom, top), y, at in zip(
        ends, (between[0], between[2]), (y0, y2), (x0, x2), strict=True
    ):
        value = 0.4 if at == x0 else 0.15
        assert x == pytest.approx(at, abs=0.1)
        assert low - y == pytest.approx((value - bottom) * unit, abs=0.3)
        assert y - high == pytest.approx((top - value) * unit, abs=0.3)
    headings, first, second, _ = chart(curve, kind="learning").table()
    assert headings == ("line", "x", "y", "count", "low", "high")
    assert first[-2:] == (0.3, 0.5) and second[-2:] == (None, None)


def test_intervals_of_what_was_tried_lie_within_the_axes():
    root = drawn(
        line([1, 2], [0.1, -0.3], between=((-0.2, 0.4), (-0.9, 0.3))),
        kind="choices",
        reference="zero",
    )
    (frame,) = [each.get("d") for each in of_class(root, "axis") if "V" in each.get("d")]
    top, bottom = map(float, re.fullmatch(r"M[\d.]+ ([\d.]+)V([\d.]+)H[\d.]+", frame).groups())
    bars = [re.match(r"M[\d.]+ ([\d.]+)V([\d.]+)", path).groups() for path in curves(root)]
    ends = [float(end) for bar in bars for end in bar]
    assert len(ends) == 4
    assert all(top < end < bottom for end in ends)
