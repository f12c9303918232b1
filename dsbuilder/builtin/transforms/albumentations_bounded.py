"""How large an image an albumentations object is about to make, asked between draw and work.

albumentations draws the params of a call, a scale or a padding, and applies them at once. Each
object is given a step between the two, in which the size that these params lead to is compared with
what the stage may make. So drawn sizes are known exactly, and those on the way through a
composition, too.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dsbuilder.builtin.transforms.albumentations_drawn import leaves
from dsbuilder.plugin import DataError, check_size

_Made = Callable[[Any, Mapping[str, Any], int, int], tuple[float, float]]

_KERNELS = ("blur_limit", "radius")
"""Options that say how large a square kernel is, in pixels."""


def _stated(transform: Any, params: Mapping[str, Any], height: int, width: int) -> tuple[int, int]:
    return transform.height, transform.width


def _sized(transform: Any, params: Mapping[str, Any], height: int, width: int) -> tuple[int, int]:
    return transform.size[0], transform.size[1]


def _scaled(
    transform: Any, params: Mapping[str, Any], height: int, width: int
) -> tuple[float, float]:
    return height * params["scale"], width * params["scale"]


def _padded(transform: Any, params: Mapping[str, Any], height: int, width: int) -> tuple[int, int]:
    added = params.get("pad_params", params) or {}
    rows = added.get("pad_top", 0) + added.get("pad_bottom", 0)
    columns = added.get("pad_left", 0) + added.get("pad_right", 0)
    return height + rows, width + columns


def _cut_and_padded(
    transform: Any, params: Mapping[str, Any], height: int, width: int
) -> tuple[int, int]:
    rows, columns = params["result_shape"][:2]
    return rows, columns


def _warped(transform: Any, params: Mapping[str, Any], height: int, width: int) -> tuple[int, int]:
    rows, columns = params["output_shape"][:2]
    return rows, columns


def _seen_from_aside(
    transform: Any, params: Mapping[str, Any], height: int, width: int
) -> tuple[int, int]:
    return params["max_height"], params["max_width"]


_MADE: Mapping[str, _Made] = {
    "Affine": _warped,
    "CenterCrop": _padded,
    "Crop": _padded,
    "CropAndPad": _cut_and_padded,
    "LongestMaxSize": _scaled,
    "Pad": _padded,
    "PadIfNeeded": _padded,
    "Perspective": _seen_from_aside,
    "RandomCrop": _padded,
    "RandomResizedCrop": _sized,
    "RandomScale": _scaled,
    "RandomSizedCrop": _sized,
    "Resize": _stated,
    "ShiftScaleRotate": _warped,
    "SmallestMaxSize": _scaled,
}
"""What the classes make that can enlarge an image; all others keep its size, or cut it."""


def bounded(transform: Any) -> Any:
    """Returns an object that is no composition, which from now on asks before it enlarges."""
    if type(transform).__name__ in _MADE:
        # No closure: a copy of the object shall ask for itself.
        transform.apply_with_params = partial(_apply_if_small, transform)
    return transform


def _apply_if_small(transform: Any, params: dict[str, Any], *args: Any, **targets: Any) -> Any:
    height, width = params["shape"][:2]
    check_size(*_MADE[type(transform).__name__](transform, params, height, width))
    return type(transform).apply_with_params(transform, params, *args, **targets)


def check_kernels(transform: Any) -> None:
    """Raises a ValueError where an object would blur with a kernel larger than an image may be."""
    for leaf in leaves(transform):
        for option in _KERNELS:
            value = getattr(leaf, option, None)
            side = max(value) if isinstance(value, (tuple, list)) else value
            try:
                check_size(side or 0, side or 0)
            except DataError as error:
                name = f"A.{type(leaf).__name__}"
                raise ValueError(
                    f"{name}: {option}: a kernel counts as an image: {error}"
                ) from None
