"""What the kit shows a plugin that makes samples: images of every mode, with targets on them."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.plugin import (
    CHANNELS,
    Boxes,
    BoxSet,
    ClassLabel,
    ImageSignature,
    Instances,
    InstanceSet,
    Keypoints,
    Mask,
    Mixer,
    Mode,
    Params,
    PointSet,
    Sample,
    Signature,
    Stage,
    Synthesizer,
    Target,
    Transform,
)
from dsbuilder.testing.laws import signature_or_refusal
from dsbuilder.testing.promises import name_of

SIZES = ((32, 48), (40, 40), (37, 29))
LABEL = ClassLabel(names=("a", "b", "c"))
POSITIONAL: Mapping[str, Target] = {
    "boxes": Boxes(names=("dot", "line")),
    "instances": Instances(names=("dot", "line")),
    "keypoints": Keypoints(names=("left", "right"), swaps=(("left", "right"),)),
    "mask": Mask(names=("ground", "dot")),
}
"""The kinds of target in pixel coordinates that a plugin is shown, by the names they have then."""
_KEY = "kit.png"
_MODES = {1: "gray", 3: "RGB", 4: "RGBA"}


def noise(
    height: int, width: int, channels: int = 3, *, dtype: str = "uint8", seed: int = 0
) -> Sample:
    """Returns a sample of random pixels with a class label; its image is read-only."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if np.dtype(dtype).kind == "f":
        image = (image / 255).astype(dtype)
    image = image.astype(dtype)
    image.flags.writeable = False
    return Sample(key=f"noise/{seed}.png", image=image, targets={"label": seed % 3})


def with_objects(sample: Sample, kinds: Collection[str], *, count: int = 2) -> Sample:
    """Returns a sample with so many objects of each of some kinds of target."""
    height, width = sample.image.shape[:2]
    corners = np.array([[0.1, 0.2, 0.5, 0.75], [0.55, 0.3, 0.9, 0.6]], np.float32)[:count]
    mask = np.zeros((height, width), np.uint8)
    for left, top, right, bottom in corners * (width, height, width, height):
        mask[round(top) : round(bottom), round(left) : round(right)] = 1
    values: Mapping[str, Any] = {
        "boxes": BoxSet(corners=corners, classes=np.arange(count, dtype=np.int64)),
        "instances": _instances(corners, (height, width)),
        "keypoints": PointSet(
            points=corners.reshape(-1, 2, 2), visibility=np.full((count, 2), 2, np.int64)
        ),
        "mask": mask,
    }
    kept = {name: value for name, value in values.items() if name in kinds}
    return sample.replace(
        key=_KEY,
        targets={**sample.targets, **kept},
        positional={name: POSITIONAL[name] for name in kept},
    )


def _instances(corners: np.ndarray, size: tuple[int, int]) -> InstanceSet:
    """Returns an object in each of some boxes, the outlines of which meet their corners."""
    sides = np.array([size[1], size[0]])
    objects = []
    for label, box in zip(("dot", "line"), corners, strict=False):
        (left, top), (right, bottom) = (box[:2] * sides).tolist(), (box[2:] * sides).tolist()
        outline = [left, top, right, top, right, bottom, left, bottom]
        objects.append({"label": label, "box": box.tolist(), "polygons": [outline]})
    found: InstanceSet = POSITIONAL["instances"].parse({"objects": objects, "size": list(size)})
    return found


def described(sample: Sample) -> str:
    """Returns a sample in words: mode and size of its image, and its targets."""
    height, width, channels = sample.image.shape
    found = [_held(name, value) for name, value in sample.targets.items()]
    dtype = "" if sample.image.dtype == np.uint8 else f" {sample.image.dtype}"
    image = f"{_article(_MODES[channels])}{dtype} image of {height}x{width} pixels"
    return f"{image} with {' and '.join(found)}" if found else image


def _article(mode: str) -> str:
    return f"{'a' if mode == 'gray' else 'an'} {mode}"


def _held(name: str, value: Any) -> str:
    if isinstance(value, (BoxSet, InstanceSet, PointSet)):
        return f"{len(value) or 'no'} {name}"
    return f"a {name}"


def signature_of(sample: Sample) -> Signature:
    """Returns the signature of a sample of the kit, with all that it holds."""
    height, width, channels = sample.image.shape
    image = ImageSignature(height=height, width=width, channels=channels)
    return Signature(image=image, targets={"label": LABEL, **sample.positional})


@dataclass(frozen=True, kw_only=True)
class ShownCase:
    """A plugin that makes samples, with what it is shown.

    Attributes:
      given: the sample, and behind it the partners of a mixer; none of a synthesizer.
      mode: what a synthesizer draws in.
      after: signature that it announces.
    """

    plugin: Transform | Mixer | Synthesizer
    given: tuple[Sample, ...]
    mode: Mode = "rgb"
    after: Signature

    @property
    def shown(self) -> str:
        """What the plugin is shown, in words."""
        if not self.given:
            return f"mode '{self.mode}'"
        beside = {f"{each.image.shape[0]}x{each.image.shape[1]}" for each in self.given[1:]}
        partners = f" beside partners of {', '.join(sorted(beside))}" if beside else ""
        return described(self.given[0]) + partners

    def fresh(self) -> list[Sample]:
        """Returns copies of the samples, which may be written to."""
        return [
            each.replace(image=each.image.copy(), targets=copy.deepcopy(dict(each.targets)))
            for each in self.given
        ]

    def draw(self, given: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws as a build does."""
        match self.plugin:
            case Transform():
                return self.plugin.draw(given[0], rng)
            case Mixer():
                return self.plugin.draw(given[0], given[1:], rng)
            case _:
                return self.plugin.draw(rng)

    def make(self, given: Sequence[Sample], params: Params) -> Sample:
        """Applies or renders as a build does; what a synthesizer states raw is parsed."""
        match self.plugin:
            case Transform():
                return Stage(id="kit", plugin=self.plugin).apply(given[0], params)
            case Mixer():
                before = signature_of(given[0]).targets
                return self.plugin.mix(given[0], given[1:], params, before)
            case _:
                return self.rendered("a//1", params)

    def rendered(self, key: str, params: Params) -> Sample:
        """Returns what a synthesizer renders under a key, its labels parsed."""
        assert isinstance(self.plugin, Synthesizer)
        made = self.plugin.render(key, params, self.mode)
        kinds = self.after.targets
        parsed = {n: kinds[n].parse(raw) if n in kinds else raw for n, raw in made.targets.items()}
        return made.replace(targets=parsed)


def cases_of(
    plugin: Transform | Mixer | Synthesizer,
    sizes: Sequence[tuple[int, int]] = SIZES,
    *,
    count: int = 2,
) -> Iterator[ShownCase]:
    """Yields what a plugin takes of the images that the kit has, each in every mode.

    Args:
      sizes: (height, width) of the images; of a mixer, of its partners.
      count: number of objects on each.
    """
    if isinstance(plugin, Synthesizer):
        for mode in CHANNELS:
            after = signature_or_refusal(name_of(plugin), plugin.output_signature, mode)
            if after is not None:
                yield ShownCase(plugin=plugin, given=(), mode=mode, after=after)
        return
    for channels in _MODES:
        for index, size in enumerate(sizes):
            case = _case(plugin, channels, size, sizes[0], index, count)
            if case is not None:
                yield case


def _case(
    plugin: Transform | Mixer,
    channels: int,
    size: tuple[int, int],
    first: tuple[int, int],
    seed: int,
    count: int,
) -> ShownCase | None:
    """Returns the case with as many kinds of target as a plugin takes; None if it takes none."""
    own = size if isinstance(plugin, Transform) else first
    for kinds in _kinds(plugin):
        sample = with_objects(noise(*own, channels, seed=3 * seed), kinds, count=count)
        after = signature_or_refusal(name_of(plugin), plugin.output_signature, signature_of(sample))
        if after is not None:
            partners = [
                with_objects(noise(*size, channels, seed=3 * seed + number), kinds, count=count)
                for number in range(1, 1 + getattr(plugin, "partners", 0))
            ]
            return ShownCase(plugin=plugin, given=(sample, *partners), after=after)
    return None


def _kinds(plugin: Transform | Mixer) -> Iterator[tuple[str, ...]]:
    """Yields the kinds of target to try, the most first."""
    every = tuple(POSITIONAL)
    if isinstance(plugin, Mixer):
        yield every
        yield from ((objects, "mask") for objects in ("instances", "boxes"))
        yield from ((name,) for name in ("instances", "boxes", "mask"))
        yield ()
    elif plugin.geometry == "moves":
        yield from (tuple(name for name in every if name in plugin.moves), ())
    else:
        yield from ((every,) if plugin.geometry == "fixed" else ())
        yield ()
