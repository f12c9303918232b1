"""A file is predicted as its sample in the dataset would be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError, TrainError
from dsbuilder.targets import ClassLabel

archive = pytest.importorskip("dsbuilder.train.archive")
evaluation = pytest.importorskip("dsbuilder.train.evaluation")
prediction = pytest.importorskip("dsbuilder.train.prediction")


def test_files_are_brought_to_the_pixels_of_the_dataset(whole, dataset, images):
    reader = prediction.make_reader(archive.read_note(whole.best), origin=whole.best)
    for sample in dataset.samples("test"):
        assert np.array_equal(reader.read(images / sample.key), sample.image)


@pytest.mark.slow
def test_predictions_are_the_ones_that_the_evaluation_counts(whole, dataset, images):
    samples = list(dataset.samples("test"))
    found = prediction.predict(whole.path, [images / sample.key for sample in samples])
    names = dataset.class_names
    hits = [
        prediction.value == names[sample.targets["label"]]
        for sample, prediction in zip(samples, found, strict=True)
    ]
    assert np.mean(hits) == pytest.approx(evaluation.evaluate(whole.path, dataset).accuracy)


def test_classes_come_with_probabilities_the_most_probable_first(whole, images):
    (found,) = prediction.predict(whole.path, [images / "red" / "0.png"])
    assert (found.path, found.name) == (images / "red" / "0.png", "0.png")
    assert sorted(name for name, _ in found.scores) == ["blue", "green", "red"]
    assert found.value == found.scores[0][0]
    values = [value for _, value in found.scores]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1, abs=1e-6)


def test_top_keeps_the_most_probable(whole, images):
    (found,) = prediction.predict(whole.path, [images / "red" / "0.png"], top=1)
    assert len(found.scores) == 1


def test_a_folder_stands_for_all_images_below_it_in_order(whole, images):
    found = list(prediction.predict(whole.path, [images], batch_size=7))
    assert [each.path for each in found] == sorted(images.rglob("*.png"))
    assert [images / each.name for each in found] == [each.path for each in found]


def test_hidden_and_other_files_of_a_folder_are_left_alone(tmp_path):
    for name in ("b.png", "a.JPG", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    found = list(prediction.image_files([tmp_path]))
    assert [name for _, name in found] == ["a.JPG", "b.png"]


def test_any_mode_and_size_of_image_is_taken(whole, tmp_path):
    Image.new("RGBA", (50, 30), (255, 0, 0, 128)).save(tmp_path / "a.png")
    Image.new("L", (3, 90), 100).save(tmp_path / "b.bmp")
    assert len(list(prediction.predict(whole.path, [tmp_path]))) == 2


def test_a_path_that_leads_nowhere_is_an_error(whole, tmp_path):
    with pytest.raises(DataError) as error:
        prediction.predict(whole.path, [tmp_path / "missing.png"])
    assert str(error.value) == (f"{tmp_path}/missing.png: no such image or folder. Check the path.")


def test_a_folder_without_images_is_an_error(whole, tmp_path):
    with pytest.raises(DataError, match="the folder has no images"):
        prediction.predict(whole.path, [tmp_path])


def test_an_unreadable_image_is_named(whole, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    with pytest.raises(DataError, match=rf"^{tmp_path}/broken\.png: "):
        list(prediction.predict(whole.path, [tmp_path]))


def test_a_stage_that_is_not_known_here_is_an_error(whole, images):
    note = archive.read_note(whole.best)
    note = replace(note, pipeline={**note.pipeline, "prepare": [{"use": "of_mine"}]})
    trained = archive.Trained(model=None, note=note, path=Path("best.keras"))
    with pytest.raises(TrainError, match="unknown transform 'of_mine'"):
        prediction.predict(trained, [images / "red" / "0.png"])


def test_evaluating_on_other_classes_is_an_error(whole, dataset):
    trained = archive.load_model(whole.path)
    (task,) = trained.note.heads.values()
    heads = {"label": replace(task, target=ClassLabel(names=("a", "b", "c")))}
    other = replace(trained, note=replace(trained.note, heads=heads))
    with pytest.raises(TrainError) as error:
        evaluation.evaluate(other, dataset)
    assert str(error.value) == (
        f"{dataset.path}: expected the classes that {whole.best} was trained on (a, b, c), "
        "found blue, green, red. Evaluate on another dataset."
    )


def test_evaluating_on_images_of_another_size_is_an_error(whole, dataset):
    trained = archive.load_model(whole.path)
    signature = dataset.signature.resized(32, 32)
    other = replace(trained, note=replace(trained.note, signature=signature))
    with pytest.raises(TrainError, match="expected images 32x32x3 uint8"):
        evaluation.evaluate(other, dataset)
