"""What is drawn as targets: boxes of words and characters, and the mask of the ink."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dsbuilder.builtin.synth.lettering import InkLayer
from dsbuilder.images import rle
from dsbuilder.plugin import Boxes, Mask, Target

MASK_NAMES = ("background", "text")

_HALF = 128


def box_targets(
    kinds: Sequence[str], characters: tuple[str, ...], *, mask: bool
) -> dict[str, Target]:
    """Returns the targets of boxes of some kinds, and of the mask where there is one."""
    found: dict[str, Target] = {
        kind: Boxes(names=characters)
        if kind == "characters"
        else Boxes(names=(kind.removesuffix("s"),), attributes=(("text", "string"),))
        for kind in kinds
    }
    return {**found, **({"mask": Mask(names=MASK_NAMES)} if mask else {})}


def box_list(
    kind: str, characters: Sequence[InkLayer], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """Returns the boxes of `words` or of `characters` as raw labels.

    Args:
      characters: the ink of each, at its place in the image.
      size: (height, width) of the image.
    """
    if kind == "characters":
        drawn = [(each.text, each.box()) for each in characters]
        return [{"label": text, "box": _shares(around, size)} for text, around in drawn if around]
    groups: dict[int, list[InkLayer]] = {}
    for each in characters:
        groups.setdefault(each.word, []).append(each)
    words = [("".join(each.text for each in group), group) for group in groups.values()]
    return grouped("word", words, size)


def grouped(
    label: str, groups: Iterable[tuple[str, Sequence[InkLayer]]], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """Returns a box around each group of which something is drawn, with its text.

    Args:
      groups: the text of each, and its ink at its place in the image.
      size: (height, width) of the image.
    """
    found = []
    for text, group in groups:
        boxes = np.array([box for each in group if (box := each.box())])
        if len(boxes):
            outer = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
            shares = _shares([int(each) for each in outer], size)
            found.append({"label": label, "text": text, "box": shares})
    return found


def mask_of(ink: np.ndarray) -> dict[str, Any]:
    """Returns where ink covers at least half of a pixel, as a raw mask."""
    counts = rle.encode(ink >= _HALF)
    return {"segments": [{"label": "text", "counts": counts}], "size": list(ink.shape)}


def _shares(box: Sequence[int], size: tuple[int, int]) -> list[float]:
    top, left, bottom, right = box
    height, width = size
    return [left / width, top / height, right / width, bottom / height]
