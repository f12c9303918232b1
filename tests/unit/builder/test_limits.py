"""What a pipeline or an image would take of a machine, bounded before the work."""

import io
import json
from contextlib import nullcontext
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
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.layouts.list.reader import ImageList
from dsbuilder.pipelinefile.document import parse
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import plan

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
    assert "that it would be 2240000 x 224. Make it smaller" in row["exception"]


def test_a_bound_can_be_raised_and_lowered(make_images, write_pipeline, tmp_path: Path) -> None:
    make_images(count=2)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 224"))
    lowered = ["image.stage_megapixels=0.01", "build.max_quarantined=100"]
    with pytest.raises(DataError, match="no sample can be made"):
        build_dataset(path, tmp_path / "out", workers=0, overrides=lowered)
    raised = ["image.stage_megapixels=1e9", "image.memory_mb=1e9", "build.max_outputs=6"]
    assert not build_dataset(path, tmp_path / "out", workers=0, overrides=raised).quarantined


ONE_OF = "{use: one_of, stages: [{use: resize, size: [400, 400]}]}"
COMPOSED = (
    "{use: A.Compose, transforms: [{use: A.Resize, height: 400, width: 400}, "
    "{use: A.Resize, height: 16, width: 16}]}"
)


@pytest.mark.parametrize("stage", [ONE_OF, COMPOSED])
def test_the_option_decides_for_stages_within_stages(
    make_images, write_pipeline, tmp_path: Path, stage: str
) -> None:
    """Of copies, which a worker makes of the pipeline as plain data."""
    make_images(count=2)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 20"))
    copied = [f"augment={{stages: [{stage}]}}", "split={train: 1, validation: 0, test: 0}"]
    lowered = [*copied, "image.stage_megapixels=0.1"]
    with pytest.raises(SpecError, match=r"at most 0\.1 megapixels .image\.stage_megapixels., fo"):
        survey(load_spec(path, lowered))
    assert not build_dataset(path, tmp_path / "out", workers=1, overrides=copied).quarantined


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


def test_drawn_sizes_of_copies_and_streams_are_those_of_the_option(
    make_images, write_pipeline, tmp_path: Path
) -> None:
    make_images(count=2)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, size: [20, 20]"))
    scaled = "[{use: A.RandomScale, scale_limit: [9, 9], p: 1}]"
    options = ["image.stage_megapixels=0.03", "split={train: 1, validation: 0, test: 0}"]
    with pytest.raises(SpecError, match=r"cannot be applied .* at most 0\.03 megapixels"):
        survey(load_spec(path, [*options, f"augment.stages={scaled}"]))
    options[0] = "image.stage_megapixels=0.05"
    fresh = f"stream={{batch_size: 2, stages: {scaled}, finish: [{{use: resize, size: [8, 8]}}]}}"
    built = build_dataset(path, tmp_path / "out", workers=0, overrides=[*options, fresh])
    for megapixels, fails in ((0.05, False), (0.02, True)):
        dataset = dsbuilder.load(built.path)
        sections = {**dataset.pipeline.sections, "image": {"stage_megapixels": megapixels}}
        (built.path / "pipeline.json").write_text(json.dumps(sections))
        with pytest.raises(SpecError, match=r"at most 0\.02") if fails else nullcontext():
            assert len(list(Feed(plan(dsbuilder.load(built.path), "train")).batches(0))) == 3


def test_batches_are_bounded_by_what_their_images_take(
    make_images, write_pipeline, tmp_path: Path
) -> None:
    make_images(count=10)
    path = write_pipeline(PIPELINE.replace("STAGE", "resize, short: 20"))
    split = "split={train: 1, validation: 0, test: 0}"
    options = ["stream={batch_size: 20, batch_mb: 0.01}", split]
    built = build_dataset(path, tmp_path / "out", workers=0, overrides=options)
    dataset = dsbuilder.load(built.path)
    with pytest.raises(DataError, match=r"at most 0\.01 MB .stream\.batch_mb., found that 20 ima"):
        plan(dataset, "train")
    assert plan(dataset, "train", batch_size=13).steps == 3
    with pytest.raises(DataError, match=r"take 0 MB\. Take a smaller batch_size"):
        plan(dataset, "train", batch_size=13, images="scale")


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


def test_json_of_a_layout_may_be_nested_as_deep_as_is_allowed(tmp_path: Path, monkeypatch) -> None:
    nested = "[" * 150 + "]" * 150
    (tmp_path / "a.json").write_text(f'{{"images": [], "annotations": [], "i": {nested}}}')
    (tmp_path / "a.jsonl").write_text(f'{{"file_name": "x.png", "label": {nested}}}')
    coco = Coco(path=tmp_path, objects="a.json")
    for layout in (coco, ImageList(path=tmp_path, list=tmp_path / "a.jsonl")):
        with pytest.raises(DataError, match=r"nested deeper than 100 levels .DSBUILDER_MAX_DEPTH"):
            list(layout.open().records)
    monkeypatch.setenv("DSBUILDER_MAX_DEPTH", "200")
    with pytest.raises(DataError) as caught:
        list(coco.open().records)
    assert "nested" not in str(caught.value)
