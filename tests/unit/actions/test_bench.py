"""What a training waits for: told from the parts, and measured on real datasets."""

from collections.abc import Callable
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.actions.bench import _advice, bounded
from dsbuilder.builder import build_dataset
from dsbuilder.pipelinefile.training import MOST_WORKERS
from dsbuilder.stream.costs import Costs, measure
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan
from dsbuilder.workers import cores

PIPELINE = """
name: pets
source: {{use: folder, path: {source}}}
split: {{train: 0.8, validation: 0.2}}
finish: [{{use: resize, size: [48, 48]}}]
cache: {{codec: {codec}, image: {image}}}
stream:
  batch_size: 8
  stages:
    - {{use: A.HorizontalFlip, p: 0.5}}
    - {{use: A.ElasticTransform, alpha: 300, sigma: 10, p: 1.0}}
train: {{model: {{use: mlp, width: 8, depth: 1}}, normalize: scale}}
"""


@pytest.fixture
def pets(make_images, write_pipeline, tmp_path) -> Callable[..., dsbuilder.Dataset]:
    images = make_images()

    def build(codec: str, image: str) -> dsbuilder.Dataset:
        path = write_pipeline(PIPELINE.format(source=images, codec=codec, image=image), codec)
        return dsbuilder.load(build_dataset(path, tmp_path / codec, workers=0).path)

    return build


@pytest.mark.parametrize(
    ("costs", "stream", "model", "bound"),
    [
        (Costs(reading=1e-5, decoding=1e-3), 1500.0, 300.0, "model"),
        (Costs(reading=1e-5, decoding=1e-3), 900.0, 3000.0, "decoding"),
        (Costs(reading=1e-3, decoding=1e-5), 900.0, None, "reading"),
        (Costs(reading=0, decoding=1e-4, stages={"a": 3e-4, "b": 5e-4}), 1000.0, 2e4, "stages"),
        (Costs(reading=0, decoding=1e-4, stages={"a": 3e-4, "b": 5e-4}), 200.0, 2e4, "hand_over"),
    ],
)
def test_what_is_waited_for_is_the_slowest_part(costs, stream, model, bound) -> None:
    assert bounded(costs, stream=stream, model=model, workers=1) == bound


def test_a_stream_that_is_as_fast_as_the_model_is_not_called_faster() -> None:
    costs = Costs(reading=0, decoding=1e-3)
    assert bounded(costs, stream=1000.0, model=1000.0, workers=1) == "decoding"


def test_advice_names_the_slowest_stage_and_workers_only_where_cores_are_left(pets) -> None:
    reading = plan(pets("npy", "raw"), "train")
    costs = Costs(reading=0, decoding=0, stages={"stream/A.Blur": 1e-3, "stream/A.Rotate": 3e-3})
    many = _advice("stages", costs, reading, 0)
    assert many[0] == f"Take more workers: {cores()} cores are there."
    assert many[1].startswith("A.Rotate takes 75% of an image's time: build its variants once")
    assert _advice("stages", costs, reading, MOST_WORKERS) == many[1:]


@pytest.mark.parametrize(("codec", "image"), [("npy", "raw"), ("tfrecord", "png")])
def test_the_costly_stage_costs_most_and_pixels_of_png_are_decoded(pets, codec, image) -> None:
    import cv2

    before = cv2.getNumThreads()
    costs = measure(Feed(plan(pets(codec, image), "train")), seconds=0.5)
    assert cv2.getNumThreads() == before
    assert list(costs.stages) == ["stream/A.HorizontalFlip", "stream/A.ElasticTransform"]
    assert costs.stages["stream/A.ElasticTransform"] > costs.stages["stream/A.HorizontalFlip"]
    assert costs.reading > 0
    assert costs.whole == pytest.approx(costs.reading + costs.decoding + sum(costs.stages.values()))
    if image == "png":
        assert costs.decoding > costs.reading / 10


@pytest.mark.slow
def test_a_dataset_is_measured_with_its_model_and_leaves_nothing(pets) -> None:
    dataset = pets("npy", "raw")
    before = sorted(Path(dataset.path).rglob("*"))
    found = dataset.bench(seconds=0.3, workers=1)
    assert found.model is not None and found.model > 0 and found.stream > 0
    assert found.workers == 1 and found.batch_size == 8
    assert list(found.costs)[:2] == ["reading", "decoding"] and len(found.costs) == 4
    assert found.says.startswith("Training waits for ") and found.advice
    assert sorted(Path(dataset.path).rglob("*")) == before
    assert not Path("none").exists()
    alone = dataset.bench(seconds=0.2, workers=0, model=False, overrides=["train.batch_size=4"])
    assert alone.model is None and alone.computing == ""
