"""`dsbuilder suspects`: which labels are probably wrong, by models that never saw their records."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Screen, echo, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.session import Session
    from dsbuilder.actions.suspects import SuspectsDocument, SuspectTarget
    from dsbuilder.tasks.suspicion import ClassNoise

_FILE = click.Path(path_type=Path, dir_okay=False)
_MOST = 20
_FOLDS = 5
_EXPECTED = 0.5
"""Labels that are told: what would be written as none is not."""


@click.command()
@click.option(
    "--folds",
    type=click.IntRange(min=3),
    metavar="N",
    help="Parts that the records are dealt to; each is judged by a model trained on the others. "
    f"[default: as many as --run has, else {_FOLDS}]",
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the cross-validation: one that stands, such as that of `train "
    "--cross-validate`, is not trained again. By default the next free runs/name-folds-N.",
)
@click.option(
    "--pruning",
    type=click.Choice(["class", "noise_rate", "both"]),
    default="class",
    show_default=True,
    help="Of classes, which labels are suspect: as many as are expected to be wrong of each class, "
    "of each pair of classes, or what is both.",
)
@click.option(
    "--exclude",
    type=_FILE,
    metavar="FILE",
    help="Write the keys of the suspects, for `build --exclude FILE`.",
)
@click.option(
    "--corrections",
    type=_FILE,
    metavar="FILE",
    help="Write the labels that the models say, a .csv, .tsv or .jsonl for `source.corrections`; "
    "keep the lines that you believe.",
)
@click.option(
    "--sheet", type=_FILE, metavar="FILE", help="Draw the most suspect as a picture, a PNG."
)
@options.workers
@options.opened
@options.as_json
def suspects(
    opened: "Session",
    folds: int | None,
    run_folder: Path | None,
    workers: int | None,
    *,
    as_json: bool,
    **asked: Any,
) -> None:
    """Say which labels are probably wrong, by models that never saw their records.

    A model is trained for each of N folds, and says what it makes of the records that it was not
    trained on. Of classes, confident learning estimates how many labels are wrong and which.
    Numbers, masks and keypoints are suspect where the model is far off, texts where it surely
    reads another.
    """
    screen = Screen(as_json=as_json)

    def on_fold(number: int) -> None:
        if screen.shows_progress:
            echo(f"fold {number}")

    with progress.epochs(screen) as watch:
        found = opened.suspects(
            folds=folds,
            run=run_folder,
            workers=workers,
            on_fold=on_fold,
            on_asked=watch.on_asked,
            on_start=watch.on_start,
            on_batch=watch.on_batch,
            on_epoch=watch.on_epoch,
            on_features=watch.on_features,
            starting=partial(startup.tensorflow, screen),
            **asked,
        )
    files = [asked[name] for name in ("exclude", "corrections", "sheet") if asked[name] is not None]
    screen.show(found, lambda: _draw(found, files, asked["exclude"]))


def _draw(found: "SuspectsDocument", files: list[Path], exclude: Path | None) -> None:
    for name, target in found.targets.items():
        _draw_target(name, target)
    line(f"{len(found.keys)} of {found.records} records have a suspect label.")
    for path in files:
        line(f"written: {shown(path.absolute())}")
    line(f"all of them: {shown(found.result)}")
    line()
    if exclude is not None:
        follow(again("build", "--exclude", exclude))
    elif found.keys:
        more = ("--sheet", "suspects.png", "--exclude", "suspects.txt")
        follow(again("suspects", "--run", found.result.parent, *more))


def _draw_target(name: str, target: "SuspectTarget") -> None:
    first = target.suspects[:_MOST]
    if first:
        rows = [(each.key, each.told, each.remark) for each in first]
        table((name, "labeled", "said of it"), rows)
        more = len(target.suspects) - len(first)
        line(f"... and {more} more" if more else "")
    wrong = [each for each in target.classes if max(each.wrong, each.missing) >= _EXPECTED]
    if wrong:
        headings = ("labeled", "records", "expected wrong", "and to be", "missing")
        table(headings, [_cells(each) for each in wrong], right=(1, 2, 4))
        line()
    if target.expected is not None:
        line(f"{name}: about {target.expected:.0f} labels are expected to be wrong.")


def _cells(found: "ClassNoise") -> list[str]:
    """Returns what is expected of a class."""
    taken = [f"{name} {count:.0f}" for name, count in found.taken_for if count >= _EXPECTED]
    counts = [str(found.records), f"{found.wrong:.0f}"]
    return [found.name, *counts, ", ".join(taken), f"{found.missing:.0f}"]
