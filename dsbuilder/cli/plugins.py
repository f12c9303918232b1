"""`dsbuilder plugins`: which plugins there are, and those of a name with their options."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, facts, heading, labeled, line, prose, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.plugins import PluginDocument, PluginsDocument, ShownPlugin


class _Kind(click.ParamType[str]):
    """A kind of plugin; which there are is looked up when one is given."""

    name = "KIND"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns a kind that there is."""
        from dsbuilder.errors import did_you_mean
        from dsbuilder.plugin import KINDS

        if value not in KINDS:
            self.fail(f"unknown kind '{value}'.{did_you_mean(value, KINDS)}", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Completes kinds."""
        from dsbuilder.plugin import KINDS

        return [CompletionItem(name) for name in KINDS if name.startswith(incomplete)]


_kind = click.option(
    "--kind",
    type=_Kind(),
    help="Only plugins of this kind, such as source, exporter, transform or model.",
)


@click.group()
def plugins() -> None:
    """List plugins, and show those of a name with their options."""


@plugins.command("list")
@_kind
@options.plugins
@options.as_json
def list_(kind: str | None, plugin_folders: tuple[Path, ...], *, as_json: bool) -> None:
    """List the plugins that a pipeline or `export --to` can name.

    Without --plugins, those of the nearest `plugins/` folder are among them. Files that cannot be
    imported stand at the end with their traceback.
    """
    from dsbuilder.actions.plugins import plugins as run

    found = run(kind=kind, plugins=options.folders(plugin_folders))
    Screen(as_json=as_json).show(found, lambda: _draw_list(found))


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dsbuilder.actions.plugins import names

    folders = options.folders(ctx.params.get("plugin_folders") or ())
    return [CompletionItem(name) for name in names(incomplete, plugins=folders)]


@plugins.command()
@click.argument("name", shell_complete=_complete)
@_kind
@options.plugins
@options.as_json
def show(name: str, kind: str | None, plugin_folders: tuple[Path, ...], *, as_json: bool) -> None:
    """Show the plugins of a name: text, options with their types and defaults, and file.

    A layout that is read and written has two: a source and an exporter.
    """
    from dsbuilder.actions.plugins import plugins as run

    found = run(name, kind=kind, plugins=options.folders(plugin_folders))
    Screen(as_json=as_json).show(found, lambda: _draw_all(found))


def _draw_list(found: "PluginsDocument") -> None:
    rows = [(each.name, each.kind, _origin(each.origin), each.summary) for each in found.plugins]
    table(("name", "kind", "origin", ""), rows)
    for broken in found.broken:
        line()
        labeled("cannot be imported:", str(broken.location), fg="red")
        prose(broken.traceback.rstrip())


def _draw_all(found: "PluginDocument") -> None:
    for place, each in enumerate(found.plugins):
        if place:
            line()
        _draw_one(each)


def _draw_one(plugin: "ShownPlugin") -> None:
    heading(plugin.name, f" ({plugin.kind})")
    line()
    prose(plugin.text)
    line()
    if plugin.options:
        rows = [(each["name"], each["type"], _default(each)) for each in plugin.options]
        table(("option", "type", "default"), rows)
    else:
        line("There are no options.")
    line()
    pairs = [("origin", _origin(plugin.origin)), ("file", shown(plugin.file))]
    if plugin.geometry:
        moves = f", moves {', '.join(plugin.moves)}" if plugin.moves else ""
        pairs.insert(0, ("geometry", f"{plugin.geometry}{moves}"))
    facts(pairs)


def _origin(origin: str) -> str:
    return shown(Path(origin)) if origin.startswith("/") else origin


def _default(option: Mapping[str, Any]) -> str:
    import json

    if option["required"]:
        return "(must be given)"
    return json.dumps(option["default"], ensure_ascii=False)
