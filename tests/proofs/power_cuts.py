"""Builds whose power is cut: what was synced is there, of the rest anything may be missing.

A small first build is cut after each of its operations; then builds over a good dataset are cut at
random, and the builds after them as well. After each cut a version that stands for anything must
verify, the last good dataset among them; the next build must end in the bytes of one that nobody
cut. See `volatile_disk.py` for what a disk may lose.
"""

import itertools
import random
import tempfile
from pathlib import Path

import tools
from conftest import noise
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from proofs.mounted_disk import Disk, mounted

PIPELINE = """\
name: toy
source: {use: folder, path: source}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [10, 12]}]
cache: {shard_mb: 0.001}
"""
KEEPS = (0.0, 0.2, 0.5, 0.8)
ALL = 100


def run(count: int, seed: int) -> list[tuple[str, int]]:
    """Cuts a first build everywhere (below 100 here and there), and `count` others at random."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, libfuse = Path(temporary), tools.place(tools.LIBFUSE)
        prepare(folder)
        with mounted(folder / "disk", libfuse) as disk:
            proof = Proof(folder, disk, seed)
            first = proof.cut_everywhere(step=max(1, ALL // count))
            for number in range(count):
                proof.cut_at_random(number)
    return [
        ("cuts of a first build", first),
        ("cuts of later builds, each followed by one of the next build", count),
        ("versions that stood for a dataset after a cut", proof.stood),
        ("repaired by the next build", first + count),
    ]


def prepare(folder: Path) -> None:
    """Makes two sources, which differ in an image, and pipelines for them."""
    for name, numbers in (("a", range(12)), ("b", range(1, 13))):
        for number in numbers:
            place = folder / name / "source" / ("cat", "dog")[number % 2] / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(number, (14, 12))).save(place)
        (folder / name / "toy.yaml").write_text(PIPELINE)


class Proof:
    """A disk and what must come out."""

    def __init__(self, folder: Path, disk: Disk, seed: int) -> None:
        self.folder, self.disk, self.seed, self.stood = folder, disk, seed, 0
        self._numbers = itertools.count()
        self._expected: dict[tuple[str, ...], str] = {}

    def expected(self, source: str, *how: str) -> str:
        """Returns the checksums of a build that nobody cut."""
        if (source, *how) not in self._expected:
            with tempfile.TemporaryDirectory() as place:
                self._expected[source, *how] = self.build(Path(place), source, *how)
        return self._expected[source, *how]

    def build(self, place: Path, source: str, *how: str) -> str:
        pipeline = self.folder / source / "toy.yaml"
        built = build_dataset(pipeline, place / "out", workers=0, overrides=how)
        return (built.path / "SHA256SUMS").read_text()

    def check(self, place: Path, case: str, *good: str, must: bool = False) -> None:
        """Checks that a version stands for nothing or for a good dataset."""
        version = place / "out/toy/1.0.0"
        assert not must or version.exists(), f"{case}: the last good dataset is lost"
        if version.is_symlink():
            try:
                dsbuilder.load(version).verify()
            except dsbuilder.DsbuilderError as error:
                raise AssertionError(f"{case}: {error}") from error
            assert (version / "SHA256SUMS").read_text() in good, case
            self.stood += 1

    def finish(self, place: Path, case: str, source: str, *how: str) -> None:
        """Builds after a cut."""
        good = self.expected(source, *how)
        assert self.build(place, source, *how) == good, case
        self.check(place, case, good, must=True)
        assert not list(place.glob("out/toy/.builds/*.partial")), case
        self.disk.forget(place.name)

    def cut(self, name: str, after: int, case: str, keep: float) -> Path:
        to = f"cut-{next(self._numbers)}"
        return self.disk.cut(name, after, to, seed=case, keep=keep)

    def cut_everywhere(self, step: int) -> int:
        good = self.expected("a")
        assert self.build(self.disk.new("whole"), "a") == good
        cuts = 0
        for after in range(0, self.disk.count("whole") + 1, step):
            for keep in (0.0, KEEPS[1 + after // step % 3]):
                case = f"seed {self.seed}, cut after operation {after}, keep {keep}"
                place = self.cut("whole", after, case, keep)
                self.check(place, case, good)
                self.finish(place, case, "a")
                cuts += 1
        place = self.cut("whole", self.disk.count("whole"), "", 0.0)
        self.check(place, "after the end", good, must=True)
        return cuts

    def cut_at_random(self, number: int) -> None:
        case = f"seed {self.seed}, number {number}"
        chance = random.Random(case)
        how = [f"cache.codec={chance.choice(('tfrecord', 'npy'))}"]
        how += ["build.keep_prepared=true"] * (chance.random() < 0.5)
        good = (self.expected("a", *how), self.expected("b", *how))
        name = f"random-{number}"
        place = self.disk.new(name)
        self.build(place, "a", *how)
        for again in range(2):
            begin = 0 if again else self.disk.count(name)
            if again or chance.random() < 0.8:
                self.build(place, "b", *how)
            after = chance.randint(begin, self.disk.count(name))
            place = self.cut(name, after, f"{case}, {again}", chance.choice(KEEPS))
            self.disk.forget(name)
            name = place.name
            self.check(place, case, *good, must=True)
        self.finish(place, case, "b", *how)
