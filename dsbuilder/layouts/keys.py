"""Keys that a source may give, and what it makes of those that a build derived.

What a build derives from a record has `//` in its key, and what it makes from nothing a slash at
the start, so that no key of a source can ever be equal to either. A source that reads them again,
as the sidecar of an export states them, must not give such keys, for a build that derives anew
would give them twice; it has `@` in place of both, `cat/tom.png@copy-1`, and more than one where
another key has that already. All that derives from one record is one group, hence of one split
however it is dealt again; so are the parts of one file that `tiles` and `video` make records of,
whose keys end in `@tile-` or `@frame-` and numbers.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from dsbuilder.errors import DataError, printable
from dsbuilder.paths import is_utf8
from dsbuilder.plugin import Record

_DERIVED = "//"
_MADE = "/"
_MARK = "@"
_PART = re.compile(r"(.+)@(?:tile(?:-\d+){4}(?:-in(?:-\d+){2})?|frame-\d+)", re.DOTALL | re.ASCII)

# `//` stands before what is appended to the key of a derived sample, hence no slash at the end.
_FAULTS: Sequence[tuple[str, Callable[[str], bool]]] = (
    ("an empty one", lambda key: not key),
    (f"'{_DERIVED}' in it", lambda key: _DERIVED in key),
    ("a slash at its start", lambda key: key.startswith(_MADE)),
    ("a slash at its end", lambda key: key.endswith("/")),
    ("a backslash in it", lambda key: "\\" in key),
    ("a NUL in it", lambda key: "\0" in key),
    ("broken bytes in it", lambda key: not is_utf8(key)),
)


def fault(key: str) -> str | None:
    """Says what is wrong with the key of a record; None if a source may give it."""
    return next((fault for fault, is_there in _FAULTS if is_there(key)), None)


def check_keys(records: Sequence[Record]) -> None:
    """Checks that keys are unique and can stand in a dataset.

    Raises:
      DataError: a key is empty, not UTF-8, there twice, has an empty part, a backslash or a NUL.
    """
    seen: set[str] = set()
    for record in records:
        key = record.key
        if key in seen:
            raise DataError(_twice(records, key))
        seen.add(key)
        wrong = fault(key)
        if wrong:
            raise DataError(
                f"record '{printable(key)}': expected a key in UTF-8 such as 'class/image.png', "
                f"found {wrong}. Rename the file, or correct what the source lists."
            )


def _twice(records: Sequence[Record], key: str) -> str:
    first, second, *_ = sorted(str(each.path or "no file") for each in records if each.key == key)
    return (
        f"record '{printable(key)}': expected each key once, found it for {first} and for "
        f"{second}. Remove one of them, or correct what the source lists."
    )


def root_of(key: str) -> str:
    """Returns the key of the record that a sample derives from; its own if it does from none."""
    return key.partition(_DERIVED)[0]


def whole_of(key: str) -> str:
    """Returns the key of the file whose part a record is; its own if it is no part."""
    found = _PART.fullmatch(key)
    return key if found is None else found[1]


def of_source(keys: Iterable[str]) -> dict[str, str]:
    """Returns key of a sample -> key that a source gives for it; different ones stay different."""
    ordered = list(dict.fromkeys(keys))
    given = {key: key for key in ordered if not _is_derived(key)}
    taken = set(given)
    for key in filter(_is_derived, ordered):
        mark = _MARK
        while (made := _marked(key, mark)) in taken:
            mark += _MARK
        given[key] = made
        taken.add(made)
    return given


def with_groups(keys: Sequence[str]) -> list[tuple[str, str | None]]:
    """Returns the key that a source gives for each sample, and its group.

    Groups are None where no sample derives from another, and none is a part of a file.
    """
    given = of_source(keys)
    roots = {key: whole_of(root_of(key)) for key in given}
    if all(root == key for key, root in roots.items()):
        return [(given[key], None) for key in keys]
    groups = of_source(roots.values())
    return [(given[key], groups[roots[key]]) for key in keys]


def _is_derived(key: str) -> bool:
    return _DERIVED in key or key.startswith(_MADE)


def _marked(key: str, mark: str) -> str:
    made = mark + key.removeprefix(_MADE) if key.startswith(_MADE) else key
    return made.replace(_DERIVED, mark)
