"""Whether the plugins of a file keep the contract of their kind, check by check."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.actions.document import Document
from dsbuilder.testing import ContractError, outcomes
from dsbuilder.testing.files import plugins_of
from dsbuilder.testing.kinds import checks_of
from dsbuilder.testing.promises import Check


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """What a check said.

    Attributes:
      check: name of the check.
      promises: what it tries, in words.
      passed: whether the plugin passed.
      shown: what the plugin was shown when it failed, such as an image and its targets, or empty.
      failure: what was expected and found, and what to do; or empty.
    """

    check: str
    promises: str
    passed: bool
    shown: str = ""
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckedPlugin:
    """A plugin and what its checks said.

    Attributes:
      name, kind: name and kind of the plugin.
      passed: whether it passed all of them.
      checks: what was tried, in that order.
      untried: names of checks that were not: it is slow or keeps memory, which is mended first.
    """

    name: str
    kind: str
    passed: bool
    checks: tuple[CheckOutcome, ...]
    untried: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckPluginsDocument(Document):
    """What the contract kit says of the plugins of a file.

    Attributes:
      file: the file.
      passed: whether every plugin passed every check.
      plugins: plugins of the file.
    """

    file: Path
    passed: bool
    plugins: tuple[CheckedPlugin, ...]


def check_plugins(file: Path | str, *, options: Sequence[str] = ()) -> CheckPluginsDocument:
    """Tries the plugins of a file by the checks of their kind; goes on after one that failed.

    Only what is slow or keeps memory is asked no more: it would be for minutes.

    Args:
      file: file of a `plugins/` folder.
      options: options as `key=value`, for those plugins that have such an option.

    Raises:
      PluginError: the file cannot be imported, or has no plugin.
      SpecError: an option is missing or wrong.
    """
    path = Path(file)
    checked = tuple(_checked(plugin) for plugin in plugins_of(path, options))
    passed = all(each.passed for each in checked)
    return CheckPluginsDocument(file=path.absolute(), passed=passed, plugins=checked)


def _checked(plugin: Any) -> CheckedPlugin:
    mark = type(plugin).__dsbuilder__
    checks = tuple(_outcome(check, error) for check, error in outcomes(plugin))
    return CheckedPlugin(
        name=mark.name,
        kind=mark.kind,
        passed=all(each.passed for each in checks),
        checks=checks,
        untried=tuple(check.name for check in checks_of(plugin)[len(checks) :]),
    )


def _outcome(check: Check, error: ContractError | None) -> CheckOutcome:
    if error is None:
        return CheckOutcome(check=check.name, promises=check.promises, passed=True)
    return CheckOutcome(
        check=check.name,
        promises=check.promises,
        passed=False,
        shown=error.shown,
        failure=error.text,
    )
