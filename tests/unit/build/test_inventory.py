"""What an earlier build holds is taken over with all that is known of it."""

from pathlib import Path

from dsbuilder.build import build_dataset
from dsbuilder.cache import quarantine
from dsbuilder.dataset import load

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [16, 20]}]
build: {max_quarantined: 5}
"""


def test_a_shard_that_lost_a_sample_to_its_worker_stays_irreproducible(
    tmp_path: Path, make_images, write_pipeline
) -> None:
    make_images(classes=("cat", "dog"), count=8)
    pipeline = write_pipeline(PIPELINE)
    first = load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    lost = next(first.entries("test"))[1].key
    row = {"key": lost, "stage": "worker", "exception": "TimeoutError: took more than 1 s"}
    quarantine.write(first.path, [row])
    other = next(first.entries("train"))[1].key
    (tmp_path / "source" / other).write_bytes((tmp_path / "source" / lost).read_bytes())
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert built.made == 1
    assert built.quarantined == [row]
    assert not built.manifest.reproducible
