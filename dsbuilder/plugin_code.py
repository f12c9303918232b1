"""Which files the code of a plugin is: its own, and what that imports of the same place.

The place is a `plugins/` folder, or what an installed distribution brings: a version says little of
code that is edited where it lies (`pip install -e`). Imports are read from the source, in bodies of
functions too; of a compiled module only the file itself is known, and the record of all files of
its distribution then stands for what it may load.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

_SUFFIXES = (".py", *EXTENSION_SUFFIXES)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where modules count as code of a plugin.

    Attributes:
      folders: folders that hold them.
      packages: top-level modules that are imported by name, each with the paths, without an ending,
        at which it lies; several of a namespace package.
    """

    folders: frozenset[Path]
    packages: Mapping[str, tuple[Path, ...]]

    @classmethod
    def of_folder(cls, folder: Path) -> "Place":
        """Returns the place of a `plugins/` folder, whose files import each other relatively."""
        return cls(folders=frozenset([folder]), packages={})

    @classmethod
    def of_distribution(cls, module: ModuleType, distribution: Distribution) -> "Place":
        """Returns the place of an installed distribution that a module belongs to."""
        names = {module.__name__.partition(".")[0], *_top_level(distribution)}
        packages: dict[str, tuple[Path, ...]] = {
            each.name: (each,) for each in _linked(distribution)
        }
        packages |= {name: tuple(_bases(name)) for name in names}
        folders = frozenset(base.parent for bases in packages.values() for base in bases)
        return cls(folders=folders, packages=packages)

    def holds(self, path: Path) -> bool:
        """Whether a file lies there."""
        return not self.folders.isdisjoint(path.parents)


@dataclass(frozen=True, kw_only=True)
class InstalledCode:
    """The code of an installed plugin, as it was when it was imported.

    Attributes:
      files: its files, each with the hash of what it held.
      record: hash of what the distribution says of its files, where one of these is compiled.
    """

    files: Mapping[Path, str]
    record: str = ""

    @classmethod
    def of(cls, module: ModuleType, distribution: Distribution) -> "InstalledCode":
        """Returns the code of a module and of what it imports within its distribution."""
        path = Path(module.__file__ or "")
        found: set[Path] = set()
        if path.is_file():
            found = source_files(path, Place.of_distribution(module, distribution))
        is_source = bool(found) and all(each.suffix == ".py" for each in found)
        record = "" if is_source else _hash("\n".join(_record(distribution)).encode())
        return cls(files={each: _hash(each.read_bytes()) for each in found}, record=record)

    @property
    def digest(self) -> str:
        """The hash of all of it, wherever it lies."""
        # By content alone, as of a `plugins/` folder: a name shows in the file that imports it.
        return _hash(" ".join([*sorted(self.files.values()), self.record]).encode())

    def changed(self) -> Path | None:
        """Returns a file that no longer holds what was imported."""
        for path, was in self.files.items():
            try:
                if _hash(path.read_bytes()) != was:
                    return path
            except OSError:
                return path
        return None


def source_files(path: Path, place: Place) -> set[Path]:
    """Returns a plugin file and every file of its place that it imports, directly or not."""
    found: set[Path] = set()
    todo = [path]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo.extend(_packages(current, place))
            if current.suffix == ".py":
                todo.extend(_imported(current, place))
    return found


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _packages(path: Path, place: Place) -> Iterator[Path]:
    """Yields what Python runs before a file: `__init__` of each package it lies in."""
    for parent in path.parents:
        if parent in place.folders:
            return
        yield from _module(parent / "__init__")


def _imported(path: Path, place: Place) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # one that is imported only by another Python, say
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = node.module.split(".") if node.module else []
            if node.level:
                bases: Iterable[Path] = [path.parents[node.level - 1].joinpath(*names)]
            else:
                bases = _absolute(names, place)
            yield from _modules(bases, [each.name for each in node.names], place)
        elif isinstance(node, ast.Import):
            for each in node.names:
                yield from _modules(_absolute(each.name.split("."), place), [], place)


def _absolute(names: list[str], place: Place) -> Iterator[Path]:
    for base in place.packages.get(names[0], ()):
        yield base.joinpath(*names[1:])


def _modules(bases: Iterable[Path], names: list[str], place: Place) -> Iterator[Path]:
    for base in bases:
        for each in (base, *(base / name for name in names)):
            found = (*_module(each), *_module(each / "__init__"))
            yield from (path for path in found if place.holds(path))


def _module(base: Path) -> Iterator[Path]:
    """Yields the files of a module, which lies at a path without an ending."""
    for suffix in _SUFFIXES:
        path = base.with_name(base.name + suffix)
        if path.is_file():
            yield path


def _bases(name: str) -> Iterator[Path]:
    """Yields where a top-level module lies, without an ending."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    if spec.submodule_search_locations is not None:
        yield from (Path(each) for each in spec.submodule_search_locations)
    elif spec.origin is not None:
        path = Path(spec.origin)
        yield path.with_name(path.name.partition(".")[0])


def _top_level(distribution: Distribution) -> Iterator[str]:
    """Yields the top-level modules that a distribution says it has."""
    yield from (distribution.read_text("top_level.txt") or "").split()
    for path in distribution.files or ():
        if path.name.endswith(_SUFFIXES) and ".." not in path.parts:
            yield path.parts[0].partition(".")[0]


def _linked(distribution: Distribution) -> Iterator[Path]:
    """Yields where top-level modules of an editable distribution may lie, without an ending."""
    for link in distribution.files or ():
        path = Path(str(link.locate()))
        if path.suffix == ".pth" and path.is_file():
            lines = path.read_text("utf-8", "surrogateescape").splitlines()
            folders = (Path(line) for line in lines)  # or it is code, or a comment
            for folder in (each for each in folders if each.is_absolute() and each.is_dir()):
                for each in folder.iterdir():
                    yield folder / each.name.partition(".")[0]


def _record(distribution: Distribution) -> Iterator[str]:
    """Yields what RECORD says of the files that a distribution brings, not of its installation."""
    for each in distribution.files or ():
        if each.hash is not None and not each.parts[0].endswith(".dist-info"):
            yield f"{each} {each.hash.mode}={each.hash.value}"
