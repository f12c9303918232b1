"""composite: masks and boxes are of what is seen, and edges take no color of what is not."""

import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsbuilder.builtin.synth import cutouts
from dsbuilder.builtin.synth.composite import Composite, _Scene
from dsbuilder.builtin.synth.cutouts import Cutout
from dsbuilder.plugin import Boxes, DataError, Instances, Mask, Params, Range, Sample, generator

RED = (220, 30, 40)


def disk(side: int = 40, color: tuple[int, ...] = RED) -> np.ndarray:
    """A disk; what is around it is transparent black."""
    y, x = np.indices((side, side)) + 0.5
    inside = np.hypot(x - side / 2, y - side / 2) <= side / 2 - 2
    return np.where(inside[..., None], (*color, 255), (0, 0, 0, 0)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bar = np.zeros((30, 60, 4), np.uint8)
    bar[5:25, 5:55] = (20, 40, 220, 255)
    for name, pixels in (("disk/a", disk()), ("disk/b", disk(64)), ("bar/c", bar)):
        (tmp_path / "objects" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "objects" / f"{name}.png")
    return tmp_path / "objects"


def composite(folder: Path, **options: Any) -> Composite:
    fixed = {"height": 90, "width": 120, "background": "white", "feather": Range(0, 0)}
    return Composite(objects=folder, **{**fixed, **options})


def made(plugin: Composite, seed: int = 0, **changes: Any) -> tuple[Params, Sample]:
    params = {**plugin.draw(generator("composite", seed)), **changes}
    return params, plugin.render("k", params, "rgb")


def masks(plugin: Composite, sample: Sample) -> list[np.ndarray]:
    target = plugin.output_signature("rgb").targets["objects"]
    return list(target.parse(sample.targets["objects"]).masks())


def test_masks_are_of_what_is_seen(folder: Path) -> None:
    plugin = composite(folder, number=(4, 4), overlap=0.7, mask=True)
    signature = plugin.output_signature("rgb")
    assert signature.targets["objects"] == Instances(names=("bar", "disk"))
    assert signature.targets["mask"] == Mask(names=("background", "bar", "disk"))
    for seed in range(6):
        params, sample = made(plugin, seed)
        found = masks(plugin, sample)
        assert len(found) == len(params["objects"])
        assert np.sum(found, axis=0).max() == 1  # no pixel is of two
        colored = np.abs(sample.image.astype(int) - 255).sum(axis=2) > 220
        assert (np.any(found, axis=0) != colored).mean() < 0.01
        for one, mask in zip(params["objects"], found, strict=True):
            red = sample.image[mask].mean(axis=0)
            assert (red[0] > 150) == (one["class"] == "disk")
        classes = signature.targets["mask"].parse(sample.targets["mask"])
        assert np.array_equal(classes > 0, np.any(found, axis=0))


def test_boxes_are_around_the_masks(folder: Path) -> None:
    plain, boxed = composite(folder, overlap=1.0), composite(folder, overlap=1.0, target="boxes")
    assert boxed.output_signature("rgb").targets["objects"] == Boxes(names=("bar", "disk"))
    for seed in range(6):
        _, sample = made(boxed, seed)
        parsed = Instances(names=("bar", "disk")).parse(made(plain, seed)[1].targets["objects"])
        boxes = boxed.output_signature("rgb").targets["objects"].parse(sample.targets["objects"])
        assert boxes == parsed.boxes


@pytest.mark.parametrize(("overlap", "feather"), [(0.0, 2.0), (0.4, 0.0)])
def test_no_object_is_covered_more_than_is_asked(
    folder: Path, overlap: float, feather: float
) -> None:
    several = {"number": (12, 12), "scale": Range(0.4, 0.6)}  # which cover one together
    plugin = composite(folder, **several, overlap=overlap, feather=Range(feather, feather))
    most = 0.0
    for seed in range(4):
        params, sample = made(plugin, seed)
        for number, mask in enumerate(masks(plugin, sample)):
            alone = made(plugin, seed, objects=params["objects"][number : number + 1])[1]
            whole = masks(plugin, alone)[0].sum()
            most = max(most, 1 - mask.sum() / whole)
    assert overlap / 2 <= most <= overlap


def test_objects_lie_inside_unless_they_may_not(folder: Path) -> None:
    inside, beyond = composite(folder), composite(folder, beyond=0.5, overlap=1.0)
    cut = 0
    for seed in range(12):
        for plugin in (inside, beyond):
            params, sample = made(plugin, seed)
            last = masks(plugin, sample)[-1]
            cutout = plugin._cutout(params["objects"][-1], 0.0)
            if plugin is inside:
                assert last.sum() == cutout.mask.sum()
            assert last.sum() >= 0.2 * cutout.mask.sum()
            cut += plugin is beyond and last.sum() < cutout.mask.sum()
    assert cut >= 3


def test_pixels_are_counted_as_they_are_seen() -> None:
    scene, rng = _Scene((30, 40)), generator("scene")
    owner = np.full((30, 40), -1)
    for number in range(30):
        top, left, height, width = rng.integers((25, 35, 15, 15))
        place = (slice(top, top + height), slice(left, left + width))
        mask = rng.random(owner[place].shape) < 0.7
        before = scene.seen.copy()
        after = scene.left(place, mask)
        assert np.array_equal(scene.seen, before)
        owner[place][mask] = number
        scene.lay(place, mask)
        assert np.array_equal(scene.seen[:-1], after)
        assert scene.seen.tolist() == [int((owner == n).sum()) for n in range(number + 1)]
        assert scene.whole[-1] == mask.sum()


def test_a_crowd_takes_no_memory_for_each_object(folder: Path) -> None:
    plugin = composite(
        folder, height=300, width=300, number=(50, 50), scale=Range(0.05, 0.05), target="boxes"
    )
    tracemalloc.start()
    try:
        _, sample = made(plugin)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(sample.targets["objects"]) > 45
    assert peak < 50 * 300 * 300  # a mask for each would take as much alone


def test_boxes_alone_encode_no_mask(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("dsbuilder.images.rle.encode", None)
    assert made(composite(folder, target="boxes"))[1].targets["objects"]
    with pytest.raises(TypeError):
        made(composite(folder, target="boxes", mask=True))


def test_what_finds_no_place_is_left_out(folder: Path) -> None:
    plugin = composite(folder, number=(30, 30), overlap=0.0, scale=Range(0.9, 1.0))
    assert 1 <= len(made(plugin)[0]["objects"]) <= 3
    assert made(composite(folder, number=(0, 0)))[1].targets["objects"]["objects"] == []


def test_edges_take_no_color_of_transparent_pixels(folder: Path) -> None:
    """Red on red: any trace of the black around it would show."""
    color = f"#{RED[0]:02x}{RED[1]:02x}{RED[2]:02x}"
    plugin = composite(folder, classes=("disk",), background=color, rotate=Range(-180, 180))
    for feather in (0.0, 3.0):
        for seed in range(4):
            _, sample = made(plugin, seed, feather=feather)
            assert np.abs(sample.image.astype(int) - RED).max() <= 2


def test_feathering_blends_edges_inwards() -> None:
    square = np.zeros((40, 40), np.float32)
    square[5:35, 5:35] = 1
    whole = Cutout(colors=np.dstack([square * 200] * 3), alpha=square)
    assert whole.softened(0.0) is whole
    soft = whole.softened(2.0)
    row = soft.alpha[20]
    assert row[5] < 0.3 and row[12:28].min() > 0.99 and not row[:5].any()
    assert (np.diff(row[:20]) >= 0).all()
    assert np.allclose(soft.colors[..., 0], 200 * soft.alpha)
    assert 0.7 < soft.mask.sum() / whole.mask.sum() < 0.95


def test_what_one_sees_through_keeps_its_mask() -> None:
    square = np.zeros((40, 40), np.float32)
    square[5:35, 5:35] = 178 / 255
    whole = Cutout(colors=np.dstack([square * 200] * 3), alpha=square)
    soft = whole.softened(1.0)
    assert 0.7 < soft.mask.sum() / whole.mask.sum() < 0.95
    assert np.allclose(soft.alpha[12:28, 12:28], 178 / 255, atol=0.005)


def test_a_large_file_is_held_small_and_drawn_alike(tmp_path: Path) -> None:
    pixels = np.repeat(np.repeat(disk(150), 4, axis=0), 4, axis=1)
    pixels[300:, :, :3] = (20, 90, 200)
    Image.fromarray(pixels).save(tmp_path / "large.png", compress_level=1)
    tracemalloc.start()
    try:
        small = cutouts.read(tmp_path / "large.png", 60)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 1_000_000 and max(small.size) == 120
    whole = cutouts.read(tmp_path / "large.png", 600)
    one, other = (each.transformed(60, 20.0, mirrored=True) for each in (small, whole))
    assert one.size == other.size
    assert (one.mask != other.mask).mean() < 0.01
    assert np.abs(one.colors - other.colors).mean() < 2


def test_an_object_is_turned_mirrored_and_sized() -> None:
    alpha = np.zeros((20, 40), np.float32)
    alpha[:10, :], alpha[:, :10] = 1, 1  # an L, lying
    whole = Cutout(colors=np.dstack([alpha * 255] * 3), alpha=alpha)
    same = whole.transformed(40, 0.0, mirrored=False)
    assert np.array_equal(same.mask, whole.mask)
    mirrored = whole.transformed(40, 0.0, mirrored=True)
    assert np.array_equal(mirrored.mask, whole.mask[:, ::-1])
    turned = whole.transformed(40, 90.0, mirrored=False)
    assert turned.size == (40, 20)
    assert (turned.mask != np.rot90(whole.mask)).mean() < 0.05
    assert whole.transformed(13, 0.0, mirrored=False).size == (6, 13)


def test_a_file_that_was_replaced_is_read_anew(folder: Path, tmp_path: Path) -> None:
    """A session may outlast it; its dataset must hold what its fingerprint says."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (50, 50), "lime").save(photos / "a.png")
    options: Any = {"ground": ("photo",), "photos": photos, "classes": ("bar",)}
    params, before = made(composite(folder, **options))
    Image.new("RGB", (50, 51), "navy").save(photos / "a.png")
    bar = np.zeros((30, 60, 4), np.uint8)
    bar[5:25, 5:55] = (*RED, 255)
    Image.fromarray(bar).save(folder / "bar" / "c.png")
    after = composite(folder, **options).render("k", params, "rgb")
    assert {tuple(each) for each in after.image.reshape(-1, 3)} >= {(0, 0, 128), RED}
    assert not (after.image == before.image).all(axis=2).any()


def test_a_file_more_leaves_most_scenes_as_they_are(folder: Path) -> None:
    """And what a ledger says was drawn is drawn again."""
    for number in range(6):
        Image.fromarray(disk()).save(folder / "disk" / f"m{number}.png")
    options: Any = {"classes": ("disk",), "number": (1, 1)}
    before = [made(composite(folder, **options), seed) for seed in range(20)]
    Image.fromarray(disk(color=(0, 0, 255))).save(folder / "disk" / "0.png")
    after = composite(folder, **options)
    same = [made(after, seed)[0] == params for seed, (params, _) in enumerate(before)]
    assert sum(same) >= 13
    for params, sample in before[:6]:
        assert np.array_equal(after.render("k", params, "rgb").image, sample.image)
    assert {params["objects"][0]["file"] for params, _ in before} >= {"a.png", "m3.png"}


def test_what_is_hidden_is_no_class(folder: Path) -> None:
    for name in (".ipynb_checkpoints", ".empty"):
        (folder / name).mkdir()
    Image.fromarray(disk()).save(folder / ".ipynb_checkpoints" / "a.png")
    targets = composite(folder).output_signature("rgb").targets
    assert targets["objects"] == Instances(names=("bar", "disk"))


def test_classes_are_equally_frequent(folder: Path) -> None:
    plugin = composite(folder, number=(1, 1))
    drawn = [plugin.draw(generator("class", seed))["objects"][0]["class"] for seed in range(200)]
    assert 70 < Counter(drawn)["bar"] < 130


def test_wrong_options_are_told(folder: Path) -> None:
    for options, message in (
        ({"number": (3, 2)}, "number: expected [low, high] with 0 <= low <= high <= 500, found"),
        ({"scale": Range(0, 2)}, "scale: expected values in [0.001, 1], found [0, 2]."),
        ({"overlap": 1.5}, "overlap: expected a share in [0, 1], found 1.5."),
        ({"beyond": 0.95}, "beyond: expected a share in [0, 0.9], found 0.95."),
        ({"height": 0}, "height: expected 1 pixel or more, found 0."),
        ({"classes": ()}, "classes: at least one is needed. Name one, or leave the option out."),
        ({"background": "nocolor"}, "background: "),
        ({"classes": ("owl",)}, f"objects: there is no image in {folder / 'owl'}. Add one."),
    ):
        with pytest.raises(ValueError) as caught:
            composite(folder, **options)
        assert message in str(caught.value)
    with pytest.raises(ValueError, match=r"no such folder\. Check the path"):
        composite(folder / "none")
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no folder of a class"):
        composite(folder / "empty")
    (folder / "empty").rmdir()
    (folder / "bar").rename(folder / "background")
    with pytest.raises(ValueError, match="'background' is what the mask calls the ground"):
        composite(folder, mask=True)


@pytest.mark.parametrize(
    ("alpha", "found"),
    [
        (255, "no transparent pixel"),
        (100, "no alpha of 128 or more"),
        (0, "no alpha of 128 or more"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_cutout_is_told(tmp_path: Path, alpha: int | None, found: str) -> None:
    path = tmp_path / f"{alpha}.png"
    path.write_bytes(b"none")
    if alpha is not None:
        Image.new("RGBA", (4, 4), (1, 2, 3, alpha)).save(path)
    with pytest.raises(DataError, match=found):
        cutouts.read(path, 10)
