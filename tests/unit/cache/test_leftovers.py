"""Cleaning removes what no version needs, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.actions import clean as actions
from dsbuilder.builder import build_dataset
from dsbuilder.cache import folders, leftovers
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
    folders.make(partial)
    (partial / "a").write_bytes(b"12345")
    (store.root / ".link.tmp").symlink_to(path.readlink())
    (store.builds / "index.json.tmp").write_text("123")
    (store.builds / f"{'1' * 32}.removed").mkdir()
    kept = ["lock", "notes.txt", "prepared", "film.tmp"]
    for name in ("notes.txt", "film.tmp"):
        (store.builds / name).touch()
    (store.builds / "prepared").mkdir()
    names, _ = clean(store)
    assert names == {"0" * 32 + ".partial", ".link.tmp", "index.json.tmp", "1" * 32 + ".removed"}
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
        assert leftovers.stores_at(wrong) == []


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


OTHERS = "0123456789abcdef" * 2


def files(folder: Path) -> dict[str, bytes]:
    found = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A folder on a larger disk, where others keep folders with names like ours."""
    folder = tmp_path / "disk"
    for name in (OTHERS, f"{OTHERS}.partial", f"{OTHERS}.removed", f"{OTHERS}.1", "photos"):
        (folder / name).mkdir(parents=True)
        (folder / name / "work.txt").write_text(name)
    (folder / "film.tmp").write_text("film")
    return folder


@pytest.mark.parametrize("linked", [".builds", ".builds/prepared"])
def test_a_linked_folder_works_and_what_is_anothers_in_it_stays(
    pipeline: Path, strange: Path, linked: str
) -> None:
    place = pipeline.parent / "out/pets" / linked
    place.parent.mkdir(parents=True)
    place.symlink_to(strange)
    theirs = files(strange)
    keep = ["build.keep_prepared=true"]
    first = build(pipeline, *keep).resolve()
    (pipeline.parent / "source/cat/0.png").unlink()
    second = build(pipeline, *keep, "prepare=[{use: resize, size: [8, 8]}]")
    build(pipeline)
    store = Store(second.parent)
    names, _ = clean(store)
    assert first.name in names
    assert len(names) == 2
    assert files(strange).items() >= theirs.items()
    dsbuilder.load(second).verify()
    if linked == ".builds":
        assert second.resolve().parent == strange.resolve()
    else:
        assert files(strange) == theirs  # what was kept there is removed, and that alone


def test_what_is_linked_into_the_builds_is_neither_followed_nor_removed(
    pipeline: Path, strange: Path
) -> None:
    path = build(pipeline)
    store = Store(path.parent)
    folders.make(strange / "ours")  # marked, but reached through a link alone
    theirs = files(strange)
    for name in (OTHERS, f"{OTHERS}.partial"):
        (store.builds / name).symlink_to(strange / "ours")
    (store.builds / "index.json.tmp").symlink_to(strange / "film.tmp")
    store.prepared.mkdir()
    (store.prepared / OTHERS).symlink_to(strange / "ours")
    assert clean(store) == (set(), 0)
    build(pipeline, "build.keep_prepared=true", "seed=1")
    own = next(each for each in store.prepared.iterdir() if not each.is_symlink())
    (own / "ff").symlink_to(strange)
    (pipeline.parent / "source/cat/0.png").unlink()
    build(pipeline, "build.keep_prepared=true", "seed=2")
    assert files(strange) == theirs


def test_a_build_is_not_made_in_a_folder_that_is_a_link(pipeline: Path, strange: Path) -> None:
    path = build(pipeline)
    fingerprint = path.resolve().name
    (path.resolve() / "quarantine.jsonl").write_text("not as it was")
    partial = Store(path.parent).partial(fingerprint)
    partial.symlink_to(strange)
    theirs = files(strange)
    with pytest.raises(CacheError, match=r"expected a folder that dsbuilder makes, found a link"):
        build(pipeline)
    assert files(strange) == theirs


def test_what_becomes_a_link_before_it_is_removed_is_left(pipeline: Path, strange: Path) -> None:
    store = Store(build(pipeline).parent)
    folders.make(store.partial("0" * 32))
    [found] = leftovers.find(store)
    found.path.rename(store.builds / "elsewhere")
    folders.make(strange)
    theirs = files(strange)
    found.path.symlink_to(strange)
    leftovers.remove([found])
    assert files(strange) == theirs
    inner = store.partial("1" * 32)
    folders.make(inner)
    (inner / "x").symlink_to(strange)
    (inner / "deep").mkdir()
    (inner / "deep/y").symlink_to(strange)
    assert clean(store)[0] == {inner.name}
    assert not inner.exists()
    assert files(strange) == theirs


def test_a_removal_that_was_interrupted_is_finished_later(pipeline: Path) -> None:
    store = Store(build(pipeline).parent)
    half = store.builds / f"{'0' * 32}.removed"
    folders.make(half)
    (half / "shard").touch()
    folders.make(store.finished("0" * 32))
    assert clean(store)[0] == {"0" * 32, half.name}
    assert not half.exists()


def test_what_is_named_like_a_build_and_unmarked_stays_and_is_told(pipeline: Path) -> None:
    store = Store(build(pipeline).parent)
    old = store.builds / ("2" * 32)
    old.mkdir()
    (old / "shard").touch()
    found = actions.clean(store.root)
    assert not found.removed
    (warning,) = found.warnings
    assert warning.startswith(f"{old}: it is named like a build, and stays")
    (old / folders.MARKER).touch()  # as the warning says
    found = actions.clean(store.root)
    assert [each.path for each in found.removed] == [old]
    assert not found.warnings and not old.exists()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_a_version_takes_the_place_of_nothing_but_a_link(pipeline: Path, make) -> None:
    out = pipeline.parent / "out/pets"
    out.mkdir(parents=True)
    make(out / "1.0.0")
    with pytest.raises(CacheError, match=r"expected a link that a build made, found a fo|a file"):
        build(pipeline)
    assert (out / "1.0.0").exists()
    assert not (out / "1.0.0").is_symlink()
