"""`dsbuilder plugins preset`: presets of stages, and each as YAML to edit."""

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, table


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dsbuilder.pipelinefile.preset import names

    return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


@click.command()
@click.argument("name", required=False, shell_complete=_complete)
@options.as_json
def preset(name: str | None, *, as_json: bool) -> None:
    """List presets of stages; with a NAME, print its stages as YAML.

    A pipeline names one as {preset: NAME} among augment.stages or stream.stages. What is printed
    can stand there instead, to be edited.
    """
    from dsbuilder.actions.presets import presets

    found = presets(name)

    def draw() -> None:
        if name is None:
            table(("name", ""), [(each.name, each.summary) for each in found.presets])
        else:
            for each in found.presets[0].text.splitlines():
                line(each)

    Screen(as_json=as_json).show(found, draw)
