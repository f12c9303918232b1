"""What EfficientNet-Lite0 sees in an image, in numpy alone and to the bit the same everywhere.

Features of a picture decide splits, so they may depend neither on the machine nor on how many
threads multiply. A product of matrices of floats does, by the order of its sums. So both sides are
rounded to whole numbers first, few enough that every sum is exact in float32: weights to at most
127 steps of their own for each filter, activations to 127 steps of their largest (as in
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018). All else goes number by number, which IEEE 754 defines. The cosine of features
comes within 0.01 of that of floats. An image of 160 x 160 takes some 35 ms of one core.

Batch normalization is folded into the weights. `efficientnet_lite0.py` has the same network for
Keras, which is trained; it says where the weights come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dsbuilder.builtin.models.backbones.efficientnet_lite0 import FEATURES, GROUPS
from dsbuilder.records.torch_pickle import read_state_dict

Plane = npt.NDArray[np.float32]
_STEPS, _EXACT = 127, 1 << 24
_EPSILON = 1e-3
_FINE = 512
"""Steps of a feature in which its mean is taken, again of whole numbers."""


@dataclass(frozen=True)
class _Mixing:
    """A convolution that mixes channels at one place: whole numbers and what a step is worth."""

    steps: Plane
    worth: Plane
    bias: Plane

    def __call__(self, x: Plane, scale: float, *, activate: bool = True) -> Plane:
        """Applies it to whole numbers that are worth `scale` each."""
        y: Plane = x.reshape(-1, x.shape[-1]) @ self.steps
        y *= self.worth * np.float32(scale)
        y += self.bias
        if activate:
            np.clip(y, 0, 6, out=y)
        return y.reshape(*x.shape[:-1], -1)


@dataclass(frozen=True)
class _Block:
    """Widens, filters each channel, narrows again."""

    expand: _Mixing | None
    depthwise: Plane
    bias: Plane
    project: _Mixing
    stride: int

    def __call__(self, x: Plane) -> Plane:
        y = x if self.expand is None else self.expand(*_rounded(x))
        y = _depthwise(y, self.depthwise, self.bias, self.stride)
        y = self.project(*_rounded(y), activate=False)
        return x + y if self.stride == 1 and x.shape == y.shape else y


@dataclass(frozen=True)
class Features:
    """The network, of given weights.

    Attributes:
      stem, blocks, head: its layers, in order.
    """

    stem: _Mixing
    blocks: tuple[_Block, ...]
    head: _Mixing

    def __call__(self, image: np.ndarray) -> npt.NDArray[np.float64]:
        """Returns the means over an image of the last feature map.

        Args:
          image: `(H, W, 3)` uint8 RGB.

        Returns:
          `(1280,)`, each in [0, 6].
        """
        x = self.stem(_neighborhoods(image.astype(np.float32) - 127), 1)
        for block in self.blocks:
            x = block(x)
        x = self.head(*_rounded(x)).reshape(-1, FEATURES)
        sums = np.rint(x * np.float32(_FINE)).astype(np.int64).sum(axis=0)
        means: npt.NDArray[np.float64] = sums / (_FINE * len(x))
        return means


@cache
def load(path: Path) -> Features:
    """Returns the network with the weights of a checkpoint of torch.

    Raises:
      DataError: the file cannot be read as one.
    """
    tensors = read_state_dict(path)
    blocks: list[_Block] = []
    for group in GROUPS:
        for repeat in range(group.repeats):
            prefix = f"_blocks.{len(blocks)}."
            filters, bias = _folded(tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
            block = _Block(
                expand=_mixing(tensors, f"{prefix}_expand_conv", f"{prefix}_bn0")
                if group.expand > 1
                else None,
                depthwise=np.ascontiguousarray(filters[:, 0].transpose(1, 2, 0), np.float32),
                bias=bias,
                project=_mixing(tensors, f"{prefix}_project_conv", f"{prefix}_bn2"),
                stride=1 if repeat else group.stride,
            )
            blocks.append(block)
    return Features(
        stem=_mixing(tensors, "_conv_stem", "_bn0", scale=1 / 128),
        blocks=tuple(blocks),
        head=_mixing(tensors, "_conv_head", "_bn1"),
    )


def _folded(tensors: Mapping[str, Any], conv: str, norm: str) -> tuple[np.ndarray, Plane]:
    """Returns filters `(out, in, height, width)` and bias with the normalization in them."""
    parts = ("weight", "bias", "running_mean", "running_var")
    gain, shift, mean, variance = (tensors[f"{norm}.{part}"].astype(np.float64) for part in parts)
    factor = gain / np.sqrt(variance + _EPSILON)
    filters = tensors[f"{conv}.weight"].astype(np.float64) * factor[:, None, None, None]
    return filters, (shift - mean * factor).astype(np.float32)


def _mixing(tensors: Mapping[str, Any], conv: str, norm: str, *, scale: float = 1) -> _Mixing:
    filters, bias = _folded(tensors, conv, norm)
    weights = filters.transpose(2, 3, 1, 0).reshape(-1, len(filters)) * scale
    most = min(_STEPS, _EXACT // ((_STEPS + 1) * len(weights)))
    worth = np.abs(weights).max(axis=0) / most
    return _Mixing(np.rint(weights / worth).astype(np.float32), worth.astype(np.float32), bias)


def _rounded(x: Plane) -> tuple[Plane, float]:
    """Returns an image in whole steps of its largest value, and what a step is worth."""
    worth = np.float32(max(float(x.max()), -float(x.min()), 1e-6)) / np.float32(_STEPS)
    return np.rint(x / worth), float(worth)


def _padded(x: Plane, kernel: int, stride: int) -> Plane:
    """Pads as "same" does in TensorFlow: at stride 2, more behind than before."""
    lacking = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[:2]]
    return np.pad(x, [*((each // 2, each - each // 2) for each in lacking), (0, 0)])


def _windows(x: Plane, kernel: int, stride: int) -> list[Plane]:
    """Returns the image as each place of a kernel sees it, row by row."""
    height, width = (-(-size // stride) for size in x.shape[:2])
    padded = _padded(x, kernel, stride)
    rows, columns = (height - 1) * stride + 1, (width - 1) * stride + 1
    places = [(y, x) for y in range(kernel) for x in range(kernel)]
    return [padded[y : y + rows : stride, x : x + columns : stride] for y, x in places]


def _neighborhoods(x: Plane) -> Plane:
    return np.concatenate(_windows(x, 3, 2), axis=2)


def _depthwise(x: Plane, filters: Plane, bias: Plane, stride: int) -> Plane:
    kernel = len(filters)
    windows = _windows(x, kernel, stride)
    found = np.empty_like(windows[0])
    found[:] = bias
    part = np.empty_like(found)
    for window, weights in zip(windows, filters.reshape(kernel**2, -1), strict=True):
        np.multiply(window, weights, out=part)
        found += part
    return np.clip(found, 0, 6, out=found)
