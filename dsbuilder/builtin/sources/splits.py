"""Splits that the folders at the top of a layout name."""

from collections.abc import Sequence
from dataclasses import replace

from dsbuilder.formats.layout import split_named
from dsbuilder.plugin import Record


def in_splits(records: Sequence[Record]) -> list[Record]:
    """Returns records with the splits that the first folders of their keys name, if all do."""
    tops = {each.key.partition("/")[0] if "/" in each.key else "" for each in records}
    if not all(split_named(top) for top in tops):
        return list(records)
    return [replace(each, split=split_named(each.key.partition("/")[0])) for each in records]
