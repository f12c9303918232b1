"""A build decodes what is far too large at a reduced scale, unless it is told not to."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

import dsbuilder
from dsbuilder.builder import build_dataset

PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 1.0}
prepare: [{use: resize, short: 24}]
finish: [{use: resize, size: [24, 24]}]
cache: {image: png}
"""
WHOLE = "image.reduced_decode=false"


def images(pipeline: Path, out: Path, *overrides: str) -> dict[str, np.ndarray]:
    built = build_dataset(pipeline, out, workers=0, overrides=overrides)
    samples = dsbuilder.load(built.path).samples("train")
    return {sample.key: sample.image for sample in samples}


def test_a_large_jpeg_is_decoded_reduced_and_looks_alike(
    make_images: Callable[..., Path], write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    make_images(size=(192, 256), count=2, suffix="jpg")
    pipeline = write_pipeline(PIPELINE)
    reduced = images(pipeline, tmp_path / "a")
    whole = images(pipeline, tmp_path / "b", WHOLE)
    assert any((reduced[key] != whole[key]).any() for key in whole)
    distances = [np.abs(reduced[key].astype(int) - whole[key]).mean() for key in whole]
    assert max(distances) < 2


def test_what_is_not_far_too_large_has_the_same_bytes_either_way(
    make_images: Callable[..., Path], write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    make_images(size=(80, 95), count=2, suffix="jpg")
    pipeline = write_pipeline(PIPELINE)
    reduced, whole = images(pipeline, tmp_path / "a"), images(pipeline, tmp_path / "b", WHOLE)
    assert all(np.array_equal(reduced[key], whole[key]) for key in whole)


def test_the_option_is_part_of_the_fingerprint(
    make_images: Callable[..., Path], write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    make_images(size=(192, 256), count=2, suffix="jpg")
    pipeline = write_pipeline(PIPELINE)
    build_dataset(pipeline, tmp_path / "out", workers=0)
    again = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=[WHOLE])
    assert again.reused == 0
