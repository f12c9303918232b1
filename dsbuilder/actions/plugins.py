"""Which plugins there are, and those of one name with their options."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints, overload

from dsbuilder.actions.arguments import paths_of
from dsbuilder.actions.document import Document
from dsbuilder.builder.survey import find_plugins
from dsbuilder.errors import PluginError, did_you_mean
from dsbuilder.pipelinefile.binding import describe as in_words
from dsbuilder.pipelinefile.binding import to_plain
from dsbuilder.plugin import KINDS
from dsbuilder.registry import Broken, Plugin, Registry
from dsbuilder.trust import nearest_folder

_HERE = "pipeline.yaml"


@dataclass(frozen=True, kw_only=True)
class ListedPlugin:
    """A plugin as a list shows it.

    Attributes:
      name, kind: name and kind of the plugin.
      origin: its package and version, or its file.
      summary: first line of its text.
    """

    name: str
    kind: str
    origin: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class ShownPlugin(ListedPlugin):
    """A plugin with all that a user may know of it.

    Attributes:
      text: its docstring.
      options: name, type in words, whether it is required, and the default of each option.
      geometry: geometry of a transform: `fixed`, `moves` or `breaks`; None of others.
      moves: kinds of target that a transform moves along.
      file: where it is defined.
      api: version of `dsbuilder.plugin` that it was written for.
    """

    text: str
    options: tuple[dict[str, Any], ...]
    geometry: str | None
    moves: tuple[str, ...]
    file: Path
    api: int


@dataclass(frozen=True, kw_only=True)
class PluginsDocument(Document):
    """The plugins that a pipeline or a command can name.

    Attributes:
      plugins: every one, sorted by name.
      broken: files that could not be imported, each with its traceback.
    """

    plugins: tuple[ListedPlugin, ...]
    broken: tuple[Broken, ...]


@dataclass(frozen=True, kw_only=True)
class PluginDocument(Document):
    """The plugins of one name: more than one where a layout is read and written.

    Attributes:
      plugins: each with its options.
    """

    plugins: tuple[ShownPlugin, ...]


def registry_here(plugins: Sequence[Path | str] | None) -> Registry:
    """Returns the registry for a pipeline in the current folder; None takes the nearest folder."""
    return find_plugins(Path.cwd() / _HERE, paths_of(plugins))


def folders_here(plugins: Sequence[Path] | None, *, data: Path) -> tuple[Path, ...]:
    """Returns the folders of plugins for a dataset, a run or a model.

    Args:
      plugins: what the caller gave; None takes those that a pipeline in the current folder may
        take, none of which lies in the data: what that brings along is not run.
      data: its folder or file.
    """
    if plugins is not None:
        return tuple(plugins)
    place = data if data.is_dir() else data.parent
    return nearest_folder(Path.cwd() / _HERE, outside=place).folders


@overload
def plugins(
    name: None = None, *, kind: str | None = None, plugins: Sequence[Path | str] | None = None
) -> PluginsDocument: ...


@overload
def plugins(
    name: str, *, kind: str | None = None, plugins: Sequence[Path | str] | None = None
) -> PluginDocument: ...


def plugins(
    name: str | None = None,
    *,
    kind: str | None = None,
    plugins: Sequence[Path | str] | None = None,
) -> PluginsDocument | PluginDocument:
    """Lists the plugins that a pipeline here can name, or shows those of a name.

    Args:
      name: name of the plugins to show with their options; None lists every plugin.
      kind: kind of the plugins, such as `source` or `transform`; None takes every kind.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.

    Raises:
      PluginError: there is no such plugin or kind, or a plugin is defined twice.
    """
    if kind is not None and kind not in KINDS:
        raise PluginError(
            f"kind: expected one of {', '.join(KINDS)}, found '{kind}'.{did_you_mean(kind, KINDS)}"
        )
    registry = registry_here(plugins)
    return _list(registry, kind) if name is None else _show(registry, name, kind)


def names(beginning: str = "", *, plugins: Sequence[Path | str] | None = None) -> list[str]:
    """Returns the names of plugins; of a family's members once its prefix is written."""
    found: set[str] = set()
    for plugin in registry_here(plugins).plugins:
        prefix = plugin.name.removesuffix("*")
        if plugin.mark.is_family and beginning.startswith(prefix):
            found.update(family_members(plugin))
        else:
            found.add(prefix)
    return sorted(name for name in found if name.startswith(beginning))


def _list(registry: Registry, kind: str | None) -> PluginsDocument:
    found = registry.of_kind(*([kind] if kind else KINDS))
    return PluginsDocument(
        plugins=tuple(ListedPlugin(**_listed(plugin)) for plugin in found),
        broken=registry.broken,
    )


def _show(registry: Registry, name: str, kind: str | None) -> PluginDocument:
    found = registry.plugins.named(name, *([kind] if kind else ()))
    if not found:
        registry.get(name, *([kind] if kind else ()))
    return PluginDocument(plugins=tuple(_shown(plugin, name) for plugin in found))


def _listed(plugin: Plugin) -> dict[str, str]:
    return {
        "name": plugin.name,
        "kind": plugin.kind,
        "origin": str(plugin.origin),
        "summary": plugin.summary,
    }


def _shown(plugin: Plugin, name: str) -> ShownPlugin:
    """Describes a plugin; `name` says which member of a family."""
    if plugin.mark.is_family and name != plugin.name:
        text, options = describe_member(plugin, name)
    else:
        text, options = inspect.cleandoc(plugin.cls.__doc__ or ""), list(_options(plugin.cls))
    has_geometry = plugin.kind == "transform" and not plugin.mark.is_family
    return ShownPlugin(
        **{**_listed(plugin), "name": name},
        text=text,
        options=tuple(options),
        geometry=plugin.mark.geometry if has_geometry else None,
        moves=plugin.mark.moves,
        file=plugin.origin.location,
        api=plugin.mark.api,
    )


def _options(cls: type) -> Iterator[dict[str, Any]]:
    """Yields name, type in words and default of each option; what must be given has no default."""
    hints = get_type_hints(cls)
    for each in fields(cls):
        if not each.init:
            continue
        option = {"name": each.name, "type": in_words(hints[each.name]), "required": False}
        if each.default is not MISSING:
            yield {**option, "default": to_plain(each.default)}
        elif each.default_factory is not MISSING:
            yield {**option, "default": to_plain(each.default_factory())}
        else:
            yield {**option, "required": True}


class FamilyMember(NamedTuple):
    """A member of a family: its class, and why a pipeline cannot use it, or None if it can."""

    cls: Any
    refusal: str | None


def _albumentations() -> dict[str, FamilyMember]:
    from dsbuilder.builtin.transforms.albumentations_recipe import members, refusal

    return {name: FamilyMember(cls, refusal(name)) for name, cls in members().items()}


_FAMILIES: Mapping[str, Callable[[], dict[str, FamilyMember]]] = {"A.*": _albumentations}
"""Name of a family -> what returns its members by name."""


def family_members(plugin: Plugin) -> list[str]:
    """Returns the names that a pipeline can use of a family; none of one that is not known here."""
    return [
        f"{_prefix(plugin)}{name}"
        for name, member in _members(plugin).items()
        if member.refusal is None
    ]


def describe_member(plugin: Plugin, name: str) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text and the options of a member of a family.

    Raises:
      PluginError: the family has no such member, or a pipeline cannot use it.
    """
    member = _members(plugin).get(name.removeprefix(_prefix(plugin)))
    if member is None:
        raise PluginError(
            f"unknown {plugin.kind} '{name}'.{did_you_mean(name, family_members(plugin))}"
        )
    if member.refusal is not None:
        raise PluginError(f"{name}: expected one that takes an image alone, but {member.refusal}.")
    text, _, _ = inspect.cleandoc(member.cls.__doc__ or "").partition("\nExamples:")
    return text.rstrip(), _member_options(member.cls)


def _members(plugin: Plugin) -> dict[str, FamilyMember]:
    find = _FAMILIES.get(plugin.name)
    return {} if find is None else find()


def _prefix(plugin: Plugin) -> str:
    return plugin.name.removesuffix("*")


def _member_options(member: Any) -> list[dict[str, Any]]:
    parameters = inspect.signature(member.__init__).parameters.values()
    return [_option(each) for each in parameters if each.name not in ("self", "strict", "seed")]


def _option(parameter: inspect.Parameter) -> dict[str, Any]:
    required = parameter.default is inspect.Parameter.empty
    described = {"name": parameter.name, "type": _type_in_words(parameter), "required": required}
    return described if required else {**described, "default": _plain_default(parameter.default)}


def _type_in_words(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return "anything"
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _plain_default(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain_default(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain_default(each) for key, each in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
