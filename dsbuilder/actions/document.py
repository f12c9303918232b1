"""What an action returns: plain data that a person, a program and a report can read alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from os import PathLike
from typing import Any

from dsbuilder.sample import SampleSpec
from dsbuilder.targets import signature_to_json


@dataclass(frozen=True, kw_only=True)
class Document:
    """Base of what actions return; the fields of each are the keys of its JSON.

    Attributes:
      warnings: what a person should know besides the result, each sentence once.
    """

    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the document as JSON values, as `--json` prints it; warnings stand last."""
        values: dict[str, Any] = plain(self)
        values["warnings"] = values.pop("warnings")
        return values


def plain(value: Any) -> Any:
    """Returns a value of a document as JSON values: paths as text, signatures as manifests do."""
    if isinstance(value, SampleSpec):
        return signature_to_json(value)
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, PathLike) else value


def distinct(*warnings: Iterable[str]) -> tuple[str, ...]:
    """Returns warnings of several origins in one order, each once."""
    return tuple(dict.fromkeys(each for some in warnings for each in some))
