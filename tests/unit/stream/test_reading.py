"""What a caller leaves open is filled up from the dataset's own pipeline; no more is needed."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuilder.errors import SpecError
from dsbuilder.stream.reading import plan

MINE = '''
"""A stage of one's own."""
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("darken", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Darken(Transform):
    """Halves every value."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=sample.image // 2)
'''


@settings(deadline=None)  # the first example builds the dataset
@given(st.integers(0, 4), st.integers(1, 50), st.integers(1, 5), st.booleans())
def test_hosts_and_batches_add_up(build, index, batch_size, hosts, drop) -> None:
    dataset, shard = build(), (index % hosts, hosts)
    reading = plan(dataset, "train", batch_size=1, shard=shard)
    others = [plan(dataset, "train", batch_size=1, shard=(i, hosts)) for i in range(hosts)]
    assert sum(each.num_samples for each in others) == 36
    if drop and batch_size > reading.num_samples:
        return
    reading = plan(dataset, "train", batch_size=batch_size, shard=shard, drop_remainder=drop)
    covered = reading.steps * batch_size
    assert covered - batch_size < reading.num_samples
    assert covered <= reading.num_samples if drop else covered >= reading.num_samples


def test_only_train_is_shuffled_and_passes_stages(build) -> None:
    dataset = build(rest="stream: {stages: [{use: A.HorizontalFlip}]}")
    train, test = plan(dataset, "train"), plan(dataset, "test")
    assert train.shuffle and not test.shuffle
    assert train.refresher is not None and test.refresher is None


def test_finish_is_for_every_split(build) -> None:
    dataset = build(rest="stream: {finish: [{use: resize, size: [5, 6]}]}")
    for split in dataset.splits:
        reading = plan(dataset, split)
        assert reading.refresher is not None
        assert reading.signature.image.shape == (5, 6, 3)


def test_a_mixer_makes_the_labels_of_every_split_weights(build) -> None:
    dataset = build(rest="stream: {stages: [{use: mixup}]}")
    assert dataset.signature.targets["label"].soft is False
    for split in dataset.splits:
        assert plan(dataset, split).signature.targets["label"].soft is True


def test_neither_the_source_nor_its_plugins_are_needed(build) -> None:
    dataset = build(rest="stream: {stages: [{use: A.HorizontalFlip}]}")
    assert '"use": "pixels"' in (dataset.path / "pipeline.json").read_text()
    assert plan(dataset, "train").refresher is not None


def test_a_stage_of_ones_own_is_found_in_the_folder_that_is_given(build, tmp_path) -> None:
    (tmp_path / "darken.py").write_text(MINE)
    dataset = build(rest="stream: {stages: [{use: darken}]}", plugins=[tmp_path])
    with pytest.raises(SpecError) as caught:
        plan(dataset, "train")
    assert str(caught.value).startswith(
        f"{dataset.path}/pipeline.json: stream.stages[0]: unknown transform or mixer 'darken'."
    )
    assert str(caught.value).endswith("Give the folder of its plugins.")
    assert plan(dataset, "train", plugins=[tmp_path]).refresher is not None


def test_reading_and_feeding_leave_tensorflow_unimported() -> None:
    code = (
        "import sys, dsbuilder.stream.feed, dsbuilder.stream.reading\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
