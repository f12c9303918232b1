"""Test-time augmentation: an image is shown to a model several times, and its answers are averaged.

`flip` adds the mirrored image, `shift` four that are moved by a sixteenth of a side, where the
pixels of the edge are repeated. What a model says of pixels is turned and moved back first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dsbuilder.errors import Problem, SpecError
from dsbuilder.tasks import Heads

AUTO = "auto"
"""Stands for all views that leave the answers of a model as they are."""

Turn = Callable[[np.ndarray], np.ndarray]
"""From a batch `(B, H, W, C)` to another of the same shape."""

_PARTS = 16


@dataclass(frozen=True, kw_only=True)
class AugmentedView:
    """One way to look at an image.

    Attributes:
      apply: function from images to what the model is shown.
      undo: function from what the model says of its pixels to what it says of the image's.
    """

    apply: Turn
    undo: Turn


def _same(batch: np.ndarray) -> np.ndarray:
    return batch


def _mirrored(batch: np.ndarray) -> np.ndarray:
    return batch[:, :, ::-1]


def _moved(down: int, right: int) -> Turn:
    """Returns what moves a batch by parts of its sides; pixels of the edge are repeated."""

    def move(batch: np.ndarray) -> np.ndarray:
        rows, columns = (
            np.clip(np.arange(side) - steps * max(side // _PARTS, 1), 0, side - 1)
            for side, steps in zip(batch.shape[1:3], (down, right), strict=True)
        )
        return batch[:, rows[:, None], columns]

    return move


PLAIN = AugmentedView(apply=_same, undo=_same)
_FLIP = (AugmentedView(apply=_mirrored, undo=_mirrored),)
_SHIFT = tuple(
    AugmentedView(apply=_moved(down, right), undo=_moved(-down, -right))
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
)
_ADDED: Mapping[str, tuple[AugmentedView, ...]] = {"flip": _FLIP, "shift": _SHIFT}

NAMES = (*_ADDED, "flip+shift", AUTO)
"""What may be asked for."""


def views_for(heads: Heads, asked: str | None) -> tuple[AugmentedView, ...]:
    """Returns the views of an image whose answers are averaged; the plain one comes first.

    Args:
      heads: heads of the model.
      asked: one of `NAMES`; None for the plain view alone.

    Raises:
      SpecError: there is no such view, or answers of a head cannot be averaged.
    """
    if asked is None:
        return (PLAIN,)
    if asked not in NAMES:
        raise SpecError([Problem("tta", f"expected one of {', '.join(NAMES)}, found '{asked}'.")])
    for name, task in heads.items():
        if not task.averages:
            message = (
                f"expected a model whose answers can be averaged, found '{name}' of kind "
                f"'{task.target.kind}'. Leave it out."
            )
            raise SpecError([Problem("tta", message)])
    safe = all(task.mirrors for task in heads.values())
    names = ["flip"] * safe + ["shift"] if asked == AUTO else asked.split("+")
    return (PLAIN, *(view for name in names for view in _ADDED[name]))
