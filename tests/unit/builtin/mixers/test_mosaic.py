"""mosaic: four images around a point, with the targets that lie in them."""

import numpy as np
import pytest

from dsbuilder.builtin.mixers.mosaic import Mosaic
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    ClassLabel,
    ImageSignature,
    Keypoints,
    Mask,
    PluginError,
    Sample,
    Signature,
    Text,
    generator,
)

TARGETS = {
    "label": ClassLabel(names=("a", "b", "c", "d")),
    "boxes": Boxes(names=("x", "y"), attributes=(("age", "int64"),)),
    "mask": Mask(names=("ground", "thing")),
}
SIZES = [(120, 180), (240, 150), (93, 291), (120, 180)]


def parent(number, size, corners=(0.4, 0.3, 0.6, 0.7)):
    """An image of one color with a white rectangle, which its box and its mask surround."""
    height, width = size
    image = np.full((height, width, 3), 40 * (number + 1), np.uint8)
    left, top, right, bottom = (
        round(share * side) for share, side in zip(corners, (width, height) * 2, strict=True)
    )
    image[top:bottom, left:right] = 255
    exact = [left / width, top / height, right / width, bottom / height]
    return Sample(
        key=f"{number}",
        image=image,
        targets={
            "label": number,
            "boxes": BoxSet(
                corners=np.array([exact], np.float32),
                classes=np.array([number % 2]),
                attributes={"age": np.array([number])},
            ),
            "mask": (image[..., 0] == 255).astype(np.uint8),
        },
        positional={name: TARGETS[name] for name in ("boxes", "mask")},
    )


def mosaic(seed, plugin=None):
    plugin = plugin or Mosaic()
    one, *partners = [parent(number, size) for number, size in enumerate(SIZES)]
    params = plugin.draw(one, partners, generator("mosaic", seed))
    return params, plugin.mix(one, partners, params, TARGETS)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_and_masks_surround_what_they_did(seed):
    params, found = mosaic(seed)
    assert found.image.shape == (120, 180, 3) and found.size_problem() is None
    white = found.image.min(axis=2) > 200
    assert white.any() and np.abs(white ^ (found.targets["mask"] == 1)).mean() < 0.04
    boxes = found.targets["boxes"]
    assert sorted(boxes.attributes["age"].tolist()) == [0, 1, 2, 3]
    assert (boxes.classes == boxes.attributes["age"] % 2).all()
    for left, top, right, bottom in boxes.corners * [180, 120, 180, 120]:
        rows, columns = slice(round(top), round(bottom)), slice(round(left), round(right))
        assert white[rows, columns].mean() > 0.7, (seed, params)


def test_classes_weigh_what_each_image_covers():
    _, found = mosaic(3)
    shares = [np.isin(found.image[..., 0], [40 * (number + 1)]).sum() for number in range(4)]
    weights = found.targets["label"]
    assert weights.sum() == pytest.approx(1)
    assert np.argsort(weights).tolist() == np.argsort(shares).tolist()


def test_parts_lie_around_the_point():
    params, found = mosaic(1)
    row, column = params["point"]
    corners = found.image[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert corners.tolist() == [40 * (number + 1) for number in params["order"]]
    assert 30 <= row <= 90 and 45 <= column <= 135


def test_a_box_that_its_part_cuts_away_is_gone():
    one = parent(0, (40, 40), corners=(0.0, 0.0, 0.05, 1.0))
    partners = [parent(number, (40, 40)) for number in (1, 2, 3)]
    params = {"point": [36, 18], "order": [0, 1, 2, 3], "weights": [0.4, 0.4, 0.1, 0.1]}
    found = Mosaic().mix(one, partners, params, TARGETS)
    assert 0 not in found.targets["boxes"].attributes["age"], "only its middle is seen"
    assert (found.image[:36, :18] == 40).all()


def test_an_edge_leaves_parts_without_a_pixel():
    one, *partners = [parent(number, size) for number, size in enumerate(SIZES)]
    params = {"point": [0, 0], "order": [3, 2, 1, 0], "weights": [1.0, 0.0, 0.0, 0.0]}
    found = Mosaic().mix(one, partners, params, TARGETS)
    assert np.array_equal(found.image, one.image)
    assert found.targets["label"].tolist() == [1, 0, 0, 0]
    assert found.targets["boxes"] == one.targets["boxes"]


@pytest.mark.parametrize("kind", [Keypoints(names=("nose",)), Text()])
def test_what_cannot_lie_side_by_side_is_refused(kind):
    image = ImageSignature(height=40, width=60, channels=3)
    with pytest.raises(PluginError, match=f"a target of kind '{kind.kind}' cannot be mixed"):
        Mosaic().output_signature(Signature(image=image, targets={"it": kind}))
