"""The JSON Schema of a pipeline refuses nothing that loads, and tells what is wrong in form."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from bad_pipelines import CASES, Case
from hypothesis import given, settings
from hypothesis import strategies as st

import dsbuilder
from dsbuilder.actions.schema import schema_of
from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile import described, load_data, schema, splitting, training
from dsbuilder.pipelinefile.document import parse, read
from dsbuilder.plugin import Range
from dsbuilder.registry import discover

ROOT = Path(__file__).parents[3]
PIPELINES = sorted((ROOT / "pipelines").glob("*.yaml"))


@cache
def registry():
    return discover([ROOT / "plugins"])


@cache
def validator() -> jsonschema.Draft7Validator:
    schema = json.loads(json.dumps(schema_of(registry()), allow_nan=False))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def complaints(data: object) -> list[str]:
    return [each.message for each in validator().iter_errors(data)]


def plain(text: str) -> Any:
    return parse(text, origin="p.yaml", folder=Path("/data")).root.plain()


def loads(data: Any) -> bool:
    try:
        load_data(data, registry(), origin="p.yaml", folder=Path("/data"))
    except SpecError:
        return False
    return True


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_every_pipeline_of_the_repository_is_taken(path: Path) -> None:
    assert complaints(read(path).root.plain()) == []


def test_every_pipeline_of_the_reference_is_taken() -> None:
    text = (ROOT / "pipelines/README.md").read_text()
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    parts = [plain(block) for block in blocks]
    whole = [each if "name" in each else {"name": "a", **each} for each in parts]
    given = [
        each if {"source", "synthesize"} & set(each) else {**each, "source": TOY} for each in whole
    ]
    assert len(given) > 5
    assert [(each, complaints(each)) for each in given if complaints(each) and loads(each)] == []


TOY = {"use": "folder", "path": "a"}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_bad_pipelines_are_refused_whose_mistake_is_one_of_form(case: Case) -> None:
    try:
        data = plain(f"name: pets\n{case.pipeline}\n")
    except SpecError:
        return  # no YAML, or a key twice: an editor's YAML says so, whatever the schema
    assert bool(complaints(data)) == case.of_form


def test_the_bad_pipelines_that_are_beyond_a_schema_are_these() -> None:
    assert [name for name, each in CASES.items() if each.code == 2 and not each.of_form] == [
        "a missing folder",
        "one of several sources that is missing",
        "a duplicate YAML key",
        "shares that do not sum to 1",
        "branches that end in different signatures",
        "what is not YAML",
    ]


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("sed: 3", "'sed' was unexpected"),
        ("version: 1.0", "1.0 is not of type 'string'"),
        ("name: Toy", "'Toy' does not match"),
        ("augment: {copies: -1}", "-1 is less than the minimum of 0"),
        ("cache: {quality: 101}", "101 is greater than the maximum of 100"),
        ("split: {train: 2}", "2 is greater than the maximum of 1"),
        ("cache: {codec: zip}", "'zip' is not one of ['tfrecord', 'npy']"),
        ("prepare: [{use: resize, shrt: 8}]", "'shrt' was unexpected"),
        ("prepare: [{use: resize, short: 0}]", "0 is less than the minimum of 1"),
        ("prepare: [{use: resize, short: $shrt}]", "'$shrt' does not match"),
        ("prepare: [{use: mixup}]", "should not be valid under"),
        ("prepare: [{use: resize, short: 8, only_classes: [a]}]", "False schema"),
        (
            "augment: {stages: [{use: salt_pepper, density: [0, 2]}]}",
            "2 is greater than the maximum",
        ),
        ("augment: {stages: [{use: A.HorizontalFlip, p: 2}]}", "2 is greater than the maximum"),
        ("augment: {stages: [{use: A.HorizontalFlip, q: 1}]}", "'q' was unexpected"),
        (
            "augment: {stages: [{use: A.HorizontalFlop}]}",
            "'A.HorizontalFlop' is not valid under any",
        ),
        ("augment: {stages: [{use: A.RandomCrop, height: 3}]}", "'width' is a required property"),
        ("augment: {stages: [{preset: wether}]}", "'wether' is not one of"),
        ("inspect: {truncated: wrn}", "not valid under any"),
        ("inspect: {truncatd: warn}", "'truncatd' was unexpected"),
        ("synthesize: [{use: shapes}]", "'count' is a required property"),
        ("train: {model: cnnn}", "'cnnn' is not valid under any"),
        (
            "train: {model: cnn, optimizer: {learning_rate: 0}}",
            "0 is less than or equal to the minimum",
        ),
        ("tune: {train.epochs: [1, 2]}", "'train.epochs' does not match"),
        ("tune: {train.model.width: [1]}", "not valid under any"),
    ],
)
def test_a_mistake_of_form_is_told_at_its_place(pipeline: str, message: str) -> None:
    data = {"name": "toy", "source": TOY, **plain(pipeline)}
    assert not loads(data)
    found = complaints(data)
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    "pipeline",
    [
        "size: 96\nprepare: [{use: resize, short: $short*1.25}, {use: A.Resize, "
        "height: $long, width: 3}]",
        "augment: {stages: [{use: salt_pepper, density: 0.5}, {use: "
        "'local:salt_pepper', name: b}]}",
        "augment: {stages: [{use: A.RandomCrop, height: 8, width: 8, "
        "only_classes: [a, 1]}, mixup]}",
        "augment: {stages: [{__class_fullname__: HorizontalFlip, p: 0.5}, {preset: weather}]}",
        "stream: {stages: [{use: one_of, stages: [A.HorizontalFlip, {use: "
        "A.Affine, interpolation: area}]}]}",
        "source: {use: several, sources: {a: {use: folder, path: a}, b: {use: folder, path: b}}}",
        "inspect: {truncated: quarantine, near_duplicate: {action: warn, ratio: 0.3}}",
        "train: {model: cnn, loss: {use: focal}, metrics: [top_k], fine_tune: "
        "null, patience: auto}",
        "tune: {train.optimizer.learning_rate: {low: 1e-4, high: 1e-1, scale: "
        "log}, size: [64, 96]}",
        "split: {train: 0.5, test: 0.5, group: {sequence: 2}}",
    ],
)
def test_every_form_of_an_option_is_taken(pipeline: str) -> None:
    data = {"name": "toy", "source": TOY, **plain(pipeline)}
    assert complaints(data) == []
    assert loads(data)


def test_every_plugin_has_its_options_with_text_and_default() -> None:
    definitions = validator().schema["definitions"]
    for plugin in registry().plugins:
        if plugin.kind in ("exporter", "inspector") or plugin.mark.is_family:
            continue
        place = {"transform": "any_stage", "mixer": "any_stage", "synthesizer": "synthesis"}
        found = definitions[place.get(plugin.kind, plugin.kind)]
        found = found.get("else", found)
        found = found.get("else", found)
        entries = [
            e for e in found["allOf"] if plugin.full_name in e["if"]["properties"]["use"]["enum"]
        ]
        assert len(entries) == 1, plugin
        options = entries[0]["then"]["properties"]
        for each in fields(plugin.cls):
            assert options[each.name]["description"]


VALID = [
    *(read(path).root.plain() for path in PIPELINES),
    *(
        {"name": "toy", "source": TOY, **plain(text)}
        for text in (
            "prepare: [{use: resize, size: [8, 8], fit: pad}]\n"
            "synthesize: [{use: shapes, count: 3}]\n"
            "balance: {to: 9, with: [augment]}\ninspect: {leak: warn, tiny: {action: ignore}}",
            "augment: {stages: [{use: one_of, stages: [{use: A.Blur, p: 1}], weights: [1]}, mixup]}"
            "\n"
            "train: {model: {use: cnn, width: 8}, heads: {label: {weight: 2, loss: focal}}}",
        )
    ),
]
VALUES = st.sampled_from(
    (
        None,
        True,
        0,
        -1,
        1,
        3,
        0.5,
        1.5,
        1e9,
        "a",
        "$size",
        "auto",
        [],
        [1, 2],
        [0.1, 0.2],
        {},
        {"use": "cnn"},
    )
)


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, value in (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    ):
        yield from paths(value, (*path, key))


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copied = dict(data) if isinstance(data, dict) else list(data)
    copied[path[0]] = changed(data[path[0]], path[1:], value)
    return copied


@given(st.data())
@settings(max_examples=300)
def test_what_is_refused_does_not_load(data) -> None:
    pipeline = data.draw(st.sampled_from(VALID))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(paths(pipeline))[1:]))
        pipeline = changed(pipeline, path, data.draw(VALUES))
    found = complaints(pipeline)
    assert not (found and loads(pipeline)), found


HANGS_ON_OTHERS = {
    *("some_of.pick: minimum", "some_of.pick: maximum"),  # the number of its stages
    *("tiles.overlap: minimum", "tiles.overlap: maximum"),  # the size of a tile
    *("classic.zoom_range: minimum", "classic.zoom_range: maximum"),  # a number is another interval
    *("classic.width_shift_range: minimum", "classic.height_shift_range: minimum"),  # than a list
}
"""Sides on which a class bounds a number by what another option says, or by how it is written."""


def unstated(cls: type, option: str) -> Iterator[str]:
    """The sides on which a class bounds a number for which its docstring states no such bound."""
    hint = get_type_hints(cls)[option]
    if not {int, float, Range} & {hint, *get_args(hint)}:
        return
    shape = (lambda v: Range(v, v)) if hint is Range else lambda v: v
    kept = described.bounds(cls, option, described.attributes(cls).get(option, ""))
    if any(accepts(cls, option, shape(value)) for value in (1, 0, 2, 8, 0.5, 100, 3)):
        for words, far in (("minimum", "exclusiveMinimum"), -(10**9)), (LARGE, 10**9):
            if not accepts(cls, option, shape(far)) and not set(words) & set(kept):
                yield words[0]


LARGE = ("maximum", "exclusiveMaximum")


def accepts(cls: type, option: str, value: object) -> bool:
    required = {
        each.name: "a"
        for each in fields(cls)
        if each.init and each.default is MISSING and each.default_factory is MISSING
    }
    try:
        cls(**{**required, option: value})
    except (ValueError, TypeError, AttributeError, dsbuilder.DsbuilderError):
        return False
    return True


SECTIONS = [
    value
    for module in (schema, training, splitting)
    for value in vars(module).values()
    if is_dataclass(value) and value.__module__ == module.__name__
]


def test_every_interval_that_a_class_keeps_is_stated() -> None:
    """In its docstring, so that help and schema have it."""
    named = [(each.name, each.cls) for each in registry().plugins if not each.mark.is_family]
    missing = {
        f"{name}.{each.name}: {word}"
        for name, cls in (*named, *((cls.__name__, cls) for cls in SECTIONS))
        for each in fields(cls)
        if each.init and cls is not splitting.SplitOptions  # whose shares sum to 1
        for word in unstated(cls, each.name)
    }
    assert missing == HANGS_ON_OTHERS


def test_the_schema_is_an_answer_of_the_api_and_is_written(tmp_path: Path) -> None:
    path = tmp_path / ".dsbuilder.schema.json"
    found = dsbuilder.schema(path, plugins=[ROOT / "plugins"])
    assert (
        json.loads(path.read_text()) == json.loads(json.dumps(found.schema)) == validator().schema
    )
    dsbuilder.schema(path, plugins=[])  # one of ours is made anew
    assert "salt_pepper" not in path.read_text()
    path.write_text("{}")
    with pytest.raises(dsbuilder.DataError, match="found another"):
        dsbuilder.schema(path)
    assert path.read_text() == "{}"


def test_a_schema_is_one_for_editors_too() -> None:
    """They take no list without an entry, which the validator of Python lets pass."""

    def lists(value: Any) -> Iterator[list[Any]]:
        if isinstance(value, dict):
            yield from (
                value[word] for word in ("enum", "allOf", "anyOf", "required") if word in value
            )
        for each in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ):
            yield from lists(each)

    bare = schema_of(discover())
    assert all(
        isinstance(each, list | dict | bool) and each
        for each in lists(bare)
        if isinstance(each, list)
    )


def test_a_schema_holds_no_number_that_json_lacks() -> None:
    def numbers(value: Any) -> Iterator[float]:
        if isinstance(value, float):
            yield value
        for each in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ):
            yield from numbers(each)

    assert all(map(math.isfinite, numbers(validator().schema)))
