"""What a source owes: a listing that is the same every time, and records that can be read."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dsbuilder.layouts.keys import fault
from dsbuilder.plugin import Catalog, Record, Source, Target
from dsbuilder.testing.laws import check_json, check_names, sound_records
from dsbuilder.testing.promises import Check, name_of

_SPLITS = (None, "train", "validation", "test")
_READ = 20


def check_catalog(plugin: Source) -> None:
    """Checks a source, made with the path of a layout that exists; reads its first records.

    It lists the same every time, and a catalog that never listed reads a record by its place.
    """
    name = name_of(plugin)
    listed = plugin.open().scan()
    keys = [record.key for record in listed.records]
    assert keys, f"{name}: the source lists no records."
    assert len(set(keys)) == len(keys), f"{name}: expected each key once."
    faults = {key: fault(key) for key in keys if fault(key)}
    assert not faults, f"{name}: expected keys that a dataset can hold, found {faults}."
    assert {record.split for record in listed.records} <= set(_SPLITS), f"{name}: odd splits."
    again = plugin.open().scan()
    assert (list(again.records), dict(again.targets), list(again.notes)) == (
        list(listed.records),
        dict(listed.targets),
        list(listed.notes),
    ), f"{name}: expected the same listing every time it is opened."
    check_names(name, listed.targets)
    for note in listed.notes:
        assert isinstance(note, str) and note.strip() and not note.endswith("."), (
            f"{name}: expected notes without a full stop, found {note!r}."
        )
    catalog = plugin.open()  # as a worker has it: it is told the records
    for record in sound_records(name, listed.records)[:_READ]:
        _check_labels(name, record, listed.targets)
        _check_read(name, catalog, record)
    _check_watches(name, plugin.open())


def _check_labels(name: str, record: Record, targets: Mapping[str, Target]) -> None:
    where = f"{name}: {record.key}"
    assert set(record.targets) >= set(targets), f"{where}: expected a value of every target."
    for target_name, target in targets.items():
        value = target.parse(record.targets[target_name])
        encoded = target.encode(target_name, value)
        assert encoded.keys() == target.features(target_name).keys(), where


def _check_read(name: str, catalog: Catalog, record: Record) -> None:
    from dsbuilder.images.encoding import decode

    where = f"{name}: {record.key}"
    check_json(where, "place", dict(record.place))
    try:
        pixels = catalog.read(record)
    except Exception as error:
        raise AssertionError(
            f"{where}: expected that a catalog which never listed reads a record by its path and "
            f"place, found {type(error).__name__}: {error}."
        ) from error
    image = decode(pixels, mode="rgb") if isinstance(pixels, bytes) else pixels
    assert image.ndim == 3 and image.dtype == np.uint8, f"{where}: {image.shape} {image.dtype}"
    assert image.shape[2] in (1, 3, 4), (
        f"{where}: expected 1, 3 or 4 channels, found {image.shape}."
    )
    identity = catalog.identity(record)
    assert isinstance(identity, str) or (identity is None and record.path is not None), (
        f"{where}: expected a path, or identity() to say in a text what stands for the pixels."
    )


def _check_watches(name: str, catalog: Catalog) -> None:
    watched = catalog.watches()
    assert watched is None or all(isinstance(path, Path) for path in watched), (
        f"{name}: expected paths to watch, or None, found {watched}."
    )


CATALOG = Check(
    name="catalog",
    promises="scan() lists records that a dataset can hold, and read() reads each by its place",
    run=check_catalog,
)
