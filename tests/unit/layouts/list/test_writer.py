"""Lists that are written are read as they were, of every form and every kind of label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.layouts.list.reader import ImageList
from dsbuilder.layouts.list.writer import ListRow, WrittenList
from dsbuilder.plugin import ClassLabel, MultiLabel, Target, Text, Value

IMAGES = ("a.png", "b/c d.png", "b/é,1.png")
TARGETS: dict[str, tuple[Target, list[Any]]] = {
    "label": (ClassLabel(names=("cat", "dog, small")), ["dog, small", "cat", "cat"]),
    "labels": (MultiLabel(names=("big, old", "red")), [["red", "big, old"], [], ["red"]]),
    "value": (Value(size=0), [1.5, -2.0, 1e-9]),
    "text": (Text(), ["", ' "x"\ty', "\n,猫"]),
    "mood": (ClassLabel(names=("good", "1")), ["1", "good", "1"]),
    "tags": (MultiLabel(names=("p;q", "r")), [["r"], ["p;q", "r"], []]),
    "place": (Value(size=2), [[0.25, 3.0], [1.0, 2.0], [5.5, -1.0]]),
    "words": (Text(), ["x", "y", "=1+1"]),
}
ALONE = [[each] for each in TARGETS]


def read(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: each for name, each in options.items() if name != "use"}
    source = ImageList(**{**given, "path": Path(given["path"]), "list": Path(given["list"])})
    return {each.key: (each.error, dict(each.targets)) for each in source.open().records}


@pytest.fixture
def images(tmp_path):
    for name in IMAGES:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(path)
    return tmp_path / "images"


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("names", [*ALONE, ["label", "words", "place"], [*TARGETS]], ids="-".join)
def test_what_is_written_is_read_in_its_order(names, ending, images, tmp_path):
    written = WrittenList(
        path=tmp_path / f"list.{ending}",
        folder=images,
        targets={name: TARGETS[name][0] for name in names},
        notes=["confidence"],
    )
    written.check(IMAGES)
    labels = [{name: TARGETS[name][1][at] for name in names} for at in range(3)]
    rows = list(zip(reversed(IMAGES), labels, strict=True))
    written.write(ListRow(image, each, {"confidence": 0.5}) for image, each in rows)
    found = read(written.options)
    assert list(found) == list(reversed(IMAGES))
    assert found == {image: (None, each) for image, each in rows}


def test_a_spreadsheet_knows_the_encoding_of_what_is_not_ascii(images, tmp_path):
    for image, marked in (("a.png", False), ("b/é,1.png", True)):
        named = {"label": TARGETS["label"][0]}
        written = WrittenList(path=tmp_path / "list.csv", folder=images, targets=named)
        written.write([ListRow(image, {"label": "cat"}, {})])
        assert written.path.read_bytes().startswith(b"\xef\xbb\xbf") == marked
        assert written.path.read_bytes().count(b"\r\n") == 2


def test_what_no_list_can_hold_is_refused_by_name(images, tmp_path):
    label = {"label": TARGETS["label"][0]}

    def refusal(name: str, targets: dict[str, Target], image: str = "a.png") -> str:
        written = WrittenList(path=tmp_path / name, folder=images, targets=targets, notes=["sure"])
        with pytest.raises(DataError) as caught:
            written.check([image])
        return str(caught.value)

    assert "ends in one of .csv, .tsv, .jsonl" in refusal("list.xlsx", label)
    assert "a target called 'sure'" in refusal("list.csv", {"sure": Text()})
    every = MultiLabel(names=(",", ";", "|", "/", "+"))
    assert "Write a .jsonl" in refusal("list.csv", {"labels": every})
    WrittenList(path=tmp_path / "x.jsonl", folder=images, targets={"labels": every}).check(IMAGES)
    for odd in (" a.png", "b\\c d.png"):
        (images / odd).write_bytes(b"")
        assert "Rename it" in refusal("list.csv", label, odd)
    (tmp_path / "out.png").write_bytes(b"")
    (images / "link.png").symlink_to(tmp_path / "out.png")
    assert "links to" in refusal("list.csv", label, "link.png")


def test_a_folder_that_cannot_be_written_is_told(images, tmp_path):
    named = {"label": TARGETS["label"][0]}
    written = WrittenList(path=tmp_path / "no/list.csv", folder=images, targets=named)
    with pytest.raises(DataError, match="cannot be written"):
        written.write([])
