"""A patch: a YAML file of assignments to a pipeline, as `--set` takes them one by one.

    train.optimizer.learning_rate: 0.0032
    stream.stages[0].p: 0.4

So it says what it changes by the paths that errors and the section `tune` name, and an entry of a
list can be changed without the rest of the list.
"""

import json
from pathlib import Path

from dsbuilder.errors import Problem, SpecError
from dsbuilder.pipelinefile.document import Node, read


def read_patch(path: Path) -> tuple[str, ...]:
    """Returns the assignments of a patch, in their order.

    Raises:
      SpecError: there is no such file, or it is no mapping.
    """
    document = read(path)
    root = document.root
    if not isinstance(root.value, dict):
        message = f"expected path: value on each line, found {root.plain()!r}. Write seed: 3, say."
        raise SpecError([Problem(document.where(root, ""), message)])
    return tuple(f"{key}={flow_of(node)}" for key, node in root.value.items())


def flow_of(node: Node) -> str:
    """Returns a node as YAML on one line, its scalars as they are written."""
    if isinstance(node.value, dict):
        pairs = (f"{json.dumps(key)}: {flow_of(each)}" for key, each in node.value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(node.value, tuple):
        return "[" + ", ".join(map(flow_of, node.value)) + "]"
    if isinstance(node.value, str):
        return json.dumps(node.text, ensure_ascii=False)
    return "null" if node.value is None else str(node.text)
