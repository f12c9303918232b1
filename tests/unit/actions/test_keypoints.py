"""Keypoints of exactly one object in every image can be trained on; of others it is said before."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.actions.chosen import completed
from dsbuilder.cli.main import main
from dsbuilder.errors import DataError, SpecError, TrainError
from dsbuilder.tasks import heads_of

PIPELINE = """\
name: faces
source: {use: coco, path: data, keypoints: a.json}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [24, 32]}]
cache: {image: png}
"""
TRAIN = "train: {model: {use: cnn, width: 2, depth: 1}, epochs: 1}\n"


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """Writes images with so many objects of two keypoints each, and a pipeline."""
    monkeypatch.chdir(tmp_path)

    def written(counts, text=PIPELINE):
        rng = np.random.default_rng(0)
        (tmp_path / "data").mkdir(exist_ok=True)
        images, found = [], []
        for number, count in enumerate(counts):
            pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / f"{number}.png")
            name = f"{number}.png"
            images.append({"id": number, "file_name": name, "width": 32, "height": 24})
            for _ in range(count):
                x, y = (int(each) for each in rng.integers(2, 20, 2))
                found.append(
                    {
                        "id": len(found) + 1,
                        "image_id": number,
                        "category_id": 1,
                        "bbox": [x, y, 4, 4],
                        "area": 16,
                        "iscrowd": 0,
                        "num_keypoints": 1,
                        "keypoints": [x, y, 2, 0, 0, 0],
                    }
                )
        category = {"id": 1, "name": "face", "keypoints": ["eye", "nose"], "skeleton": []}
        data = {"images": images, "annotations": found, "categories": [category]}
        (tmp_path / "data" / "a.json").write_text(json.dumps(data))
        (tmp_path / "faces.yaml").write_text(text)
        return dsbuilder.open("faces.yaml")

    return written


def test_one_object_in_every_image_is_learnt_and_chosen(faces):
    opened = faces([1] * 12, PIPELINE + TRAIN)
    assert opened.check().warnings == ()
    _, chosen = completed(faces([1] * 12))
    assert chosen.why[0] == "task: keypoints of 'keypoints', 6 images to train on"


def test_several_objects_in_an_image_are_refused_by_check_and_not_chosen(faces):
    message = "keypoints: expected one object in every sample, .* 0 samples with none and 1 with"
    with pytest.raises(SpecError, match=message):
        faces([1] * 11 + [2], PIPELINE + TRAIN).check()
    with pytest.raises(TrainError, match="no built-in model learns keypoints"):
        completed(faces([1] * 11 + [2]))


def several_in(dataset, split):
    return any(len(sample.targets["keypoints"]) > 1 for sample in dataset.samples(split))


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_a_dataset_with_several_objects_is_refused_before_a_run_is_written(faces, tmp_path, codec):
    text = PIPELINE.replace("image: png", f"codec: {codec}, image: raw")
    opened = faces([1] * 11 + [2], text)
    dataset = dsbuilder.load(opened.build(workers=0).path)
    with pytest.raises(DataError, match="expected one object in every sample"):
        dataset.train(overrides=["train.epochs=1"])
    assert not list(tmp_path.glob("runs/*"))
    from dsbuilder.train.evaluation import check_objects

    of_another_name = {"pose": heads_of(dataset.signature)["keypoints"]}
    (split,) = (each for each in dataset.splits if several_in(dataset, each))
    with pytest.raises(DataError, match=f"{split}: keypoints: expected one object"):
        check_objects(dataset, split, of_another_name)


@pytest.mark.slow
def test_points_are_told_of_the_image_as_it_came(faces, tmp_path):
    padded = PIPELINE.replace("size: [24, 32]", "size: [32, 32], fit: pad, background: black")
    run = faces([1] * 12, padded + TRAIN).train(workers=0, run=tmp_path / "run").run
    model = dsbuilder.load_run(run)
    picture = np.asarray(Image.open(tmp_path / "data" / "0.png"))
    seen = np.zeros((1, 32, 32, 3), np.float32)
    seen[0, 4:28] = picture
    outputs = model.predictor.trained.model.predict_on_batch(seen)[0].reshape(2, 2).clip(0, 1)
    outputs[:, 1] = (outputs[:, 1] * 32 - 4) / 24
    for name, place in zip(("eye", "nose"), outputs, strict=True):
        found = model.predict(picture).value[name]
        assert found is None if place[1] < 0 else found == pytest.approx(place, abs=1e-3)
    shown = CliRunner().invoke(main, ["predict", str(run), "data", "--format", "csv"])
    assert shown.stdout.splitlines()[0] == "path,eye_x,eye_y,nose_x,nose_y"
    assert len(shown.stdout.splitlines()) == 13
    table = CliRunner().invoke(main, ["predict", str(run), "data/0.png"])
    assert "keypoints" in table.stdout and "eye 0." in table.stdout
