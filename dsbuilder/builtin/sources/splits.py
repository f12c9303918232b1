"""Splits that the folders at the top of a layout name."""

from collections.abc import Sequence
from dataclasses import replace

from dsbuilder.formats.layout import split_named
from dsbuilder.plugin import Record


def stated_splits(paths: Sequence[str]) -> list[str | None]:
    """Returns the splits that the first folders of paths name, if all do; else None for each."""
    splits = [split_named(path.partition("/")[0]) if "/" in path else None for path in paths]
    return splits if all(splits) else [None] * len(paths)


def in_splits(records: Sequence[Record]) -> list[Record]:
    """Returns records with the splits that the first folders of their keys name, if all do."""
    splits = stated_splits([each.key for each in records])
    return [replace(each, split=split) for each, split in zip(records, splits, strict=True)]
