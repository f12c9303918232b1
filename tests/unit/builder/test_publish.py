"""What is published was looked at, and a build repairs whatever `verify` blames."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.builder import Built, build_dataset
from dsbuilder.builder.engines.in_process import InProcess
from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.cache import build_log, manifest, store
from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError
from dsbuilder.pipeline import Pipeline

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [12, 14]}]
cache: {shard_mb: 0.001}
"""


@pytest.fixture
def pipeline(make_images, write_pipeline) -> Path:
    make_images(classes=("cat", "dog"), count=8)
    return write_pipeline(PIPELINE)


def build(pipeline: Path, out: str = "out", **how) -> Built:
    return build_dataset(pipeline, pipeline.parent / out, workers=0, **how)


def sums(path: Path) -> str:
    return (path / store.SUMS).read_text()


class Stop(Exception):
    """An interruption."""


def interrupt(pipeline: Path, after: int = 9) -> Path:
    """Interrupts a build; returns the folder that it leaves."""

    def stop(made: int, of: int) -> None:
        if made >= after:
            raise Stop

    with pytest.raises(Stop):
        build(pipeline, on_progress=stop)
    [partial] = Store(pipeline.parent / "out/pets").builds.glob("*.partial")
    return partial


def done(partial: Path) -> list[Path]:
    return sorted(partial.glob("*.done.json"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes() or b"x")
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(b"")


HARMS = [flip, cut, Path.unlink]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("victim", ["shard", "ledger", "note"])
def test_a_shard_that_did_not_outlast_the_interruption_is_made_again(
    pipeline: Path, harm: Callable[[Path], None], victim: str
) -> None:
    partial = interrupt(pipeline)
    notes = {each: json.loads(each.read_text().partition("\n")[2]) for each in done(partial)}
    note, result = max(notes.items(), key=lambda item: item[1]["samples"])
    names = {name.endswith(".ledger.jsonl"): name for name in result["sums"]}
    harm({"shard": partial / names[False], "ledger": partial / names[True], "note": note}[victim])
    built = build(pipeline)
    dsbuilder.load(built.path).verify()
    assert sums(built.path) == sums(build(pipeline, "fresh").path)


def test_what_is_no_file_of_the_dataset_is_not_published(pipeline: Path) -> None:
    partial = interrupt(pipeline)
    (partial / ".shard-x1").mkdir()
    (partial / ".shard-x1/shard").write_bytes(b"half")
    (partial / "pets-train#00000-of-00009.journal").touch()
    (partial / "what").mkdir()
    (partial / "link").symlink_to(pipeline)
    built = build(pipeline)
    dsbuilder.load(built.path).verify()
    assert pipeline.exists()


class Harming:
    """Makes shards, and harms a file of the last one when it is done."""

    def __init__(self, harm: Callable[[Path], None]) -> None:
        self._harm = harm

    def prepare(self, pipeline: Pipeline) -> None:
        self._engine = InProcess(pipeline)

    def run(
        self, job: Job, tasks: Sequence[ShardTask], report: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        for result in self._engine.run(job, tasks, report):
            if result.stem == tasks[-1].stem:
                self._harm(Path(job.output, min(result.sums)))
            yield result


@pytest.mark.parametrize("harm", [cut, Path.unlink])
def test_a_file_that_is_lost_before_publishing_stops_it(
    pipeline: Path, harm: Callable[[Path], None]
) -> None:
    with pytest.raises(CacheError, match=r"bytes that were written, found (0|no file)\. Build aga"):
        build(pipeline, engine=Harming(harm))
    assert not (pipeline.parent / "out/pets/1.0.0").exists()
    built = build(pipeline)
    dsbuilder.load(built.path).verify()
    assert built.made < built.reused


def damage_unnoticed(folder: Path, name: str) -> None:
    """Changes a file as a disk does that loses a bit: neither size nor times tell."""
    flip(folder / name)
    noted = folder / "log/states.json"
    if noted.exists():
        build_log.write_states(folder, json.loads(noted.read_text()))


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_whatever_verify_blames_is_repaired_by_the_next_build(pipeline: Path, codec: str) -> None:
    pipeline.write_text(PIPELINE.replace("shard_mb: 0.001", f"codec: {codec}"))
    first = build(pipeline).path
    expected, names = sums(first), [*store.read_sums(first), store.SUMS]
    for name in names:
        damage_unnoticed(first.resolve(), name)
        with pytest.raises(CacheError):
            dsbuilder.load(first).verify()
        built = build(pipeline)
        assert built.path == first
        dsbuilder.load(first).verify()
        assert sums(first) == expected, name
    left = Store(first.parent).builds.glob(f"{first.resolve().name[:32]}*")
    assert len(list(left)) == 1 + len(names)  # what was open is never changed


def test_what_the_disk_lost_unnoticed_costs_the_shards_that_verify_blames(pipeline: Path) -> None:
    first = build(pipeline).path
    known = manifest.read(first)
    shard = known.splits["train"][0]
    damage_unnoticed(first.resolve(), known.make_codec().files(shard.stem)[0])
    assert build(pipeline).path.resolve() == first.resolve().parent / first.resolve().name
    with pytest.raises(CacheError, match="differs from its checksum"):
        dsbuilder.load(first).verify()
    built = build(pipeline)
    assert built.made == shard.samples
    dsbuilder.load(first).verify()
    assert build(pipeline).made == 0


@pytest.mark.parametrize("harm", [*HARMS, "stray"])
def test_what_is_touched_is_repaired_without_verify(pipeline: Path, harm) -> None:
    first = build(pipeline).path
    expected, old = sums(first), first.resolve()
    victim = first / manifest.read(first).files()[-2]
    if harm == "stray":
        (first / ".shard-left").mkdir()
    else:
        harm(victim)
    built = build(pipeline)
    assert first.resolve() != old
    dsbuilder.load(built.path).verify()
    assert sums(first) == expected
    assert build(pipeline).path.resolve() == built.path.resolve()


def test_a_damaged_build_is_kept_until_it_is_cleaned(pipeline: Path) -> None:
    first = build(pipeline).path.resolve()
    flip(first / manifest.read(first).files()[-2])
    opened = {each.name: each.read_bytes() for each in first.iterdir() if each.is_file()}
    second = build(pipeline).path
    assert {each.name: each.read_bytes() for each in first.iterdir() if each.is_file()} == opened
    assert second.resolve().name == f"{first.name}.1"
    [removed] = dsbuilder.clean(second).removed
    assert removed.path.name == first.name
    dsbuilder.load(second).verify()
    assert build(pipeline).path.resolve() == second.resolve().parent / f"{first.name}.1"


def test_content_that_is_wrong_under_right_sums_is_repaired_after_verify(pipeline: Path) -> None:
    first = build(pipeline).path
    expected = sums(first)
    ledger = first / manifest.read(first).files()[-1]
    ledger.write_text(ledger.read_text().replace('"length":', '"length":1'))
    files = {name: store.sha256(first / name) for name in store.read_sums(first)}
    store.write_sums(first, files)
    assert build(pipeline).made == 0
    with pytest.raises(CacheError):
        dsbuilder.load(first).verify()
    build(pipeline)
    dsbuilder.load(first).verify()
    assert sums(first) == expected


def test_a_copied_dataset_is_read_once_and_then_trusted(pipeline: Path, monkeypatch) -> None:
    build(pipeline)
    out = pipeline.parent / "out"
    shutil.copytree(out, pipeline.parent / "copy", symlinks=True)
    read: list[Path] = []
    original = store.sha256
    monkeypatch.setattr(store, "sha256", lambda path: read.append(path) or original(path))
    for expected in (True, False):
        assert build(pipeline, "copy").made == 0
        assert bool(read) is expected
        read.clear()


def test_a_build_that_lacked_only_its_name_gets_it(pipeline: Path) -> None:
    first = build(pipeline).path
    whole, expected = first.resolve(), sums(first)
    whole.rename(f"{whole}.partial")
    built = build(pipeline)
    assert (built.made, built.path.resolve()) == (0, whole)
    assert sums(first) == expected
    whole.rename(f"{whole}.partial")
    flip(Path(f"{whole}.partial", manifest.read(Path(f"{whole}.partial")).files()[-2]))
    dsbuilder.load(build(pipeline).path).verify()
    assert sums(first) == expected
