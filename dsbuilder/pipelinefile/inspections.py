"""The section `inspect`: inspectors by name, each with an action and its options.

inspect:
  truncated: quarantine
  near_duplicate: {action: warn, distance: 4}
"""

from dataclasses import dataclass
from typing import Any, Literal

from dsbuilder.errors import PluginError
from dsbuilder.pipelinefile.binding import FAILED, Binder, Custom
from dsbuilder.pipelinefile.document import Node
from dsbuilder.plugin import Inspector
from dsbuilder.registry import Registry

Action = Literal["ignore", "warn", "quarantine", "error"]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """An inspector of a pipeline.

    Attributes:
      plugin: the bound inspector.
      action: what a build does with a finding: `ignore` leaves the inspector out, `warn` says it,
        `quarantine` sets the record aside, `error` ends the build.
    """

    plugin: Inspector
    action: Action = "warn"

    def __post_init__(self) -> None:
        if self.action == "quarantine" and not self.plugin.of_records:
            raise ValueError(
                "expected ignore, warn or error for an inspector that judges the whole set, found "
                "quarantine. It names no record to set aside."
            )


def binder_of(registry: Registry) -> Custom:
    """Returns what binds one entry of the section; the last step of its path is the name."""

    def bind(binder: Binder, node: Node, path: str) -> tuple[Any, Any]:
        name = path.removeprefix("inspect.")
        try:
            plugin = registry.get(name, "inspector")
        except PluginError as error:
            return binder.problem(node, path, str(error))
        given = node.value if isinstance(node.value, dict) else {"action": node}
        options = {key: child for key, child in given.items() if key != "action"}
        word = given.get("action", Node("warn", "warn"))
        action, _ = binder.bind(Action, word, path if word is node else f"{path}.action")
        bound, resolved = binder.dataclass(
            plugin.cls, Node(options, line=node.line), path, noun="option"
        )
        if FAILED in (bound, action):
            return FAILED, None
        try:
            return Inspection(plugin=bound, action=action), {"action": action, **resolved}
        except ValueError as error:
            return binder.problem(node, path, str(error))

    return bind
