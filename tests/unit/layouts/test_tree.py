"""Everything below a folder is read or accounted for."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.tree import scan

NAMES = st.sampled_from(["a.png", "b.JPG", "notes", "x.tar.gz", "c.", "猫 1.png", "sub/d.png"])


@given(st.sets(NAMES, min_size=1), st.sets(NAMES))
def test_what_was_read_and_what_was_skipped_are_all_files(tmp_path_factory, names, read) -> None:
    root = tmp_path_factory.mktemp("tree")
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    tree = scan(root)
    assert tree.files == sorted(names)
    assert sum(tree.skipped(read & names).values()) + len(read & names) == len(names)


def test_images_are_told_by_their_extension_in_any_case_of_letters(tmp_path: Path) -> None:
    for name in ("a.PNG", "b.txt", "png", "c.tiff"):
        (tmp_path / name).write_bytes(b"")
    tree = scan(tmp_path)
    assert tree.images() == ["a.PNG", "c.tiff"]
    assert tree.images(["TXT"]) == ["b.txt"]
    assert tree.skipped({"a.PNG", "c.tiff"}) == Counter({".txt": 1, "without an extension": 1})


def test_what_is_no_file_is_counted_and_what_is_hidden_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "a.png").write_bytes(b"")
    (root / "lost.png").symlink_to(tmp_path / "nowhere")
    (root / "link").symlink_to(tmp_path / "far")
    os.mkfifo(root / "pipe.png")
    tree = scan(root)
    assert (tree.files, tree.folders, tree.linked) == ([], [], 1)
    skipped = tree.skipped(())
    assert tree.notes(skipped, follow="say so") == [
        "2 files were skipped: 1 of no plain kind, 1 whose link leads nowhere",
        "1 link to a folder was not followed; say so",
    ]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        scan(tmp_path / "no")
