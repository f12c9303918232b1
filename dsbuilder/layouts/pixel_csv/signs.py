"""What of a folder speaks for CSV files of pixels, and what against it."""

from pathlib import Path

from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.pixel_csv.format import PixelColumns, read_columns
from dsbuilder.plugin import DataError, Signs

_MOST_LOOKED_INTO = 20
_FEW_PIXELS = 16


def signs_of(folder: Path) -> Signs:
    """Returns what the first line of each CSV file at the top says."""
    seen = glance(folder)
    names = [path for path in seen.ending("csv") if "/" not in path]
    tables = {name: _peek(folder / name) for name in names[:_MOST_LOOKED_INTO]}
    read = {name: table for name, table in tables.items() if table is not None}
    if not read:
        found = seen.count(len(names), "CSV file")
        return Signs(reason=f"{found}, none with labels and pixels")
    name, first = next(iter(read.items()))
    count = len(first.pixels)
    pixels = "a column of pixels" if count == 1 else f"{count} columns of pixels"
    contradictions = seen.loose_images(len(read))
    if not first.has_header and count < _FEW_PIXELS:
        contradictions.append("any table of numbers looks so")
    return Signs(
        reason=f"{seen.count(len(read), 'CSV file')} with labels and {pixels}",
        evidence="arranged",
        contradictions=contradictions,
        options={"path": name if len(names) == 1 else "."},
    )


def _peek(path: Path) -> PixelColumns | None:
    try:
        return read_columns(path)
    except DataError:
        return None  # no table of pixels, which is all that is asked
