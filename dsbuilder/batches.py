"""Samples side by side as tensors, for stages that run on the device that trains.

Tensors are those of a backend of Keras. Whoever computes with them is given its functions, `ops`,
which is `keras.ops`: so nothing here, nor any plugin, imports Keras.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

ON_EDGE = 1e-4
"""Pixels by which a place may lie before a whole number, rounded in float32, and count as it."""


@dataclass(frozen=True)
class BatchParam:
    """What one param of a stage is in a batch: an array `(B, *shape)` of a dtype.

    Attributes:
      dtype: dtype of the array; words of 64 bits are known on no backend alike.
      shape: shape of what one sample has.
    """

    dtype: Literal["bool", "int32", "uint32", "float32"]
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BatchMotion:
    """Where the pixels of a batch of images went; see `Motion`, which this is many of.

    Attributes:
      matrices: float32 `(B, 3, 3)`, take (x, y, 1) before to (x, y, 1) after, up to a factor.
      inverses: float32 `(B, 3, 3)`, take them back.
      before, after: (height, width) of all images.
      ops: see the docstring of this module.
    """

    matrices: Any
    inverses: Any
    before: tuple[int, int]
    after: tuple[int, int]
    ops: Any

    @property
    def mirrors(self) -> Any:
        """Whether left and right change places in an image, bool `(B,)`."""
        m = self.matrices
        minors = [
            m[:, 0, i] * (m[:, 1, j] * m[:, 2, k] - m[:, 1, k] * m[:, 2, j])
            for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
        ]
        return minors[0] + minors[1] + minors[2] < 0

    def points(self, points: Any) -> Any:
        """Returns where points `(B, n, 2)`, as x, y in pixels, went."""
        return taken(self.matrices, points[..., 0], points[..., 1], self.ops)

    def moved(self, pixels: Any, *, outside: int) -> Any:
        """Returns pixels `(B, H, W)` where they went, of nearest neighbors.

        Args:
          outside: the value of what lies outside of the image before.
        """
        ops, (height, width) = self.ops, self.before
        places = origins(self.inverses, self.after, ops)
        rows, columns = (ops.cast(ops.floor(each + ON_EDGE), "int32") for each in places)
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        at = ops.clip(rows, 0, height - 1) * width + ops.clip(columns, 0, width - 1)
        flat = ops.reshape(pixels, (-1, height * width))
        found = ops.take_along_axis(flat, ops.reshape(at, (-1, self.after[0] * self.after[1])), 1)
        found = ops.reshape(found, (-1, *self.after))
        return ops.where(inside, found, ops.cast(outside, pixels.dtype))


def taken(matrices: Any, x: Any, y: Any, ops: Any) -> Any:
    """Returns where matrices `(B, 3, 3)` take points, float32 `(B, n, 2)` as x, y.

    Args:
      x, y: `(B, n)`, or `(1, n)` of points that are the same for all.
    """
    rows = [
        matrices[:, row, 0][:, None] * x
        + matrices[:, row, 1][:, None] * y
        + matrices[:, row, 2][:, None]
        for row in range(3)
    ]
    return ops.stack([rows[0] / rows[2], rows[1] / rows[2]], axis=-1)


def origins(inverses: Any, after: tuple[int, int], ops: Any, shift: float = 0.5) -> tuple[Any, Any]:
    """Returns the row and the column that each pixel comes from, float32 `(B, *after)` each.

    Args:
      after: (height, width) of the images afterwards.
      shift: where the center of the first pixel lies, before and after.
    """
    height, width = after
    y, x = ops.arange(height, dtype="float32") + shift, ops.arange(width, dtype="float32") + shift
    flat_x = ops.reshape(ops.tile(x, height), (1, height * width))
    flat_y = ops.reshape(ops.repeat(y, width), (1, height * width))
    found = taken(inverses, flat_x, flat_y, ops)
    return tuple(ops.reshape(found[..., axis], (-1, height, width)) for axis in (1, 0))


def weighted_sum(values: Sequence[Any], weights: Any, ops: Any) -> Any:
    """Returns the sum of tensors `(B, ...)` by the weights of each, float32 `(B, n)`."""
    total: Any = 0.0
    for number, value in enumerate(values):
        sides = (-1, *(1 for _ in range(len(value.shape) - 1)))
        total = total + ops.reshape(weights[:, number], sides) * ops.cast(value, "float32")
    return total
