"""The operations that published augmentation policies are made of, and what all policies share.

Every operation is Pillow's, as in the papers' own experiments; those that move pixels are one
affine map about the middle of the image, with linear interpolation, so that targets move along.
Sizes and signs are drawn with the operation, so that params say all, such as
`{"use": "rotate", "at": -12}`.

  shear_x, shear_y                            pixels that a row, or a column, moves for each pixel
                                              of its distance to the middle
  translate_x, translate_y                    pixels
  rotate                                      degrees
  brightness, color, contrast, sharpness      what is added to a factor of 1
  posterize                                   bits of a value that are kept
  solarize                                    value from which colors are inverted, up to 256
  autocontrast, equalize, invert              as they are, whatever `at` says
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.builtin.transforms.eight_bits import checked
from dsbuilder.plugin import Motion, Params, Sample, Signature, Transform

Operation = dict[str, Any]
"""One operation as params hold it: its name as `use`, and how much as `at`."""

OPERATIONS = (
    *("identity", "autocontrast", "equalize", "rotate", "solarize", "color", "posterize"),
    *("contrast", "brightness", "sharpness", "shear_x", "shear_y", "translate_x", "translate_y"),
)
"""The list of RandAugment and of TrivialAugment; `identity` is no change."""
GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
SIGNED = (*GEOMETRIC, "brightness", "color", "contrast", "sharpness")
"""Operations that go either way, which is drawn."""
_WHOLE = ("autocontrast", "equalize", "invert")
"""Operations without a size."""
_ENHANCED = {
    "brightness": "Brightness",
    "color": "Color",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
}


@dataclass(frozen=True, kw_only=True)
class Policy(Transform):
    """A transform whose params list operations, which are applied one after the other.

    Attributes:
      fill: value of what comes in from outside, in [0, 255], in every color; transparent where
        there is alpha.
    """

    fill: int = 128

    def __post_init__(self) -> None:
        if not 0 <= self.fill <= 255:
            raise ValueError(f"fill: expected a value in [0, 255], found {self.fill}.")

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature as it is."""
        return checked(signature)

    @abstractmethod
    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the operations, `{"operations": [...]}`."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the sample after its operations."""
        return sample.replace(image=applied(sample.image, params["operations"], self.fill))

    def motion(self, sample: Sample, params: Params) -> Motion | None:
        """Returns where the operations that move pixels took them, all in one."""
        return motion_of(sample.image.shape[:2], params["operations"])

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns the operations in words."""
        return {"applied": ", ".join(map(_told, params["operations"])) or "nothing"}


def _told(operation: Operation) -> str:
    use, at = operation["use"], operation["at"]
    return use if use in _WHOLE else f"{use} {at:.3g}"


def signed(use: str, size: float, rng: np.random.Generator) -> Operation:
    """Returns an operation of a size, its direction drawn where it has one."""
    at = -size if use in SIGNED and rng.random() < 0.5 else size
    return {"use": use, "at": round(float(at), 6)}


def size_of(use: str, share: float, height: int, width: int) -> float:
    """Returns what a share of the greatest size is of an operation, as AutoAugment has it.

    Args:
      share: in [0, 1].
      height, width: sides of the image in pixels.
    """
    match use:
        case "shear_x" | "shear_y":
            return 0.3 * share
        case "translate_x" | "translate_y":
            return 150 / 331 * share * (width if use == "translate_x" else height)
        case "rotate":
            return 30 * share
        case "posterize":
            return 8 - round(4 * share)
        case "solarize":
            return 256 * (1 - share)
        case "brightness" | "color" | "contrast" | "sharpness":
            return 0.9 * share
    return 0.0


def applied(image: np.ndarray, operations: Sequence[Operation], fill: int) -> np.ndarray:
    """Returns an image `(H, W, C)` uint8 after some operations."""
    for each in operations:
        use, at = each["use"], each["at"]
        if use in GEOMETRIC:
            image = _warped(image, _matrix(image.shape[:2], use, at), fill)
        else:
            image = recolored(image, _COLORS[use], at)
    return np.ascontiguousarray(image)


def motion_of(size: Sequence[int], operations: Sequence[Operation]) -> Motion | None:
    """Returns the motion of some operations on an image of (height, width); None without any."""
    matrix = np.eye(3)
    moving = [each for each in operations if each["use"] in GEOMETRIC]
    for each in moving:
        matrix = _matrix(size, each["use"], each["at"]) @ matrix
    sides = (size[0], size[1])
    return Motion(matrix=matrix, before=sides, after=sides) if moving else None


def _matrix(size: Sequence[int], use: str, at: float) -> np.ndarray:
    """Returns where an operation takes points, about the middle, as `Motion` has it."""
    turn = math.radians(at)
    linear = {
        "shear_x": ((1, at), (0, 1)),
        "shear_y": ((1, 0), (at, 1)),
        "rotate": ((math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))),
    }.get(use, ((1, 0), (0, 1)))
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    middle = np.array([size[1] / 2, size[0] / 2])
    matrix[:2, 2] = middle - matrix[:2, :2] @ middle
    if use.startswith("translate"):
        matrix[0 if use == "translate_x" else 1, 2] += at
    return matrix


def _warped(image: np.ndarray, matrix: np.ndarray, fill: int) -> np.ndarray:
    import cv2

    height, width, channels = image.shape
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's centers are whole numbers
    moved = (np.linalg.inv(half) @ matrix @ half)[:2]
    border = (fill, fill, fill, 0) if channels == 4 else (fill,) * 4
    warped = cv2.warpAffine(np.ascontiguousarray(image), moved, (width, height), borderValue=border)
    return np.asarray(warped).reshape(image.shape)  # one channel loses its axis


def recolored(image: np.ndarray, operation: Callable[..., Any], *given: float) -> np.ndarray:
    """Returns an image `(H, W, C)` uint8 whose colors changed as a picture of Pillow does.

    Alpha stays.

    Args:
      operation: from a picture, gray or RGB, and what is given to another of its size.
    """
    from PIL import Image

    colors = image[:, :, 0] if image.shape[2] == 1 else image[:, :, :3]
    changed = np.asarray(operation(Image.fromarray(np.ascontiguousarray(colors)), *given))
    changed = changed.reshape(*image.shape[:2], -1)
    return np.concatenate([changed, image[:, :, 3:]], axis=2) if image.shape[2] == 4 else changed


def _enhanced(name: str) -> Callable[[Any, float], Any]:
    def operation(image: Any, at: float) -> Any:
        from PIL import ImageEnhance

        return getattr(ImageEnhance, name)(image).enhance(1 + at)

    return operation


def _posterized(image: Any, at: float) -> Any:
    from PIL import ImageOps

    return ImageOps.posterize(image, int(at))


def _solarized(image: Any, at: float) -> Any:
    from PIL import ImageOps

    return ImageOps.solarize(image, math.ceil(at))


def _by_itself(name: str) -> Callable[[Any, float], Any]:
    def operation(image: Any, at: float) -> Any:
        from PIL import ImageOps

        return getattr(ImageOps, name)(image)

    return operation


_COLORS: Mapping[str, Callable[[Any, float], Any]] = {
    **{use: _enhanced(name) for use, name in _ENHANCED.items()},
    **{use: _by_itself(use) for use in _WHOLE},
    "posterize": _posterized,
    "solarize": _solarized,
}
