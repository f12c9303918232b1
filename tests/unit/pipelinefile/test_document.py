"""YAML text becomes a tree that knows its lines, by the 1.2 core schema, plain data only."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile.document import (
    MAX_NODES,
    YamlDocument,
    from_data,
    override,
    parse,
    read,
)


def document(text: str) -> YamlDocument:
    return parse(text, origin="a.yaml", folder=Path("/data"))


def plain(text: str) -> object:
    return document(text).root.plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-1", -1),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("~", None),
        ("'1'", "1"),
        ("1_000", "1_000"),
        ("2020-01-01", "2020-01-01"),
        ("12:30:45", "12:30:45"),
        (".inf", float("inf")),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = plain(f"a: {text}")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)  # type: ignore[index]


def test_an_integer_with_a_leading_zero_keeps_its_text() -> None:
    node = document("a: [01, no, 1.0]").root.value["a"]
    assert [child.text for child in node.value] == ["01", "no", "1.0"]


def test_every_node_knows_its_line() -> None:
    root = document("a: 1\nb:\n  - x\n  - {c: 2}\n").root
    assert root.value["b"].value[1].value["c"].line == 4


def test_a_duplicate_key_names_both_lines() -> None:
    with pytest.raises(SpecError) as error:
        document("a: 1\nb: {c: 1,\n    c: 2}\na: 3\n")
    assert str(error.value) == (
        "a.yaml:3: b: expected each key once, found 'c' again (first at line 2). "
        "Remove one of them.\n"
        "a.yaml:4: expected each key once, found 'a' again (first at line 1). Remove one of them."
    )


def test_an_object_tag_is_refused() -> None:
    with pytest.raises(SpecError) as error:
        document("a: 1\nb: !!python/object/apply:os.system ['true']\n")
    assert str(error.value) == (
        "a.yaml:2: b: expected plain data, found the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'. Remove it."
    )


def test_broken_yaml_names_the_line() -> None:
    with pytest.raises(SpecError) as error:
        document("a: 1\nb: [1, 2\nc: 3\n")
    assert str(error.value).startswith("a.yaml:3: expected YAML, found what cannot be parsed: ")


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path / "none.yaml")
    assert str(error.value) == (f"{tmp_path}/none.yaml: no such file. Check the path.")


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfname: x\r\nseed: 1\r\n")
    assert read(tmp_path / "a.yaml").root.plain() == {"name": "x", "seed": 1}


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("a.b=1", {"a": {"b": 1}, "c": [{"p": 0.5}, {}]}),
        ("c[0].p=0", {"a": {"b": 0}, "c": [{"p": 0}, {}]}),
        ("c[1].name=no", {"a": {"b": 0}, "c": [{"p": 0.5}, {"name": "no"}]}),
        ("d.e=[1, 2]", {"a": {"b": 0}, "c": [{"p": 0.5}, {}], "d": {"e": [1, 2]}}),
    ],
)
def test_set_overrides_one_place(assignment: str, expected: object) -> None:
    base = document("a: {b: 0}\nc: [{p: 0.5}, {}]\n")
    assert override(base, [assignment]).root.plain() == expected


def test_set_gives_options_to_a_plugin_that_stands_as_its_name() -> None:
    base = document("train: {model: cnn}")
    found = override(base, ["train.model.width=8", "train.model.depth=2"]).root.plain()
    assert found == {"train": {"model": {"use": "cnn", "width": 8, "depth": 2}}}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "a",
            "--set a (in Python `overrides`): expected key=value, found no key or no '='. "
            "Write seed=3, say.",
        ),
        (
            "c[2].p=1",
            "--set c[2].p=1 (in Python `overrides`): expected a list of more than 2 entries "
            "at [2], found 2. Correct the index.",
        ),
        (
            "a.b.d=1",
            "--set a.b.d=1 (in Python `overrides`): expected a mapping above 'd', found 0. "
            "Correct the path.",
        ),
    ],
)
def test_set_refuses_a_path_that_leads_nowhere(assignment: str, message: str) -> None:
    base = document("a: {b: 0}\nc: [{p: 0.5}, {}]\n")
    with pytest.raises(SpecError) as error:
        override(base, [assignment])
    assert str(error.value) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
)


@given(JSON)
def test_plain_data_survives_the_tree(data: object) -> None:
    assert from_data(data, origin="x", folder=Path()).root.plain() == data


@given(st.text())
def test_any_text_is_a_tree_or_a_clear_error(text: str) -> None:
    try:
        document(text)
    except SpecError as error:
        assert all(problem.where.startswith("a.yaml") for problem in error.problems)


def test_an_alias_stands_for_what_its_anchor_holds() -> None:
    document = parse("a: &x [1, 2]\nb: *x\n", origin="p.yaml", folder=Path())
    assert document.root.plain() == {"a": [1, 2], "b": [1, 2]}


def test_aliases_of_aliases_are_refused_before_they_fill_the_memory() -> None:
    lines = ["l0: &l0 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    began_s = time.process_time()
    with pytest.raises(SpecError) as caught:
        parse("\n".join(lines), origin="p.yaml", folder=Path())
    assert str(caught.value) == (
        f"p.yaml:1: expected at most {MAX_NODES} values, found more, aliases counted as what they "
        "stand for. Remove aliases."
    )
    assert time.process_time() - began_s < 5
