"""A dataset as a notebook shows it: HTML of one table and one picture, without anything outside."""

import base64
import io
import itertools
from collections.abc import Iterator
from html import escape

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import CacheError
from dsbuilder.report.sheet import Section, Sheet, draw_sheet
from dsbuilder.report.strip import Cell

_COLUMNS = 6
_MOST_CLASSES = 10


def dataset_html(dataset: StoredDataset) -> str:
    """Returns what `_repr_html_` of a dataset says: splits, classes, and the first samples of each.

    A damaged dataset is shown without its pictures: what is wrong says `verify`.
    """
    rows = [["", *dataset.splits], *_counts(dataset)]
    cells = ["".join(f"<td>{escape(each)}</td>" for each in row) for row in rows]
    parts = [
        f"<b>{escape(dataset.name)} {escape(dataset.manifest.version)}</b>, "
        f"{escape(str(dataset.where))}<br>{escape(str(dataset.signature))}",
        f"<table>{''.join(f'<tr>{each}</tr>' for each in cells)}</table>",
    ]
    try:
        parts.append(_picture(dataset))
    except (CacheError, OSError) as error:
        parts.append(f"<p>{escape(str(error))}</p>")
    return f"<div>{''.join(parts)}</div>"


def _counts(dataset: StoredDataset) -> Iterator[list[str]]:
    """Yields the samples of each split, of all and of the first classes."""
    counted = {split: dataset.manifest.class_counts(split) for split in dataset.splits}
    yield ["samples", *(str(dataset.num_samples(split)) for split in dataset.splits)]
    for name in dataset.class_names[:_MOST_CLASSES]:
        yield [name, *(str(counted[split].get(name, 0)) for split in dataset.splits)]
    more = len(dataset.class_names) - _MOST_CLASSES
    if more > 0:
        yield [f"{more} more classes", *("" for _ in dataset.splits)]


def _picture(dataset: StoredDataset) -> str:
    sheet = Sheet(
        title="",
        sections=[
            Section(headings=[split], rows=[list(_cells(dataset, split))])
            for split in dataset.splits
        ],
    )
    file = io.BytesIO()
    draw_sheet(sheet, side=112).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="the first samples of each split" src="data:image/png;base64,{data}">'


def _cells(dataset: StoredDataset, split: str) -> Iterator[Cell]:
    kinds = dataset.signature.targets
    for sample in itertools.islice(dataset[split], _COLUMNS):
        lines = [kinds[name].show(value) for name, value in sample.targets.items()]
        yield Cell.of(sample, name=sample.key, lines=lines)
