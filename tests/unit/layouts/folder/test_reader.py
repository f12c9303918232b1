"""The folder source: which layouts it reads as what, and what it refuses."""

import os
from pathlib import Path

import pytest
from reading import refused

from dsbuilder.layouts import sidecar
from dsbuilder.layouts.folder.reader import Folder
from dsbuilder.plugin import ClassLabel, ImageSignature, Record, Signature


def filled(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def listed(source: Folder) -> dict[str, Record]:
    return {record.key: record for record in source.open().records}


def refusal(source: Folder) -> str:
    return refused(source).replace(str(source.path), "ROOT")


def notes(source: Folder) -> list[str]:
    return list(source.open().notes)


def test_class_folders_are_the_labels_at_any_depth(tmp_path):
    filled(tmp_path, "dog/rex.png", "cat/tom.png", "cat/indoors/night/felix.jpg")
    source = Folder(path=tmp_path)
    catalog = source.open()
    assert catalog.records == [
        Record(key=key, path=tmp_path / key, targets={"label": label})
        for key, label in [
            ("cat/indoors/night/felix.jpg", "cat"),
            ("cat/tom.png", "cat"),
            ("dog/rex.png", "dog"),
        ]
    ]
    assert catalog.targets == {"label": ClassLabel(names=("cat", "dog"))}


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *((word, "train") for word in ("train", "training", "Train")),
        *((word, "validation") for word in ("validation", "val", "valid", "dev", "VAL")),
        *((word, "test") for word in ("test", "testing", "eval", "evaluation")),
    ],
)
def test_split_folders_state_the_split_under_any_of_their_names(tmp_path, word, split):
    filled(tmp_path, f"{word}/cat/a.png", f"{word}/dog/deep/b.png")
    records = listed(Folder(path=tmp_path))
    assert {key: (each.split, each.targets["label"]) for key, each in records.items()} == {
        f"{word}/cat/a.png": (split, "cat"),
        f"{word}/dog/deep/b.png": (split, "dog"),
    }


def test_folders_without_images_do_not_keep_split_folders_from_being_read(tmp_path):
    filled(tmp_path, "train/cat/a.png", "test/dog/b.png", "labels/cat/a.txt", "__MACOSX/._a.png")
    assert {each.split for each in Folder(path=tmp_path).open().records} == {"train", "test"}


def test_one_top_folder_that_is_no_split_makes_all_of_them_classes(tmp_path):
    filled(tmp_path, "train/a/1.png", "val/b/2.png", "extra/3.png")
    source = Folder(path=tmp_path)
    assert {each.targets["label"] for each in source.open().records} == {"train", "val", "extra"}
    assert notes(source)[-1] == (
        "'train', 'val' are read as classes, not as splits, because of 'extra'"
    )


def test_a_class_may_be_called_train_beside_others_without_a_warning(tmp_path):
    source = Folder(path=filled(tmp_path, "train/1.png", "bus/2.png"))
    assert {each.split for each in source.open().records} == {None}
    assert notes(source) == []


def test_classes_that_name_every_top_folder_are_classes_even_if_they_look_like_splits(tmp_path):
    filled(tmp_path, "train/1.png", "test/2.png")
    records = listed(Folder(path=tmp_path, classes=("train", "test")))
    assert {each.targets["label"] for each in records.values()} == {"train", "test"}
    assert {each.split for each in records.values()} == {None}


def test_given_classes_set_the_order_and_keep_the_id_of_one_without_images(tmp_path):
    source = Folder(path=filled(tmp_path, "a/1.png", "b/1.png"), classes=("c", "b", "a"))
    target = source.open().targets["label"]
    assert target == ClassLabel(names=("c", "b", "a"))
    assert notes(source)[-1] == "no image was found of 'c'"


def test_a_folder_without_images_is_no_class_and_is_reported(tmp_path):
    source = Folder(path=filled(tmp_path, "a/1.png", "b/1.png"))
    (tmp_path / "c").mkdir()
    assert source.open().targets == {"label": ClassLabel(names=("a", "b"))}
    assert notes(source)[-1] == "no image was found of 'c'"


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    filled(tmp_path, "a/1.png", "a/.2.png", "a/.cache/3.png", "b/1.png", ".git/4.png", ".5.png")
    source = Folder(path=tmp_path)
    assert set(listed(source)) == {"a/1.png", "b/1.png"}
    assert notes(source) == []


def test_every_known_extension_is_read_in_any_case_of_letters(tmp_path):
    names = ["1.png", "1.jpg", "1.jpeg", "1.webp", "1.bmp", "1.gif", "1.tif", "1.tiff", "1.JPG"]
    filled(tmp_path, *(f"a/{name}" for name in names), "b/1.png")
    assert len(listed(Folder(path=tmp_path))) == len(names) + 1


def test_given_extensions_replace_the_known_ones(tmp_path):
    filled(tmp_path, "a/1.PPM", "a/1.png", "b/2.ppm")
    assert set(listed(Folder(path=tmp_path, extensions=("ppm",)))) == {"a/1.PPM", "b/2.ppm"}


def test_other_files_are_skipped_and_counted(tmp_path):
    filled(tmp_path, "a/1.png", "b/1.png", "README", "a/png")
    filled(tmp_path, *(f"a/{i}.txt" for i in range(10)), "b/x.json", "b/y.JSON")
    assert notes(Folder(path=tmp_path)) == [
        "14 files were skipped: 10 .txt, 2 without an extension, 'b/x.json', 'b/y.JSON'"
    ]


def test_many_tables_are_counted(tmp_path):
    filled(tmp_path, "a/1.png", "b/1.png", *(f"a/{number}.csv" for number in range(6)))
    assert notes(Folder(path=tmp_path)) == ["6 files were skipped: 6 .csv"]


def test_one_skipped_file_is_counted_in_the_singular(tmp_path):
    source = Folder(path=filled(tmp_path, "a/1.png", "b/1.png", "b/1.txt"))
    assert notes(source) == ["1 file was skipped: 1 .txt"]


def test_a_link_to_a_file_is_read_and_one_that_leads_nowhere_is_counted(tmp_path):
    filled(tmp_path / "outside", "1.png")
    source = Folder(path=filled(tmp_path / "root", "a/1.png", "b/1.png"))
    (source.path / "a" / "2.png").symlink_to(tmp_path / "outside" / "1.png")
    (source.path / "a" / "3.png").symlink_to(tmp_path / "nowhere.png")
    assert set(listed(source)) == {"a/1.png", "a/2.png", "b/1.png"}
    assert notes(source)[-1] == "1 file was skipped: 1 whose link leads nowhere"


def test_links_to_folders_are_entered_only_if_asked_for(tmp_path):
    filled(tmp_path / "outside", "1.png")
    root = filled(tmp_path / "root", "a/1.png", "b/1.png")
    (root / "c").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert set(listed(Folder(path=root))) == {"a/1.png", "b/1.png"}
    assert notes(Folder(path=root))[-1] == (
        "1 link to a folder was not followed; follow_links: true enters them"
    )
    assert "c/1.png" in listed(Folder(path=root, follow_links=True))


def test_a_folder_that_is_reached_twice_by_a_link_is_an_error(tmp_path):
    root = filled(tmp_path, "a/1.png", "b/1.png")
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    assert refusal(Folder(path=root, follow_links=True)) == (
        "ROOT: expected every folder once, found './' and 'a/up/' to be the same one by a link. "
        "Remove the link, or set follow_links: false."
    )


def test_a_missing_folder_is_an_error(tmp_path):
    assert refusal(Folder(path=tmp_path / "no")) == ("ROOT: no such folder. Check the path.")


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    filled(tmp_path, "a.png")
    assert refusal(Folder(path=tmp_path / "a.png")) == (
        "ROOT: expected a folder, found a file. Check the path."
    )


def test_an_empty_folder_is_an_error(tmp_path):
    assert refusal(Folder(path=tmp_path)) == (
        "ROOT: there are no images as class/image or split/class/image. "
        "Images end in png, jpg, jpeg, webp, bmp, gif, tif, tiff."
    )


def test_a_folder_without_images_says_what_it_holds_instead(tmp_path):
    filled(tmp_path, "a/1.ppm", "b/2.ppm")
    assert refusal(Folder(path=tmp_path)) == (
        "ROOT: there are no images as class/image or split/class/image; "
        "2 files were skipped: 2 .ppm. Images end in png, jpg, jpeg, webp, bmp, gif, tif, tiff."
    )


def test_a_single_class_is_read(tmp_path):
    catalog = Folder(path=filled(tmp_path, "cat/1.png")).open()
    assert catalog.targets == {"label": ClassLabel(names=("cat",))}
    assert [each.targets for each in catalog.records] == [{"label": "cat"}]


def test_images_directly_in_the_folder_are_an_error(tmp_path):
    assert refusal(Folder(path=filled(tmp_path, "2.png", "1.png", "cat/1.png"))) == (
        "ROOT: expected every image in a class folder, found '1.png' outside of one. Move it into "
        "a class folder.\n"
        "ROOT: expected every image in a class folder, found '2.png' outside of one. Move it into "
        "a class folder."
    )


def test_an_image_directly_in_a_split_folder_is_an_error(tmp_path):
    filled(tmp_path, "train/1.png", "train/cat/1.png", "test/dog/1.png")
    assert refusal(Folder(path=tmp_path)) == (
        "ROOT: expected every image in a class folder, found 'train/1.png' outside of one. Move it "
        "to train/class/, or if 'train' is a class, list all in "
        "`classes`."
    )


def test_split_folders_without_class_folders_are_not_taken_for_classes(tmp_path):
    message = refusal(Folder(path=filled(tmp_path, "train/1.png", "test/1.png")))
    assert "found 'test/1.png' outside of one" in message


def test_a_few_images_in_no_class_folder_are_records_with_an_error(tmp_path):
    sound = [f"{name}/{index}.png" for name in ("cat", "dog") for index in range(10)]
    filled(tmp_path, "1.png", "cta/1.png", *sound)
    source = Folder(path=tmp_path, classes=("cat", "dog"))
    assert {each.key for each in source.open().records if each.error is None} == set(sound)
    assert "found 'cta'. Did you mean 'cat'?" in refusal(source)
    assert "found '1.png' outside of one" in refusal(source)


@pytest.mark.parametrize("split", ["", "train/"])
def test_a_class_folder_that_classes_leaves_out_is_an_error(tmp_path, split):
    filled(tmp_path, f"{split}cat/1.png", f"{split}cta/in/1.png", f"{split}dog/1.png")
    assert refusal(Folder(path=tmp_path, classes=("cat", "dog"))) == (
        f"ROOT: expected class folders named in `classes`, found '{split}cta'. "
        "Did you mean 'cat'? Add it to `classes` or move it away."
    )


def test_a_name_that_is_not_utf8_is_an_error(tmp_path):
    filled(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / os.fsdecode(b"a/caf\xe9.png")).write_bytes(b"")
    assert refusal(Folder(path=tmp_path)) == (
        "ROOT: expected names in UTF-8, found 'a/caf\\xe9.png'. Rename it."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ()}, "classes: at least one name is needed, such as cat."),
        ({"classes": ("a", "b", "a")}, "classes: expected each name once, found 'a' twice."),
        ({"extensions": ()}, "extensions: at least one is needed, such as png."),
        ({"extensions": (".png",)}, "extensions: expected a text such as png, found '.png'."),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        Folder(path=Path(), **options)
    assert str(caught.value) == message


def test_class_folders_are_recognized_with_their_counts(tmp_path):
    found = Folder.signs(filled(tmp_path, *(f"{c}/{i}.png" for c in "ab" for i in range(3))))
    assert found.reason == "6 images in 2 class folders: 'a', 'b'"
    assert (found.evidence, found.contradictions) == ("arranged", [])
    assert found.options == {"path": "."}


def test_split_folders_are_recognized_above_class_folders(tmp_path):
    filled(tmp_path, *(f"{s}/{c}/{i}.png" for s in ("train", "Val") for c in "ab" for i in "12"))
    found = Folder.signs(tmp_path)
    assert found.evidence == "arranged"
    assert found.reason == "8 images in 2 class folders below Val, train: 'a', 'b'"


def test_a_single_class_folder_is_possible_unless_it_is_called_after_what_holds_images(tmp_path):
    found = Folder.signs(filled(tmp_path / "one", "a/1.png", "a/2.png"))
    assert (found.evidence, found.contradictions) == ("possible", [])
    assert found.reason == "2 images in one class folder alone, 'a'"
    found = Folder.signs(filled(tmp_path / "two", "train/a/1.png", "test/a/2.png"))
    assert found.reason == "2 images in one class folder alone below test, train, 'a'"
    found = Folder.signs(filled(tmp_path / "three", "images/1.png", "images/2.png"))
    assert found.contradictions == ["'images' is rather a part of another layout than a class"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "no image lies in it"),
        (("notes.txt", "a/x.pdf"), "no image lies in it"),
        (("a/1.png", "b/1.png", "1.png"), "1 of 3 images in no class folder, such as '1.png'"),
        (("train/1.png", "test/1.png"), "2 of 2 images in no class folder, such as 'test/1.png'"),
    ],
)
def test_what_are_no_class_folders_is_not_recognized_and_says_why(tmp_path, files, reason):
    found = Folder.signs(filled(tmp_path, *files))
    assert (found.evidence, found.reason) == (None, reason)


@pytest.mark.parametrize(
    ("files", "against"),
    [
        ([f"{c}/{i}.png" for c in ("images", "Masks") for i in "1234"], "'Masks', 'images' is"),
        ([f"{c}/{i}.png" for c in ("train", "trainannot") for i in "1234"], "these are splits"),
        ([f"{c}/{i}.png" for c in ("train2017", "val2017") for i in "1234"], "these are splits"),
        ([f"{c}/{i}.{e}" for c in "ab" for i in "1234" for e in ("png", "xml")], "8 files of text"),
        ([f"{c}/sub/{i}.png" for c in "ab" for i in "1234"], "such as 'a/sub/1.png'"),
        ([f"{c}/1.png" for c in "abc"], "hardly more images than folders"),
    ],
)
def test_what_speaks_against_class_folders_is_told(tmp_path, files, against):
    (found,) = Folder.signs(filled(tmp_path, *files)).contradictions
    assert against in found


def test_a_look_at_a_missing_or_odd_folder_is_no_error(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert Folder.signs(tmp_path).evidence is None
    assert Folder.signs(tmp_path / "missing").evidence is None


def exported(root: Path, *names: str, keys: dict[str, str] | None = None) -> Path:
    image = ImageSignature(height=8, width=8, channels=3)
    kinds = {"animal": ClassLabel(names=names)}
    sidecar.write(root, Signature(image=image, targets=kinds), keys or {})
    return root


def test_an_export_is_read_with_its_own_classes_under_their_own_name(tmp_path):
    catalog = Folder(path=exported(filled(tmp_path, "train/owl/1.png"), "owl", "cat")).open()
    assert catalog.targets == {"animal": ClassLabel(names=("owl", "cat"))}
    assert [each.targets for each in catalog.records] == [{"animal": "owl"}]
    assert catalog.notes == []


def test_classes_that_no_folder_can_be_called_are_read_from_escaped_ones(tmp_path):
    root = exported(filled(tmp_path, "train/a+b/1.png", "test/%2Ec/2.png"), "a/b", ".c")
    assert [each.targets["animal"] for each in Folder(path=root).open().records] == [".c", "a/b"]


def test_options_come_before_what_an_export_says(tmp_path):
    root = exported(filled(tmp_path, "train/owl/1.png", "train/cat/1.png"), "owl", "cat")
    found = Folder(path=root, classes=("cat", "owl")).open().targets
    assert found == {"label": ClassLabel(names=("cat", "owl"))}


def test_an_export_to_which_a_class_was_added_is_read_by_its_folders(tmp_path):
    root = exported(filled(tmp_path, "train/owl/1.png", "train/emu/1.png"), "owl", "cat")
    assert Folder(path=root).open().targets == {"label": ClassLabel(names=("emu", "owl"))}
