"""words: frequencies are heeded, and what is written is said in one way."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dsbuilder.builtin.synth.words import Wording
from dsbuilder.plugin import generator


def wording(**options: Any) -> Wording:
    left_out = {"words": None, "charset": None, "frequencies": None, "patterns": ()}
    return Wording(**{**left_out, "length": (4, 8), **options})


def test_characters_come_as_often_as_they_are_stated(tmp_path: Path) -> None:
    path = tmp_path / "rates.txt"
    path.write_text("\ufeffa 6\n\nb\t3\nc 0\n", encoding="utf-8")
    stated = {"a": 6.0, "b": 3.0, "c": 0.0}
    of_file, of_mapping = wording(frequencies=path), wording(frequencies=stated)
    more = wording(charset="abcd", frequencies=stated)
    for each, shares in ((of_file, (6, 3, 0, 0)), (of_mapping, (6, 3, 0, 0)), (more, (6, 3, 0, 1))):
        texts = [each.draw(generator("rates", seed)) for seed in range(1000)]
        counts = Counter("".join(texts))
        total = sum(counts.values())
        for character, share in zip("abcd", shares, strict=True):
            assert abs(counts[character] / total - share / sum(shares)) < 0.02
        assert {len(text) for text in texts} == {4, 5, 6, 7, 8}


def test_patterns_are_drawn_from_equally_often() -> None:
    each = wording(patterns=(r"\d{2}", "x"))
    texts = [each.draw(generator("two", seed)) for seed in range(600)]
    assert 250 < texts.count("x") < 350
    assert each.characters() == set("0123456789x")
    assert each.classes() == tuple("0123456789x")


def test_characters_of_patterns_are_composed() -> None:
    """As texts are: what stands for another one, such as the unit angstrom, never comes."""
    each = wording(patterns=("\u212b\uf900",))
    assert each.draw(generator("composed")) == "\u00c5\u8c48"
    assert each.characters() == {"\u00c5", "\u8c48"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"charset": "ab", "patterns": ("a",)}, "found 'charset' and 'patterns'. Say in one way"),
        ({"frequencies": {"ab": 1.0}}, "a number of 0 or more for each character, found 'ab': 1."),
        ({"frequencies": {"a": -1.0}}, "a number of 0 or more for each character, found 'a': -1."),
        ({"frequencies": {"a": 0.0}}, "frequencies: all are 0."),
        ({"charset": "a", "frequencies": {"b": 1.0}}, "'b' is not in the charset. Remove it."),
        ({"frequencies": Path("/no/file")}, "cannot be read (No such file or directory)."),
        ({"patterns": ("a?{",)}, "found a second repeat '{'"),
        ({"patterns": ("",)}, "expected texts of 1 to 10000 characters, found up to 0 of ''."),
        ({"patterns": ("(a{1000}){11}",)}, "1 to 10000 characters, found up to 11000 of"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wording(**options).characters()
    assert message in str(caught.value)


def test_a_wrong_line_of_frequencies_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rates.txt"
    path.write_text("a 1\nb\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rates\.txt:2: expected a character and a number"):
        wording(frequencies=path).characters()
