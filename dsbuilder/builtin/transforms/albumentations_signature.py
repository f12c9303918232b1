"""What an albumentations object does to a signature, and to positions.

A single transform is tried on made-up images: no other source says what 80 classes with their
options do to shape and dtype. A composition is followed child by child, so that a branch that is
rarely taken is seen as surely as the others.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from dsbuilder.builtin.transforms.albumentations_recipe import Recipe, call, library, warned
from dsbuilder.builtin.transforms.albumentations_targets import not_carried
from dsbuilder.plugin import Geometry, ImageSignature

# Two sizes in which every side differs. A crop may ask for more than the first pair has.
_SMALL = ((120, 168), (176, 136))
_LARGE = ((1100, 1500), (1600, 1300))
_SEEDS = 12
_TRIES = 3
_ORDER: tuple[Geometry, ...] = ("fixed", "moves", "breaks")
_PICKING = (0, 6)  # OpenCV's INTER_NEAREST and INTER_NEAREST_EXACT
_KINDS = {
    "mask": "Mask",
    "instances": "Mask",
    "boxes": "BBoxes",
    "keypoints": "Keypoints",
}
"""Kinds of target -> what albumentations calls that which carries them."""


def geometry_of(transform: Any) -> Geometry:
    """Returns what happens to positions; of a composition, what its worst child does."""
    module = library()
    if isinstance(transform, module.BaseCompose):
        worst = max((geometry_of(child) for child in transform.transforms), key=_ORDER.index)
        # It hands the image alone to its children: what they move, targets do not follow.
        apart = isinstance(transform, module.SelectiveChannelTransform) and worst != "fixed"
        return "breaks" if apart else worst
    if isinstance(transform, (module.ImageOnlyTransform, module.NoOp)):
        return "fixed"
    return "moves" if isinstance(transform, module.DualTransform) else "breaks"


def varies(recipe: Recipe) -> bool:
    """Returns whether the object of a recipe draws anything: whether seeds give several results.

    One that cannot take the made-up images counts as one that does not: its signature will say why.
    """
    for channels in (3, 1):
        image = _made_up(ImageSignature(height=None, width=None, channels=channels), _LARGE[0])
        try:
            with warnings.catch_warnings(action="ignore"):  # `signature_after` tells them
                results = {
                    call(recipe.transform, image, seed, recipe.references).tobytes()
                    for seed in range(_TRIES)
                }
        except Exception:  # noqa: BLE001 - a transform may raise anything
            continue
        return len(results) > 1
    return False


def moves_of(transform: Any) -> tuple[str, ...]:
    """Returns the kinds of positional target that a transform, or its every child, moves along."""
    moving = [leaf for leaf in _leaves(transform) if geometry_of(leaf) == "moves"]
    if not moving or geometry_of(transform) != "moves":
        return ()
    declared = [{target.value for target in leaf._targets} for leaf in moving]
    lost = {kind for leaf in moving for kind in not_carried(leaf)}
    common = set.intersection(*declared)
    return tuple(k for k, target in _KINDS.items() if target in common and k not in lost)


def _leaves(transform: Any) -> Iterator[Any]:
    if isinstance(transform, library().BaseCompose):
        for child in transform.transforms:
            yield from _leaves(child)
    else:
        yield transform


@dataclass(frozen=True, kw_only=True)
class Resizing:
    """How a transform resizes that does nothing else.

    Attributes:
      height, width: size of what it makes, where that is stated.
      longest, shortest: length of that side of what it makes, else.
    """

    height: int | None = None
    width: int | None = None
    longest: int | None = None
    shortest: int | None = None

    def of(self, height: int, width: int) -> tuple[int, int]:
        """Returns the (height, width) that an image of a size comes out with."""
        if self.height is not None and self.width is not None:
            return self.height, self.width
        if self.longest is not None:
            scale = self.longest / max(height, width)
        else:
            scale = (self.shortest or 1) / min(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))


def resizing_of(transform: Any) -> Resizing | None:
    """Returns how a transform resizes; None if it does more or less.

    That is one of the three that resize and do nothing else, to a size that is not drawn, making
    new values: nearest neighbors are picked.
    """
    module = library()
    if getattr(transform, "interpolation", None) in _PICKING:
        return None
    if isinstance(transform, module.Resize):
        return Resizing(height=transform.height, width=transform.width)
    size = getattr(transform, "max_size", None)
    if not isinstance(size, int):  # several, one of which is drawn, or bounds by side
        return None
    if isinstance(transform, module.LongestMaxSize):
        return Resizing(longest=size)
    return Resizing(shortest=size) if isinstance(transform, module.SmallestMaxSize) else None


def leaves_alone(transform: Any, height: int, width: int) -> bool:
    """Whether an image of a size comes out as it is, because it has that size already."""
    if isinstance(transform, library().CenterCrop):
        return (transform.height, transform.width) == (height, width)
    resizing = resizing_of(transform)
    return resizing is not None and resizing.of(height, width) == (height, width)


@dataclass(frozen=True)
class _Trial:
    """A recipe that is followed child by child.

    Attributes:
      notes: sentences that albumentations warned with on the way.
    """

    recipe: Recipe
    notes: list[str] = field(default_factory=list)


def signature_after(
    recipe: Recipe, image: ImageSignature
) -> tuple[ImageSignature, tuple[str, ...]]:
    """Returns an image's signature after the object of a recipe, and what it warned of.

    Raises:
      ValueError: it cannot take such an image, or its branches end in different dtypes or channels.
    """
    trial = _Trial(recipe)
    after = _after(recipe.transform, image, trial)
    return after, tuple(dict.fromkeys(trial.notes))


def _after(transform: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    module = library()
    if not isinstance(transform, module.BaseCompose):
        return _probe(transform, image, trial)
    name = f"A.{type(transform).__name__}"
    if isinstance(transform, module.SelectiveChannelTransform):
        return _selected(transform, image, trial)
    if isinstance(transform, (module.OneOf, module.OneOrOther)):
        possible = [child for child in transform.transforms if child.p > 0]
        return _merge(name, [_chosen(name, child, image, trial) for child in possible])
    if isinstance(transform, module.SomeOf):
        return _some(name, transform, image, trial)
    for child in transform.transforms:
        image = _maybe(name, child, image, trial)
    return image


def _maybe(name: str, child: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    """Follows a child that is applied with its own probability."""
    # The p of `OneOrOther` chooses between its two; one of them is always applied.
    p = 1 if isinstance(child, library().OneOrOther) else child.p
    if p <= 0:
        return image
    after = _after(child, image, trial)
    return after if p >= 1 else _merge(name, [image, after])


def _chosen(name: str, child: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    """Follows a child that its parent chose: applied, whatever its p, by all but `SomeOf`."""
    if isinstance(child, library().SomeOf):
        return _maybe(name, child, image, trial)
    return _after(child, image, trial)


def _some(name: str, transform: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    for _ in range(transform.n):
        outcomes = [_maybe(name, child, image, trial) for child in transform.transforms]
        image = _merge(name, [image, *outcomes])
    return image


def _selected(transform: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    name = f"A.{type(transform).__name__}"
    if max(transform.channels) >= image.channels:
        raise ValueError(
            f"{name}: channels: expected numbers below {image.channels}, "
            f"found {list(transform.channels)}."
        )
    part = replace(image, channels=len(transform.channels))
    for child in transform.transforms:
        after = _after(child, part, trial)
        if after != part:
            raise ValueError(f"{name}: expected children that keep {part}, found one to {after}.")
    return image


def _merge(name: str, branches: Sequence[ImageSignature]) -> ImageSignature:
    """Returns the signature of any of some branches: a side they do not share varies."""
    kinds = {(branch.channels, branch.dtype) for branch in branches}
    if len(kinds) > 1:
        shown = " and ".join(str(branch) for branch in dict.fromkeys(branches))
        raise ValueError(f"{name}: branches end in different signatures: {shown}.")
    return replace(
        branches[0],
        height=_shared({branch.height for branch in branches}),
        width=_shared({branch.width for branch in branches}),
        within=_shared({branch.within for branch in branches}),
    )


def _shared(values: set[Any]) -> Any:
    """Returns what all have in common; None if they differ."""
    return values.pop() if len(values) == 1 else None


def _probe(transform: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    return _bounded(transform, image, _tried(transform, image, trial))


def _bounded(transform: Any, image: ImageSignature, after: ImageSignature) -> ImageSignature:
    """Returns a signature after a transform with what trials on a few sizes cannot tell.

    A letterbox is of two stages: one bounds both sides, the other fills what they lack of it. Alone
    the second keeps what is larger, though no image that it was tried on may have been.
    """
    module = library()
    if isinstance(transform, module.PadIfNeeded):
        least = (transform.min_height, transform.min_width)
        within = image.within or (None, None)
        height, width = map(_padded, image.shape[:2], within, least, after.shape[:2])
        return replace(after, height=height, width=width)
    if isinstance(transform, module.LongestMaxSize):
        return replace(after, within=_longest(transform))
    turns = isinstance(transform, (module.HorizontalFlip, module.VerticalFlip))
    return replace(after, within=image.within if turns or _keeps_shape(transform) else None)


def _padded(side: int | None, most: int | None, least: int | None, tried: int | None) -> int | None:
    if side is not None:
        return tried
    return least if most is not None and least is not None and most <= least else None


def _longest(transform: Any) -> tuple[int, int] | None:
    """Returns the (height, width) that A.LongestMaxSize keeps within."""
    if transform.max_size is not None:
        longest = transform.max_size
        longest = longest if isinstance(longest, int) else max(longest)
        return longest, longest
    height, width = transform.max_size_hw
    return None if height is None or width is None else (height, width)


def _tried(transform: Any, image: ImageSignature, trial: _Trial) -> ImageSignature:
    fixed = None not in image.shape
    try:
        return _try(transform, image, trial, _SMALL[:1] if fixed else _SMALL)
    except Exception as error:  # noqa: BLE001 - a transform may raise anything on what it cannot take
        reason = error
    if not fixed:
        try:
            return _try(transform, image, trial, _LARGE)
        except Exception as error:  # noqa: BLE001 - as above
            reason = error
    name = f"A.{type(transform).__name__}"
    text = " ".join(str(reason).split()) or type(reason).__name__
    raise ValueError(f"{name}: cannot be applied to an image {image}: {text}") from reason


def _try(
    transform: Any, image: ImageSignature, trial: _Trial, sizes: Sequence[tuple[int, int]]
) -> ImageSignature:
    seeds = 2 if _keeps_shape(transform) else _SEEDS
    made_up = [_made_up(image, size) for size in sizes]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = [
            call(transform, each, seed, trial.recipe.references)
            for each, seed in product(made_up, range(seeds))
        ]
    trial.notes.extend(warned(f"A.{type(transform).__name__}", caught))
    shapes = [result.shape for result in results]
    kinds = {(shape[2], str(result.dtype)) for shape, result in zip(shapes, results, strict=True)}
    if len(kinds) > 1:
        raise ValueError(f"its output varies in channels or dtype: {sorted(kinds)}.")
    channels, dtype = kinds.pop()
    return ImageSignature(
        height=_shared({shape[0] for shape in shapes}),
        width=_shared({shape[1] for shape in shapes}),
        channels=channels,
        dtype=dtype,
    )


def _keeps_shape(transform: Any) -> bool:
    """Whether chance has no part in the shape; the slowest transforms are among these."""
    from albumentations.augmentations.geometric.distortion import BaseDistortion

    return isinstance(transform, (library().ImageOnlyTransform, BaseDistortion))


def _made_up(image: ImageSignature, size: tuple[int, int]) -> np.ndarray:
    shape = (image.height or size[0], image.width or size[1], image.channels)
    rng = np.random.default_rng(0)
    dtype = np.dtype(image.dtype)
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    noise = rng.bytes(math.prod(shape) * dtype.itemsize)  # much faster than `integers`
    return np.frombuffer(noise, dtype).reshape(shape).copy()
