"""What all exports have in common: a folder that appears whole or not at all."""

from pathlib import Path

import pytest

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.errors import CacheError, DataError
from dsbuilder.export import EXPORTS, export


@pytest.fixture
def build(make_images, write_pipeline, tmp_path: Path):
    def run() -> Dataset:
        make_images(count=8, size=(24, 30))
        pipeline = write_pipeline(
            "name: pets\nsource: {use: folder, path: source}\n"
            "split: {train: 0.5, validation: 0.25, test: 0.25}\n"
        )
        return dsbuilder.load(dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=1).path)

    return run


def test_a_folder_with_files_in_it_is_never_touched(build, tmp_path: Path) -> None:
    dataset, target = build(), tmp_path / "mine"
    target.mkdir()
    (target / "notes.txt").write_text("keep")
    with pytest.raises(CacheError) as caught:
        export(dataset, target, to="folder")
    assert str(caught.value) == (
        f"{target}: expected no folder or an empty one, found files in it. "
        "Choose another with --out, or remove it."
    )
    assert [each.name for each in target.iterdir()] == ["notes.txt"]


def test_a_damaged_dataset_leaves_nothing_behind(build, tmp_path: Path) -> None:
    dataset = build()
    shard = next(dataset.path.glob("*test*.tfrecord-*"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(CacheError):
        export(dataset, tmp_path / "new" / "folder", to="folder")
    assert list((tmp_path / "new").iterdir()) == []


def test_an_unknown_layout_is_named_with_those_there_are(build, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        export(build(), tmp_path / "folder", to="foldr")
    assert str(caught.value) == "unknown layout 'foldr'. Did you mean 'folder'?"
    assert "folder" in EXPORTS
