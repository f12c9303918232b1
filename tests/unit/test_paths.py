"""What layouts have in common: paths that stay inside, names for messages."""

import posixpath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dsbuilder.errors import DataError, did_you_mean, printable, shortened
from dsbuilder.layouts.classes import check_class_count, class_names
from dsbuilder.layouts.splits import split_named
from dsbuilder.paths import Inside, is_utf8, normalized


@given(st.lists(st.sampled_from(["a", "b.png", ".", "..", "", "...", " "]), max_size=6))
def test_a_normalized_path_stays_below_any_root_and_keeps_its_form(parts):
    path = "/".join(parts)
    if path.startswith("/") or ".." in parts or not any(part not in ("", ".") for part in parts):
        with pytest.raises(DataError):
            normalized(path)
        return
    assert normalized(path) == posixpath.normpath(path)
    assert normalized(normalized(path)) == normalized(path)


@given(st.text())
def test_whatever_is_written_a_normalized_path_is_clean_or_refused(text):
    try:
        path = normalized(text)
    except DataError as error:
        str(error).encode()
        return
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))


def test_a_contained_path_is_the_file_below_the_root(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(b"")
    assert Inside(tmp_path).locate("./a//b.png") == "a/b.png"


def test_a_root_that_is_a_prefix_of_a_neighbors_name_does_not_hold_it(tmp_path):
    for name in ("root", "root2"):
        (tmp_path / name).mkdir()
    (tmp_path / "root2" / "a.png").write_bytes(b"")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "root2")
    with pytest.raises(DataError) as caught:
        Inside(tmp_path / "root").locate("link/a.png")
    assert str(caught.value) == (
        f"expected a file below {tmp_path}/root, found 'link', which links to {tmp_path}/root2."
    )


def test_split_words_are_known_in_any_case_and_others_are_not():
    assert split_named("Valid") == "validation"
    assert split_named("trains") is None


def test_class_names_are_sorted_as_text_unless_given():
    assert class_names(["10", "9", "10"], None) == ("10", "9")
    assert class_names(["b", "a"], ("b", "a")) == ("b", "a")


def test_no_class_at_all_is_an_error():
    with pytest.raises(DataError) as caught:
        check_class_count([], where="here", noun="classes")
    assert str(caught.value) == ("here: there are no classes. Add one, or check the path.")


@given(st.binary())
def test_any_file_name_can_be_printed(data):
    name = data.decode("utf-8", "surrogateescape")
    printable(name).encode()
    assume("\\" not in name)
    assert printable(name).isprintable()
    assert (is_utf8(name) and name.isprintable()) == (printable(name) == name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("größe 猫", "größe 猫"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred\x7f", r"\x1b[31mred\x7f"),
        ("a\u2028b\u202e", r"a\u2028b\u202e"),
        ("\udce9.png", r"\xe9.png"),
        ("\ud800", r"\ud800"),
        (r"\udce9", r"\udce9"),  # of these letters, not of that byte
    ],
)
def test_what_cannot_be_printed_is_escaped(name, text):
    assert printable(name) == text
    assert shortened([name]) == f"'{text}'"
    assert did_you_mean("nothing like it", [name]) == f" Known: {text}."


def test_many_names_are_shortened():
    assert shortened("abc") == "'a', 'b', 'c'"
    assert shortened("abcd", limit=2) == "'a', 'b' and 2 more"
