"""YAML 1.2 text -> a tree of values that know their line; and `--set` on such a tree.

The tree is made from the parser's events of composition, not from Python objects: a scalar keeps
its text, so a class called `no` or `01` stays that text where a text is wanted, and an error can
name the line. Refused: duplicate keys, object tags, merge keys, anything but plain data.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsbuilder import names
from dsbuilder.errors import Problem, SpecError, closest, option, printable
from dsbuilder.paths import near_path
from dsbuilder.typed_json import max_depth, too_deep

_TAG = "tag:yaml.org,2002:"
_SCALARS = {"null", "bool", "int", "float", "str", "timestamp"}
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGERS = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8))
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_SPECIAL = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": -float("inf")}
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}

MAX_NODES = 100_000
"""How many values a text may hold, each alias counted as what it stands for."""


@dataclass(frozen=True)
class Node:
    """A value with its place.

    Attributes:
      value: a scalar, a tuple of nodes, or a dict from text to node.
      text: the scalar as it was written; None for collections.
      line: 1-based line in the file; None if it came from `--set` or from plain data.
      preset: name of the preset that stands for it, of a stage; None of what is written itself.
    """

    value: Any
    text: str | None = None
    line: int | None = None
    preset: str | None = None

    def plain(self) -> Any:
        """Returns the value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(frozen=True)
class YamlDocument:
    """A pipeline's tree and where it came from.

    Attributes:
      root: the tree.
      origin: how errors call it: the file as the user gave it, or a name such as `<manifest>`.
      folder: what relative paths in it are relative to.
    """

    root: Node
    origin: str
    folder: Path

    def where(self, node: Node | None, path: str) -> str:
        """Returns `file:line: path` as an error begins."""
        line = f":{node.line}" if node is not None and node.line else ""
        return f"{self.origin}{line}" + (f": {path}" if path else "")


def read(path: Path) -> YamlDocument:
    """Returns the document of a YAML file.

    Raises:
      SpecError: there is no such file, it is not YAML, or it holds more than plain data.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"no such file.{near_path(path) or ' Check the path.'}"
        raise SpecError([Problem(str(path), message)]) from None
    except IsADirectoryError:
        raise SpecError([Problem(str(path), _folder_found(path))]) from None
    except UnicodeDecodeError:
        message = "expected a pipeline, found a file that is no text. Give a file in YAML (UTF-8)."
        raise SpecError([Problem(str(path), message)]) from None
    except OSError as error:
        message = f"the file cannot be read ({error.strerror or error}). Check the path."
        raise SpecError([Problem(str(path), message)]) from None
    return parse(text, origin=str(path), folder=path.resolve().parent)


def _folder_found(folder: Path) -> str:
    """Says of a folder in place of a pipeline what may have been meant."""
    if any((each / names.MANIFEST).is_file() for each in (folder, *folder.iterdir())):
        shown = printable(str(folder))
        return (
            "expected a pipeline file, found the folder of a dataset, which is built. "
            f"`dsbuilder info {shown}` says what it is; build the pipeline that it is of."
        )
    within = sorted(each for each in folder.iterdir() if each.suffix in (".yaml", ".yml"))
    if within:
        shown = " or ".join(f"'{printable(str(each))}'" for each in within[:3])
        hint = f"Did you mean {shown}?"
    else:
        hint = f"`dsbuilder init {printable(str(folder))}` writes a pipeline that builds it."
    return f"expected a pipeline file, found a folder. {hint}"


def parse(text: str, *, origin: str, folder: Path) -> YamlDocument:
    """Returns the document of YAML text; see `read`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    problems: list[Problem] = []
    try:
        composed = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{origin}:{mark.line + 1}" if mark else origin
        what = error.problem or error.context
        message = f"expected YAML, found what cannot be parsed: {what}. Correct this line."
        raise SpecError([Problem(where, message)]) from None
    except RecursionError:
        raise _too_deep(origin) from None
    except (YAMLError, ValueError) as error:  # characters that YAML does not allow have no mark
        reason = str(error).splitlines()[0]
        message = f"expected YAML, found what cannot be parsed: {reason}. Save the file as UTF-8."
        raise SpecError([Problem(origin, message)]) from None
    try:
        reading = _Reading(origin, problems)
        root = reading.convert(composed, "") if composed is not None else Node({})
    except RecursionError:
        message = "expected plain data, found a value that holds itself. Remove the alias."
        raise SpecError([Problem(origin, message)]) from None
    if problems:
        raise SpecError(problems)
    return YamlDocument(root, origin, folder)


def _too_deep(where: str) -> SpecError:
    return SpecError([Problem(where, f"expected plain data, found {too_deep()}. Nest it less.")])


def from_data(data: Any, *, origin: str, folder: Path) -> YamlDocument:
    """Returns the document of plain data, such as a manifest keeps."""
    return YamlDocument(_from_plain(data), origin, folder)


def _from_plain(data: Any) -> Node:
    if isinstance(data, Mapping):
        return Node({str(key): _from_plain(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str):
        return Node(tuple(_from_plain(value) for value in data))
    return Node(data, text=data if isinstance(data, str) else str(data))


@dataclass
class _Reading:
    """Makes the tree of one text.

    Attributes:
      origin: how errors call the text.
      problems: what was wrong so far.
      nodes: number of nodes made.
      depth: number of nodes that are above the one at hand.
    """

    origin: str
    problems: list[Problem]
    nodes: int = 0
    depth: int = 0

    def convert(self, node: Any, path: str) -> Node:
        """Returns the tree below a node of the parser."""
        self.depth += 1
        if self.depth > max_depth() + 1:  # a scalar stands in the deepest collection
            raise _too_deep(_place(self.origin, node.start_mark.line + 1, ""))
        converted = self._converted(node, path)
        self.depth -= 1
        return converted

    def _converted(self, node: Any, path: str) -> Node:
        line = node.start_mark.line + 1
        self._count(line)
        tag = str(node.tag)
        if not tag.startswith(_TAG) or tag.removeprefix(_TAG) not in _SCALARS | {"map", "seq"}:
            self._problem(line, path, f"expected plain data, found the tag '{tag}'. Remove it.")
            return Node(None, line=line)
        if node.id == "mapping":
            return Node(self._mapping(node, path), line=line)
        if node.id == "sequence":
            children = enumerate(node.value)
            return Node(
                tuple(self.convert(child, f"{path}[{index}]") for index, child in children),
                line=line,
            )
        value = node.value if node.style else _scalar(node.value)
        return Node(value, text=node.value, line=line)

    def _count(self, line: int) -> None:
        # An alias stands for all that its anchor holds: ten lines of ten aliases each are 10**10.
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = (
                f"expected at most {MAX_NODES} values, found more, aliases counted as what they "
                "stand for. Remove aliases."
            )
            raise SpecError([Problem(_place(self.origin, line, ""), message)])

    def _problem(self, line: int, path: str, message: str) -> None:
        self.problems.append(Problem(_place(self.origin, line, path), message))

    def _mapping(self, node: Any, path: str) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.id != "scalar":
                message = "expected a word as the key, found a collection. Write key: value."
                self._problem(line, path, message)
                continue
            key = str(key_node.value)
            place = f"{path}.{key}" if path else key
            value = self.convert(value_node, place)
            if key in children:
                first = children[key].line
                message = f"expected each key once, found '{key}' again (first at line {first}). "
                self._problem(line, path, message + "Remove one of them.")
                continue
            children[key] = value
        return children


def _place(origin: str, line: int, path: str) -> str:
    return f"{origin}:{line}" + (f": {path}" if path else "")


def _scalar(text: str) -> Any:
    """Resolves a plain scalar by the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(text):
            return int(text, base)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _NUMBER.fullmatch(text):
        return float(text)
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    return float("nan") if text.lower() == ".nan" else text


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def override(
    document: YamlDocument, assignments: Sequence[str], lists: Sequence[str] = ()
) -> YamlDocument:
    """Returns the document with `key=value` assignments applied, as `--set` takes them.

    A key is a path such as `augment.stages[1].p`; the value is YAML. Missing mappings are made,
    list entries must exist.

    Args:
      lists: paths at which the document may have lists, for hints.

    Raises:
      SpecError: an assignment has no `=`, or its path leads nowhere.
    """
    root = document.root
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        steps = [name or int(index) for name, index in _STEP.findall(path)]
        where = option(f"set {assignment}", "overrides")
        if not equals or not steps:
            message = "expected key=value, found no key or no '='. Write seed=3, say."
            raise SpecError([Problem(where, message)])
        value = parse(text, origin=where, folder=document.folder).root if text else Node(None, "")
        if text.lstrip().startswith("#"):  # a color such as #ff0000, which YAML calls a comment
            value = Node(text, text)
        _check_lists(root, steps, where, lists)
        root = _assign(root, steps, _without_lines(value), where)
    return YamlDocument(root, document.origin, document.folder)


def _check_lists(root: Node, steps: Sequence[str | int], where: str, lists: Sequence[str]) -> None:
    """Raises a SpecError if a path counts in a list that is not there, and says which was meant."""
    node: Node | None = root
    path = ""
    for step, following in itertools.pairwise(steps):
        value = node.value if node is not None else None
        if isinstance(step, int):
            node = value[step] if isinstance(value, tuple) and step < len(value) else None
            path = f"{path}[{step}]"
            continue
        node = value.get(step) if isinstance(value, dict) else None
        path = f"{path}.{step}" if path else step
        if isinstance(following, int) and node is None:
            close = closest(path, lists) if path not in lists else None
            hint = f"Did you mean '{close}'?" if close else "Add it to the file."
            message = (
                f"there is no list '{path}' in the pipeline, and no entry [{following}] of it."
            )
            raise SpecError([Problem(where, f"{message} {hint}")])


def _without_lines(node: Node) -> Node:
    if isinstance(node.value, dict):
        return Node({key: _without_lines(child) for key, child in node.value.items()})
    if isinstance(node.value, tuple):
        return Node(tuple(_without_lines(child) for child in node.value))
    return Node(node.value, node.text)


def _assign(node: Node, steps: Sequence[str | int], value: Node, where: str) -> Node:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        if not isinstance(node.value, tuple) or step >= len(node.value):
            length = len(node.value) if isinstance(node.value, tuple) else 0
            message = f"expected a list of more than {step} entries at [{step}], found {length}."
            raise SpecError([Problem(where, f"{message} Correct the index.")])
        children = list(node.value)
        children[step] = _assign(children[step], rest, value, where)
        return replace(node, value=tuple(children), text=None)
    if isinstance(node.value, str):  # `cnn` is short for {use: cnn}
        node = Node({"use": node}, line=node.line, preset=node.preset)
    if node.value is not None and not isinstance(node.value, dict):
        message = f"expected a mapping above '{step}', found {node.plain()!r}. Correct the path."
        raise SpecError([Problem(where, message)])
    mapping = dict(node.value or {})
    mapping[step] = _assign(mapping.get(step, Node(None)), rest, value, where)
    return replace(node, value=mapping, text=None)
