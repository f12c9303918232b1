"""cutmix and grid_mix: which pixels are whose, and labels weighted by them."""

import numpy as np
import pytest

from dsbuilder.builtin.mixers.cutmix import Cutmix
from dsbuilder.builtin.mixers.grid_mix import GridMix
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    ImageSignature,
    PluginError,
    Sample,
    Signature,
    generator,
)

LABEL = ClassLabel(names=("a", "b"))
PLUGINS = [Cutmix(), Cutmix(alpha=0.3), GridMix(), GridMix(grid=3)]


def flat(label, size=(30, 40)):
    image = np.full((*size, 3), 255 * label, np.uint8)
    return Sample(key=f"{label}", image=image, targets={"label": label})


def mixes(plugin, number, partner=None):
    one, other = flat(0), partner or flat(1)
    for seed in range(number):
        params = plugin.draw(one, [other], generator("mix", seed))
        yield params, plugin.mix(one, [other], params, {"label": LABEL})


@pytest.mark.parametrize("plugin", PLUGINS)
def test_labels_weigh_what_pixels_show(plugin):
    for _, mixed in mixes(plugin, 40):
        assert set(np.unique(mixed.image)) <= {0, 255}
        assert mixed.targets["label"][1] == pytest.approx((mixed.image == 255).mean(), abs=1e-6)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_partner_of_another_size_is_fitted(plugin):
    for _, mixed in mixes(plugin, 5, flat(1, (17, 90))):
        assert mixed.image.shape == (30, 40, 3)
        assert mixed.targets["label"][1] == pytest.approx((mixed.image == 255).mean(), abs=1e-6)


def test_cutmix_pastes_one_rectangle_of_the_proportions_of_the_image():
    shares = []
    for params, mixed in mixes(Cutmix(), 1000):
        ((top, left, height, width),) = params["boxes"]
        rows, columns = np.nonzero(mixed.image[..., 0])
        if len(rows):
            assert (rows.min(), columns.min()) == (top, left)
            assert len(rows) == height * width
        if top > 0 and left > 0 and top + height < 30 and left + width < 40:  # nothing was cut
            assert height / 30 == pytest.approx(width / 40, abs=0.06)
        shares.append(params["weight"])
    # 1 - weight is uniform where nothing is cut, and smaller where something is.
    assert 0.5 < np.mean(shares) < 0.75 and min(shares) < 0.1 and max(shares) > 0.98


def test_what_is_pasted_comes_from_the_same_place():
    rng = np.random.default_rng(0)
    one, other = (
        flat(n).replace(image=rng.integers(0, 256, (30, 40, 3), np.uint8)) for n in (0, 1)
    )
    params = Cutmix().draw(one, [other], generator("place", 3))
    ((top, left, height, width),) = params["boxes"]
    inside = np.zeros((30, 40, 1), bool)
    inside[top : top + height, left : left + width] = True
    found = Cutmix().apply(one, [other], params).image
    assert np.array_equal(found, np.where(inside, other.image, one.image))
    assert inside.any() and not inside.all()


def test_grid_mix_takes_whole_cells():
    counts = set()
    for params, mixed in mixes(GridMix(grid=5), 60):
        cells = mixed.image[..., 0].reshape(5, 6, 5, 8)
        assert (np.ptp(cells, axis=(1, 3)) == 0).all(), "each cell is of one image"
        counts.add(len(params["boxes"]))
    assert min(counts) <= 3 and max(counts) >= 22


@pytest.mark.parametrize("plugin", [Cutmix(), GridMix()])
def test_boxes_are_refused(plugin):
    image = ImageSignature(height=30, width=40, channels=3)
    with pytest.raises(PluginError, match="a target of kind 'boxes' cannot be mixed"):
        plugin.output_signature(Signature(image=image, targets={"b": Boxes(names=("x",))}))


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="alpha: expected more than 0"):
        Cutmix(alpha=0)
    with pytest.raises(ValueError, match="grid: expected 2 to 100 cells"):
        GridMix(grid=1)
