"""The worst mistakes as pictures: which they are, what stands beside them, and how many."""

import csv
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.tasks import heads_of
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
    (tmp_path / "mistakes.png").write_bytes(b"of an earlier model")
    gallery.draw_mistakes(model, dataset, "test", predictions=path, folder=tmp_path)
    assert not (tmp_path / "mistakes.png").exists()


@pytest.mark.slow
def test_what_stages_draw_anew_is_not_shown_as_what_was_judged(
    whole, model, build_dataset, tmp_path
):
    fresh = build_dataset(stages="[{use: A.HorizontalFlip, p: 0.5}]")
    path = write(tmp_path / PREDICTIONS, mistaken(whole, [line["key"] for line in lines_of(whole)]))
    gallery.draw_mistakes(model, fresh, "train", predictions=path, folder=tmp_path / "charts")
    assert not (tmp_path / "charts").exists()


@pytest.mark.slow
def test_a_mask_of_another_name_than_the_head_stands_beside_the_answer(tmp_path):
    images = tmp_path / "images"
    (images / "masks").mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((8, 8, 3), 40 * number, "u1")).save(images / f"{number}.png")
        Image.fromarray(np.eye(8, dtype="u1")).save(images / "masks" / f"{number}.png")
    rows = [{"file_name": f"{n}.png", "mask_file_name": f"masks/{n}.png"} for n in range(3)]
    (images / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "lines.yaml").write_text(
        "name: lines\nsource: {use: imagefolder, path: images, mask_classes: [ground, line]}\n"
        "split: {train: 1.0}\nfinish: [{use: resize, size: [8, 8]}]\ncache: {image: png}\n"
    )
    dataset = dsbuilder.open(tmp_path / "lines.yaml", out=tmp_path / "out").build(workers=0)
    known = dsbuilder.load(dataset.path).signature
    heads = {"zone": heads_of(known)["mask"]}
    model = SimpleNamespace(predict_on_batch=lambda images: np.zeros((*images.shape[:3], 2)))
    trained = SimpleNamespace(note=SimpleNamespace(heads=heads), model=model)
    path = tmp_path / PREDICTIONS
    path.write_text("key,split,truth,answer,confidence,iou\n" + "0,train,line,ground,0.5,0.4\n")
    ((name, sheet),) = gallery.sheets_of(
        trained, dsbuilder.load(dataset.path), "train", predictions=path
    )
    assert name == "zone" and sheet.sections[0].headings[:2] == ["truth", "answer"]
