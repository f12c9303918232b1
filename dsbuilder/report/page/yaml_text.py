"""JSON values as YAML, to be read: what is short stands on one line, everything else in blocks."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 100
_PLAIN = re.compile(r"(?:\.{1,2}/|[A-Za-z_/])[A-Za-z0-9_./ -]*[A-Za-z0-9_./-]|[A-Za-z_]")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Plain words that a reader of YAML may take for something else than a text."""


def as_yaml(values: Mapping[str, Any]) -> str:
    """Returns a mapping as YAML 1.2 that reads back as equal values."""
    return "".join(f"{line}\n" for line in _block(values, "")) or "{}\n"


def _block(value: Any, margin: str) -> Iterator[str]:
    for name, each in value.items():
        yield from _entry(f"{margin}{_scalar(name)}:", each, f"{margin}  ")


def _entry(head: str, value: Any, margin: str) -> Iterator[str]:
    """Yields a value behind what it is the value of."""
    short = _flow(value)
    if not isinstance(value, (Mapping, list, tuple)) or not value or _fits(head, short, value):
        yield f"{head} {short}"
    elif isinstance(value, Mapping):
        yield head
        yield from _block(value, margin)
    else:
        yield head
        for each in value:
            yield from _entry(f"{margin}-", each, f"{margin}  ")


def _fits(head: str, short: str, value: Any) -> bool:
    """Whether a value stands on the line of its name: a short one without mappings in it."""
    values = value.values() if isinstance(value, Mapping) else value
    return len(head) + len(short) < _WIDTH and not any(map(_holds_mapping, values))


def _holds_mapping(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_mapping, value))
    return isinstance(value, Mapping) and bool(value)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(name)}: {_flow(each)}" for name, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
