"""Every pipeline of `pipelines/` on the samples: build, stream, train, evaluate, predict."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tools

import dsbuilder

ROOT = Path(__file__).parent.parent.parent
PIPELINES = sorted((ROOT / "pipelines").glob("*.yaml"))
# Enough to see that a model learns; `make demo` trains the pipelines as they stand.
SHORT = {
    "digits": ["train.epochs=2"],
    "emoji": ["train.epochs=3", "train.fine_tune.epochs=1", "augment.copies=1"],
    "fashion_mnist": [
        *("split.subset=0.1", "train.epochs=4", "train.model.width=12", "stream.stages=[]"),
    ],
}
BETTER_THAN = {"digits": 0.7, "emoji": 0.5, "fashion_mnist": 0.7}
# Data that is not in `samples/`: the option that says where `make tools` put it.
ELSEWHERE = {"fashion_mnist": f"source.path={tools.place(tools.FASHION_MNIST)}"}


def run(*words: object) -> str:
    command = [sys.executable, "-m", "dsbuilder", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_pipeline_is_run_here() -> None:
    assert {path.stem for path in PIPELINES} == set(SHORT)


def cases() -> Iterator[Any]:
    for path in PIPELINES:
        large = [pytest.mark.slow, tools.needs_fashion_mnist] if path.stem in ELSEWHERE else []
        yield pytest.param(path, id=path.stem, marks=large)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", list(cases()))
def test_a_pipeline_builds_streams_trains_and_predicts(pipeline: Path, tmp_path: Path) -> None:
    found = (*SHORT[pipeline.stem], *filter(None, [ELSEWHERE.get(pipeline.stem)]))
    changes = [word for change in found for word in ("--set", change)]
    built = json.loads(run("build", pipeline, "--out", tmp_path, "--json", *changes))
    assert not built["quarantined"]
    dataset = dsbuilder.load(tmp_path / pipeline.stem)
    dataset.verify()
    stream = dataset.stream("train", batch_size=32)
    images, labels = next(iter(stream))
    assert images.shape[0] == labels.shape[0] == 32
    folder = tmp_path / "run"
    run("train", pipeline, "--out", tmp_path, "--run", folder, "--json", *changes)
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["samples"] == dataset.num_samples("test")
    assert evaluation["accuracy"] > BETTER_THAN[pipeline.stem]
    for name in ("best.keras", "last.keras", "results.csv", "charts/training-loss.svg"):
        assert (folder / name).stat().st_size
    samples = ROOT / "samples" / ("digits" if pipeline.stem in ELSEWHERE else pipeline.stem)
    image = sorted(samples.rglob("*.[jp][pn]g"))[0]
    predicted = json.loads(run("predict", folder, image, "--json"))
    assert str(image) in json.dumps(predicted)
    listed = json.loads(run("runs", tmp_path, "--json"))
    assert listed["runs"][0]["evaluation"]["accuracy"] == evaluation["accuracy"]
