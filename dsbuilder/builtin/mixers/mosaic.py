"""Mosaic: four images around a point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Mixer, Params, Range, Sample, Target, Tile, mixer

_PARTS = 4


@mixer("mosaic")
@dataclass(frozen=True, kw_only=True)
class Mosaic(Mixer):
    """Lays four images around a point, with all their boxes (mosaic, Bochkovskiy et al. 2020).

    A. Bochkovskiy, C. Wang, H. Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection"
    (2020). Each image covers its part, cut to the part's proportions, never distorted. Boxes are
    cut at the edges of their part and dropped where little is left, masks are cut likewise, classes
    and numbers mix by area; keypoints and texts are refused.

    Attributes:
      center: where the point lies, as shares of height and width, each drawn; in [0, 1].
    """

    partners: ClassVar[int] = _PARTS - 1
    center: Range = Range(0.25, 0.75)

    def __post_init__(self) -> None:
        self.center.check("center", 0.0, 1.0)

    def mixed(self, targets: Mapping[str, Target]) -> dict[str, Target]:
        """Returns targets in the form that they have side by side."""
        return {name: target.tiled() for name, target in targets.items()}

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws the point, and which image lies in which part."""
        height, width, _ = sample.image.shape
        row, column = round(self.center.draw(rng) * height), round(self.center.draw(rng) * width)
        order = rng.permutation(_PARTS).tolist()
        areas = [tall * wide for _, _, tall, wide in _parts(height, width, row, column)]
        weights = [areas[order.index(parent)] / (height * width) for parent in range(_PARTS)]
        return {"point": [row, column], "order": order, "weights": weights}

    def weights(self, params: Params) -> tuple[float, ...]:
        """The shares of area."""
        return tuple(params["weights"])

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        """Returns the canvas, of the sample's size."""
        from dsbuilder.images.encoding import resize

        canvas = np.empty_like(sample.image, order="C")
        for parent, tile in _tiles(sample, partners, params):
            top, left, height, width = tile.box
            part = parent.image[top : top + height, left : left + width]
            top, left, height, width = tile.place
            canvas[top : top + height, left : left + width] = resize(part, tile.size)
        return sample.replace(image=canvas)

    def mix(
        self,
        sample: Sample,
        partners: Sequence[Sample],
        params: Params,
        targets: Mapping[str, Target],
    ) -> Sample:
        """Returns the canvas with the targets of all tiles."""
        tiles = _tiles(sample, partners, params)
        size = (sample.image.shape[0], sample.image.shape[1])
        values = {
            name: target.tile(
                [parent.targets[name] for parent, _ in tiles], [tile for _, tile in tiles], size
            )
            for name, target in targets.items()
        }
        return self.apply(sample, partners, params).replace(targets=values)


def _tiles(sample: Sample, partners: Sequence[Sample], params: Params) -> list[tuple[Sample, Tile]]:
    """Returns the images with what of each goes where; parts of no pixel are left out."""
    parents = (sample, *partners)
    height, width, _ = sample.image.shape
    tiles = []
    for index, place in zip(params["order"], _parts(height, width, *params["point"]), strict=True):
        if min(place[2:]) > 0:
            parent = parents[index]
            before = (parent.image.shape[0], parent.image.shape[1])
            tiles.append((parent, Tile(before=before, box=_middle(before, place[2:]), place=place)))
    return tiles


def _parts(height: int, width: int, row: int, column: int) -> list[tuple[int, int, int, int]]:
    """Returns top, left, height and width of the parts around a point, in reading order."""
    return [
        (top, left, tall, wide)
        for top, tall in ((0, row), (row, height - row))
        for left, wide in ((0, column), (column, width - column))
    ]


def _middle(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns the largest box of some proportions in the middle of an image of (height, width)."""
    height = min(size[0], max(1, round(size[1] * shape[0] / shape[1])))
    width = min(size[1], max(1, round(size[0] * shape[1] / shape[0])))
    return (size[0] - height) // 2, (size[1] - width) // 2, height, width
