"""Presets: named lists of stages, each a YAML file in `presets/`, whose first line says what it is.

    augment:
      stages:
        - {preset: weather}
        - {use: A.HorizontalFlip}

The entry is replaced by the stages in the tree, before `--set` and anything else: every path, of an
assignment, of `tune` or in an error, counts the stages themselves. So do ids, ledgers and what is
resolved, and a dataset does not depend on what a preset is later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources

from dsbuilder.errors import Problem, SpecError, did_you_mean
from dsbuilder.pipelinefile.document import Node, YamlDocument, override, parse

_WORD = "preset"
_FOLDER = "presets"
_STAGES = ("augment", "stream")
"""Sections whose `stages` may name presets: they draw."""
_LISTS = ("prepare", "augment.stages", "synthesize", "finish", "stream.stages", "stream.finish")
"""Lists that an assignment may count in."""


def names() -> tuple[str, ...]:
    """Returns the names of all presets."""
    found = resources.files("dsbuilder.pipelinefile").joinpath(_FOLDER).iterdir()
    return tuple(sorted(e.name.removesuffix(".yaml") for e in found if e.name.endswith(".yaml")))


def text_of(name: str) -> str:
    """Returns the YAML of a preset."""
    path = resources.files("dsbuilder.pipelinefile").joinpath(_FOLDER, f"{name}.yaml")
    return path.read_text(encoding="utf-8")


def overridden(document: YamlDocument, assignments: Sequence[str]) -> YamlDocument:
    """Returns a document with assignments applied, whose paths count the stages of presets.

    Presets that an assignment brings are still to be filled in; see `with_presets`.

    Raises:
      SpecError: a preset or an assignment is wrong.
    """
    return override(with_presets(document), assignments, _LISTS)


def with_presets(document: YamlDocument) -> YamlDocument:
    """Returns a document with the stages that its presets stand for.

    Raises:
      SpecError: there is no preset of a name, it has options, or a section names it twice.
    """
    root = document.root.value
    if not isinstance(root, dict):
        return document
    problems: list[Problem] = []
    sections = dict(root)
    for section in _STAGES:
        node = root.get(section, Node(None))
        said = node.value if isinstance(node.value, dict) else {}
        stages = said.get("stages", Node(None))
        if isinstance(stages.value, tuple):
            path = f"{section}.stages"
            filled = tuple(_filled(document, stages.value, path, problems))
            within = {**said, "stages": replace(stages, value=filled)}
            sections[section] = replace(node, value=within)
    if problems:
        raise SpecError(problems)
    return replace(document, root=replace(document.root, value=sections))


def _filled(
    document: YamlDocument, stages: tuple[Node, ...], path: str, problems: list[Problem]
) -> Iterator[Node]:
    met = {node.preset for node in stages if node.preset is not None}
    for index, node in enumerate(stages):
        if not isinstance(node.value, dict) or _WORD not in node.value:
            yield node
            continue
        named, where = node.value[_WORD], f"{path}[{index}]"
        more = [key for key in node.value if key != _WORD]
        if named.text not in names():
            hint = did_you_mean(str(named.text), names())
            message = f"there is no preset '{named.text}'.{hint}"
            problems.append(Problem(document.where(named, where), message))
        elif more:
            message = (
                f"expected a preset alone, found '{more[0]}' beside it. To change it, write its "
                f"stages down: `dsbuilder plugins preset {named.text}` prints them."
            )
            problems.append(Problem(document.where(node, where), message))
        elif named.text in met:
            message = f"expected each preset once, found '{named.text}' again. Remove one of them."
            problems.append(Problem(document.where(named, where), message))
        else:
            met.add(named.text)
            written = parse(text_of(named.text), origin=named.text, folder=document.folder)
            stands = (_at(each, node.line) for each in written.root.value)
            yield from (replace(each, preset=named.text) for each in stands)


def _at(node: Node, line: int | None) -> Node:
    """Returns a node as if all of it stood on one line."""
    if isinstance(node.value, dict):
        return Node({key: _at(child, line) for key, child in node.value.items()}, line=line)
    if isinstance(node.value, tuple):
        return Node(tuple(_at(child, line) for child in node.value), line=line)
    return Node(node.value, node.text, line)
