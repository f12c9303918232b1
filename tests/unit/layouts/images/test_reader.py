"""Images without labels: which are read, by which keys and splits, and when they are proposed."""

import json
from pathlib import Path

import pytest
from reading import refused

from dsbuilder.layouts.images.reader import Images
from dsbuilder.plugin import Record


def filled(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def listed(root: Path, **options: object) -> dict[str, Record]:
    return {each.key: each for each in Images(path=root, **options).open().records}


def test_images_at_any_depth_are_records_without_labels_or_splits(tmp_path: Path) -> None:
    found = listed(filled(tmp_path, "b.png", "a.JPG", "in/c d.png", ".hidden/x.png", ".y.png"))
    assert sorted(found) == ["a.JPG", "b.png", "in/c d.png"]
    assert {(each.split, each.group, *each.targets) for each in found.values()} == {(None, None)}
    assert found["in/c d.png"].path == tmp_path / "in/c d.png"


def test_splits_are_stated_by_folders_only_if_every_image_lies_in_one(tmp_path: Path) -> None:
    filled(tmp_path, "Train/a.png", "val/x/b.png")
    assert {key: each.split for key, each in listed(tmp_path).items()} == {
        "Train/a.png": "train",
        "val/x/b.png": "validation",
    }
    filled(tmp_path, "c.png")
    assert {each.split for each in listed(tmp_path).values()} == {None}


def test_other_files_are_reported_and_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    catalog = Images(path=filled(tmp_path, "a.png", "notes.txt")).open()
    assert catalog.targets == {}
    assert catalog.notes == ["1 file was skipped: 1 .txt"]
    assert refused(Images(path=tmp_path, extensions=("gif",))).replace(str(tmp_path), "ROOT") == (
        "ROOT: there are no images; 2 files were skipped: 1 .png, 1 .txt. Images end in gif."
    )
    with pytest.raises(ValueError, match="extensions: at least one is needed"):
        Images(path=tmp_path, extensions=())


def test_the_sidecar_of_an_export_says_keys_and_its_labels_are_not_read(tmp_path: Path) -> None:
    filled(tmp_path, "train/a.png", "train/a@copy-1.png")
    described = {"label": {"kind": "class", "names": ["x", "y"]}}
    for targets, notes in (
        ({}, []),
        (described, ["labels that dsbuilder.json tells of are not read"]),
    ):
        stated = {
            "format": 1,
            "signature": {"targets": targets},
            "keys": {"train/a.png": "a", "train/a@copy-1.png": "a//copy-1"},
        }
        (tmp_path / "dsbuilder.json").write_text(json.dumps(stated))
        assert Images(path=tmp_path).open().notes == notes
        found = listed(tmp_path)
        assert {key: each.group for key, each in found.items()} == {"a": "a", "a@copy-1": "a"}
        evidence = Images.signs(tmp_path).evidence
        assert evidence == ("possible" if targets else "declared")
        assert bool(Images.signs(tmp_path).contradictions) == bool(targets)


@pytest.mark.parametrize(
    ("files", "against"),
    [
        (("a.png", "b.jpg"), []),
        (("a.png", "README.txt", "LICENSE.txt"), []),
        (("train/a.png", "test/b.png"), []),
        (("images/a.png", "images/val/b.png"), []),
        (("a.png", "labels.csv"), ["'labels.csv' may label them"]),
        (
            ("cat/a.png", "b.png"),
            ["the folders that they lie in may say what they show: 'cat'"],
        ),
    ],
)
def test_images_are_proposed_where_nothing_may_label_them(
    tmp_path: Path, files: tuple[str, ...], against: list[str]
) -> None:
    found = Images.signs(filled(tmp_path / "here", *files))
    assert (found.evidence, found.contradictions) == ("possible", against)
    assert Images.signs(tmp_path / "nowhere").evidence is None


def test_folders_of_images_beside_it_are_told_since_they_may_be_classes(tmp_path: Path) -> None:
    filled(tmp_path, "cat/a.png", "dog/b.png", "notes/c.txt")
    comments = Images.signs(tmp_path / "cat").comments
    assert comments == {"path": "no labels; if it and 'dog' are classes, give the folder above"}
    filled(tmp_path / "alone", "in/a.png")
    assert Images.signs(tmp_path / "alone" / "in").comments == {"path": "no labels"}
