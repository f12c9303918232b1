"""TFRecord: what we built reads back as it was, and so do files that say nothing of themselves."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from round_trip import check_equal

import dsbuilder
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images import png
from dsbuilder.layouts.tfrecord.detection import read_label_map
from dsbuilder.layouts.tfrecord.reader import TFRecord
from dsbuilder.plugin import Record
from dsbuilder.records import example, tfrecord
from dsbuilder.testing import check_plugin


def listed(source: TFRecord) -> dict[str, Record]:
    return {record.key: record for record in source.open().records}


def refusal(source: TFRecord) -> str:
    try:
        records = source.open().records
        errors = [each.error for each in records if each.error is not None]
        for record in () if errors else records:
            source.open().read(record)
    except DataError as error:
        errors = [str(error)]
    return "\n".join(errors).replace(str(source.path), "ROOT")


@pytest.mark.parametrize("image", ["jpeg", "png", "raw"])
def test_what_we_built_is_read_as_it_was_stored(build_toy, image: str) -> None:
    dataset = build_toy(f"cache.image={image}")
    check_equal(dataset, TFRecord(path=dataset.path))
    check_plugin(TFRecord(path=dataset.path))


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
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    check_equal(dataset, TFRecord(path=dataset.path))
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"))
    target = dataset.signature.targets["mask"]
    for record in TFRecord(path=tmp_path / "tfds").open().records:
        assert np.array_equal(target.parse(record.targets["mask"]), ids)
        assert target.stated(record.targets["mask"]) == ["sea", "sky"]


def test_files_of_our_own_builds_are_not_noted_and_others_are(build_toy) -> None:
    home = build_toy().path
    assert {"SHA256SUMS", "log"} <= {each.name for each in home.iterdir()}
    assert not TFRecord(path=home).open().notes
    (home / "stray.jsonl").touch()
    assert TFRecord(path=home).open().notes == ["1 file was skipped: 'stray.jsonl'"]
    (home / "metadata.json").unlink()
    (note,) = TFRecord(path=home).open().notes
    assert "files were skipped" in note


def test_a_dataset_is_found_below_the_path_and_recognized(build_toy) -> None:
    dataset = build_toy()
    above = dataset.path.parents[1]  # of name/.builds/fingerprint
    catalog = TFRecord(path=above).open()
    assert len(catalog.records) == sum(map(dataset.num_samples, dataset.splits))
    assert not catalog.notes
    (above / "stray.png").touch()
    assert any("1 .png" in note for note in TFRecord(path=above).open().notes)
    known = TFRecord.signs(dataset.path)
    assert known.evidence == "declared"
    count = len(catalog.records)
    assert known.reason.startswith(f"TensorFlow Datasets: toy 1.0.0, {count} records in ")


def test_targets_and_splits_can_be_chosen(build_toy) -> None:
    dataset = build_toy()
    records = listed(TFRecord(path=dataset.path, only_splits=("test",)))
    assert {each.split for each in records.values()} == {"test"}
    assert "Did you mean 'train'" in refusal(TFRecord(path=dataset.path, only_splits=("trian",)))
    assert "Did you mean 'label'" in refusal(TFRecord(path=dataset.path, only_targets=("labl",)))


def test_one_of_several_datasets_must_be_chosen(build_toy, tmp_path: Path) -> None:
    dataset = build_toy()
    for version in ("1.0.0", "1.0.1"):
        shutil.copytree(dataset.path, tmp_path / "sets" / "toy" / version)
    message = "ROOT: expected one dataset, found 2: 'toy/1.0.0', 'toy/1.0.1'. Let `path` name one."
    assert refusal(TFRecord(path=tmp_path / "sets")) == message
    assert TFRecord.signs(tmp_path / "sets").evidence is None


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
    assert source.open().read(records["a_val.tfrecord/00001"]) == png.encode(image_of(1))
    check_plugin(source)


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
    kind = source.open().targets["objects"]
    assert (kind.names, kind.attributes) == (("cat", "犬"), (("difficult", "int64"),))
    check_plugin(source)


def test_class_numbers_are_named_by_a_label_map(tmp_path: Path) -> None:
    rows = [boxes(2, **{"image/object/class/text": []})]
    written(tmp_path / "train.record", rows)
    (tmp_path / "map.pbtxt").write_text(
        'item {\n id: 2\n name: \'dog\\\'s\'\n}\nitem { name: "/m/01" id: 1 display_name: "Katze" }'
    )
    catalog = TFRecord(path=tmp_path).open()
    records = list(catalog.records)
    assert [box["label"] for box in records[0].targets["objects"]] == ["Katze", "dog's"]
    assert catalog.targets["objects"].names == ("Katze", "dog's")
    assert read_label_map("") == {}


def far(value: float) -> dict[str, example.Value]:
    return boxes(1, **{"image/object/bbox/xmax": np.array([value], np.float32)})


def test_a_rounding_error_is_cut_off_and_more_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.record", [far(1.004)])
    [record] = TFRecord(path=path).open().records
    assert record.targets["objects"][0]["box"][2] == 1.0
    written(path, [boxes(1), far(1.2)])
    catalog = TFRecord(path=path).open()
    assert catalog.records[1].targets["objects"][0]["box"][2] == 1.0
    assert catalog.notes[-1] == (
        "1 box reaches out of the image by at most half, and is cut at its edge"
    )
    written(path, [boxes(1), far(2.2)])
    assert "as shares of its sides, found [0.0, 0.25, 2.2, 0.75]" in refusal(TFRecord(path=path))


def test_the_first_image_may_have_no_objects(tmp_path: Path) -> None:
    """Be its features empty, as some write them, or absent, as others do."""
    whole = boxes(2)
    empty = {name: [] if "object/" in name else value for name, value in boxes(3).items()}
    bare = {name: value for name, value in boxes(4).items() if "object/" not in name}
    for first in ((empty, bare), (bare, empty)):
        written(tmp_path / "a.record", [*first, whole])
        catalog = TFRecord(path=tmp_path / "a.record").open()
        assert [len(each.targets["objects"]) for each in catalog.records] == [
            *(0, 0),
            len(whole["image/object/bbox/xmin"]),
        ]


def test_a_damaged_record_is_one_with_an_error_and_the_next_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tfrecord", [*plain(), *plain()])
    sound = TFRecord(path=path).open().records
    data = bytearray(path.read_bytes())
    place = sound[1].place["offset"] + 20
    data[place] ^= 1
    path.write_bytes(data)
    found = TFRecord(path=path).open().records
    assert [each.key for each in found] == [each.key for each in sound]
    assert [each.error is None for each in found] == [n != 1 for n in range(len(found))]
    assert f"byte {sound[1].place['offset'] + 12}: expected payload checksum" in found[1].error
    assert [each for each in found if not each.error] == [*sound[:1], *sound[2:]]


def test_an_empty_class_is_an_error_of_its_record_alone(tmp_path: Path) -> None:
    rows = [{"image": name, "image/class/text": name} for name in (b"cat", b"dog", b" ")]
    written(tmp_path / "a.tfrecord", rows)
    catalog = TFRecord(path=tmp_path).open()
    assert catalog.targets["label"].names == ("cat", "dog")
    assert [bool(each.error) for each in catalog.records] == [False, False, True]


WRONG = {
    "no image": ([{"label": 1}], "expected a feature such as image/encoded, image"),
    "no label": ([{"image": b""}], "Say which holds it with `label`"),
    "a label missing": ([*plain(), {"image": b"x"}], "there is no feature 'label'"),
    "a real label": ([*plain(), *plain(1, label=0.5)], "expected whole numbers, found reals"),
    "two labels": ([*plain(), *plain(1, label=[1, 2])], "label: expected 1 values, found 2"),
    "two images": ([*plain(), *plain(1, image=[b"x", b"y"])], "expected one image, found 2"),
    "fewer classes": ([boxes(2, **{"image/object/class/text": [b"a"]})], "expected 2 of each"),
    "nothing": ([], "found 1 files and no record"),
    "not text": ([boxes(1, **{"image/object/class/text": [b"\xff"]})], "expected texts in UTF-8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    rows, message = WRONG[case]
    written(tmp_path / "a.tfrecord", rows)
    assert message in refusal(TFRecord(path=tmp_path))


def test_what_lies_elsewhere_or_is_missing_is_named(build_toy, tmp_path: Path) -> None:
    dataset = build_toy()
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
    assert TFRecord.signs(copied).evidence is None
    assert TFRecord.signs(tmp_path / "none").evidence is None


def test_other_numbers_of_records_than_stated_are_an_error(build_toy) -> None:
    dataset = build_toy("cache.shard_mb=64")
    path = next(dataset.path.glob("*-test.tfrecord-*"))
    frames = [tfrecord.frame(data) for _, _, data in tfrecord.read(path)]
    path.write_bytes(b"".join(frames[:-1]))
    assert f"expected {len(frames)} records, as dataset_info.json says" in refusal(
        TFRecord(path=dataset.path)
    )


def test_a_changed_image_alone_changes_its_identity(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tfrecord", plain())
    before = [
        TFRecord(path=path).open().identity(each) for each in TFRecord(path=path).open().records
    ]
    rows = plain()
    rows[1]["label"] = 2
    rows[3]["image"] = png.encode(image_of(9))
    written(path, rows)
    catalog = TFRecord(path=path).open()
    records = list(catalog.records)
    after = [catalog.identity(each) for each in records]
    assert [n for n in range(4) if before[n] != after[n]] == [3]
    assert after == [catalog.identity(each) for each in records]
    assert all(set(each.targets) == {"label"} for each in records)


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
    TFRecord.signs(folder)
    catalog = TFRecord(path=folder).open()
    try:
        records = list(catalog.records)
        kinds = catalog.targets
        for record in (each for each in records if each.error is None):
            assert catalog.identity(record)
            catalog.read(record)
            for name, kind in kinds.items():
                kind.check(record.targets[name])
    except DataError as error:
        assert str(error)


@given(data=st.data())
def test_damaged_features_are_an_error_or_read_as_they_stand(tmp_path_factory, data) -> None:
    rows = [boxes(2), boxes(1)] if data.draw(st.booleans()) else plain(2)
    row = data.draw(st.sampled_from(rows))
    name = data.draw(st.sampled_from(sorted(row)))
    row[name] = data.draw(
        st.sampled_from([b"", [], [b"a", b"b"], 7, -1, 0.5, np.zeros(3, np.float32), float("nan")])
    )
    path = written(tmp_path_factory.mktemp("fuzz") / "a.tfrecord", rows)
    catalog = TFRecord(path=path).open()
    try:
        for record in catalog.records:
            catalog.read(record)
    except DataError as error:
        assert str(path) in str(error)
