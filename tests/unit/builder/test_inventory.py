"""What an earlier build holds is taken over with all that is known of it."""

from dataclasses import replace
from pathlib import Path

from dsbuilder.builder import build_dataset
from dsbuilder.cache import manifest, quarantine
from dsbuilder.dataset import load

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [16, 20]}]
build: {max_quarantined: 5}
"""


def test_a_sample_that_was_lost_to_its_worker_is_tried_again(
    tmp_path: Path, make_images, write_pipeline
) -> None:
    make_images(classes=("cat", "dog"), count=8)
    pipeline = write_pipeline(PIPELINE)
    first = load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    lost = next(first.entries("test"))[1].key
    row = {"key": lost, "stage": "worker", "exception": "TimeoutError: took more than 1 s"}
    quarantine.write(first.path, [row])
    known = manifest.read(first.path)
    manifest.write(first.path, replace(known, reproducible=False, quarantined=1))
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert not built.quarantined
    assert built.manifest.reproducible
