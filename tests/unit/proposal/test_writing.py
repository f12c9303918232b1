"""What is written reads back as it was meant, whatever it is."""

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from dsbuilder.paths import is_utf8
from dsbuilder.pipelinefile.document import parse
from dsbuilder.proposal.writing import Writer, flow

TEXTS = st.text().filter(is_utf8)
SCALARS = st.one_of(
    TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def read(text: str):
    return parse(text, origin="test", folder=Path()).root.plain()


@given(VALUES)
@example({"k" * 100: {}})  # nothing to put below a heading
def test_any_plain_data_reads_back_as_it_was(value) -> None:
    writer = Writer()
    writer.entry("key", value, "a comment")
    assert read(writer.text()) == {"key": value}


@given(TEXTS)
def test_a_comment_changes_nothing(comment: str) -> None:
    writer = Writer()
    writer.remark(comment)
    writer.entry("a", 1, comment)
    assert read(writer.text()) == {"a": 1}
    assert len(writer.text().splitlines()) <= 3


def test_texts_are_quoted_only_where_they_must_be() -> None:
    plain = ["folder", "../a/b.txt", "A.HorizontalFlip", "1.0.0"]
    quoted = ["no way", "1", "true", "", "~", "~home", "a: b", "#x", "[", "ä", '"']
    assert [flow(each) for each in plain] == plain
    assert all(flow(each).startswith('"') for each in quoted)


def test_a_long_comment_stands_above_its_line_and_as_far_in() -> None:
    writer = Writer()
    writer.heading("stages")
    writer.item({"use": "resize", "size": [64, 64]}, "why " * 20)
    assert writer.text().splitlines()[1].startswith("  # why why")
    assert read(writer.text()) == {"stages": [{"use": "resize", "size": [64, 64]}]}


def test_a_long_mapping_takes_several_lines() -> None:
    lists = {"train": ["a" * 60, "b"], "test": ["c" * 60, "d"]}
    writer = Writer()
    writer.entry("lists", lists, depth=1)
    assert [line[:11] for line in writer.text().splitlines()] == [
        "  lists:",
        "    train: ",
        "    test: [",
    ]
    assert read(writer.text()) == {"lists": lists}
