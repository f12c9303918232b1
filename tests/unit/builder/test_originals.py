"""MeasureCache originals change no byte, spare every decode, and are never out of date."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dsbuilder.builder import Built, build_dataset

PIPELINE = """
name: toy
source: {use: counted, path: source}
split: {train: 0.7, test: 0.3}
prepare: [{use: A.SmallestMaxSize, max_size: 24}]
augment:
  copies: 2
  stages:
    - {use: A.HorizontalFlip, p: 0.5}
    - {use: mixup, p: 0.5}
finish: [{use: resize, size: [20, 20]}]
build: {keep_prepared: true}
"""
COUNTED = '''
"""A folder that notes what is read."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from dsbuilder.plugin import Catalog, ClassLabel, Listing, Record, Source, Target, source


@source("counted")
@dataclass(frozen=True, kw_only=True)
class Counted(Source):
    """Reads class folders.

    Attributes:
      path: the folder.
    """

    path: Path

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Counted

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for file in sorted(self.source.path.glob("*/*.png")):
            key = file.relative_to(self.source.path).as_posix()
            yield Record(key=key, path=file, targets={"label": file.parent.name})

    def _targets(self) -> Mapping[str, Target]:
        return {"label": ClassLabel(names=("cat", "dog", "owl"))}

    def read(self, record: Record) -> bytes:
        with (self.source.path.parent / "reads.txt").open("a") as file:
            file.write(record.key + "\\n")
        return super().read(record)
'''
RELABELS = '''
"""A stage that changes labels."""
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("relabels", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Relabels(Transform):
    """Calls everything a cat."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(targets={"label": 0})
'''
OFF = "build.keep_prepared=false"
OTHER = "augment.stages[0].p=0.9"


@pytest.fixture
def pipeline(
    make_images: Callable[..., Path], write_pipeline: Callable[..., Path], tmp_path: Path
) -> Path:
    make_images(count=6)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/counted.py").write_text(COUNTED)
    (tmp_path / "plugins/relabels.py").write_text(RELABELS)
    return write_pipeline(PIPELINE)


def build(pipeline: Path, out: str, *overrides: str, workers: int = 0) -> Built:
    return build_dataset(pipeline, pipeline.parent / out, workers=workers, overrides=overrides)


def sums(built: Built) -> dict[str, str]:
    """The checksums of everything but what repeats the pipeline's words."""
    lines = (built.path / "SHA256SUMS").read_text().splitlines()
    rows = (line.split("  ") for line in lines)
    return {name: digest for digest, name in rows if name not in ("metadata.json", "pipeline.json")}


def reads(pipeline: Path) -> int:
    """How many images were read since this was asked last."""
    path = pipeline.parent / "reads.txt"
    count = len(path.read_text().splitlines()) if path.exists() else 0
    path.unlink(missing_ok=True)
    return count


def originals(pipeline: Path, out: str = "out") -> list[Path]:
    folder = pipeline.parent / out / "toy/.builds/prepared"
    return sorted(path for path in folder.glob("*/*/*") if path.is_file())


def test_a_build_whose_augmentation_changed_reads_nothing_and_has_the_same_bytes(
    pipeline: Path,
) -> None:
    assert sums(build(pipeline, "out")) == sums(build(pipeline, "plain", OFF))
    assert reads(pipeline) > 0
    changed = build(pipeline, "out", OTHER)
    assert changed.made > 0
    assert reads(pipeline) == 0
    assert sums(changed) == sums(build(pipeline, "other", OFF, OTHER))


def test_workers_keep_and_take_originals_too(pipeline: Path) -> None:
    alone = build(pipeline, "plain", OFF, OTHER)
    build(pipeline, "out", workers=2)
    reads(pipeline)
    assert sums(build(pipeline, "out", OTHER, workers=2)) == sums(alone)
    assert reads(pipeline) == 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_original_is_made_again(pipeline: Path, damage: str) -> None:
    build(pipeline, "out")
    for path in originals(pipeline):
        data = path.read_bytes()
        flipped = data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]
        worse = {"cut": data[:-9], "flipped": flipped, "empty": b"", "text": b"no original"}
        path.write_bytes(worse[damage])
    reads(pipeline)
    changed = build(pipeline, "out", OTHER)
    assert sums(changed) == sums(build(pipeline, "plain", OFF, OTHER))
    assert changed.warnings and all(
        "a damaged original is made again" in each for each in changed.warnings
    )
    reads(pipeline)
    build(pipeline, "out", "augment.stages[0].p=0.8")
    assert reads(pipeline) == 0


def test_a_source_that_changed_is_read_again(pipeline: Path) -> None:
    build(pipeline, "out")
    source = pipeline.parent / "source"
    (source / "cat/0.png").write_bytes((source / "dog/1.png").read_bytes())
    changed = build(pipeline, "out", OTHER)
    assert sums(changed) == sums(build(pipeline, "plain", OFF, OTHER))


def test_what_the_latest_build_does_not_use_is_removed(pipeline: Path) -> None:
    build(pipeline, "out")
    before = originals(pipeline)
    assert len(before) == 18
    (pipeline.parent / "source/cat/0.png").unlink()
    stray = before[0].with_name("half.123.tmp")
    stray.write_bytes(b"half")
    build(pipeline, "out")
    left = originals(pipeline)
    assert len(left) == 17 and stray not in left
    build(pipeline, "out", "prepare[0].max_size=22")
    assert len(originals(pipeline)) == 17
    assert not set(left) & set(originals(pipeline))
    build(pipeline, "out", OFF)
    assert not (pipeline.parent / "out/toy/.builds/prepared").exists()


def test_an_original_is_kept_with_the_labels_that_a_stage_gave_it(pipeline: Path) -> None:
    relabels = "prepare=[{use: A.SmallestMaxSize, max_size: 24}, {use: relabels}]"
    build(pipeline, "out", relabels)
    reads(pipeline)
    changed = build(pipeline, "out", relabels, OTHER)
    assert reads(pipeline) == 0
    assert sums(changed) == sums(build(pipeline, "plain", OFF, relabels, OTHER))


def test_a_build_goes_on_where_originals_cannot_be_kept(pipeline: Path) -> None:
    builds = pipeline.parent / "out/toy/.builds"
    builds.mkdir(parents=True)
    (builds / "prepared").write_text("in the way")
    built = build(pipeline, "out")
    assert any("an original cannot be kept" in each for each in built.warnings)
    assert sums(built) == sums(build(pipeline, "plain", OFF))
