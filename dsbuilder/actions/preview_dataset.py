"""A picture sheet of a built dataset: some samples of each split, as they are stored."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.document import Document
from dsbuilder.actions.preview import free_path
from dsbuilder.cache.ledger import Entry
from dsbuilder.dataset import StoredDataset
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.seeding import rank

_COLUMNS = 6


@dataclass(frozen=True, kw_only=True)
class PreviewDatasetDocument(Document):
    """What a preview of a dataset shows.

    Attributes:
      output: picture file that was written.
      shown: keys of the samples that are shown, by split.
    """

    output: Path
    shown: dict[str, tuple[str, ...]]


def preview_dataset(
    dataset: StoredDataset, output: Path | None = None, *, count: int = 6, seed: int = 0
) -> PreviewDatasetDocument:
    """Draws some samples of each split, as they are stored.

    Args:
      output: PNG file to write; None takes the first of `preview.png`, `preview-2.png`, ... that is
        free.
      count: rows of six samples of each split.
      seed: number that chooses other samples.

    Raises:
      CacheError: a shard is damaged.
      DataError: the file cannot be written.
    """
    written = output or free_path(Path("preview.png"))
    chosen = {split: _chosen(dataset, split, count * _COLUMNS, seed) for split in dataset.splits}
    sheet = Sheet(
        title=f"{dataset.name} {dataset.manifest.version}: samples as they are stored",
        notes=[str(dataset.signature), *dataset.manifest.warnings],
        sections=[
            Section(
                headings=[f"{split}: {len(found)} of {dataset.num_samples(split)} samples"],
                rows=_rows(list(_cells(dataset, found))),
            )
            for split, found in chosen.items()
            if found
        ],
    )
    write_png(draw_sheet(sheet), written)
    return PreviewDatasetDocument(
        output=written.absolute(),
        shown={split: tuple(each.key for _, each in found) for split, found in chosen.items()},
    )


def _chosen(dataset: StoredDataset, split: str, count: int, seed: int) -> list[tuple[str, Entry]]:
    """Returns some entries of a split, each with the shard that it lies in."""
    entries = ((shard.stem, entry) for shard, entry in dataset.entries(split))
    return heapq.nsmallest(count, entries, key=lambda each: rank(seed, "preview", each[1].key))


def _rows(cells: list[Cell]) -> list[list[Cell]]:
    return [cells[start : start + _COLUMNS] for start in range(0, len(cells), _COLUMNS)]


def _cells(dataset: StoredDataset, chosen: list[tuple[str, Entry]]) -> Iterator[Cell]:
    targets = dataset.signature.targets
    for stem, entry in chosen:
        reader = dataset.codec.open(dataset.path, stem)
        sample = dataset.codec.decode(reader.read(entry.offset, entry.length))
        lines = [targets[name].show(value) for name, value in sample.targets.items()]
        yield Cell.of(sample, name=sample.key, lines=lines)
