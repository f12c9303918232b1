"""`dsbuilder plan`: what a build would make, reuse and need."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Lines, Screen, duration, facts, line, shown, size, table

if TYPE_CHECKING:
    from dsbuilder.actions.plan import PlanDocument, PlannedBalance, PlannedShard
    from dsbuilder.actions.session import Session

_MOST_CLASSES = 40
_MOST_SHARDS = 20
_MOST_REASONS = 3


@click.command()
@options.out
@options.workers
@options.opened
@click.option("--rehash", is_flag=True, help="Read every source file again, changed or not.")
@options.as_json
def plan(
    opened: "Session",
    out: Path,
    workers: int | None,
    *,
    rehash: bool,
    as_json: bool,
) -> None:
    """Say what a build would make, reuse and need; writes nothing.

    A few samples are made for real, in a temporary folder, to tell time and size.
    """
    screen = Screen(as_json=as_json)
    with progress.working(screen, "reading the source, and making a few samples"):
        found = opened.plan(out, workers=workers, rehash=rehash)
    screen.show(found, lambda: _draw(found))


def _draw(found: "PlanDocument") -> None:
    _draw_counts(found)
    if found.balance is not None:
        line()
        _draw_balance(found.balance)
    line()
    facts(list(_facts(found)))
    rows = [_row(shard) for shard in found.shards if shard.state != "reused"]
    if rows:
        line()
        table(("shard", "samples", "to make", "why"), rows[:_MOST_SHARDS], right=[1, 2])
    if len(rows) > _MOST_SHARDS:
        line(f"... and {len(rows) - _MOST_SHARDS} more; --json lists all.")
    line()
    follow(again("build"))


def _draw_counts(found: "PlanDocument") -> None:
    """Draws samples by split and class, before and after."""
    known, planned = found.before, found.splits
    splits = list(dict.fromkeys([*(known or ()), *planned]))
    before = {split: each.classes for split, each in (known or {}).items()}
    after = {split: each.classes for split, each in planned.items()}
    names = sorted({n for s in splits for n in (*before.get(s, {}), *after.get(s, {}))})
    rows = [
        [name, *(_cell(before.get(s, {}), after.get(s, {}), name, known) for s in splits)]
        for name in names[:_MOST_CLASSES]
    ]
    totals = {split: each.samples for split, each in (known or {}).items()}
    samples = {split: each.samples for split, each in planned.items()}
    rows.append(["samples", *(_cell(totals, samples, s, known) for s in splits)])
    table(("", *splits), rows, right=range(1, len(splits) + 1))
    if len(names) > _MOST_CLASSES:
        line(f"{len(names) - _MOST_CLASSES} more classes; --json lists all {len(names)}.")


def _draw_balance(balance: "PlannedBalance") -> None:
    """Draws what train holds of each class, and what of it is added."""
    rows = [
        [
            name,
            str(each.originals),
            _with_more(each.variants, each.more_variants),
            _with_more(each.synthesized, each.more_synthesized),
            str(each.samples),
        ]
        for name, each in islice(balance.classes.items(), _MOST_CLASSES)
    ]
    line(f"train, balanced to {balance.quota} samples of each class:")
    table(("", "originals", "variants", "synthesized", "samples"), rows, right=range(1, 5))
    if len(balance.classes) > _MOST_CLASSES:
        line(f"{len(balance.classes) - _MOST_CLASSES} more classes; --json lists all.")


def _with_more(count: int, more: int) -> str:
    return f"{count} (+{more})" if more else str(count)


def _cell(before: Mapping[str, int], after: Mapping[str, int], name: str, known: object) -> str:
    was, now = before.get(name, 0), after.get(name, 0)
    return str(now) if known is None or was == now else f"{was} -> {now}"


def _facts(found: "PlanDocument") -> Iterator[tuple[str, Lines]]:
    total = sum(split.samples for split in found.splits.values())
    yield "dataset", shown(found.path)
    yield "to make", f"{found.to_make} of {total} samples"
    if found.size_bytes is not None and found.new_bytes is not None:
        yield "size", f"about {size(found.size_bytes)}, {size(found.new_bytes)} of it new"
    yield "time", _time(found)
    states = [shard.state for shard in found.shards]
    counts = {state: states.count(state) for state in ("reused", "partly", "made")}
    words = {"reused": "reused", "partly": "rewritten with what is kept", "made": "new"}
    yield "shards", ", ".join(f"{n} {words[state]}" for state, n in counts.items() if n)
    if found.lost:
        yield "lost", [each.text for each in found.lost]
    if found.probe is not None and found.probe.lost:
        yield "lost by the probe", [each.text for each in found.probe.lost]
    if found.probe is not None and found.probe.quarantined:
        row = found.probe.quarantined[0]
        yield (
            "set aside",
            f"{len(found.probe.quarantined)} samples of the probe, the first: {row.key}: "
            f"{row.stage}: {row.exception}",
        )


def _time(found: "PlanDocument") -> str:
    if not found.to_make:
        return "nothing to make"
    if found.seconds is None or found.probe is None:
        return "not known: no sample of the probe could be made"
    each_ms = 1000 * found.probe.seconds / found.probe.samples
    workers = f"{found.workers} worker{'s' * (found.workers != 1)}"
    return (
        f"about {duration(found.seconds)} with {workers} "
        f"({each_ms:.1f} ms a sample, from {found.probe.samples} made)"
    )


def _row(shard: "PlannedShard") -> list[Lines]:
    reasons = [f"{each.samples or ''} {each.reason}".strip() for each in shard.reasons]
    more = len(reasons) - _MOST_REASONS
    lines = [*reasons[:_MOST_REASONS], *([f"... and {more} more reasons"] if more > 0 else [])]
    return [shard.stem, str(shard.samples), str(shard.to_make), lines]
