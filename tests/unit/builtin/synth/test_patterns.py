"""patterns: what is drawn matches by Python's own `re`, and nothing is passed over."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.synth.patterns import parse
from dsbuilder.plugin import generator

ATOMS = st.sampled_from(
    [*"aZ9 -é中", r"\d", r"\w", r"\.", r"\u4e2d", r"\x41", "[a-c]", r"[\d_-]", "[]x]", "[+*.]"]
)
REPEATS = st.sampled_from(["", "", "?", "{2}", "{0,3}"])
ROWS = st.lists(st.tuples(ATOMS, REPEATS), min_size=1, max_size=4).map(
    lambda parts: "".join(map("".join, parts))
)
PATTERNS = st.recursive(
    ROWS,
    lambda inner: st.builds(
        "{}({}{}|{}){}".format, ROWS, st.sampled_from(["", "?:"]), inner, ROWS, REPEATS
    ),
    max_leaves=4,
)


@given(pattern=PATTERNS, seed=st.integers(0, 99))
def test_what_is_drawn_matches_and_is_of_the_characters(pattern: str, seed: int) -> None:
    node = parse(pattern)
    text = node.draw(generator("patterns", seed))
    assert re.fullmatch(pattern, text)
    assert len(text) <= node.longest
    assert set(text) <= node.characters()


def test_everything_that_matches_comes() -> None:
    node = parse(r"^(a|b[0-2])c?x{1,2}$")
    drawn = {node.draw(generator("all", seed)) for seed in range(500)}
    heads, ends = ("a", "b0", "b1", "b2"), ("x", "xx", "cx", "cxx")
    assert drawn == {head + end for head in heads for end in ends}


def test_a_bracket_that_comes_first_is_a_member() -> None:
    assert parse("[]a]").characters() == {"]", "a"}
    assert parse(r"x[]-a]").characters() == set("x]^_`a")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a*", "'*', which has no end,"),
        ("[a-z]+", "'+', which has no end,"),
        ("a{2,}", "'{2,}'"),
        ("a{3,2}", "'{3,2}'"),
        ("a{1,2}{3}", "a second repeat '{'"),
        ("a??", "a second repeat '?'"),
        ("(?=a)b", "'(?='"),
        ("(?P<x>a)", "'(?P'"),
        ("[^a]", "'[^'"),
        ("[c-a]", "'c-a'"),
        ("a.b", "'.'"),
        (r"\bword", r"'\b'"),
        (r"(a)\1", r"'\1'"),
        (r"\u12g4", r"'\u12g4'"),
        ("(ab", "a '(' without its ')'"),
        ("ab)", "a ')' without its '('"),
        ("[ab", "the end in a set"),
        ("[]", "the end in a set"),
        ("a\\", "the end in an escape"),
        ("?a", "'?'"),
    ],
)
def test_what_is_not_heeded_is_refused(pattern: str, found: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(pattern)
    assert f"found {found} in '{pattern}'. Write it without." in str(caught.value)
