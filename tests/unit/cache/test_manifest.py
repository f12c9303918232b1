"""A manifest that somebody else wrote: its names become names of files, so they are no paths."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsbuilder.builder import build_dataset
from dsbuilder.cache import manifest, store
from dsbuilder.dataset import load
from dsbuilder.errors import CacheError

Data = dict[str, Any]


@pytest.fixture
def built(make_images, write_pipeline, tmp_path: Path) -> Path:
    make_images(count=3)
    path = write_pipeline(
        "name: pets\nsource: {use: folder, path: source}\nfinish: [{use: resize, size: [8, 8]}]\n"
    )
    return build_dataset(path, tmp_path / "out", workers=0).path


def shard(data: Data) -> Data:
    found: Data = data["splits"]["train"][0]
    return found


CHANGES: dict[str, Callable[[Data], Any]] = {
    "absolute name": lambda data: data.update(name="/elsewhere/victim"),
    "name above": lambda data: data.update(name="../victim"),
    "version above": lambda data: data.update(version="../1.0.0"),
    "split above": lambda data: data["splits"].update({"../../x": data["splits"].pop("train")}),
    "another split": lambda data: data["splits"].update(more=data["splits"].pop("train")),
    "absolute stem": lambda data: shard(data).update(stem="/elsewhere/victim#00000-of-00001"),
    "stem above": lambda data: shard(data).update(stem="../pets-train#00000-of-00001"),
    "stem of another split": lambda data: shard(data).update(stem="pets-test#00000-of-00001"),
    "shard twice": lambda data: data["splits"]["train"].append(shard(data)),
    "size of a file elsewhere": lambda data: shard(data)["sizes"].update({"/etc/passwd": 1}),
    "samples below 0": lambda data: shard(data).update(samples=-1),
    "codec": lambda data: data.update(codec="pickle"),
    "image": lambda data: data.update(image="exe"),
    "target name": lambda data: data["signature"]["targets"].update(
        {"../x": data["signature"]["targets"].pop("label")}
    ),
    "classes": lambda data: data["signature"]["targets"]["label"].update(names=[1, 2]),
    "kind": lambda data: data["signature"]["targets"]["label"].update(kind="os.system"),
    "sides": lambda data: data["signature"]["image"].update(height=10**12),
    "dtype": lambda data: data["signature"]["image"].update(dtype="object"),
    "fingerprint": lambda data: data.update(fingerprint="../x"),
    "stage": lambda data: data["stages"]["finish/resize"].pop("fingerprint"),
    "warnings": lambda data: data.update(warnings="x"),
    "unknown": lambda data: data.update(more=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_could_lead_elsewhere_is_refused_where_it_is_read(built: Path, change: str) -> None:
    path = built / store.MANIFEST
    data = json.loads(path.read_text())
    CHANGES[change](data)
    path.write_text(json.dumps(data))
    with pytest.raises(CacheError, match="expected a manifest, found a damaged one"):
        load(built)


def test_a_manifest_is_read_as_it_was_written(built: Path) -> None:
    found = manifest.read(built)
    assert json.loads(json.dumps(found.to_json())) == json.loads(
        (built / store.MANIFEST).read_text()
    )


@pytest.mark.parametrize("name", ["/dev/zero", "../x", "log/x", ".hidden"])
def test_checksums_are_of_files_of_the_dataset(built: Path, name: str) -> None:
    path = built / store.SUMS
    path.write_text(f"{path.read_text()}{'0' * 64}  {name}\n")
    with pytest.raises(CacheError, match="expected names of files of the dataset, found"):
        store.read_sums(built)


def test_text_is_never_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.json.tmp").symlink_to(victim)
    store.write_text(tmp_path / "a.json", "new")
    assert (victim.read_text(), (tmp_path / "a.json").read_text()) == ("precious", "new")
