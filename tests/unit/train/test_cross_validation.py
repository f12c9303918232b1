"""A cross-validation tests every record once, and tells scores over its folds."""

import json

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.actions.cross_validate import dealt_to
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.pipelinefile.splitting import SplitOptions, Subset

pytest.importorskip("keras")

PIPELINE = """
name: shades
source: {use: folder, path: images}
split: {train: 0.8, test: 0.2}
finish: [{use: resize, size: [6, 6]}]
cache: {codec: npy, image: raw}
train:
  model: {use: mlp, width: 8, depth: 1}
  epochs: 1
"""


@pytest.mark.slow
def test_every_record_is_tested_once_and_scores_are_told_over_folds(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(36):
        folder = tmp_path / "images" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 90, (6, 6, 3), dtype="u1") + np.uint8(50 * (number % 3))
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "shades.yaml").write_text(PIPELINE)
    opened = dsbuilder.open(tmp_path / "shades.yaml")
    found = opened.cross_validate(3, run=tmp_path / "folds")
    tested = []
    for folder in found.runs:
        lines = (folder / "predictions.csv").read_text().splitlines()[1:]
        tested += [line.partition(",")[0] for line in lines]
    assert len(tested) == len(set(tested)) == 36
    (accuracy,) = [each for each in found.scores if each.name == "accuracy"]
    right = sum(
        "true" in line
        for folder in found.runs
        for line in (folder / "predictions.csv").read_text().splitlines()
    )
    assert accuracy.mean == pytest.approx(right / 36)
    assert accuracy.mean == pytest.approx(np.mean(accuracy.folds))
    if accuracy.interval is not None:
        assert accuracy.interval.low < accuracy.mean < accuracy.interval.high
    written = json.loads((tmp_path / "folds" / "cross_validation.json").read_text())
    assert [each["name"] for each in written["scores"]] == [each.name for each in found.scores]
    (found.runs[1] / "evaluation.json").unlink()
    before = [(each / "predictions.csv").stat().st_mtime_ns for each in found.runs]
    said = dsbuilder.open(tmp_path / "shades.yaml", overrides=["train.cross_validate=3"])
    again = said.cross_validate(run=tmp_path / "folds")
    assert again.scores[0].folds == pytest.approx(found.scores[0].folds)
    after = [(each / "predictions.csv").stat().st_mtime_ns for each in found.runs]
    assert [one == two for one, two in zip(before, after, strict=True)] == [True, False, True]
    with pytest.raises(SpecError, match="expected 3 to 20 folds, found 2"):
        opened.cross_validate(2)


def test_a_pipeline_says_how_many_folds_there_are(tmp_path):
    (tmp_path / "shades.yaml").write_text(PIPELINE)
    opened = dsbuilder.open(tmp_path / "shades.yaml")
    with pytest.raises(SpecError, match="nobody says how many folds"):
        opened.cross_validate()
    said = dsbuilder.open(tmp_path / "shades.yaml", overrides=["train.cross_validate=5"])
    with pytest.raises(SpecError, match=r"expected null to train one model. Call cross_validate"):
        said.train()
    with pytest.raises(SpecError, match="cross_validate: expected 3 to 20 folds, found 21"):
        dsbuilder.open(tmp_path / "shades.yaml", overrides=["train.cross_validate=21"]).spec()


def test_folds_keep_groups_and_the_part_of_train_that_is_built():
    said = SplitOptions(train=0.7, test=0.3, group="time", subset=Subset(share=0.5, seed=2))
    assert dealt_to(said, 4, 1) == {
        "fold": {"of": 4, "index": 1},
        "method": "stratified",
        "group": "time",
        "subset": {"share": 0.5, "seed": 2},
    }


@pytest.mark.parametrize(
    ("fold", "name", "problem"),
    [
        ({"of": 4, "index": 0}, "shades", "as many folds as it was begun with"),
        (None, "shades", "as many folds as it was begun with"),
        ({"of": 3, "index": 0}, "tints", "expected a run on the dataset 'shades', found one on"),
    ],
)
def test_folds_of_another_deal_are_not_told_with_these(tmp_path, fold, name, problem):
    (tmp_path / "shades.yaml").write_text(PIPELINE)
    done = tmp_path / "folds" / "fold-1"
    done.mkdir(parents=True)
    named = {"path": "x", "name": name, "version": "1.0.0", "fingerprint": "f"}
    config = {"dataset": named, "train": {"model": {"use": "mlp"}}, "plugins": []}
    config["pipeline"] = {"split": {"fold": fold}}
    (done / "config.json").write_text(json.dumps(config))
    (done / "evaluation.json").write_text("{}")
    with pytest.raises(TrainError, match=problem):
        dsbuilder.open(tmp_path / "shades.yaml").cross_validate(3, run=tmp_path / "folds")
