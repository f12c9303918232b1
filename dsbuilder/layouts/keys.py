"""`keys.csv`: which key the sample of a file has, where the path of the file does not say it.

    file,key
    train/cat/tom.png,cat/tom.png
    train/cat/tom.png@copy-1.png,cat/tom.png//copy-1

An export writes the table at the root of its folder, a line for each image, and none at all where
every path is the key. Files are posix paths below that folder; a file without a line has its path
for a key. Keys are those of the exported dataset, to the letter.

What a build derives from a record has `//` in its key, and what it makes from nothing a slash at
the start, so that no key of a source can ever be equal to either. A source that reads them again
must not give such keys, for a build that derives anew would give them twice; it has `@` in place of
both, `cat/tom.png@copy-1`, and more than one where another key has that already. All that derives
from one record is one group, hence of one split however it is dealt again.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsbuilder.errors import DataError, printable
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import read_delimited
from dsbuilder.paths import Inside, is_utf8

TABLE = "keys.csv"

_DERIVED = "//"
_MADE = "/"
_MARK = "@"
_HEADER = ("file", "key")
_HEAD_BYTES = 64

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


def root_of(key: str) -> str:
    """Returns the key of the record that a sample derives from; its own if it does from none."""
    return key.partition(_DERIVED)[0]


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

    Groups are None where no sample derives from another.
    """
    given = of_source(keys)
    roots = {key: root_of(key) for key in given}
    if all(root == key for key, root in roots.items()):
        return [(given[key], None) for key in keys]
    groups = of_source(roots.values())
    return [(given[key], groups[roots[key]]) for key in keys]


def _is_derived(key: str) -> bool:
    return _DERIVED in key or key.startswith(_MADE)


def _marked(key: str, mark: str) -> str:
    made = mark + key.removeprefix(_MADE) if key.startswith(_MADE) else key
    return made.replace(_DERIVED, mark)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What the table of a folder says; nothing where there is none.

    Attributes:
      files: the table's own path below the folder, if there is one.
      keys: by path of a file, as a source gives them.
      groups: the same of groups; None where no line names a derived sample.
    """

    files: frozenset[str] = frozenset()
    keys: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] | None = None

    def key(self, path: str) -> str:
        """Returns the key that a source gives for the file at a path below the folder."""
        return self.keys.get(path, path)

    def group(self, path: str) -> str | None:
        """Returns the group of a file, its path where it has no line; None without groups."""
        return None if self.groups is None else self.groups.get(path, path)


def read(folder: Path) -> Keys:
    """Returns what the table at the root of a folder says.

    A file of that name with other columns is none, and like any other file.

    Raises:
      DataError: a line names a file that is not there or lies outside, a file or a key again, or a
        key that no sample can have; of these errors all are told at once, up to a limit.
    """
    path = folder / TABLE
    if not _is_table(path):
        return Keys()
    faults = Faults()
    places = _places(path, faults)
    faults.check()
    given: dict[str, str] = {}
    groups: dict[str, str] = {}
    for (file, line), (key, group) in zip(places.values(), with_groups(list(places)), strict=True):
        wrong = fault(key)
        if wrong:
            faults.add(f"{path}:{line}: expected a key, found {wrong}. Correct the line.")
        given[file] = key
        if group is not None:
            groups[file] = group
    faults.check()
    return Keys(files=frozenset((TABLE,)), keys=given, groups=groups or None)


def _is_table(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(
            f"{path}: expected a table that can be read, found: {error.strerror}. "
            "Change its permissions."
        ) from None
    first = head.decode("latin-1").splitlines()[:1]
    return bool(first) and tuple(cell.strip(' "') for cell in first[0].split(",")) == _HEADER


def _places(path: Path, faults: Faults) -> dict[str, tuple[str, int]]:
    """Returns key -> file and line; takes note of lines that are wrong."""
    inside = Inside(path.parent)
    places: dict[str, tuple[str, int]] = {}
    lines: dict[str, int] = {}
    for row in read_delimited(path, ",", faults)[1]:
        with faults.collecting(f"{path}:{row.line}", "Correct the line or remove it."):
            file, key = inside.locate(row.cells["file"]), row.cells["key"]
            if lines.setdefault(file, row.line) != row.line:
                again = f"'{file}' as in line {lines[file]}"
                raise DataError(f"expected every file once, found {again}.")
            if places.setdefault(key, (file, row.line))[1] != row.line:
                again = f"'{printable(key)}' as in line {places[key][1]}"
                raise DataError(f"expected every key once, found {again}.")
    return places


def write(folder: Path, keys: Mapping[str, str]) -> None:
    """Writes the table at the root of a folder, unless every path is the key.

    Args:
      keys: key by path below the folder, in the order of the lines.
    """
    if all(path == key for path, key in keys.items()):
        return
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(_HEADER)
        table.writerows(keys.items())
