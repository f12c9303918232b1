"""A preview by stages shows a sample after each, mixers among them, as a build makes it."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner

import dsbuilder
from dsbuilder.actions.preview import _Exhibit
from dsbuilder.cli.main import main

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 1.0}
prepare: [{use: resize, size: [24, 32]}]
augment:
  copies: 1
  stages: [{use: A.HorizontalFlip, p: 1}, {use: mixup}, {use: A.VerticalFlip, p: 0}]
stream: {stages: [{use: A.InvertImg, p: 1}]}
"""


def test_every_stage_is_shown_after_the_one_before(
    tmp_path: Path, make_images, write_pipeline
) -> None:
    make_images(count=2, size=(24, 32))
    opened = dsbuilder.open(write_pipeline(PIPELINE))
    exhibit = _Exhibit(opened.survey(), count=3, copies=4, seed=0, by_stage=True)
    augment, stream = exhibit.sheet().sections
    assert augment.headings == [
        "before augment.stages",
        "A.HorizontalFlip",
        "mixup",
        "A.VerticalFlip",
    ]
    for before, flipped, mixed, left_out in augment.rows:
        assert np.array_equal(flipped.image, before.image[:, ::-1])
        assert mixed.image.shape == flipped.image.shape
        assert not np.array_equal(mixed.image, flipped.image)
        assert left_out is None
    assert stream.headings == ["before stream.stages", "A.InvertImg"]
    for before, inverted in stream.rows:
        assert np.array_equal(inverted.image, 255 - before.image)
    sheet = tmp_path / "sheet.png"
    command = ["preview", str(opened.pipeline), "--stages", "--output", str(sheet)]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert sheet.is_file()
