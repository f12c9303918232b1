"""Laws of a build over edits, interruptions, shard sizes and workers: the same sums, always.

Every law compares with a fresh build of the same source, made in this process without a past.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import dsbuilder
from dsbuilder.builder import Built, build_dataset
from dsbuilder.builder.forecast import forecast
from dsbuilder.dataset import find_problems

PIPELINE = """\
name: toy
seed: 3
source: {use: list, path: images, list: list.txt}
split: {train: 0.6, validation: 0.2, test: 0.2}
prepare: [{use: resize, short: 12}]
augment:
  copies: 2
  stages:
    - {use: A.HorizontalFlip}
    - {use: mixup, p: 0.4}
    - {use: A.RandomBrightnessContrast, p: 0.7}
finish: [{use: resize, size: [12, 14]}]
cache: {codec: CODEC, shard_mb: 0.002}
build: {max_quarantined: 1000}
"""
CLASSES = ("cat", "dog")
CODECS = st.sampled_from(["tfrecord", "npy"])
SHARD_MB = st.sampled_from([0.0005, 0.001, 0.002, 0.004, 10.0])


@dataclass
class World:
    """A source that is edited, and the folder that datasets are built in."""

    folder: Path
    codec: str
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "images").mkdir(parents=True)
        (self.folder / "toy.yaml").write_text(PIPELINE.replace("CODEC", self.codec))
        for number in range(12):
            self.paint(f"{number:02d}.png", number)
            self.labels[f"{number:02d}.png"] = CLASSES[number % 2]
        self.write_list()

    def paint(self, name: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        image = rng.integers(0, 256, (13 + seed % 4, 15, 3), dtype=np.uint8)
        Image.fromarray(image).save(self.folder / "images" / name)

    def write_list(self) -> None:
        lines = [f"{name} {label}\n" for name, label in sorted(self.labels.items())]
        (self.folder / "list.txt").write_text("".join(lines))

    def edit(self, kind: str, place: int, seed: int) -> None:
        """Adds, changes, removes, renames, relabels or breaks an image."""
        name = sorted(self.labels)[place % len(self.labels)]
        path = self.folder / "images" / name
        if kind == "add":
            self.paint(f"new-{seed}.png", seed)
            self.labels[f"new-{seed}.png"] = CLASSES[seed % 2]
        elif kind == "change":
            self.paint(name, 1000 + seed)
        elif kind == "break":
            path.write_bytes(b"junk")
        elif kind == "relabel":
            self.labels[name] = CLASSES[1 - CLASSES.index(self.labels[name])]
        elif kind == "rename":
            path.rename(path.with_name(f"{seed}-{name}"))
            self.labels[f"{seed}-{name}"] = self.labels.pop(name)
        elif len(self.labels) > 8:
            path.unlink()
            del self.labels[name]
        if len(set(self.labels.values())) < 2:  # a classification needs two classes
            self.labels[min(self.labels)] = CLASSES[
                1 - CLASSES.index(self.labels[min(self.labels)])
            ]
        self.write_list()

    def build(self, out: str = "out", *, workers: int = 0, **options) -> Built:
        path = self.folder / "toy.yaml"
        return build_dataset(path, self.folder / out, workers=workers, **options)

    def fresh(self, *overrides: str) -> str:
        """The sums of a build without a past."""
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            return sums(self.build(out, overrides=overrides))


@contextmanager
def world(codec: str) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        yield World(Path(folder) / "world", codec)


def sums(built: Built) -> str:
    return (built.path / "SHA256SUMS").read_text()


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["add", "change", "remove", "rename", "relabel", "break"]),
        st.integers(0, 11),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=3,
)


def check_edits(codec: str, rounds: list[list[tuple[str, int, int]]]) -> None:
    """Edits a source round by round; each round's build must equal a fresh one, as forecast."""
    with world(codec) as here:
        here.build()
        for edits in rounds:
            for edit in edits:
                here.edit(*edit)
            expected = forecast(here.folder / "toy.yaml", here.folder / "out", workers=0)
            built = here.build()
            assert sums(built) == here.fresh()
            assert built.made <= expected.to_make <= built.made + len(built.quarantined)
            assert all(shard.reasons for shard in expected.shards if not shard.is_reused)
        dataset = dsbuilder.load(built.path)
        assert find_problems(dataset) == []


@settings(max_examples=5)
@given(codec=CODECS, rounds=st.lists(EDITS, min_size=1, max_size=3))
def test_a_build_after_any_edits_equals_a_fresh_one(codec, rounds) -> None:
    check_edits(codec, rounds)


@pytest.mark.slow
@settings(max_examples=25)
@given(codec=CODECS, rounds=st.lists(EDITS, min_size=1, max_size=6))
def test_a_build_after_any_edits_equals_a_fresh_one_deeper(codec, rounds) -> None:
    check_edits(codec, rounds)


class Stop(Exception):
    """An interruption."""


def interrupted(here: World, after: int, *overrides: str) -> None:
    """Builds until so many samples were made; finished shards stay."""

    def stop(made: int, of: int) -> None:
        if made >= min(after, of):
            raise Stop

    with pytest.raises(Stop):
        here.build(overrides=overrides, on_progress=stop)


def check_interruptions(codec: str, points: list[int], edits: list[tuple[str, int, int]]) -> None:
    """Interrupts a first build and a later one, at any points, and lets the last one end."""
    with world(codec) as here:
        whole = here.fresh()
        for point in points:
            interrupted(here, point)
        assert not (here.folder / "out/toy/1.0.0").exists()
        assert sums(here.build()) == whole
        for edit in edits:
            here.edit(*edit)
        edited = here.fresh()
        if edited != whole:  # edits may undo each other; then there is nothing to interrupt
            interrupted(here, points[0])
        assert sums(here.build()) == edited


POINTS = st.lists(st.integers(0, 26), min_size=1, max_size=3)


@settings(max_examples=5)
@given(codec=CODECS, points=POINTS, edits=EDITS)
def test_any_interruption_ends_in_the_same_sums(codec, points, edits) -> None:
    check_interruptions(codec, points, edits)


@pytest.mark.slow
@settings(max_examples=20)
@given(codec=CODECS, points=POINTS, edits=EDITS)
def test_any_interruption_ends_in_the_same_sums_deeper(codec, points, edits) -> None:
    check_interruptions(codec, points, edits)


def payloads(built: Built) -> dict[str, bytes]:
    dataset = dsbuilder.load(built.path)
    found = {}
    for split in dataset.splits:
        for shard, entry in dataset.entries(split):
            reader = dataset.codec.open(dataset.path, shard.stem)
            found[entry.key] = reader.read(entry.offset, entry.length)
    return found


@settings(max_examples=4)
@given(codec=CODECS, sizes=st.lists(SHARD_MB, min_size=2, max_size=4))
def test_any_shard_size_holds_the_same_samples_and_copies_them(codec, sizes) -> None:
    with world(codec) as here:
        first = here.build(overrides=[f"cache.shard_mb={sizes[0]}"])
        held = payloads(first)
        for size in sizes[1:]:
            override = f"cache.shard_mb={size}"
            built = here.build(overrides=[override])
            assert built.made == 0
            assert payloads(built) == held
            assert sums(built) == here.fresh(override)


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.slow
def test_any_number_of_workers_ends_in_the_same_sums_over_edits(workers: int) -> None:
    codec = ("tfrecord", "npy")[workers % 2]
    with world(codec) as here:
        here.build("out", workers=workers)
        for number, kind in enumerate(["add", "relabel", "remove", "change"]):
            here.edit(kind, 3 * number + workers, number + 30)
        many = [f"augment.copies={workers + 12}"]  # enough to make that workers are started
        assert sums(here.build(workers=workers, overrides=many)) == here.fresh(*many)


@pytest.mark.slow
@settings(max_examples=12)
@given(codec=CODECS, workers=st.sampled_from([1, 2, 3, 7]), size=SHARD_MB, edits=EDITS)
def test_any_workers_and_shard_size_end_in_the_same_sums_deeper(
    codec, workers, size, edits
) -> None:
    overrides = [f"cache.shard_mb={size}", "augment.copies=14"]
    with world(codec) as here:
        here.build(workers=workers, overrides=overrides)
        for edit in edits:
            here.edit(*edit)
        assert sums(here.build(workers=workers, overrides=overrides)) == here.fresh(*overrides)
