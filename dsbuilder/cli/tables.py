"""Tables of several verbs: how many samples of which class there are, and how good a model is."""

from collections.abc import Mapping, Sequence
from typing import Any

from dsbuilder.cli.screen import can_show, line, table

_MOST_CLASSES = 40
_BAR_WIDTH = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def draw_counts(
    classes: Mapping[str, Mapping[str, int]],
    totals: Mapping[str, Mapping[str, int]],
    *,
    bars: bool = False,
) -> None:
    """Prints a row for each class and one for each total, a column for each split.

    Args:
      classes: counts by split and class.
      totals: heading -> counts by split.
      bars: whether each class also has a bar, as long as its samples in all splits.
    """
    splits = list(classes)
    names = sorted({name for counts in classes.values() for name in counts})
    rows = [[classes[split].get(name, 0) for split in splits] for name in names]
    most = max(map(sum, rows), default=0)
    lines = [
        [*_row(name, row), *([bar(sum(row), most)] if bars else [])]
        for name, row in zip(names, rows, strict=True)
    ][:_MOST_CLASSES]
    for heading, counts in totals.items():
        lines.append(_row(heading, [counts.get(split, 0) for split in splits]))
    table(("", *splits, "all", *([""] if bars else [])), lines, right=range(1, len(splits) + 2))
    if len(names) > _MOST_CLASSES:
        line(f"{len(names) - _MOST_CLASSES} more classes; --json lists all {len(names)}.")


def bar(count: int, most: int) -> str:
    """Returns a bar, its length to within an eighth of a letter where the terminal has such."""
    eighths = round(8 * _BAR_WIDTH * count / max(most, 1))
    if not can_show(_EIGHTHS):
        return "#" * round(eighths / 8)
    whole, rest = divmod(eighths, 8)
    return _EIGHTHS[-1] * whole + _EIGHTHS[rest].strip()


def _row(name: str, counts: Sequence[int]) -> list[str]:
    return [name, *(str(count) for count in counts), str(sum(counts))]


_MOST_ROWS = 40


def draw_scores(evaluation: Mapping[str, Any]) -> None:
    """Prints the scores of every class or number, those over all, and what is confused most.

    Args:
      evaluation: as `evaluation.json` of a run has it.
    """
    from dsbuilder.tasks import evaluations_of

    for name, each in evaluations_of(evaluation):
        if name:
            line(f"{name}:")
        _draw_scores(each)
    if evaluation.get("cost") is not None:
        line(_cost(evaluation["cost"]))


def _draw_scores(evaluation: Mapping[str, Any]) -> None:
    from dsbuilder.tasks import by_origin, task_of

    found = task_of(evaluation["kind"]).table(evaluation)
    if found.rows:
        table(found.headings, found.rows[:_MOST_ROWS], right=range(1, len(found.headings)))
        if len(found.rows) > _MOST_ROWS:
            line(f"{len(found.rows) - _MOST_ROWS} more; --json lists all {len(found.rows)}.")
        line()
    where = f"{evaluation['dataset']}, {evaluation['split']}"
    further = "".join(
        f", {name.replace('_', ' ')} {'-' if value is None else f'{value:.4f}'}"
        for name, value in evaluation["metrics"].items()
    )
    line(f"{where}: {found.summary}{further}, loss {evaluation['loss']:.4f}")
    for remark in (*found.remarks, *by_origin(evaluation)):
        line(remark)


def _cost(cost: Mapping[str, Any]) -> str:
    return (
        f"{cost['parameters']:,} parameters, {cost['bytes'] / 1e6:.3g} MB, "
        f"{cost['single_ms']:.3g} ms an image alone, {cost['batch_ms']:.3g} ms in batches of "
        f"{cost['batch_size']}"
    )
