"""A built dataset in the layout of another tool.

What is written is the exporter's, `layouts/NAME/writer.py` or a plugin's; here stands what all have
in common: the target appears whole or not at all, what was there is never overwritten, the sidecar
lies in it, and nothing stays for long of an export that is killed.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.card import card_of_export, check_layout
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.plugins import folders_here
from dsbuilder.cache import temporary
from dsbuilder.dataset import ExportableDataset, StoredDataset
from dsbuilder.errors import CacheError, option
from dsbuilder.layouts import sidecar
from dsbuilder.pipelinefile.stages import bind_plugin
from dsbuilder.plugin import Exporter, Written
from dsbuilder.registry import discover


@dataclass(frozen=True, kw_only=True)
class ExportDocument(Document):
    """What an export came to.

    Attributes:
      path: folder that was made.
      to: name of the exporter.
      samples: number of samples written, by split.
    """

    path: Path
    to: str
    samples: Mapping[str, int]


def export(
    dataset: StoredDataset,
    target: Path,
    *,
    to: str,
    options: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    on_progress: Progress = ignore,
    card: bool = False,
) -> ExportDocument:
    """Writes a dataset in another layout.

    Args:
      target: folder to make; one that is there must be empty.
      to: name of an exporter.
      options: `key=value` assignments of its options.
      plugins: folders of plugins that it may come from; None takes the nearest `plugins/` folder.
      on_progress: called with samples read so far, and samples in all.
      card: whether a card, all samples as lines and Croissant metadata lie in it.

    Raises:
      PluginError: there is no such exporter.
      SpecError: it has no such option, or not of such a value.
      DataError: the dataset does not fit the layout, or that is none that has a card.
      CacheError: the target is not empty or cannot be written, or a shard is damaged.
    """
    registry = discover(folders_here(plugins, data=dataset.path))
    exporter: Exporter = bind_plugin(registry, to, "exporter", options, origin=option(f"to {to}"))
    _check_target(target)
    if card:
        check_layout(to)
    warnings: tuple[str, ...] = ()
    try:
        with temporary.beside(target) as place:
            whole = place / "whole"
            whole.mkdir()
            written = _write(dataset, exporter, whole, on_progress)
            if card:
                warnings = card_of_export(dataset, whole, written, to=to).warnings
            whole.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CacheError(
            f"{target}: expected a folder that can be written, found that it fails ({reason}). "
            f"Make room or choose another with {option('out', 'target')}."
        ) from error
    return ExportDocument(
        path=target.absolute(),
        to=to,
        samples=dict(written.samples),
        warnings=distinct((f"{dataset.where}: {note}." for note in written.notes), warnings),
    )


def _write(
    dataset: StoredDataset, exporter: Exporter, folder: Path, on_progress: Progress
) -> Written:
    read, of = itertools.count(1), len(dataset)
    # An exporter may read samples more than once: then it is all but done for a while.
    exportable = ExportableDataset(dataset, lambda: on_progress(min(next(read), of), of))
    written = exporter.write(exportable, folder)
    root = next(folder.iterdir()) if exporter.one_file else folder
    sidecar.write(root, dataset.signature, written.keys, targets=written.targets)
    return written


def _check_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()):
        raise CacheError(
            f"{target}: expected no folder or an empty one, found files in it. "
            f"Choose another with {option('out', 'target')}, or remove it."
        )
    if target.exists() and not target.is_dir():
        raise CacheError(f"{target}: expected a folder to make, found a file. Choose another.")
