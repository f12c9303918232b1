"""Scenes of cut-out objects on grounds, each object with its mask.

After "Cut, Paste and Learn" (Dwibedi, Misra and Hebert 2017): what a detector learns of pasted
objects carries over where their edges are blended, so that it does not learn the edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dsbuilder.builtin.synth import cutouts
from dsbuilder.builtin.synth.cutouts import Cutout
from dsbuilder.builtin.synth.files import Pictures
from dsbuilder.builtin.synth.grounds import Ground, Grounds, Inks, in_mode
from dsbuilder.builtin.synth.planes import Place, meeting
from dsbuilder.images import rle
from dsbuilder.images.bit_planes import bounds
from dsbuilder.plugin import (
    CHANNELS,
    Boxes,
    ImageSignature,
    Instances,
    Mask,
    Mode,
    Params,
    Range,
    Sample,
    Signature,
    Synthesizer,
    Target,
    check_size,
    synthesizer,
)

_TRIES = 30
_MOST = 500
_GROUND = "background"


class _Scene:
    """Objects laid on each other: which of them is seen at each pixel.

    Attributes:
      owner: number of the object that is seen, `(H, W)` int32; -1 where none is.
      whole: pixels of each object that were in the image when it was laid.
      seen: pixels of each that are seen.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.owner = np.full(size, -1, np.int32)
        self.whole = np.zeros(0, np.int64)
        self.seen = np.zeros(0, np.int64)

    def left(self, place: Place, mask: np.ndarray) -> np.ndarray:
        """Returns how many pixels would be seen of each object if another was laid on a place.

        Args:
          mask: its pixels, bool, as large as the place.
        """
        covered = np.bincount(self.owner[place][mask] + 1, minlength=len(self.seen) + 1)
        left: np.ndarray = self.seen - covered[1:]
        return left

    def lay(self, place: Place, mask: np.ndarray) -> None:
        """Lays an object on a place; see `left`."""
        pixels = int(mask.sum())
        self.seen = np.append(self.left(place, mask), pixels)
        self.owner[place][mask] = len(self.whole)
        self.whole = np.append(self.whole, pixels)


@synthesizer("composite")
@dataclass(frozen=True, kw_only=True)
class Composite(Synthesizer):
    """Pastes cut-out objects on a ground, one after the other, with their boxes and masks.

    A later object covers earlier ones, whose masks and boxes then are of what is still seen. A
    class is drawn first and then one of its files, so that classes are equally frequent. An object
    for which 30 places were tried in vain is left out. The same objects in two splits tell a model
    what it is asked: give each split a stage with a folder of its own.

    Attributes:
      objects: a folder with a folder for each class, of images with alpha.
      classes: class names in id order; the folders' names, sorted, if left out.
      height, width: sides of the image in pixels.
      number: [low, high] objects, both included, in [0, 500].
      scale: longer side of an object as a share of the image's shorter side, in (0, 1].
      rotate: degrees that an object is turned by, counter-clockwise, in [-180, 180].
      flip: probability that an object is mirrored, in [0, 1].
      overlap: largest share of an object that those after it cover together, in [0, 1].
      beyond: largest share of an object's height, and of its width, outside of the image, in
        [0, 0.9].
      feather: pixels over which the edges of objects fade, in [0, 20]; what is thinner fades
        wholly, and is not in its mask.
      ground, photos, background, tinted: see `text_line`.
      target: `instances` gives the target `objects` with a mask of each, `boxes` boxes alone.
      mask: whether there is a target `mask` as well, a class for every pixel.
    """

    objects: Path
    classes: tuple[str, ...] | None = None
    height: int = 256
    width: int = 256
    number: tuple[int, int] = (1, 4)
    scale: Range = Range(0.2, 0.5)
    rotate: Range = Range(-15, 15)
    flip: float = 0.5
    overlap: float = 0.3
    beyond: float = 0.0
    feather: Range = Range(0, 1.5)
    ground: tuple[Ground, ...] = ("plain",)
    photos: Path | None = None
    background: Range | str = Range(0, 255)
    tinted: bool = True
    target: Literal["instances", "boxes"] = "instances"
    mask: bool = False

    def __post_init__(self) -> None:
        low, high = self.number
        if not 0 <= low <= high <= _MOST:
            raise ValueError(
                f"number: expected [low, high] with 0 <= low <= high <= {_MOST}, found "
                f"{[low, high]}."
            )
        for option, least, most in (
            ("scale", 0.001, 1),
            ("rotate", -180, 180),
            ("feather", 0, 20),
        ):
            getattr(self, option).check(option, least, most)
        for option, limit in (("flip", 1.0), ("overlap", 1.0), ("beyond", 0.9)):
            share = getattr(self, option)
            if not 0 <= share <= limit:
                raise ValueError(f"{option}: expected a share in [0, {limit:g}], found {share:g}.")
        for option in ("height", "width"):
            if getattr(self, option) < 1:
                raise ValueError(
                    f"{option}: expected 1 pixel or more, found {getattr(self, option)}."
                )
        if _GROUND in self._files and self.mask:
            raise ValueError(f"classes: '{_GROUND}' is what the mask calls the ground. Rename it.")
        _ = self._inks, self._grounds

    @cached_property
    def _files(self) -> dict[str, Pictures]:
        return cutouts.listed(self.objects, self.classes)

    @cached_property
    def _inks(self) -> Inks:
        return Inks(background=self.background, tinted=self.tinted)

    @cached_property
    def _grounds(self) -> Grounds:
        return Grounds.of(self)

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the image and the targets."""
        image = ImageSignature(height=self.height, width=self.width, channels=CHANNELS[mode])
        names = tuple(self._files)
        objects: Target = Boxes(names=names) if self.target == "boxes" else Instances(names=names)
        masks = {"mask": Mask(names=(_GROUND, *names))} if self.mask else {}
        return Signature(image=image, targets={"objects": objects, **masks})

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws the ground, and objects at places where earlier ones stay as visible as asked."""
        drawn: Params = self._inks.draw_background(rng)
        drawn |= self._grounds.draw(self._inks, drawn["background"], rng)
        drawn["feather"] = self.feather.draw(rng)
        number = int(rng.integers(self.number[0], self.number[1] + 1))
        scene, objects = _Scene((self.height, self.width)), []
        for _ in range(number):
            one = self._draw_object(rng)
            at = self._draw_place(self._cutout(one, drawn["feather"]), scene, rng)
            if at is not None:
                objects.append({**one, "at": at})
        return {**drawn, "objects": objects}

    def _draw_object(self, rng: np.random.Generator) -> Params:
        names = list(self._files)
        name = names[int(rng.integers(len(names)))]
        side = self.scale.draw(rng) * min(self.height, self.width)
        return {
            "class": name,
            "file": self._files[name].draw(rng),
            "side": max(1, round(side)),
            "angle": self.rotate.draw(rng),
            "mirrored": bool(rng.random() < self.flip),
        }

    def _draw_place(
        self, cutout: Cutout, scene: _Scene, rng: np.random.Generator
    ) -> list[int] | None:
        """Returns the (top, left) of an object, or None where there is no place for it.

        Args:
          scene: the earlier objects; it is laid on them.
        """
        size, mask = (self.height, self.width), cutout.mask
        for _ in range(_TRIES):
            at = [self._along(rng, side, own) for side, own in zip(size, cutout.size, strict=True)]
            place, part = meeting(at, cutout.size, size)
            left = scene.left(place, mask[part])
            kept = (left >= (1 - self.overlap) * scene.whole).all()
            if mask[part].any() and kept and (self.overlap == 1 or left.all()):
                scene.lay(place, mask[part])
                return at
        return None

    def _along(self, rng: np.random.Generator, side: int, own: int) -> int:
        out = int(self.beyond * own)
        return int(rng.integers(-out, max(-out, side - own + out) + 1))

    def _cutout(self, one: Params, feather: float) -> Cutout:
        path = self._files[one["class"]].path(one["file"])
        whole = cutouts.read(path, self._longest)
        formed = whole.transformed(one["side"], one["angle"], mirrored=one["mirrored"])
        return formed.softened(feather)

    @property
    def _longest(self) -> int:
        """Pixels of the longer side of the largest object."""
        return max(1, round(self.scale.high * min(self.height, self.width)))

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the scene."""
        size = (self.height, self.width)
        check_size(*size)
        painted = self._grounds.paint(params, size, 1.0).astype(np.float32)
        scene = _Scene(size)
        for one in params["objects"]:
            cutout = self._cutout(one, params["feather"])
            place, part = meeting(one["at"], cutout.size, size)
            painted[place] *= 1 - cutout.alpha[part][..., None]
            painted[place] += cutout.colors[part]
            scene.lay(place, cutout.mask[part])
        image = in_mode(np.rint(painted).clip(0, 255).astype(np.uint8), mode)
        classes = [one["class"] for one in params["objects"]]
        return Sample(key=key, image=image, targets=self._targets(scene, classes))

    def _targets(self, scene: _Scene, classes: Sequence[str]) -> dict[str, Any]:
        segments, boxes, size = [], [], [self.height, self.width]
        for number, name in enumerate(classes):
            mask = scene.owner == number
            around = bounds(mask)
            if around is None:  # others cover all of it
                continue
            if self.target == "boxes":
                sides = (self.width, self.height, self.width, self.height)
                shares = [each / side for each, side in zip(around, sides, strict=True)]
                boxes.append({"label": name, "box": shares})
            if self.mask or self.target == "instances":
                segments.append({"label": name, "counts": rle.encode(mask)})
        objects = {"objects": segments, "size": size}
        targets: dict[str, Any] = {"objects": boxes if self.target == "boxes" else objects}
        return {**targets, "mask": {"segments": segments, "size": size}} if self.mask else targets
