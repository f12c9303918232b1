"""Whatever kind a model learnt, a file is answered as its sample in the test split is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.actions import suspects
from dsbuilder.builder import build_dataset
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.cli.main import main
from dsbuilder.images.mask import read_ids
from dsbuilder.layouts.list.reader import ImageList
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import Value
from dsbuilder.tasks import heads_of
from dsbuilder.train.options import options_of

archive = pytest.importorskip("dsbuilder.train.archive")
out_of_fold = pytest.importorskip("dsbuilder.train.out_of_fold")
prediction = pytest.importorskip("dsbuilder.train.prediction")
trainer = pytest.importorskip("dsbuilder.train.trainer")

pytestmark = pytest.mark.slow

PIPELINE = """
name: scenes
source: {use: imagefolder, path: images, mask_classes: [ground, square]}
split: {train: 0.5, validation: 0.2, test: 0.3}
finish: [{use: resize, size: [16, 24]}]
cache: {image: png}
stream: {batch_size: 8}
train:
  model: {use: cnn, width: 4, depth: 2, convolutions: 1}
  optimizer: {use: adam, learning_rate: 0.01}
  epochs: 3
"""
TARGETS = {"labels": "multi_label", "value": "value", "mask": "mask"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Squares on noise in folders, with several classes, a number and a mask."""
    home = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    rows = []
    (home / "images" / "masks").mkdir(parents=True)
    for number in range(40):
        image = rng.integers(0, 90, (16, 24, 3), dtype=np.uint8)
        y, x, side = (int(each) for each in rng.integers([0, 0, 4], [8, 16, 8]))
        red = bool(number % 2)
        image[y : y + side, x : x + side] = (250, 120 * red, 90)
        ids = np.zeros((16, 24), np.uint8)
        ids[y : y + side, x : x + side] = 1
        folder = home / "images" / f"part{number % 2}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
        Image.fromarray(ids).save(home / "images" / "masks" / f"{number}.png")
        rows.append(
            {
                "file_name": f"part{number % 2}/{number}.png",
                "mask_file_name": f"masks/{number}.png",
                "labels": ["big"] * (side > 5) + ["red"] * red,
                "value": 1000.0 * side,
            }
        )
    lines = "\n".join(json.dumps(row) for row in rows)
    (home / "images" / "metadata.jsonl").write_text(lines)
    (home / "scenes.yaml").write_text(PIPELINE)
    built = build_dataset(home / "scenes.yaml", home / "out", workers=0)
    return home, dsbuilder.load(built.path)


@pytest.fixture(scope="module")
def runs(scenes):
    """A run for each target."""
    home, dataset = scenes
    made = {}
    for target in TARGETS:
        options = replace(options_of(dataset), target=target)
        if target == "mask":
            options = replace(options, model=Unet(width=4, depth=2, convolutions=1))
        made[target] = trainer.train_dataset(dataset, options, run=home / "runs" / target)
    return made


def call(*arguments):
    result = CliRunner().invoke(main, ["predict", *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def outputs(run, dataset, target):
    """What the model yields of the test split, by key."""
    model = archive.load_model(run.path).model
    return {
        key.decode(): output
        for images, _, keys in dataset.stream("test", targets=[target], keys=True)
        for key, output in zip(keys.numpy(), model.predict_on_batch(images.numpy()), strict=True)
    }


def test_files_are_answered_as_their_samples_are(scenes, runs):
    home, dataset = scenes
    for target, run in runs.items():
        expected = outputs(run, dataset, target)
        files = [home / "images" / key for key in expected]
        for found, output in zip(
            prediction.predict(run.path, files), expected.values(), strict=True
        ):
            if target == "mask":
                assert np.array_equal(found.value, output.argmax(-1))
                shares = dict(found.scores)
                assert shares["square"] == pytest.approx((found.value == 1).mean())
            elif target == "labels":
                probabilities = 1 / (1 + np.exp(-output))
                assert dict(found.scores) == pytest.approx(
                    dict(zip(("big", "red"), probabilities.tolist(), strict=True)), abs=1e-6
                )
                assert set(found.value) == {n for n, p in found.scores if p > 0.5}
            else:
                assert found.value == pytest.approx(float(output[0]))


def test_numbers_are_in_the_units_of_the_labels(scenes, runs):
    _, dataset = scenes
    found = list(outputs(runs["value"], dataset, "value").values())
    assert 3000 < np.mean(found) < 9000


def test_a_list_of_numbers_is_answered_as_one():
    numbers = np.array([0.1, -2.5], np.float32)
    image = ImageSignature(height=1, width=1, channels=3)
    for size in (2, 1):
        signature = Signature(image=image, targets={"it": Value(size=size)})
        found = heads_of(signature)["it"].answer(numbers[:size])
        assert found == ([0.1, -2.5][:size], ())


def test_a_threshold_says_how_sure_a_class_must_be(scenes, runs):
    home, _ = scenes
    run, images = runs["labels"].path, home / "images" / "part0"
    for threshold in (0.001, 0.3, 0.999):
        found = json.loads(call(run, images, "--threshold", threshold, "--json"))
        assert found["kinds"] == {"labels": "multi_label"}
        for each in found["predictions"]:
            over = [one["name"] for one in each["classes"] if one["probability"] > threshold]
            assert each["value"] == over and len(each["classes"]) == 2
    shown = call(run, images, "--threshold", 0.999999).splitlines()
    assert shown[0].split() == ["image", "classes"] and shown[1].split()[-1] == "none"


def test_numbers_are_shown_and_told(scenes, runs):
    home, _ = scenes
    image = home / "images" / "part0" / "0.png"
    (one,) = json.loads(call(runs["value"].path, image, "--json"))["predictions"]
    assert isinstance(one["value"], float) and "classes" not in one
    assert f"{one['value']:.6g}" in call(runs["value"].path, image)


def test_masks_are_written_as_ids_that_are_read_back_and_as_pictures(scenes, runs, tmp_path):
    home, _ = scenes
    run, images = runs["mask"].path, home / "images"
    folders = ("--masks", tmp_path / "ids", "--overlays", tmp_path / "pictures")
    document = json.loads(call(run, images / "part0", images / "part1", *folders, "--json"))
    found = list(prediction.predict(run, [images / "part0", images / "part1"]))
    for each, expected in zip(document["predictions"], found, strict=True):
        assert each["mask"] == str(tmp_path / "ids" / expected.name)
        ids = read_ids(Path(each["mask"]).read_bytes(), None)
        assert np.array_equal(ids, expected.value)
        picture = np.asarray(Image.open(each["overlay"]))
        ground = expected.value == 0
        assert np.array_equal(picture[ground], np.asarray(Image.open(expected.path))[ground])
        assert sum(one["share"] for one in each["classes"]) == pytest.approx(1)
    shown = call(run, images / "part0", *folders)
    assert f"written to {tmp_path / 'ids'}" in shown and "%" in shown


def test_below_a_folder_masks_keep_their_folders(scenes, runs, tmp_path):
    home, _ = scenes
    call(runs["mask"].path, home / "images", "--masks", tmp_path)
    assert (tmp_path / "part1" / "1.png").is_file()


def test_no_mask_takes_the_place_of_another_or_of_an_image(runs, tmp_path):
    for name in ("a.png", "a.bmp"):
        Image.new("RGB", (24, 16)).save(tmp_path / name)
    before = (tmp_path / "a.png").read_bytes()
    for folder in (tmp_path, tmp_path / "new"):
        arguments = [str(runs["mask"].path), str(tmp_path), "--masks", str(folder)]
        result = CliRunner().invoke(main, ["predict", *arguments])
        assert result.exit_code == 1
        assert "expected a free place for its picture" in result.stderr
    assert (tmp_path / "a.png").read_bytes() == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("target", "option"),
    [
        ("labels", ("--top", "1")),
        ("value", ("--threshold", "0.5")),
        ("value", ("--masks", "x")),
        ("mask", ("--top", "1")),
        ("mask", ("--why", "x")),
    ],
)
def test_an_option_of_another_kind_is_refused(scenes, runs, target, option):
    home, _ = scenes
    result = CliRunner().invoke(main, ["predict", str(runs[target].path), str(home), *option])
    assert result.exit_code == 2
    assert f"{option[0][2:]}: it is not for a model of '{TARGETS[target]}'" in result.stderr


def test_labels_of_every_kind_are_read_again_and_masks_refused(scenes, runs, tmp_path):
    home, _ = scenes
    for target, ending in (("labels", "csv"), ("value", "tsv")):
        asked = (runs[target].path, home / "images" / "part0", "--labels", tmp_path / f"x.{ending}")
        found = json.loads(call(*asked, "--json"))
        options = {name: each for name, each in found["source"].items() if name != "use"}
        paths = {name: Path(options[name]) for name in ("path", "list")}
        read = {each.key: each for each in ImageList(**{**options, **paths}).open().records}
        said = {Path(each["path"]).name: each["value"] for each in found["predictions"]}
        assert {key: each.targets[target] for key, each in read.items()} == said
    line = ["predict", str(runs["mask"].path), str(home), "--labels", str(tmp_path / "m.csv")]
    wrong = CliRunner().invoke(main, line)
    assert wrong.exit_code == 2 and "masks writes them as pictures" in wrong.stderr
    assert not (tmp_path / "m.csv").exists()


def test_suspect_labels_of_every_kind_are_told_and_drawn(scenes, runs):
    _, dataset = scenes
    for target, run in runs.items():
        asked = out_of_fold.ask([run.path])
        assert len(asked.keys) == dataset.num_samples("test")
        (judged,) = (head.judged for head in asked.heads.values())
        found = dict(suspects.targets_of(asked, "class"))[target]
        assert (found.expected is None) == (target != "labels")
        # Of few samples of a model that learns well none may be suspect: one is made so.
        label = {"given": judged[0].truth, "suggested": None, "sureness": None, "remark": "odd"}
        odd = suspects.SuspectLabel(key=asked.keys[0], score=1.0, **label)
        document = suspects.SuspectsDocument(
            folder=run.path,
            records=len(asked.keys),
            untested=0,
            targets={target: replace(found, suspects=(odd, *found.suspects))},
        )
        (section,) = suspects.sheet_of(document, asked, ()).sections
        cell = section.rows[0][0]
        assert cell.name == asked.keys[0] and cell.lines[1] == "odd"
        assert bool(cell.overlays) == (target == "mask")
        assert json.loads(json.dumps(document.to_json()))["targets"][target]["suspects"]


def test_a_mask_has_the_size_of_its_image(scenes, runs, tmp_path):
    home, _ = scenes
    small = Image.open(home / "images" / "part0" / "0.png")
    small.resize((96, 64), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    run = runs["mask"].path
    (expected,) = prediction.predict(run, [home / "images" / "part0" / "0.png"])
    (found,) = prediction.predict(run, [tmp_path / "large.png"])
    assert found.value.shape == (64, 96)
    assert (found.value[2::4, 2::4] == expected.value).mean() > 0.95
    assert archive.read_note(runs["mask"].best).pipeline["image"]["reduced_decode"] is False
