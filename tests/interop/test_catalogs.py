"""mlcroissant iterates records of datasets and of exports; huggingface_hub reads their cards."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import DatasetCard, ModelCard
from PIL import Image
from snippets import blocks

import dsbuilder
from dsbuilder.builder import build_dataset

# mlcroissant leaves files open, and uses what rdflib will not have for long.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:mlcroissant.*",
    "ignore::DeprecationWarning:rdflib.*",
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

PETS = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 20]}]
cache: {shard_mb: 0.005, image: png}
"""


@pytest.fixture
def pets(make_images, write_pipeline, tmp_path: Path) -> dsbuilder.Dataset:
    make_images(classes=("cat", "a b|c", "猫"), count=8, size=(24, 30))
    built = build_dataset(write_pipeline(PETS, "pets"), tmp_path / "out", workers=0)
    return dsbuilder.load(built.path)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where archives are unpacked to, as mlcroissant asks when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROISSANT_CACHE", str(tmp_path_factory.mktemp("croissant")))
        yield


def records(folder: Path) -> list[dict[str, object]]:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    found = dataset.records("samples")
    return [
        {name.removeprefix("samples/"): plain(each) for name, each in row.items()} for row in found
    ]


def plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_the_example_of_the_reference_iterates_an_export(
    pets: dsbuilder.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    pets.export("FOLDER", to="folder", card=True)
    (block,) = blocks("pipelines/README.md", "py")
    exec(compile(block.text, block.document, "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == len(pets)


def test_the_records_of_a_dataset_are_its_samples(build_all_kinds) -> None:
    dataset = build_all_kinds()
    dataset.card()
    lines = [json.loads(line) for line in (dataset.path / "samples.jsonl").read_text().splitlines()]
    found = records(dataset.path)
    assert len(found) == 12
    for row, line in zip(found, lines, strict=True):
        for name, value in line.items():
            told = row[name]
            assert (
                (told or []) == pytest.approx(value)
                if isinstance(value, list) and name.endswith("_box")
                else told == value
            )


def test_a_file_that_changed_is_told_by_its_sum(pets: dsbuilder.Dataset) -> None:
    pets.card()
    with (pets.path / "samples.jsonl").open("a") as file:
        file.write('{"key": "x", "split": "train", "label": "cat"}\n')
    with pytest.raises(Exception, match=r"Download\(samples\.jsonl\)") as caught:
        records(pets.path)
    assert "hash" in str(caught.value.__cause__).lower()


@pytest.mark.parametrize("to", ["folder", "imagefolder", "webdataset"])
def test_the_records_of_an_export_have_the_images(
    to: str, pets: dsbuilder.Dataset, tmp_path
) -> None:
    pets.export(tmp_path / to, to=to, card=True)
    found = {row["key"]: row for row in records(tmp_path / to)}
    samples = [(split, each) for split in pets.splits for each in pets.samples(split)]
    assert set(found) == {sample.key for _, sample in samples}
    for split, sample in samples:
        row = found[sample.key]
        assert (row["split"], row["label"]) == (split, pets.class_names[sample.targets["label"]])
        assert isinstance(row["image"], Image.Image)
        assert np.array_equal(np.asarray(row["image"]), sample.image)


def test_the_hub_reads_the_head_of_a_card(pets: dsbuilder.Dataset, tmp_path) -> None:
    card = DatasetCard.load(pets.path / "README.md")
    assert card.data.to_dict() == {
        "pretty_name": "pets",
        "license": "unknown",
        "task_categories": ["image-classification"],
        "size_categories": ["n<1K"],
        "tags": ["dsbuilder", "image"],
    }
    assert card.text.strip().startswith("# pets 1.0.0")
    pets.export(tmp_path / "x", to="imagefolder", card=True)
    assert DatasetCard.load(tmp_path / "x/README.md").data == card.data


def test_the_hub_reads_the_scores_of_a_run(pets: dsbuilder.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    model = ["train.model=mlp", "train.model.width=2", "train.epochs=1", "train.batch_size=8"]
    trained = pets.train(run=tmp_path / "run", overrides=model, workers=0)
    card = ModelCard.load(tmp_path / "run/README.md")
    results = {each.metric_type: each for each in card.data.eval_results}
    assert card.data.model_name == "run"
    assert results["accuracy"].metric_value == trained.evaluation["accuracy"]
    assert results["accuracy"].task_type == card.data.pipeline_tag == "image-classification"
    assert results["accuracy"].dataset_split == "test"
