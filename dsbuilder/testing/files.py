"""The plugins of one file, bound as a pipeline binds them, for whoever tests what they wrote."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsbuilder.errors import PluginError, option
from dsbuilder.pipelinefile.stages import bind_plugin
from dsbuilder.registry import Plugin, discover
from dsbuilder.testing.kinds import check_plugin


def check_file(path: Path | str, assignments: Sequence[str] = ()) -> None:
    """Checks every plugin of a file by the laws of its kind.

    Args:
      path: file of a `plugins/` folder.
      assignments: options as `key=value`, for those plugins that have such an option.

    Raises:
      PluginError: the file cannot be imported, or has no plugin.
      SpecError: an option is missing or wrong.
      ContractError: a plugin breaks a law; says which, and on what.
    """
    for plugin in plugins_of(Path(path), assignments):
        check_plugin(plugin)


def plugins_of(path: Path, assignments: Sequence[str] = ()) -> list[Any]:
    """Returns the plugins of a file with their options; see `check_file`."""
    file = path.resolve()
    file = file / "__init__.py" if file.is_dir() else file
    if not file.is_file() or file.suffix != ".py":
        raise PluginError(f"{path}: there is no such Python file. Check the path.")
    folder = file.parent.parent if file.name == "__init__.py" else file.parent
    registry = discover((folder,))
    for broken in registry.broken:
        if broken.location == str(file):
            raise PluginError(f"{path}: expected to import it, found {broken.error}.")
    found = [each for each in registry.plugins.loaded() if each.origin.location == file]
    if not found:
        raise PluginError(
            f"{path}: there is no plugin. Put a decorator such as @transform(...) above a class."
        )
    unknown = [each for each in assignments if not any(_has(one, each) for one in found)]
    if unknown:
        names = ", ".join(each.name for each in found)
        raise PluginError(f"{option('set')}: expected an option of {names}, found '{unknown[0]}'.")
    return [
        bind_plugin(
            registry,
            each.full_name,
            each.kind,
            [text for text in assignments if _has(each, text)],
            origin=each.name,
        )
        for each in found
    ]


def _has(plugin: Plugin, assignment: str) -> bool:
    """Whether an assignment is of an option that a plugin has."""
    first = re.split(r"[.\[=]", assignment)[0]
    return first in {each.name for each in dataclasses.fields(plugin.cls) if each.init}
