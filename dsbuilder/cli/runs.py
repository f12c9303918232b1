"""`dsbuilder runs`: what the run folders below a folder came to."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, table

if TYPE_CHECKING:
    from dsbuilder.train.run import Run

_MEASURES = ("mean_iou", "mean_absolute_error", "accuracy")
"""What says how good a model is; the first that it was measured by."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"))
@options.as_json
def runs(folder: Path, *, as_json: bool) -> None:
    """List training runs, and what each reached.

    They are looked for below FOLDER, by default `runs`.
    """
    from dsbuilder.errors import TrainError
    from dsbuilder.train.run import CONFIG, Run

    found = [Run(path=path.parent) for path in sorted(folder.rglob(CONFIG))]
    if not found:
        raise TrainError(
            f"{folder}: expected run folders, found none. Train one with dsbuilder train PIPELINE."
        )
    rows = [_describe(run) for run in found]
    Screen(as_json=as_json).show({"runs": rows}, lambda: _draw(rows))


def _describe(run: "Run") -> dict[str, Any]:
    from dsbuilder.train.run import EVALUATION

    config, epochs = run.config(), run.rows()
    best = min(epochs, key=lambda row: row.monitored, default=None)
    evaluated = run.evaluation() if (run.path / EVALUATION).is_file() else None
    return {
        "run": str(run.path),
        "dataset": f"{config['dataset']['name']} {config['dataset']['version']}",
        "model": config["train"]["model"]["use"],
        "epochs": len(epochs),
        "best_epoch": best.epoch if best else None,
        "validation": dict(best.validation) if best else {},
        "seconds": round(sum(row.seconds for row in epochs), 1),
        "evaluation": evaluated,
    }


def _draw(rows: list[dict[str, Any]]) -> None:
    headings = ("run", "dataset", "model", "epochs", "seconds", "measure")
    splits = ("validation", "test", "of samples")
    table((*headings, *splits), [_cells(row) for row in rows], right=(3, 4, 6, 7, 8))
    line()
    line("validation and test: of the best epoch's model")


def _cells(row: dict[str, Any]) -> list[str]:
    evaluated = row["evaluation"] or {}
    found = {**row["validation"], **evaluated}
    measure = next((name for name in _MEASURES if name in found), None)
    return [
        row["run"],
        row["dataset"],
        row["model"],
        str(row["epochs"]),
        f"{row['seconds']:.0f}",
        "-" if measure is None else measure.replace("_", " "),
        _number(row["validation"].get(measure)),
        _number(evaluated.get(measure)),
        str(evaluated.get("samples", "-")),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
