"""What a pipeline or an image would take of a machine, bounded before the work."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.builder.survey import load_spec, survey
from dsbuilder.errors import DataError, SpecError
from dsbuilder.images import encoding
from dsbuilder.images.color import flatten, narrow
from dsbuilder.pipelinefile.document import parse

PIPELINE = """
name: bounded
source: {use: folder, path: source}
prepare: [{use: STAGE}]
finish: [{use: resize, size: [16, 16]}]
cache: {image: png}
build: {max_quarantined: 1}
"""


@pytest.mark.parametrize("stage", ["resize, short: 224", "A.SmallestMaxSize, max_size: 224"])
def test_a_strip_that_a_stage_would_blow_up_is_set_aside(
    make_images, write_pipeline, tmp_path: Path, stage: str
) -> None:
    source = make_images(count=3)
    Image.fromarray(np.zeros((2, 20_000, 3), np.uint8)).save(source / "cat/strip.png")
    path = write_pipeline(PIPELINE.replace("STAGE", stage))
    built = build_dataset(path, tmp_path / "out", workers=0)
    (row,) = built.quarantined
    assert row["key"] == "cat/strip.png"
    assert "100 megapixels (image.stage_megapixels)" in row["exception"]
    assert "2240000 x 224 of 20000 x 2" in row["exception"]


def test_a_bound_can_be_raised_and_lowered(make_images, write_pipeline, tmp_path: Path) -> None:
    make_images(count=2)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 224"))
    lowered = ["image.stage_megapixels=0.01", "build.max_quarantined=100"]
    with pytest.raises(DataError, match="no sample can be made"):
        build_dataset(path, tmp_path / "out", workers=0, overrides=lowered)
    raised = ["image.stage_megapixels=1e9", "image.memory_mb=1e9", "build.max_outputs=6"]
    assert not build_dataset(path, tmp_path / "out", workers=0, overrides=raised).quarantined


@pytest.mark.parametrize("place", ["prepare", "augment.stages", "finish", "stream.finish"])
def test_a_size_that_is_stated_is_refused_by_the_signature(
    make_images, write_pipeline, place: str
) -> None:
    make_images(count=2)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 20"))
    huge = [f"{place}=[{{use: resize, size: [40000, 40000]}}]", "finish=[{use: resize, short: 9}]"]
    overrides = [*huge[1:], huge[0], "cache.image=png"]
    with pytest.raises(SpecError, match=r"at most 100 megapixels .image\.stage_megapixels."):
        survey(load_spec(path, overrides))


def test_copies_and_counts_are_bounded_before_the_plan(make_images, write_pipeline) -> None:
    make_images(count=4)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 20"))
    with pytest.raises(SpecError, match=r"at most 10000000 samples .build\.max_outputs., found"):
        survey(load_spec(path, ["augment.copies=3000000"]))
    counted = ["synthesize=[{use: shapes, count: 1000000000}]", "source=null", "prepare=[]"]
    with pytest.raises(SpecError, match=r"build\.max_outputs., found 1000000000"):
        load_spec(path, counted, [Path(__file__).parents[3] / "plugins"])


def png(shape: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("shape", "needs"), [((50, 40, 4), 21), ((50, 40, 3), 12), ((50, 40), 6), ((50, 40, 2), 21)]
)
def test_memory_is_judged_by_the_header(shape: tuple[int, ...], needs: int) -> None:
    data, takes = png(shape), 50 * 40 * needs
    assert encoding.decode(data, mode="rgb", memory_bytes=takes).shape == (50, 40, 3)
    with pytest.raises(DataError, match=r"MB of memory to decode .image.memory_mb., found 40 x"):
        encoding.decode(data, mode="rgb", memory_bytes=takes - 1)


def test_a_large_transparent_image_is_refused_before_it_is_decoded(
    make_images, write_pipeline, tmp_path: Path
) -> None:
    source = make_images(count=2)
    (source / "cat/bomb.png").write_bytes(png((5000, 5001, 4)))
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 20"))
    (row,) = build_dataset(path, tmp_path / "out", workers=0).quarantined
    assert "at most 500 MB of memory to decode (image.memory_mb), found 5001 x 5000" in str(row)


def test_bands_change_no_pixel() -> None:
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 65536, (700, 3, 3), dtype=np.uint16)
    assert np.array_equal(narrow(wide), ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8))
    image = rng.integers(0, 256, (700, 3, 4), dtype=np.uint8)
    alpha = image[:, :, 3:].astype(np.uint32)
    whole = (image[:, :, :3] * alpha + np.array((1, 2, 250)) * (255 - alpha) + 127) // 255
    assert np.array_equal(flatten(image, (1, 2, 250)), whole)


@pytest.mark.parametrize(
    "depth",
    [102, pytest.param(900, marks=pytest.mark.slow), pytest.param(100_000, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("one", ["[", "{a: "])
def test_nested_yaml_is_refused(depth: int, one: str, tmp_path: Path) -> None:
    text = f"name: {one * depth}1{ {'[': ']', '{a: ': '}'}[one] * depth }"
    with pytest.raises(SpecError, match="nested deeper than 100 levels"):
        parse(text, origin="p.yaml", folder=tmp_path)


def test_yaml_may_be_nested_as_deep_as_is_allowed(tmp_path: Path, monkeypatch) -> None:
    assert parse("[" * 100 + "]" * 100, origin="", folder=tmp_path)
    monkeypatch.setenv("DSBUILDER_MAX_DEPTH", "110")
    assert parse("[" * 110 + "]" * 110, origin="", folder=tmp_path)


def test_what_is_stored_is_read_whatever_it_takes(
    make_images, write_pipeline, tmp_path: Path
) -> None:
    make_images(count=2)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 20"))
    dataset = dsbuilder.load(build_dataset(path, tmp_path / "out", workers=0).path)
    assert list(dataset.samples("train"))
