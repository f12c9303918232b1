"""A `plugins/` folder as a package of its own, whose files are executed from their source.

A file is executed once in a process, and anew when anything that was loaded of its folder changed.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from dsbuilder.errors import PluginError

_PREFIX = "dsbuilder_plugins_"


def plugin_files(folder: Path) -> tuple[Path, ...]:
    """Returns the files that may define plugins; `_` or `.` in front marks others."""
    return tuple(sorted(_plugin_files(folder)))


def loaded(folder: Path, files: tuple[Path, ...]) -> tuple[Any, ...] | None:
    """Returns the plugins of a folder of which nothing changed since it was loaded, or None."""
    package = sys.modules.get(_package_name(folder))
    if isinstance(package, FolderPackage) and package.is_as_loaded(files):
        return package.plugins
    return None


def _plugin_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(("_", ".")):
            continue
        if path.suffix == ".py":
            yield path
        elif (path / "__init__.py").is_file():
            yield path / "__init__.py"


class FolderPackage(ModuleType):
    """A folder as a package of its own, so that its files can `from . import` each other.

    Attributes:
      files: plugin files that were loaded; None until all of them are.
      plugins: what the registry found in them.
    """

    files: tuple[Path, ...] | None = None
    plugins: tuple[Any, ...] = ()

    def is_as_loaded(self, files: tuple[Path, ...]) -> bool:
        """Whether the folder has these plugin files, and all that was loaded from it is unchanged.

        Then they need not be executed again: one process executes each plugin file once.
        """
        specs = (getattr(sys.modules[name], "__spec__", None) for name in _loaded(self.__name__))
        loaders = (getattr(spec, "loader", None) for spec in specs)
        return files == self.files and all(
            each.is_unchanged() for each in loaders if isinstance(each, _SourceLoader)
        )


def _package_name(folder: Path) -> str:
    return _PREFIX + hashlib.blake2b(bytes(folder), digest_size=6).hexdigest()


def _loaded(package: str) -> list[str]:
    """Returns the names of the modules that were loaded of a package, its own among them."""
    return [name for name in sys.modules if name.partition(".")[0] == package]


def new_package(folder: Path) -> FolderPackage:
    """Returns the package of a folder without anything that an earlier discovery loaded."""
    if not any(isinstance(finder, _FolderFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _FolderFinder())
    name = _package_name(folder)
    for module in _loaded(name):
        del sys.modules[module]
    package = FolderPackage(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    return package


class _SourceLoader(SourceFileLoader):
    """Compiles a file anew at every import, and leaves no bytecode behind."""

    _compiled = b""

    def get_code(self, fullname: str) -> CodeType:
        """Returns the code of the source as it is now."""
        self._compiled = bytes(self.get_data(self.path))
        return self.source_to_code(self._compiled, self.path)

    def is_unchanged(self) -> bool:
        """Whether the file still holds what was compiled; by its content, not its time."""
        try:
            return bytes(self.get_data(self.path)) == self._compiled
        except OSError:
            return False


class _FolderFinder(MetaPathFinder):
    """Finds what files of a folder import of each other, to be loaded from source as well."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answers for modules below the packages of `plugins/` folders alone."""
        if path is None or not fullname.startswith(_PREFIX):
            return None
        return FileFinder(next(iter(path)), (_SourceLoader, [".py"])).find_spec(fullname)


def load(package: FolderPackage, path: Path) -> ModuleType:
    """Returns the module of a plugin file, executed unless another file has imported it.

    Raises:
      BaseException: what executing it raised.
    """
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    name = f"{package.__name__}.{stem}"
    if name in sys.modules:
        return sys.modules[name]
    # From its source, always: bytecode is told from its source by time and size alone, and a
    # fingerprint of the one must not stand for bytes that the other made.
    loader = _SourceLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: expected a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def loaded_folders() -> list[Path]:
    """Returns the folders of which this process has loaded something."""
    packages = (each for each in sys.modules.values() if isinstance(each, FolderPackage))
    return [Path(each.__path__[0]) for each in packages]


def renew(folder: Path | str) -> None:
    """Forgets what was loaded of a folder, whose files are found by the names of their modules."""
    new_package(Path(folder))
