"""The source of texts: every form in its own layout, splits, traps, and an account of all files."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import refused

from dsbuilder.errors import DataError
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.ocr.reader import Ocr
from dsbuilder.plugin import ImageSignature, Signature, Text, Value


def filled(root: Path, files: dict[str, str | None]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if text is None else text.encode())
    return root


def texts(source: Ocr) -> dict[str, str]:
    return {record.key: record.targets["text"] for record in source.open().records}


def refusal(source: Ocr) -> str:
    return refused(source).replace(str(source.path), "ROOT")


ICDAR = {
    "train/gt.txt": '\ufeffword_1.png, "Exit"\r\nword_2.png, "\\"A\\", 1"\r\n',
    "train/images/word_1.png": None,
    "train/images/word_2.png": None,
    "test/gt.txt": 'word_1.png, "猫"\r\n',
    "test/images/word_1.png": None,
}
SYNTHTIGER = {
    "gt.txt": "images/0/0.jpg\tExit 4\nimages/0/1.jpg\tDon't\n",
    "images/0/0.jpg": None,
    "images/0/1.jpg": None,
}
TRDG = {"labels.txt": "0.jpg two words\n1.jpg three\n", "0.jpg": None, "1.jpg": None}


def test_icdar_word_recognition(tmp_path):
    source = Ocr(path=filled(tmp_path, ICDAR))
    assert [(each.key, each.split, each.targets) for each in source.open().records] == [
        ("test/images/word_1.png", "test", {"text": "猫"}),
        ("train/images/word_1.png", "train", {"text": "Exit"}),
        ("train/images/word_2.png", "train", {"text": '"A", 1'}),
    ]
    assert source.open().targets == {"text": Text()}


def test_synthtiger(tmp_path):
    source = Ocr(path=filled(tmp_path, SYNTHTIGER))
    assert texts(source) == {"images/0/0.jpg": "Exit 4", "images/0/1.jpg": "Don't"}
    assert {record.split for record in source.open().records} == {None}


def test_trdg_with_a_list(tmp_path):
    assert texts(Ocr(path=filled(tmp_path, TRDG))) == {"0.jpg": "two words", "1.jpg": "three"}


@pytest.mark.parametrize(
    ("form", "names"),
    [("text_id", ["two words_0.jpg", "猫_1.jpg"]), ("id_text", ["0_two words.jpg", "1_猫.jpg"])],
)
def test_trdg_with_texts_in_the_names(tmp_path, form, names):
    source = Ocr(path=filled(tmp_path, dict.fromkeys(names)), form=form)
    assert texts(source) == dict(zip(names, ["two words", "猫"], strict=True))
    filled(tmp_path, {"plain.jpg": None})
    assert "plain.jpg: expected a name such as" in refusal(source)


def test_a_list_and_the_folders_are_watched(tmp_path):
    source = Ocr(path=filled(tmp_path, SYNTHTIGER))
    assert set(source.open().watches()) == {
        tmp_path / each for each in ("", "gt.txt", "images", "images/0")
    }
    names = Ocr(path=filled(tmp_path / "names", {"a_1.png": None}), form="text_id")
    assert names.open().watches() == [tmp_path / "names"]


def test_a_list_may_be_called_otherwise(tmp_path):
    filled(tmp_path, {"rec.txt": "a.png\tx\n", "a.png": None, "gt.txt": "never read"})
    assert texts(Ocr(path=tmp_path, file="rec.txt")) == {"a.png": "x"}


def test_every_wrong_line_is_told_at_once(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"")
    filled(
        tmp_path / "root",
        {
            "gt.txt": "a.png\tx\nb.png\ty\n../secret.png\tz\n/etc/c.png\tz\n./a.png\tx\nno tab\n",
            "a.png": None,
        },
    )
    assert refusal(Ocr(path=tmp_path / "root")) == "\n".join(
        [
            "ROOT/gt.txt:2: expected a file below ROOT, found no 'b.png'. Correct the line.",
            "ROOT/gt.txt:3: expected a path without '..', found '../secret.png'. Correct the line.",
            "ROOT/gt.txt:4: expected a relative path, found the absolute '/etc/c.png'. "
            "Correct the line.",
            "ROOT/gt.txt:5: expected every image once, found 'a.png' again, which gt.txt:1 lists. "
            "Correct the line.",
            "ROOT/gt.txt:6: expected 'image<TAB>text', found 'no tab'. Correct the line.",
        ]
    )


def test_errors_are_told_up_to_a_limit(tmp_path):
    filled(tmp_path, {"gt.txt": "".join(f"{index}.png\tx\n" for index in range(1000))})
    assert refusal(Ocr(path=tmp_path)).splitlines()[-1] == (
        "There may be more: only the first 20 errors are shown."
    )


def test_links_that_lead_out_are_refused(tmp_path):
    filled(tmp_path, {"secret/s.png": None, "root/gt.txt": "out/s.png\tx\n"})
    (tmp_path / "root" / "out").symlink_to(tmp_path / "secret")
    assert "which links to" in refusal(Ocr(path=tmp_path / "root"))


def test_two_lists_in_one_folder_are_an_error(tmp_path):
    filled(tmp_path, {**TRDG, "gt.txt": "0.jpg x"})
    assert refusal(Ocr(path=tmp_path)) == (
        "ROOT: expected one list in a folder, found 'gt.txt', 'labels.txt'. Say which with file."
    )


def test_a_folder_without_a_list_is_an_error(tmp_path):
    filled(tmp_path, {"a.png": None})
    assert refusal(Ocr(path=tmp_path)) == (
        "ROOT: there is no list called gt.txt or labels.txt. Say what it is called with "
        "file, or that names hold the texts with form: text_id."
    )


@pytest.mark.parametrize("layout", [ICDAR, SYNTHTIGER, TRDG])
@pytest.mark.parametrize("extra", [[], ["x.png", "in/y.jpg"], ["x.png", "notes.md", "LICENSE"]])
def test_what_is_read_and_what_is_skipped_are_all_files(tmp_path, layout, extra):
    root = filled(tmp_path, {**layout, **dict.fromkeys(extra)})
    catalog = Ocr(path=root).open()
    lists = sum(name.endswith(".txt") for name in layout)
    counts = [re.search(r"(\d+) files? w", note) for note in catalog.notes]
    assert [int(count[1]) for count in counts if count] == ([len(extra)] if extra else [])
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(catalog.records) + lists + len(extra) == len(files)


@given(st.data())
def test_a_mutated_list_gives_its_texts_or_a_clear_error(tmp_path_factory, data):
    layout = data.draw(st.sampled_from([ICDAR, SYNTHTIGER, TRDG]))
    root = filled(tmp_path_factory.mktemp("ocr"), layout)
    name = next(name for name in layout if name.endswith(".txt"))
    found = bytearray((root / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(found) - 1))
        found[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        found = found or bytearray(b" ")
    (root / name).write_bytes(bytes(found))
    try:
        records = Ocr(path=root).open().records
    except DataError as error:
        assert str(root) in str(error)
    else:
        records = [each for each in records if each.error is None]
        assert all(record.path.is_file() for record in records)
        assert all(isinstance(record.targets["text"], str) for record in records)


@pytest.mark.parametrize("layout", [ICDAR, SYNTHTIGER, TRDG])
def test_each_layout_is_recognized(tmp_path, layout):
    found = Ocr.signs(filled(tmp_path, layout))
    assert (found.evidence, found.explained, found.contradictions) == ("declared", 1, [])
    assert found.options == {"path": "."}
    assert "each an image and its text" in found.reason


def test_images_that_no_list_names_are_no_part_of_what_is_explained(tmp_path):
    filled(tmp_path, {**ICDAR, "train/images/more.png": None})
    assert Ocr.signs(tmp_path).explained == 0.75


def test_classes_and_absent_images_are_not_recognized_as_texts(tmp_path):
    lines = "".join(f"{index}.png cat\n" for index in range(10))
    filled(tmp_path, {"labels.txt": lines, **dict.fromkeys(f"{i}.png" for i in range(10))})
    assert Ocr.signs(tmp_path).contradictions == ["only 1 are different, as classes are"]
    (tmp_path / "3.png").unlink()
    assert Ocr.signs(tmp_path).evidence == "declared"
    (tmp_path / "4.png").unlink()
    found = Ocr.signs(tmp_path)
    assert found.evidence is None
    assert found.reason.endswith(", but '3.png' does not lie there")


def test_names_with_texts_are_recognized_with_doubt(tmp_path):
    filled(tmp_path, dict.fromkeys(f"word{index}x_{index}.jpg" for index in range(5)))
    found = Ocr.signs(tmp_path)
    assert (found.evidence, found.options["form"]) == ("possible", "text_id")
    assert found.contradictions == ["nothing says so"]
    for index in range(5):
        (tmp_path / f"word{index}x_{index}.jpg").rename(tmp_path / f"IMG_{index}.jpg")
    assert Ocr.signs(tmp_path).evidence is None


def test_an_empty_folder_is_not_recognized(tmp_path):
    assert Ocr.signs(tmp_path).evidence is None


def test_an_export_has_its_text_under_its_own_name_and_repeated_ones_are_texts(tmp_path):
    lines = "".join(f"{index}.png\tcat\n" for index in range(10))
    filled(tmp_path, {"gt.txt": lines, **dict.fromkeys(f"{i}.png" for i in range(10))})
    kinds = {"n": Value(), "said": Text(), "more": Text()}
    image = ImageSignature(height=8, width=8, channels=3)
    sidecar.write(tmp_path, Signature(image=image, targets=kinds), {"0.png": "a//copy-1"})
    catalog = Ocr(path=tmp_path).open()
    assert catalog.targets == {"said": Text()}
    assert (catalog.records[0].key, catalog.records[0].targets) == ("a@copy-1", {"said": "cat"})
    assert Ocr.signs(tmp_path).contradictions == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file": "a/b.txt"}, "file: expected the name of a list, found 'a/b.txt'."),
        (
            {"file": "a.txt", "form": "text_id"},
            "file: with form text_id no list is read. Remove it.",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        Ocr(path=Path(), **options)
    assert str(caught.value) == message
