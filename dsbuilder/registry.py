"""Finds plugins: the built-in ones, those of installed packages, and those of `plugins/` folders.

Decorators only mark classes; `discover` looks at modules and collects what is marked. So importing
a file registers nothing, two registries can live side by side, and a test can ask for its own. In
one folder or package a name stands for one plugin of a place: defined twice, it is an error that
names both files. Where two packages, or a package and a folder, have one name, only a pipeline that
uses it must say which is meant, as `package:name` or `local:name`. A file that fails to import is
kept with its traceback and reported wherever a plugin is missed; it neither stops the program nor
disappears.
"""

import importlib
import importlib.metadata
import inspect
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType

from dsbuilder import builtin, plugin_folder
from dsbuilder.errors import PluginError, did_you_mean, option
from dsbuilder.plugin import KINDS, Mark
from dsbuilder.plugin_code import InstalledCode

ENTRY_POINTS = "dsbuilder.plugins"
LOCAL = "local"
"""What stands for the package of a plugin of a `plugins/` folder."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a plugin comes from.

    Attributes:
      location: the file that defines it.
      distribution: the installed package, or None for a file of a `plugins/` folder.
      version: the package's version; of a folder's file, `local`.
      folder: the `plugins/` folder, or None for an installed package.
      code: the code that was imported of an installed package; None of a built-in plugin, for
        which the version stands.
    """

    location: Path
    distribution: str | None
    version: str
    folder: Path | None = None
    code: InstalledCode | None = None

    @property
    def package(self) -> str:
        """What stands before the colon in the full name of its plugins."""
        return self.distribution or LOCAL

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}" if self.distribution else str(self.location)


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin as the registry knows it: its class, the mark on it, and its origin."""

    cls: type
    mark: Mark
    origin: Origin

    @property
    def name(self) -> str:
        """How pipelines call it."""
        return self.mark.name

    @property
    def full_name(self) -> str:
        """How pipelines call it where another package has one of that name."""
        return f"{self.origin.package}:{self.name}"

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return self.mark.kind

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return inspect.cleandoc(self.cls.__doc__ or "").split("\n")[0]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A plugin file or entry point that failed to import."""

    location: str
    error: str
    traceback: str


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The plugins that a pipeline can name.

    Attributes:
      plugins: all of them; a built-in one is imported when it is asked for.
      broken: what failed to import.
      folders: the `plugins/` folders it was made from, for a worker to discover them again.
      hint: sentence that ends an error about a plugin that is missing, such as where it may be.
    """

    plugins: "Plugins"
    broken: tuple[Broken, ...] = ()
    folders: tuple[Path, ...] = ()
    hint: str = ""

    def of_kind(self, *kinds: str) -> tuple[Plugin, ...]:
        """Returns the plugins of the given kinds, sorted by name; of others none is imported."""
        return self.plugins.of_kind(*kinds)

    def get(self, name: str, *kinds: str) -> Plugin:
        """Returns the plugin of a name, which may say the package: `package:name`, `local:name`.

        Raises:
          PluginError: there is none, it is of another kind than asked for, or several are, of
            kinds that may share a name or of several packages.
        """
        found = self.plugins.named(name, *kinds)
        if len(found) == 1:
            return found[0]
        if found:
            raise PluginError(_several(name, found))
        wanted = " or ".join(kinds) or "plugin"
        others = self.plugins.named(name)
        if others:
            article = "an" if wanted[0] in "aeiou" else "a"
            raise PluginError(f"expected {article} {wanted}, found the {others[0].kind} '{name}'.")
        elsewhere = self.plugins.named(bare_name(name), *kinds)
        known = [each.full_name for each in elsewhere]
        known = known or [each.name for each in self.of_kind(*(kinds or KINDS))]
        raise PluginError(f"unknown {wanted} '{name}'.{did_you_mean(name, known)}{self._hints()}")

    def plugin_of(self, cls: type) -> Plugin:
        """Returns the plugin that a class is."""
        return self.plugins.of_class(cls)

    def installed_files(self) -> set[Path]:
        """Returns the files of the code of installed plugins."""
        codes = (each.origin.code for each in self.plugins.loaded())
        return {path for code in codes if code is not None for path in code.files}

    def _hints(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        if not self.broken:
            return hint
        files = "; ".join(f"{broken.location}: {broken.error}" for broken in self.broken)
        return f" Could not be imported: {files}. `dsbuilder plugins list` shows why.{hint}"


class Plugins:
    """Plugins by kind and name, in the order of the names.

    The built-in ones are known by the table of `builtin/`, and imported one by one when they are
    asked for: a pipeline names few of them, and all take a tenth of a second.
    """

    def __init__(self, found: Sequence[Plugin]) -> None:
        self._loaded: dict[tuple[str, str], list[Plugin]] = {}
        self._by_class: dict[type, Plugin] = {}
        for plugin in found:
            self._add(plugin)

    def _add(self, plugin: Plugin) -> None:
        if plugin.cls in self._by_class:
            return  # two entry points offer it
        place = KINDS[plugin.kind].place
        for kind in (name for name, each in KINDS.items() if each.place == place):
            for other in self._loaded.get((kind, plugin.name), ()):
                if _home(other.origin) == _home(plugin.origin):
                    raise PluginError(
                        f"plugin '{plugin.name}' is defined twice: {kind} in "
                        f"{other.origin.location} and {plugin.kind} in {plugin.origin.location}. "
                        "Rename one of them."
                    )
        self._load(plugin)

    def _load(self, plugin: Plugin) -> None:
        self._by_class[plugin.cls] = plugin
        self._loaded.setdefault((plugin.kind, plugin.name), []).append(plugin)

    def _find(self, kind: str, name: str) -> Sequence[Plugin]:
        module = builtin.HOMES.get((kind, name))
        known = self._loaded.get((kind, name), ())
        if module is not None and all(each.cls.__module__ != module for each in known):
            self._load(_builtin_plugin(kind, name))
        return self._loaded.get((kind, name), ())

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self.of_kind(*KINDS))

    def of_kind(self, *kinds: str) -> tuple[Plugin, ...]:
        """Returns the plugins of some kinds, sorted by name."""
        keys = sorted({*self._loaded, *builtin.HOMES}, key=lambda key: (key[1], key[0]))
        return tuple(
            each for kind, name in keys if kind in kinds for each in self._find(kind, name)
        )

    def loaded(self) -> tuple[Plugin, ...]:
        """Returns the plugins that are imported by now: all but built-in ones not yet asked for."""
        return tuple(each for some in self._loaded.values() for each in some)

    def named(self, name: str, *kinds: str) -> tuple[Plugin, ...]:
        """Returns the plugins that answer to a name, of some kinds; of any if none is given."""
        package, colon, bare = name.rpartition(":")
        family = f"{bare.partition('.')[0]}.*"

        def of_package(kind: str, wanted: str) -> list[Plugin]:
            found = self._find(kind, wanted)
            return [each for each in found if not colon or each.origin.package == package]

        def answering(kind: str) -> list[Plugin]:
            found = of_package(kind, bare)
            taken = {each.origin.package for each in found}
            # One of a package hides no member of a family of another one.
            members = (each for each in of_package(kind, family) if bare != family)
            others = (each for each in members if each.origin.package not in taken)
            return [*found, *(each for each in others if not found or _has_member(each, bare))]

        return tuple(each for kind in kinds or KINDS for each in answering(kind))

    def of_class(self, cls: type) -> Plugin:
        """Returns the plugin that a class is."""
        if cls not in self._by_class and cls.__module__ in builtin.HOMES.values():
            mark: Mark = cls.__dsbuilder__  # type: ignore[attr-defined]  # some file imported it
            self._find(mark.kind, mark.name)
        return self._by_class[cls]


def bare_name(name: str) -> str:
    """Returns the name of a plugin without the package that may stand before it."""
    return name.rpartition(":")[2]


def _has_member(family: Plugin, name: str) -> bool:
    """Whether a family has a member of a name, as far as it says which it has."""
    says = getattr(family.cls, "has_member", None)
    return says is None or bool(says(name.removeprefix(family.name[:-1])))


def _home(origin: Origin) -> Path | str:
    """Returns the folder or package, in which a name stands for one plugin."""
    return origin.folder or origin.package


def _several(name: str, found: Sequence[Plugin]) -> str:
    """Says of which plugins a name may be, and how to say which."""
    if len({each.origin.package for each in found}) == 1 and len({e.kind for e in found}) > 1:
        shown = " and ".join(f"the {each.kind}" for each in found)
        return (
            f"'{name}': expected one plugin, found {shown} of that name. "
            f"Say which with {option('kind')}."
        )
    shown = " and ".join(f"one of {each.origin}" for each in found)
    names = list(dict.fromkeys(f"{each.origin.package}:{bare_name(name)}" for each in found))
    advice = (
        f"Say which: {' or '.join(repr(each) for each in names)}."
        if len(names) == len(found)
        else "Rename one of them."
    )
    return f"'{name}': expected one plugin, found {shown}. {advice}"


def discover(folders: Sequence[Path] = (), *, hint: str = "") -> Registry:
    """Returns the registry of built-in and installed plugins and of those in `folders`.

    Args:
      hint: see `Registry`.

    Raises:
      PluginError: a name is defined twice in a folder or package, or a folder does not exist.
    """
    found: list[Plugin] = []
    broken: list[Broken] = []
    resolved = tuple(folder.resolve() for folder in folders)
    _add_entry_points(found, broken)
    for folder in resolved:
        _add_folder(folder, found, broken)
    return Registry(plugins=Plugins(found), broken=tuple(broken), folders=resolved, hint=hint)


def _marked(module: ModuleType, origin: Origin, package: str = "") -> Iterator[Plugin]:
    """Yields the plugins that a module has: its own, and those that it takes from below itself.

    Args:
      package: name of a package, of which those are taken as well that lie elsewhere in it.
    """
    within = tuple(f"{name}." for name in (module.__name__, package) if name)
    for value in vars(module).values():
        plugin = _plugin(value, origin)
        if plugin is not None and f"{value.__module__}.".startswith(within):
            yield plugin


def _plugin(value: object, origin: Origin) -> Plugin | None:
    """Returns the plugin that a decorated class is; None of what is none."""
    mark = value.__dict__.get("__dsbuilder__") if isinstance(value, type) else None
    if mark is None or not isinstance(value, type):
        return None
    return Plugin(cls=value, mark=mark, origin=origin)


def _builtin_plugin(kind: str, name: str) -> Plugin:
    module = importlib.import_module(builtin.HOMES[kind, name])
    location = Path(module.__file__ or module.__name__)
    origin = Origin(location=location, distribution="dsbuilder", version=_version())
    found = (each for each in _marked(module, origin) if (each.kind, each.name) == (kind, name))
    return next(found)


@cache
def _version() -> str:
    return importlib.metadata.version("dsbuilder")


def _add_entry_points(found: list[Plugin], broken: list[Broken]) -> None:
    for entry in _entry_points(tuple((path, _changed_ns(path)) for path in sys.path)):
        try:
            found.extend(_offered(entry))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module; kept
            distribution = entry.dist.name if entry.dist else entry.name
            broken.append(_broken(f"{entry.value} of {distribution}", error))


def _offered(entry: importlib.metadata.EntryPoint) -> list[Plugin]:
    """Returns the plugins that an entry point names: those of a module, or one class.

    Raises:
      PluginError: it names none.
    """
    module = importlib.import_module(entry.module)
    origin = _installed(module, entry.dist.name if entry.dist else entry.name)
    value = entry.load()
    if isinstance(value, ModuleType):
        found = list(_marked(value, origin, entry.module.partition(".")[0]))
    else:
        plugin = _plugin(value, origin)
        found = [] if plugin is None else [plugin]
    if not found:
        raise PluginError(
            f"entry point '{entry.name}': expected a decorated class or a module that has one, "
            f"found {entry.value}, which names no plugin. Correct it in the package's "
            "pyproject.toml."
        )
    return found


def _installed(module: ModuleType, distribution: str) -> Origin:
    """Returns the origin of plugins of an installed module.

    Raises:
      PluginError: its code is no longer what this process imported.
    """
    origin = _as_imported(module, distribution)
    changed = origin.code.changed() if origin.code is not None else None
    if changed is not None:
        # Worker processes would run the new code, this one the old, and one hash stand for both.
        raise PluginError(
            f"{changed}: expected the code that this process imported, found that it changed "
            "since. Start Python anew."
        )
    return origin


@cache  # what this process runs is what it was when it was imported, whatever is installed later
def _as_imported(module: ModuleType, distribution: str) -> Origin:
    known = importlib.metadata.distribution(distribution)
    return Origin(
        location=Path(module.__file__ or module.__name__),
        distribution=known.name,
        version=known.version,
        code=InstalledCode.of(module, known),
    )


@lru_cache(maxsize=1)  # to look through all that is installed takes longer than to bind a pipeline
def _entry_points(path: tuple[tuple[str, int], ...]) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Returns what installed packages offer; `path` is where they lie, and when that changed."""
    return tuple(importlib.metadata.entry_points(group=ENTRY_POINTS))


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns  # noqa: PTH116 - asked at every discovery
    except OSError:
        return 0


def _add_folder(folder: Path, found: list[Plugin], broken: list[Broken]) -> None:
    if not os.path.isdir(folder):  # noqa: PTH112 - nor is one whose name is too long
        raise PluginError(f"{folder}: no such folder of plugins. Check the path.")
    files = plugin_folder.plugin_files(folder)
    known = plugin_folder.loaded(folder, files)
    if known is not None:
        found.extend(known)
        return
    package, failed = plugin_folder.new_package(folder), len(broken)
    plugins: list[Plugin] = []
    for path in files:
        try:
            module = plugin_folder.load(package, path)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's file; kept
            broken.append(_broken(str(path), error))
            continue
        origin = Origin(location=path, distribution=None, version="local", folder=folder)
        plugins.extend(_marked(module, origin))
    if len(broken) == failed:  # a file that failed may succeed next time, for reasons elsewhere
        package.files, package.plugins = files, tuple(plugins)
    found.extend(plugins)


def _broken(location: str, error: BaseException) -> Broken:
    text = "".join(traceback.format_exception(error))
    return Broken(location=location, error=f"{type(error).__name__}: {error}", traceback=text)
