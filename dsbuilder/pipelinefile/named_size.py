"""The size of images stands once in a pipeline: stages name it, and follow when it changes.

    size: [224, 224]                              # or one number for a square
    prepare: [{use: resize, short: $short*1.25}]
    finish: [{use: resize, size: $size}]

The names are replaced in the tree, before anything is bound; so they stand for any option of any
plugin, `--set size=160` changes all of them, and what is resolved holds numbers alone.
"""

import re
from collections.abc import Iterator, Mapping

from dsbuilder.errors import Problem, SpecError
from dsbuilder.pipelinefile.document import Node, YamlDocument

SECTIONS = ("prepare", "augment", "synthesize", "finish", "stream")
"""The sections whose stages may name the size."""

PATTERN = r"\$(size|height|width|short|long)(?:\*([0-9]+(?:\.[0-9]+)?))?"
"""How a stage names the size, or a side of it, maybe times a number."""

_NAME = re.compile(PATTERN)


def with_size(document: YamlDocument) -> YamlDocument:
    """Returns a document with the numbers that its `$size`, `$height`, ... stand for.

    Raises:
      SpecError: a stage names the size where none is said, or it is none.
    """
    root = document.root.value
    found = [name for name in SECTIONS if isinstance(root, dict) and name in root]
    named = [each for name in found for each in _named(root[name], name)]
    if not named:
        return document
    sides = _sides(document, root.get("size"), named[0])
    replaced = {name: _replaced(root[name], sides) for name in found}
    return YamlDocument(
        Node({**root, **replaced}, line=document.root.line), document.origin, document.folder
    )


def _named(node: Node, path: str) -> Iterator[tuple[Node, str]]:
    """Yields the places that name the size."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _named(child, f"{path}.{key}")
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from _named(child, f"{path}[{index}]")
    elif isinstance(node.value, str) and _NAME.fullmatch(node.value):
        yield node, path


def _sides(
    document: YamlDocument, size: Node | None, first: tuple[Node, str]
) -> Mapping[str, int | tuple[int, int]]:
    if size is None or size.value is None:
        node, path = first
        message = f"'{node.value}' stands for no size. Add size: [height, width] to the pipeline."
        raise SpecError([Problem(document.where(node, path), message)])
    plain = size.plain()
    pair = plain if isinstance(plain, list) else [plain, plain]
    if len(pair) != 2 or any(type(side) is not int or side < 1 for side in pair):
        wanted = "expected [height, width] in pixels, or one number for a square"
        raise SpecError([Problem(document.where(size, "size"), f"{wanted}, found {plain!r}.")])
    height, width = pair
    return {
        "size": (height, width),
        "height": height,
        "width": width,
        "short": min(pair),
        "long": max(pair),
    }


def _replaced(node: Node, sides: Mapping[str, int | tuple[int, int]]) -> Node:
    if isinstance(node.value, dict):
        children = {key: _replaced(child, sides) for key, child in node.value.items()}
        return Node(children, line=node.line)
    if isinstance(node.value, tuple):
        return Node(tuple(_replaced(child, sides) for child in node.value), line=node.line)
    match = _NAME.fullmatch(node.value) if isinstance(node.value, str) else None
    if match is None:
        return node
    named, factor = sides[match[1]], float(match[2] or 1)
    if isinstance(named, int):
        return _number(named, factor, node.line)
    return Node(tuple(_number(side, factor, node.line) for side in named), line=node.line)


def _number(side: int, factor: float, line: int | None) -> Node:
    value = max(1, round(side * factor))
    return Node(value, str(value), line)
