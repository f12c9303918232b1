"""What an action returns: plain data that a person, a program and a report can read alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from os import PathLike
from typing import Any

from dsbuilder.sample import Signature
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
        return {**plain(self), "warnings": list(self.warnings)}


def plain(value: Any) -> Any:
    """Returns a value of a document as JSON values: paths as text, signatures as manifests do.

    Of a document within another, the warnings are left out: the outer one has them.
    """
    if isinstance(value, Signature):
        return signature_to_json(value)
    if is_dataclass(value):
        names = [each.name for each in fields(value)]
        if isinstance(value, Document):
            names.remove("warnings")
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, PathLike) else value


def distinct(*warnings: Iterable[str]) -> tuple[str, ...]:
    """Returns warnings of several origins in one order, each once."""
    return tuple(dict.fromkeys(each for some in warnings for each in some))
