"""Resizing and warping of batches of images, as `scale.py` and OpenCV do it of one.

A resize is two products of matrices, of rows and of columns, in which each row says what share of
which pixels a new one has: so every interpolation is the same work, and such as accelerators are
made for. Functions are those of `ops`, which is `keras.ops`; images are `(B, H, W, C)` of any
dtype, and what is returned is float32.
"""

from typing import Any, Literal

from dsbuilder.images.scale import Fit, Interpolation, Size, place

Border = Literal["nearest", "constant", "reflect", "wrap"]

_CUBIC = -0.75


def resize(
    images: Any,
    boxes: Any,
    size: Size,
    ops: Any,
    *,
    interpolation: Interpolation = "area",
    mirrored: Any = None,
) -> Any:
    """Returns boxes of images, resized to `size`: see `scale.resize`.

    Args:
      boxes: (top, left, height, width) in pixels, int32 `(B, 4)`.
      interpolation: any but `nearest`, which OpenCV decides in float64 where two are as near.
      mirrored: whether a box is flipped from left to right, bool `(B,)`; None for none.
    """
    height, width = images.shape[1:3]
    boxes = ops.cast(boxes, "int32")
    rows = _shares(boxes[:, 0], boxes[:, 2], height, size[0], interpolation, ops)
    columns = _shares(boxes[:, 1], boxes[:, 3], width, size[1], interpolation, ops)
    if mirrored is not None:
        columns = ops.where(mirrored[:, None, None], ops.flip(columns, axis=1), columns)
    values = ops.cast(images, "float32")
    if images.shape[3] != 4:
        return _both(values, rows, columns, ops)
    alpha = values[..., 3:]
    made = _both(ops.concatenate([values[..., :3] * alpha, alpha], axis=-1), rows, columns, ops)
    seen = made[..., 3:] > 0
    divisor = ops.where(seen, made[..., 3:], 1.0)
    return ops.concatenate([ops.where(seen, made[..., :3] / divisor, 0.0), made[..., 3:]], axis=-1)


def fit(
    images: Any,
    size: Size,
    ops: Any,
    *,
    fit: Fit,
    interpolation: Interpolation = "area",
    background: tuple[int, ...] = (),
) -> Any:
    """Returns images brought to `size`, those of that size as they are: see `scale.fit`.

    Args:
      background: a value for each channel, for `pad`.
    """
    before = (int(images.shape[1]), int(images.shape[2]))
    if before == size:
        return ops.cast(images, "float32")
    placed = place(before, size, fit=fit)
    boxes = ops.tile(ops.convert_to_tensor([placed.box], "int32"), (ops.shape(images)[0], 1))
    made = resize(images, boxes, placed.scaled, ops, interpolation=interpolation)
    made = round_to_bytes(made, ops) if fit == "pad" else made
    top, left = placed.offset
    made = made[:, max(-top, 0) :, max(-left, 0) :][:, : size[0], : size[1]]
    if made.shape[1:3] == size:
        return made
    below, right = size[0] - made.shape[1] - top, size[1] - made.shape[2] - left
    sides = ((0, 0), (top, below), (left, right), (0, 0))
    inside = ops.pad(ops.ones_like(made[..., :1]), sides)
    fill = ops.convert_to_tensor([float(each) for each in background], "float32")
    return ops.where(inside > 0, ops.pad(ops.cast(made, "float32"), sides), fill)


def warp(
    images: Any, rows: Any, columns: Any, ops: Any, *, border: Border, fill: tuple[float, ...] = ()
) -> Any:
    """Returns images whose pixels come from other places, each mixed of the four around it.

    Args:
      rows, columns: float32 `(B, h, w)`, in which a pixel's center is a whole number.
      border: what lies outside: the `nearest` pixel, a `constant`, the image `reflect`ed, or again
        (`wrap`).
      fill: the constant, a value for each channel.
    """
    height, width, channels = (int(side) for side in images.shape[1:])
    shape = (-1, *rows.shape[1:], channels)
    flat = ops.reshape(ops.cast(images, "float32"), (-1, height * width, channels))
    lows = [ops.floor(each) for each in (rows, columns)]
    shares = [each - low for each, low in zip((rows, columns), lows, strict=True)]
    total = 0.0
    for down in (0, 1):
        for right in (0, 1):
            row, column = (ops.cast(lows[0] + down, "int32"), ops.cast(lows[1] + right, "int32"))
            y, x = _at(row, height, border, ops), _at(column, width, border, ops)
            index = ops.reshape(y * width + x, (-1, shape[1] * shape[2], 1))
            value = ops.reshape(ops.take_along_axis(flat, index, axis=1), shape)
            if border == "constant":
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                constant = ops.convert_to_tensor([float(each) for each in fill], "float32")
                value = ops.where(inside[..., None], value, constant)
            share = (shares[0] if down else 1 - shares[0]) * (shares[1] if right else 1 - shares[1])
            total = total + share[..., None] * value
    return total


def round_to_bytes(values: Any, ops: Any) -> Any:
    """Returns values as uint8, rounded to nearest and cut to [0, 255]."""
    return ops.cast(ops.clip(ops.round(values), 0.0, 255.0), "uint8")


def _both(values: Any, rows: Any, columns: Any, ops: Any) -> Any:
    made = ops.einsum("bnh,bhwc->bnwc", rows, values)
    return ops.einsum("bnw,bhwc->bhnc", columns, made)


def _at(index: Any, length: int, border: Border, ops: Any) -> Any:
    """Returns the place in [0, length) whose pixel stands at an index anywhere."""
    if border == "wrap":
        return ops.mod(index, length)
    if border == "reflect":
        around = ops.mod(index, 2 * length)
        return ops.minimum(around, 2 * length - 1 - around)
    return ops.clip(index, 0, length - 1)


def _shares(
    start: Any, length: Any, source: int, size: int, interpolation: Interpolation, ops: Any
) -> Any:
    """Returns what each new pixel of an axis has of each old one, float32 `(B, size, source)`.

    Args:
      start, length: where the box begins, and how long it is, int32 `(B,)`.
      source: pixels of the axis.
    """
    start, length = start[:, None], length[:, None]
    old = ops.arange(source, dtype="int32")[None, None, :]
    new = ops.arange(size, dtype="int32")[None, :]
    scale = ops.cast(length, "float32") / size
    center = (ops.cast(new, "float32") + 0.5) * scale - 0.5
    reach = (-1, 0, 1, 2) if interpolation == "cubic" else (0, 1)
    low = ops.floor(center)
    part = center - low
    shares = _cubic(part) if interpolation == "cubic" else [1 - part, part]
    total = 0.0
    for step, share in zip(reach, shares, strict=True):
        index = start + ops.clip(ops.cast(low, "int32") + step, 0, length - 1)
        total = total + share[:, :, None] * ops.cast(old == index[:, :, None], "float32")
    if interpolation != "area":
        return total
    begin = (ops.cast(new, "float32") * scale + ops.cast(start, "float32"))[:, :, None]
    first = ops.cast(old, "float32")
    common = ops.minimum(begin + scale[:, :, None], first + 1) - ops.maximum(begin, first)
    return ops.where(scale[:, :, None] > 1, ops.maximum(common, 0.0) / scale[:, :, None], total)


def _cubic(part: Any) -> list[Any]:
    """Returns the shares of the four pixels around a place, `part` of a pixel after the second."""
    a, far, left = _CUBIC, part + 1, 1 - part
    outer = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a
    inner = ((a + 2) * part - (a + 3)) * part * part + 1
    other = ((a + 2) * left - (a + 3)) * left * left + 1
    return [outer, inner, other, 1 - outer - inner - other]
