"""Lists of texts: what each form says, what it refuses, and that what is written is read again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.ocr.format import ListForm, named_text, read_pairs, write_pairs


def pairs(folder: Path, data: str | bytes, form: ListForm | None = None) -> list[tuple[str, str]]:
    path = folder / "gt.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    faults = Faults()
    found = [(pair.image, pair.text) for pair in read_pairs(path, faults, form)]
    faults.check()
    return found


def refusal(folder: Path, data: str, form: ListForm | None = None) -> str:
    with pytest.raises(DataError) as caught:
        pairs(folder, data, form)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("line", "image", "text"),
    [
        ("images/0/0.jpg\tExit 4", "images/0/0.jpg", "Exit 4"),
        ("a.jpg\t two  blanks ", "a.jpg", " two  blanks "),
        ("a.jpg\tone\ttab", "a.jpg", "one\ttab"),
        ("a.jpg\t", "a.jpg", ""),
        ('word_1.png, "Genaxis Theatre"', "word_1.png", "Genaxis Theatre"),
        (r'word_2.png, "say \"yes\", now"', "word_2.png", 'say "yes", now'),
        (r'word_3.png, "back\\slash\n"', "word_3.png", r"back\slash\n"),
        ('a, b.png,"x"', "a, b.png", "x"),
        ("word_4.png, bare", "word_4.png", "bare"),
        ('word_5.png, ""', "word_5.png", ""),
        ('word_6.png, "猫, 犬"  ', "word_6.png", "猫, 犬"),
        ("0_0.jpg some words", "0_0.jpg", "some words"),
        ("my word.JPG some.png words", "my word.JPG", "some.png words"),
        ("0.jpg 100,5", "0.jpg", "100,5"),
    ],
)
def test_a_line_is_an_image_and_its_text(tmp_path, line, image, text):
    assert pairs(tmp_path, line) == [(image, text)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("between", ["\t", ', "', " "])
def test_line_ends_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path, between, mark, end):
    close = '"' if between.endswith('"') else ""
    text = f"{end}a.jpg{between}ä{close}{end}{end}b.jpg{between}b\u2028c{close}"
    assert pairs(tmp_path, mark + text.encode()) == [("a.jpg", "ä"), ("b.jpg", "b\u2028c")]


def test_the_form_is_the_one_that_most_lines_have(tmp_path):
    message = refusal(tmp_path, 'a.png, "x"\nb.png, "y"\nc.png z\nd.png, "open\n')
    assert message == (
        "gt.txt:3: expected 'image, \"text\"', found 'c.png z'. Correct the line.\n"
        "gt.txt:4: expected a text that ends in a quote, found '\"open'. Correct the line."
    )


def test_a_stated_form_is_taken(tmp_path):
    assert pairs(tmp_path, "a.jpg , x", "space") == [("a.jpg", ", x")]
    assert refusal(tmp_path, "a.jpg x", "tab") == (
        "gt.txt:1: expected 'image<TAB>text', found 'a.jpg x'. Correct the line."
    )


def test_a_line_without_a_text_is_an_error(tmp_path):
    assert refusal(tmp_path, "a.jpg x\nb.jpg\n") == (
        "gt.txt:2: expected 'image text', found 'b.jpg'. Correct the line."
    )


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\r\n"), max_size=20)


@given(st.lists(texts, max_size=8))
def test_what_is_written_is_read_again(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("ocr") / "gt.txt"
    written = [(f"{index}.png", text) for index, text in enumerate(found)]
    assert write_pairs(path, written) == len(written)
    faults = Faults()
    assert [(each.image, each.text) for each in read_pairs(path, faults)] == written
    faults.check()


@given(st.binary(max_size=200), st.sampled_from([None, "tab", "icdar", "space"]))
def test_any_bytes_are_pairs_or_a_clear_error(tmp_path_factory, data, form):
    folder = tmp_path_factory.mktemp("ocr")
    try:
        found = pairs(folder, data, form)
    except DataError as error:
        assert "gt.txt:" in str(error)
    else:
        filled = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
        assert len(found) <= len(filled)


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "a\rb"])
def test_a_text_that_the_form_cannot_carry_is_an_error(tmp_path, text):
    with pytest.raises(DataError, match="Export to imagefolder"):
        write_pairs(tmp_path / "gt.txt", [("a.png", text)])


def test_names_hold_texts_with_a_number_before_or_behind():
    assert named_text("in/two words_17.jpg", "text_id") == "two words"
    assert named_text("snake_case_3.jpg", "text_id") == "snake_case"
    assert named_text("17_two_words.jpg", "id_text") == "two_words"
    with pytest.raises(DataError) as caught:
        named_text("in/word.jpg", "text_id")
    assert str(caught.value) == "expected a name such as text_1.png, found 'word.jpg'."
