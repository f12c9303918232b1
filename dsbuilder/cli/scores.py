"""How good a model is, as a table."""

from collections.abc import Mapping
from typing import Any

from dsbuilder.cli.screen import line, table

_MOST_ROWS = 40


def draw_scores(evaluation: Mapping[str, Any]) -> None:
    """Prints the scores of every class or number, those over all, and what is confused most.

    Args:
      evaluation: as `evaluation.json` of a run has it.
    """
    from dsbuilder.tasks import task_of

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
    for remark in found.remarks:
        line(remark)
