"""A resumed build keeps finished samples: a journal is taken up as far as it is whole."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builder import Built, build_dataset
from dsbuilder.builder.journal import Journal, left_in
from dsbuilder.cache import ledger
from dsbuilder.cache.store import Store

STEM = "toy-train#00000-of-00001"
ENTRY = ledger.Entry(key="a", parents=("a",), source=("0",), stages=(), fingerprint="0")
SAMPLES = st.lists(st.binary(max_size=40), min_size=1, max_size=6)


def entry(number: int) -> ledger.Entry:
    return replace(ENTRY, key=f"{number}.png", fingerprint=f"{number:08x}")


PLANNED = {entry(number).fingerprint for number in range(12)}


def fill(path: Path, payloads: list[bytes], start: int = 0, planned_ns: int = 1) -> None:
    with Journal.open(path, PLANNED, planned_ns) as journal:
        for number, payload in enumerate(payloads, start):
            journal.add(payload, entry(number))


@given(SAMPLES, SAMPLES, st.data())
def test_all_before_the_damage_is_taken_up_and_the_rest_is_made_again(
    tmp_path_factory, payloads, more, data
) -> None:
    folder: Path = tmp_path_factory.mktemp("journal")
    path = folder / f"{STEM}.journal"
    ends = []
    for number, payload in enumerate(payloads):
        fill(path, [payload], number)
        ends.append(path.stat().st_size)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del whole[place:]
    path.write_bytes(whole)
    kept = sum(end <= place for end in ends)
    assert left_in(folder, STEM, PLANNED) == {entry(n).fingerprint for n in range(kept)}
    fill(path, more, kept, planned_ns=2)
    with Journal.open(path, PLANNED, 2) as journal:
        for number, payload in enumerate([*payloads[:kept], *more]):
            made = journal.recall(entry(number).fingerprint, entry(number).key)
            assert made == (payload, number >= kept)
        journal.sort()
        found = list(zip(journal.payloads(), journal.lines(range(kept + len(more))), strict=True))
    everything = dict(enumerate([*payloads[:kept], *more]))
    for offset, (payload, line) in enumerate(found):
        [number] = [n for n in everything if f'"{n}.png"' in line]
        placed = replace(entry(number), offset=offset, length=len(payload))
        assert (payload, line) == (everything[number], ledger.line(placed))


def test_samples_of_another_shard_in_an_old_journal_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}.journal"
    fill(path, [b"aaaa", b"bbbb", b"cccc"])
    others = {entry(number).fingerprint for number in (7, 8)}
    with Journal.open(path, others, 1) as journal:
        assert journal.left == {}
        journal.add(b"dddd", entry(7))  # as long as the one that lies there: what follows is whole
    assert left_in(tmp_path, STEM, others) == {entry(7).fingerprint}


PLUGINS = '''
"""Counts what it is applied to, and ends its process once at one sample."""
import os
from dataclasses import dataclass
from pathlib import Path
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("counting", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Counting(Transform):
    """Writes a line for each sample."""

    die_at: int = 0

    def apply(self, sample: Sample, params: Params) -> Sample:
        count = Path(__file__).with_name("count.txt")
        with count.open("a") as file:
            file.write(sample.key + "\\n")
        died = Path(__file__).with_name("died.txt")
        if len(count.read_text().splitlines()) == self.die_at and not died.exists():
            died.touch()
            os._exit(9)
        return sample
'''

PIPELINE = """\
name: toy
source: {use: folder, path: source}
split: {train: 0.5, test: 0.5}
augment: {copies: 2, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [12, 14]}, STAGE]
cache: {codec: CODEC}
"""


@pytest.fixture(params=["tfrecord", "npy"])
def pipeline(request, make_images, write_pipeline, tmp_path: Path) -> Path:
    make_images(classes=("cat", "dog"), count=20)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/counting.py").write_text(PLUGINS)
    return write_pipeline(PIPELINE.replace("CODEC", request.param).replace("STAGE", "counting"))


def applied(folder: Path) -> list[str]:
    path = folder / "plugins/count.txt"
    keys = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [key for key, _ in groupby(keys)]  # the first samples are made twice, to compare them


def sums(built: Built) -> str:
    return (built.path / "SHA256SUMS").read_text()


class Stop(Exception):
    """An interruption."""


def test_a_build_that_is_interrupted_in_a_shard_makes_no_sample_twice(
    pipeline: Path, tmp_path: Path
) -> None:
    def stop(made: int, of: int) -> None:
        if made - reached[-1] > 11:
            reached.append(made)
            raise Stop

    reached, keys = [0], []
    while True:
        try:
            built = build_dataset(pipeline, tmp_path / "out", workers=0, on_progress=stop)
            break
        except Stop:
            keys += applied(tmp_path)
    keys += applied(tmp_path)
    assert len(reached) > 4
    assert len(keys) == len(set(keys)) == 80
    assert built.made + built.reused == 80
    assert built.made < 12
    assert sums(built) == sums(build_dataset(pipeline, tmp_path / "fresh", workers=0))


def test_a_damaged_journal_costs_what_is_damaged_and_behind(pipeline: Path, tmp_path: Path) -> None:
    def stop(made: int, of: int) -> None:
        if made >= 20:
            raise Stop

    with pytest.raises(Stop):
        build_dataset(pipeline, tmp_path / "out", workers=0, on_progress=stop)
    [journal] = Store(tmp_path / "out/toy").builds.glob("*.partial/*.journal")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(bytes(data))
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert 4 < built.reused < 16
    assert sums(built) == sums(build_dataset(pipeline, tmp_path / "fresh", workers=0))


def test_a_shard_whose_worker_died_goes_on_where_that_stopped(
    pipeline: Path, tmp_path: Path
) -> None:
    overrides = ["finish[1]={use: counting, die_at: 30}"]
    built = build_dataset(pipeline, tmp_path / "out", workers=1, overrides=overrides)
    keys = applied(tmp_path)
    assert 80 == len(set(keys)) <= len(keys) <= 81  # that at which it died, perhaps
    assert (built.made, built.reused) == (80, 0)
    assert not list(built.path.glob("*.journal"))
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=overrides)
    assert sums(built) == sums(fresh)


def test_only_the_samples_under_way_lie_in_journals(pipeline: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def count(made: int, of: int) -> None:
        places = Store(tmp_path / "out/toy").builds.glob("*.partial/*.journal")
        seen.append(len(list(places)))

    small = ["cache.shard_mb=0.002"]
    built = build_dataset(pipeline, tmp_path / "out", workers=0, on_progress=count, overrides=small)
    assert max(seen) == 1
    assert sum(len(shards) for shards in built.manifest.splits.values()) > 8


def test_pixels_do_not_depend_on_what_was_taken_up(pipeline: Path, tmp_path: Path) -> None:
    """The counts of classes, which are taken from the samples, are the same too."""

    def stop(made: int, of: int) -> None:
        if made >= 15:
            raise Stop

    with pytest.raises(Stop):
        build_dataset(pipeline, tmp_path / "out", workers=0, on_progress=stop)
    resumed = build_dataset(pipeline, tmp_path / "out", workers=0).manifest
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0).manifest
    assert resumed == fresh
    assert np.sum([sum(resumed.class_counts(split).values()) for split in resumed.splits]) == 80
