"""A page of pictures: every plugin that makes images, with what it does to a scene.

FOLDER/README.md    the plugins by kind, each with its summary, the options drawn with, its picture
FOLDER/NAME.webp    the picture of a plugin

The same plugins, drawn by the same versions of Pillow, OpenCV and albumentations, make the same
bytes. A page that was not written by this is not overwritten.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from dsbuilder.actions import drawn_scene
from dsbuilder.actions.document import Document
from dsbuilder.actions.picture_examples import Example, examples_of
from dsbuilder.actions.picture_plugin import PICTURED, row_of
from dsbuilder.actions.plugins import registry_here
from dsbuilder.cache import store
from dsbuilder.errors import DataError, DsbuilderError, PluginError, SpecError, did_you_mean, option
from dsbuilder.layouts.file_names import quoted
from dsbuilder.pipelinefile.stages import bind_plugin
from dsbuilder.proposal.writing import flow
from dsbuilder.registry import Plugin, Registry
from dsbuilder.report.canvas import PAPER
from dsbuilder.report.sheet import write_webp
from dsbuilder.report.strip import Cell, draw_strip

PAGE = "README.md"
_MARK = "<!-- Written by `dsbuilder plugins pictures`: change the plugins, not this page. -->"
_EXTENSION = ".webp"
_SIDE, _COLUMNS, _QUALITY = drawn_scene.WIDTH, 4, 50
_HEADINGS: Mapping[str, tuple[str, str]] = {
    "transform": (
        "Transforms",
        "On the left is what each is given, then what three draws make of it, or three options.",
    ),
    "mixer": ("Mixers", "On the left is the sample that others are mixed into, by three draws."),
    "synthesizer": ("Synthesizers", "Each draw makes another sample, out of nothing."),
}


@dataclass(frozen=True, kw_only=True)
class PicturedPlugin:
    """A plugin of the page.

    Attributes:
      name, kind: name and kind of the plugin.
      origin: its package and version, or its file.
      summary: first line of its text.
      picture: file of its picture; None where none could be drawn.
      reason: why none could be drawn, or empty.
    """

    name: str
    kind: str
    origin: str
    summary: str
    picture: Path | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PicturePluginsDocument(Document):
    """A page of pictures.

    Attributes:
      page: file of the page.
      plugins: plugins of the page, by kind and name.
      size_bytes: size of all files together.
    """

    page: Path
    plugins: tuple[PicturedPlugin, ...]
    size_bytes: int


def picture_plugins(
    folder: Path | str,
    *,
    kind: str | None = None,
    package: str | None = None,
    options: Sequence[str] = (),
    plugins: Sequence[Path | str] | None = None,
) -> PicturePluginsDocument:
    """Draws what every transform, mixer and synthesizer does, and a page that shows all of them.

    What cannot be drawn, as without an option that has no default, stands on the page without a
    picture, and is among the warnings.

    Args:
      folder: folder that gets the page and the pictures; it is made if need be.
      kind: the one kind of plugin that is drawn; None draws all three.
      package: the one package whose plugins are drawn: `dsbuilder`, an installed one, or `local`
        for those of a `plugins/` folder; None draws all.
      options: options of a plugin as `name.key=value`.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.

    Raises:
      PluginError: there is no such kind, package or plugin.
      DataError: a file cannot be written, or the folder holds another page.
    """
    registry = registry_here(plugins)
    chosen = _chosen(registry, kind, package)
    home, assigned = Path(folder), _assigned(options, [each.name for each in chosen])
    _check_page(home / PAGE)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        drawn_scene.write_files(Path(temporary))
        pages = [
            _page_of(registry, plugin, file, assigned.get(plugin.name, ()), Path(temporary))
            for plugin, file in zip(chosen, _files(home, chosen), strict=True)
        ]
    store.write_text(home / PAGE, _text(pages))
    found = tuple(each.plugin for each in pages)
    files = [home / PAGE, *(each.picture for each in found if each.picture is not None)]
    return PicturePluginsDocument(
        page=(home / PAGE).absolute(),
        plugins=found,
        size_bytes=sum(each.stat().st_size for each in files),
        warnings=tuple(_warnings(registry, found)),
    )


def _warnings(registry: Registry, found: Sequence[PicturedPlugin]) -> Iterator[str]:
    """Yields what the page lacks."""
    for broken in registry.broken:
        yield (
            f"{broken.location}: cannot be imported ({broken.error}), and is not on the page. "
            "`dsbuilder plugins list` shows why."
        )
    yield from (f"{each.name}: no picture: {each.reason}" for each in found if not each.picture)


def _chosen(registry: Registry, kind: str | None, package: str | None) -> list[Plugin]:
    """Returns the plugins to draw, by kind and name."""
    if kind is not None and kind not in PICTURED:
        raise PluginError(
            f"kind: expected one of {', '.join(PICTURED)}, which make images, found '{kind}'."
        )
    found = [each for of in PICTURED if kind in (None, of) for each in registry.of_kind(of)]
    packages = sorted({each.origin.package for each in found})
    if package is not None and package not in packages:
        raise PluginError(
            f"package: expected one of {', '.join(packages)}, found '{package}'."
            f"{did_you_mean(package, packages)}"
        )
    return [each for each in found if package in (None, each.origin.package)]


def _assigned(options: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Returns assignments by the plugin that they are for."""
    found: dict[str, list[str]] = {}
    for each in options:
        path = each.partition("=")[0]
        own = [name for name in names if path.startswith(f"{name}.")]
        if not own:
            hint = did_you_mean(path.partition(".")[0], names)
            raise PluginError(
                f"{option(f'set {each}', 'options')}: expected NAME.KEY=VALUE with the name of a "
                f"plugin that is drawn.{hint}"
            )
        name = max(own, key=len)
        found.setdefault(name, []).append(each.removeprefix(f"{name}."))
    return found


def _check_page(page: Path) -> None:
    """Refuses to overwrite a page of somebody else."""
    try:
        with page.open(encoding="utf-8", errors="replace") as file:
            first = file.readline().rstrip("\n")
    except FileNotFoundError:
        return
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{page}: the page cannot be written ({reason}).") from None
    if first != _MARK:
        raise DataError(
            f"{page}: expected a page of pictures or no file, found another one. Choose another "
            "folder."
        )


def _files(home: Path, plugins: Sequence[Plugin]) -> Iterator[Path]:
    """Yields the file of each picture: the plugin's name, with its package where that is taken."""
    taken: set[str] = set()
    for plugin in plugins:
        name = quoted(plugin.name.removesuffix(".*"))
        if name.casefold() in taken:  # some file systems do not tell A from a
            name = quoted(f"{plugin.origin.package} {plugin.kind} {name}")
        taken.add(name.casefold())
        yield home / f"{name}{_EXTENSION}"


@dataclass(frozen=True, kw_only=True)
class _Page:
    """A plugin's part of the page: itself, what it was drawn with, as YAML, and what to know."""

    plugin: PicturedPlugin
    uses: Sequence[str]
    remarks: Sequence[str]


def _page_of(
    registry: Registry, plugin: Plugin, file: Path, assigned: Sequence[str], drawn: Path
) -> _Page:
    """Draws the picture of a plugin; what could not be drawn says why."""
    examples = examples_of(plugin)
    examples = [examples[0]] if assigned else examples
    reason = ""
    try:
        strips = list(_strips(registry, plugin, examples, assigned, drawn))
    except Exception as error:  # noqa: BLE001 - a plugin's own; the page goes on without it
        reason = _reason(error)
        file.unlink(missing_ok=True)
    else:
        write_webp(_stacked(strips), file, quality=_QUALITY)
    pictured = PicturedPlugin(
        name=plugin.name,
        kind=plugin.kind,
        origin=str(plugin.origin),
        summary=plugin.summary,
        picture=None if reason else file,
        reason=reason,
    )
    return _Page(
        plugin=pictured,
        uses=[_use(plugin, each, assigned) for each in examples],
        remarks=[each.remark for each in examples if each.remark],
    )


def _reason(error: Exception) -> str:
    if isinstance(error, SpecError):
        return " ".join(problem.message for problem in error.problems)
    return str(error) if isinstance(error, DsbuilderError) else f"{type(error).__name__}: {error}"


def _strips(
    registry: Registry,
    plugin: Plugin,
    examples: Sequence[Example],
    assigned: Sequence[str],
    drawn: Path,
) -> Iterator[Image.Image]:
    """Yields a strip for each example; all in one of a plugin that draws nothing at random."""
    name, before = plugin.origin.package, plugin.kind != "synthesizer"
    rows: list[list[Cell]] = []
    for each in examples:
        options = [f"{key}={flow(_placed(value, drawn))}" for key, value in each.options.items()]
        use = f"{name}:{each.use or plugin.name}"
        bound = bind_plugin(registry, use, plugin.kind, [*options, *assigned], origin=plugin.name)
        draws = _COLUMNS - before if getattr(bound, "draws", True) else 1
        row = list(row_of(bound, draws=draws, objects=each.objects))
        if rows and len(row) == 2:
            rows[0].append(row[1])
        else:
            rows.append(row)
    yield from (draw_strip(row, side=_SIDE) for row in rows)


def _placed(value: Any, drawn: Path) -> Any:
    """Returns an option with the files that are drawn for it where they lie."""
    if isinstance(value, (list, tuple)):
        return [_placed(each, drawn) for each in value]
    if isinstance(value, str) and value in drawn_scene.FILES:
        return str(drawn / value)
    return value


def _stacked(strips: Sequence[Image.Image]) -> Image.Image:
    """Returns pictures one below the other."""
    size = (max(each.width for each in strips), sum(each.height for each in strips))
    page, top = Image.new("RGB", size, PAPER), 0
    for each in strips:
        page.paste(each, (0, top))
        top += each.height
    return page


def _use(plugin: Plugin, example: Example, assigned: Sequence[str]) -> str:
    """Returns how a pipeline says what was drawn; empty of a plugin as it is by default."""
    said = [f"{key}: {flow(value)}" for key, value in example.options.items()]
    said += [each.replace("=", ": ", 1) for each in assigned]
    return f"{{{', '.join([f'use: {example.use or plugin.name}', *said])}}}" if said else ""


def _text(pages: Sequence[_Page]) -> str:
    """Returns the page."""
    lines = [_MARK, "", "# What plugins do", ""]
    lines += [
        "Drawn by `dsbuilder plugins pictures`, as `dsbuilder plugins show NAME --picture FILE`",
        "draws one. Options stand above a picture where they are not the defaults.",
    ]
    for kind in PICTURED:
        own = [each for each in pages if each.plugin.kind == kind]
        if own:
            title, said = _HEADINGS[kind]
            lines += ["", f"## {title}", "", said]
        for each in own:
            lines += ["", *_part(each)]
    return "\n".join(lines) + "\n"


def _part(page: _Page) -> Iterator[str]:
    plugin = page.plugin
    yield f"### `{plugin.name}`"
    yield ""
    yield plugin.summary.replace("<", "&lt;")
    uses = [each for each in page.uses if each]
    if uses:
        yield from ("", "```yaml", *uses, "```")
    yield from (line for remark in page.remarks for line in ("", remark))
    yield ""
    if plugin.picture is None:
        yield f"There is no picture: {plugin.reason}".replace("<", "&lt;")
    else:
        yield f"![{plugin.name}]({_linked(plugin.picture.name)})"


def _linked(name: str) -> str:
    """Returns the name of a file as a link takes it."""
    from urllib.parse import quote

    return quote(name)
