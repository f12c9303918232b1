"""A dataset that was exported, or built, and what a source reads of it again."""

from pathlib import Path

import numpy as np

from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.images import encoding
from dsbuilder.layouts.keys import of_source
from dsbuilder.plugin import Sample, Source
from dsbuilder.records import example


def samples_of(dataset: Dataset) -> dict[str, tuple[str, Sample]]:
    """Split and sample by key."""
    return {
        sample.key: (split, sample) for split in dataset.splits for sample in dataset.samples(split)
    }


def check_equal(dataset: Dataset, source: Source) -> None:
    """A source finds the keys, splits, pixels and targets of a dataset.

    Each record is read by a catalog that has listed nothing, as a worker does.
    """
    catalog, reading = source.open(), source.open()
    found = samples_of(dataset)
    stored = {given: found[key] for key, given in of_source(found).items()}
    records = {record.key: record for record in catalog.records}
    assert set(records) == set(stored)
    assert dict(catalog.targets) == dict(dataset.signature.targets)
    for key, (split, sample) in stored.items():
        record = records[key]
        assert record.split == split
        assert record.targets.keys() == catalog.targets.keys()
        pixels = reading.read(record)
        is_array = isinstance(pixels, np.ndarray)
        image = pixels if is_array else encoding.decode(pixels, mode="rgb")
        assert np.array_equal(image, sample.image)
        for name, kind in catalog.targets.items():
            again = kind.encode(name, kind.parse(record.targets[name]))
            wanted = kind.encode(name, sample.targets[name])
            assert example.encode(again) == example.encode(wanted)
    assert "_listed" not in vars(reading)


def check_same_bytes(dataset: Dataset, folder: Path, *, to: str) -> None:
    """Two exports of a dataset have the same files with the same bytes."""
    contents = []
    for name in ("one", "two"):
        root = folder / name
        export(dataset, root, to=to)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        contents.append([(path.relative_to(root), path.read_bytes()) for path in files])
    assert contents[0] == contents[1] != []
