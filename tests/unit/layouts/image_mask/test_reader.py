"""The source of images and masks: layouts, values and colors, pairs, an account of all files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reading import refused

from dsbuilder.errors import DataError
from dsbuilder.layouts.image_mask.reader import ImageMask
from dsbuilder.plugin import Mask

CLASSES = ("sky", "road", "car")
IDS = np.array([[0, 1, 2], [2, 1, 255]], np.uint8)


def saved(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def filled(root: Path, *files: str) -> Path:
    """Makes images, and masks of `IDS` where a folder is called masks."""
    for file in files:
        saved(root / file, IDS if "masks/" in file else np.zeros((2, 3, 3), np.uint8))
    return root


def refusal(source: ImageMask) -> str:
    return refused(source).replace(str(source.path), "ROOT")


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (("images/a.jpg", "images/in/猫 b.png", "masks/a.png", "masks/in/猫 b.bmp"), [None, None]),
        (("train/images/a.jpg", "train/masks/a.png", "val/images/b.png", "val/masks/b.png"), None),
        (("images/train/a.jpg", "masks/train/a.png", "images/val/b.png", "masks/val/b.png"), None),
    ],
)
def test_pairs_are_found_in_every_layout(tmp_path, files, splits):
    source = ImageMask(path=filled(tmp_path, *files), classes=CLASSES, ignore="255")
    records = source.open().records
    images = sorted(file for file in files if "images/" in file)
    assert [record.key for record in records] == images
    assert [record.split for record in records] == (splits or ["train", "validation"])
    target = source.open().targets["mask"]
    assert target == Mask(names=CLASSES, ignore=255)
    for record in records:
        (mask,) = record.files
        assert record.targets == {"mask": {"path": str(mask)}}
        assert np.array_equal(target.parse(record.targets["mask"]), IDS)


def test_colors_stand_for_classes_in_the_order_of_first_appearance(tmp_path):
    filled(tmp_path, "images/a.png")
    colors = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 128], [224, 224, 192]], np.uint8)
    painted = np.array([[0, 1, 2], [2, 1, 3]])
    saved(tmp_path / "masks/a.png", colors[painted])
    mapped = {"black": "sky", "#FF0000": "road", "#000080": "road"}
    source = ImageMask(path=tmp_path, colors=mapped, ignore="#e0e0c0")
    records = source.open().records
    target = source.open().targets["mask"]
    assert target == Mask(names=("sky", "road"), ignore=255)
    found = target.parse(records[0].targets["mask"])
    assert np.array_equal(found, np.array([0, 1, 1, 255])[painted])


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_values_of_gray_palette_and_equal_channels_stand_for_classes(tmp_path, mode):
    filled(tmp_path, "images/a.png")
    stored = np.array([[0, 7, 200], [200, 7, 0]], np.uint8)
    image = Image.fromarray(stored)
    if mode == "P":
        image = image.convert("P")
        image.putpalette([value for index in range(256) for value in (index, 255 - index, 9)])
        image.putdata(stored.reshape(-1).tolist())
    image = image.convert("RGB") if mode == "RGB" else image
    (tmp_path / "masks").mkdir()
    image.save(tmp_path / "masks/a.png")
    source = ImageMask(
        path=tmp_path, classes=CLASSES, colors={"7": "sky", "0": "car", "200": "road"}
    )
    records = source.open().records
    found = source.open().targets["mask"].parse(records[0].targets["mask"])
    assert found.tolist() == [[2, 0, 1], [1, 0, 2]]


def test_names_may_differ_by_suffixes(tmp_path):
    files = (
        "leftImg8bit/train/x/a_leftImg8bit.png",
        "masks/train/x/a_gtFine_labelIds.png",
        "masks/train/x/a_gtFine_color.png",
    )
    source = ImageMask(
        path=filled(tmp_path, *files),
        images="leftImg8bit",
        image_suffix="_leftImg8bit",
        mask_suffix="_gtFine_labelIds",
        classes=CLASSES,
        group_folders=True,
    )
    (record,) = source.open().records
    assert (record.key, record.split, record.group) == (files[0], "train", "train/x")
    assert record.files == (tmp_path / files[1],)


def test_images_and_masks_may_lie_in_one_folder(tmp_path):
    filled(tmp_path, "a.jpg", "in/b.jpg")
    for name in ("a_mask.png", "in/b_mask.png"):
        saved(tmp_path / name, IDS)
    source = ImageMask(path=tmp_path, images=".", masks=".", mask_suffix="_mask", classes=CLASSES)
    assert [(each.key, each.files[0].name) for each in source.open().records] == [
        ("a.jpg", "a_mask.png"),
        ("in/b.jpg", "b_mask.png"),
    ]


def test_groups_are_folders_below_the_images(tmp_path):
    files = [f"{part}/{name}.png" for part in ("images", "masks") for name in ("p1/a", "p2/a", "b")]
    source = ImageMask(path=filled(tmp_path, *files), classes=CLASSES, group_folders=True)
    assert {each.key: each.group for each in source.open().records} == {
        "images/p1/a.png": "p1",
        "images/p2/a.png": "p2",
        "images/b.png": None,
    }


def test_what_has_no_partner_is_an_error_or_skipped_and_all_files_are_accounted_for(tmp_path):
    filled(tmp_path, "images/a.jpg", "images/b.jpg", "masks/a.png", "masks/c.png", "masks/d.png")
    filled(tmp_path, "preview.png")
    (tmp_path / "LICENSE").write_text("")
    options = {"path": tmp_path, "classes": CLASSES}
    assert refusal(ImageMask(**options)) == (
        "ROOT: there is no mask for the image 'images/b.jpg'. Add it, say how names differ with "
        "mask_suffix, or set skip_unpaired: true."
    ) + "".join(
        f"\nROOT: there is no image for the mask 'masks/{name}.png'. Add it, say how names differ "
        "with mask_suffix, or set skip_unpaired: true."
        for name in "cd"
    )
    catalog = ImageMask(**options, skip_unpaired=True).open()
    assert catalog.notes == [
        "5 files were skipped: 2 masks without an image, 1 .png, 1 images without a mask, "
        "1 without an extension"
    ]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert 2 * len(catalog.records) + 5 == len(files)


def test_folders_are_watched(tmp_path):
    filled(tmp_path, "images/a.jpg", "masks/a.png")
    source = ImageMask(path=tmp_path, classes=CLASSES)
    assert source.open().watches() == [tmp_path, tmp_path / "images", tmp_path / "masks"]


def test_two_masks_for_one_image_are_an_error(tmp_path):
    filled(tmp_path, "images/a.jpg", "masks/a.png", "masks/a.bmp")
    assert refusal(ImageMask(path=tmp_path, classes=CLASSES)) == (
        "ROOT: expected one mask for each image, found 'masks/a.bmp' and 'masks/a.png'. "
        "Remove one of them."
    )


def test_a_folder_without_pairs_says_what_there_is(tmp_path):
    filled(tmp_path, "images/a.jpg", "mask/a.png")
    assert refusal(ImageMask(path=tmp_path, classes=CLASSES)) == (
        "ROOT: expected images below 'images' and masks of the same names below 'masks', found no "
        "pair among 2 images. Did you mean 'mask'?"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "the names of the masks' classes are missing."),
        ({"classes": ("a",), "colors": {"0": "b"}}, "colors: expected classes that are listed"),
        ({"colors": {"0": "a", "#ffffff": "b"}}, "expected colors alone or stored values alone"),
        ({"colors": {"red": "a", "#f00": "b"}}, "expected each color or value once"),
        ({"colors": {"reed": "a"}}, "colors: expected an opaque color"),
        ({"colors": {"0": "a"}, "ignore": "#ffffff"}, "expected colors alone or stored values"),
        ({"classes": ("a",), "ignore": "#ffffff"}, "ignore: expected a value in [0, 255]"),
        ({"classes": ("a",), "masks": "images"}, "expected images and masks in two folders"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        ImageMask(path=Path(), **options)
    assert str(caught.value).startswith(message)


names = st.sampled_from(["a", "b", "c d", "in/a"])


@given(st.sets(names, min_size=1), st.sets(names, min_size=1))
def test_pairs_and_the_rest_are_all_files(tmp_path_factory, images, masks):
    root = filled(
        tmp_path_factory.mktemp("pairs"),
        *(f"images/{name}.png" for name in images),
        *(f"masks/{name}.png" for name in masks),
    )
    if not images & masks:
        assert "found no pair" in refusal(ImageMask(path=root, classes=CLASSES))
        return
    source = ImageMask(path=root, classes=CLASSES, skip_unpaired=True)
    assert {each.key for each in source.open().records} == {
        f"images/{name}.png" for name in images & masks
    }
    if images != masks:
        assert "there is no" in refusal(ImageMask(path=root, classes=CLASSES))


@given(st.sampled_from(["png", "bmp", "tif"]), st.data())
def test_a_mutated_mask_gives_ids_or_a_clear_error(tmp_path_factory, suffix, data):
    root = filled(tmp_path_factory.mktemp("masks"), "images/a.png")
    path = saved(root / f"masks/a.{suffix}", IDS)
    found = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(found) - 1))
        found[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        found = found or bytearray(b" ")
    path.write_bytes(bytes(found))
    source = ImageMask(path=root, classes=CLASSES, ignore="255")
    (record,) = source.open().records
    try:
        ids = source.open().targets["mask"].parse(record.targets["mask"])
    except DataError as error:
        assert "expected" in str(error)
    else:
        assert set(np.unique(ids)) <= {0, 1, 2, 255}
    assert ImageMask.signs(root).evidence in (None, "arranged")


def test_folders_of_images_and_masks_are_recognized_with_their_classes(tmp_path):
    filled(tmp_path, *(f"{part}/{index}.png" for part in ("imgs", "masks") for index in range(4)))
    found = ImageMask.signs(tmp_path)
    assert (found.evidence, found.explained, found.contradictions) == ("arranged", 1, [])
    assert found.reason == "4 images with a mask of the same name in 'imgs' and 'masks'"
    assert found.options == {
        "path": ".",
        "images": "imgs",
        "classes": ("class 0", "class 1", "class 2"),
        "ignore": "255",
    }
    source = ImageMask(**{**found.options, "path": tmp_path})
    assert len(source.open().records) == 4


def test_masks_may_lie_deeper_than_images(tmp_path):
    filled(tmp_path, *(f"{p}/{i}.png" for p in ("images", "annotations/trimaps") for i in "123"))
    found = ImageMask.signs(tmp_path)
    assert (found.evidence, found.options["masks"]) == ("arranged", "annotations/trimaps")
    source = ImageMask(**{**found.options, "path": tmp_path})
    assert len(source.open().records) == 3


def test_suffixes_colors_and_lone_files_are_recognized(tmp_path):
    filled(tmp_path, *(f"images/{index}.png" for index in range(4)))
    colors = np.array([[[0, 0, 0], [255, 0, 0]]], np.uint8)
    for index in range(3):
        saved(tmp_path / f"labels/{index}_seg.png", colors)
    found = ImageMask.signs(tmp_path)
    assert (found.evidence, found.explained) == ("arranged", 0.75)
    assert found.options == {
        "path": ".",
        "masks": "labels",
        "mask_suffix": "_seg",
        "colors": {"#000000": "000000", "#ff0000": "ff0000"},
        "skip_unpaired": True,
    }
    source = ImageMask(**{**found.options, "path": tmp_path})
    assert len(source.open().records) == 3


def test_black_and_white_masks_are_recognized_by_their_values(tmp_path):
    filled(tmp_path, "images/a.png")
    saved(tmp_path / "masks/a.png", np.array([[0, 255]], np.uint8))
    assert ImageMask.signs(tmp_path).options["colors"] == {"0": "class 0", "255": "class 255"}


@pytest.mark.parametrize("count", [66, 400])
def test_classes_are_guessed_from_masks_of_every_kind_of_name(tmp_path, count):
    for index in range(count):
        name = f"{index // 2:03}_{'right' if index % 2 else 'left'}.png"
        filled(tmp_path, f"images/{name}")
        saved(tmp_path / f"masks/{name}", np.array([[0, 1 + index % 2]], np.uint8))
    classes = ImageMask.signs(tmp_path).options["classes"]
    assert classes == ("class 0", "class 1", "class 2")
    assert ImageMask.signs(tmp_path).options["classes"] == classes


def test_other_folders_are_not_recognized(tmp_path):
    assert ImageMask.signs(tmp_path).evidence is None
    filled(tmp_path, "images/a.png", "masks/b.png")
    assert ImageMask.signs(tmp_path).evidence is None
    saved(tmp_path / "masks/a.jpg", IDS)
    assert ImageMask.signs(tmp_path).evidence is None


def test_xml_files_beside_masks_speak_for_another_layout(tmp_path):
    filled(tmp_path, "images/a.png", "masks/a.png")
    (tmp_path / "a.xml").touch()
    assert ImageMask.signs(tmp_path).contradictions == ["1 XML file may say more of them"]
