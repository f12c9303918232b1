"""Which pictures show one scene, object or person: by the features of a pretrained network.

Two frames of a burst, two crops of one view, or one thing under other light are no copies, which
`likeness.py` finds, but the network of `lite0_features.py` sees the same in them. What stands for a
picture are its features at 160 x 160 pixels, their roots (so that a product of two is the
Bhattacharyya coefficient), each in 4 bits; two are as like as the cosine of theirs. It comes out
the same on every machine.

Measured on other people's photographs: of 1,000 of ImageNet, one a class, 3 pairs of 499,500 are
0.75 alike or more. So are 91 % of pairs of crops of three quarters of the sides (opposite corners
of one photograph), 98 % after light times 1.6, all in half the light or mirrored, all neighbors
among 17 frames of a moving camera and among 11 views of a castle; of pictures of one room from far
apart a few in a hundred. Pictures of less than 128 pixels, and even ones, stand for nothing.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dsbuilder.builtin.inspectors.likeness import Joined
from dsbuilder.builtin.models.backbones import efficientnet_lite0, lite0_features
from dsbuilder.builtin.models.backbones.efficientnet_lite0 import FEATURES
from dsbuilder.errors import TrainError
from dsbuilder.images import color, scale
from dsbuilder.plugin import DataError, View

PACKAGE = efficientnet_lite0.PACKAGE

_SIDE, _LEAST_SIDE = 160, 128
_LEAST_DEVIATION = 4.0
_STEPS = 15
_ROWS = 1024

Scenes = Mapping[str, bytes]
"""What `describe` returned, by key."""


def is_installed() -> bool:
    """Whether the package is installed that brings the features."""
    try:
        efficientnet_lite0.weights_path()
    except TrainError:
        return False
    return True


def check_installed() -> None:
    """Raises a DataError unless the package is installed that brings the features."""
    if not is_installed():
        raise DataError(
            f"expected the features of the package {PACKAGE}, found that it is not installed. "
            f"Run: {efficientnet_lite0.INSTALL}"
        )


def describe(view: View) -> bytes | None:
    """Returns what stands for what a picture shows; None of one that is small, even or broken.

    The package must be installed.
    """
    if view.image is None or view.gray is None or min(view.gray.shape) < _LEAST_SIDE:
        return None
    if float(view.gray.std()) < _LEAST_DEVIATION:
        return None
    rgb = color.convert(view.image, "rgb", background=(255, 255, 255))
    network = lite0_features.load(efficientnet_lite0.weights_path())
    roots = np.sqrt(network(scale.resize(rgb, (_SIDE, _SIDE))))
    steps = np.rint(roots * (_STEPS / max(float(roots.max()), 1e-6))).astype(np.uint8)
    return (steps[::2] << 4 | steps[1::2]).tobytes()


def groups(scenes: Scenes, least: float) -> list[list[str]]:
    """Returns the keys of each group of like pictures, two or more, sorted.

    A picture belongs to a group that has one like it; so one that is added lengthens a group or
    joins two, and changes no other. All are compared with all: 10,000 take some seconds.

    Args:
      least: how like two are of one group, in (0, 1].
    """
    keys = sorted(scenes)
    joined = Joined(len(keys))
    for one, other in _pairs([scenes[key] for key in keys], least):
        joined.join(one, other, 0, least)
    found: dict[int, list[str]] = {}
    for place, key in enumerate(keys):
        found.setdefault(joined.root(place), []).append(key)
    return [group for group in found.values() if len(group) > 1]


def _pairs(described: Sequence[bytes], least: float) -> list[tuple[int, int]]:
    """Returns the places of pairs that are alike; sums are of whole numbers, hence exact."""
    packed = np.frombuffer(b"".join(described), np.uint8).reshape(-1, FEATURES // 2)
    points: npt.NDArray[np.float32] = np.concatenate([packed >> 4, packed & _STEPS], axis=1).astype(
        np.float32
    )
    lengths = np.sqrt(np.einsum("ij,ij->i", points, points).astype(np.float64))
    found: list[tuple[int, int]] = []
    for start in range(0, len(points), _ROWS):
        products = points[start : start + _ROWS] @ points[start:].T
        bounds = least * lengths[start : start + _ROWS, None] * lengths[None, start:]
        rows, columns = np.nonzero(np.triu(products >= bounds, 1))
        found += zip((rows + start).tolist(), (columns + start).tolist(), strict=True)
    return found
