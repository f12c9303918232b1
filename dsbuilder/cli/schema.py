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
@click.option(
    "--tables",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A page in Markdown whose tables of options are made anew. May be repeated.",
)
@options.plugins
@options.as_json
def schema(
    output: Path | None,
    tables: tuple[Path, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Print the JSON Schema of a pipeline, plugins included, for an editor.

    Editors that know YAML (VS Code with the extension of Red Hat, say) complete a pipeline and
    check it as it is written, if its first line says where the schema lies; `dsbuilder init`
    writes both:

    # yaml-language-server: $schema=.dsbuilder.schema.json

    Write it anew when plugins were added or changed.

    A page that documents a plugin or a section gets its table of options by --tables, between the
    lines <!-- options of transform NAME --> and <!-- end of options -->.
    """
    from dsbuilder.actions.schema import schema as run

    found = run(output, tables=tables, plugins=options.folders(plugin_folders))

    def draw() -> None:
        written = [*filter(None, [found.output]), *found.tables]
        for path in written:
            line(f"{shown(path)}: written")
        if not written:
            show_json(found.schema)

    Screen(as_json=as_json).show(found, draw)
