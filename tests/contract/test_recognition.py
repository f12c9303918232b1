"""What every source owes `init`: a word on any folder, however odd, and options that it takes."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.pipelinefile import load_data
from dsbuilder.plugin import Source
from dsbuilder.registry import Plugin, discover

ROOT = Path(__file__).parents[2]
REGISTRY = discover((ROOT / "plugins",))
SOURCES = REGISTRY.of_kind("source")

# Names that some source looks for, so that what they hold is looked at.
NAMES = (
    *("metadata.csv", "metadata.jsonl", "train/metadata.csv", "metadata.parquet", "labels.csv"),
    *("train.txt", "labels.txt", "gt.txt", "classes.txt", "data.yaml", "labelmap.txt", "a.npz"),
    *("images.npy", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", "x.csv", "x.jsonl"),
    *("annotations/instances_train.json", "Annotations/a.xml", "ImageSets/Main/train.txt"),
    *("dataset_info.json", "features.json", "x-train.tfrecord-00000-of-00001", "label_map.pbtxt"),
    *("images/a.png", "images/train/a.jpg", "labels/train/a.txt", "masks/a.png", "a/1.png"),
    *("JPEGImages/a.jpg", "SegmentationClass/a.png", "b/1.png", "train/cat/1.png", "a_1.png"),
    *("a.tar", "train-000000.tar", "train/a.png"),
    *("dsbuilder.json", "a.npz.dsbuilder.json"),
)
TEXTS = st.sampled_from(
    [
        *("", "{", "[]", "{}", "[{}]", "null", '{"images": 3}', "names: [a, b]\ntrain: images\n"),
        *('{"images": [], "annotations": [], "categories": []}', '{"featuresDict": []}', "a,b\n1"),
        *('{"images": [{"id": {}}], "annotations": [7], "categories": "x"}', "names: {0: {}}\n"),
        *("file_name,label\na.png,x\n", "file_name,objects\na/1.png,{\n", "a/1.png cat\nb/1.png x"),
        *("<annotation>", "<annotation/>", "label,pixel0\n1,2\n", '{"name": 3, "splits": {}}'),
        *(
            '{"format": 1, "signature": {"targets": {"n": {"kind": "class", "names": ["a"]}}}}',
            '{"format": 1, "signature": {"targets": {"x": {"kind": "text"}}}}',
            '{"format": 1, "signature": {"targets": {}}, "keys": {"a": "b", "b": "b", "c": ""}}',
        ),
        *("a: &a [*a]", '"', "\0", "\ufeff", "item {", "a\tb\tc\n", "{'a': 1}"),
    ]
)
CONTENTS = st.one_of(st.binary(max_size=60), TEXTS.map(str.encode))
FOLDERS = st.dictionaries(st.sampled_from(NAMES), CONTENTS, max_size=8)


def asked(plugin: Plugin, folder: Path) -> None:
    found = plugin.cls.signs(folder)
    assert 0 <= found.explained <= 1
    for text in (found.reason, *found.contradictions):
        assert text
        assert "\n" not in text
    if found.evidence is not None:
        stage = {"use": plugin.name, **found.options}
        spec = load_data({"name": "x", "source": stage}, REGISTRY, origin="x", folder=folder)
        assert isinstance(spec.settings.source, Source)


@pytest.mark.parametrize("plugin", SOURCES, ids=lambda plugin: plugin.name)
@given(files=FOLDERS)
def test_a_source_says_something_of_any_folder(plugin: Plugin, files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        asked(plugin, Path(folder))


@pytest.mark.parametrize("plugin", SOURCES, ids=lambda plugin: plugin.name)
def test_a_source_says_something_of_what_is_hardly_a_folder(plugin: Plugin, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / os.fsdecode(b"caf\xe9.png")).touch()
    (tmp_path / "odd" / "loop").symlink_to(tmp_path / "odd")
    (tmp_path / "odd" / "dead.json").symlink_to("nowhere")
    (tmp_path / "odd" / "data.yaml").mkdir()
    os.mkfifo(tmp_path / "odd" / "metadata.csv")
    for name in ("file", "odd", "missing"):
        asked(plugin, tmp_path / name)
