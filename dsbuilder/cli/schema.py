"""`dsbuilder schema`: the JSON Schema of a pipeline file, for editors."""

from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, show_json, shown


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write, such as .dsbuilder.schema.json beside a pipeline.",
)
@options.plugins
@options.as_json
def schema(output: Path | None, plugin_folders: tuple[Path, ...], *, as_json: bool) -> None:
    """Print the JSON Schema of a pipeline, plugins included, for an editor.

    Editors that know YAML (VS Code with the extension of Red Hat, say) complete a pipeline and
    check it as it is written, if its first line says where the schema lies; `dsbuilder init`
    writes both:

    # yaml-language-server: $schema=.dsbuilder.schema.json

    Write it anew when plugins were added or changed.
    """
    from dsbuilder.actions.schema import schema as run

    found = run(output, plugins=options.folders(plugin_folders))

    def draw() -> None:
        if found.output is None:
            show_json(found.schema)
        else:
            line(f"{shown(found.output)}: written")

    Screen(as_json=as_json).show(found, draw)
