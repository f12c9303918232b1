"""Lists of labeled images: what each form of file says, and where it is malformed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.list.columns import Columns, Listed
from dsbuilder.layouts.list.format import read_listing

PLAIN = Columns()
NAMED = Columns(image="image", label="class", group="who", split="set")


def entries(folder: Path, name: str, data: str | bytes, columns: Columns = PLAIN):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    faults = Faults()
    found = list(read_listing(path, columns, faults=faults))
    faults.check()
    return found


def _short(entry: Listed) -> tuple[int, str, str]:
    return entry.line, entry.image, entry.targets["label"]


def refusal(folder: Path, name: str, data: str | bytes, columns: Columns = PLAIN) -> str:
    with pytest.raises(DataError) as caught:
        entries(folder, name, data, columns)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("line", "image", "label"),
    [
        ("a.png cat", "a.png", "cat"),
        ("my cat.png cat", "my cat.png", "cat"),
        ("  a.png    cat  ", "a.png", "cat"),
        ("a b.png\tgolden retriever", "a b.png", "golden retriever"),
        ("a.png\t\tcat", "a.png", "cat"),
        ("#1.png cat", "#1.png", "cat"),
        ("ä.png süß\u2028er", "ä.png süß", "er"),
        ("a.png\tx\x85y", "a.png", "x\x85y"),
    ],
)
def test_a_line_of_text_is_a_path_and_a_label(tmp_path, line, image, label):
    assert entries(tmp_path, "a.txt", line) == [Listed(1, image, {"label": label})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path, end, mark):
    wanted = [(2, "a.png", "cat"), (4, "b.png", "dog")]
    text = f"{end}a.png cat{end}  {end}b.png dog"
    assert [_short(each) for each in entries(tmp_path, "a.txt", mark + text.encode())] == wanted
    table = f"file_name,label{end}a.png,cat{end}{end}b.png,dog{end}"
    assert [_short(each) for each in entries(tmp_path, "a.csv", mark + table.encode())] == wanted
    lines = '{"file_name": "a.png", "label": "cat"}', '{"file_name": "b.png", "label": "dog"}'
    objects = f"{end}{lines[0]}{end}{end}{lines[1]}"
    assert [
        _short(each) for each in entries(tmp_path, "a.jsonl", mark + objects.encode())
    ] == wanted


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1).map(
    lambda text: text.replace("\ufeff", "x")
)


@given(st.lists(st.tuples(words, words), max_size=5))
def test_every_form_of_list_says_the_same(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("lists")
    wanted = [(image, label) for image, label in pairs]
    quoted = [[part.replace('"', '""') for part in pair] for pair in pairs]
    forms = {
        "a.txt": "\n".join(f"{image} {label}" for image, label in pairs),
        "b.txt": "\n".join(f"{image}\t{label}" for image, label in pairs),
        "a.csv": "\n".join(["file_name,label", *(f'"{a}","{b}"' for a, b in quoted)]),
        "a.tsv": "\n".join(["label\tfile_name", *(f'"{b}"\t"{a}"' for a, b in quoted)]),
    }
    for name, text in forms.items():
        assert [_short(each)[1:] for each in entries(folder, name, text)] == wanted


def test_quoted_cells_may_hold_separators_quotes_and_line_ends(tmp_path):
    text = 'file_name,label\n"a, ""b"".png","two\nlines"\nc.png,dog\n'
    assert entries(tmp_path, "a.csv", text) == [
        Listed(2, 'a, "b".png', {"label": "two\nlines"}),
        Listed(4, "c.png", {"label": "dog"}),
    ]


def test_named_columns_are_read_from_a_table_and_from_objects(tmp_path):
    table = "set,who,extra,class,image\nval,tom,1,cat,a.png\nTest,,2,dog,b.png\n"
    wanted = [
        Listed(2, "a.png", {"label": "cat"}, "tom", "validation", ("extra",)),
        Listed(3, "b.png", {"label": "dog"}, None, "test", ("extra",)),
    ]
    assert entries(tmp_path, "a.csv", table, NAMED) == wanted
    assert entries(tmp_path, "a.tsv", table.replace(",", "\t"), NAMED) == wanted
    objects = (
        '\n{"image": "a.png", "class": "cat", "who": "tom", "set": "val"}'
        '\n{"image": "b.png", "class": "dog", "who": null, "set": "Test"}'
    )
    found = entries(tmp_path, "a.jsonl", objects, NAMED)
    assert found == [each._replace(unread=()) for each in wanted]


def test_a_whole_number_is_a_label(tmp_path):
    assert entries(tmp_path, "a.ndjson", '{"file_name": "a", "label": 7}') == [
        Listed(1, "a", {"label": "7"})
    ]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "a.txt",
            "a.png cat\nb.png\n",
            "a.txt:2: expected 'path label', found 'b.png'. Correct the line.",
        ),
        (
            "a.txt",
            "a.png\tcat\tdog",
            "a.txt:1: expected 'path<TAB>label', found 'a.png\tcat\tdog'. Correct the line.",
        ),
        (
            "a.txt",
            "x" * 70,
            f"a.txt:1: expected 'path label', found '{'x' * 60}...'. Correct the line.",
        ),
        (
            "a.txt",
            b"a.png cat\nb\xe9.png dog\n",
            "a.txt:2: expected text in UTF-8, found the byte 0xe9. Save the list as UTF-8.",
        ),
        (
            "a.csv",
            "file,label\na,b\n",
            "a.csv:1: there is no column 'file_name'. Did you mean 'file'? "
            "Say which with image_column.",
        ),
        (
            "a.csv",
            "file_name,x,y\na,b,c\n",
            "a.csv:1: there is no column 'label'. Known: file_name, x, y. "
            "Say which with label_column.",
        ),
        (
            "a.csv",
            "label,file_name,label\na,b,c\n",
            "a.csv:1: expected the column 'label' once, found it 2 times. Rename the others.",
        ),
        (
            "a.csv",
            "",
            "a.csv:1: there is no column 'file_name'. Say which with image_column.",
        ),
        (
            "a.csv",
            "file_name,label\na,cat\nb,c,dog\n",
            "a.csv:3: expected 2 cells, found 3. "
            "Put a cell that holds the separator in double quotes.",
        ),
        (
            "a.csv",
            'file_name,label\na,"cat\n',
            "a.csv:2: expected cells separated by ',', found an error: unexpected end of data. "
            "Correct the line.",
        ),
        (
            "a.csv",
            "file_name,label\na, \n",
            "a.csv:2: expected a path and a label, found an empty label. "
            "Complete the line or remove it.",
        ),
        (
            "a.csv",
            "file_name,label\n,cat\n",
            "a.csv:2: expected a path and a label, found an empty path. "
            "Complete the line or remove it.",
        ),
        (
            "a.jsonl",
            '{"file_name": "a", "label": "b"}\n{"file_name": }',
            "a.jsonl:2: expected a JSON object, found '{\"file_name\": }': Expecting value. "
            "Correct the line.",
        ),
        (
            "a.jsonl",
            '["a", "b"]',
            'a.jsonl:1: expected a JSON object, found \'["a", "b"]\'. '
            'Write {"file_name": ..., "label": ...} a line.',
        ),
        (
            "a.jsonl",
            '{"file_name": "a", "lable": "b"}',
            "a.jsonl:1: there is no key 'label'. Did you mean 'lable'? "
            "Say which with label_column.",
        ),
        *(
            (
                "a.jsonl",
                f'{{"file_name": "a", "label": {value}}}',
                f"a.jsonl:1: label: expected a text or a whole number, found '{value}'. "
                "Correct the line.",
            )
            for value in ("true", "null", "1.5", '["a"]', '"\\ud800"')
        ),
    ],
)
def test_a_malformed_list_is_an_error_with_its_line(tmp_path, name, data, message):
    assert refusal(tmp_path, name, data) == message


EVERY = Columns(label=None, labels="tags", values=("x", "y"), text="said", separator=";")


def test_columns_of_other_kinds_are_read_from_tables_and_objects(tmp_path):
    table = 'file_name,tags,x,y,said\na.png,cat; big dog,1,-2.5," a, b "\nb.png,,1e3,0,\n'
    wanted = [
        Listed(2, "a.png", {"labels": ["cat", "big dog"], "value": [1.0, -2.5], "text": " a, b "}),
        Listed(3, "b.png", {"labels": [], "value": [1000.0, 0.0], "text": ""}),
    ]
    assert entries(tmp_path, "a.csv", table, EVERY) == wanted
    objects = '{"file_name": "a.png", "tags": ["cat"], "x": 1, "y": 2.5, "said": "b"}'
    assert entries(tmp_path, "a.jsonl", objects, EVERY) == [
        Listed(1, "a.png", {"labels": ["cat"], "value": [1, 2.5], "text": "b"})
    ]
    vector = '{"file_name": "a.png", "pose": [1, 2, 3]}'
    columns = Columns(label=None, values=("pose",))
    assert entries(tmp_path, "a.jsonl", vector, columns)[0].targets == {"value": [1, 2, 3]}


def test_all_lines_that_are_wrong_are_told_at_once(tmp_path):
    message = refusal(tmp_path, "a.csv", "file_name,tags,x,y,said\n1\na,,x,1,\n,,1,1,\n", EVERY)
    assert message.splitlines() == [
        "a.csv:2: expected 5 cells, found 1. Put a cell that holds the separator in double quotes.",
        "a.csv:3: x: expected a finite number, found '\"x\"'. Correct the line.",
        "a.csv:4: expected a path and a label, found an empty path. Complete the line or remove "
        "it.",
    ]
    assert len(refusal(tmp_path, "a.txt", "one\n" * 50).splitlines()) == 21


def test_an_unknown_split_is_an_error(tmp_path):
    assert refusal(tmp_path, "a.csv", "image,class,who,set\na,b,c,tets\n", NAMED) == (
        "a.csv:2: set: expected a split, found 'tets'. Did you mean 'test'? Correct the line."
    )


def test_a_text_list_has_no_columns_to_name(tmp_path):
    assert refusal(tmp_path, "a.lst", "a b\n", NAMED) == (
        "a.lst: expected a .csv, .tsv or .jsonl list where columns are named, found 'a.lst'. "
        "Convert the list or remove the names of columns."
    )


def test_a_folder_in_place_of_a_list_is_an_error(tmp_path):
    with pytest.raises(DataError) as caught:
        read_listing(tmp_path, faults=Faults())
    assert str(caught.value) == (
        f"{tmp_path}: expected a list of images, found a folder. Check the path."
    )
