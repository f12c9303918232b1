"""Words that name a split: in the names of files, and of the folders at the top of a layout."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from dsbuilder.plugin import Record

SPLIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), "train"),
        **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
        **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
    }
)
"""Words that name a split on input, in small letters -> the split."""


def split_named(word: str) -> str | None:
    """Returns the split that a word names in any case of letters, or None."""
    return SPLIT_WORDS.get(word.lower())


def split_in(path: str) -> str | None:
    """Returns the split that a word of a path names, such as `instances_val2017.json`, or None.

    The words of the file's name count before those of the folders above it.
    """
    words = (word for part in reversed(path.split("/")) for word in re.findall("[A-Za-z]+", part))
    return next((split for word in words if (split := split_named(word)) is not None), None)


def stated_splits(paths: Sequence[str]) -> list[str | None]:
    """Returns the splits that the first folders of paths name, if all do; else None for each."""
    splits = [split_named(path.partition("/")[0]) if "/" in path else None for path in paths]
    return splits if all(splits) else [None] * len(paths)


def in_splits(records: Sequence[Record]) -> list[Record]:
    """Returns records with the splits that the first folders of their keys name, if all do.

    One with an error, whose key may be its place in a list, has no say in it.
    """
    sound = [each.key for each in records if each.error is None]
    if None in stated_splits(sound):
        return [replace(each, split=None) for each in records]
    return [replace(each, split=split_named(each.key.partition("/")[0])) for each in records]
