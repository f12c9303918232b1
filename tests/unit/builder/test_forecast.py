"""A forecast says what a build then does, and writes nothing."""

import shutil
from pathlib import Path

import pytest

from dsbuilder.builder import build_dataset
from dsbuilder.builder.forecast import Forecast, forecast

PIPELINE = """\
name: pets
seed: 5
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 2, stages: [{use: A.RandomResizedCrop, size: [32, 40]}, {use: A.HorizontalFlip}]}
finish: [{use: resize, size: [32, 40]}]
cache: {codec: CODEC, shard_mb: SHARD_MB}
"""


@pytest.fixture(params=["tfrecord", pytest.param("npy", marks=pytest.mark.slow)])
def pipeline(request, tmp_path: Path, make_images, write_pipeline) -> Path:
    make_images(classes=("cat", "dog"), count=12, size=(40, 50))
    size = {"tfrecord": "0.004", "npy": "0.02"}[request.param]
    return write_pipeline(PIPELINE.replace("CODEC", request.param).replace("SHARD_MB", size))


def tree(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in root.rglob("*")
    }


def changed(shards: Forecast) -> list[str]:
    return [shard.state for shard in shards.shards if not shard.is_reused]


EDITS = {
    "nothing": lambda source: None,
    "a changed image": lambda source: shutil.copy(source / "dog/1.png", source / "cat/1.png"),
    "a new image": lambda source: shutil.copy(source / "dog/1.png", source / "dog/new.png"),
    "a lost image": lambda source: (source / "cat/3.png").unlink(),
    "a renamed image": lambda source: (source / "cat/3.png").rename(source / "cat/z.png"),
    "a moved label": lambda source: (source / "cat/3.png").rename(source / "dog/z.png"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_forecast_comes_true(pipeline: Path, tmp_path: Path, edit: str) -> None:
    build_dataset(pipeline, tmp_path / "out", workers=0)
    EDITS[edit](tmp_path / "source")
    found = forecast(pipeline, tmp_path / "out", workers=0)
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out/pets/1.0.0").iterdir()}
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert found.to_make == built.made
    assert found.samples == {s: built.manifest.num_samples(s) for s in built.manifest.splits}
    assert found.classes == {s: built.manifest.class_counts(s) for s in built.manifest.splits}
    for shard in found.shards:
        name = f"{shard.stem.replace('#', '-')}.ledger.jsonl"
        is_kept = (built.path / name).stat().st_ino == before.get(name)
        assert is_kept == shard.is_reused
        assert shard.is_reused or shard.reasons


def test_nothing_is_written(pipeline: Path, tmp_path: Path) -> None:
    forecast(pipeline, tmp_path / "out", workers=0)
    assert not (tmp_path / "out").exists()
    build_dataset(pipeline, tmp_path / "out", workers=0)
    (tmp_path / "source/cat/1.png").write_bytes((tmp_path / "source/dog/1.png").read_bytes())
    before = tree(tmp_path)
    forecast(pipeline, tmp_path / "out", workers=0, overrides=["augment.copies=3"])
    assert tree(tmp_path) == before


def test_a_first_build_is_all_new(pipeline: Path, tmp_path: Path) -> None:
    found = forecast(pipeline, tmp_path / "out", workers=0)
    assert found.before is None
    assert set(changed(found)) == {"made"}
    assert len(found.shards) > 3
    assert {shard.reasons[0] for shard in found.shards} == {
        ("there is no earlier build of this version", 0)
    }
    assert found.probe is not None
    assert found.seconds


def test_a_changed_image_touches_its_shard_alone_and_is_named(
    pipeline: Path, tmp_path: Path
) -> None:
    build_dataset(pipeline, tmp_path / "out", workers=0)
    (tmp_path / "source/cat/1.png").write_bytes((tmp_path / "source/dog/1.png").read_bytes())
    found = forecast(pipeline, tmp_path / "out", workers=0)
    (shard,) = (shard for shard in found.shards if not shard.is_reused)
    assert shard.state in ("partly", "made")
    assert shard.reasons == [("the content of cat/1.png changed", shard.to_make)]


def test_shards_that_are_only_cut_otherwise_are_copied(pipeline: Path, tmp_path: Path) -> None:
    build_dataset(pipeline, tmp_path / "out", workers=0)
    found = forecast(pipeline, tmp_path / "out", workers=0, overrides=["cache.shard_mb=10"])
    assert found.to_make == 0
    train = next(shard for shard in found.shards if shard.split == "train")
    assert train.state == "partly"
    assert train.reasons[0][0].startswith("the split has 1 shard now, it had ")


def test_a_lost_file_of_a_shard_is_noticed(pipeline: Path, tmp_path: Path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    lost = next(path for path in built.path.iterdir() if "train" in path.name)
    lost.unlink()
    found = forecast(pipeline, tmp_path / "out", workers=0)
    (shard,) = (shard for shard in found.shards if not shard.is_reused)
    assert shard.reasons == [("a file of the shard is missing or damaged", 0)]


def test_an_earlier_build_that_is_still_there_is_found(pipeline: Path, tmp_path: Path) -> None:
    build_dataset(pipeline, tmp_path / "out", workers=0)
    build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["seed=6"])
    found = forecast(pipeline, tmp_path / "out", workers=0)
    assert found.to_make == 0
    assert changed(found) == []
    assert found.difference is not None
    assert found.difference.changes  # against what the version stands for by now


def test_the_size_is_near_what_it_comes_to(pipeline: Path, tmp_path: Path) -> None:
    first = forecast(pipeline, tmp_path / "out", workers=0)
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    names = ("tfrecord-", ".npy", ".ledger.jsonl")
    files = [path for path in built.path.iterdir() if any(name in path.name for name in names)]
    size = sum(path.stat().st_size for path in files)
    assert first.size_bytes == first.new_bytes
    assert 0.7 < first.size_bytes / size < 1.5
    again = forecast(pipeline, tmp_path / "out", workers=0)
    assert (again.size_bytes, again.new_bytes, again.seconds) == (size, 0, 0.0)
    assert again.probe is None


def test_a_probe_sets_aside_what_cannot_be_made(
    pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for path in (tmp_path / "source/cat").iterdir():
        path.write_bytes(b"junk")
    found = forecast(pipeline, tmp_path / "out", workers=0)
    assert found.probe is not None
    assert found.probe.quarantined
    assert not list((tmp_path / "tmp").iterdir())
