"""What several verbs take, said once."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Verb = TypeVar("Verb", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)

dataset = click.argument("dataset", type=_PATH)

key = click.argument("key")

source = click.option(
    "--source",
    type=_PATH,
    default=None,
    metavar="DIR",
    help="Where the source lies now, if it was moved since the build.",
)

out = click.option(
    "--out",
    type=_PATH,
    default=Path("out"),
    show_default=True,
    metavar="DIR",
    help="The folder that datasets are built in, as DIR/name/version.",
)

_set = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change an option of the pipeline, such as augment.stages[1].p=0. May be repeated.",
)

_patch = click.option(
    "--patch",
    "patches",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Change options as a file of `KEY: VALUE` lines says, before --set. May be repeated.",
)


def overrides(verb: Callable[..., None]) -> Callable[..., None]:
    """Gives a verb `overrides`, the assignments of `--patch` and then those of `--set`."""

    @functools.wraps(verb)
    def run(
        *given: Any, overrides: tuple[str, ...], patches: tuple[Path, ...], **rest: Any
    ) -> None:
        if patches:
            from dsbuilder.pipelinefile.patch import read_patch

            overrides = (*(each for path in patches for each in read_patch(path)), *overrides)
        verb(*given, overrides=overrides, **rest)

    return _set(_patch(run))


plugins = click.option(
    "--plugins",
    "plugin_folders",
    type=_PATH,
    multiple=True,
    metavar="DIR",
    help="A folder of plugins, instead of the nearest `plugins/`. May be repeated.",
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

workers = click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    metavar="N",
    help="Processes that make samples; by default as many as there are cores. 0 makes them in "
    "this process, for a debugger.",
)


def opened(verb: Callable[..., None]) -> Callable[..., None]:
    """Gives a verb the session of a pipeline file, with `--set` and `--plugins`."""

    @functools.wraps(verb)
    def run(
        pipeline: Path,
        overrides: tuple[str, ...],
        plugin_folders: tuple[Path, ...],
        **rest: Any,
    ) -> None:
        from dsbuilder.actions import session

        given = folders(plugin_folders)
        verb(opened=session.open(pipeline, overrides=overrides, plugins=given), **rest)

    return click.argument("pipeline", type=_PATH)(overrides(plugins(run)))


def folders(given: tuple[Path, ...]) -> list[Path] | None:
    """Returns the folders of `--plugins`; None, which stands for the usual, if none is given."""
    return list(given) or None
