"""`dsbuilder plugins`: which plugins there are, and one of them with its options."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, facts, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.registry import Plugin, Registry

KINDS = ("source", "transform", "mixer", "synthesizer", "model", "inspector")


@click.group()
def plugins() -> None:
    """List plugins, and show one with its options."""


@plugins.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only plugins of this kind.")
@options.plugins
@options.as_json
def list_(kind: str | None, plugin_folders: tuple[Path, ...], *, as_json: bool) -> None:
    """List the plugins that a pipeline can name.

    Without --plugins, those of the nearest `plugins/` folder are among them. Files that cannot be
    imported stand at the end with their traceback.
    """
    registry = _discover(plugin_folders)
    found = registry.of_kind(*([kind] if kind else KINDS))
    document = {
        "plugins": [_listed(plugin) for plugin in found],
        "broken": [
            {"location": each.location, "error": each.error, "traceback": each.traceback}
            for each in registry.broken
        ],
    }
    Screen(as_json=as_json).show(document, lambda: _draw_list(document))


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the names of plugins; of a family's members, once its prefix is written."""
    from dsbuilder.cli.family import members

    registry = _discover(ctx.params.get("plugin_folders") or ())
    names = [plugin.name for plugin in registry.of_kind(*KINDS) if not plugin.mark.is_family]
    for plugin in registry.of_kind(*KINDS):
        prefix = plugin.name.removesuffix("*")
        if plugin.mark.is_family and incomplete.startswith(prefix):
            names += members(plugin)
        elif plugin.mark.is_family:
            names.append(prefix)
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


@plugins.command()
@click.argument("name", shell_complete=_complete)
@options.plugins
@options.as_json
def show(name: str, plugin_folders: tuple[Path, ...], *, as_json: bool) -> None:
    """Show one plugin: its text, its options with their types and defaults, and its file."""
    registry = _discover(plugin_folders)
    document = describe(registry.get(name), name)
    Screen(as_json=as_json).show(document, lambda: _draw_one(document))


def _discover(folders: Sequence[Path]) -> "Registry":
    from dsbuilder.builder.survey import find_plugins

    # The nearest folder is looked for as if a pipeline lay in the current folder.
    return find_plugins(Path.cwd() / "pipeline.yaml", options.folders(tuple(folders)))


def _listed(plugin: "Plugin") -> dict[str, Any]:
    return {
        "name": plugin.name,
        "kind": plugin.kind,
        "origin": str(plugin.origin),
        "summary": plugin.summary,
    }


def describe(plugin: "Plugin", name: str) -> dict[str, Any]:
    """Returns a plugin as JSON values; `name` says which member of a family."""
    from dsbuilder.cli.family import describe_member

    if plugin.mark.is_family and name != plugin.name:
        text, given = describe_member(plugin, name)
    else:
        text, given = _text(plugin.cls), list(_options(plugin.cls))
    shows_geometry = plugin.kind == "transform" and not plugin.mark.is_family
    return {
        **_listed(plugin),
        "name": name,
        "text": text,
        "options": given,
        "geometry": plugin.mark.geometry if shows_geometry else None,
        "moves": list(plugin.mark.moves),
        "file": str(plugin.origin.location),
    }


def _text(cls: type) -> str:
    import inspect

    return inspect.cleandoc(cls.__doc__ or "")


def _options(cls: type) -> Iterator[dict[str, Any]]:
    """Yields name, type in words and default of each option; what must be given has no default."""
    import dataclasses
    from typing import get_type_hints

    from dsbuilder.pipelinefile.binding import describe as in_words
    from dsbuilder.pipelinefile.binding import to_plain

    hints = get_type_hints(cls)
    for each in dataclasses.fields(cls):
        if not each.init:
            continue
        option = {"name": each.name, "type": in_words(hints[each.name]), "required": False}
        if each.default is not dataclasses.MISSING:
            yield {**option, "default": to_plain(each.default)}
        elif each.default_factory is not dataclasses.MISSING:
            yield {**option, "default": to_plain(each.default_factory())}
        else:
            yield {**option, "required": True}


def _draw_list(document: Mapping[str, Any]) -> None:
    found = document["plugins"]
    rows = [
        (each["name"], each["kind"], _origin(each["origin"]), each["summary"]) for each in found
    ]
    table(("name", "kind", "origin", ""), rows)
    for broken in document["broken"]:
        line()
        line(f"{click.style('cannot be imported:', fg='red', bold=True)} {broken['location']}")
        line(broken["traceback"].rstrip())


def _draw_one(document: Mapping[str, Any]) -> None:
    line(f"{click.style(document['name'], bold=True)} ({document['kind']})")
    line()
    line(document["text"])
    line()
    if document["options"]:
        rows = [(each["name"], each["type"], _default(each)) for each in document["options"]]
        table(("option", "type", "default"), rows)
    else:
        line("There are no options.")
    line()
    pairs = [("origin", _origin(document["origin"])), ("file", shown(Path(document["file"])))]
    if document["geometry"]:
        moves = f", moves {', '.join(document['moves'])}" if document["moves"] else ""
        pairs.insert(0, ("geometry", f"{document['geometry']}{moves}"))
    facts(pairs)


def _origin(origin: str) -> str:
    return shown(Path(origin)) if origin.startswith("/") else origin


def _default(option: Mapping[str, Any]) -> str:
    import json

    if option["required"]:
        return "(must be given)"
    return json.dumps(option["default"], ensure_ascii=False)
