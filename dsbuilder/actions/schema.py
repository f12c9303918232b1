"""The JSON Schema of a pipeline file, by which an editor completes and checks it."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from dsbuilder.actions import option_tables
from dsbuilder.actions.arguments import path_of, paths_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import describe_member, family_members, registry_here
from dsbuilder.cache import store
from dsbuilder.errors import DataError, option
from dsbuilder.pipelinefile.json_schema import MARK, no_members, pipeline_schema
from dsbuilder.pipelinefile.json_types import Schema, Types
from dsbuilder.registry import Plugin, Registry

FILE = ".dsbuilder.schema.json"
"""Name of the file beside pipelines that their editor takes; hidden, so that no source reads it."""
COMMENT = f"# yaml-language-server: $schema={FILE}\n"
"""Says to an editor where the schema of a pipeline lies: beside it."""


@dataclass(frozen=True, kw_only=True)
class SchemaDocument(Document):
    """The JSON Schema of a pipeline file.

    Attributes:
      schema: the schema, draft 07.
      output: file that it was written to; None if it was not.
      tables: pages whose tables of options were made anew.
    """

    schema: Mapping[str, Any]
    output: Path | None = None
    tables: tuple[Path, ...] = ()


def schema(
    output: Path | str | None = None,
    *,
    tables: Sequence[Path | str] = (),
    plugins: Sequence[Path | str] | None = None,
) -> SchemaDocument:
    """Returns the JSON Schema of a pipeline in the current folder, with the plugins that it finds.

    Args:
      output: file to write it to; one that is there is replaced if it is such a schema.
      tables: pages in Markdown whose tables of options are made anew, each between a line such as
        `<!-- options of section train -->` or `<!-- options of transform resize -->` and
        `<!-- end of options -->`.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.

    Raises:
      PluginError: a plugin is defined twice.
      DataError: a file is another's, or cannot be written, or a page has no table to renew.
    """
    registry = registry_here(plugins)
    found = schema_of(registry)
    path = path_of(output)
    if path is not None:
        write(path, found)
    pages = paths_of(tables) or ()
    for page in pages:
        option_tables.renew(page, registry)
    broken = (
        f"{each.location}: {each.error}. The schema has no plugin of it."
        for each in registry.broken
    )
    return SchemaDocument(schema=found, output=path, tables=tuple(pages), warnings=tuple(broken))


def schema_of(registry: Registry) -> Schema:
    """Returns the schema of a pipeline that names plugins of a registry."""
    return pipeline_schema(registry, _members)


def write(path: Path, found: Schema) -> None:
    """Writes a schema; one of ours is replaced.

    Raises:
      DataError: the file is another's, or cannot be written.
    """
    if not is_free(path):
        raise DataError(
            f"{path}: expected no file, or a schema that dsbuilder made, found another. "
            f"Name another with {option('output')}."
        )
    try:
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        store.write_text(path, f"{text}\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: the file cannot be written ({reason}). Name another with {option('output')}."
        ) from None


def is_free(path: Path) -> bool:
    """Whether a schema may be written: nothing is there, or a schema that dsbuilder made."""
    if not path.exists() and not path.is_symlink():
        return True
    try:
        return MARK in path.read_text(encoding="utf-8")[:500]
    except (OSError, UnicodeDecodeError):
        return False


def _members(plugin: Plugin) -> Mapping[str, Schema]:
    """Returns the members of a family with their options, as far as their classes tell types."""
    known = family_members(plugin)
    return {name: _member(plugin, name) for name in known} if known else no_members(plugin)


def _member(plugin: Plugin, name: str) -> Schema:
    from dsbuilder.builtin.transforms import albumentations_recipe as recipe

    text, options = describe_member(plugin, name)
    cls = recipe.members()[name.removeprefix(plugin.name.removesuffix("*"))]
    types, said = _types_of(cls), dict(_arguments(text))
    properties: Schema = {word: {} for word in recipe.known_options(cls)}
    for each in options:
        word = each["name"]
        flags = recipe.FLAGS.get(word)
        shape = {} if word in recipe.NESTING else Types().of(types.get(word))
        properties[word] = {
            **({"anyOf": [{"type": "integer"}, {"enum": list(flags)}]} if flags else shape),
            **({"default": each["default"]} if "default" in each else {}),
            **({"description": said[word]} if word in said else {}),
        }
    required = [each["name"] for each in options if each["required"]]
    found: Schema = {
        "type": "object",
        "description": " ".join(text.split("\n\n")[0].split()),
        "properties": properties,
        "additionalProperties": False,
    }
    return {**found, "required": required} if required else found


def _types_of(cls: Any) -> Mapping[str, Any]:
    try:
        return get_type_hints(cls.__init__)
    except (NameError, TypeError):  # annotations of names that are not there as it runs
        return {}


def _arguments(text: str) -> Iterator[tuple[str, str]]:
    """Yields what the section `Args` of a docstring says of each argument."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", inspect.cleandoc(text), re.MULTILINE)
    pattern = r"^    (\w+)(?: \([^\n]*\))?:((?:.*\n?)(?:(?:     .*)?\n?)*)"
    for found in re.finditer(pattern, section[1] if section else "", re.MULTILINE):
        yield found[1], " ".join(found[2].split())
