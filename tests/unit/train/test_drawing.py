"""Charts of a run: drawn from its files, each beside its numbers."""

import csv
from xml.etree import ElementTree as ET

import pytest

from dsbuilder.errors import TrainError
from dsbuilder.train.drawing import draw_evaluation
from dsbuilder.train.run import CURVES, EVALUATION, Run

SVG = "{http://www.w3.org/2000/svg}"
CLASSES = {
    "kind": "class",
    "dataset": "pets 1.0.0",
    "split": "test",
    "samples": 16,
    "accuracy": 0.875,
    "classes": [{"name": "cat", "samples": 7}, {"name": "<img onerror=x>", "samples": 9}],
    "confusion": [[0, 0, 5], [0, 1, 2], [1, 1, 9]],
}
ROC = {
    "kind": "roc",
    "title": "ROC",
    "x_title": "false positive rate",
    "y_title": "true positive rate",
    "score": {"name": "ROC area", "value": 0.93},
    "lines": [{"name": "cat", "x": [0, 0.5, 1], "y": [0, 0.9, 1], "score": 0.9, "counts": None}],
    "reference": "diagonal",
}


def run_of(folder, evaluation, heads=None):
    run = Run(path=folder)
    run.write_json(EVALUATION, evaluation)
    if heads is not None:
        where = {"dataset": "pets 1.0.0", "split": "test", "samples": 16}
        run.write_json(CURVES, {**where, "heads": heads})
    return run


def files(folder):
    return sorted(path.name for path in (folder / "charts").iterdir())


def title(path):
    return ET.parse(path).getroot().find(f"{SVG}title").text


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_each_chart_stands_beside_its_numbers_and_says_what_it_is_of(tmp_path):
    draw_evaluation(run_of(tmp_path, CLASSES, {"": [ROC, ROC]}))
    assert files(tmp_path) == [
        *("confusion.csv", "confusion.svg", "roc-2.csv", "roc-2.svg", "roc.csv", "roc.svg")
    ]
    charts = tmp_path / "charts"
    assert title(charts / "confusion.svg") == (
        "Confusion matrix · pets 1.0.0 · test: 16 samples · accuracy 0.875"
    )
    assert title(charts / "roc.svg") == "ROC · pets 1.0.0 · test: 16 samples · ROC area 0.93"
    assert rows(charts / "confusion.csv") == [
        ["truth", "answer", "count"],
        ["cat", "cat", "5"],
        ["cat", "<img onerror=x>", "2"],
        ["<img onerror=x>", "<img onerror=x>", "9"],
    ]
    assert rows(charts / "roc.csv")[2] == ["cat", "0.5", "0.9", ""]


def test_charts_of_several_heads_bear_their_names(tmp_path):
    several = {**CLASSES, "kind": "several", "heads": {"an/imal": CLASSES, "color": CLASSES}}
    draw_evaluation(run_of(tmp_path, several, {"an/imal": [ROC], "color": [ROC]}))
    found = [name for name in files(tmp_path) if name.endswith(".svg")]
    assert found == [
        *("an-imal-confusion.svg", "an-imal-roc.svg", "color-confusion.svg", "color-roc.svg")
    ]
    assert title(tmp_path / "charts" / "color-roc.svg").startswith("color: ROC · ")


def test_what_has_no_confusion_and_no_curves_has_no_chart(tmp_path):
    draw_evaluation(run_of(tmp_path, {**CLASSES, "kind": "value"}))
    assert not (tmp_path / "charts").exists()


def test_a_name_with_broken_bytes_is_written_escaped(tmp_path):
    run = run_of(tmp_path, CLASSES)
    told = (tmp_path / EVALUATION).read_text()
    (tmp_path / EVALUATION).write_text(told.replace("<img onerror=x>", "\\udce9"))
    draw_evaluation(run)
    assert rows(tmp_path / "charts" / "confusion.csv")[2] == ["cat", "\\udce9", "2"]


@pytest.mark.parametrize("wrong", [{"heads": 7}, {"heads": {"a": [{**ROC, "kind": "pie"}]}}, {}])
def test_curves_that_no_run_writes_are_an_error(tmp_path, wrong):
    run = run_of(tmp_path, CLASSES)
    run.write_json(CURVES, {"dataset": "pets", "split": "test", "samples": 16, **wrong})
    with pytest.raises(TrainError, match=r"curves\.json: expected what a run writes"):
        draw_evaluation(run)


def test_nothing_is_written_through_a_link(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "charts").symlink_to(elsewhere)
    draw_evaluation(run_of(tmp_path / "run", CLASSES))
    assert not list(elsewhere.iterdir())
    assert "confusion.svg" in files(tmp_path / "run")
