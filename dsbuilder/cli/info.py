"""`dsbuilder info`: what a dataset is."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.counts import draw_counts
from dsbuilder.cli.screen import Screen, facts, line, shown, size

if TYPE_CHECKING:
    from dsbuilder.dataset import Dataset


@click.command()
@options.dataset
@options.as_json
def info(dataset: Path, *, as_json: bool) -> None:
    """Say what a dataset is: splits, classes, signature, size, versions."""
    from dsbuilder.dataset import load

    opened = load(dataset)
    document = describe(opened)
    Screen(as_json=as_json).show(document, lambda: _draw(opened, document))


def describe(dataset: "Dataset") -> dict[str, Any]:
    """Returns what a dataset is as JSON values."""
    from dsbuilder.targets import signature_to_json

    known = dataset.manifest
    return {
        "path": str(dataset.path),
        "name": known.name,
        "version": known.version,
        "versions": list(versions(dataset)),
        "signature": signature_to_json(known.signature),
        "class_names": list(dataset.class_names),
        "splits": {
            split: {
                "samples": known.num_samples(split),
                "classes": known.class_counts(split),
                "shards": len(shards),
            }
            for split, shards in known.splits.items()
        },
        "codec": known.codec,
        "image": known.image,
        "quality": known.quality if known.image == "jpeg" else None,
        "size_bytes": _size_bytes(dataset.path),
        "seed": known.seed,
        "quarantined": known.quarantined,
        "reproducible": known.reproducible,
        "fingerprint": known.fingerprint,
        "packages": dict(known.packages),
        "machine": known.machine,
        "warnings": list(known.warnings),
    }


def _size_bytes(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def versions(dataset: "Dataset") -> dict[str, Path]:
    """Returns the versions beside a dataset, its own among them, each with its link."""
    from dsbuilder.cache import store

    root = dataset.path.parent.parent
    # A neighbour that may not be looked into is no version.
    links = [each for each in root.iterdir() if os.path.isfile(each / store.MANIFEST)]  # noqa: PTH113
    found = {link.name: link for link in sorted(links, key=lambda link: _numbers(link.name))}
    # A copied dataset has other neighbours than the versions it was built beside.
    is_own = dataset.path in (link.resolve() for link in links)
    return found if is_own else {dataset.manifest.version: dataset.path}


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _draw(dataset: "Dataset", document: dict[str, Any]) -> None:
    known = dataset.manifest
    line(click.style(f"{known.name} {known.version}", bold=True))
    facts(
        [
            ("folder", shown(versions(dataset).get(known.version, dataset.path))),
            ("versions", ", ".join(document["versions"])),
            ("signature", str(known.signature)),
            ("stored as", _stored(document)),
            ("size", _size(document)),
            ("seed", str(known.seed)),
            ("fingerprint", known.fingerprint),
            ("set aside", _quarantined(document)),
        ]
    )
    line()
    draw_counts(
        {split: known.class_counts(split) for split in known.splits},
        {"samples": {split: known.num_samples(split) for split in known.splits}},
        bars=True,
    )
    for warning in known.warnings:
        line(f"{click.style('note:', fg='yellow')} {warning}")


def _stored(document: dict[str, Any]) -> str:
    quality = f" of quality {document['quality']}" if document["quality"] else ""
    return f"{document['codec']}, images as {document['image']}{quality}"


def _size(document: dict[str, Any]) -> str:
    shards = sum(split["shards"] for split in document["splits"].values())
    return f"{size(document['size_bytes'])} in {shards} shard{'s' if shards != 1 else ''}"


def _quarantined(document: dict[str, Any]) -> str:
    count = document["quarantined"]
    return f"{count}, listed in quarantine.jsonl" if count else "none"
