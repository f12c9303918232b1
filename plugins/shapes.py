"""Circles, squares and triangles: a synthesizer whose classes are what it draws."""

import math
from dataclasses import dataclass

import numpy as np

from dsbuilder import plugin as ds

CORNERS = {"circle": 64, "square": 4, "triangle": 3}
FINER = 4  # drawn so many times larger and averaged, so that edges are smooth


@ds.synthesizer("shapes")
@dataclass(frozen=True, kw_only=True)
class Shapes(ds.Synthesizer):
    """Draws one filled shape on a plain ground: a circle, a square or a triangle.

    Attributes:
      side: side of the square image, in pixels.
      radius: radius of the circle around the shape, as a share of the side, in [0.05, 0.5].
    """

    side: int = 48
    radius: ds.Range = ds.Range(0.2, 0.4)

    def __post_init__(self) -> None:
        self.radius.check("radius", 0.05, 0.5)

    def output_signature(self, mode: ds.Mode) -> ds.Signature:
        """A square image and the class `label`."""
        image = ds.ImageSignature(height=self.side, width=self.side, channels=ds.CHANNELS[mode])
        return ds.Signature(image=image, targets={"label": ds.ClassLabel(names=tuple(CORNERS))})

    def draw(self, rng: np.random.Generator) -> ds.Params:
        """Draws shape, size, turn, place and two colors; the shape always fits in whole."""
        radius, shape = self.radius.draw(rng), list(CORNERS)[int(rng.integers(3))]
        x, y = rng.uniform(radius, 1 - radius, 2).tolist()
        front, ground = rng.integers(0, 128, 4).tolist(), rng.integers(128, 256, 4).tolist()
        place = {"x": x, "y": y, "radius": radius, "turn": float(rng.uniform(0, 2 * math.pi))}
        return {"shape": shape, "front": front, "ground": ground, **place}

    def class_of(self, params: ds.Params) -> str:
        """The shape."""
        return str(params["shape"])

    def render(self, key: str, params: ds.Params, mode: ds.Mode) -> ds.Sample:
        """Draws a polygon of as many corners as the shape has; of a circle, many."""
        from PIL import Image, ImageDraw

        side, corners, channels = self.side * FINER, CORNERS[params["shape"]], ds.CHANNELS[mode]
        x, y, radius = (side * params[name] for name in ("x", "y", "radius"))
        angles = [params["turn"] + 2 * math.pi * i / corners for i in range(corners)]
        points = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
        front, ground = (tuple(params[name][:channels]) for name in ("front", "ground"))
        canvas = Image.new({1: "L", 3: "RGB", 4: "RGBA"}[channels], (side, side), ground)
        ImageDraw.Draw(canvas).polygon(points, fill=front)
        pixels = np.asarray(canvas.reduce(FINER)).reshape(self.side, self.side, channels)
        return ds.Sample(key=key, image=pixels, targets={"label": params["shape"]})
