"""The worst mistakes as pictures: which they are, what stands beside them, and how many."""

import csv
import itertools

import numpy as np
import pytest
from PIL import Image

from dsbuilder.train.run import PREDICTIONS

archive = pytest.importorskip("dsbuilder.train.archive")
gallery = pytest.importorskip("dsbuilder.train.gallery")


@pytest.fixture(scope="module")
def model(whole):
    return archive.load_model(whole.path)


def lines_of(whole):
    with (whole.path / PREDICTIONS).open(newline="") as file:
        return list(csv.DictReader(file))


def write(path, lines):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["key", "split", "truth", "answer", "confidence", "right"])
        writer.writeheader()
        writer.writerows(lines)
    return path


def mistaken(whole, keys, answer="red"):
    """The predictions of a run in which these samples alone are wrong, the last the surest."""
    sure = itertools.count(1)
    return [
        {**line, "answer": answer, "confidence": next(sure) / 100, "right": "false"}
        if line["key"] in keys
        else {**line, "answer": line["truth"], "confidence": 0.9, "right": "true"}
        for line in lines_of(whole)
    ]


def section_of(model, dataset, predictions, **given):
    """What is shown of the only head."""
    ((_, sheet),) = gallery.sheets_of(model, dataset, "test", predictions=predictions, **given)
    return sheet.sections[0]


def test_a_mistake_stands_beside_the_most_similar_sample_of_what_it_was_taken_for(
    whole, dataset, model, tmp_path
):
    samples = {sample.key: sample for sample in dataset.samples("test")}
    blue = sorted(key for key in samples if key.startswith("blue"))[:2]
    path = write(tmp_path / PREDICTIONS, mistaken(whole, blue))
    section = section_of(model, dataset, path)
    ((first, beside, second, *_),) = section.rows
    assert section.headings == ["mistake", "taken for"] * 3
    assert first.lines == ("is blue", "answer red, 0.020")
    assert second.lines == ("is blue", "answer red, 0.010")
    assert {first.name, second.name} == set(blue)
    assert np.array_equal(first.image, samples[first.name].image)
    red = {key: sample.image for key, sample in samples.items() if key.startswith("red")}
    assert len(red) <= 4, "all of them are looked at"
    far = {key: np.abs(image.astype(float) - first.image).mean() for key, image in red.items()}
    assert beside.name == min(far, key=far.get)
    assert beside.lines == ("red, 0.900",)


def test_no_more_are_drawn_than_asked_and_equal_files_give_equal_pictures(
    whole, dataset, model, tmp_path
):
    lines = [
        {**line, "answer": "?", "confidence": 0.5, "right": "false"} for line in lines_of(whole)
    ]
    path = write(tmp_path / PREDICTIONS, lines)
    section = section_of(model, dataset, path, most=2)
    (row,) = section.rows
    assert [each and each.name for each in row] == [lines[0]["key"], None, lines[1]["key"], None]
    pictures = []
    for _ in range(2):
        gallery.draw_mistakes(model, dataset, "test", predictions=path, folder=tmp_path / "charts")
        pictures.append((tmp_path / "charts" / "mistakes.png").read_bytes())
    assert pictures[0] == pictures[1]
    with Image.open(tmp_path / "charts" / "mistakes.png") as picture:
        assert picture.width > 6 * 120


def test_on_demand_the_reason_stands_between(whole, dataset, model, tmp_path):
    key = lines_of(whole)[0]["key"]
    path = write(tmp_path / PREDICTIONS, mistaken(whole, [key]))
    section = section_of(model, dataset, path, why=True)
    assert section.headings[:3] == ["mistake", "Grad-CAM", "taken for"]
    ((first, reason, _),) = section.rows
    assert first.name == key and reason.overlays[0].values.max() in (0, 1)


def test_a_model_without_a_mistake_has_no_picture(whole, dataset, model, tmp_path):
    path = write(tmp_path / PREDICTIONS, mistaken(whole, ()))
    gallery.draw_mistakes(model, dataset, "test", predictions=path, folder=tmp_path / "charts")
    assert not (tmp_path / "charts").exists()


@pytest.mark.slow
def test_what_stages_draw_anew_is_not_shown_as_what_was_judged(
    whole, model, build_dataset, tmp_path
):
    fresh = build_dataset(stages="[{use: A.HorizontalFlip, p: 0.5}]")
    path = write(tmp_path / PREDICTIONS, mistaken(whole, [line["key"] for line in lines_of(whole)]))
    gallery.draw_mistakes(model, fresh, "train", predictions=path, folder=tmp_path / "charts")
    assert not (tmp_path / "charts").exists()
