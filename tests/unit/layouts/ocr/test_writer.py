"""An exported list of texts is read again as the same samples."""

from pathlib import Path

import numpy as np
import pytest

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.ocr.reader import Ocr

TEXTS = ("Exit 4", 'say "yes", now', " blanks  ", "猫", "a\\b", "Don't")


@pytest.fixture
def build(make_images, write_pipeline, tmp_path: Path):
    def run(cache: str, texts: tuple[str, ...] = TEXTS) -> Dataset:
        root = make_images(classes=("a b",), count=len(texts), size=(16, 20))
        lines = [f"a b/{index}.png\t{text}" for index, text in enumerate(texts)]
        (root / "gt.txt").write_text("\n".join(lines), encoding="utf-8")
        pipeline = write_pipeline(
            "name: words\nsource: {use: ocr, path: source}\n"
            "split: {train: 0.5, test: 0.5, method: hash}\n"
            f"finish: [{{use: resize, size: [16, 20]}}]\ncache: {{{cache}}}\n"
        )
        return dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)

    return run


@pytest.mark.parametrize("cache", ["image: png", "image: raw", "codec: npy", "image: jpeg"])
def test_what_is_exported_is_read_again(build, tmp_path: Path, cache: str) -> None:
    dataset = build(cache)
    export(dataset, tmp_path / "ocr", to="ocr")
    records = Ocr(path=tmp_path / "ocr").open().records
    read = {record.key: record for record in records}
    expected = {
        sample.key: (split, sample) for split in dataset.splits for sample in dataset.samples(split)
    }
    assert read.keys() == expected.keys()
    for key, record in read.items():
        split, sample = expected[key]
        assert (record.split, record.targets) == (split, sample.targets)
        assert np.array_equal(decode(record.path.read_bytes(), mode="rgb"), sample.image)


def test_a_text_that_a_line_cannot_hold_is_an_error(build, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a text without tabs and line ends"):
        export(build("image: png", ("one\ttab",)), tmp_path / "ocr", to="ocr")
    assert not (tmp_path / "ocr").exists()


def test_a_dataset_without_a_text_is_an_error(make_images, write_pipeline, tmp_path: Path) -> None:
    make_images(count=3, size=(16, 20))
    pipeline = write_pipeline("name: pets\nsource: {use: folder, path: source}\n")
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    with pytest.raises(DataError, match="expected a target of kind text to write, found 'label'"):
        export(dsbuilder.load(built.path), tmp_path / "ocr", to="ocr")
