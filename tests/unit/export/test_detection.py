"""COCO, YOLO and VOC: export, then read, gives the samples again.

The datasets are built of real photographs with drawn labels. Keys come back; pixels to the byte;
masks, keypoints' visibility and texts exactly; boxes and keypoints within 1e-4 pixels. What is
equal in all that a layout says of it comes back once.
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.errors import DataError
from dsbuilder.export import export, files
from dsbuilder.export.files import quoted
from dsbuilder.images import rle
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.layouts.voc.reader import Voc
from dsbuilder.layouts.yolo.reader import Yolo
from dsbuilder.plugin import Sample, Source

HEIGHT, WIDTH = 30, 40
CLASSES = ("zebra", "斑马", 'it\'s: a "cat"')
POINTS = ("nose", "left_eye", "right_eye")
NAMES = ("a.png", "b c.png", "斑马's.PNG", "sub/d.png", "e.1.png")

CATEGORIES = [
    coco.Category(id=10 * number, name=name, keypoints=POINTS, edges=(("nose", "left_eye"),))
    for number, name in enumerate(CLASSES, start=1)
]


def photographs() -> list[np.ndarray]:
    """Small crops of real pictures, `(30, 40, 3)`."""
    pictures = [
        data.astronaut(),
        data.coffee(),
        data.chelsea(),
        data.rocket(),
        data.astronaut()[200:],
    ]
    small = [Image.fromarray(each).resize((WIDTH, HEIGHT)) for each in pictures]
    return [np.asarray(each) for each in small]


def pixels(low: float, side: int) -> st.SearchStrategy[float]:
    return st.floats(low, side, width=32)


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    xs = sorted(draw(st.tuples(pixels(0, WIDTH), pixels(0, WIDTH))))
    ys = sorted(draw(st.tuples(pixels(0, HEIGHT), pixels(0, HEIGHT))))
    return [xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]]


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """An annotation of every kind: a box, a region of a real outline, keypoints."""
    level = draw(st.integers(40, 200))
    region = np.asarray(Image.fromarray(data.camera()).resize((WIDTH, HEIGHT))) < level
    triples = [
        (draw(pixels(0, WIDTH)), draw(pixels(0, HEIGHT)), draw(st.integers(0, 2))) for _ in POINTS
    ]
    return {
        "category_id": draw(st.sampled_from(CATEGORIES)).id,
        "bbox": draw(boxes()),
        "segmentation": {"counts": rle.encode(region), "size": [HEIGHT, WIDTH]},
        "keypoints": [each for triple in triples for each in triple],
        "iscrowd": draw(st.integers(0, 1)),
        "attributes": {"difficult": draw(st.integers(0, 1)), "who": draw(st.sampled_from("xy"))},
    }


SETS = st.lists(st.lists(objects(), max_size=3), min_size=5, max_size=5)


def build(
    folder: Path,
    found: list[list[dict[str, Any]]],
    cache: str = "image: png",
    more: str = "",
    categories: Sequence[coco.Category] = CATEGORIES,
) -> Dataset:
    """Builds a dataset with targets of every kind that the layouts hold."""
    shutil.rmtree(folder, ignore_errors=True)
    images = []
    for number, (name, picture) in enumerate(zip(NAMES, photographs(), strict=True)):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, "PNG")
        images.append(coco.Image(id=number, file_name=name, size=(HEIGHT, WIDTH)))
    entries = [{"image_id": n, **each} for n, each in enumerate(found) for each in found[n]]
    captions = [{"image_id": n, "caption": f"picture {n}\nof 斑马"} for n in range(len(images))]
    for file, annotations in (("a.json", entries), ("text.json", captions)):
        text = coco.written(images, annotations, categories)
        (folder / file).write_text(text, encoding="utf-8")
    options = "objects: a.json, mask: a.json, keypoints: a.json, text: text.json"
    (folder / "p.yaml").write_text(
        f"name: all\nsource: {{use: coco, path: ., {options}, images: images{more}}}\n"
        "split: {train: 0.6, validation: 0.2, test: 0.2, method: hash}\n"
        f"finish: [{{use: resize, size: [{HEIGHT}, {WIDTH}]}}]\ncache: {{{cache}}}\n",
        encoding="utf-8",
    )
    built = dsbuilder.build_dataset(folder / "p.yaml", folder / "out", workers=1)
    return dsbuilder.load(built.path)


def pairs(dataset: Dataset, source: Source, folder: str) -> Iterator[tuple[Sample, dict[str, Any]]]:
    """Yields each sample with what the source reads of its export; checks keys and pixels."""
    records = {record.key: record for record in source.records()}
    targets = source.targets(list(records.values()))
    for split in dataset.splits:
        for sample in dataset.samples(split):
            record = records.pop(sample.key)
            place = record.path.relative_to(source.path).as_posix()
            assert place == folder.format(split=split) + quoted(sample.key)
            assert record.split == split
            image = decode(source.read(record), mode="rgb")
            assert np.array_equal(image, sample.image)
            values = {key: kind.parse(record.targets[key]) for key, kind in targets.items()}
            yield sample, {**values, "kinds": targets}
    assert not records


def assert_boxes(found: Any, original: Any, kinds: Any, names: tuple[str, ...]) -> None:
    """Boxes are the same within 1e-4 pixels, though of those that are equal one may be left."""
    scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])

    def rows(each: Any, classes: tuple[str, ...]) -> list[tuple[Any, ...]]:
        kept = [each.attributes[name].tolist() for name in names]
        labels = [classes[number] for number in each.classes]
        return list(zip(labels, (each.corners * scale).tolist(), *kept, strict=True))

    expected, got = rows(original, CLASSES), rows(found, kinds["objects"].names)
    for ours, theirs in ((expected, got), (got, expected)):
        for label, corners, *kept in ours:
            assert any(
                label == other and kept == others and np.allclose(corners, near, atol=1e-4)
                for other, near, *others in theirs
            )


def assert_masks(found: np.ndarray, original: np.ndarray, names: tuple[str, ...]) -> None:
    classes = ("background", *CLASSES)
    assert [names[n] for n in found.ravel()] == [classes[n] for n in original.ravel()]


def assert_points(found: Any, original: Any) -> None:
    """Keypoints are the same within 1e-6 of the sides, though of equal objects one may be left."""
    for ours, theirs in ((found, original), (original, found)):
        for each, seen in zip(ours.points, ours.visibility, strict=True):
            assert any(
                np.array_equal(seen, other) and np.allclose(each, near, atol=1e-6)
                for near, other in zip(theirs.points, theirs.visibility, strict=True)
            )


def check_coco(dataset: Dataset, folder: Path, *, attributes: tuple[str, ...]) -> None:
    export(dataset, folder, to="coco")
    files = {
        "objects": "instances",
        "mask": "stuff",
        "keypoints": "person_keypoints",
        "text": "captions",
    }
    options = {
        name: {split: f"annotations/{file}_{split}.json" for split in dataset.splits}
        for name, file in files.items()
    }
    for sample, values in pairs(dataset, Coco(path=folder, **options), "images/{split}/"):
        kinds = values["kinds"]
        assert_boxes(values["objects"], sample.targets["objects"], kinds, attributes)
        assert_masks(values["mask"], sample.targets["mask"], kinds["mask"].names)
        assert_points(values["keypoints"], sample.targets["keypoints"])
        assert kinds["keypoints"] == dataset.signature.targets["keypoints"]
        assert kinds["objects"].numbers == tuple(each.id for each in CATEGORIES)
        assert values["text"] == sample.targets["text"]


def check_yolo(dataset: Dataset, folder: Path) -> None:
    export(dataset, folder, to="yolo")
    for sample, values in pairs(dataset, Yolo(path=folder), "images/{split}/"):
        assert values["kinds"]["objects"].names == CLASSES
        assert_boxes(values["objects"], sample.targets["objects"], values["kinds"], ())


def check_voc(dataset: Dataset, folder: Path, *, attributes: tuple[str, ...]) -> None:
    export(dataset, folder, to="voc")
    for sample, values in pairs(dataset, Voc(path=folder, mask=True), "JPEGImages/"):
        kinds = values["kinds"]
        assert kinds["objects"].names == CLASSES
        assert_boxes(values["objects"], sample.targets["objects"], kinds, attributes)
        assert_masks(values["mask"], sample.targets["mask"], kinds["mask"].names)


@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a build takes minutes
)
@given(SETS)
def test_what_is_exported_is_read_again(tmp_path, found):
    dataset = build(tmp_path, found)
    stated = any(found)  # attributes are known from the first object on
    check_coco(
        dataset,
        tmp_path / "coco",
        attributes=("iscrowd", "difficult", "who") if stated else ("iscrowd",),
    )
    check_yolo(dataset, tmp_path / "yolo")
    check_voc(dataset, tmp_path / "voc", attributes=("difficult",) if stated else ())


SOME = [
    [
        {
            "category_id": 20,
            "bbox": [4.0, 3.0, 20.0, 15.0],
            "segmentation": {
                "counts": [100, 50, 1050],
                "size": [HEIGHT, WIDTH],
            },
            "keypoints": [20.0, 15.0, 2, 4.0, 3.0, 1, 0.0, 0.0, 0],
            "iscrowd": 0,
            "attributes": {"difficult": 1, "who": "x"},
        }
    ],
    *[[]] * 4,
]


@pytest.mark.parametrize("cache", ["image: jpeg", "image: raw", "codec: npy"])
def test_every_form_of_a_cache_is_exported(tmp_path, cache):
    dataset = build(tmp_path, SOME, cache)
    extension = "jpg" if cache == "image: jpeg" else "png"
    for to, folder in (("coco", "images"), ("yolo", "images"), ("voc", "JPEGImages")):
        export(dataset, tmp_path / to, to=to)
        files = {each.name: each for each in (tmp_path / to / folder).rglob("*.*")}
        for split in dataset.splits:
            for sample in dataset.samples(split):
                name = quoted(sample.key)
                file = files.pop(name if extension == "png" else f"{name}.jpg")
                assert np.array_equal(decode(file.read_bytes(), mode="rgb"), sample.image)
        assert not files


def test_stored_jpeg_files_are_taken_over_byte_for_byte(tmp_path):
    dataset = build(tmp_path, SOME, "image: jpeg")
    stored = {each.image for split in dataset.splits for each in files.stored(dataset, split)}
    for to, folder in (("coco", "images"), ("yolo", "images"), ("voc", "JPEGImages")):
        export(dataset, tmp_path / to, to=to)
        assert {each.read_bytes() for each in (tmp_path / to / folder).rglob("*.jpg")} == stored


def test_what_a_layout_cannot_hold_is_reported(tmp_path, caplog):
    dataset = build(tmp_path, SOME)
    export(dataset, tmp_path / "yolo", to="yolo")
    export(dataset, tmp_path / "voc", to="voc")
    logged = [each for each in caplog.records if each.name.startswith("dsbuilder.export")]
    told = [each.getMessage().replace(f"{dataset.path}: ", "") for each in logged]
    assert told == [
        "left out: 'mask', 'text'.",
        "attributes left out: 'iscrowd', 'difficult', 'who'.",
        "edges of 'keypoints' left out.",
        "left out: 'keypoints', 'text'.",
        "attributes left out: 'iscrowd', 'who'.",
    ]


def test_a_class_that_a_user_ignores_stays_one_among_the_ids(tmp_path):
    dataset = build(tmp_path, SOME, more=", ignore: 斑马")
    export(dataset, tmp_path / "coco", to="coco")
    stuff = {split: f"annotations/stuff_{split}.json" for split in dataset.splits}
    source = Coco(path=tmp_path / "coco", mask=stuff, ignore="斑马")
    total = 0
    for sample, values in pairs(dataset, source, "images/{split}/"):
        assert values["kinds"]["mask"].ignore == 2
        assert np.array_equal(values["mask"] == 2, sample.targets["mask"] == 2)
        total += int((values["mask"] == 2).sum())
    assert total == 50


def build_masks(folder: Path, *, background: str, ignore: str = ", ignore: 255") -> Dataset:
    """Builds two images with masks of two classes and, if they say so, of pixels to ignore."""
    stored = int(ignore.partition(": ")[2] or 1)
    for number, picture in enumerate(photographs()[:2]):
        ids = np.zeros((HEIGHT, WIDTH), np.uint8)
        ids[:10, :20], ids[20:, 20:] = 1, stored
        for place, image in (("images", picture), ("masks", ids)):
            (folder / place).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / place / f"{number}.png")
    (folder / "p.yaml").write_text(
        f"name: masks\nsource: {{use: image_mask, path: ., classes: [{background}, sea]{ignore}}}\n"
        "split: {train: 1}\ncache: {image: png}\n"
    )
    built = dsbuilder.build_dataset(folder / "p.yaml", folder / "out", workers=0)
    return dsbuilder.load(built.path)


@pytest.mark.parametrize("to", ["coco", "voc"])
@pytest.mark.parametrize("background", ["sky", "background"])
@pytest.mark.parametrize("ignore", ["", ", ignore: 1", ", ignore: 7", ", ignore: 255"])
def test_masks_come_back_with_their_names_ids_and_pixels_to_ignore(
    tmp_path, caplog, to, background, ignore
):
    dataset = build_masks(tmp_path, background=background, ignore=ignore)
    caplog.clear()
    export(dataset, tmp_path / to, to=to)
    assert not [each for each in caplog.records if each.name.startswith("dsbuilder.export")]
    cls = {"coco": Coco, "voc": Voc}[to]
    source = cls(**{**cls.recognise(tmp_path / to).options, "path": tmp_path / to})
    records = {record.key: record for record in source.records()}
    target = source.targets(list(records.values()))["mask"]
    assert target == dataset.signature.targets["mask"]
    for sample in dataset.samples("train"):
        found = target.parse(records[sample.key].targets["mask"])
        assert np.array_equal(found, sample.targets["mask"])


def test_a_class_that_is_called_ignore_is_not_taken_for_pixels_to_ignore(tmp_path):
    dataset = build_masks(tmp_path, background="ignore", ignore=", ignore: 255")
    export(dataset, tmp_path / "coco", to="coco")
    source = Coco(path=tmp_path / "coco", mask="annotations/stuff_train.json")
    records = {record.key: record for record in source.records()}
    target = source.targets(list(records.values()))["mask"]
    assert (target.names, target.ignore) == (("ignore", "sea"), 255)
    for sample in dataset.samples("train"):
        found = target.parse(records[sample.key].targets["mask"])
        assert np.array_equal(found, sample.targets["mask"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"names": ["sky"], "ignore": 255}, "found 'sea', 'ignore' beside them. Remove"),
        ({"names": "sky"}, "expected targets as an export describes them, found: names: 'sky'"),
        ({"nams": ["sky"]}, "expected targets as an export describes them, found: nams"),
        ({"names": [], "ignore": 5}, "found: expected 1 to 256 classes in a mask, found 0"),
        (3, "expected targets as an export describes them"),
    ],
)
def test_what_coco_files_say_of_masks_must_fit(tmp_path, change, told):
    export(build_masks(tmp_path, background="sky"), tmp_path / "coco", to="coco")
    path = tmp_path / "coco/annotations/stuff_train.json"
    found = json.loads(path.read_text())
    described = {"kind": "mask", **change} if isinstance(change, dict) else change
    found["info"]["dsbuilder"] = {"targets": {"mask": described}}
    path.write_text(json.dumps(found))
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        list(Coco(path=tmp_path / "coco", mask="annotations/stuff_train.json").records())
    assert str(caught.value).count(str(path)) == 1


def test_what_a_labelmap_says_of_targets_must_fit(tmp_path):
    export(build_masks(tmp_path, background="sky"), tmp_path / "voc", to="voc")
    path = tmp_path / "voc/labelmap.txt"
    odd = {"kind": "boxes", "names": ["a"], "attributes": [["x", "int64"]]}
    for line, told in (
        ("# dsbuilder: {", "labelmap.txt:2: expected the targets of an export in JSON, found none"),
        (f"# dsbuilder: {json.dumps({'targets': {'objects': odd}})}", "and truncated, found 'x'"),
    ):
        path.write_text(f"sky:0,0,0::\n{line}\nsea:128,0,0::\n")
        with pytest.raises(DataError, match=re.escape(told)) as caught:
            list(Voc(path=tmp_path / "voc", objects=False, mask=True).records())
        assert str(path) in str(caught.value)


def test_captions_that_are_all_empty_are_read(tmp_path):
    Image.fromarray(photographs()[0]).save(tmp_path / "a.png")
    (tmp_path / "p.yaml").write_text(
        "name: silent\nsource: {use: imagefolder, path: .}\nsplit: {train: 1}\n"
    )
    (tmp_path / "metadata.csv").write_text('file_name,text\na.png,""\n')
    built = dsbuilder.build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)
    export(dsbuilder.load(built.path), tmp_path / "coco", to="coco")
    options = dict(Coco.recognise(tmp_path / "coco").options)
    [record] = Coco(**{**options, "path": tmp_path / "coco"}).records()
    assert record.targets == {"text": ""}


@pytest.mark.parametrize(("to", "name"), [("coco", "iscrowd"), ("voc", "difficult")])
def test_a_flag_of_boxes_that_is_none_is_refused(tmp_path, to, name):
    Image.fromarray(photographs()[0]).save(tmp_path / "a.png")
    row = {"bbox": [[1, 2, 3, 4]], "categories": ["cat"], name: [7]}
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": "a.png", "objects": row}))
    (tmp_path / "p.yaml").write_text(
        f"name: odd\nsource: {{use: imagefolder, path: ., attributes: [{name}]}}\n"
        "split: {train: 1}\n"
    )
    built = dsbuilder.build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)
    with pytest.raises(DataError, match=f"'{name}' of boxes to be 0 or 1, found 7"):
        export(dsbuilder.load(built.path), tmp_path / to, to=to)


def test_voc_cannot_hold_boxes_around_a_background(tmp_path):
    names = [coco.Category(id=20, name="background", keypoints=POINTS)]
    dataset = build(tmp_path, SOME, categories=names)
    with pytest.raises(DataError, match="found 'background', which VOC takes for pixels of no"):
        export(dataset, tmp_path / "voc", to="voc")
    assert not (tmp_path / "voc").exists()


@pytest.mark.parametrize(
    ("to", "kinds"),
    [
        ("coco", "boxes or mask or keypoints or text"),
        ("yolo", "boxes or keypoints or mask"),
        ("voc", ""),
    ],
)
def test_a_dataset_without_such_a_target_is_refused(
    make_images, write_pipeline, tmp_path, to, kinds
):
    make_images(count=3, size=(16, 20))
    pipeline = write_pipeline("name: pets\nsource: {use: folder, path: source}\n")
    built = dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=1)
    with pytest.raises(DataError, match=f"expected a target of kind {kinds}.*found 'label'"):
        export(dsbuilder.load(built.path), tmp_path / "x", to=to)


def test_names_that_differ_in_their_extensions_alone_are_told_apart():
    names = files.Names((".jpg",))
    places = [names.place(key) for key in ("a.jpg", "a.jpeg", "A.JPG", "a.png")]
    assert places == ["a.jpg", "a.jpeg.jpg", "A~2.JPG", "a.png.jpg"]
