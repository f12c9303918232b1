"""The list source: keys, splits and classes from lists, and what it refuses, with file and line."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import refused

from dsbuilder.errors import DataError
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.list.reader import ImageList
from dsbuilder.plugin import (
    ClassLabel,
    ImageSignature,
    MultiLabel,
    Record,
    Signature,
    Signs,
    Text,
    Value,
)

IMAGES = ("0/a.png", "0/b c.png", "1/a.png", "1/b.png")


def filled(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def source_of(tmp_path: Path, text: str, *, name: str = "list.txt", **options: object) -> ImageList:
    """A source of a list beside `images/`, which holds `IMAGES`."""
    filled(tmp_path / "images", *IMAGES)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return ImageList(path=tmp_path / "images", list=tmp_path / name, **options)


def labels(source: ImageList) -> dict[str, str]:
    return {record.key: record.targets["label"] for record in source.open().records}


def refusal(source: ImageList, tmp_path: Path) -> str:
    return refused(source).replace(f"{tmp_path}/", "")


def test_a_text_list_gives_a_record_a_line(tmp_path):
    source = source_of(tmp_path, "0/a.png zero\n0/b c.png zero\n1/a.png one\n")
    records = source.open().records
    assert records == [
        Record(key=key, path=tmp_path / "images" / key, targets={"label": label})
        for key, label in [("0/a.png", "zero"), ("0/b c.png", "zero"), ("1/a.png", "one")]
    ]
    assert source.open().targets == {"label": ClassLabel(names=("one", "zero"))}


def test_files_that_no_list_names_are_counted(tmp_path):
    source_of(tmp_path, "0/a.png zero\n1/a.png one\n")
    (tmp_path / "more.txt").write_text("a.png one\n")
    (tmp_path / "images/1/rest.txt").write_text("b.png one\n")
    rest = (tmp_path / "images/1", tmp_path / "images/1/rest.txt")
    lists = {"train": (tmp_path / "images", tmp_path / "list.txt"), "test": rest}
    assert ImageList(lists=lists).open().notes == [f"{tmp_path}/images: 1 file was skipped: 1 .png"]


def test_files_of_the_one_folder_that_the_list_does_not_name_are_counted(tmp_path):
    source = source_of(tmp_path, "0/a.png zero\n1/a.png one\n")
    assert source.open().notes == ["2 files were skipped: 2 .png"]


def test_given_classes_set_the_order(tmp_path):
    source = source_of(tmp_path, "0/a.png zero\n1/a.png one\n", classes=("zero", "one", "two"))
    target = source.open().targets["label"]
    assert target == ClassLabel(names=("zero", "one", "two"))


def test_paths_are_brought_to_one_form(tmp_path):
    source = source_of(tmp_path, "./0/a.png zero\n1\\a.png one\n1//b.png one\n")
    assert set(labels(source)) == {"0/a.png", "1/a.png", "1/b.png"}


def test_columns_of_a_table_state_group_and_split(tmp_path):
    text = "who,image,class,set\ntom,0/a.png,zero,training\n,1/a.png,one,Val\n"
    source = source_of(
        tmp_path,
        text,
        name="list.csv",
        image_column="image",
        label_column="class",
        group_column="who",
        split_column="set",
    )
    found = [(each.key, each.group, each.split) for each in source.open().records]
    assert found == [("0/a.png", "tom", "train"), ("1/a.png", None, "validation")]


def test_the_lists_are_watched(tmp_path):
    source = source_of(tmp_path, "0/a.png zero\n1/a.png one\n")
    assert source.open().watches() == [tmp_path / "list.txt"]


def test_columns_make_targets_of_every_kind(tmp_path):
    text = "file_name,tags,x,y,said\n0/a.png,cat;dog,1,2,a b\n1/a.png,,3,4.5,\n"
    source = source_of(
        tmp_path,
        text,
        name="list.csv",
        label_column=None,
        labels_column="tags",
        value_columns=("x", "y"),
        text_column="said",
        separator=";",
        labels_classes=("dog", "cat"),
    )
    records = source.open().records
    assert [each.targets for each in records] == [
        {"labels": ["cat", "dog"], "value": [1.0, 2.0], "text": "a b"},
        {"labels": [], "value": [3.0, 4.5], "text": ""},
    ]
    assert source.open().targets == {
        "labels": MultiLabel(names=("dog", "cat")),
        "value": Value(size=2),
        "text": Text(),
    }


def test_every_wrong_line_of_all_lists_is_told_at_once(tmp_path):
    filled(tmp_path / "images", *IMAGES)
    source = lists_of(
        tmp_path,
        {"train": ("images", "train.txt"), "test": ("images", "test.txt")},
        train="0/a.png zero\nnonsense\n0/no.png zero\n",
        test="1/a.png one\n0/a.png one\n",
    )
    assert refusal(source, tmp_path).splitlines() == [
        "train.txt:2: expected 'path label', found 'nonsense'. Correct the line.",
        "train.txt:3: expected a file below images, found no '0/no.png'. Correct the line.",
        "test.txt:2: expected every image once, found '0/a.png' again, which train.txt:1 lists. "
        "Remove one of the lines.",
    ]


def test_errors_are_told_up_to_a_limit(tmp_path):
    source = source_of(tmp_path, "".join(f"{index}.png a\n" for index in range(1000)))
    assert len(refusal(source, tmp_path).splitlines()) == 21


GOOD = {
    "list.txt": "0/a.png zero\n1/a.png\tone\n",
    "list.csv": 'file_name,label\n0/a.png,zero\n"1/a.png",one\n',
    "list.jsonl": '{"file_name": "0/a.png", "label": 0}\n{"file_name": "1/a.png", "label": "b"}\n',
}


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_mutated_list_gives_its_labels_or_a_clear_error(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("lists")
    source = source_of(folder, GOOD[name], name=name)
    found = bytearray(GOOD[name].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(found) - 1))
        found[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        found = found or bytearray(b" ")
    (folder / name).write_bytes(bytes(found))
    try:
        records = source.open().records
    except DataError as error:
        assert str(folder) in str(error)
    else:
        target = source.open().targets["label"]
        assert all(record.path.is_file() for record in records)
        assert [target.parse(record.targets["label"]) for record in records]


def lists_of(tmp_path: Path, lists: Mapping[str, tuple[str, str]], **texts: str) -> ImageList:
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    return ImageList(
        lists={word: (tmp_path / root, tmp_path / name) for word, (root, name) in lists.items()}
    )


def test_lists_of_one_folder_have_keys_below_it_and_state_their_split(tmp_path):
    filled(tmp_path / "images", *IMAGES)
    source = lists_of(
        tmp_path,
        {"training": ("images", "train.txt"), "test": ("images/", "test.txt")},
        train="0/a.png zero\n1/a.png one\n",
        test="1/b.png one\n",
    )
    found = [(each.key, each.split, each.path) for each in source.open().records]
    assert found == [
        ("0/a.png", "train", tmp_path / "images/0/a.png"),
        ("1/a.png", "train", tmp_path / "images/1/a.png"),
        ("1/b.png", "test", tmp_path / "images/1/b.png"),
    ]


def test_lists_of_several_folders_have_keys_below_their_common_parent(tmp_path):
    filled(tmp_path, "data/one/a.png", "data/two/deep/a.png")
    source = lists_of(
        tmp_path,
        {"train": ("data/one", "train.txt"), "val": ("data/one/../two/deep", "val.txt")},
        train="a.png x\n",
        val="a.png y\n",
    )
    assert [each.key for each in source.open().records] == ["one/a.png", "two/deep/a.png"]


def test_one_image_in_two_lists_is_an_error_also_through_nested_folders(tmp_path):
    filled(tmp_path / "images", *IMAGES)
    source = lists_of(
        tmp_path,
        {"train": ("images", "train.txt"), "test": ("images/1", "test.txt")},
        train="0/a.png zero\n1/a.png one\n",
        test="b.png one\na.png one\n",
    )
    assert refusal(source, tmp_path) == (
        "test.txt:2: expected every image once, found '1/a.png' again, which train.txt:2 lists. "
        "Remove one of the lines."
    )


def test_one_image_twice_in_a_list_is_an_error(tmp_path):
    source = source_of(tmp_path, "0/a.png zero\n\n./0/a.png zero\n")
    assert refusal(source, tmp_path) == (
        "list.txt:3: expected every image once, found '0/a.png' again, which list.txt:1 lists. "
        "Remove one of the lines."
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0/no.png", "expected a file below images, found no '0/no.png'."),
        ("9/a.png", "expected a file below images, found no '9/a.png'."),
        ("0/a.png/b", "expected a file below images, found no '0/a.png/b'."),
        ("0", "expected a file below images, found no file at '0'."),
        ("../secret.png", "expected a path without '..', found '../secret.png'."),
        ("0/../../s.png", "expected a path without '..', found '0/../../s.png'."),
        ("..\\secret.png", "expected a path without '..', found '..\\secret.png'."),
        ("/secret.png", "expected a relative path, found the absolute '/secret.png'."),
        ("C:\\secret.png", "expected a relative path, found the absolute 'C:\\secret.png'."),
        (".", "expected a path in UTF-8, found '.'."),
    ],
)
def test_a_line_that_names_no_file_of_the_folder_is_an_error(tmp_path, line, problem):
    filled(tmp_path, "secret.png")
    source = source_of(tmp_path, f"0/a.png zero\n{line} one\n")
    assert refusal(source, tmp_path) == f"list.txt:2: {problem} Correct the line."


def test_links_may_stay_inside_but_not_lead_out(tmp_path):
    filled(tmp_path, "secret/s.png", "images/0/a.png", "images/1/b.png")
    (tmp_path / "images" / "in").symlink_to(tmp_path / "images" / "1")
    (tmp_path / "images" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "images" / "s.png").symlink_to(tmp_path / "secret" / "s.png")
    assert set(labels(source_of(tmp_path, "0/a.png zero\nin/b.png one\n"))) == {
        "0/a.png",
        "in/b.png",
    }
    for path, link, target in [("out/s.png", "out", "secret"), ("s.png", "s.png", "secret/s.png")]:
        assert refusal(source_of(tmp_path, f"{path} one\n"), tmp_path) == (
            f"list.txt:1: expected a file below images, found '{link}', which links to {target}. "
            "Correct the line."
        )


def test_a_folder_that_is_itself_a_link_is_read(tmp_path):
    filled(tmp_path / "far", "a.png", "b.png")
    (tmp_path / "images").symlink_to(tmp_path / "far")
    (tmp_path / "list.txt").write_text("a.png x\nb.png y\n")
    source = ImageList(path=tmp_path / "images", list=tmp_path / "list.txt")
    assert labels(source) == {"a.png": "x", "b.png": "y"}


def test_a_label_that_classes_does_not_name_is_an_error_with_the_closest(tmp_path):
    source = source_of(tmp_path, "0/a.png cat\n1/a.png dgo\n", classes=("cat", "dog"))
    assert refusal(source, tmp_path) == (
        "list.txt:2: expected one of the 2 classes, found 'dgo'. Did you mean 'dog'? "
        "Correct the line or add it to `classes`."
    )


def test_a_single_class_is_read(tmp_path):
    catalog = source_of(tmp_path, "0/a.png zero\n1/a.png zero\n").open()
    assert catalog.targets["label"].class_names == ("zero",)


def test_an_empty_list_is_an_error(tmp_path):
    assert refusal(source_of(tmp_path, "\n\n"), tmp_path) == (
        "list.txt: expected an image and its label a line, found no line. "
        "Fill the list or leave it out."
    )


def test_a_missing_list_is_an_error(tmp_path):
    filled(tmp_path / "images", *IMAGES)
    source = ImageList(path=tmp_path / "images", list=tmp_path / "list.txt")
    assert refusal(source, tmp_path) == ("list.txt: no such list of images. Check the path.")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (False, "no such folder of images"),
        (True, "expected a folder of images, found a file"),
    ],
)
def test_a_missing_folder_of_images_is_an_error(tmp_path, make, problem):
    (tmp_path / "list.txt").write_text("a.png x\n")
    if make:
        (tmp_path / "images").write_text("")
    source = ImageList(path=tmp_path / "images", list=tmp_path / "list.txt")
    assert refusal(source, tmp_path) == f"images: {problem}. Check the path."


ONE_OF_TWO = "expected either 'path' and 'list', or 'lists'. Give one of the two."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, ONE_OF_TWO),
        ({"path": Path()}, ONE_OF_TWO),
        ({"list": Path()}, ONE_OF_TWO),
        ({"path": Path(), "lists": {"train": (Path(), Path())}}, ONE_OF_TWO),
        ({"path": Path(), "list": Path(), "lists": {"train": (Path(), Path())}}, ONE_OF_TWO),
        ({"path": Path(), "list": Path(), "lists": {}}, ONE_OF_TWO),
        ({"lists": {}}, "lists: at least one split is needed. Add one."),
        (
            {"lists": {"trian": (Path(), Path())}},
            "lists: expected the names of splits, found 'trian'. Did you mean 'train'?",
        ),
        (
            {"lists": {"train": (Path(), Path())}, "split_column": "set"},
            "expected the split from 'lists' or from 'split_column', found both. Remove one.",
        ),
        (
            {"path": Path(), "list": Path(), "classes": ("a", "a")},
            "classes: expected each name once, found 'a' twice.",
        ),
        (
            {"path": Path(), "list": Path(), "label_column": None},
            "at least one column of labels is needed. Name one.",
        ),
        (
            {"path": Path(), "list": Path(), "separator": ""},
            "separator: a character is needed, such as ','.",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        ImageList(**options)
    assert str(caught.value) == message


LINES = "0/a.png zero\n0/b c.png zero\n1/a.png one\n1/b.png one\n"
TABLE = "n,picture,Species,Patient,set\n" + "".join(
    f"{i},{name},{'ab'[i % 2]},{i % 2},{'train' if i else 'val'}\n" for i, name in enumerate(IMAGES)
)


def recognized(tmp_path: Path, **lists: str) -> Signs:
    filled(tmp_path / "images", *IMAGES)
    for name, text in lists.items():
        stem, _, suffix = name.rpartition("_")
        (tmp_path / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return ImageList.signs(tmp_path)


def test_a_list_of_images_is_recognized_with_the_folder_they_lie_in(tmp_path):
    found = recognized(tmp_path, labels_txt=LINES)
    assert (found.evidence, found.explained, found.contradictions) == ("declared", 1, [])
    assert found.options == {"path": "images", "list": "labels.txt"}
    assert "4 lines, 2 classes: 'one', 'zero'" in found.reason


def test_an_export_is_in_another_layout(tmp_path):
    signature = Signature(
        image=ImageSignature(height=8, width=8, channels=3), targets={"text": Text()}
    )
    sidecar.write(tmp_path, signature, {})
    found = recognized(tmp_path, labels_txt=LINES)
    assert found.contradictions == ["it is an export, which has another layout than lists"]


def test_what_columns_hold_is_found_by_their_names_and_cells(tmp_path):
    found = recognized(tmp_path, table_csv=TABLE)
    assert found.options == {
        "path": "images",
        "list": "table.csv",
        "image_column": "picture",
        "label_column": "Species",
        "group_column": "Patient",
        "split_column": "set",
    }
    assert found.comments["list"].endswith("columns that are not read: n")


def test_images_that_the_list_does_not_name_are_no_part_of_what_is_explained(tmp_path):
    filled(tmp_path, "images/0/more.png", "elsewhere/x.png")
    found = recognized(tmp_path, labels_txt="".join(LINES.splitlines(keepends=True)[:3]))
    assert found.explained == 0.6


def test_lists_named_after_splits_are_taken_together(tmp_path):
    found = recognized(tmp_path, train_txt=LINES, val_txt=LINES, readme_txt="See the paper.\n")
    assert (found.evidence, found.explained, found.contradictions) == ("declared", 1, [])
    assert found.options == {
        "lists": {"train": ("images", "train.txt"), "validation": ("images", "val.txt")}
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0/a.png zero\n0/x.png one\n", "names images that do not lie there, such as '0/a.png'"),
        ("../a.png zero\n", "names images that do not lie there, such as '../a.png'"),
        ("a b\nc d\n", "names no image files"),
        ("", "names no image files"),
        ("one\n", "cannot be read as a list"),
        ("0/a.png zero\n1/a.png zero\n", "names one class alone"),
    ],
)
def test_what_is_no_list_says_why(tmp_path, text, reason):
    found = recognized(tmp_path, labels_txt=text)
    assert found.evidence is None
    assert reason in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{name}\tline {number}\n" for number, name in enumerate(IMAGES)),
        "".join(f"{name}\t{number % 2}.5\n" for number, name in enumerate(IMAGES)),
    ],
)
def test_labels_that_are_texts_or_decimals_are_hardly_classes(tmp_path, text):
    found = recognized(tmp_path, labels_txt=text)
    assert "a text file lists classes, and these are" in found.contradictions[0]


@pytest.mark.parametrize(
    ("header", "cells", "options"),
    [
        ("file,age", ["3.5", "4", "7", "9.25"], {"value_columns": ("age",)}),
        ("id,file,u,v", ["1,2", "3,4", "5,6", "7,8"], {"value_columns": ("u", "v")}),
        ("file,caption", ["A cat", "Two dogs", "No one", "An owl"], {"text_column": "caption"}),
        ("file,tags", ["cat|dog", "cat", "dog", "cat|dog"], {"labels_column": "tags"}),
    ],
)
def test_the_kind_of_labels_is_found_in_their_cells(tmp_path, header, cells, options):
    names = header.split(",")
    number = "0," * (names[0] == "id")
    lines = [f"{number}{name},{cell}\n" for name, cell in zip(IMAGES, cells, strict=True)]
    found = recognized(tmp_path, all_csv=f"{header}\n" + "".join(lines))
    assert options.items() <= found.options.items()
    read = {key: value for key, value in found.options.items() if key not in ("path", "list")}
    source = ImageList(path=tmp_path / "images", list=tmp_path / "all.csv", **read)
    assert len(source.open().records) == 4


def test_jsonl_and_bytes_that_are_no_text_are_looked_at_as_well(tmp_path):
    lines = [f'{{"file_name": "{name}", "label": {n % 2}}}' for n, name in enumerate(IMAGES)]
    found = recognized(tmp_path, all_jsonl="\n".join(lines))
    assert found.options == {"path": "images", "list": "all.jsonl"}
    (tmp_path / "all.jsonl").write_bytes(b"\xff\xfe\x00")
    assert ImageList.signs(tmp_path).evidence is None


def test_a_long_list_is_not_read_whole_and_explains_all(tmp_path):
    lines = [f"{n}.png {'ab'[n % 2]}\n" for n in range(2100)]
    filled(tmp_path, *(line.split()[0] for line in lines))
    (tmp_path / "labels.txt").write_text("".join(lines))
    found = ImageList.signs(tmp_path)
    assert (found.explained, "at least 2000 lines" in found.reason) == (1, True)
