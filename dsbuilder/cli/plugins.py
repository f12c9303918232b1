"""`dsbuilder plugins`: which there are, what they do, a new one, and whether one is right."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import options, progress
from dsbuilder.cli.presets import preset
from dsbuilder.cli.screen import Screen, facts, heading, labeled, line, prose, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.check_plugins import CheckedPlugin, CheckPluginsDocument
    from dsbuilder.actions.new_plugin import NewPluginDocument
    from dsbuilder.actions.picture_plugins import PicturePluginsDocument
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

_assignments = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the plugin, such as one without a default. May be repeated.",
)


@click.group()
def plugins() -> None:
    """List plugins, show those of a name, draw what all do, begin one, and test one."""


plugins.add_command(preset)


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
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A PNG file to draw: an image before, and what the plugin makes of it in some draws.",
)
@_assignments
@options.plugins
@options.as_json
def show(
    name: str,
    kind: str | None,
    picture: Path | None,
    assignments: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Show the plugins of a name: text, options with their types and defaults, and file.

    A layout that is read and written has two: a source and an exporter.
    """
    from dsbuilder.actions.plugins import plugins as run

    if assignments and picture is None:
        raise click.UsageError("--set: expected --picture, which is drawn with it. Add it.")
    folders = options.folders(plugin_folders)
    found = run(name, kind=kind, plugins=folders)
    if picture is not None:
        from dsbuilder.actions.picture_plugin import picture_plugin

        picture_plugin(name, picture, kind=kind, options=assignments, plugins=folders)
    Screen(as_json=as_json).show(found, lambda: _draw_all(found))


@plugins.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--kind", type=_Kind(), help="Only plugins of this kind, such as mixer.")
@click.option(
    "--package",
    metavar="NAME",
    help="Only plugins of this package: dsbuilder, an installed one, or local for those of a "
    "plugins/ folder.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME.KEY=VALUE",
    help="An option of a plugin, such as one without a default. May be repeated.",
)
@options.plugins
@options.as_json
def pictures(
    folder: Path,
    kind: str | None,
    package: str | None,
    assignments: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Draw what every transform, mixer and synthesizer does, on one page.

    FOLDER gets README.md and a small picture of each plugin. Only a page that this has written is
    written again. A plugin without a picture is told with the reason.
    """
    from dsbuilder.actions.picture_plugins import picture_plugins

    screen = Screen(as_json=as_json)
    with progress.working(screen, "drawing what plugins do"):
        found = picture_plugins(
            folder,
            kind=kind,
            package=package,
            options=assignments,
            plugins=options.folders(plugin_folders),
        )
    screen.show(found, lambda: _draw_pictured(found))


@plugins.command()
@click.argument("name")
@click.option(
    "--kind",
    type=_Kind(),
    required=True,
    help="What the plugin shall be: source, exporter, transform, mixer, synthesizer, model, "
    "inspector, loss, metric or schedule.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="The folder that gets plugins/, tests/ and the pipeline. [default: the current one]",
)
@options.as_json
def new(name: str, kind: str, out: Path, *, as_json: bool) -> None:
    """Write a plugin, its test and an example pipeline, which pass as they stand.

    Nothing is overwritten. The pipeline comes with a few small images.
    """
    from dsbuilder.actions.new_plugin import new_plugin

    found = new_plugin(name, kind=kind, folder=out)
    Screen(as_json=as_json).show(found, lambda: _draw_new(found))


@plugins.command()
@click.argument("file", type=click.Path(path_type=Path))
@_assignments
@options.as_json
def test(file: Path, assignments: tuple[str, ...], *, as_json: bool) -> None:
    """Test the plugins of a file: what they promise, check by check.

    They are shown small images of every mode and size, with boxes, keypoints and masks and without.
    Of a check that failed it says on which image, what was expected and found, and what to do.
    What is slow or keeps memory is asked no more. Exits with 1 if one failed.
    """
    from dsbuilder.actions.check_plugins import check_plugins

    found = check_plugins(file, options=assignments)
    Screen(as_json=as_json).show(found, lambda: _draw_checked(found))
    if not found.passed:
        raise SystemExit(1)


def _draw_pictured(found: "PicturePluginsDocument") -> None:
    drawn = sum(each.picture is not None for each in found.plugins)
    facts(
        [
            ("page", shown(found.page)),
            ("pictures", f"{drawn} of {len(found.plugins)} plugins"),
            ("size", f"{found.size_bytes / 1000:.0f} kB"),
        ]
    )


def _draw_new(found: "NewPluginDocument") -> None:
    facts(
        [
            ("plugin", shown(found.plugin)),
            ("test", shown(found.test)),
            ("pipeline", shown(found.pipeline)),
            *([("images", shown(found.images))] if found.images else []),
        ]
    )
    line()
    needed = f" --set path={shown(found.images)}" if found.kind == "source" and found.images else ""
    line(f"Next: edit the plugin, then `dsbuilder plugins test {shown(found.plugin)}{needed}`.")


def _draw_checked(found: "CheckPluginsDocument") -> None:
    for place, each in enumerate(found.plugins):
        if place:
            line()
        _draw_checks(each)


def _draw_checks(plugin: "CheckedPlugin") -> None:
    heading(plugin.name, f" ({plugin.kind})")
    line()
    rows = [
        ("ok" if each.passed else "FAILED", each.check, each.promises) for each in plugin.checks
    ]
    table(("", "check", "what the plugin promises"), rows)
    told: set[str] = set()
    for each in plugin.checks:
        if each.passed or each.failure in told:
            continue  # a crash fails many checks in the same way
        told.add(each.failure)
        line()
        labeled(f"{each.check}:", f"on {each.shown}" if each.shown else "", fg="red")
        prose(each.failure)
    if plugin.untried:
        line()
        line(f"Not tried before that is mended: {', '.join(plugin.untried)}.")


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
    pairs.append(("api", str(plugin.api)))
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
