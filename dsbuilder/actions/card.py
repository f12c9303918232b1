"""What catalogs of datasets read, written beside a dataset: its card, its samples, Croissant.

A build writes the card alone, which follows from the manifest. Lines of all samples take a look at
every shard, of a million images at a hundred gigabytes; so they, and the metadata that says their
sum, are written when somebody wants to publish. All three lie beside the files that have a
checksum, and equal datasets have equal ones.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder import names
from dsbuilder.actions.document import Document
from dsbuilder.actions.info import versions
from dsbuilder.cache import dataset_card, store
from dsbuilder.dataset import StoredDataset, croissant, sample_rows
from dsbuilder.dataset.croissant import DescribedFile, ImageFiles
from dsbuilder.errors import CacheError, DataError, did_you_mean
from dsbuilder.layouts.webdataset.format import sample_name
from dsbuilder.plugin import Mask, Written

LAYOUTS = ("folder", "imagefolder", "webdataset")
"""Exporters whose images readers of Croissant know."""

Place = Callable[[str], str]
"""Returns the path of a sample's image in an export, of its key."""

_LINES = "application/jsonlines"
_TAR = "application/x-tar"


@dataclass(frozen=True, kw_only=True)
class CardDocument(Document):
    """What was written for catalogs of datasets.

    Attributes:
      path: folder of the dataset.
      card: file of the dataset card.
      metadata: file of the Croissant metadata.
      samples: file of lines, one for each sample.
      count: number of these lines.
    """

    path: Path
    card: Path
    metadata: Path
    samples: Path
    count: int


def card(dataset: StoredDataset) -> CardDocument:
    """Writes a dataset's card, its samples as lines, and its Croissant metadata, into its folder.

    A card that is there is kept: somebody may have written into it.

    Raises:
      CacheError: a shard is damaged, or the folder cannot be written.
    """
    sums = store.read_sums(dataset.path)
    files = [_described(dataset.path, name, digest) for name, digest in sorted(sums.items())]
    link = versions(dataset).get(dataset.manifest.version, dataset.path)
    return _written(dataset, link, sample_rows.rows(dataset), files)


def check_layout(to: str) -> None:
    """Raises DataError for an exporter whose images no reader of Croissant knows."""
    if to not in LAYOUTS:
        raise DataError(
            f"card: expected one of the layouts {', '.join(LAYOUTS)}, found '{to}', whose images "
            f"readers of Croissant do not know.{did_you_mean(to, LAYOUTS)}"
        )


def card_of_export(
    dataset: StoredDataset, folder: Path, written: Written, *, to: str
) -> CardDocument:
    """Writes card, samples and metadata of an export into it; see `card`."""
    check_layout(to)
    tars = sorted(folder.glob("*.tar"))
    found, place = _in_archives(dataset, tars) if tars else _in_folders(dataset, written)
    images: ImageFiles | None = found
    warnings: tuple[str, ...] = ()
    if _masks_look_alike(dataset, to):
        images = None
        warnings = (
            f"{dataset.where}: masks are PNG files as images are, which no pattern of Croissant "
            "tells apart: its records have no images. Store images as jpeg to have them there.",
        )
    rows = (
        {sample_rows.KEY: each[sample_rows.KEY], sample_rows.FILE: place(each["key"]), **each}
        for each in sample_rows.rows(dataset)
    )
    described = [_described(folder, each.name, store.sha256(each), _TAR) for each in tars]
    return _written(dataset, folder, rows, described, to=to, images=images, warnings=warnings)


def _in_archives(dataset: StoredDataset, tars: Sequence[Path]) -> tuple[ImageFiles, Place]:
    ending = "jpg" if dataset.manifest.image == "jpeg" else "png"
    names = tuple(each.name for each in tars)
    found = ImageFiles(extensions=(ending,), archives=names)
    return found, lambda key: f"{sample_name(key)}.{ending}"


def _in_folders(dataset: StoredDataset, written: Written) -> tuple[ImageFiles, Place]:
    endings = sorted({name.rpartition(".")[2] for name in written.keys})
    found = ImageFiles(extensions=endings, folders=dataset.splits)
    return found, {key: name for name, key in written.keys.items()}.__getitem__


def _masks_look_alike(dataset: StoredDataset, to: str) -> bool:
    """Whether masks lie beside images, as files of the same ending."""
    has_masks = any(isinstance(kind, Mask) for kind in dataset.signature.targets.values())
    return has_masks and dataset.manifest.image != "jpeg" and to != "folder"


def _written(
    dataset: StoredDataset,
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    files: Sequence[DescribedFile],
    *,
    to: str | None = None,
    images: ImageFiles | None = None,
    warnings: tuple[str, ...] = (),
) -> CardDocument:
    known = dataset.manifest
    readme = folder / store.CARD
    try:
        samples, count = _write_lines(folder, rows)
        found = croissant.metadata(
            name=known.name,
            version=known.version,
            description=dataset_card.sentence(known),
            samples=samples,
            files=files,
            columns=sample_rows.columns(known.signature.targets),
            images=images,
        )
        text = json.dumps(found, indent=1, ensure_ascii=False)
        store.write_text(folder / names.CROISSANT, f"{text}\n")
        if not readme.exists():
            store.write_text(readme, dataset_card.card(known, layout=to))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CacheError(
            f"{folder}: expected a folder that can be written, found that it fails ({reason}). "
            "Make room, or export the dataset to another place."
        ) from error
    return CardDocument(
        path=folder,
        card=readme,
        metadata=folder / names.CROISSANT,
        samples=folder / names.SAMPLES,
        count=count,
        warnings=warnings,
    )


def _write_lines(folder: Path, rows: Iterable[Mapping[str, Any]]) -> tuple[DescribedFile, int]:
    """Writes the lines as they come, and gives the file its name when it is whole."""
    path = folder / names.SAMPLES
    # Under a name that no check of the dataset minds, should it be left behind.
    home = folder / store.LOG if (folder / store.LOG).is_dir() else folder
    temporary = home / f"{names.SAMPLES}.tmp"
    digest, size, count = hashlib.sha256(), 0, 0
    with temporary.open("wb") as file:
        for row in rows:
            line = f"{json.dumps(row, ensure_ascii=False)}\n".encode()
            digest.update(line)
            file.write(line)
            size, count = size + len(line), count + 1
    temporary.replace(path)
    described = DescribedFile(
        name=names.SAMPLES, sha256=digest.hexdigest(), size_bytes=size, encoding=_LINES
    )
    return described, count


def _described(folder: Path, name: str, digest: str, encoding: str | None = None) -> DescribedFile:
    kinds = {".json": "application/json", ".jsonl": _LINES, ".txt": "text/plain"}
    found = encoding or kinds.get(Path(name).suffix, "application/octet-stream")
    size = (folder / name).stat().st_size
    return DescribedFile(name=name, sha256=digest, size_bytes=size, encoding=found)
