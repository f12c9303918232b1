"""Bars and histograms: nothing is lost between the values, the table and the picture."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.report.charts import bars
from dsbuilder.report.charts.bars import Bars, ValueHistogram
from dsbuilder.report.charts.svg import Heading

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.lists(st.floats(-1e6, 1e6), max_size=40)


def heading(title: str) -> Heading:
    return Heading(title=title, dataset="pets 1.0.0", numbers="the table")


@given(VALUES, VALUES)
def test_every_value_is_counted_once(train: list[float], test: list[float]) -> None:
    values = {"train": train, "test": test}
    chart = ValueHistogram.of(values, title="Sizes", x_title="pixels")
    if not train and not test:
        assert chart is None
        return
    assert chart is not None
    assert [sum(counts) for counts in chart.counts] == [len(train), len(test)]
    assert list(chart.edges) == sorted(set(chart.edges))
    assert chart.edges[0] <= min(train + test) <= max(train + test) <= chart.edges[-1]
    rows = list(chart.table())
    assert rows[0] == ("pixels, from", "to", "train", "test")
    assert sum(row[2] for row in rows[1:]) == len(train)
    ET.fromstring(bars.draw(chart, heading("Sizes")))


def test_a_bar_is_as_long_as_its_amount() -> None:
    chart = Bars(
        title="Samples", kinds=("train", "test"), rows=(("<b>cat</b>", (30, 10)), ("dog", (20, 0)))
    )
    drawn = ET.fromstring(bars.draw(chart, heading("Samples")))
    groups = [
        [float(rect.get("width")) for rect in g.iter(f"{SVG}rect")] for g in drawn.iter(f"{SVG}g")
    ]
    (cat_train, cat_test), (dog_train, dog_test) = groups
    assert abs(cat_train / cat_test - 3) < 0.01
    assert abs(dog_train / cat_train - 2 / 3) < 0.01
    assert dog_test == 0
    assert "<b>cat</b>" in {text.text for text in drawn.iter(f"{SVG}text")}
    assert list(chart.table())[1:] == [("<b>cat</b>", 30, 10, 40), ("dog", 20, 0, 20)]
