"""A build that has nothing to do is told from the times of files, and never wrongly."""

import logging
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.builder import Built, build_dataset
from dsbuilder.builder.up_to_date import Request, find_up_to_date
from dsbuilder.errors import DataError

PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 1.0}
augment: {copies: 1, stages: [{use: A.HorizontalFlip, p: 0.5}, {use: speck}]}
finish: [{use: resize, size: [16, 16]}]
"""
SPECK = """
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform
from ._shade import SHADE

@transform("speck", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Speck(Transform):
    \"\"\"Sets one pixel.\"\"\"

    def apply(self, sample: Sample, params: Params) -> Sample:
        image = sample.image.copy()
        image[0, 0] = SHADE
        return sample.replace(image=image)
"""


class Place:
    """A pipeline with a source, a plugin and an output."""

    def __init__(self, folder: Path, pipeline: Path) -> None:
        self.folder, self.pipeline, self.out = folder, pipeline, folder / "out"

    def build(self, *overrides: str) -> Built:
        return build_dataset(self.pipeline, self.out, workers=0, overrides=overrides)

    def fresh(self) -> str:
        built = build_dataset(self.pipeline, self.folder / f"fresh-{time.time_ns()}", workers=0)
        return sums(built)

    def stands(self, *overrides: str) -> bool:
        """Whether a build would be told to have nothing to do without binding the pipeline."""
        request = Request.of(self.pipeline, self.out, overrides, None)
        return find_up_to_date(request) is not None


def sums(built: Built) -> str:
    return (built.path / "SHA256SUMS").read_text()


@pytest.fixture
def place(tmp_path, make_images, write_pipeline) -> Place:
    make_images()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/speck.py").write_text(SPECK)
    (tmp_path / "plugins/_shade.py").write_text("SHADE = 7\n")
    pipeline = write_pipeline(PIPELINE)
    time.sleep(0.06)  # what is younger than the clock's grain is looked at again
    here = Place(tmp_path, pipeline)
    here.build()
    return here


def test_nothing_changed_is_told_without_binding(place) -> None:
    assert place.stands()
    built = place.build()
    assert (built.made, built.reused) == (0, 60)
    assert sums(built) == place.fresh()


def first_image(place: Place) -> Path:
    return sorted((place.folder / "source").rglob("*.png"))[0]


def change_in_size_and_time_unseen(place: Place) -> None:
    path = first_image(place)
    before, data = path.stat(), bytearray(path.read_bytes())
    other = sorted((place.folder / "source").rglob("*.png"))[1].read_bytes()
    data[:] = other[: len(data)].ljust(len(data), b"\0")
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


EDITS = {
    "an image is changed, its size and time are not": change_in_size_and_time_unseen,
    "an image is added": lambda place: shutil.copy(
        first_image(place), first_image(place).with_name("new.png")
    ),
    "an image is added in a new class": lambda place: shutil.copytree(
        first_image(place).parent, place.folder / "source/new"
    ),
    "an image is removed": lambda place: first_image(place).unlink(),
    "an image is renamed": lambda place: first_image(place).rename(
        first_image(place).with_name("other.png")
    ),
    "two images are exchanged": lambda place: exchange(place),
    "the pipeline says otherwise": lambda place: place.pipeline.write_text(
        PIPELINE.replace("p: 0.5", "p: 0.4")
    ),
    "a plugin's code is another": lambda place: (place.folder / "plugins/speck.py").write_text(
        SPECK.replace("[0, 0]", "[0, 1]")
    ),
    "what a plugin imports is another": lambda place: (
        place.folder / "plugins/_shade.py"
    ).write_text("SHADE = 9\n"),
}


def exchange(place: Place) -> None:
    one, two = sorted((place.folder / "source").rglob("*.png"))[:2]
    one.rename(one.with_suffix(".tmp"))
    two.rename(one)
    one.with_suffix(".tmp").rename(two)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_change_is_noticed(place, edit) -> None:
    before = sums(place.build())
    edit(place)
    assert not place.stands()
    if "unseen" not in getattr(edit, "__name__", ""):  # what it leaves is no image
        built = place.build()
        assert sums(built) == place.fresh() != before
    assert not place.stands("augment.copies=2")


def test_a_nearer_plugins_folder_is_noticed(place) -> None:
    (place.pipeline.parent / "plugins").mkdir(exist_ok=True)
    (place.pipeline.parent / "plugins/more.py").write_text("MORE = 1\n")
    assert not place.stands()


def test_a_dataset_that_lost_a_file_does_not_stand(place) -> None:
    shard = next(place.build().path.glob("*.tfrecord-*"))
    shard.unlink()
    assert not place.stands()
    assert sums(place.build()) == place.fresh()


def test_a_version_that_points_elsewhere_does_not_stand(place) -> None:
    place.build("augment.copies=2")
    assert place.stands("augment.copies=2")
    assert not place.stands()
    assert place.build().made == 0  # the build is still there: it is pointed at again
    assert not place.stands("augment.copies=2")


def test_a_warning_is_told_again_at_every_build(place) -> None:
    (place.folder / "source/notes.txt").write_text("not an image")
    time.sleep(0.06)
    expected = [f"{place.folder}/source: 1 file was skipped: 1 .txt."]
    assert place.build().warnings == expected
    assert place.stands()
    assert place.build().warnings == expected
    (place.folder / "source/notes.txt").unlink()
    assert place.build().warnings == []


def test_a_program_that_quiets_the_logger_loses_no_warning(place) -> None:
    (place.folder / "source/notes.txt").write_text("not an image")
    logger = logging.getLogger("dsbuilder")
    logger.disabled = True
    try:
        time.sleep(0.06)
        assert len(place.build().warnings) == 1
    finally:
        logger.disabled = False
    assert len(place.build().warnings) == 1


def test_an_error_carries_the_warnings_until_then(place) -> None:
    (place.folder / "source/notes.txt").write_text("not an image")
    for path in (place.folder / "source").rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="records cannot be made") as caught:
        place.build()
    assert caught.value.warnings == (f"{place.folder}/source: 1 file was skipped: 1 .txt.",)


def test_what_is_as_young_as_the_look_at_it_is_not_taken_for_seen(place) -> None:
    path = first_image(place)
    data = path.read_bytes()
    for number in range(5):
        path.write_bytes(data)
        place.pipeline.write_text(PIPELINE + f"# {number}\n")
        place.build()
        assert not place.stands()  # the pipeline is younger than the clock's grain


def test_a_source_that_says_what_stands_for_its_pixels_is_told_from_its_file(
    tmp_path, write_pipeline
) -> None:
    images = np.zeros((6, 8, 8, 3), np.uint8) + np.arange(6, dtype=np.uint8)[:, None, None, None]
    np.savez(tmp_path / "set.npz", x_train=images, y_train=np.arange(6) % 2)
    pipeline = write_pipeline("name: toy\nsource: {use: arrays, path: set.npz}\n")
    time.sleep(0.06)
    here = Place(tmp_path, pipeline)
    here.build()
    assert here.stands()
    np.savez(tmp_path / "set.npz", x_train=images + 1, y_train=np.arange(6) % 2)
    assert not here.stands()
    assert sums(here.build()) == here.fresh()
