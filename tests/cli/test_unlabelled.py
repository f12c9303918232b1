"""Images without labels, and of one class: every verb takes them but what trains a classifier."""

import json
from pathlib import Path

import pytest

import dsbuilder

LAYOUTS = {
    "folder": "images",
    "imagefolder": "imagefolder",
    "npz": "arrays",
    "tfds": "tfrecord",
    "webdataset": "webdataset",
}
"""Exporters that can say that there are no labels, and the sources that read what they write."""
REFUSING = ("coco", "yolo", "voc", "ocr")


@pytest.fixture
def photos(folder: Path, make_images) -> Path:
    """The current folder with `source/photos/{0..7}.png`."""
    make_images(classes=("photos",), count=8, size=(24, 30))
    return folder


def proposed(call, folder: str, output: str) -> str:
    result = call(f"init {folder} --output {output}.yaml")
    assert result.exit_code == 0, result.stderr
    text = Path(f"{output}.yaml").read_text()
    return text.split("  use: ")[1].split()[0]


def built(call, folder: str, name: str) -> str:
    """Builds what is proposed for a folder, without loss; returns the dataset's path."""
    proposed(call, folder, name)
    result = call(f"build {name}.yaml --workers 0 --set name={name} --set cache.image=png")
    assert result.exit_code == 0, result.stderr
    return f"out/{name}/1.0.0"


def test_a_flat_folder_is_proposed_built_and_looked_at(photos: Path, call) -> None:
    assert proposed(call, "source/photos", "photos") == "images"
    assert (
        "# train: the images have no labels that a model could learn."
        in Path("photos.yaml").read_text()
    )
    for line in ("check", "plan", "inspect", "build --workers 0", "preview --output p.png"):
        verb, *options = line.split(" ", 1)
        result = call(f"{verb} photos.yaml {' '.join(options)}")
        assert result.exit_code == 0, result.stderr
    for line in ("info", "verify"):
        assert call(f"{line} out/photos/1.0.0").exit_code == 0
    dataset = dsbuilder.load("out/photos/1.0.0")
    assert dict(dataset.signature.targets) == {}
    assert {each.key for split in dataset.splits for each in dataset.samples(split)} >= {
        f"{number}.png" for number in range(8)
    }
    explained = call("explain out/photos/1.0.0 0.png --json")
    assert json.loads(explained.stdout)["key"] == "0.png"


@pytest.mark.parametrize("mixer", ["mixup", "mosaic"])
def test_mixers_mix_images_alone_and_what_needs_objects_says_so(photos, call, mixer) -> None:
    proposed(call, "source/photos", "photos")
    options = f"--workers 0 --set 'augment={{copies: 1, stages: [{{use: {mixer}}}]}}'"
    assert call(f"build photos.yaml {options}").exit_code == 0
    refused = call("check photos.yaml --set 'augment.stages=[{use: copy_paste}]'")
    assert "expected one target of instances or boxes, which says what is pasted" in refused.stderr


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_can_say_so_holds_images_without_labels(photos, call, layout: str) -> None:
    path = built(call, "source/photos", "photos")
    assert call(f"export {path} --to {layout} --out there").exit_code == 0
    assert proposed(call, "there", "again") == LAYOUTS[layout]
    again = dsbuilder.load(built(call, "there", "more"))
    assert dict(again.signature.targets) == {}
    first = {e.key: e for s in ("train", "test") for e in dsbuilder.load(path).samples(s)}
    for split in again.splits:
        for each in again.samples(split):
            key = each.key.replace("@", "//", 1)
            if each.key.endswith(".png") and key in first:
                assert (each.image == first[key].image).all()


@pytest.mark.parametrize("layout", REFUSING)
def test_what_would_take_them_for_images_that_show_nothing_refuses(photos, call, layout) -> None:
    path = built(call, "source/photos", "photos")
    result = call(f"export {path} --to {layout} --out there")
    assert "expected labels to write, found images without any" in result.stderr
    assert result.exit_code == 1


def test_one_class_is_proposed_built_and_exported_and_read_again(photos: Path, call) -> None:
    assert proposed(call, "source", "proposed") == "folder"
    path = built(call, "source", "one")
    for number, layout in enumerate(("folder", "npz")):
        assert call(f"export {path} --to {layout} --out there{number}").exit_code == 0
        again = dsbuilder.load(built(call, f"there{number}", f"more{number}"))
        assert [kind.class_names for kind in again.signature.targets.values()] == [("photos",)]


@pytest.mark.parametrize(
    ("images", "why"),
    [
        ("source/photos", "the images have no labels that a model could learn. Label them"),
        ("source", "there is one class alone, where a classifier tells two or more apart. Add"),
    ],
)
def test_only_a_training_refuses_them(photos: Path, call, images: str, why: str) -> None:
    path = built(call, images, "data")
    for line in ("train data.yaml", f"train {path}", f"train {images}", "suspects data.yaml"):
        result = call(line)
        assert result.exit_code == 1
        section = "" if line.endswith(images) else "there is no train section, and "
        assert f": {section}{why}" in result.stderr
    told = call("check data.yaml --set 'train={model: {use: cnn}}'")
    assert told.exit_code == 2
    assert "labels to learn" in told.stderr or "two classes or more to tell apart" in told.stderr
