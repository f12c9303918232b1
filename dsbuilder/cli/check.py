"""`dsbuilder check`: is a pipeline right, and what would it build; no image is decoded."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Lines, Screen, facts, heading, line
from dsbuilder.cli.tables import draw_counts

if TYPE_CHECKING:
    from dsbuilder.actions.check import CheckDocument, CheckedStage
    from dsbuilder.actions.session import Session


@click.command()
@options.opened
@options.as_json
def check(opened: "Session", *, as_json: bool) -> None:
    """Say whether a pipeline is right, and what it would build; decodes no image.

    Every problem is named with its file and line; then the exit code is 2.
    """
    screen = Screen(as_json=as_json)
    with progress.working(screen, "reading the source"):
        found = opened.check()
    screen.show(found, lambda: _draw(found))


def _draw(found: "CheckDocument") -> None:
    draw(found)
    follow(again("build"))


def draw(found: "CheckDocument") -> None:
    """Prints what was found of a pipeline."""
    heading(f"{found.name} {found.version}")
    pairs: list[tuple[str, Lines]] = [("signature", str(found.signature))]
    if found.streamed != found.signature:
        pairs.append(("streamed", str(found.streamed)))
    pairs += [(path, _shown(stages)) for path, stages in found.stages.items() if stages]
    searched = [f"{path}: {each}" for path, each in found.tune.items()]
    facts(pairs + ([("tune", searched)] if searched else []))
    line()
    splits = {split: found.classes.get(split, {}) for split in found.samples}
    totals = {"records": found.records, "samples to make": found.samples}
    if found.variants:
        line(f"{found.variants} variants, of which no stage touches about {found.untouched:.0f}")
        line()
    draw_counts(splits, totals if found.records else {"samples to make": found.samples})
    line()
    shards = f"{found.shards} shard{'s' * (found.shards != 1)}"
    line(f"The pipeline is right: {sum(found.samples.values())} samples in {shards}.")


def _shown(stages: Sequence["CheckedStage"]) -> list[str]:
    return [" ".join([each.use, *_words(each.options)]) for each in stages]


def _words(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        yield f"{name}={_word(value)}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
