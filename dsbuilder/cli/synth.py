"""`dsbuilder synth`: a GAN trained on a pipeline's images, and a bank of images that it draws."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, facts, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.synth_sample import SynthSampleDocument
    from dsbuilder.actions.synth_train import SynthTrainDocument

_quiet = click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
_FOLDER = click.Path(path_type=Path)


@click.group()
def synth() -> None:
    """Train a GAN on images, and draw a bank of others from it."""


@synth.command()
@click.argument("pipeline", type=_FOLDER)
@click.option(
    "--gan",
    type=click.Choice(["cgan", "dcgan"]),
    help="cgan draws images of a class that it is told; dcgan learns images alone.",
)
@click.option(
    "--run",
    "run_folder",
    type=_FOLDER,
    metavar="DIR",
    help="The folder of the run; by default the next free runs/name-gan-N.",
)
@click.option("--resume", is_flag=True, help="Go on with --run, or the latest runs/name-gan-N.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="M",
    help="Time for all of it. [default: 30, without --epochs]",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Epochs at most.")
@click.option("--target", metavar="NAME", help="The target with the classes, if there are several.")
@click.option("--width", type=int, metavar="N", help="Filters of the generator. [default: 24]")
@click.option("--batch-size", type=int, metavar="N", help="Real images of a batch. [default: 64]")
@click.option("--learning-rate", type=float, metavar="RATE", help="That of the generator.")
@click.option("--schedule", metavar="NAME", help="How the rate changes. [default: constant]")
@click.option(
    "--augment",
    metavar="PARTS",
    help="Parts of DiffAugment, with commas in between, or none. "
    "[default: color,translation,cutout for up to 10,000 images, none for more]",
)
@click.option("--sampling", metavar="NAME", help="natural, square_root or balanced.")
@click.option("--seed", type=int, metavar="N", help="Seed; by default that of the pipeline.")
@options.workers
@options.overrides
@options.plugins
@options.as_json
@_quiet
def train(
    pipeline: Path,
    run_folder: Path | None,
    epochs: int | None,
    minutes: float | None,
    augment: str | None,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    resume: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train a GAN on the train split of a pipeline.

    Of the pipeline count source, split, prepare and finish; what it makes of images does not. After
    every epoch a sheet of samples is drawn, and a judge, which learnt real images of train, says
    how like those of validation they are: the best snapshot is kept. The run can be killed and
    resumed.
    """
    from dsbuilder.actions import session
    from dsbuilder.actions.synth_train import synth_train

    said = {name: value for name, value in given.items() if value is not None}
    if augment is not None:
        said["augment"] = () if augment == "none" else tuple(augment.split(","))
    if not resume and "gan" not in said:
        raise click.UsageError("--gan: expected cgan or dcgan. Add --gan cgan, or --resume.")
    screen = Screen(as_json=as_json, quiet=quiet)
    folders = options.folders(plugin_folders)
    opened = session.open(pipeline, overrides=overrides, plugins=folders)
    try:
        with progress.epochs(screen) as watch:
            found = synth_train(
                opened,
                run=run_folder,
                resume=resume,
                epochs=epochs,
                minutes=minutes,
                workers=workers,
                options=said,
                on_start=watch.on_start,
                on_batch=watch.on_batch,
                on_epoch=watch.on_epoch,
                starting=partial(startup.tensorflow, screen),
            )
    except KeyboardInterrupt as error:
        error.add_note("The same call with --resume, and --run of its folder, goes on.")
        raise
    screen.show(found, lambda: _draw_training(found))


def _draw_training(found: "SynthTrainDocument") -> None:
    facts([(name, f"{value:.4f}") for name, value in found.best.items()])
    line()
    files = [("generator", f"{shown(found.generator)}, of epoch {found.best_epoch}")]
    if found.sheet is not None:
        files.append(("samples", shown(found.sheet)))
    facts(files)
    line()
    many = ("--per-class", "200") if found.class_names else ("--count", "1000")
    follow(("synth", "sample", found.run, *many, "--output", "bank"))


@synth.command()
@click.argument("run", type=_FOLDER)
@click.option(
    "--output",
    type=_FOLDER,
    required=True,
    metavar="DIR",
    help="The folder of the bank, which is made.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Images to draw in all.")
@click.option(
    "--per-class", type=click.IntRange(min=1), metavar="N", help="Images to draw of each class."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="Another draws others."
)
@click.option(
    "--least-diversity",
    type=click.FloatRange(0, 1),
    default=0.6,
    show_default=True,
    metavar="SHARE",
    help="Distance of two images of a class that the gate asks for, of that of real ones.",
)
@click.option(
    "--least-recognition",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="Share of a class that must be recognized.",
)
@options.as_json
@_quiet
def sample(
    run: Path,
    output: Path,
    *,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Draw images of a GAN into a bank, and seal it.

    The gate looks at each: copies of images of train, classes whose images are too much alike, and
    images that are not recognized as what they were to be are turned away; the bank says which and
    why. It is a dataset: `info` and `verify` open it. A pipeline takes its images with {use: gan,
    bank: DIR, count: N}.
    """
    from dsbuilder.actions.synth_sample import synth_sample

    screen = Screen(as_json=as_json, quiet=quiet)
    starting = partial(startup.tensorflow, screen, noted=False)
    with progress.working(screen, "drawing images, and judging them"):
        found = synth_sample(run, output, starting=starting, **given)
    screen.show(found, lambda: _draw_bank(found))


def _draw_bank(found: "SynthSampleDocument") -> None:
    rows = [_row(name, own) for name, own in found.classes.items()]
    table(
        ("class", "drawn", "passed", "diversity", "recognized", "real ones"),
        rows,
        right=range(1, 6),
    )
    line()
    for reason, count in found.turned_away.items():
        line(f"turned away: {count}, {reason}")
    line(f"{found.passed} of {found.drawn} images in {shown(found.bank)}, sealed {found.seal[:12]}")
    line(f"next: synthesize: [{{use: gan, bank: {shown(found.bank)}, count: {found.passed}}}]")


def _row(name: str, own: Mapping[str, Any]) -> tuple[str, ...]:
    shares = (own["recognition"], own["real_recognition"])
    return (
        name or "all",
        str(own["drawn"]),
        str(own["passed"]),
        f"{own['diversity']:.2f}",
        *("-" if share is None else f"{share:.2f}" for share in shares),
    )
