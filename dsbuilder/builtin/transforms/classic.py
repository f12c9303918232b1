"""What courses augment with: Keras' `ImageDataGenerator`, by its own names and units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from dsbuilder.builtin.transforms.eight_bits import checked
from dsbuilder.builtin.transforms.policy import recolored
from dsbuilder.plugin import (
    BatchParam,
    Motion,
    Params,
    Range,
    Sample,
    Signature,
    Transform,
    transform,
)

_MOST_SHEAR, _LEAST_ZOOM = 89.0, 0.01
_JUST = 1e-4
"""What a whole number, rounded in float32, may lie below itself."""

_BORDERS = {"nearest": "REPLICATE", "constant": "CONSTANT", "reflect": "REFLECT", "wrap": "WRAP"}


@transform("classic", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class Classic(Transform):
    """Turns, shifts, shears, zooms, flips and recolors, with the options of ImageDataGenerator.

    Numbers of a tutorial can be pasted: names, units and the order of what is done are those of
    Keras' `ImageDataGenerator`, and with the same draws the pixels of square images are its own up
    to rounding. Where Keras 3 does not do what it documents, the documents are followed: it shifts
    by the width's range up and down, and turns images that are not square about another point.
    `rescale` is seldom needed here, since a trainer's `normalize` lies inside the model. Boxes,
    masks and points move along; what `reflect` and `wrap` repeat outside has no label.

    Attributes:
      rotation_range: greatest turn in degrees, 0 or more, either way.
      width_shift_range: greatest shift: below 1 a share of the width, else pixels, of which a whole
        number over 1 shifts by less than it, in whole ones; of a list, one of it, either way.
      height_shift_range: the same up and down.
      brightness_range: [low, high] of the factor of brightness; none if it is not stated.
      shear_range: greatest shear in degrees, in [0, 89], either way.
      zoom_range: [low, high] of the zoom of each side, below 1 for larger; a number z is
        [1 - z, 1 + z].
      channel_shift_range: greatest value that is added to all colors, 0 or more, either way.
      fill_mode: what comes in from outside: `nearest`, `constant`, `reflect` or `wrap`.
      cval: the value of `constant`, in [0, 255].
      horizontal_flip: whether left and right change places, in half of the images.
      vertical_flip: whether top and bottom do.
      rescale: factor of every value at the end, which makes images float32; none if not stated.
    """

    batch_params: ClassVar[Mapping[str, BatchParam]] = {
        **dict.fromkeys(("theta", "tx", "ty", "shear", "zx", "zy"), BatchParam("float32")),
        **dict.fromkeys(("flip_horizontal", "flip_vertical"), BatchParam("bool")),
        **dict.fromkeys(("channel_shift_intensity", "brightness"), BatchParam("float32")),
    }

    rotation_range: float = 0.0
    width_shift_range: float | tuple[float, ...] = 0.0
    height_shift_range: float | tuple[float, ...] = 0.0
    brightness_range: tuple[float, float] | None = None
    shear_range: float = 0.0
    zoom_range: float | tuple[float, float] = 0.0
    channel_shift_range: float = 0.0
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = "nearest"
    cval: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rescale: float | None = None

    def __post_init__(self) -> None:
        for option, most in (
            *(("rotation_range", math.inf), ("channel_shift_range", math.inf)),
            *(("shear_range", _MOST_SHEAR), ("cval", 255)),
        ):
            Range(getattr(self, option), getattr(self, option)).check(option, 0.0, most)
        for option, least, (low, high) in (
            ("zoom_range", _LEAST_ZOOM, self._zooms),
            ("brightness_range", 0.0, self.brightness_range or (0.0, 0.0)),
        ):
            if not least <= low <= high:
                raise ValueError(
                    f"{option}: expected {least:g} <= low <= high, found [{low:g}, {high:g}]."
                )
        for option in ("width_shift_range", "height_shift_range"):
            most = getattr(self, option)
            if most == ():
                raise ValueError(f"{option}: expected a shift or more, found an empty list.")
            if not isinstance(most, tuple) and most < 0:
                raise ValueError(f"{option}: expected 0 or more, found {most:g}.")

    @property
    def _zooms(self) -> tuple[float, float]:
        zoom = self.zoom_range
        return (1 - zoom, 1 + zoom) if isinstance(zoom, (int, float)) else zoom

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature, with float32 images if they are rescaled."""
        if self.rescale is None:
            return checked(signature)
        return replace(signature, image=replace(checked(signature).image, dtype="float32"))

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws, by the names that Keras' `apply_transform` takes."""
        height, width = sample.image.shape[:2]
        zooms = rng.uniform(*self._zooms, size=2).tolist()
        return {
            "theta": _either_way(self.rotation_range, rng),
            "tx": _shift(self.width_shift_range, width, rng),
            "ty": _shift(self.height_shift_range, height, rng),
            "shear": _either_way(self.shear_range, rng),
            "zx": zooms[0],
            "zy": zooms[1],
            "flip_horizontal": bool(rng.random() < 0.5) and self.horizontal_flip,
            "flip_vertical": bool(rng.random() < 0.5) and self.vertical_flip,
            "channel_shift_intensity": _either_way(self.channel_shift_range, rng) or None,
            "brightness": self.brightness_range and float(rng.uniform(*self.brightness_range)),
        }

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the sample, moved, recolored, flipped and rescaled."""
        image = self._warped(sample.image, params)
        colors = min(image.shape[2], 3)
        if params["channel_shift_intensity"] is not None:
            seen = image[:, :, :colors].astype(np.float64)
            shifted = seen + params["channel_shift_intensity"]
            shifted = shifted.clip(seen.min(), seen.max())
            image = np.concatenate([shifted.astype(np.uint8), image[:, :, colors:]], axis=2)
        image = image[:, ::-1] if params["flip_horizontal"] else image
        image = image[::-1] if params["flip_vertical"] else image
        if params["brightness"] is not None:
            image = _brightened(image, params["brightness"])
        if self.rescale is not None:
            image = image.astype(np.float32) * np.float32(self.rescale)
        return sample.replace(image=np.ascontiguousarray(image))

    def motion(self, sample: Sample, params: Params) -> Motion:
        """Returns where turn, shift, shear, zoom and flips take pixels, all in one."""
        height, width = sample.image.shape[:2]
        matrix = np.linalg.inv(_origins(params, height, width, shift=0.0))
        for flip, axis, side in (("flip_horizontal", 0, width), ("flip_vertical", 1, height)):
            if params[flip]:
                mirror = np.eye(3)
                mirror[axis, axis], mirror[axis, 2] = -1, side
                matrix = mirror @ matrix
        return Motion(matrix=matrix, before=(height, width), after=(height, width))

    def to_batch(self, params: Params) -> Mapping[str, Any]:
        """Returns the params; a brightness that is none is one that changes nothing."""
        none = {"channel_shift_intensity": 0.0, "brightness": 1.0}
        return {n: none.get(n) if params[n] is None else params[n] for n in self.batch_params}

    def apply_batch(self, images: Any, params: Mapping[str, Any], ops: Any) -> Any:
        """Returns the images, moved, recolored, flipped and rescaled."""
        made = self._warped_batch(images, params, ops)
        colors = min(int(images.shape[3]), 3)
        seen, alpha = made[..., :colors], made[..., colors:]
        if self.channel_shift_range:
            low = ops.min(seen, axis=(1, 2, 3), keepdims=True)
            high = ops.max(seen, axis=(1, 2, 3), keepdims=True)
            shift = params["channel_shift_intensity"][:, None, None, None]
            seen = ops.floor(ops.minimum(ops.maximum(seen + shift, low), high))
        if self.brightness_range is not None:
            seen = seen * params["brightness"][:, None, None, None]
            seen = ops.floor(ops.clip(seen + _JUST, 0.0, 255.0))
        made = ops.concatenate([seen, alpha], axis=-1)
        for flip, axis in (("flip_horizontal", 2), ("flip_vertical", 1)):
            flipped = ops.flip(made, axis=axis)
            made = ops.where(params[flip][:, None, None, None], flipped, made)
        return ops.cast(made, "uint8") if self.rescale is None else made * self.rescale

    def _warped_batch(self, images: Any, params: Mapping[str, Any], ops: Any) -> Any:
        from dsbuilder.images import resampling

        height, width, channels = (int(side) for side in images.shape[1:])
        rows, columns = _places(params, height, width, ops)
        colors = min(channels, 3)
        made = resampling.warp(
            images,
            rows,
            columns,
            ops,
            border=self.fill_mode,
            fill=(self.cval,) * colors + (0.0,) * (channels - colors),
        )
        return ops.clip(ops.round(made), 0.0, 255.0)

    def _warped(self, image: np.ndarray, params: Params) -> np.ndarray:
        import cv2

        height, width, channels = image.shape
        origins = _origins(params, height, width, shift=0.5)
        if np.array_equal(origins, np.eye(3)):
            return image
        warped = cv2.warpAffine(
            np.ascontiguousarray(image),
            origins[:2],
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=getattr(cv2, f"BORDER_{_BORDERS[self.fill_mode]}"),
            borderValue=(self.cval,) * min(channels, 3) + (0,) * (4 - min(channels, 3)),
        )
        return np.asarray(warped).reshape(image.shape)  # one channel loses its axis


def _either_way(most: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(-most, most))


def _shift(most: float | tuple[float, ...], side: int, rng: np.random.Generator) -> float:
    """Draws a shift in pixels."""
    if not isinstance(most, tuple) and (most <= 1 or most != int(most)):
        shift = _either_way(most, rng)
    else:  # one of a list, or a whole number of pixels
        listed = most if isinstance(most, tuple) else range(int(most))
        shift = float(listed[int(rng.integers(len(listed)))] * rng.choice((-1, 1)))
    return shift * side if np.max(most) < 1 else shift


def _origins(params: Params, height: int, width: int, *, shift: float) -> np.ndarray:
    """Returns where each pixel (x, y, 1) comes from.

    Args:
      shift: what a pixel's center lies off its whole number: 0 where centers are at +0.5.
    """
    turn, shear = math.radians(params["theta"]), math.radians(params["shear"])
    turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    sheared = np.array([[1, -math.sin(shear)], [0, math.cos(shear)]])
    zoomed = np.diag([params["zx"], params["zy"]])
    middle = np.array([width / 2, height / 2]) - shift
    linear = turned @ sheared @ zoomed
    offset = turned @ np.array([params["tx"], params["ty"]]) + middle - linear @ middle
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, offset
    return matrix


def _places(params: Mapping[str, Any], height: int, width: int, ops: Any) -> tuple[Any, Any]:
    """Returns the row and the column that each pixel comes from: `_origins` of a batch."""
    turn, shear = (params[name] * (math.pi / 180) for name in ("theta", "shear"))
    cos, sin = ops.cos(turn), ops.sin(turn)
    x_of_x, x_of_y = cos, -cos * ops.sin(shear) - sin * ops.cos(shear)
    y_of_x, y_of_y = sin, -sin * ops.sin(shear) + cos * ops.cos(shear)
    middle_x, middle_y = width / 2 - 0.5, height / 2 - 0.5
    x = ops.arange(width, dtype="float32")[None, None, :] - middle_x
    y = ops.arange(height, dtype="float32")[None, :, None] - middle_y
    x, y = x * params["zx"][:, None, None], y * params["zy"][:, None, None]
    shift_x = cos * params["tx"] - sin * params["ty"] + middle_x
    shift_y = sin * params["tx"] + cos * params["ty"] + middle_y
    (xx, xy, yx, yy, sx, sy) = (
        each[:, None, None] for each in (x_of_x, x_of_y, y_of_x, y_of_y, shift_x, shift_y)
    )
    return yx * x + yy * y + sy, xx * x + xy * y + sx


def _brightened(image: np.ndarray, factor: float) -> np.ndarray:
    from PIL import ImageEnhance

    return recolored(image, lambda picture: ImageEnhance.Brightness(picture).enhance(factor))
