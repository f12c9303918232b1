"""`dsbuilder.json`: what is written is read, and every source of an export takes keys from it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.layouts import keys, sidecar
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.annotation import CocoCategory
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.layouts.folder.reader import Folder
from dsbuilder.layouts.imagefolder.reader import ImageFolder
from dsbuilder.layouts.ocr.reader import Ocr
from dsbuilder.layouts.voc.reader import Voc
from dsbuilder.layouts.yolo.reader import Yolo
from dsbuilder.plugin import Boxes, ClassLabel, ImageSignature, Signature, Source, Text

SIGNATURE = Signature(
    image=ImageSignature(height=6, width=8, channels=3),
    targets={"animal": ClassLabel(names=("cat", "dog")), "said": Text()},
)
NAMES = st.text(st.characters(exclude_characters="/\\\0", codec="utf-8"), min_size=1, max_size=8)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DERIVED = st.one_of(
    PATHS,
    st.tuples(PATHS, st.integers(1, 3)).map(lambda each: f"{each[0]}//copy-{each[1]}"),
    PATHS.map(lambda path: f"/{path}"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@given(st.lists(DERIVED, unique=True, min_size=1, max_size=20))
def test_what_is_written_is_read(folder: Path, found: list[str]) -> None:
    written = {f"{number}.png": key for number, key in enumerate(found)}
    sidecar.write(folder, SIGNATURE, written)
    read = sidecar.read(folder)
    assert read is not None
    assert list(read.targets.items()) == list(SIGNATURE.targets.items())
    made = keys.of_source(found)
    assert {name: read.key(name) for name in written} == {
        name: made[key] for name, key in written.items()
    }
    grouped = any("//" in key for key in found)
    for one, key in written.items():
        for other, another in written.items():
            same = keys.root_of(key) == keys.root_of(another)
            assert not grouped or (read.group(one) == read.group(other)) == same
        assert grouped or read.group(one) is None


def test_keys_that_are_names_are_not_written(tmp_path: Path) -> None:
    sidecar.write(tmp_path, SIGNATURE, {"a.png": "a.png", "b.png": "c.png"})
    assert json.loads((tmp_path / "dsbuilder.json").read_text())["keys"] == {"b.png": "c.png"}


def test_a_file_that_is_not_named_has_its_path_for_key_and_group(tmp_path: Path) -> None:
    sidecar.write(tmp_path, SIGNATURE, {"a.png": "b.png//copy-1"})
    read = sidecar.read(tmp_path)
    assert read is not None
    assert (read.key("a.png"), read.group("a.png")) == ("b.png@copy-1", "b.png")
    assert (read.key("new.png"), read.group("new.png")) == ("new.png", "new.png")


def test_an_export_of_one_file_has_its_sidecar_beside_it(tmp_path: Path) -> None:
    (tmp_path / "toy.npz").touch()
    sidecar.write(tmp_path / "toy.npz", SIGNATURE, {})
    assert (tmp_path / "toy.npz.dsbuilder.json").is_file()
    assert sidecar.read(tmp_path / "toy.npz") is not None
    assert sidecar.read(tmp_path) is None


@pytest.mark.parametrize("text", ["{}", "[1]", '"x"', '{"format": 1}', '{"signature": 1}', "null"])
def test_a_file_of_that_name_that_says_something_else_is_no_sidecar(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "dsbuilder.json").write_text(text)
    assert sidecar.read(tmp_path) is None
    assert sidecar.stated_targets(tmp_path) == {}


TARGETS = '"signature": {"targets": {}}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "expected JSON, found what cannot be read"),
        ("[" * 100_000, "expected JSON, found what cannot be read"),
        ('{"format": 2, "signature": {}}', "expected format 1, found 2"),
        ('{"format": 1, "signature": {}}', ""),
        ('{"format": 1, "signature": {"targets": {"x": {"kind": "odd"}}}}', "odd"),
        (f'{{"format": 1, {TARGETS}, "keys": ["a"]}}', "keys: expected texts by file"),
        (f'{{"format": 1, {TARGETS}, "keys": {{"a": 1}}}}', "keys: expected texts by file"),
        (f'{{"format": 1, {TARGETS}, "keys": {{"a": ""}}}}', "'a': expected a key, found an empt"),
        (f'{{"format": 1, {TARGETS}, "keys": {{"a": "x/"}}}}', "found a slash at its end"),
        (f'{{"format": 1, {TARGETS}, "keys": {{"a": "x\\\\y"}}}}', "found a backslash in it"),
        (f'{{"format": 1, {TARGETS}, "keys": {{"a": "x", "b": "x"}}}}', "'x' as of 'a'"),
    ],
)
def test_a_damaged_sidecar_is_told_and_stops_no_guess(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "dsbuilder.json").write_text(text)
    with pytest.raises(DataError) as caught:
        sidecar.read(tmp_path)
    assert "dsbuilder.json: " in str(caught.value)
    assert told in str(caught.value)
    assert sidecar.stated_targets(tmp_path) == {}


def test_targets_are_found_by_kind_and_put_in_the_order_of_the_dataset(tmp_path: Path) -> None:
    sidecar.write(tmp_path, SIGNATURE, {})
    read = sidecar.read(tmp_path)
    assert sidecar.first(read, Text) == ("said", Text())
    assert sidecar.first(read, Boxes) is None
    assert sidecar.first(None, Text) is None
    found = {"new": Text(), "said": Text(), "animal": SIGNATURE.targets["animal"]}
    assert list(sidecar.in_order(read, found)) == ["animal", "said", "new"]
    assert sidecar.in_order(None, found) == found


# -- every source of a layout that is exported ----------------------------------------------------

PLACES = ("train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png")
SPLITS = ("train", "train", "test", "test")
KEYS = ("sub/a b.png", "sub/a b.png//copy-1", "/synthesize/words/000001", '猫, "x".png')
GIVEN = ("sub/a b.png", "sub/a b.png@copy-1", "@synthesize/words/000001", KEYS[3])
GROUPS = (GIVEN[0], GIVEN[0], GIVEN[2], GIVEN[3])

Make = Callable[[Path], tuple[Source, list[Path]]]


def draw(root: Path, paths: tuple[str, ...]) -> list[Path]:
    for number, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (number, 0, 0)).save(root / path)
    return [root / path for path in paths]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def folders(root: Path) -> tuple[Source, list[Path]]:
    return Folder(path=root), draw(root, PLACES)


def yolo_set(root: Path) -> tuple[Source, list[Path]]:
    write(root / "data.yaml", "train: images/train\ntest: images/test\nnames: [cat]\n")
    for path in PLACES:
        write(root / "labels" / Path(path).with_suffix(".txt"), "0 0.5 0.5 0.5 0.5\n")
    return Yolo(path=root), draw(root, tuple(f"images/{path}" for path in PLACES))


def voc_set(root: Path) -> tuple[Source, list[Path]]:
    size = "<size><width>8</width><height>6</height><depth>3</depth></size>"
    for number in range(4):
        write(root / f"Annotations/{number}.xml", f"<annotation>{size}</annotation>")
    for split in ("train", "test"):
        names = [str(number) for number, each in enumerate(SPLITS) if each == split]
        write(root / f"ImageSets/Main/{split}.txt", "\n".join(names))
    return Voc(path=root), draw(root, tuple(f"JPEGImages/{n}.png" for n in range(4)))


def coco_set(root: Path) -> tuple[Source, list[Path]]:
    for split in ("train", "test"):
        names = [path for path in PLACES if path.startswith(split)]
        images = [coco.CocoImage(id=n, file_name=name, size=(6, 8)) for n, name in enumerate(names)]
        boxes = [{"image_id": 0, "category_id": 1, "bbox": [1, 1, 2, 2]}]
        write(root / f"{split}.json", coco.written(images, boxes, [CocoCategory(id=1, name="cat")]))
    return Coco(path=root, objects={"train": "train.json", "test": "test.json"}), draw(root, PLACES)


def tables(root: Path) -> tuple[Source, list[Path]]:
    for split in ("train", "test"):
        files = [path.partition("/")[2] for path in PLACES if path.startswith(split)]
        rows = "".join(f"{file},x\n" for file in files)
        write(root / split / "metadata.csv", f"file_name,said\n{rows}")
    return ImageFolder(path=root, text_column="said"), draw(root, PLACES)


def texts(root: Path) -> tuple[Source, list[Path]]:
    for split in ("train", "test"):
        files = [path.partition("/")[2] for path in PLACES if path.startswith(split)]
        write(root / split / "gt.txt", "".join(f"{file}\tx\n" for file in files))
    return Ocr(path=root), draw(root, PLACES)


LAYOUTS = [folders, tables, texts, yolo_set, voc_set, coco_set]


@pytest.mark.parametrize("make", LAYOUTS)
def test_keys_groups_and_splits_are_those_of_the_sidecar(tmp_path: Path, make: Make) -> None:
    source, images = make(tmp_path)
    names = [image.relative_to(tmp_path).as_posix() for image in images]
    sidecar.write(tmp_path, SIGNATURE, dict(zip(names, KEYS, strict=True)))
    catalog = source.open()
    found = {record.path: record for record in catalog.records}
    records = [found[image] for image in images]
    assert tuple(each.key for each in records) == GIVEN
    assert tuple(each.group for each in records) == GROUPS
    assert tuple(each.split for each in records) == SPLITS
    assert catalog.notes == []  # the sidecar is read, hence not skipped


@pytest.mark.parametrize("make", LAYOUTS)
def test_a_wrong_sidecar_is_told(tmp_path: Path, make: Make) -> None:
    source, images = make(tmp_path)
    sidecar.write(tmp_path, SIGNATURE, {images[0].relative_to(tmp_path).as_posix(): "a/"})
    with pytest.raises(DataError, match=r"dsbuilder\.json: keys: .* found a slash at its end"):
        source.open().scan()


@pytest.mark.parametrize("make", LAYOUTS)
def test_a_file_called_as_the_sidecar_with_something_else_in_it_is_skipped_and_counted(
    tmp_path: Path, make: Make
) -> None:
    source, images = make(tmp_path)
    (tmp_path / "dsbuilder.json").write_text('{"mine": 1}')
    catalog = source.open()
    found = {record.path: record for record in catalog.records}
    assert [found[image].key for image in images] == [
        image.relative_to(tmp_path).as_posix() for image in images
    ]
    assert "1 file was skipped: 'dsbuilder.json'" in catalog.notes


@pytest.mark.parametrize("make", LAYOUTS)
def test_a_sidecar_that_changes_is_noticed(tmp_path: Path, make: Make) -> None:
    source, _ = make(tmp_path)
    sidecar.write(tmp_path, SIGNATURE, {})
    watched = source.open().watches()
    assert watched is None or tmp_path / "dsbuilder.json" in watched
