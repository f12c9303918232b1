"""Cut into tiles and put together again: masks and images to the pixel, boxes but for rounding."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsbuilder.actions.join_tiles import join_boxes, join_masks, join_tiles
from dsbuilder.errors import DataError
from dsbuilder.images import rle
from dsbuilder.images.polygon import fill
from dsbuilder.layouts.tiles.format import key_of, placed, windows
from dsbuilder.plugin import (
    Boxes,
    Instances,
    Keypoints,
    Mask,
    Sample,
    Target,
    Window,
)

SIDES = st.integers(1, 60)


@st.composite
def grids(draw: st.DrawFn, least: int = 1) -> list[Window]:
    image = draw(st.tuples(SIDES, SIDES))
    size = draw(st.tuples(st.integers(least, 40), st.integers(least, 40)))
    overlap = tuple(draw(st.integers(0, (side - 1) // 2)) for side in size)
    return list(windows(image, size, overlap, draw(st.sampled_from(["shift", "pad"]))))


@given(grid=grids())
def test_tiles_cover_an_image_and_overlap_as_they_shall(grid: list[Window]) -> None:
    seen = np.zeros(grid[0].image, int)
    for window in grid:
        top, left, height, width = window.inside
        assert min(height, width) > 0
        seen[top : top + height, left : left + width] += 1
    assert seen.min() >= 1
    assert len({each.box for each in grid}) == len(grid)
    assert len({each.size for each in grid}) == 1


@given(grid=grids(), name=st.text(min_size=1).filter(lambda name: "//" not in name))
def test_a_key_says_where_a_tile_lies_whatever_a_file_is_called(grid, name: str) -> None:
    again = f"{name}@tile-000000-000000-1-1"
    keys = [key_of(image, each) for image in (name, again) for each in grid]
    assert len(set(keys)) == len(keys)
    for image, window in ((image, each) for image in (name, again) for each in grid):
        place = placed(key_of(image, window))
        assert place is not None
        assert (place.image, place.inside, place.size) == (image, window.inside, window.size)
        assert place.window(window.image) == Window(image=window.image, box=window.box)
    assert placed(name) is None or "@tile-" in name


def cut_and_joined(kind: Target, raw: Any, grid: list[Window]) -> Any:
    values = [kind.parse(kind.cut(raw, window)) for window in grid]
    for value, window in zip(values, grid, strict=True):
        if kind.of_pixels:
            assert value.shape == window.size
    return kind.joined(values, grid)


COORDINATES = st.floats(-20, 80, allow_nan=False, width=32)
POLYGONS = st.lists(
    st.lists(COORDINATES, min_size=6, max_size=12).filter(lambda each: len(each) % 2 == 0),
    min_size=1,
    max_size=3,
)


@given(polygons=POLYGONS, grid=grids())
def test_a_part_of_a_polygon_has_the_pixels_of_the_whole(polygons, grid) -> None:
    whole = fill(polygons, grid[0].image)
    for window in grid:
        top, left, height, width = window.inside
        part = fill(polygons, window.image, window.inside)
        assert np.array_equal(part, whole[top : top + height, left : left + width])


@given(grid=grids(), seed=st.integers(0, 99), share=st.sampled_from([0.0, 0.05, 0.5, 1.0]))
def test_a_part_of_run_lengths_has_the_pixels_of_the_whole(grid, seed: int, share: float) -> None:
    size = grid[0].image
    whole = np.random.default_rng(seed).random(size) < share
    counts = rle.encode(whole)
    bounds = rle.bounds(counts, size)
    rows, columns = (np.flatnonzero(whole.any(axis=axis)) for axis in (1, 0))
    expected = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if whole.any() else None
    assert bounds == expected
    for window in grid:
        top, left, height, width = window.inside
        part = rle.decode_box(counts, size, window.inside)
        assert np.array_equal(part, whole[top : top + height, left : left + width])


@given(polygons=POLYGONS, grid=grids(), ignore=st.sampled_from([None, 255]), data=st.data())
def test_a_mask_of_segments_comes_back_to_the_pixel(polygons, grid, ignore, data) -> None:
    kind = Mask(names=("none", "a", "b"), ignore=ignore)
    labels = ["a", "b", *([None] if ignore else [])]
    segments = [
        {"label": data.draw(st.sampled_from(labels)), "polygons": [each]} for each in polygons
    ]
    raw = {"segments": segments, "size": list(grid[0].image)}
    assert np.array_equal(cut_and_joined(kind, raw, grid), kind.parse(raw))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
@given(grid=grids(), seed=st.integers(0, 9))
def test_a_mask_of_a_file_comes_back_to_the_pixel(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, grid, seed: int
) -> None:
    kind = Mask(names=("none", "a", "b"))
    ids = np.random.default_rng(seed).integers(0, 3, grid[0].image, np.uint8)
    path = tmp_path_factory.mktemp("masks") / f"mask.{suffix}"
    Image.fromarray(ids * 100).save(path)
    raw = {"path": str(path), "values": {"0": 0, "100": 1, "200": 2}}
    assert np.array_equal(cut_and_joined(kind, raw, grid), ids)
    other = Window(image=(61, 61), box=(0, 0, 5, 5))
    with pytest.raises(DataError, match="expected a mask of its image's size, 61 x 61"):
        kind.parse(kind.cut(raw, other))


@given(polygons=POLYGONS, grid=grids(least=8))
def test_instances_come_back_to_the_pixel(polygons, grid: list[Window]) -> None:
    """Each is of a class of its own, so that none can be taken for another."""
    kind = Instances(names=("a", "b", "c"))
    size = grid[0].image
    objects = [{"label": name, "polygons": [p]} for name, p in zip("abc", polygons, strict=False)]
    raw = {"objects": [each for each in objects if fill(each["polygons"], size).any()]}
    raw["size"] = list(size)
    everything = [
        {**window.__dict__, "least_visible": 0.0} for window in grid
    ]  # what is seen at all counts
    values = [kind.parse(kind.cut(raw, Window(**each))) for each in everything]
    shown = np.zeros((3, *size), bool)
    for value, window in zip(values, grid, strict=True):
        top, left, height, width = window.inside
        for number, mask in zip(value.boxes.classes, value.masks(), strict=True):
            shown[number, top : top + height, left : left + width] |= mask[:height, :width]
    joined = kind.joined(values, grid)
    found = np.zeros_like(shown)
    for number, mask in zip(joined.boxes.classes, joined.masks(), strict=True):
        found[number] |= mask
    assert np.array_equal(found, shown)
    whole = kind.parse(raw)
    for number, mask in zip(whole.boxes.classes, whole.masks(), strict=True):
        assert not (shown[number] & ~mask).any()  # a sliver of less than 5 % may be lost, not more


def drawn_boxes(data: st.DataObject, size: tuple[int, int], count: int) -> list[dict[str, Any]]:
    boxes = []
    for number in range(count):
        x, y = data.draw(st.floats(0, 0.9)), data.draw(st.floats(0, 0.9))
        width, height = data.draw(st.floats(0.02, 1 - x)), data.draw(st.floats(0.02, 1 - y))
        box = [x, y, x + width, y + height]
        boxes.append({"label": f"c{number % 3}", "box": box, "id": number})
    return boxes


@given(data=st.data())
def test_boxes_away_from_seams_come_back_as_they_were(data: st.DataObject) -> None:
    """Those that some tile shows whole; attributes and classes follow."""
    image = data.draw(st.tuples(st.integers(100, 900), st.integers(100, 900)))
    edge = data.draw(st.sampled_from(["shift", "pad"]))
    grid = list(windows(image, (200, 160), (40, 20), edge))
    kind = Boxes(names=("c0", "c1", "c2"), attributes=(("id", "int64"),))
    raw = drawn_boxes(data, image, 3)  # one of a class: none can be taken for another
    joined = cut_and_joined(kind, raw, grid)
    scale = np.array([image[1], image[0], image[1], image[0]])
    found = {int(number): row for row, number in enumerate(joined.attributes["id"])}
    for box in raw:
        corners = np.array(box["box"]) * scale
        whole = any(
            (corners[:2] >= [left, top]).all() and (corners[2:] <= [left + w, top + h]).all()
            for top, left, h, w in (window.inside for window in grid)
        )
        area = (corners[2:] - corners[:2]).prod()
        if whole and area >= 1:
            row = found[box["id"]]
            assert np.allclose(joined.corners[row] * scale, corners, atol=1e-3)
            assert kind.names[joined.classes[row]] == box["label"]
            assert sum(joined.attributes["id"] == box["id"]) == 1


def test_a_box_that_seams_cut_is_one_again_and_a_sliver_is_dropped() -> None:
    kind = Boxes(names=("car",))
    grid = list(windows((100, 300), (100, 100), (0, 20), "shift"))
    raw = [
        {"label": "car", "box": [0.1, 0.2, 0.9, 0.7]},
        {"label": "car", "box": [0.0, 0.8, 0.1, 1]},
    ]
    joined = cut_and_joined(kind, raw, grid)
    assert np.allclose(sorted(joined.corners.tolist()), sorted(each["box"] for each in raw))
    assert kind.counted_in(raw, grid) == (2, 1, 0)
    strict = [Window(image=w.image, box=w.box, least_visible=0.5) for w in grid]
    assert [len(kind.cut(raw, window)) for window in strict] == [1, 0, 0, 0]
    assert kind.counted_in(raw, strict) == (2, 0, 1)


def test_two_objects_side_by_side_stay_two() -> None:
    kind = Boxes(names=("car",))
    grid = list(windows((100, 180), (100, 100), (0, 20), "shift"))
    raw = [
        {"label": "car", "box": [0.3, 0.1, 0.5, 0.4]},
        {"label": "car", "box": [0.45, 0.5, 0.7, 0.9]},
        {"label": "car", "box": [0.30, 0.1, 0.5, 0.3]},
    ]
    joined = cut_and_joined(kind, raw, grid)
    assert np.allclose(sorted(joined.corners.tolist()), sorted(each["box"] for each in raw))


@given(data=st.data(), grid=grids(least=4))
def test_keypoints_come_back(data: st.DataObject, grid: list[Window]) -> None:
    kind = Keypoints(names=("nose", "tail"))
    share = st.floats(0, 1).map(lambda number: round(number, 4))
    raw = [[[data.draw(share), data.draw(share), 2], [data.draw(share), data.draw(share), 1]]]
    joined = cut_and_joined(kind, raw, grid)
    shown = [kind.cut(raw, window) for window in grid]
    known = joined.visibility > 0
    for number in (0, 1):
        places = joined.points[:, number][known[:, number]]
        assert len(places)
        assert np.allclose(places, raw[0][number][:2], atol=1e-5)
    if any(len(each) and min(point[2] for point in each[0]) for each in shown):
        assert len(joined) == 1  # a tile shows both, so what others show of one is that object
    assert not kind.cut([[[0.5, 0.5, 0], [0, 0, 0]]], grid[0])


def tile_samples(image: np.ndarray, ids: np.ndarray, grid: list[Window]) -> list[Sample]:
    samples = []
    for window in grid:
        top, left, height, width = window.inside
        pixels = np.zeros((*window.size, 3), np.uint8)
        pixels[:height, :width] = image[top : top + height, left : left + width]
        mask = np.zeros(window.size, np.uint8)
        mask[:height, :width] = ids[top : top + height, left : left + width]
        samples.append(Sample(key=key_of("a.png", window), image=pixels, targets={"mask": mask}))
    return samples


@given(grid=grids(), seed=st.integers(0, 9))
def test_samples_are_joined_by_their_keys(grid: list[Window], seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*grid[0].image, 3), np.uint8)
    ids = rng.integers(0, 2, grid[0].image, np.uint8)
    samples = tile_samples(image, ids, grid)
    rng.shuffle(samples)
    varied = samples[0].replace(key=f"{samples[0].key}//copy-1", image=255 - samples[0].image)
    (joined,) = join_tiles([varied, *samples], {"mask": Mask(names=("a", "b"))})
    assert joined.key == "a.png"
    assert np.array_equal(joined.image, image)
    assert np.array_equal(joined.targets["mask"], ids)


def test_what_is_no_tile_or_of_another_size_is_an_error() -> None:
    small = Sample(key="a@tile-000000-000000-8-8", image=np.zeros((4, 4, 3), np.uint8), targets={})
    with pytest.raises(DataError, match="expected a tile of 8 x 8 pixels, as it was cut, found 4"):
        join_tiles([small], {})
    with pytest.raises(DataError, match=r"a\.png: expected the key of a tile"):
        join_masks({"a.png": np.zeros((4, 4), np.uint8)})


@given(grid=grids(), seed=st.integers(0, 9))
def test_masks_and_probabilities_of_tiles_are_joined(grid: list[Window], seed: int) -> None:
    size = grid[0].image
    ids = np.random.default_rng(seed).integers(0, 3, size, np.uint8)
    said = {}
    for window in grid:
        top, left, height, width = window.inside
        own = np.zeros(window.size, np.uint8)
        own[:height, :width] = ids[top : top + height, left : left + width]
        said[key_of("x", window)] = own
    assert np.array_equal(join_masks(said, sizes={"x": size})["x"], ids)
    blended = {key: np.eye(3, dtype=np.float32)[own] for key, own in said.items()}
    assert np.array_equal(join_masks(blended)["x"], ids)


def test_where_tiles_disagree_the_middle_counts_more_than_the_edge() -> None:
    grid = list(windows((10, 28), (10, 16), (0, 4), "shift"))
    assert [each.box[1] for each in grid] == [0, 12]
    one, other = np.zeros((10, 16, 2)), np.zeros((10, 16, 2))
    one[..., 0], other[..., 1] = 1, 1
    said = dict(zip((key_of("x", each) for each in grid), (one, other), strict=True))
    joined = join_masks(said)["x"]
    assert joined[:, :14].max() == 0
    assert joined[:, 14:].min() == 1
    ids = {key: value.argmax(axis=2) for key, value in said.items()}
    assert np.array_equal(join_masks(ids)["x"], joined)


def test_what_a_detector_says_of_tiles_is_one_box_an_object() -> None:
    grid = list(windows((100, 180), (100, 100), (0, 20), "shift"))
    one, other = (key_of("x", each) for each in grid)
    found = {
        # In the image: whole in both, cut by the seam, and alone.
        one: (
            np.array([[0.82, 0.1, 0.98, 0.3], [0.6, 0.5, 1, 0.9], [0, 0, 0.2, 0.2]]),
            np.array([0, 1, 2]),
            np.array([0.6, 0.9, 0.5]),
        ),
        other: (
            np.array([[0.03, 0.1, 0.17, 0.31], [0, 0.49, 0.4, 0.91]]),
            np.array([0, 1]),
            np.array([0.8, 0.7]),
        ),
    }
    joined = join_boxes(found)["x"]
    order = np.argsort(joined.classes)
    pixels = joined.corners[order] * [180, 100, 180, 100]
    assert joined.classes[order].tolist() == [0, 1, 2]
    assert np.allclose(joined.scores[order], [0.8, 0.9, 0.5])
    assert np.allclose(pixels, [[83, 10, 97, 31], [60, 49, 120, 91], [0, 0, 20, 20]], atol=1e-3)


def test_nothing_found_is_nothing_joined() -> None:
    grid = list(windows((30, 30), (20, 20), (5, 5), "shift"))
    none = (np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    joined = join_boxes({key_of("x", each): none for each in grid})["x"]
    assert len(joined.corners) == 0
    assert len(joined.scores) == 0
