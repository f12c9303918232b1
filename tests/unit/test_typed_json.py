"""JSON of somebody else: bounded, and of the types that are stated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder import typed_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4),
)


@dataclass(frozen=True, kw_only=True)
class Inner:
    sides: tuple[int, int]
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner
    counts: Mapping[str, int]
    share: float | None = None
    rows: tuple[Inner, ...] = ()
    rest: Any = None


GOOD = {"name": "x", "inner": {"sides": [1, 2]}, "counts": {"a": 1}}


@given(VALUES)
def test_what_is_read_is_what_json_says(value: object) -> None:
    text = json.dumps(value)
    assert typed_json.loads(text) == json.loads(text)
    assert typed_json.loads(text.encode()) == json.loads(text)


def test_brackets_count_by_their_depth_alone() -> None:
    assert typed_json.loads(json.dumps([[]] * 1000)) == [[]] * 1000
    assert typed_json.loads(json.dumps('[{\\"' * 1000)) == '[{\\"' * 1000
    assert typed_json.loads("[" * 100 + "]" * 100)


@given(VALUES, st.integers(0, 30))
def test_depth_is_told_without_parsing(value: object, more: int) -> None:
    def depth(each: object) -> int:
        children = each.values() if isinstance(each, dict) else each
        return 1 + max(map(depth, children), default=0) if isinstance(each, (dict, list)) else 0

    for _ in range(more):
        value = [value, '"]\\/', {"[": "\\"}]
    assert typed_json._depth(json.dumps(value).encode()) == depth(value)
    assert typed_json._depth(json.dumps(value).replace("/", r"\/").encode()) == depth(value)


@pytest.mark.parametrize("depth", [101, 900, 100_000])
@pytest.mark.parametrize(("one", "end"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_deeper_is_refused(depth: int, one: str, end: str, monkeypatch) -> None:
    text = one * depth + "1" + end * depth
    with pytest.raises(ValueError, match=r"nested deeper than 100 levels .DSBUILDER_MAX_DEPTH"):
        typed_json.loads(text)
    monkeypatch.setenv(typed_json.DEPTH, "1000000")
    if depth < 500:
        assert typed_json.loads(text)


def test_a_dataclass_is_made_of_a_mapping() -> None:
    bound = typed_json.bind(Outer, {**GOOD, "share": 1, "rows": [{"sides": [3, 4], "kind": "b"}]})
    assert bound.inner == Inner(sides=(1, 2))
    assert (bound.share, bound.rows) == (1, (Inner(sides=(3, 4), kind="b"),))
    assert typed_json.bind(Outer, {**GOOD, "more": 1}, partly=True) == typed_json.bind(Outer, GOOD)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"name": 1}, "name: expected str, found 1"),
        ({"name": None}, "name: expected str, found None"),
        ({"inner": {"sides": [1]}}, "inner.sides: expected tuple"),
        ({"inner": {"sides": [1, True]}}, r"inner.sides\[1\]: expected int, found True"),
        ({"inner": {"sides": [1, 2], "kind": "c"}}, "inner.kind: expected "),
        ({"inner": []}, r"inner: expected Inner, found \[\]"),
        ({"counts": {"a": 1.5}}, "counts.a: expected int, found 1.5"),
        ({"share": "x"}, "share: expected float"),
        ({"\x1b[2J": 1}, r"the unknown '\\x1b\[2J'"),
        ({"inner": {}}, "inner: found no 'sides'"),
    ],
)
def test_what_is_of_another_type_is_named(changed: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        typed_json.bind(Outer, {**GOOD, **changed})
