"""`dsbuilder card`: what catalogs of datasets read, written beside a dataset."""

from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown


@click.command()
@options.dataset
@options.as_json
def card(dataset: Path, *, as_json: bool) -> None:
    """Write what catalogs of datasets read: a card, all samples as lines, Croissant metadata.

    README.md is a dataset card of Hugging Face, samples.jsonl has key, split and labels of every
    sample, croissant.json is Croissant metadata over it, with all files and their sums. They lie
    in the dataset's folder and change nothing of it. An export has them, with the images in the
    records, by `dsbuilder export --card`.
    """
    from dsbuilder.actions.card import card as run
    from dsbuilder.dataset import load

    found = run(load(dataset))

    def draw() -> None:
        line(f"{shown(found.card)}: the card, to say more in")
        line(f"{shown(found.samples)}: {found.count} samples")
        line(f"{shown(found.metadata)}: Croissant metadata")
        line()
        follow(("export", dataset, "--to", "imagefolder", "--out", "exported", "--card"))

    Screen(as_json=as_json).show(found, draw)
