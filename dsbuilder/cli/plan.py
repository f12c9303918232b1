"""`dsbuilder plan`: what a build would make, reuse and need."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, facts, line, shown, size, table, warned

if TYPE_CHECKING:
    from dsbuilder.builder.forecast import Forecast, ShardForecast

_MOST_CLASSES = 40
_MOST_SHARDS = 20
_MOST_REASONS = 3


@click.command()
@options.pipeline
@options.out
@options.workers
@options.overrides
@options.plugins
@click.option("--rehash", is_flag=True, help="Read every source file again, changed or not.")
@options.as_json
def plan(
    pipeline: Path,
    out: Path,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    rehash: bool,
    as_json: bool,
) -> None:
    """Say what a build would make, reuse and need; writes nothing.

    A few samples are made for real, in a temporary folder, to tell time and size.
    """
    from dsbuilder.builder.forecast import forecast

    found = forecast(
        pipeline,
        out,
        workers=workers,
        overrides=overrides,
        plugins=options.folders(plugin_folders),
        rehash=rehash,
    )
    Screen(as_json=as_json).show(_describe(found), lambda: _draw(found))


def _describe(found: "Forecast") -> dict[str, Any]:
    return {
        "path": str(found.path),
        "before": _describe_before(found),
        "splits": {
            split: {"samples": count, "classes": dict(found.classes.get(split, {}))}
            for split, count in found.samples.items()
        },
        "to_make": found.to_make,
        "size_bytes": found.size_bytes,
        "new_bytes": found.new_bytes,
        "seconds": found.seconds,
        "workers": found.workers,
        "probe": None if found.probe is None else _describe_probe(found),
        "shards": [_describe_shard(each) for each in found.shards],
        "warnings": warned(*found.warnings),
    }


def _describe_before(found: "Forecast") -> dict[str, Any] | None:
    if found.before is None:
        return None
    known = found.before.manifest
    return {
        split: {"samples": known.num_samples(split), "classes": known.class_counts(split)}
        for split in known.splits
    }


def _describe_probe(found: "Forecast") -> dict[str, Any]:
    tried = found.probe
    return (
        {
            "samples": tried.samples,
            "seconds": tried.seconds,
            "quarantined": [
                {name: row[name] for name in ("key", "stage", "exception")}
                for row in tried.quarantined
            ],
        }
        if tried is not None
        else {}
    )


def _describe_shard(shard: "ShardForecast") -> dict[str, Any]:
    return {
        "split": shard.split,
        "stem": shard.stem,
        "state": shard.state,
        "samples": shard.samples,
        "to_make": shard.to_make,
        "reasons": [{"reason": reason, "samples": count} for reason, count in shard.reasons],
    }


def _draw(found: "Forecast") -> None:
    _draw_counts(found)
    line()
    facts(list(_facts(found)))
    rows = [_row(shard) for shard in found.shards if not shard.is_reused]
    if rows:
        line()
        table(("shard", "samples", "to make", "why"), rows[:_MOST_SHARDS], right=[1, 2])
    if len(rows) > _MOST_SHARDS:
        line(f"... and {len(rows) - _MOST_SHARDS} more; --json lists all.")


def _draw_counts(found: "Forecast") -> None:
    """Draws samples by split and class, before and after."""
    known = found.before.manifest if found.before is not None else None
    splits = list(dict.fromkeys([*(known.splits if known else ()), *found.samples]))
    before = {s: known.class_counts(s) for s in splits if known and s in known.splits}
    totals = {s: known.num_samples(s) for s in splits if known and s in known.splits}
    names = sorted({n for s in splits for n in (*before.get(s, {}), *found.classes.get(s, {}))})
    rows = [
        [name, *(_cell(before.get(s, {}), found.classes.get(s, {}), name, known) for s in splits)]
        for name in names[:_MOST_CLASSES]
    ]
    rows.append(["samples", *(_cell(totals, found.samples, s, known) for s in splits)])
    table(("", *splits), rows, right=range(1, len(splits) + 1))
    if len(names) > _MOST_CLASSES:
        line(f"{len(names) - _MOST_CLASSES} more classes; --json lists all {len(names)}.")


def _cell(before: Any, after: Any, name: str, known: object) -> str:
    was, now = before.get(name, 0), after.get(name, 0)
    return str(now) if known is None or was == now else f"{was} -> {now}"


def _facts(found: "Forecast") -> Iterator[tuple[str, str]]:
    total = sum(found.samples.values())
    yield "dataset", shown(found.path)
    yield "to make", f"{found.to_make} of {total} samples"
    if found.size_bytes is not None and found.new_bytes is not None:
        yield "size", f"about {size(found.size_bytes)}, {size(found.new_bytes)} of it new"
    yield "time", _time(found)
    states = [shard.state for shard in found.shards]
    counts = {state: states.count(state) for state in ("reused", "partly", "made")}
    words = {"reused": "reused", "partly": "rewritten with what is kept", "made": "new"}
    yield "shards", ", ".join(f"{n} {words[state]}" for state, n in counts.items() if n)
    if found.probe is not None and found.probe.quarantined:
        row = found.probe.quarantined[0]
        yield (
            "set aside",
            f"{len(found.probe.quarantined)} samples of the probe, the first: {row['key']}: "
            f"{row['stage']}: {row['exception']}",
        )


def _time(found: "Forecast") -> str:
    if not found.to_make:
        return "nothing to make"
    if found.seconds is None or found.probe is None:
        return "not known: no sample of the probe could be made"
    each_ms = 1000 * found.probe.seconds / found.probe.samples
    workers = f"{found.workers} worker{'s' * (found.workers != 1)}"
    return (
        f"about {_duration(found.seconds)} with {workers} "
        f"({each_ms:.1f} ms a sample, from {found.probe.samples} made)"
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _row(shard: "ShardForecast") -> list[str]:
    reasons = [f"{f'{count} ' if count else ''}{reason}" for reason, count in shard.reasons]
    more = len(reasons) - _MOST_REASONS
    lines = [*reasons[:_MOST_REASONS], *([f"... and {more} more reasons"] if more > 0 else [])]
    return [shard.stem, str(shard.samples), str(shard.to_make), "\n".join(lines)]
