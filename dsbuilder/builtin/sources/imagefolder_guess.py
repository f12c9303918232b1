"""Which options read the tables of an `imagefolder`, guessed from the first of them."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from dsbuilder.builtin.sources.mask_names import guessed
from dsbuilder.formats import imagefolder
from dsbuilder.formats.glance import Glance
from dsbuilder.formats.layout import contained
from dsbuilder.formats.table import Table
from dsbuilder.plugin import DataError

_TEXTS = ("text", "caption", "transcription", "sentence", "prompt")
_GROUPS = ("group", "group_id", "patient_id", "subject_id", "video_id")


def tables_in(seen: Glance) -> list[str]:
    """Returns the tables among what was seen."""
    return [path for path in seen.files if PurePosixPath(path).name in imagefolder.TABLES]


def guessed_options(folder: Path, path: str, table: Table) -> dict[str, object]:
    """Returns the options that read a table at a path below a folder, beside the path itself."""
    options: dict[str, object] = {}
    text = _first(_TEXTS, table.columns)
    if text not in (None, _TEXTS[0]):
        options["text_column"] = text
    if "label" in table.columns and _count_classes(table) == 1:
        options["label_column"] = None
    group = _first(_GROUPS, table.columns)
    if group is not None:
        options["group_column"] = group
    suffix = imagefolder.file_column("")
    masks = [each for each in table.columns if each.endswith(suffix) and each != suffix]
    if masks:
        options |= _mask_options(folder / PurePosixPath(path).parent, masks[0], table)
    return options


def _count_classes(table: Table) -> int:
    return len({str(row.cells.get("label")) for row in table.rows})


def _first(words: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((word for word in words if word in columns), None)


def _mask_options(folder: Path, column: str, table: Table) -> dict[str, object]:
    paths = [_located(folder, row.cells.get(column)) for row in table.rows]
    names = guessed([path for path in paths if path is not None])
    name = column.removesuffix(imagefolder.file_column(""))
    if not names:
        return {"mask_column": None}
    renamed = {"classes": "mask_classes", "colours": "mask_colours"}
    return {
        **({} if name == "mask" else {"mask_column": name}),
        **{renamed.get(option, option): value for option, value in names.items()},
    }


def _located(folder: Path, cell: object) -> Path | None:
    try:
        return contained(folder, cell) if isinstance(cell, str) else None
    except DataError:
        return None
