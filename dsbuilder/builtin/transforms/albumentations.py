"""Every transform of albumentations, by its name.

`albumentations_recipe.py` makes the object from the options, `albumentations_signature.py` finds
out what it does to a signature, and `albumentations_facts.py` keeps what was found. albumentations
itself is imported when a stage is applied, or asked what is not known of it: the import takes half
a second that nobody else shall pay.
"""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from dsbuilder.builtin.transforms.albumentations_bounded import check_kernels
from dsbuilder.builtin.transforms.albumentations_facts import StageFacts, facts_of
from dsbuilder.builtin.transforms.albumentations_recipe import (
    Recipe,
    default_p,
    make,
    members,
    with_paths,
)
from dsbuilder.builtin.transforms.albumentations_signature import (
    Resizing,
    geometry_of,
    leaves_alone,
    moves_of,
    resizing_of,
    signature_after,
    varies,
)
from dsbuilder.builtin.transforms.albumentations_targets import Carrier, check, masks_of
from dsbuilder.plugin import (
    Geometry,
    ImageSignature,
    Params,
    Sample,
    Signature,
    Target,
    Transform,
    draw_seed,
    signature_to_json,
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
        _ = self._notes  # what cannot be made is refused

    @staticmethod
    def has_member(name: str) -> bool:
        """Whether albumentations has a class of a name."""
        return name in members()

    @cached_property
    def _recipe(self) -> Recipe:
        """The one object of this stage in this process; no field, so no part of equality."""
        return make(self.member, self.options)

    @cached_property
    def _facts(self) -> StageFacts:
        return facts_of(self.member, self.options)

    @property
    def _notes(self) -> Sequence[str]:
        return tuple(self._facts.ask("notes", lambda: list(self._recipe.notes)))

    @property
    def geometry(self) -> Geometry:
        """By class: of the image alone `fixed`, of all targets `moves`; a composition's worst."""
        found: Geometry = self._facts.ask("geometry", lambda: geometry_of(self._recipe.transform))
        return found

    @property
    def moves(self) -> tuple[str, ...]:
        """The kinds of positional target that the class declares."""
        return tuple(self._facts.ask("moves", lambda: list(moves_of(self._recipe.transform))))

    @property
    def draws(self) -> bool:
        """Whether two seeds give two results, found by trying it on a made-up image."""
        return bool(self._facts.ask("draws", lambda: varies(self._recipe)))

    @property
    def default_p(self) -> float:
        """The class's own default."""
        return float(self._facts.ask("default_p", lambda: default_p(self.member)))

    def inputs(self) -> Mapping[str, str]:
        """The version of albumentations: another one may draw or compute otherwise."""
        return {"albumentations": _version()}

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature after it, found by trying it on made-up images.

        A side is stated if every try with some fixed seeds gave the same; else it varies.
        """
        kinds = signature.positional
        described = signature_to_json(signature.replace(targets=kinds))["targets"]
        self._facts.ask(f"carries {json.dumps(described)}", lambda: self._check(kinds))
        image, _ = self._after(signature.image)
        return replace(signature, image=image)

    def _check(self, kinds: Mapping[str, Target]) -> bool:
        check_kernels(self._recipe.transform)
        if kinds:
            check(self._recipe, kinds)
        return True

    def _after(self, image: ImageSignature) -> tuple[ImageSignature, Sequence[str]]:
        """Returns the signature after it, and what albumentations warned of."""

        def find() -> tuple[Mapping[str, Any], Sequence[str]]:
            with self._recipe.lock:
                after, notes = signature_after(self._recipe, image)
            return asdict(after), notes

        after, notes = self._facts.ask(f"after {json.dumps(asdict(image))}", find)
        within = after["within"]
        return ImageSignature(**{**after, "within": within and tuple(within)}), notes

    def notes(self, signature: Signature) -> Sequence[str]:
        """Returns what albumentations warns of, when it is made and tried on made-up images."""
        _, notes = self._after(signature.image)
        return tuple(dict.fromkeys((*self._notes, *notes)))

    def shrinks_to(self, height: int, width: int) -> tuple[int, int] | None:
        """Returns what A.Resize, A.SmallestMaxSize and A.LongestMaxSize make of a size."""
        return None if self._resizing is None else self._resizing.of(height, width)

    @cached_property
    def _resizing(self) -> Resizing | None:
        def find() -> Mapping[str, Any] | None:
            found = resizing_of(self._recipe.transform)
            return None if found is None else asdict(found)

        found = self._facts.ask("resizing", find)
        return None if found is None else Resizing(**found)

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


@cache
def _version() -> str:
    return importlib.metadata.version("albumentations")
