"""Tar files of an export: nothing is lost on the way, and the source reads them back."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from round_trip import check_equal, check_same_bytes, samples_of

from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.dataset import ExportableDataset
from dsbuilder.images import encoding as image_format
from dsbuilder.layouts.keys import of_source, root_of
from dsbuilder.layouts.webdataset.format import sample_name
from dsbuilder.layouts.webdataset.reader import WebDataset
from dsbuilder.plugin import StoredSample
from dsbuilder.records import example

STORED = ["image: jpeg", "image: png", "image: raw", "codec: npy"]


def stored_in(dataset: Dataset) -> Iterator[StoredSample]:
    opened = ExportableDataset(dataset)
    for split in opened.splits:
        yield from opened.samples(split)


@pytest.mark.parametrize("stored", STORED)
def test_webdataset_then_read_is_the_identity(build_toy, tmp_path: Path, stored: str) -> None:
    dataset = build_toy(f"cache={{{stored}}}")
    exported = export(dataset, tmp_path / "wds", to="webdataset")
    assert exported.samples == {name: dataset.num_samples(name) for name in dataset.splits}
    source = WebDataset(path=tmp_path / "wds")
    check_equal(dataset, source)
    if stored == "image: jpeg":
        kept = {each.key: each.image for each in stored_in(dataset)}
        given = of_source(kept)
        records = {record.key: record for record in source.open().records}
        for key, content in kept.items():
            assert source.open().read(records[given[key]]) == content
            assert records[given[key]].group == given[root_of(key)]


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_webdataset_of_every_kind_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, codec: str
) -> None:
    image = {"tfrecord": "png", "npy": "raw"}[codec]
    dataset = build_all_kinds(f"cache.codec={codec}", f"cache.image={image}")
    export(dataset, tmp_path / "wds", to="webdataset")
    check_equal(dataset, WebDataset(path=tmp_path / "wds"))


def test_webdataset_of_mixed_classes_then_read_is_the_identity(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "wds", to="webdataset")
    check_equal(dataset, WebDataset(path=tmp_path / "wds"))


def members(path: Path) -> dict[str, dict[str, bytes]]:
    """The samples of a tar file, by what webdataset's rules call them."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name, _, ending = member.name.partition(".")
            found.setdefault(name, {})[ending] = archive.extractfile(member).read()
    return found


@pytest.mark.parametrize("stored", STORED)
def test_webdataset_holds_every_sample_as_it_was_stored(build_toy, tmp_path, stored: str) -> None:
    dataset = build_toy(f"cache={{{stored}, shard_mb: 0.002}}")
    export(dataset, tmp_path / "wds", to="webdataset")
    files = sorted(tmp_path.glob("wds/*.tar"))
    assert [path.name for path in files] == sorted(
        f"{split}-{index:05d}.tar"
        for split in dataset.splits
        for index in range(len(dataset.shards(split)))
    )
    ending = "jpg" if stored == "image: jpeg" else "png"
    found = {}
    for path in files:
        for parts in members(path).values():
            assert set(parts) == {ending, "cls", "json"}
            labels = json.loads(parts["json"])
            image = image_format.decode(parts[ending], mode="rgb")
            found[labels["key"]] = (path.name.partition("-")[0], image, int(parts["cls"]), labels)
    stored_samples = samples_of(dataset)
    assert set(found) == set(stored_samples)
    for key, (split, sample) in stored_samples.items():
        assert found[key][0] == split
        assert np.array_equal(found[key][1], sample.image)
        assert found[key][2] == sample.targets["label"]
        assert found[key][3]["label"] == dataset.class_names[sample.targets["label"]]


def test_webdataset_holds_labels_of_every_kind_as_raw_labels(build_all_kinds, tmp_path) -> None:
    dataset = build_all_kinds()
    export(dataset, tmp_path / "wds", to="webdataset")
    stored = samples_of(dataset)
    for path in tmp_path.glob("wds/*.tar"):
        for parts in members(path).values():
            raw = json.loads(parts["json"])
            _, sample = stored.pop(raw["key"])
            assert parts["txt"].decode() == raw["text"]
            for name, kind in dataset.signature.targets.items():
                if kind.kind == "mask":
                    pixels = image_format.decode(parts[f"{name}.png"], mode="gray")[:, :, 0]
                    assert np.array_equal(pixels, sample.targets[name])
                    continue
                found = kind.encode(name, kind.parse(raw[name]))
                wanted = kind.encode(name, sample.targets[name])
                assert example.encode(found) == example.encode(wanted)
    assert not stored


def test_names_of_samples_have_no_dot() -> None:
    assert sample_name("cat/tom.v2.png//copy-1") == "cat+tom%2Ev2%2Epng++copy-1"


def test_two_exports_are_equal_to_the_byte(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    check_same_bytes(dataset, tmp_path, to="webdataset")


def test_no_name_of_a_target_is_taken_for_anything_else(build_oddly_named, tmp_path: Path) -> None:
    dataset = build_oddly_named()
    export(dataset, tmp_path / "webdataset", to="webdataset")
    source = WebDataset(path=tmp_path / "webdataset")
    check_equal(dataset, source)
    assert {each.targets["offset"] for each in source.open().records} == {4.0}


def test_mixed_labels_keep_their_weights(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "wds", to="webdataset")
    stored = samples_of(dataset)
    for path in tmp_path.glob("wds/train-*.tar"):
        for parts in members(path).values():
            labels = json.loads(parts["json"])
            wanted = stored[labels["key"]][1].targets["label"]
            assert labels["label_weights"] == wanted.tolist()
