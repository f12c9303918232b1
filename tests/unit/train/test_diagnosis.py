"""A diagnosis is of ordinary runs on parts of one dataset, and what is done is not done again."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.plugin import ImageSignature, Text
from dsbuilder.tasks import Recognize, error_of, evaluations_of
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Run

evaluation = pytest.importorskip("dsbuilder.train.evaluation")
learning = pytest.importorskip("dsbuilder.train.learning")
trainer = pytest.importorskip("dsbuilder.train.trainer")

PIPELINE = """
name: shades
source: {use: folder, path: images}
split: {train: 0.6, validation: 0.4}
finish: [{use: resize, size: [6, 6]}]
cache: {codec: npy, image: raw}
stream: {stages: [{use: A.InvertImg, p: 1.0}]}
train: {model: {use: mlp, depth: 0}, epochs: 1}
"""
KINDS = """
name: kinds
source: {use: imagefolder, path: images, mask_classes: [ground, square]}
split: {train: 0.6, validation: 0.4}
augment: {copies: 1, stages: [A.HorizontalFlip]}
finish: [{use: resize, size: [16, 16]}]
cache: {codec: npy, image: raw}
"""


@pytest.fixture
def opened(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "images" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 90, (6, 6, 3), dtype="u1") + np.uint8(50 * (number % 3))
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "shades.yaml").write_text(PIPELINE)
    return dsbuilder.open(tmp_path / "shades.yaml")


@pytest.mark.slow
def test_a_diagnosis_is_of_runs_on_growing_shares_and_goes_on(opened, tmp_path):
    home = tmp_path / "found"
    given = {"seeds": 2, "shares": 2, "baseline": 0.02, "run": home, "workers": 0}
    found = opened.diagnose(**given)
    names = ["50-percent-seed-1", "100-percent-seed-1", "50-percent-seed-2", "100-percent-seed-2"]
    assert [each.name for each in found.runs] == names
    (head,) = found.heads
    assert (head.target, head.error, head.baseline_from) == ("label", "1 - accuracy", "given")
    assert head.chance == pytest.approx(2 / 3)
    assert head.small == pytest.approx(0.05 * (2 / 3 - 0.02))
    assert [each.samples for each in head.curve.points] == [18, 36]
    keys = [keys_of(each) for each in found.runs]
    assert keys[0]["train"] < keys[1]["train"] == keys[3]["train"] > keys[2]["train"]
    assert keys[0]["train"] != keys[2]["train"]
    assert len({frozenset(each["validation"]) for each in keys}) == 1
    for folder in found.runs:
        learnt = json.loads((folder / "learning.json").read_text())["heads"]["label"]
        assert learnt["validation"]["value"] == pytest.approx(
            1 - Run(path=folder).evaluation()["accuracy"]
        ), "a run without a test split is evaluated on validation"
        config = Run(path=folder).config()
        stored = dsbuilder.load(config["dataset"]["path"])
        images = np.stack([each.image for each in stored.samples("train")])
        labels = ["abc"[each.targets["label"]] for each in stored.samples("train")]
        said = [each.value for each in dsbuilder.load_run(folder).predict(images)]
        wrong = np.mean([one != two for one, two in zip(labels, said, strict=True)])
        assert learnt["train"]["value"] == pytest.approx(wrong), "as stored, without stages"
    written = json.loads((home / "diagnosis.json").read_text())
    assert written["heads"][0]["verdict"] == head.verdict
    lines = (home / "learning_curve.csv").read_text().splitlines()
    assert lines[0] == "line,x,y,count,low,high" and len(lines) == 7
    assert head.chart.read_text().startswith("<svg")
    (found.runs[1] / "evaluation.json").unlink()
    (found.runs[1] / "learning.json").unlink()
    before = [(each / "best.keras").stat().st_mtime_ns for each in found.runs]
    again = CliRunner().invoke(
        main,
        [
            *("diagnose", str(tmp_path / "shades.yaml"), "--seeds", "2", "--shares", "2"),
            *("--run", str(home), "--baseline", "0.02", "--workers", "0"),
        ],
    )
    assert again.exit_code == 0, again.stderr
    assert again.stdout.startswith(f"label: {head.verdict}\n")
    assert all(sentence in again.stdout for sentence in head.words)
    assert [(each / "best.keras").stat().st_mtime_ns for each in found.runs] == before
    with pytest.raises(TrainError, match="found one of another section 'train'"):
        dsbuilder.open(opened.pipeline, overrides=["train.model.l2=0.1"]).diagnose(**given)


def keys_of(folder):
    dataset = dsbuilder.load(Run(path=folder).config()["dataset"]["path"])
    return {each: {entry.key for _, entry in dataset.entries(each)} for each in dataset.splits}


@pytest.mark.parametrize(
    ("overrides", "given", "said"),
    [
        (["split={train: 1.0}"], {}, "validation: there are no samples to measure errors on"),
        (["split.subset=0.5"], {}, "subset: expected the whole of train"),
        ([], {"shares": 5}, "expected 128 samples or more for 5 shares, .* found 36"),
        ([], {"seeds": 1}, "expected 2 to 20 seeds, found 1"),
        ([], {"baseline": {"lable": 0.1}}, "baseline: expected one of label, found 'lable'"),
        ([], {"baseline": -1.0}, "baseline: expected an error of 0 or more, found -1"),
    ],
)
def test_what_cannot_be_diagnosed_is_told_before_anything_is_built(
    opened, tmp_path, overrides, given, said
):
    asked = {"seeds": 2, "shares": 2, "run": tmp_path / "none", **given}
    with pytest.raises(SpecError, match=said):
        dsbuilder.open(opened.pipeline, overrides=overrides).diagnose(**asked)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("wrong", [["x"], ["a=0.1", "0.1"]])
def test_a_baseline_that_is_none_is_a_usage_error(wrong):
    words = [word for each in wrong for word in ("--baseline", each)]
    found = CliRunner().invoke(main, ["diagnose", "none.yaml", *words])
    assert found.exit_code == 2 and "TARGET=" in found.stderr


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Squares on noise with several classes, a number and a mask."""
    home = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(0)
    (home / "images" / "masks").mkdir(parents=True)
    rows = []
    for number in range(40):
        image = rng.integers(0, 90, (16, 16, 3), dtype=np.uint8)
        ids = np.zeros((16, 16), np.uint8)
        side = 4 + number % 8
        ids[:side, :side] = 1
        image[ids == 1] = 250
        Image.fromarray(image).save(home / "images" / f"{number}.png")
        Image.fromarray(ids).save(home / "images" / "masks" / f"{number}.png")
        labels = [name for name, every in (("rare", 5), ("half", 2)) if number % every == 0]
        rows.append(
            {"file_name": f"{number}.png", "labels": labels, "value": side * 10.0}
            | {"mask_file_name": f"masks/{number}.png"}
        )
    text = "\n".join(json.dumps(row) for row in rows)
    (home / "images" / "metadata.jsonl").write_text(text)
    return home


@pytest.mark.slow
@pytest.mark.parametrize(
    "train",
    [
        "{model: {use: mlp, depth: 0}, heads: {labels: {}, value: {}}, epochs: 1}",
        "{model: {use: unet, width: 2, depth: 1}, target: mask, epochs: 1}",
    ],
)
def test_errors_of_every_kind_are_those_of_an_evaluation_and_chance_knows_no_image(
    kinds, tmp_path, train
):
    (kinds / "kinds.yaml").write_text(f"{KINDS}train: {train}\n")
    dataset = dsbuilder.load(build_dataset(kinds / "kinds.yaml", tmp_path / "out", workers=0).path)
    run = trainer.train_dataset(dataset, options_of(dataset), run=tmp_path / "run")
    learning.measure_learning(run, dataset, predictions=tmp_path / "validation.csv")
    found = json.loads((run.path / "learning.json").read_text())
    assert found["samples"] == 24, "originals, without their variants"
    whole = dict(evaluations_of(run.evaluation()))
    for name, head in found["heads"].items():
        expected = error_of(whole.get(name) or whole[""])
        assert head["validation"]["value"] == pytest.approx(expected.value)
        assert head["validation"]["samples"] == 16 and head["train"]["samples"] == 24
        assert head["chance"] == pytest.approx(by_hand(dataset, name))
        assert (len(head["classes"]) == 2) == (name != "value")
    lines = (tmp_path / "validation.csv").read_text().splitlines()
    assert len(lines) == 17


def by_hand(dataset, name):
    """The error on validation of the best answer that is the same for every image."""
    true = {
        split: [each.targets[name] for each in dataset.samples(split)]
        for split in ("train", "validation")
    }
    if name == "value":
        mean = np.mean(true["train"])  # a flip changes no value
        return np.mean(np.abs(np.array(true["validation"]) - mean))
    if name == "labels":
        often = np.mean(true["train"], axis=0) > 0.5
        return np.mean(np.array(true["validation"]) != often)
    masks = np.stack(true["validation"])
    return 1 - np.mean([np.mean(masks == 0), 0.0])  # all is ground


def test_a_text_that_knows_no_image_is_empty():
    outputs = np.zeros((2, 5, 4), np.float32)
    image = ImageSignature(height=8, width=8, channels=3)
    task = Recognize(target=Text(alphabet="abc"), image=image)
    said = learning._constant(task, None, outputs)
    assert said.shape == outputs.shape
    assert task.answer(said[0]).value == ""
