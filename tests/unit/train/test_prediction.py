"""A file is predicted as its sample in the dataset would be."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError, TrainError
from dsbuilder.images import encoding
from dsbuilder.targets import ClassLabel

archive = pytest.importorskip("dsbuilder.train.archive")
evaluation = pytest.importorskip("dsbuilder.train.evaluation")
prediction = pytest.importorskip("dsbuilder.train.prediction")
reading = pytest.importorskip("dsbuilder.train.reading")


def test_files_are_brought_to_the_pixels_of_the_dataset(whole, dataset, images):
    reader = reading.make_reader(archive.read_note(whole.best), origin=whole.best)
    for sample in dataset.samples("test"):
        assert np.array_equal(reader.look(images / sample.key, sample.key).image, sample.image)


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
    found = list(reading.image_files([tmp_path]))
    assert [name for _, name in found] == ["a.JPG", "b.png"]


def test_a_strip_that_would_become_huge_is_refused_before_it_is_made(whole, tmp_path):
    Image.new("RGB", (8000, 2)).save(tmp_path / "strip.png")
    note = archive.read_note(whole.best)
    grow = {"use": "resize", "short": 16}
    stated = {
        "image": {"stage_megapixels": 1.0},
        "prepare": [grow],
        "finish": note.pipeline["finish"],
    }
    reader = reading.make_reader(replace(note, pipeline=stated), origin=whole.best)
    with pytest.raises(DataError, match=r"at most 1 megapixels .* it would be 64000 x 16"):
        reader.look(tmp_path / "strip.png", "strip.png")


def odd_images(folder):
    """Writes images of every kind that a camera or a program makes; returns their paths."""
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 255, (41, 23, 3), np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    rgb.save(folder / "turned.jpg", exif=turned)
    rgb.convert("CMYK").save(folder / "print.jpg")
    rgb.convert("P").save(folder / "palette.gif")
    rgb.resize((1, 300)).save(folder / "thin.webp")
    Image.fromarray(np.full((30, 50), 40_000, np.uint16)).save(folder / "deep.png")
    Image.new("RGBA", (50, 30), (255, 0, 0, 128)).save(folder / "clear.png")
    Image.new("L", (3, 90), 100).save(folder / "gray.bmp")
    return sorted(folder.iterdir())


def test_any_mode_and_size_of_image_is_taken_and_is_the_same_as_its_pixels(whole, tmp_path):
    files = odd_images(tmp_path)
    asked = prediction.make_predictor(whole.path)
    from_files = list(asked.files([tmp_path]))
    assert [each.path for each in from_files] == files
    pixels = [(encoding.decode(each.read_bytes(), mode="rgb"), each.name) for each in files]
    for one, two in zip(from_files, asked.answers(pixels), strict=True):
        assert one.answers["label"].value == two["label"].value
        assert dict(one.scores) == pytest.approx(dict(two["label"].scores), abs=1e-5)


def test_a_path_that_leads_nowhere_is_an_error(whole, tmp_path):
    with pytest.raises(DataError) as error:
        prediction.predict(whole.path, [tmp_path / "missing.png"])
    assert str(error.value) == (f"{tmp_path}/missing.png: no such image or folder. Check the path.")


def test_a_folder_without_images_is_an_error(whole, tmp_path):
    with pytest.raises(DataError, match="the folder has no images"):
        prediction.predict(whole.path, [tmp_path])


def test_what_cannot_be_read_is_named_and_all_else_is_answered_in_order(whole, images, tmp_path):
    for place in range(9):
        shutil.copy(images / "red" / f"{place}.png", tmp_path / f"{place}.png")
    (tmp_path / "4.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    whole_file = (tmp_path / "7.png").read_bytes()
    (tmp_path / "7.png").write_bytes(whole_file[: len(whole_file) // 2])
    for batch_size in (1, 4, 32):
        found = list(prediction.predict(whole.path, [tmp_path], batch_size=batch_size))
        assert [each.name for each in found] == [f"{place}.png" for place in range(9)]
        failed = [each for each in found if isinstance(each, prediction.Failure)]
        assert [each.name for each in failed] == ["4.png", "7.png"]
        assert all(str(each.error).startswith(f"{each.path}: ") for each in failed)
    (alone,) = prediction.predict(whole.path, [tmp_path / "8.png"])
    assert dict(found[8].scores) == pytest.approx(dict(alone.scores), abs=1e-5)


def test_files_are_read_no_further_ahead_than_said(whole, images):
    reader = reading.make_reader(archive.read_note(whole.best), origin=whole.best)
    asked = []

    def endless():
        for number in itertools.count():
            asked.append(number)
            yield images / "red" / "0.png", f"{number}"

    looks = reading.read_ahead(reader, endless(), ahead=6)
    for number in range(5):
        next(looks)
        assert len(asked) == 7 + number
    looks.close()


def test_an_answer_that_is_not_finite_is_a_failure(whole, images):
    asked = prediction.make_predictor(whole.path)
    weights = asked.trained.model.get_weights()
    asked.trained.model.set_weights([np.full_like(each, np.nan) for each in weights])
    (found,) = asked.files([images / "red" / "0.png"])
    assert isinstance(found, prediction.Failure) and "finite" in str(found.error)


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
        f"{dataset.where}: expected the classes that {whole.best} was trained on (a, b, c), "
        "found blue, green, red. Evaluate on another dataset."
    )


def test_evaluating_on_images_of_another_size_is_an_error(whole, dataset):
    trained = archive.load_model(whole.path)
    signature = dataset.signature.resized(32, 32)
    other = replace(trained, note=replace(trained.note, signature=signature))
    with pytest.raises(TrainError, match="expected images 32x32x3 uint8"):
        evaluation.evaluate(other, dataset)
