"""What all exports have in common: a folder that appears whole or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import CacheError, PluginError, SpecError
from dsbuilder.pipelinefile import load_data
from dsbuilder.proposal.recognition import candidates
from dsbuilder.registry import discover


@pytest.fixture
def build(make_images, write_pipeline, tmp_path: Path):
    def run() -> Dataset:
        make_images(count=8, size=(24, 30))
        pipeline = write_pipeline(
            "name: pets\nsource: {use: folder, path: source}\n"
            "split: {train: 0.5, validation: 0.25, test: 0.25}\n"
        )
        return dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)

    return run


def test_a_folder_with_files_in_it_is_never_touched(build, tmp_path: Path) -> None:
    dataset, target = build(), tmp_path / "mine"
    target.mkdir()
    (target / "notes.txt").write_text("keep")
    with pytest.raises(CacheError) as caught:
        export(dataset, target, to="folder")
    assert str(caught.value) == (
        f"{target}: expected no folder or an empty one, found files in it. "
        "Choose another with --out (in Python `target`), or remove it."
    )
    assert [each.name for each in target.iterdir()] == ["notes.txt"]


def test_a_damaged_dataset_leaves_nothing_behind(build, tmp_path: Path) -> None:
    dataset = build()
    shard = next(dataset.path.glob("*test*.tfrecord-*"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(CacheError):
        export(dataset, tmp_path / "new" / "folder", to="folder")
    assert list((tmp_path / "new").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import dsbuilder
from dsbuilder.actions import export as module

def killed(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)

module.sidecar.write = killed
module.export(dsbuilder.load(sys.argv[1]), Path(sys.argv[2]), to="folder")
"""


def test_a_killed_export_hinders_no_other_which_removes_what_it_left(build, tmp_path: Path) -> None:
    dataset, target = build(), tmp_path / "new/folder"
    command = [sys.executable, "-c", KILLED, str(dataset.path), str(target)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (left,) = target.parent.iterdir()
    assert (left / "whole/train").is_dir()
    export(dataset, target, to="folder")
    assert list(target.parent.iterdir()) == [target]
    assert ".dsbuilder" not in {each.name for each in target.rglob("*")}


def test_an_unknown_layout_is_named_with_the_one_that_is_close(build, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"^unknown exporter 'foldr'\. Did you mean 'folder'\?"):
        export(build(), tmp_path / "folder", to="foldr")


PLUGIN = '''
from dataclasses import dataclass
from dsbuilder.plugin import Exporter, Written, exporter

@exporter("names")
@dataclass(frozen=True, kw_only=True)
class Names(Exporter):
    """Writes the keys, a line each.

    Attributes:
      end: what each line ends with.
    """

    end: str = ""

    def write(self, dataset, folder):
        for split in dataset.splits:
            keys = [sample.key + self.end for sample in dataset.samples(split)]
            (folder / f"{split}.txt").write_text("\\n".join(keys))
        samples = {split: dataset.num_samples(split) for split in dataset.splits}
        return Written(samples=samples, notes=["images were left out"])
'''


def test_a_plugin_exports_with_its_options_and_says_what_it_left_out(build, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/names.py").write_text(PLUGIN)
    dataset, how = build(), {"to": "names", "plugins": [tmp_path / "plugins"]}
    found = export(dataset, tmp_path / "new", options=["end=."], **how)
    assert found.warnings == (f"{dataset.where}: images were left out.",)
    assert found.samples == {split: dataset.num_samples(split) for split in dataset.splits}
    assert (tmp_path / "new/test.txt").read_text().endswith(".")
    assert (tmp_path / "new/dsbuilder.json").is_file()
    with pytest.raises(SpecError, match=r"unknown option 'ende'\. Did you mean 'end'\?"):
        export(dataset, tmp_path / "other", options=["ende=."], **how)
    assert not (tmp_path / "other").exists()


def test_an_exporter_of_the_nearest_plugins_folder_is_found(build, tmp_path, monkeypatch) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/names.py").write_text(PLUGIN)
    dataset = build()
    monkeypatch.chdir(tmp_path)
    assert export(dataset, tmp_path / "new", to="names").to == "names"


SOURCES = {"npz": "arrays", "tfds": "tfrecord"}


@pytest.mark.parametrize("name", [plugin.name for plugin in discover().of_kind("exporter")])
def test_one_split_with_every_kind_of_target_is_read_as_init_proposes(
    build_all_kinds, tmp_path: Path, name: str
) -> None:
    dataset, place = build_all_kinds("synthesize[0].splits=train"), tmp_path / "new"
    export(dataset, place, to=name)
    sidecars = sorted(each.name for each in place.rglob("*dsbuilder.json"))
    assert sidecars == ["kinds.npz.dsbuilder.json" if name == "npz" else "dsbuilder.json"]
    registry = discover()
    found = {each.source: each.signs for each in candidates(place, registry)}
    use = SOURCES.get(name, name)
    data = {"name": "x", "source": {"use": use, **found[use].options}}
    source = load_data(data, registry, origin="x", folder=place).settings.source
    assert source is not None
    targets = source.open().targets
    assert targets
    assert targets.keys() <= dataset.signature.targets.keys()
