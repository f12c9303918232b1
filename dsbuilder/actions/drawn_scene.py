"""What pictures of plugins are drawn from: scenes with a house, cut-outs of them, and a font.

All of it is drawn here, so that pictures need no file and no font of the machine. A scene has an
up, a down, a left and a right, fine lines and even areas, and colors of its own: what a plugin
does to any of these is to be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dsbuilder.builder.bank import DrawnImage, write_bank
from dsbuilder.plugin import Boxes, ClassLabel, Instances, Sample, Signature, Target
from dsbuilder.records.bank import BankNote
from dsbuilder.sample import ImageSignature

HEIGHT, WIDTH = 132, 168
"""Size of a scene in pixels."""

FONT, PHOTOS, CUTOUTS, BANK = "font.ttf", "photos", "cutouts", "bank"
FILES = (FONT, PHOTOS, CUTOUTS, BANK)
"""Names of what `write_files` writes."""

_FINER = 3  # scenes are drawn larger and reduced, so that edges are smooth
_GROUND = 88
_NAMES = ("house", "tree")

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class _Light:
    """Colors of a scene, and where things stand in it, in pixels from the left."""

    name: str
    sky: tuple[Color, Color]
    sun: tuple[float, float]
    ground: Color
    wall: Color
    roof: Color
    leaves: Color
    house: float
    tree: float


_LIGHTS = (
    _Light(
        name="day",
        sky=((70, 140, 225), (205, 230, 250)),
        sun=(142, 22),
        ground=(96, 160, 70),
        wall=(236, 214, 170),
        roof=(190, 62, 46),
        leaves=(38, 110, 50),
        house=34,
        tree=128,
    ),
    _Light(
        name="dusk",
        sky=((62, 40, 110), (250, 150, 90)),
        sun=(30, 70),
        ground=(84, 66, 74),
        wall=(150, 110, 150),
        roof=(52, 40, 84),
        leaves=(44, 52, 70),
        house=88,
        tree=40,
    ),
    _Light(
        name="snow",
        sky=((150, 165, 180), (225, 230, 235)),
        sun=(60, 24),
        ground=(244, 246, 250),
        wall=(120, 70, 44),
        roof=(228, 234, 242),
        leaves=(30, 90, 96),
        house=58,
        tree=22,
    ),
    _Light(
        name="desert",
        sky=((40, 170, 200), (250, 225, 160)),
        sun=(84, 18),
        ground=(222, 170, 84),
        wall=(250, 246, 236),
        roof=(30, 110, 150),
        leaves=(120, 150, 40),
        house=100,
        tree=64,
    ),
)
LABEL = ClassLabel(names=tuple(each.name for each in _LIGHTS))
"""The class of a scene: its light."""


def scene(number: int, kind: str | None) -> Sample:
    """Returns a scene; neighbors in number have other colors and another place of the house.

    Args:
      kind: kind of the target that holds the house and the tree: `boxes`, `instances` or None.
    """
    light = _LIGHTS[number % len(_LIGHTS)]
    targets: dict[str, Any] = {"label": number % len(_LIGHTS)}
    positional: dict[str, Target] = {}
    if kind is not None:
        target: Target = Boxes(names=_NAMES) if kind == "boxes" else Instances(names=_NAMES)
        positional["objects"] = target
        targets["objects"] = target.parse(_raw(light, kind))
    return Sample(
        key=f"picture/{light.name}.png",
        image=np.asarray(_landscape(light)).copy(),
        targets=targets,
        positional=positional,
    )


def signature_of(sample: Sample) -> Signature:
    """Returns the signature of a scene."""
    height, width, channels = sample.image.shape
    image = ImageSignature(height=height, width=width, channels=channels)
    return Signature(image=image, targets={"label": LABEL, **sample.positional})


def write_files(folder: Path) -> None:
    """Writes what options of built-in plugins name: a font, photographs, objects cut out, a bank.

    The font is the one that Pillow carries, for Latin letters. The bank holds scenes and not what
    a GAN drew, which nobody could draw again in a moment.
    """
    font = ImageFont.load_default(16)
    if isinstance(font, ImageFont.FreeTypeFont):
        (folder / FONT).write_bytes(font.font_bytes)
    (folder / PHOTOS).mkdir()
    for light in _LIGHTS:
        _landscape(light).save(folder / PHOTOS / f"{light.name}.png")
    for light in _LIGHTS[:2]:
        for name, drawn in (("house", _house), ("tree", _tree)):
            (folder / CUTOUTS / name).mkdir(parents=True, exist_ok=True)
            ground = Image.new("RGBA", (WIDTH * _FINER, HEIGHT * _FINER))
            drawn(ImageDraw.Draw(ground), light)
            cut = ground.crop(ground.getbbox()).reduce(_FINER)
            cut.save(folder / CUTOUTS / name / f"{light.name}.png")

    _write_bank(folder / BANK)


def _write_bank(folder: Path) -> None:
    """Writes a sealed bank with a small scene of each light."""
    images = [np.asarray(_landscape(light).reduce(_FINER)) for light in _LIGHTS]
    height, width, channels = images[0].shape
    size = ImageSignature(height=height, width=width, channels=channels)
    note = BankNote(
        gan="cgan",
        model="",
        dataset="scenes 1.0.0",
        fingerprint="",
        seed=0,
        drawn=len(images),
        target="label",
        class_names=LABEL.names,
        image=(height, width, channels),
        gate={},
        rejected=(),
        entries=(),
    )
    drawn = [
        DrawnImage(number=number, image=image, label=number, drawn={"seed": 0})
        for number, image in enumerate(images)
    ]
    write_bank(
        folder,
        drawn,
        name="scenes",
        note=note,
        signature=Signature(image=size, targets={"label": LABEL}),
        sections={},
        warnings=[],
    )


def _landscape(light: _Light) -> Image.Image:
    """Draws sky, sun, ground, house and tree."""
    height, width = HEIGHT * _FINER, WIDTH * _FINER
    down = np.linspace(0, 1, height)[:, None, None]
    sky = (1 - down) * light.sky[0] + down * light.sky[1]
    y, x = np.mgrid[:height, :width] / _FINER
    ground = light.ground + 9 * np.sin(x / 3 + y)[..., None] - (y[..., None] - _GROUND) * 0.6
    below = (y > _GROUND - 5 * np.sin(x / 27))[..., None]
    pixels = np.where(below, ground, np.broadcast_to(sky, ground.shape))
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    _disk(draw, light.sun, 11, (255, 236, 140))
    _tree(draw, light)
    _house(draw, light)
    return image.reduce(_FINER)


def _house(draw: ImageDraw.ImageDraw, light: _Light) -> None:
    """Draws the house, whose chimney and door are on its left, with lines across its wall."""
    left, top = light.house, 62.0
    _fill(draw, [(left + 7, 36), (left + 15, 36), (left + 15, 58), (left + 7, 58)], light.roof)
    _fill(draw, _body(left), light.wall)
    dark = tuple(round(0.82 * each) for each in light.wall)
    for row in np.arange(top + 3, 104, 4):
        draw.line([(_at(left), _at(row)), (_at(left + 50), _at(row))], fill=dark, width=2)
    _fill(draw, _roof(left), light.roof)
    _fill(draw, [(left + 7, 82), (left + 19, 82), (left + 19, 105), (left + 7, 105)], (72, 44, 30))
    _fill(
        draw, [(left + 28, 72), (left + 43, 72), (left + 43, 86), (left + 28, 86)], (250, 240, 150)
    )
    for place in ((left + 35.5, 72, left + 35.5, 86), (left + 28, 79, left + 43, 79)):
        draw.line([_at(each) for each in place], fill=(72, 44, 30), width=_FINER)


def _body(left: float) -> Points:
    return [(left, 60), (left + 50, 60), (left + 50, 105), (left, 105)]


def _roof(left: float) -> Points:
    return [(left - 5, 62), (left + 25, 34), (left + 55, 62)]


def _tree(draw: ImageDraw.ImageDraw, light: _Light) -> None:
    left = light.tree
    _fill(draw, [(left - 3, 80), (left + 3, 80), (left + 3, 112), (left - 3, 112)], (92, 60, 36))
    _fill(draw, _crown(left), light.leaves)


def _crown(left: float) -> Points:
    return [(left - 16, 92), (left, 44), (left + 16, 92)]


def _raw(light: _Light, kind: str) -> Any:
    """Returns the house and the tree as a source states them."""
    shapes: Mapping[str, Sequence[Points]] = {
        "house": (_body(light.house), _roof(light.house)),
        "tree": (
            _crown(light.tree),
            [(light.tree - 3, 92), (light.tree + 3, 92), (light.tree, 112)],
        ),
    }
    objects = []
    for name, parts in shapes.items():
        corners = np.array([point for part in parts for point in part])
        low, high = corners.min(axis=0), corners.max(axis=0)
        if kind == "boxes":
            sides = (WIDTH, HEIGHT)
            box = [*(low / sides).tolist(), *(high / sides).tolist()]
            objects.append({"label": name, "box": box})
        else:
            polygons = [[float(each) for point in part for each in point] for part in parts]
            objects.append({"label": name, "polygons": polygons})
    return objects if kind == "boxes" else {"objects": objects, "size": [HEIGHT, WIDTH]}


def _fill(draw: ImageDraw.ImageDraw, points: Points, color: Color) -> None:
    draw.polygon([(_at(x), _at(y)) for x, y in points], fill=color)


def _disk(
    draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, color: Color
) -> None:
    x, y = middle
    box = (_at(x - radius), _at(y - radius), _at(x + radius), _at(y + radius))
    draw.ellipse(box, fill=color)


def _at(place: float) -> int:
    return round(place * _FINER)
