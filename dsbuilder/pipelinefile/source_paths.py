"""Paths of a source at which nothing lies, as problems with their lines."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from dsbuilder.errors import Problem, printable
from dsbuilder.paths import near_path
from dsbuilder.pipelinefile.binding import FAILED, key_of
from dsbuilder.pipelinefile.document import Node, YamlDocument
from dsbuilder.pipelinefile.stages import binder_of
from dsbuilder.plugin import Source
from dsbuilder.registry import Registry

_PATTERN = frozenset("*?[{")
"""Characters of a path that stands for several files: whether they are there says the source."""


def missing_paths(document: YamlDocument, registry: Registry) -> list[Problem]:
    """Returns a problem for each path of a pipeline's source at which nothing lies.

    Of a source that is wrong otherwise there is none: that is told by who binds it.
    """
    root = document.root.value
    node = root.get("source") if isinstance(root, dict) else None
    if node is None or node.value is None:
        return []
    source, _ = binder_of(document, registry).bind(Source, node, "source")
    if source is FAILED:
        return []
    return [
        Problem(document.where(_node(node, path), path), _message(document, found))
        for path, found in _paths(source, "source")
        if not _PATTERN & set(found.name) and not found.exists()
    ]


def _paths(value: Any, path: str) -> Iterator[tuple[str, Path]]:
    """Yields every path among the options of a source, with its place in the pipeline."""
    if isinstance(value, Path):
        yield path, value
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _paths(child, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, child in enumerate(value):
            yield from _paths(child, f"{path}[{index}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            # The source that corrections stand beside has its options on the same floor as they.
            inner = path if each.name == "plugin" else f"{path}.{key_of(each)}"
            yield from _paths(getattr(value, each.name), inner)


def _node(source: Node, path: str) -> Node:
    """Returns the node of a place below the source, or the nearest one above it."""
    node = source
    for step in path.replace("[", ".").replace("]", "").split(".")[1:]:
        value = node.value
        if isinstance(value, dict) and step in value:
            node = value[step]
        elif isinstance(value, tuple) and step.isdigit() and int(step) < len(value):
            node = value[int(step)]
    return node


def _message(document: YamlDocument, path: Path) -> str:
    """Says what is missing, as it is written: paths are relative to the pipeline."""
    front = f"{document.folder}/"
    written = printable(str(path).removeprefix(front))
    hint = near_path(path).replace(front, "") or " Check the path."
    return f"there is no file or folder '{written}', seen from {document.folder}.{hint}"
