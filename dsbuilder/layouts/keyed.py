"""Keys and groups that the `keys.csv` of an exported folder gives to records."""

from collections.abc import Sequence
from dataclasses import replace

from dsbuilder.layouts.keys import Keys
from dsbuilder.plugin import Record


def keyed(records: Sequence[Record], keys: Keys) -> list[Record]:
    """Returns records, whose keys are paths, with the keys of the table and the groups it knows.

    A group that a record has already stays.
    """
    if not keys.files:
        return list(records)
    return [
        replace(
            each,
            key=keys.key(each.key),
            group=keys.group(each.key) if each.group is None else each.group,
        )
        for each in records
    ]
