"""A quick look: every part of a folder, however many files lie in one of them."""

from pathlib import Path

from dsbuilder.layouts.glance import glance, remembered


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_folders_above_come_first_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "b/2.png", "b/1.JPG", "a/deep/x.txt", "top.csv", ".git/config", "b/.DS_Store")
    seen = glance(tmp_path)
    assert seen.files == ("top.csv", "b/1.JPG", "b/2.png", "a/deep/x.txt")
    assert seen.folders == ("a", "b", "a/deep")
    assert seen.images == ("b/1.JPG", "b/2.png")
    assert seen.ending("csv", "txt") == ("top.csv", "a/deep/x.txt")
    assert seen.complete


def test_a_crowded_folder_hides_no_other(tmp_path: Path) -> None:
    put(tmp_path, *(f"many/{number}.png" for number in range(50)), "few/a.png")
    seen = glance(tmp_path, most_in_folder=10)
    assert len([path for path in seen.files if path.startswith("many/")]) == 10
    assert "few/a.png" in seen.files
    assert not seen.complete
    assert seen.count(11, "image") == "at least 11 images"


def test_a_look_ends_at_its_limit(tmp_path: Path) -> None:
    put(tmp_path, *(f"{number}/a.png" for number in range(30)))
    seen = glance(tmp_path, most=40)
    assert len(seen.files) == 10
    assert (seen.complete, seen.cut) == (False, True)
    assert not glance(tmp_path).cut


def test_a_folder_is_looked_at_once_while_it_is_remembered(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    with remembered(most=2):
        first = glance(tmp_path)
        put(tmp_path, "b.png", "c/d.png", "e/f.png")
        assert glance(tmp_path) is first
        assert not glance(tmp_path / "c").cut
    assert glance(tmp_path).images == ("a.png", "b.png", "c/d.png", "e/f.png")
    with remembered(most=2):
        assert glance(tmp_path).cut


def test_what_cannot_be_looked_at_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dead").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.png").symlink_to(__file__)
    seen = glance(tmp_path)
    assert seen.files == ("linked.png",)
    assert glance(tmp_path / "missing").files == ()


def test_counts_are_said_in_words(tmp_path: Path) -> None:
    seen = glance(tmp_path)
    assert seen.count(1, "class", "classes") == "1 class"
    assert seen.count(0, "class", "classes") == "0 classes"


def test_a_share_of_images_is_whole_where_not_all_were_seen(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.txt"):
        (tmp_path / name).touch()
    seen = glance(tmp_path)
    assert seen.share({"a.png", "x.png"}) == 0.5
    assert seen.share({"a.png"}, ["a.png"]) == 1
    assert seen.share(set(), []) == 1
    assert glance(tmp_path, most_in_folder=2).share(set()) == 1
