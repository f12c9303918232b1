"""Whether tables describe the images of a folder, and which options read what they hold."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.cells import parsed
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.layouts.imagefolder.columns import columns_of, roles_of
from dsbuilder.layouts.imagefolder.rows import TableReader
from dsbuilder.layouts.mask_names import guessed
from dsbuilder.layouts.tables import Table, TableRow, read_table
from dsbuilder.paths import contained
from dsbuilder.plugin import DataError, Mask, Signs

if TYPE_CHECKING:
    from dsbuilder.layouts.imagefolder.reader import ImageFolder

_TRIED = 20
_MOST_TABLES = 20
_UNSURE = {
    "mask_classes": "a few masks",
    "mask_colors": "a few masks",
    "keypoint_names": "the first rows",
}

_TEXTS = ("text", "caption", "transcription", "sentence", "prompt")
_GROUPS = ("group", "group_id", "patient_id", "subject_id", "video_id")
_OBJECTS, _KEYPOINTS = "objects", "keypoints"
_OF_BOXES = ("label", "bbox", "box")


def signs_of(folder: Path, source: Callable[..., "ImageFolder"]) -> Signs:
    """Returns what of a folder speaks for tables that describe its images.

    The tables are read, up to a limit, and the first rows of the first one as a build would.

    Args:
      source: makes the source of its options.
    """
    seen = glance(folder)
    found = [path for path in seen.files if PurePosixPath(path).name in imagefolder.TABLES]
    if not found:
        return Signs(reason=f"no table called {', '.join(imagefolder.TABLES)} lies in it")
    try:
        faults = Faults(root=folder)
        tables = {path: read_table(folder / path, faults) for path in found[:_MOST_TABLES]}
        faults.check_few(of=sum(len(table.rows) for table in tables.values()))
        stated = sidecar.read(folder)
        options = {} if stated is not None else _guessed_options(folder, tables)
        reader = _read_some(source(path=folder, **options), tables, stated, faults)
    except (DataError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        return Signs(reason=f"{shortened(found)} cannot be read: {reason}")
    return _told(seen, tables, reader, options)


def _read_some(
    source: "ImageFolder",
    tables: Mapping[str, Table],
    stated: sidecar.Sidecar | None,
    faults: Faults,
) -> TableReader:
    """Returns a reader that has read the first rows of the first table that has any."""
    first = next((path for path, table in tables.items() if table.rows), None)
    if first is None:
        raise DataError("there is no row")
    some = {
        path: Table(columns=each.columns, rows=each.rows[:_TRIED] if path == first else ())
        for path, each in tables.items()
    }
    roles = roles_of(source, columns_of(tables), stated)
    reader = TableReader(root=source.path, tables=some, roles=roles, faults=faults)
    faults.check_few(of=len(reader.read()))
    return reader


def _told(
    seen: Glance, tables: Mapping[str, Table], reader: TableReader, options: Mapping[str, object]
) -> Signs:
    names = ", ".join(each.target for each in reader.roles.targets) or "no labels"
    named = _named_files(tables, reader)
    rows = next(len(table.rows) for table in tables.values() if table.rows)
    comments = {"path": f"targets: {names}"}
    if reader.unread:
        comments["path"] += f"; columns that nothing reads: {shortened(reader.unread)}"
    for option, shown in _UNSURE.items():
        if option in options:
            comments[option] = f"as far as {shown} show; give them their names"
    return Signs(
        reason=f"{shortened(tables)} with {seen.count(rows, 'row')} in the first: {names}",
        evidence="declared",
        explained=seen.share(named) if len(tables) < _MOST_TABLES else 1.0,
        options={"path": ".", **options},
        comments=comments,
    )


def _named_files(tables: Mapping[str, Table], reader: TableReader) -> set[str]:
    """Returns the paths below the folder of all images and masks that rows name."""
    masks = (each.cells[0] for each in reader.roles.targets if each.kind is Mask)
    columns = (imagefolder.FILE_NAME, *masks)
    return {
        path[: path.rfind("/") + 1] + str(row.cells.get(column)).removeprefix("./")
        for path, table in tables.items()
        for row in table.rows
        for column in columns
    }


def _guessed_options(folder: Path, tables: Mapping[str, Table]) -> dict[str, object]:
    """Returns the options that read tables, by their paths below a folder, beside its own path."""
    options: dict[str, object] = {}
    columns = list(dict.fromkeys(each for table in tables.values() for each in table.columns))
    text = _first(_TEXTS, columns)
    if text not in (None, _TEXTS[0]):
        options["text_column"] = text
    if "label" in columns and _count_classes(tables.values()) == 1:
        options["label_column"] = None
    group = _first(_GROUPS, columns)
    if group is not None:
        options["group_column"] = group
    suffix = imagefolder.file_column("")
    masks = [each for each in columns if each.endswith(suffix) and each != suffix]
    if masks:
        options |= _mask_options(folder, masks[0], tables)
    if _KEYPOINTS in columns:
        options |= _keypoint_options(row for table in tables.values() for row in table.rows)
    attributes = _attributes(row for table in tables.values() for row in table.rows)
    return {**options, "attributes": attributes} if attributes else options


def _keypoint_options(rows: Iterable[TableRow]) -> dict[str, object]:
    """Returns names for the keypoints of the first object; none are read where there is none."""
    for row in rows:
        cell = row.cells.get(_KEYPOINTS)
        found = parsed(cell) if isinstance(cell, str) else cell
        if found and isinstance(found, list) and isinstance(found[0], list):
            return {"keypoint_names": tuple(f"point {n}" for n in range(len(found[0]) // 3))}
    return {"keypoints_column": None}


def _count_classes(tables: Iterable[Table]) -> int:
    labeled = (table for table in tables if "label" in table.columns)
    return len({str(row.cells.get("label")) for table in labeled for row in table.rows})


def _first(words: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((word for word in words if word in columns), None)


def _attributes(rows: Iterable[TableRow]) -> tuple[str, ...]:
    """Returns what every box has, and of every box a number or of every box a text."""
    kinds: dict[str, set[type]] = {}
    known: set[str] | None = None
    for each in _boxes(rows):
        known = each.keys() & (known if known is not None else each.keys())
        for name, value in each.items():
            kinds.setdefault(name, set()).add(type(value))
    fit = (name for name in kinds if kinds[name] == {str} or kinds[name] <= {int, float})
    return tuple(name for name in fit if name in (known or ()) and _is_attribute(name))


def _is_attribute(name: str) -> bool:
    return name not in _OF_BOXES and name.split() == [name] and "/" not in name


def _boxes(rows: Iterable[TableRow]) -> Iterator[dict[str, Any]]:
    """Yields the boxes that can be read; a build tells of the others."""
    for row in rows:
        try:
            yield from imagefolder.read_objects(row.cells.get(_OBJECTS))
        except DataError:
            continue


def _mask_options(folder: Path, column: str, tables: Mapping[str, Table]) -> dict[str, object]:
    paths = [
        _located(folder / PurePosixPath(path).parent, row.cells.get(column))
        for path, table in tables.items()
        for row in table.rows
    ]
    names = guessed([path for path in paths if path is not None])
    name = column.removesuffix(imagefolder.file_column(""))
    if not names:
        return {"mask_column": None}
    renamed = {"classes": "mask_classes", "colors": "mask_colors"}
    return {
        **({} if name == "mask" else {"mask_column": name}),
        **{renamed.get(option, option): value for option, value in names.items()},
    }


def _located(folder: Path, cell: object) -> Path | None:
    try:
        return contained(folder, cell) if isinstance(cell, str) else None
    except DataError:
        return None
