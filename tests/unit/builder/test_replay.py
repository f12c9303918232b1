"""Any sample can be made again from its recorded params; where bytes differ, the cause is named."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plugin_files import FLAG

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.builder import build_dataset
from dsbuilder.builder.replay import Replayed, compare, reopen, replay_sample
from dsbuilder.cache import build_log
from dsbuilder.dataset import explain
from dsbuilder.dataset.explanation import stored
from dsbuilder.errors import CacheError, DataError, PluginError, SpecError

PIPELINE = """\
name: pets
seed: 5
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
prepare: [{use: resize, short: 24}]
augment:
  copies: 2
  stages:
    - {use: A.RandomResizedCrop, size: [16, 20]}
    - {use: speckle, p: 0.7}
    - {use: one_of, stages: [{use: A.ColorJitter, p: 1}, {use: A.GaussianBlur, p: 0.5}]}
    - {use: mixup, p: 0.5}
    - {use: A.SomeOf, n: 1, transforms: [{use: A.HorizontalFlip, p: 1}, {use: A.Affine, p: 1}]}
synthesize: [{use: flag, count: 4}]
finish: [{use: resize, size: [16, 20]}]
cache: {codec: CODEC, shard_mb: 0.01}
"""

PLUGINS = '''
from dataclasses import dataclass
from dsbuilder.plugin import Transform, transform

@transform("speckle", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Speckle(Transform):
    """Sets one pixel; refuses to draw where the file says so."""

    def draw(self, sample, rng):
        return {"row": int(rng.integers(8)), "key": sample.key}

    def apply(self, sample, params):
        assert params["key"] == sample.key
        image = sample.image.copy()
        image[params["row"]] = 200
        return sample.replace(image=image)
'''


@pytest.fixture
def folder(tmp_path: Path, make_images) -> Path:
    make_images(classes=("cat", "dog"), count=8, size=(30, 40))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/mine.py").write_text(PLUGINS)
    (tmp_path / "plugins/flag.py").write_text(FLAG)
    return tmp_path


def build(folder: Path, codec: str = "tfrecord", *overrides: str) -> Dataset:
    path = folder / "pets.yaml"
    path.write_text(PIPELINE.replace("CODEC", codec))
    built = build_dataset(path, folder / "out", workers=0, overrides=overrides)
    return dsbuilder.load(built.path)


def plugins_of(dataset: Dataset) -> tuple[Path, ...]:
    """The folder of plugins beside the output folder."""
    return (dataset.path.parents[3] / "plugins",)


def again(dataset: Dataset, key: str, source: Path | None = None) -> Replayed:
    return replay_sample(dataset, key, source=source, plugins=plugins_of(dataset))


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_every_sample_is_made_again_byte_for_byte_and_nothing_is_drawn(
    folder: Path, codec: str
) -> None:
    dataset = build(folder, codec)
    path = dataset.path / "pipeline.json"
    path.write_text(path.read_text().replace('"seed": 5', '"seed": 6'))  # would draw otherwise
    reopened = reopen(dataset, plugins=plugins_of(dataset))
    assert reopened.pipeline.settings.seed == 6
    kinds = {"original": 0, "variant": 0, "mix": 0, "synthesized": 0}
    for split in dataset.splits:
        for shard, entry in dataset.entries(split):
            replayed = compare(reopened, entry, stored(dataset, shard, entry))
            assert replayed.is_equal, entry.key
            assert replayed.differences == []
            assert replayed.largest_difference == 0
            kinds[kind_of(entry)] += 1
    assert all(kinds.values()), kinds


def kind_of(entry) -> str:
    if entry.synthetic:
        return "synthesized"
    return {1: "variant" if "//" in entry.key else "original", 2: "mix"}[len(entry.parents)]


def variant(dataset: Dataset, stage: str = "augment/speckle") -> str:
    """The key of an unmixed variant that a stage was applied to."""
    return next(
        entry.key
        for _, entry in dataset.entries("train")
        if kind_of(entry) == "variant" and stage in [each.stage for each in entry.stages]
    )


def test_replaying_follows_a_source_that_was_moved(folder: Path) -> None:
    dataset = build(folder)
    key = variant(dataset)
    (folder / "source").rename(folder / "elsewhere")
    with pytest.raises(DataError, match=r"--source .* says where the source lies now"):
        again(dataset, key)
    assert again(dataset, key, source=folder / "elsewhere").is_equal


def test_one_image_is_enough_to_make_its_samples_again(folder: Path) -> None:
    dataset = build(folder)
    key = variant(dataset)
    root = key.partition("//")[0]
    (folder / "few" / root).parent.mkdir(parents=True)
    shutil.copy(folder / "source" / root, folder / "few" / root)
    (folder / "few/other").mkdir()
    shutil.copy(folder / "source" / root, folder / "few/other/image.png")
    assert again(dataset, key, source=folder / "few").is_equal


def test_a_whole_project_that_was_moved_is_found_after_the_next_build(folder: Path) -> None:
    dataset = build(folder)
    key = variant(dataset)
    moved = folder / "project"
    moved.mkdir()
    for name in ("source", "plugins", "out"):
        (folder / name).rename(moved / name)
    after = build(moved)
    assert after.manifest == dataset.manifest
    log = build_log.read(after.path)
    assert log is not None
    assert log.folder == str(moved)
    assert again(after, key).is_equal


def test_a_changed_source_file_is_named(folder: Path) -> None:
    dataset = build(folder)
    key = variant(dataset)
    root = key.partition("//")[0]
    (folder / "source" / root).write_bytes((folder / "source/dog/7.png").read_bytes())
    replayed = again(dataset, key)
    assert not replayed.is_equal
    assert replayed.differences == [f"the content of {root} changed"]
    assert replayed.largest_difference
    (folder / "source" / root).unlink()
    with pytest.raises(DataError, match=f"{root}: expected this file in the source"):
        again(dataset, key)


def test_a_changed_plugin_is_named_but_only_where_it_was_applied(folder: Path) -> None:
    dataset = build(folder)
    key = variant(dataset)
    (folder / "plugins/mine.py").write_text(PLUGINS.replace("= 200", "= 100"))
    replayed = again(dataset, key)
    assert not replayed.is_equal
    assert replayed.differences == ["the code of the plugin 'speckle' changed"]
    original = again(dataset, key.partition("//")[0])
    assert (original.is_equal, original.differences) == (True, [])


def test_code_that_the_log_of_a_build_names_is_not_run(folder: Path) -> None:
    dataset = build(folder)
    (folder / "plugins/mine.py").write_text("raise SystemExit('was run')")
    with pytest.raises(SpecError, match=r"made with plugins of '.*/plugins', which nobody runs un"):
        replay_sample(dataset, variant(dataset))


def test_a_plugin_that_no_longer_takes_its_params_says_so(folder: Path) -> None:
    dataset = build(folder)
    (folder / "plugins/mine.py").write_text(PLUGINS.replace('params["row"]', 'params["column"]'))
    with pytest.raises(PluginError, match=r"found KeyError at stage: augment/speckle: 'column'"):
        again(dataset, variant(dataset))


def test_another_package_version_and_processor_are_named(folder: Path) -> None:
    dataset = build(folder, "npy", "cache.codec=npy")
    key = variant(dataset, "augment/A.RandomResizedCrop")
    text = json.dumps(dataset.manifest.to_json())
    text = text.replace('"albumentations": "2.0.8"', '"albumentations": "1.4.0"')
    data = json.loads(text)
    data["packages"]["pillow"] = "1.0"
    data["machine"] = "abacus"
    altered = replace(dataset, manifest=type(dataset.manifest).from_json(data))
    found = again(altered, key).differences
    assert any(re.fullmatch(r"pillow 1\.0 -> [\d.]+", each) for each in found)
    assert any(each.startswith("processor abacus -> ") for each in found)


def test_a_new_version_of_what_a_plugin_builds_on_is_named(folder: Path) -> None:
    dataset = build(folder)
    data = json.loads(json.dumps(dataset.manifest.to_json()))
    for stage in data["stages"].values():
        if "A.RandomResizedCrop" in stage["inputs"]:
            stage["inputs"]["A.RandomResizedCrop"]["albumentations"] = "1.4.0"
            stage["fingerprint"] = "other"
    altered = replace(dataset, manifest=type(dataset.manifest).from_json(data))
    key = variant(dataset, "augment/A.RandomResizedCrop")
    assert again(altered, key).differences == ["A.RandomResizedCrop: albumentations 1.4.0 -> 2.0.8"]


def test_an_altered_shard_is_not_taken_for_something_else(folder: Path) -> None:
    dataset = build(folder, "npy")
    key = variant(dataset)
    explained = explain(dataset, key)
    path = dataset.path / explained.files[0]
    images = np.load(path)
    images[explained.entry.offset] ^= 1
    np.save(path, images)
    replayed = again(dataset, key)
    assert not replayed.is_equal
    assert replayed.largest_difference == 1
    assert replayed.differences[0].startswith("nothing that is recorded differs: the shard")


def test_a_lost_log_asks_for_the_source(folder: Path) -> None:
    dataset = build(folder)
    shutil.rmtree(dataset.path / "log")
    key = "cat/0.png"
    with pytest.raises(CacheError, match="the log of the build, which says where the"):
        again(dataset, key)
    plugins = [folder / "plugins"]
    assert replay_sample(dataset, key, source=folder / "source", plugins=plugins).is_equal


def test_a_source_without_a_path_cannot_be_moved(folder: Path) -> None:
    overrides = ["source=null", "augment={copies: 0}", "split={}"]
    dataset = build(folder, "tfrecord", *overrides)
    key = "/synthesize/flag/000000"
    assert again(dataset, key).is_equal
    with pytest.raises(DataError, match="the pipeline has no source"):
        again(dataset, key, source=folder)


def test_equal_builds_differ_in_their_logs_alone(folder: Path) -> None:
    first = build(folder)
    text = (first.path / "SHA256SUMS").read_text()
    assert "build.json" not in text
    log = build_log.read(first.path)
    assert log is not None
    assert log.pipeline == str(folder / "pets.yaml")
    assert log.seconds > 0
    assert log.started <= log.finished


def test_steps_show_what_albumentations_drew(folder: Path) -> None:
    dataset = build(folder)
    entry = explain(dataset, variant(dataset, "augment/A.RandomResizedCrop")).entry
    remade = reopen(dataset, plugins=plugins_of(dataset)).remake(entry)
    drawn = {step.stage.id: step.drawn for step in remade.steps}
    assert len(drawn["augment/A.RandomResizedCrop"]["crop_coords"]) == 4
    (applied,) = drawn["augment/A.SomeOf"]["applied"]
    assert applied["use"] in ("A.HorizontalFlip", "A.Affine")
    assert drawn["augment/one_of"]["stage"] in ("A.ColorJitter", "A.GaussianBlur")
    assert drawn["prepare/resize"] == {}
    assert json.loads(json.dumps(drawn)) == drawn
