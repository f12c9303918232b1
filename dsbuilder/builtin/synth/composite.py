"""Scenes of cut-out objects on grounds, each object with its mask.

After "Cut, Paste and Learn" (Dwibedi, Misra and Hebert 2017): what a detector learns of pasted
objects carries over where their edges are blended, so that it does not learn the edges.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dsbuilder.builtin.synth import cutouts
from dsbuilder.builtin.synth.cutouts import Cutout
from dsbuilder.builtin.synth.grounds import Ground, Grounds, Inks, in_mode
from dsbuilder.images import rle
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

_Place = tuple[slice, slice]


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
    def _files(self) -> dict[str, list[Path]]:
        return cutouts.listed(self.objects, self.classes)

    @cached_property
    def _inks(self) -> Inks:
        return Inks(
            color=self.background,
            background=self.background,
            tinted=self.tinted,
            pairs=(),
            contrast=1.0,
        )

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
        drawn: Params = self._inks.draw(rng)
        drawn |= self._grounds.draw(self._inks, drawn["background"], rng)
        drawn["feather"] = self.feather.draw(rng)
        number = int(rng.integers(self.number[0], self.number[1] + 1))
        seen: list[tuple[np.ndarray, int]] = []
        objects = []
        for _ in range(number):
            one = self._draw_object(rng)
            at = self._draw_place(self._cutout(one, drawn["feather"]), seen, rng)
            if at is not None:
                objects.append({**one, "at": at})
        return {**drawn, "objects": objects}

    def _draw_object(self, rng: np.random.Generator) -> Params:
        names = list(self._files)
        name = names[int(rng.integers(len(names)))]
        side = self.scale.draw(rng) * min(self.height, self.width)
        return {
            "class": name,
            "file": int(rng.integers(len(self._files[name]))),
            "side": max(1, round(side)),
            "angle": self.rotate.draw(rng),
            "mirrored": bool(rng.random() < self.flip),
        }

    def _draw_place(
        self, cutout: Cutout, seen: list[tuple[np.ndarray, int]], rng: np.random.Generator
    ) -> list[int] | None:
        """Returns the (top, left) of an object, or None where there is no place for it.

        Args:
          seen: what is seen of each earlier object, bool `(H, W)`, and how many pixels of it were
            in the image; brought up to date.
        """
        size = (self.height, self.width)
        for _ in range(_TRIES):
            at = [self._along(rng, side, own) for side, own in zip(size, cutout.size, strict=True)]
            here = np.zeros(size, bool)
            place, part = _meeting(at, cutout.size, size)
            here[place] = cutout.mask[part]
            whole = int(here.sum())
            left = [int(mask.sum() - (mask & here).sum()) for mask, _ in seen]
            kept = all(
                each >= (1 - self.overlap) * pixels
                for each, (_, pixels) in zip(left, seen, strict=True)
            )
            if whole and kept and (self.overlap == 1 or all(left)):
                for mask, _ in seen:
                    mask &= ~here
                seen.append((here, whole))
                return at
        return None

    def _along(self, rng: np.random.Generator, side: int, own: int) -> int:
        out = int(self.beyond * own)
        return int(rng.integers(-out, max(-out, side - own + out) + 1))

    def _cutout(self, one: Params, feather: float) -> Cutout:
        whole = cutouts.read(self._files[one["class"]][one["file"]])
        formed = whole.transformed(one["side"], one["angle"], mirrored=one["mirrored"])
        return formed.softened(feather)

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the scene."""
        size = (self.height, self.width)
        check_size(*size)
        scene = self._grounds.paint(params, size, 1.0).astype(np.float32)
        owner = np.full(size, -1, np.int32)
        for number, one in enumerate(params["objects"]):
            cutout = self._cutout(one, params["feather"])
            place, part = _meeting(one["at"], cutout.size, size)
            scene[place] *= 1 - cutout.alpha[part][..., None]
            scene[place] += cutout.colors[part]
            owner[place][cutout.mask[part]] = number
        image = in_mode(np.rint(scene).clip(0, 255).astype(np.uint8), mode)
        found = [(one["class"], owner == number) for number, one in enumerate(params["objects"])]
        return Sample(key=key, image=image, targets=self._targets(list(_visible(found)), size))

    def _targets(
        self, found: Sequence[tuple[str, np.ndarray]], size: tuple[int, int]
    ) -> dict[str, Any]:
        segments = [{"label": name, "counts": rle.encode(mask)} for name, mask in found]
        targets: dict[str, Any] = {"objects": {"objects": segments, "size": list(size)}}
        if self.target == "boxes":
            targets["objects"] = [{"label": name, "box": _box(mask)} for name, mask in found]
        if self.mask:
            targets["mask"] = {"segments": segments, "size": list(size)}
        return targets


def _meeting(
    at: Sequence[int], own: tuple[int, int], size: tuple[int, int]
) -> tuple[_Place, _Place]:
    """Returns where an object and the image meet, in the image and in the object."""
    starts = [max(0, begin) for begin in at]
    ends = [min(side, begin + each) for side, begin, each in zip(size, at, own, strict=True)]
    ends = [max(start, end) for start, end in zip(starts, ends, strict=True)]
    place = (slice(starts[0], ends[0]), slice(starts[1], ends[1]))
    part = (
        slice(starts[0] - at[0], ends[0] - at[0]),
        slice(starts[1] - at[1], ends[1] - at[1]),
    )
    return place, part


def _visible(found: Sequence[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the objects of which some pixel is seen."""
    for name, mask in found:
        if mask.any():
            yield name, mask


def _box(mask: np.ndarray) -> list[float]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    height, width = mask.shape
    return [
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    ]
