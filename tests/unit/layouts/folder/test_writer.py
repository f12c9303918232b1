"""An exported folder holds every sample once, as it was stored, and opens elsewhere."""

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.layouts.imagefolder.reader import ImageFolder
from dsbuilder.records import example

FIXED = """
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 2, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 20]}]
"""


@pytest.fixture
def build(make_images, write_pipeline, tmp_path: Path):
    def run(text: str = FIXED, **images) -> Dataset:
        make_images(**{"count": 8, "size": (24, 30), **images})
        pipeline = write_pipeline(text)
        return dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)

    return run


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("cache", ["image: jpeg", "image: png", "image: raw", "codec: npy"])
def test_every_sample_is_there_with_its_pixels(build, tmp_path: Path, cache: str) -> None:
    dataset = build(f"{FIXED}cache: {{{cache}}}\n")
    exported = export(dataset, tmp_path / "folder", to="folder")
    assert exported.samples == {name: dataset.num_samples(name) for name in dataset.splits}
    for split in dataset.splits:
        stored = Counter(
            (dataset.class_names[sample.targets["label"]], sample.image.tobytes())
            for sample in dataset.samples(split)
        )
        found = Counter(
            (path.parent.name, pixels(path)) for path in files(tmp_path / "folder" / split)
        )
        assert found == stored


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return np.asarray(image).tobytes()


def test_stored_jpeg_bytes_are_taken_over_as_they_are(build, tmp_path: Path) -> None:
    dataset = build(f"{FIXED}cache: {{image: jpeg}}\n")
    export(dataset, tmp_path / "folder", to="folder")
    shard = dataset.shards("test")[0]
    reader = dataset.codec.open(dataset.path, shard.stem)
    stored = {
        example.decode(reader.read(entry.offset, entry.length))["image"][0]
        for _, entry in dataset.entries("test")
    }
    assert stored == {path.read_bytes() for path in files(tmp_path / "folder" / "test")}


def test_names_say_where_a_sample_came_from(build, tmp_path: Path) -> None:
    dataset = build(f"{FIXED}cache: {{image: png}}\n")
    export(dataset, tmp_path / "folder", to="folder")
    keys = {entry.key for _, entry in dataset.entries("train")}
    names = {
        path.relative_to(tmp_path / "folder" / "train").as_posix()
        for path in files(tmp_path / "folder" / "train")
    }
    originals = {key for key in keys if "//" not in key}
    assert originals <= names
    assert {f"{key}@copy-{copy}.png" for key in originals for copy in (1, 2)} <= names


def test_every_split_has_a_folder_for_every_class(build, tmp_path: Path) -> None:
    text = FIXED.replace("path: source", "path: source, classes: [cat, dog, owl, yak]")
    dataset = build(text)
    export(dataset, tmp_path / "folder", to="folder")
    for split in dataset.splits:
        assert {each.name for each in (tmp_path / "folder" / split).iterdir()} == {
            "cat",
            "dog",
            "owl",
            "yak",
        }


def test_classes_out_of_order_and_mixed_labels_are_reported(build, tmp_path: Path) -> None:
    text = FIXED.replace("path: source", "path: source, classes: [owl, dog, cat]")
    dataset = build(text.replace("A.HorizontalFlip", "mixup"))
    assert list(export(dataset, tmp_path / "folder", to="folder").warnings) == [
        f"{dataset.where}: the classes are not in sorted order: readers of folders number them "
        "otherwise than this dataset.",
        f"{dataset.where}: 'label' holds mixed labels: each sample goes to its dominant class, its "
        "weights are left out.",
    ]


STRIPES = """
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import ImageSignature, Sample, Signature, Synthesizer, Text, synthesizer

WORDS = ("one,two", 'say "yes"', "Übung", "two\\nlines")

@synthesizer("stripes")
@dataclass(frozen=True, kw_only=True)
class Stripes(Synthesizer):
    \"\"\"Draws stripes and calls them by a word.\"\"\"

    def output_signature(self, mode):
        image = ImageSignature(height=16, width=48, channels=3)
        return Signature(image=image, targets={"text": Text()})

    def draw(self, rng):
        return {"word": int(rng.integers(4)), "step": int(rng.integers(2, 9))}

    def render(self, key, params, mode):
        image = np.zeros((16, 48, 3), np.uint8)
        image[:, :: params["step"]] = 255
        return Sample(key=key, image=image, targets={"text": WORDS[params["word"]]})
"""


def test_texts_stand_in_a_table(tmp_path: Path, write_pipeline) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "stripes.py").write_text(STRIPES, encoding="utf-8")
    shares = "{train: 0.5, test: 0.5}"
    pipeline = write_pipeline(
        f"name: words\nsynthesize: [{{use: stripes, count: 12, splits: {shares}}}]\n"
    )
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    export(dataset, tmp_path / "folder", to="folder")
    for split in ("train", "test"):
        with (tmp_path / "folder" / split / "metadata.csv").open(
            encoding="utf-8", newline=""
        ) as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["file_name", "text"]
        assert Counter(row["text"] for row in rows) == Counter(
            sample.targets["text"] for sample in dataset.samples(split)
        )
        assert all((tmp_path / "folder" / split / row["file_name"]).is_file() for row in rows)


def test_values_stand_in_a_table_to_the_last_digit(make_images, write_pipeline, tmp_path) -> None:
    root = make_images(classes=("a",), count=4, size=(16, 20))
    rows = "".join(f"a/{index}.png,{index / 3},{index}e-5\n" for index in range(4))
    (root / "metadata.csv").write_text(f"file_name,x,y\n{rows}")
    source = "{use: imagefolder, path: source, value_columns: [x, y]}"
    pipeline = write_pipeline(f"name: values\nsource: {source}\nsplit: {{train: 1}}\n")
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    export(dataset, tmp_path / "folder", to="folder")
    records = ImageFolder(path=tmp_path / "folder").open().records
    found = sorted(record.targets["value"] for record in records)
    expected = sorted(sample.targets["value"].tolist() for sample in dataset.samples("train"))
    assert found == expected


def test_labels_without_a_place_in_class_folders_are_an_error(
    make_images, write_pipeline, tmp_path
) -> None:
    root = make_images(classes=("a",), count=4, size=(16, 20))
    rows = "".join(f'{{"file_name": "a/{index}.png", "labels": ["x"]}}\n' for index in range(4))
    (root / "metadata.jsonl").write_text(rows)
    pipeline = write_pipeline("name: many\nsource: {use: imagefolder, path: source}\n")
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    with pytest.raises(DataError, match=r"found 'labels'\. Export to .* such as imagefolder"):
        export(dataset, tmp_path / "folder", to="folder")


def test_keras_reads_the_same_classes_and_images(build, tmp_path: Path) -> None:
    dataset = build()
    export(dataset, tmp_path / "folder", to="folder")
    from keras.utils import image_dataset_from_directory

    for split in dataset.splits:
        read = image_dataset_from_directory(
            tmp_path / "folder" / split, image_size=(16, 20), batch_size=None, verbose=False
        )
        assert tuple(read.class_names) == dataset.class_names
        labels = Counter(int(label) for _, label in read)
        assert labels == Counter(int(s.targets["label"]) for s in dataset.samples(split))


def test_raw_pixels_become_png(build, tmp_path: Path) -> None:
    dataset = build(f"{FIXED}cache: {{codec: npy}}\n")
    export(dataset, tmp_path / "folder", to="folder")
    first = files(tmp_path / "folder" / "train")[0]
    with Image.open(io.BytesIO(first.read_bytes())) as image:
        assert (image.format, image.size) == ("PNG", (20, 16))
