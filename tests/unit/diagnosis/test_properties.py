"""What is known of samples are the measures of inspectors, of every sample of validation."""

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.diagnosis.properties import LOOK, properties_of

PIPELINE = """
name: shades
source: {use: imagefolder, path: images, group_column: who}
split: {train: 0.5, validation: 0.5}
finish: [{use: resize, size: [8, 8]}]
"""
SHORT, BRIGHT, DARK = (
    "short side in pixels",
    "how bright its brightest places are",
    "how bright its darkest places are",
)


def test_every_sample_of_validation_is_measured(tmp_path, write_pipeline):
    (tmp_path / "images").mkdir()
    rows = ["file_name,label,who"]
    for number in range(12):
        shade = 20 * number
        image = np.full((10 + number, 30, 3), shade, np.uint8)
        image[:, 15:] += 30
        Image.fromarray(image).save(tmp_path / "images" / f"{number:02d}.png")
        rows.append(f"{number:02d}.png,{'ab'[number % 2]},g{number // 2}")
    (tmp_path / "images" / "metadata.csv").write_text("\n".join(rows))
    opened = dsbuilder.open(write_pipeline(PIPELINE), overrides=[LOOK])
    dataset = dsbuilder.load(build_dataset(opened.pipeline, tmp_path / "out", workers=0).path)
    keys = {entry.key for _, entry in dataset.entries("validation")}
    found = properties_of(opened.survey(), dataset, workers=0)
    assert set(found[SHORT]) == set(found[DARK]) == set(found["origin"]) == keys
    for key in keys:
        number = int(key.removesuffix(".png"))
        assert found[SHORT][key] == 10 + number
        assert found[DARK][key] == pytest.approx(20 * number / 255, abs=1e-3)
        assert found[BRIGHT][key] == pytest.approx((20 * number + 30) / 255, abs=1e-3)
        assert found["group"][key] == f"g{number // 2}"
        assert found["origin"][key] == "real"
    assert found["sharpness of its edges"]
