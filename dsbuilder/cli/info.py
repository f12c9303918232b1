"""`dsbuilder info`: what a dataset is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, facts, heading, line, shown, size
from dsbuilder.cli.tables import draw_counts

if TYPE_CHECKING:
    from dsbuilder.actions.info import InfoDocument


@click.command()
@options.dataset
@options.as_json
def info(dataset: Path, *, as_json: bool) -> None:
    """Say what a dataset is: splits, classes, signature, size, versions."""
    from dsbuilder.actions.dataset import load

    found = load(dataset).info()
    Screen(as_json=as_json).show(found, lambda: _draw(found))


def _draw(found: "InfoDocument") -> None:
    heading(f"{found.name} {found.version}")
    facts(
        [
            ("folder", shown(found.link)),
            ("versions", ", ".join(found.versions)),
            ("signature", str(found.signature)),
            ("stored as", _stored(found)),
            ("size", _size(found)),
            ("seed", str(found.seed)),
            ("fingerprint", found.fingerprint),
            ("set aside", _quarantined(found.quarantined)),
            *([("lost", [each.text for each in found.lost])] if found.lost else []),
            *([("corrected", f"{found.corrected} labels")] if found.corrected else []),
        ]
    )
    line()
    draw_counts(
        {split: each.classes for split, each in found.splits.items()},
        {"samples": {split: each.samples for split, each in found.splits.items()}},
        bars=True,
    )
    line()
    follow(("preview", found.link), ("train", found.link))


def _stored(found: "InfoDocument") -> str:
    quality = f" of quality {found.quality}" if found.quality else ""
    return f"{found.codec}, images as {found.image}{quality}"


def _size(found: "InfoDocument") -> str:
    shards = sum(split.shards for split in found.splits.values())
    return f"{size(found.size_bytes)} in {shards} shard{'s' * (shards != 1)}"


def _quarantined(count: int) -> str:
    return f"{count}, listed in quarantine.jsonl" if count else "none"
