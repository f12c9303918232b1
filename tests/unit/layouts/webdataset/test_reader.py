"""The webdataset source: tar files as its users write them, with their traps; ours see exports."""

import contextlib
import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import notes_of, reading

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images import png
from dsbuilder.layouts.webdataset.reader import WebDataset
from dsbuilder.plugin import ClassLabel, Mask, MultiLabel, Text, Value

read, targets, refusal = reading(WebDataset)


def picture(seed: int, channels: int = 3) -> bytes:
    rng = np.random.default_rng(seed)
    return png.encode(rng.integers(0, 256, (6, 8, channels), np.uint8))


def pack(path: Path, files: dict[str, Any]) -> Path:
    """Packs contents by name: bytes, texts, or values for JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            text = content if isinstance(content, (str, bytes)) else json.dumps(content)
            data = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def numbered(count: int, *, start: int = 0, folder: str = "") -> dict[str, Any]:
    """Files of samples as the examples of webdataset show them."""
    files: dict[str, Any] = {}
    for index in range(start, start + count):
        name = f"{folder}{index:06d}"
        files |= {f"{name}.png": picture(index), f"{name}.cls": f"{index % 2}\n"}
    return files


def test_samples_of_every_shard_are_read_with_their_splits(tmp_path: Path) -> None:
    pack(tmp_path / "train-000000.tar", numbered(2))
    pack(tmp_path / "train-000001.tar", numbered(1, start=2))
    pack(tmp_path / "test-000000.tar", numbered(2, start=3))
    records = read(tmp_path)
    assert {key: each.split for key, each in records.items()} == {
        "000000": "train",
        "000001": "train",
        "000002": "train",
        "000003": "test",
        "000004": "test",
    }
    catalog = WebDataset(path=tmp_path).open()
    for number, (key, record) in enumerate(sorted(records.items())):
        assert catalog.read(record) == picture(number)
        assert record.targets["label"] == str(int(key) % 2)
    assert targets(tmp_path) == {"label": ClassLabel(names=("0", "1"))}
    assert notes_of(WebDataset, tmp_path) == []
    assert {each.split for each in read(tmp_path, only=("test",)).values()} == {"test"}


def test_one_file_is_read_alone(tmp_path: Path) -> None:
    path = pack(tmp_path / "set-000.tar", numbered(2))
    assert list(read(path)) == ["000000", "000001"]


def test_names_end_at_the_first_dot_of_the_last_part(tmp_path: Path) -> None:
    files = {
        "./v1.2/a.PNG": picture(1),
        "./v1.2/a.CLS": "x",
        "./v1.2/a.extra.json": {},
        "v1.2/b c.png": picture(2),
        "v1.2/b c.cls": "猫",
    }
    pack(tmp_path / "a.tar", files)
    assert {key: each.targets["label"] for key, each in read(tmp_path).items()} == {
        "v1.2/a": "x",
        "v1.2/b c": "猫",
    }


def test_names_that_are_in_several_shards_follow_the_names_of_these(tmp_path: Path) -> None:
    pack(tmp_path / "train/00.tar", numbered(2))
    pack(tmp_path / "val/00.tar", numbered(1))
    assert {key: each.split for key, each in read(tmp_path).items()} == {
        "train/00/000000": "train",
        "train/00/000001": "train",
        "val/00/000000": "validation",
    }


def test_labels_of_every_kind_come_from_files_and_from_keys_of_json(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for number in range(2):
        files |= {
            f"{number}.png": picture(number),
            f"{number}.seg.png": png.encode(np.full((6, 8, 1), number, np.uint8)),
            f"{number}.txt": f"say {number}\n",
            f"{number}.json": {"class": number, "tags": ["b", "a"][number:], "x": [number, 0.5]},
        }
    pack(tmp_path / "a.tar", files)
    options = {
        "label": "json:class",
        "labels": "json:tags",
        "value": "json:x",
        "mask": "seg.png",
        "classes": ("cat", "dog"),
        "mask_classes": ("sky", "sea"),
    }
    kinds = targets(tmp_path, **options)
    assert kinds == {
        "label": ClassLabel(names=("cat", "dog")),
        "labels": MultiLabel(names=("a", "b")),
        "value": Value(size=2),
        "text": Text(),
        "mask": Mask(names=("sky", "sea")),
    }
    second = read(tmp_path, **options)["1"]
    values = {name: kind.parse(second.targets[name]) for name, kind in kinds.items()}
    assert (values["label"], values["text"]) == (1, "say 1")
    assert values["labels"].tolist() == [1, 0]
    assert values["value"].tolist() == [1, 0.5]
    assert values["mask"].tolist() == [[1] * 8] * 6


def test_what_nothing_reads_is_counted(tmp_path: Path) -> None:
    files = {
        **numbered(2),
        "__meta__/a.json": "{}",
        "README": "",
        "lone.cls": "1",
        "._x.png": b"",
        "z.png": picture(9),
        "z.cls": "0",
        "z.json": {},
    }
    path = pack(tmp_path / "a.tar", files)
    with tarfile.open(path, "a") as archive:
        for name, kind in (("folder", tarfile.DIRTYPE), ("link.png", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
    (tmp_path / "notes.md").touch()
    assert set(read(tmp_path)) == {"000000", "000001", "z"}
    assert notes_of(WebDataset, tmp_path) == [
        "1 file was skipped: 1 .md",
        "in the tar files were skipped: 3 of no sample, 1 .cls, 1 .json, 1 of no plain kind",
        "1 sample was skipped, which has no image: 'lone'",
    ]


def test_splits_that_only_some_names_state_are_not_used(tmp_path: Path) -> None:
    pack(tmp_path / "train.tar", numbered(2))
    pack(tmp_path / "more.tar", numbered(2, start=2))
    assert {each.split for each in read(tmp_path).values()} == {None}
    assert notes_of(WebDataset, tmp_path) == [
        "splits in names are not used, since none stands in 'more.tar'"
    ]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no label": ({"a.png": b"", "b.png": b"", "b.cls": "1"}, "expected a file that says what"),
    "a label is missing": (
        {**numbered(2), "c.png": b""},
        "ROOT/a.tar: c: label: expected a file that ends in '.cls', found .png.",
    ),
    "two images": (
        {"a.png": b"", "a.jpg": b"", "a.cls": "1"},
        "expected one image, found 'png', 'jpg'. Say which with `image`.",
    ),
    "a file twice": ({"a.png": b"", "a.PNG": b""}, "one file that ends in '.png', found two"),
    "samples apart": (
        {"a.png": b"", "b.png": b"", "a.cls": "1"},
        "ROOT/a.tar: a: expected the files of a sample one after the other",
    ),
    "a path out": ({"../a.png": b""}, "ROOT/a.tar: expected a path without '..'"),
    "an absolute path": ({"/a.png": b""}, "expected a relative path, found the absolute '/a'"),
    "another encoding": (
        {"a.png": b"", "a.cls": b"\xe9"},
        "a: label: .cls: expected text in UTF-8",
    ),
    "an empty class": ({"a.png": b"", "a.cls": " \n"}, "expected a class, found an empty text"),
    "no image": ({"a.cls": "1"}, "no sample in 1 tar files has an image"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_file_and_sample(tmp_path: Path, case: str) -> None:
    files, message = WRONG[case]
    pack(tmp_path / "a.tar", files)
    assert message in refusal(tmp_path)


def test_json_that_is_wrong_is_said(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar", {"a.png": b"", "a.json": "{", "b.png": b"", "b.json": {"lable": 1}})
    first, second = refusal(tmp_path, label="json:label").splitlines()
    assert first.startswith("ROOT/a.tar: a: label: .json: expected JSON, found an error")
    assert "b: label: .json: there is no key 'label'. Did you mean 'lable'?" in second


def test_options_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only: at least one is needed"):
        WebDataset(path=tmp_path, only=())
    with pytest.raises(ValueError, match="the names of the masks' classes are missing"):
        WebDataset(path=tmp_path, mask="seg.png")
    pack(tmp_path / "train.tar", numbered(2))
    assert "expected tar files, found 1 of other splits" in refusal(tmp_path, only=("test",))
    (tmp_path / "train.tar").unlink()
    assert "ROOT: there are no tar files" in refusal(tmp_path)


def test_only_what_a_sample_holds_decides_its_identity(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    pack(one / "a.tar", numbered(2))
    pack(other / "b.tar", {"0.png": picture(7), "0.cls": "1", **numbered(2)})
    sources = WebDataset(path=one), WebDataset(path=other)
    first, second = (
        {each.key: source.open().identity(each) for each in source.open().records}
        for source in sources
    )
    assert first.items() <= second.items()
    assert len(set(second.values())) == 3


def test_a_sample_that_is_added_leaves_the_others_as_they_were_built(
    tmp_path: Path, write_pipeline
) -> None:
    pipeline = write_pipeline(
        "name: tiny\nsource: {use: webdataset, path: set}\nsplit: {train: 1}\ncache: {image: png}\n"
    )
    pack(tmp_path / "set/a.tar", numbered(6))
    first = build_dataset(pipeline, tmp_path / "out", workers=2)
    pack(tmp_path / "set/a.tar", {"0.png": picture(77), "0.cls": "1", **numbered(6)})
    second = build_dataset(pipeline, tmp_path / "out", workers=2)
    assert (first.made, second.made) == (6, 1)
    dataset = dsbuilder.load(second.path)
    assert {sample.key for sample in dataset.samples("train")} == set(read(tmp_path / "set"))


def test_the_layout_is_recognized_with_its_labels(tmp_path: Path) -> None:
    pack(tmp_path / "train-0.tar", numbered(2))
    found = WebDataset.signs(tmp_path)
    assert (found.evidence, found.options) == ("arranged", {"path": "."})
    assert found.contradictions == []
    assert found.reason == "1 tar file; samples of '.png', '.cls' in 'train-0.tar'"
    files = {"0.png": b"", "0.json": {"caption": "a", "class_name": "b"}}
    pack(tmp_path / "json/train-0.tar", files)
    found = WebDataset.signs(tmp_path / "json")
    options = {"path": ".", "label": "json:class_name", "text": "json:caption"}
    assert (found.evidence, found.options) == ("arranged", options)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no .tar file lies in it"),
        ({"a.tar": {"a.cls": "1"}}, "1 tar file, but no sample with an image in the first"),
        ({"a.tar": b"no tar"}, "a.tar: byte 0: expected the header of a file"),
        ({"a.tar": {"a.png": b""}, "dsbuilder.json": b"{"}, "dsbuilder.json: expected JSON"),
    ],
)
def test_other_tar_files_are_not_taken_for_it(tmp_path: Path, files, reason) -> None:
    for name, content in files.items():
        if isinstance(content, dict):
            pack(tmp_path / name, content)
        else:
            (tmp_path / name).write_bytes(content)
    found = WebDataset.signs(tmp_path)
    assert found.evidence is None
    assert reason in found.reason


def test_samples_without_a_known_label_speak_against_it(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar", {"a.png": b""})
    assert WebDataset.signs(tmp_path).contradictions == ["nothing known labels them"]


@given(
    st.integers(0, 12 * 512),
    st.integers(0, 40),
    st.sampled_from([b"", b"\0", b"1", b"../", b"a.cls", b"\xff" * 9, b"{", b"\0" * 512]),
)
def test_a_changed_tar_file_is_read_as_it_stands_or_refused(
    tmp_path_factory, start: int, length: int, piece: bytes
) -> None:
    root = tmp_path_factory.getbasetemp() / "fuzzed"
    shutil.rmtree(root, ignore_errors=True)
    path = pack(root / "a.tar", {**numbered(2), "x.png": picture(5), "x.cls": "猫"})
    content = path.read_bytes()
    path.write_bytes(content[:start] + piece + content[start + length :])
    WebDataset.signs(root)
    catalog = WebDataset(path=root).open()
    try:
        records = list(catalog.records)
        kinds = catalog.targets
        whole = [each for each in records if each.error is None]
        for record in whole:
            assert len(catalog.read(record)) == record.place["length"]
            assert 0 <= kinds["label"].parse(record.targets["label"]) < 3
    except DataError as error:
        assert re.search(rf"{re.escape(str(root))}|expected class names", str(error))
        return
    assert len(whole) == 3 or len(whole) < len(records)


def test_a_damaged_header_costs_its_sample_and_no_other(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", numbered(6))
    whole = {each.key: each for each in WebDataset(path=tmp_path).open().records}
    third = whole[sorted(whole)[2]].place["offset"] - 512  # the header of its image
    for place, lost in ((third, 2), (0, 0)):
        pack(path, numbered(6))
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"\xff" * 20)
        catalog = WebDataset(path=tmp_path).open()
        found = {each.key: each for each in catalog.records}
        damage = found.pop(f"a.tar: byte {place}")
        assert re.search(
            rf"a\.tar: byte {place}: expected the header of a file", damage.error or ""
        )
        left = [each for each in found.values() if each.error is None]
        assert [each.key for each in left] == [k for k in whole if k != sorted(whole)[lost]]
        assert all(catalog.read(each) == catalog.read(whole[each.key]) for each in left)


SIGNATURE = {
    "label": {"kind": "class", "names": ["a", "b"], "soft": True},
    "tags": {"kind": "multi_label", "names": ["x", "y"]},
    "pose": {"kind": "value", "size": 2},
    "objects": {"kind": "boxes", "names": ["cat"], "attributes": [["score", "float32"]]},
}
SIDECAR = {"format": 1, "signature": {"targets": SIGNATURE}, "keys": {}}
DESCRIBED = {
    "key": "a/1.png//copy-1",
    "label": "a",
    "label_weights": [0.75, 0.25],
    "tags": ["y"],
    "pose": [1, 2.5],
    "objects": [{"label": "cat", "box": [0, 0.25, 0.5, 1], "score": 0.5}],
}


def test_an_export_is_read_by_its_sidecar(tmp_path: Path) -> None:
    (tmp_path / "dsbuilder.json").write_text(json.dumps(SIDECAR))
    pack(tmp_path / "train-0.tar", {"1.png": b"", "1.json": DESCRIBED, "1.cls": "0"})
    [record] = read(tmp_path).values()
    assert (record.key, record.group, record.split) == ("a/1.png@copy-1", "a/1.png", "train")
    kinds = targets(tmp_path)
    assert kinds["label"] == ClassLabel(names=("a", "b"), soft=True)
    values = {name: kind.parse(record.targets[name]) for name, kind in kinds.items()}
    assert values["label"].tolist() == [0.75, 0.25]
    assert values["objects"].attributes["score"].tolist() == [0.5]


@given(
    st.sampled_from(sorted(DESCRIBED)),
    st.sampled_from([None, "", "a", 7, [], {}, [None], [7, 7], [{}], ["x", "x"], [0.5], "a//b"]),
)
def test_a_changed_sample_of_an_export_is_read_or_refused(
    tmp_path_factory, name: str, other: Any
) -> None:
    root = tmp_path_factory.getbasetemp() / "exported"
    shutil.rmtree(root, ignore_errors=True)
    described = {key: other if key == name else each for key, each in DESCRIBED.items()}
    pack(root / "train-0.tar", {"1.png": b"", "1.json": described})
    (root / "dsbuilder.json").write_text(json.dumps(SIDECAR))
    catalog = WebDataset(path=root).open()
    with contextlib.suppress(DataError):
        [record] = catalog.records
        for target, kind in catalog.targets.items():
            kind.parse(record.targets[target])


def test_a_target_called_as_what_a_sample_has_is_not_taken_for_it(tmp_path: Path) -> None:
    targets = {name: {"kind": "value"} for name in ("image", "offset", "length", "png")}
    sidecar = {"format": 1, "signature": {"targets": targets}}
    (tmp_path / "dsbuilder.json").write_text(json.dumps(sidecar))
    described = {"key": "a.png", **dict.fromkeys(targets, 4.0)}
    pack(tmp_path / "train-0.tar", {"1.png": picture(1), "1.json": described})
    [record] = read(tmp_path).values()
    assert record.targets == dict.fromkeys(targets, 4.0)
    assert WebDataset(path=tmp_path).open().read(record) == picture(1)


def test_classes_called_as_the_place_of_a_mask_do_not_confuse_identities(tmp_path: Path) -> None:
    kind = {"kind": "class", "names": ["path", "offset"], "soft": True}
    sidecar = {"format": 1, "signature": {"targets": {"label": kind}}}
    (tmp_path / "dsbuilder.json").write_text(json.dumps(sidecar))
    described = {"key": "a.png", "label": "path", "label_weights": [0.75, 0.25]}
    pack(tmp_path / "train-0.tar", {"1.png": picture(1), "1.json": described})
    catalog = WebDataset(path=tmp_path).open()
    [record] = catalog.records
    assert record.targets == {"label": {"path": 0.75, "offset": 0.25}}
    assert catalog.identity(record)
