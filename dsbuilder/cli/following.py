"""The last lines of a verb: what is likeliest typed next, to be copied as it stands."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from dsbuilder.cli.screen import line, shown

_OPTIONS = {"overrides": "--set", "patches": "--patch", "plugin_folders": "--plugins"}
"""Options that decide what a pipeline is, by the parameters of a verb."""

Command = Sequence[str | Path]


def follow(*commands: Command) -> None:
    """Prints what may come next, a command a line, quoted for a shell.

    Args:
      commands: words of each, without the program; a path is shown as a user would type it.
    """
    for number, words in enumerate(commands):
        texts = [shown(each) if isinstance(each, Path) else each for each in words]
        line(f"{'      ' if number else 'next: '}{shlex.join(['dsbuilder', *texts])}")


def again(verb: str, *more: str | Path) -> Command:
    """Returns the words that ask another verb about the pipeline of this one, as it was given.

    What changes the pipeline is said again, and an output folder that is not the usual one.

    Args:
      more: further words.
    """
    context = click.get_current_context()
    return (verb, str(context.params["pipeline"]), *_repeated(context, verb), *more)


def _repeated(context: click.Context, verb: str) -> Iterator[str]:
    for name, flag in _OPTIONS.items():
        for each in context.params.get(name) or ():
            yield from (flag, str(each))
    out = context.params.get("out")
    source = context.get_parameter_source("out")
    if verb in ("plan", "build", "train") and source is click.core.ParameterSource.COMMANDLINE:
        yield from ("--out", str(out))
