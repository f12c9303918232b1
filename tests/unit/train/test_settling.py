"""A run settles on validation how sure its model is, and over what it says a rare class."""

import importlib
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.actions.evaluate import evaluate
from dsbuilder.actions.predict import predict
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.train.options import options_of

measuring = importlib.import_module("dsbuilder.actions.evaluate")
trainer = pytest.importorskip("dsbuilder.train.trainer")
archive = pytest.importorskip("dsbuilder.train.archive")

pytestmark = pytest.mark.slow

PIPELINE = """
name: rare
seed: 1
source: {use: folder, path: images}
split: {train: 0.4, validation: 0.3, test: 0.3}
synthesize: [{use: plain, count: 30, splits: {test: 1.0}}]
finish: [{use: resize, size: [8, 8]}]
cache: {codec: npy, image: raw}
stream: {batch_size: 32}
train:
  model: {use: mlp, width: 8, depth: 1}
  optimizer: {use: adam, learning_rate: 0.01}
  normalize: standardize
  epochs: 4
  calibrate: temperature
"""
PLUGIN = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder import plugin as ds

@ds.synthesizer("plain")
@dataclass(frozen=True, kw_only=True)
class Plain(ds.Synthesizer):
    """Plain images, all common."""

    def output_signature(self, mode):
        image = ds.ImageSignature(height=8, width=8, channels=3)
        return ds.Signature(image=image, targets={"label": ds.ClassLabel(names=("common", "rare"))})

    def draw(self, rng):
        return {"gray": int(rng.integers(90, 110))}

    def render(self, key, params, mode):
        pixels = np.full((8, 8, 3), params["gray"], np.uint8)
        return ds.Sample(key=key, image=pixels, targets={"label": "common"})
'''


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    """360 images, one in nine brighter, as far as one can see."""
    home = tmp_path_factory.mktemp("rare")
    (home / "plugins").mkdir()
    (home / "plugins" / "plain.py").write_text(PLUGIN)
    rng = np.random.default_rng(0)
    for number in range(360):
        name = "rare" if number % 9 == 0 else "common"
        (home / "images" / name).mkdir(parents=True, exist_ok=True)
        gray = 100 + 25 * (name == "rare") + rng.normal(0, 14)
        pixels = rng.normal(gray, 20, (8, 8, 3)).clip(0, 255).astype("u1")
        Image.fromarray(pixels).save(home / "images" / name / f"{number}.png")
    (home / "rare.yaml").write_text(PIPELINE)
    built = build_dataset(home / "rare.yaml", home / "out", workers=0)
    return dsbuilder.load(built.path)


@pytest.fixture(scope="module")
def run(rare, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "rare"
    return trainer.train_dataset(rare, options_of(rare), run=folder)


def test_what_is_chosen_on_validation_is_kept_told_and_used(run, rare, tmp_path):
    found = run.evaluation()
    (threshold,) = found["thresholds"].values()
    assert found["thresholds_from"] == "validation" and 0 < threshold < 0.5
    assert found["temperature"] != 1
    note = json.loads(zipfile.ZipFile(run.best).read("model.json"))
    expected = {"temperature": found["temperature"], "thresholds": [threshold]}
    assert note["heads"] == {"label": expected}
    again = json.loads(json.dumps(evaluate(run.path).evaluation))
    assert {**again, "cost": None} == {**found, "cost": None}
    half = evaluate(run.path, threshold=0.5).evaluation
    assert half["accuracy"] == found["accuracy_at_half"]
    assert half["classes"][1]["recall"] < found["classes"][1]["recall"]
    best = min(run.rows(), key=lambda row: row.validation["loss"]).validation
    watched = evaluate(run.path, split="validation", threshold=0.5).evaluation
    assert watched["accuracy"] == pytest.approx(best["accuracy"])
    Image.new("RGB", (8, 8), (118, 118, 118)).save(tmp_path / "gray.png")
    (answer,) = predict(run.path, [tmp_path / "gray.png"]).predictions
    (asked,) = predict(run.path, [tmp_path / "gray.png"], threshold=0.99).predictions
    probability = {each["name"]: each["probability"] for each in answer["classes"]}["rare"]
    assert answer["value"] == ("rare" if probability > threshold else "common")
    assert asked["value"] == "common"


def test_real_and_synthesized_samples_are_told_apart(run, rare):
    found = run.evaluation()
    real, synthetic = found["by_origin"]["real"], found["by_origin"]["synthetic"]
    assert synthetic["samples"] == 30 and real["samples"] == found["samples"] - 30
    right = real["accuracy"] * real["samples"] + synthetic["accuracy"] * 30
    assert right == pytest.approx(found["accuracy"] * found["samples"])
    assert real["intervals"]["accuracy"]["low"] < real["accuracy"]
    assert evaluate(run.path, split="validation").evaluation["by_origin"] == {}


def test_a_run_says_what_its_model_costs(run):
    cost = run.evaluation()["cost"]
    assert cost["parameters"] == archive.load_model(run.path).model.count_params()
    assert cost["bytes"] == run.best.stat().st_size
    assert cost["batch_size"] == 32 and min(cost["single_ms"], cost["batch_ms"]) > 0


def test_a_chart_that_cannot_be_written_costs_no_evaluation(run, monkeypatch):
    def fails(run):
        raise DataError(f"{run.path}: the chart cannot be written.")

    monkeypatch.setattr(measuring, "draw_curves", fails)
    (warning,) = [each for each in evaluate(run.path).warnings if "curves.json" in each]
    assert "the chart cannot be written" in warning


def test_curves_are_data_of_the_run(run):
    found = json.loads((run.path / "curves.json").read_text())
    assert (found["split"], found["samples"]) == ("test", run.evaluation()["samples"])
    ((name, charts),) = found["heads"].items()
    assert name == "" and [each["kind"] for each in charts] == [
        "roc",
        "precision_recall",
        "calibration",
    ]
    for chart in charts:
        assert {"title", "x_title", "y_title", "score", "lines", "reference"} < set(chart)
        for line in chart["lines"]:
            assert 2 <= len(line["x"]) == len(line["y"]) <= 200
    roc = charts[0]["lines"]
    assert [each["name"] for each in roc] == ["rare"]
    area = np.trapezoid(roc[0]["y"], roc[0]["x"])
    assert area == pytest.approx(run.evaluation()["roc_area"], abs=0.01) == roc[0]["score"]
    before = (run.path / "curves.json").read_bytes()
    (run.path / "charts" / "roc.svg").unlink()
    evaluate(run.path, split="train")
    assert not (run.path / "charts" / "roc.svg").exists()
    evaluate(run.path)
    assert (run.path / "charts" / "roc.svg").is_file()
    assert (run.path / "curves.json").read_bytes() == before
    other = json.loads((run.path / "curves-train.json").read_text())
    assert other["split"] == "train"
