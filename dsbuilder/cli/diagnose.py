"""`dsbuilder diagnose`: what holds a model back, told from trainings on growing shares of train."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Screen, echo, heading, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.diagnose import DiagnoseDocument, HeadDiagnosis
    from dsbuilder.actions.session import Session
    from dsbuilder.tasks import Interval

_MOST_GROUPS, _MOST_GAINS = 12, 5
"""Rows of tables; `--json` and `diagnosis.json` have more."""


def _parsed(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    """Reads `ERROR` and `TARGET=ERROR`; the target of an error alone is empty."""
    found: dict[str, float] = {}
    for value in values:
        target, _, error = value.rpartition("=")
        try:
            found[target] = float(error)
        except ValueError:
            raise click.BadParameter(
                f"expected an error such as 0.02, or TARGET=0.02, found '{value}'."
            ) from None
    if "" in found and len(found) > 1:
        raise click.BadParameter("expected TARGET=ERROR of each of several targets.")
    return found


@click.command()
@options.opened
@click.option(
    "--baseline",
    multiple=True,
    callback=_parsed,
    metavar="ERROR",
    help="The error that could be reached, such as a person's or a competitor's; of several "
    "targets TARGET=ERROR of each. [default: 0]",
)
@click.option(
    "--small",
    type=click.FloatRange(min=0),
    metavar="ERROR",
    help="A difference of errors that you call small. [default: 5 % of the way from the baseline "
    "to an answer that is the same for every image]",
)
@click.option(
    "--seeds",
    type=click.IntRange(2, 20),
    default=3,
    show_default=True,
    metavar="N",
    help="Trainings on each share.",
)
@click.option(
    "--shares",
    type=click.IntRange(2, 10),
    default=5,
    show_default=True,
    metavar="N",
    help="Shares of train, each half of the next, the last one all of it.",
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the runs; by default the next free runs/NAME-diagnosis-N. One that was "
    "begun goes on.",
)
@options.workers
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
def diagnose(
    opened: "Session",
    baseline: dict[str, float],
    small: float | None,
    seeds: int,
    shares: int,
    run_folder: Path | None,
    workers: int | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say what holds a model back: bias or variance, and whose the mistakes are.

    Trains on growing shares of the train split of PIPELINE, draws the learning curve, and says in
    words whether bias or variance is high, whether more data would help, what else usually does,
    which samples the mistakes are of, and which classes would gain most.
    """
    from dsbuilder.actions.diagnose import diagnose as say

    screen = Screen(as_json=as_json, quiet=quiet)

    def on_run(number: int, of: int, share: float) -> None:
        if screen.shows_progress:
            echo(f"training {number} of {of}, on {100 * share:g} % of train")

    with progress.epochs(screen) as watch:
        found = say(
            opened,
            baseline=baseline.get("", baseline or None),
            small=small,
            seeds=seeds,
            shares=shares,
            run=run_folder,
            workers=workers,
            on_run=on_run,
            on_start=watch.on_start,
            on_batch=watch.on_batch,
            on_epoch=watch.on_epoch,
            on_features=watch.on_features,
            starting=partial(startup.tensorflow, screen),
        )
    screen.show(found, lambda: _draw(found))


def _draw(found: "DiagnoseDocument") -> None:
    for reason in found.chosen:
        line(reason)
    for each in found.heads:
        heading(f"{each.target}: {each.verdict}")
        line()
        _draw_curve(each)
        line()
        for sentence in each.words:
            line(sentence)
        _draw_advice(each)
        _draw_mistakes(each)
        _draw_gains(each)
        line()
        line(f"chart: {shown(each.chart)}")
    line(f"{len(found.runs)} runs, and diagnosis.json, in {shown(found.folder)}")
    advised = [each.assignment for head in found.heads for each in head.advice if each.assignment]
    if advised:
        follow(again("train", "--set", advised[0]))


def _draw_curve(head: "HeadDiagnosis") -> None:
    rows = [
        (
            f"{each.samples:,.0f}",
            _between(each.train, each.train_interval),
            _between(each.validation, each.validation_interval),
        )
        for each in head.curve.points
    ]
    headings = ("samples", f"{head.error} on train", "on validation")
    table(headings, rows, right=range(3))


def _between(value: float, interval: "Interval | None") -> str:
    from dsbuilder.tasks import intervals

    return intervals.shown(value, None if interval is None else vars(interval), ".4g")


def _draw_advice(head: "HeadDiagnosis") -> None:
    if not head.advice:
        return
    line()
    rows = [
        (each.against, each.why, each.option and f"{each.option} {each.now}", each.assignment)
        for each in head.advice
    ]
    table(("against", "what usually helps", "now", "--set"), rows)


def _draw_mistakes(head: "HeadDiagnosis") -> None:
    told = [each for each in head.mistakes if each.stands_out]
    line()
    if not told:
        line("No group of samples has surely more mistakes than chance gives it.")
        return
    rows = [
        (
            each.by,
            each.name,
            f"{each.mistakes:.4g} of {each.samples}",
            _between(each.share, each.interval),
            f"{each.expected:.4g}",
        )
        for each in told[:_MOST_GROUPS]
    ]
    table(("more mistakes", "", "", "share", "expected"), rows, right=(2, 3, 4))
    if len(told) > _MOST_GROUPS:
        line(f"{len(told) - _MOST_GROUPS} more; --json lists all.")


def _draw_gains(head: "HeadDiagnosis") -> None:
    told = [each for each in head.gains if each.to_best > 0]
    if not told:
        return
    line()
    rows = [
        (
            each.name,
            f"{each.samples:,}",
            _between(each.score, each.interval),
            f"{each.to_median:+.4f}",
            f"{each.to_best:+.4f}",
        )
        for each in told[:_MOST_GAINS]
    ]
    overall = head.overall.replace("_", " ")
    headings = ("class", "samples", "score", f"{overall} if as the median", "if as the best")
    table(headings, rows, right=range(1, 5))
