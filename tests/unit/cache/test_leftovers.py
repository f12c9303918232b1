"""Cleaning removes what no version needs, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.cache import leftovers
from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [16, 20]}]
cache: {codec: CODEC}
"""


@pytest.fixture(params=["tfrecord", "npy"])
def pipeline(request, make_images, write_pipeline) -> Path:
    make_images(classes=("cat", "dog"), count=6)
    return write_pipeline(PIPELINE.replace("CODEC", request.param))


def build(pipeline: Path, *overrides: str) -> Path:
    out = pipeline.parent / "out"
    return build_dataset(pipeline, out, workers=0, overrides=overrides).path


def disk(root: Path) -> int:
    """What a folder takes, each file counted once."""
    files = {path.lstat().st_ino: path.lstat() for path in root.rglob("*")}
    return sum(stat.st_size for path in files.values() for stat in [path] if not _is_dir(stat))


def _is_dir(stat) -> bool:
    return stat.st_mode & 0o170000 == 0o040000


def clean(store: Store) -> tuple[set[str], int]:
    found = leftovers.find(store)
    freed = leftovers.freed_bytes(found)
    leftovers.remove(found)
    return {each.path.name for each in found}, freed


def test_only_builds_without_a_version_go_and_shared_files_free_nothing(pipeline: Path) -> None:
    first = build(pipeline).resolve()
    (pipeline.parent / "source/cat/0.png").unlink()
    build(pipeline)
    build(pipeline, "version=2.0.0", "seed=9")
    store = Store(pipeline.parent / "out/pets")
    before = disk(store.root)
    names, freed = clean(store)
    assert names == {first.name}
    assert freed == before - disk(store.root) > 0
    for version in ("1.0.0", "2.0.0"):
        dsbuilder.load(store.root / version).verify()
    assert clean(store) == (set(), 0)


def test_strays_and_interrupted_builds_go_and_the_rest_stays(pipeline: Path) -> None:
    path = build(pipeline)
    store = Store(path.parent)
    partial = store.partial("0" * 32)
    partial.mkdir()
    (partial / "a").write_bytes(b"12345")
    (store.builds / "link-123").symlink_to("nowhere")
    (store.builds / "index.json.tmp").write_text("123")
    (store.builds / f"{'1' * 32}.removed").mkdir()
    kept = ["lock", "notes.txt", "prepared"]
    (store.builds / "notes.txt").touch()
    (store.builds / "prepared").mkdir()
    names, _ = clean(store)
    assert names == {"0" * 32 + ".partial", "link-123", "index.json.tmp", "1" * 32 + ".removed"}
    assert {each.name for each in store.builds.iterdir()} >= {path.resolve().name, *kept}
    dsbuilder.load(path).verify()


def test_a_store_is_found_by_its_output_its_name_and_its_versions(pipeline: Path) -> None:
    path = build(pipeline)
    build(pipeline, "name=other")
    out = path.parent.parent
    for meant in (path, path.parent, path.resolve()):
        assert leftovers.stores_at(meant) == [Store(path.parent)]
    assert leftovers.stores_at(out) == [Store(out / "other"), Store(out / "pets")]
    for wrong in (out / "nothing", path.parent / "3.0.0", pipeline.parent / "source"):
        with pytest.raises(CacheError, match="expected an output folder or a dataset in one"):
            leftovers.stores_at(wrong)


def test_a_build_at_work_is_left_alone(pipeline: Path) -> None:
    store = Store(build(pipeline).parent)
    hold = (
        "import sys, time; from pathlib import Path; from dsbuilder.cache.store import Store\n"
        "with Store(Path(sys.argv[1])).locked():\n    print('held', flush=True)\n    time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(store.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CacheError, match="expected no other build at work"), store.locked():
            pass
        holder.kill()
    with store.locked():
        assert leftovers.find(store) == []
