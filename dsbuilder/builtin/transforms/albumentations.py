"""Every transform of albumentations, by its name.

`albumentations_recipe.py` makes the object from the options, `albumentations_signature.py` finds
out what it does to a signature. albumentations itself is imported when the first `A.` stage is
bound: its import takes more than a second that a pipeline without it shall not pay.
"""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from dsbuilder.builtin.transforms.albumentations_bounded import check_kernels
from dsbuilder.builtin.transforms.albumentations_recipe import (
    Recipe,
    default_p,
    make,
    members,
    with_paths,
)
from dsbuilder.builtin.transforms.albumentations_signature import (
    geometry_of,
    leaves_alone,
    moves_of,
    signature_after,
    size_after,
    varies,
)
from dsbuilder.builtin.transforms.albumentations_targets import Carrier, check, masks_of
from dsbuilder.plugin import (
    Geometry,
    ImageSignature,
    Params,
    Sample,
    Signature,
    Transform,
    draw_seed,
    transform,
)


@transform("A.*", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class Albumentations(Transform):
    """Applies a transform of albumentations: `{use: A.HorizontalFlip, p: 0.5}`.

    The options are those of the class, with its defaults, the default of `p` included. Lists stand
    for tuples; `interpolation`, `mask_interpolation` and `border_mode` also take OpenCV's names
    (`linear`, `area`, `reflect_101`, ...). In a composition, `transforms` is a list of
    `{use: A.Name, ...}` or of albumentations' own `{__class_fullname__: Name, ...}`; its children
    keep their own `p`. A recipe written by `A.to_dict` can be pasted as it is. `A.FDA`,
    `A.HistogramMatching` and `A.PixelDistributionAdaptation` take `reference_images`, a list of
    absolute paths. Of an image with alpha, what changes colors alone leaves alpha as it is.

    Masks, boxes and keypoints go through with the image, as far as the class declares them: boxes
    are cut at the edges and dropped where hardly anything is left of them; what comes into a mask
    from outside is the id that it ignores, unless `fill_mask` says another. What needs more than an
    image and its targets with every call (other images, volumes, texts, functions) is refused, and
    so are the crops that boxes or masks steer. A border that reflects shows things twice: boxes are
    there for both, and where there are keypoints it is refused.

    Attributes:
      member: the class's name.
      options: its arguments.
    """

    member: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Files become `Path`, which a fingerprint takes by content; a text would go by its name.
        object.__setattr__(self, "options", with_paths(self.options))
        _ = self._recipe

    @staticmethod
    def has_member(name: str) -> bool:
        """Whether albumentations has a class of a name."""
        return name in members()

    @cached_property
    def _recipe(self) -> Recipe:
        """The one object of this stage in this process; no field, so no part of equality."""
        return make(self.member, self.options)

    @cached_property
    def _subject(self) -> "_Subject":
        options = json.dumps(self.options, sort_keys=True, default=str)
        return _Subject(member=self.member, options=options, recipe=self._recipe)

    @property
    def geometry(self) -> Geometry:
        """By class: of the image alone `fixed`, of all targets `moves`; a composition's worst."""
        return geometry_of(self._recipe.transform)

    @property
    def moves(self) -> tuple[str, ...]:
        """The kinds of positional target that the class declares."""
        return moves_of(self._recipe.transform)

    @property
    def draws(self) -> bool:
        """Whether two seeds give two results, found by trying it on a made-up image."""
        return _found_to_vary(self._subject)

    @property
    def default_p(self) -> float:
        """The class's own default."""
        return default_p(self.member)

    def inputs(self) -> Mapping[str, str]:
        """The version of albumentations: another one may draw or compute otherwise."""
        return {"albumentations": _version()}

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature after it, found by trying it on made-up images.

        A side is stated if every try with some fixed seeds gave the same; else it varies.
        """
        check_kernels(self._recipe.transform)
        if signature.positional:
            check(self._recipe, signature.positional)
        image, _ = _found_after(self._subject, signature.image)
        return replace(signature, image=image)

    def notes(self, signature: Signature) -> Sequence[str]:
        """Returns what albumentations warns of, when it is made and tried on made-up images."""
        _, notes = _found_after(self._subject, signature.image)
        return tuple(dict.fromkeys((*self._recipe.notes, *notes)))

    def shrinks_to(self, height: int, width: int) -> tuple[int, int] | None:
        """Returns what A.Resize, A.SmallestMaxSize and A.LongestMaxSize make of a size."""
        return size_after(self._recipe.transform, height, width)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws a seed: albumentations' own params hold arrays."""
        return {"seed": draw_seed(rng)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the transformed sample; two calls with one seed give the same bytes."""
        if leaves_alone(self._recipe.transform, *sample.image.shape[:2]):
            return sample
        if sample.positional and self._moves:
            return self._carrier(sample).run(sample, params["seed"])
        return sample.replace(image=self._recipe.run(sample.image, params["seed"]))

    @cached_property
    def _moves(self) -> bool:
        return self.geometry == "moves"

    @cached_property
    def _carriers(self) -> list[Carrier]:
        return []

    def _carrier(self, sample: Sample) -> Carrier:
        """Returns the carrier of a sample's targets; a process meets those of one signature."""
        kinds, count = sample.positional, len(masks_of(sample, sample.positional))
        known = self._carriers[0] if self._carriers else None
        if known is None or known.kinds is not kinds or known.most < count:
            # Room for twice as many, so that few crowded images have more than all before.
            self._carriers[:] = [Carrier.of(self._recipe, kinds, 2 * count)]
        return self._carriers[0]

    def explain(self, sample: Sample, params: Params) -> Params:
        """Returns what albumentations drew from the seed: its own params of every transform."""
        return self._recipe.explain(sample.image, params["seed"])


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A class with its options, which a process tries on made-up images but once."""

    member: str
    options: str
    recipe: Recipe = field(compare=False)


@lru_cache(maxsize=512)
def _found_after(
    subject: _Subject, image_signature: ImageSignature
) -> tuple[ImageSignature, tuple[str, ...]]:
    with subject.recipe.lock:
        return signature_after(subject.recipe, image_signature)


@lru_cache(maxsize=512)
def _found_to_vary(subject: _Subject) -> bool:
    return varies(subject.recipe)


@cache
def _version() -> str:
    return importlib.metadata.version("albumentations")
