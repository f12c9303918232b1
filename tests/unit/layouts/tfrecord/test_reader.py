"""TFRecord: what we built reads back as it was, and so do files that say nothing of themselves."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.errors import DataError
from dsbuilder.export import export
from dsbuilder.images import encoding as image_format
from dsbuilder.images import png
from dsbuilder.layouts.keys import of_source
from dsbuilder.layouts.tfrecord.detection import read_label_map
from dsbuilder.layouts.tfrecord.reader import OFFSET, TFRecord
from dsbuilder.plugin import Record
from dsbuilder.records import example, tfrecord
from dsbuilder.testing import check_source

PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [A.HorizontalFlip]}
finish: [{use: resize, size: [8, 10]}]
cache: {shard_mb: 0.002}
"""


def listed(source: TFRecord) -> dict[str, Record]:
    return {record.key: record for record in source.records()}


def refusal(source: TFRecord) -> str:
    with pytest.raises(DataError) as caught:
        for record in source.records():
            source.read(record)
    return str(caught.value).replace(str(source.path), "ROOT")


@pytest.fixture
def build(make_images, write_pipeline, tmp_path: Path):
    def run(*overrides: str) -> Dataset:
        make_images(count=6, size=(12, 14))
        pipeline = write_pipeline(PIPELINE)
        built = dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
        return dsbuilder.load(built.path)

    return run


def check_equal(dataset: Dataset, source: TFRecord) -> None:
    """The source finds every sample of a dataset, as it was stored."""
    records = listed(source)
    kinds = source.targets(list(records.values()))
    assert dict(kinds) == dict(dataset.signature.targets)
    found = {
        sample.key: (split, sample) for split in dataset.splits for sample in dataset.samples(split)
    }
    samples = {given: found[key] for key, given in of_source(found).items()}
    assert set(records) == set(samples)
    for key, (split, sample) in samples.items():
        record = records[key]
        assert record.split == split
        pixels = source.read(record)
        is_array = isinstance(pixels, np.ndarray)
        image = pixels if is_array else image_format.decode(pixels, mode="rgb")
        assert np.array_equal(image, sample.image)
        for name, kind in kinds.items():
            value = kind.parse(record.targets[name])
            stored, found = kind.encode(name, sample.targets[name]), kind.encode(name, value)
            assert example.encode(stored) == example.encode(found)


@pytest.mark.parametrize("image", ["jpeg", "png", "raw"])
def test_what_we_built_is_read_as_it_was_stored(build, image: str) -> None:
    dataset = build(f"cache.image={image}")
    check_equal(dataset, TFRecord(path=dataset.path))
    check_source(TFRecord(path=dataset.path))


def test_labels_of_every_kind_are_read_as_they_were_stored(build_all_kinds) -> None:
    dataset = build_all_kinds()
    check_equal(dataset, TFRecord(path=dataset.path))


def test_pixels_to_ignore_are_read_as_such(tmp_path: Path, write_pipeline) -> None:
    ids = np.array([[0, 1, 255], [255, 1, 0]], np.uint8)
    black = np.zeros((2, 3, 3), np.uint8)
    for name in ("a", "b"):
        for place, pixels in (("images", black), ("masks", ids[:, :, None])):
            (tmp_path / place).mkdir(exist_ok=True)
            (tmp_path / place / f"{name}.png").write_bytes(png.encode(pixels))
    source = "{use: image_mask, path: ., classes: [sky, sea], ignore: '255'}"
    pipeline = write_pipeline(f"name: masks\nsource: {source}\nsplit: {{train: 1}}\n")
    built = dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    check_equal(dataset, TFRecord(path=dataset.path))
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"))
    target = dataset.signature.targets["mask"]
    for record in TFRecord(path=tmp_path / "tfds").records():
        assert np.array_equal(target.parse(record.targets["mask"]), ids)
        assert target.stated(record.targets["mask"]) == ["sea", "sky"]


def test_a_dataset_is_found_below_the_path_and_recognised(build, tmp_path: Path, caplog) -> None:
    dataset = build()
    records = listed(TFRecord(path=dataset.path.parent))
    assert len(records) == sum(map(dataset.num_samples, dataset.splits))
    assert any(
        ".jsonl" in message or "files were skipped" in message for message in caplog.messages
    )
    caplog.clear()
    (dataset.path.parent / "stray.png").touch()
    listed(TFRecord(path=dataset.path.parent))
    assert any("1 .png" in message for message in caplog.messages)
    known = TFRecord.recognise(dataset.path)
    assert known.certainty > 0.9
    assert known.reason.startswith(f"TensorFlow Datasets: toy 1.0.0, {len(records)} records in ")


def test_targets_and_splits_can_be_chosen(build) -> None:
    dataset = build()
    records = listed(TFRecord(path=dataset.path, only_splits=("test",)))
    assert {each.split for each in records.values()} == {"test"}
    assert "Did you mean 'train'" in refusal(TFRecord(path=dataset.path, only_splits=("trian",)))
    assert "Did you mean 'label'" in refusal(TFRecord(path=dataset.path, only_targets=("labl",)))


def test_one_of_several_datasets_must_be_chosen(build, tmp_path: Path) -> None:
    dataset = build()
    for version in ("1.0.0", "1.0.1"):
        shutil.copytree(dataset.path, tmp_path / "sets" / "toy" / version)
    message = "ROOT: expected one dataset, found 2: 'toy/1.0.0', 'toy/1.0.1'. Let `path` name one."
    assert refusal(TFRecord(path=tmp_path / "sets")) == message
    assert TFRecord.recognise(tmp_path / "sets").certainty == 0


def image_of(number: int) -> np.ndarray:
    return np.full((4, 6, 3), number, np.uint8)


def written(path: Path, rows: list[dict[str, example.Value]], *, gz: bool = False) -> Path:
    data = b"".join(tfrecord.frame(example.encode(row)) for row in rows)
    path.write_bytes(gzip.compress(data, mtime=0) if gz else data)
    return path


def plain(count: int = 4, **more: example.Value) -> list[dict[str, example.Value]]:
    return [{"image": png.encode(image_of(n)), "label": n % 3, **more} for n in range(count)]


@pytest.mark.parametrize("gz", [False, True])
def test_plain_files_are_read_with_splits_in_their_names(tmp_path: Path, gz: bool) -> None:
    written(tmp_path / "a_train.tfrecord-00000-of-00001", plain(), gz=gz)
    written(tmp_path / "a_val.tfrecord", plain(2), gz=gz)
    source = TFRecord(path=tmp_path, classes=("a", "b", "c"))
    records = listed(source)
    assert list(records) == [
        *(f"a_train.tfrecord-00000-of-00001/{row:05d}" for row in range(4)),
        *(f"a_val.tfrecord/{row:05d}" for row in range(2)),
    ]
    assert [each.split for each in records.values()] == ["train"] * 4 + ["validation"] * 2
    assert [each.targets["label"] for each in records.values()] == list("abca") + list("ab")
    assert source.read(records["a_val.tfrecord/00001"]) == png.encode(image_of(1))
    check_source(source)


def test_a_file_whose_length_looks_like_gzip_is_not_taken_for_one(tmp_path: Path) -> None:
    row = plain(1)[0]
    bare = len(example.encode({**row, "x": b""}))
    filler = 0x8B1F - bare
    row["x"] = bytes(filler - (len(example.encode({**row, "x": bytes(filler)})) - 0x8B1F))
    path = written(tmp_path / "a.tfrecord", [row, *plain(3)])
    assert path.read_bytes().startswith(b"\x1f\x8b")
    assert len(listed(TFRecord(path=path))) == 4


def test_keys_are_names_where_these_tell_records_apart(tmp_path: Path) -> None:
    rows = [{**row, "image/filename": f"n{n}.png".encode()} for n, row in enumerate(plain())]
    path = written(tmp_path / "a.tfrecord", rows)
    assert list(listed(TFRecord(path=path))) == ["n0.png", "n1.png", "n2.png", "n3.png"]
    path = written(tmp_path / "a.tfrecord", plain(**{"image/filename": b"same.png"}))
    assert next(iter(listed(TFRecord(path=path)))) == "a.tfrecord/00000"


def boxes(count: int, **more: example.Value) -> dict[str, example.Value]:
    sides = {
        side: np.full(count, 0.25 * n, np.float32)
        for n, side in enumerate(("xmin", "ymin", "xmax", "ymax"))
    }
    row: dict[str, example.Value] = {"image/encoded": png.encode(image_of(count))}
    row.update({f"image/object/bbox/{side}": values for side, values in sides.items()})
    row["image/object/class/text"] = [b"cat", "犬".encode()][:count]
    row["image/object/class/label"] = np.arange(1, count + 1)
    row["image/object/difficult"] = np.zeros(count, np.int64)
    return {**row, **more}


def test_boxes_of_the_object_detection_api_are_read(tmp_path: Path) -> None:
    written(tmp_path / "train.record", [boxes(2), boxes(0), boxes(1)])
    source = TFRecord(path=tmp_path)
    first, second, third = listed(source).values()
    box = {"box": [0.0, 0.25, 0.5, 0.75], "difficult": 0}
    assert first.targets["objects"] == [{"label": "cat", **box}, {"label": "犬", **box}]
    assert (second.targets["objects"], len(third.targets["objects"])) == ([], 1)
    kind = source.targets([first, second, third])["objects"]
    assert (kind.names, kind.attributes) == (("cat", "犬"), (("difficult", "int64"),))
    check_source(source)


def test_class_numbers_are_named_by_a_label_map(tmp_path: Path) -> None:
    rows = [boxes(2, **{"image/object/class/text": []})]
    written(tmp_path / "train.record", rows)
    (tmp_path / "map.pbtxt").write_text(
        'item {\n id: 2\n name: \'dog\\\'s\'\n}\nitem { name: "/m/01" id: 1 display_name: "Katze" }'
    )
    source = TFRecord(path=tmp_path)
    records = list(source.records())
    assert [box["label"] for box in records[0].targets["objects"]] == ["Katze", "dog's"]
    assert source.targets(records)["objects"].names == ("Katze", "dog's")
    assert read_label_map("") == {}


def far(value: float) -> dict[str, example.Value]:
    return boxes(1, **{"image/object/bbox/xmax": np.array([value], np.float32)})


def test_a_rounding_error_is_cut_off_and_more_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.record", [far(1.004)])
    [record] = TFRecord(path=path).records()
    assert record.targets["objects"][0]["box"][2] == 1.0
    written(path, [boxes(1), far(1.2)])
    assert "from 0 to 1, found [0.0, 0.25, 1.2, 0.75]" in refusal(TFRecord(path=path))


WRONG = {
    "no image": ([{"label": 1}], "expected a feature such as image/encoded, image"),
    "no label": ([{"image": b""}], "Say which holds it with `label`"),
    "a label missing": ([*plain(), {"image": b"x"}], "expected a feature 'label', found none"),
    "a real label": ([*plain(), *plain(1, label=0.5)], "expected whole numbers, found reals"),
    "two labels": ([*plain(), *plain(1, label=[1, 2])], "label: expected 1 values, found 2"),
    "two images": ([*plain(), *plain(1, image=[b"x", b"y"])], "expected one image, found 2"),
    "one class": (plain(1), "expected at least two classes, found one ('0')"),
    "fewer classes": ([boxes(2, **{"image/object/class/text": [b"a"]})], "expected 2 of each"),
    "nothing": ([], "found 1 files and no record"),
    "not text": ([boxes(1, **{"image/object/class/text": [b"\xff"]})], "expected texts in UTF-8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    rows, message = WRONG[case]
    written(tmp_path / "a.tfrecord", rows)
    assert message in refusal(TFRecord(path=tmp_path))


def test_what_lies_elsewhere_or_is_missing_is_named(build, tmp_path: Path) -> None:
    dataset = build()
    copied = shutil.copytree(dataset.path, tmp_path / "copied")
    info = json.loads((copied / "dataset_info.json").read_text())
    info["splits"][0]["filepathTemplate"] = "../out.tfrecord"
    (copied / "dataset_info.json").write_text(json.dumps(info))
    assert "expected a path without '..'" in refusal(TFRecord(path=copied))
    info["splits"][0] = {"name": "train", "shardLengths": ["7", "1"]}
    (copied / "dataset_info.json").write_text(json.dumps(info))
    assert "found no 'toy-train.tfrecord-00000-of-00002'" in refusal(TFRecord(path=copied))
    info["fileFormat"] = "riegeli"
    (copied / "dataset_info.json").write_text(json.dumps(info))
    assert "found 'riegeli'. Prepare" in refusal(TFRecord(path=copied))
    assert TFRecord.recognise(copied).certainty == 0
    assert TFRecord.recognise(tmp_path / "none").certainty == 0


def test_other_numbers_of_records_than_stated_are_an_error(build) -> None:
    dataset = build("cache.shard_mb=64")
    path = next(dataset.path.glob("*-test.tfrecord-*"))
    frames = [tfrecord.frame(data) for _, _, data in tfrecord.read(path)]
    path.write_bytes(b"".join(frames[:-1]))
    assert f"expected {len(frames)} records, as dataset_info.json says" in refusal(
        TFRecord(path=dataset.path)
    )


def test_a_changed_image_alone_changes_its_identity(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tfrecord", plain())
    before = [TFRecord(path=path).identity(each) for each in TFRecord(path=path).records()]
    rows = plain()
    rows[1]["label"] = 2
    rows[3]["image"] = png.encode(image_of(9))
    written(path, rows)
    source = TFRecord(path=path)
    records = list(source.records())
    after = [source.identity(each) for each in records]
    assert [n for n in range(4) if before[n] != after[n]] == [3]
    assert after == [source.identity(each) for each in records]
    assert all(OFFSET in each.targets for each in records)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A folder as TensorFlow Datasets writes it, with boxes and two splits."""
    folder = tmp_path_factory.mktemp("sound")
    tensor = {"tensor": {"shape": {}, "dtype": "float32", "encoding": "none"}}
    box = {"boundingBox": {"shape": {"dimensions": ["4"]}, "dtype": "float32"}}
    group = {
        "featuresDict": {"features": {"bbox": box, "label": {"classLabel": {"numClasses": "2"}}}}
    }
    features = {
        "image": {"image": {"shape": {"dimensions": ["-1", "-1", "3"]}, "dtype": "uint8"}},
        "label": {"classLabel": {"numClasses": "3"}},
        "value": tensor,
        "objects": {"sequence": {"feature": group, "length": "-1"}},
    }
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    (folder / "label.labels.txt").write_text("a\nb\nc\n")
    splits = [{"name": name, "shardLengths": ["4"]} for name in ("train", "test")]
    info = {"name": "toy", "version": "1.0.0", "splits": splits}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    more = {"value": 0.5, "objects/bbox": np.full(4, 0.5, np.float32), "objects/label": 1}
    for name in ("train", "test"):
        written(folder / f"toy-{name}.tfrecord-00000-of-00001", plain(**more))
    assert len(listed(TFRecord(path=folder))) == 8
    return folder


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_folder_is_an_error_or_read_as_it_stands(sound, tmp_path_factory, data) -> None:
    folder = shutil.copytree(sound, tmp_path_factory.mktemp("fuzz") / "a")
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 30))] = data.draw(
            st.sampled_from([b"", b"{", b"]", b'"', b"-2", b"null", b"\xff", b"\0", b"9", b"../"])
        )
    path.write_bytes(content)
    TFRecord.recognise(folder)
    source = TFRecord(path=folder)
    try:
        records = list(source.records())
        kinds = source.targets(records)
        for record in records:
            assert source.identity(record)
            source.read(record)
            for name, kind in kinds.items():
                kind.check(record.targets[name])
    except DataError as error:
        assert str(error)


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_features_are_an_error_or_read_as_they_stand(tmp_path_factory, data) -> None:
    rows = [boxes(2), boxes(1)] if data.draw(st.booleans()) else plain(2)
    row = data.draw(st.sampled_from(rows))
    name = data.draw(st.sampled_from(sorted(row)))
    row[name] = data.draw(
        st.sampled_from([b"", [], [b"a", b"b"], 7, -1, 0.5, np.zeros(3, np.float32), float("nan")])
    )
    path = written(tmp_path_factory.mktemp("fuzz") / "a.tfrecord", rows)
    source = TFRecord(path=path)
    try:
        records = list(source.records())
        source.targets(records)
        for record in records:
            source.read(record)
    except DataError as error:
        assert str(path) in str(error)
