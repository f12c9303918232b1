"""`dsbuilder doctor`: what of this machine can be used."""

from functools import partial
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, table

if TYPE_CHECKING:
    from dsbuilder.actions.doctor import DoctorDocument

_MARKS = {"ok": "ok", "missing": "MISSING", "optional": "-"}


@click.command()
@options.as_json
def doctor(*, as_json: bool) -> None:
    """Say what is there for building and training, and what is missing for a GPU.

    Exits with 1 where something is missing that is needed.
    """
    from dsbuilder.actions.doctor import doctor as looked

    screen = Screen(as_json=as_json)
    found = looked(starting=partial(startup.tensorflow, screen))
    screen.show(found, lambda: _draw(found))
    if any(each.state == "missing" for each in found.facts):
        raise SystemExit(1)


def _draw(found: "DoctorDocument") -> None:
    rows = [[_MARKS[each.state], each.subject, each.found] for each in found.facts]
    table(("", "what", "found"), rows)
    advised = [each for each in found.facts if each.advice]
    if advised:
        line()
    for each in advised:
        line(f"{each.subject}: {each.advice}")
    if all(each.state != "missing" for each in found.facts):
        follow(("init", "FOLDER"))
