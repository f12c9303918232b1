"""A document is plain data: its fields are the keys of its JSON, whatever they hold."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.document import Document, distinct
from dsbuilder.plugin import ClassLabel, ImageSignature, Signature

SIGNATURE = Signature(
    image=ImageSignature(height=2, width=3, channels=1),
    targets={"label": ClassLabel(names=("a", "b"))},
)


@dataclass(frozen=True, kw_only=True)
class Part:
    files: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Inner(Document):
    count: int


@dataclass(frozen=True, kw_only=True)
class Outer(Document):
    parts: Mapping[str, Part]
    signature: Signature
    inner: Inner
    nothing: None = None


def test_every_value_becomes_json() -> None:
    document = Outer(
        parts={"x": Part(files=(Path("a/b"),))},
        signature=SIGNATURE,
        inner=Inner(count=1, warnings=("heard below",)),
        warnings=("heard below",),
    )
    values = json.loads(json.dumps(document.to_json()))
    assert list(values) == ["parts", "signature", "inner", "nothing", "warnings"]
    assert values["parts"] == {"x": {"files": ["a/b"]}}
    assert values["signature"]["image"]["height"] == 2
    assert values["inner"] == {"count": 1}
    assert values["nothing"] is None
    assert values["warnings"] == ["heard below"]


def test_warnings_of_several_origins_are_told_once() -> None:
    assert distinct(["b", "a"], (), ("a", "c")) == ("b", "a", "c")
