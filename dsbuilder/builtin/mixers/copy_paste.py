"""Copy-paste: objects of another image, cut out along their masks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.images.bit_planes import pack
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    Instances,
    InstanceSet,
    Mask,
    Mixer,
    Motion,
    Params,
    PluginError,
    Range,
    Sample,
    Target,
    mixer,
)

_MOST_SCALE = 4.0
_CROWD = "iscrowd"


@mixer("copy_paste")
@dataclass(frozen=True, kw_only=True)
class CopyPaste(Mixer):
    """Pastes objects of another image of the split, with their labels (Ghiasi et al. 2021).

    G. Ghiasi, Y. Cui, A. Srinivas, R. Qian, T.-Y. Lin, E. D. Cubuk, Q. V. Le, B. Zoph, "Simple
    Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation" (2021). Objects are
    cut out along the masks of instances, or the boxes of a target of boxes, as they lie in the
    other image, which is mirrored, scaled and shifted as a whole; what is called `iscrowd` is never
    pasted. What they cover is taken from the masks of the objects below, whose boxes are then those
    around what is left. Masks of classes are pasted alike, classes and numbers mix by the pixels
    that are pasted; keypoints and texts are refused.

    Attributes:
      most: number of objects that are pasted at most, 1 or more; as many as that are drawn alike.
      scale: how large the other image is, 1 where it just fits into this one; in [0.01, 4].
      flip: probability with which it is mirrored, in [0, 1].
      min_visible: share of an object that must be seen, of those below and of those that are
        pasted, or it is dropped from the labels, in [0, 1].
    """

    most: int = 10
    scale: Range = Range(0.5, 1.25)
    flip: float = 0.5
    min_visible: float = 0.25

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"most: expected 1 or more, found {self.most}.")
        self.scale.check("scale", 0.01, _MOST_SCALE)
        for name in ("flip", "min_visible"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected [0, 1], found {getattr(self, name):g}.")

    def mixed(self, targets: Mapping[str, Target]) -> dict[str, Target]:
        """Returns targets in their mixed form; those in pixel coordinates stay as they are.

        Raises:
          PluginError: one of them cannot be mixed, or there is not one target of objects.
        """
        _of_objects(targets)
        kept = (Boxes, Instances, Mask)
        return {n: each if isinstance(each, kept) else each.mixed() for n, each in targets.items()}

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws where the other image lies, and which of its objects are pasted."""
        before, after = _size(partners[0]), _size(sample)
        fit = min(after[0] / before[0], after[1] / before[1]) * self.scale.draw(rng)
        height, width = (max(1, round(side * fit)) for side in before)
        top, left = (
            int(rng.integers(min(0, room), max(0, room) + 1))
            for room in (after[0] - height, after[1] - width)
        )
        flip = float(rng.random()) < self.flip
        free = np.flatnonzero(~_crowds(_objects(partners[0]).boxes))
        count = int(rng.integers(1, self.most + 1))
        chosen = np.sort(rng.permutation(free)[:count]).tolist()
        params = {"place": [top, left, height, width], "flip": flip, "objects": chosen}
        pasted = _union(self._pasted(sample, partners[0], params))
        return {**params, "weight": 1.0 - float(pasted.mean())}

    def weights(self, params: Params) -> tuple[float, ...]:
        """The share of pixels that are the sample's, and the rest."""
        return (params["weight"], 1.0 - params["weight"])

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        """Returns the sample with what is pasted, of its size."""
        above = self._pasted(sample, partners[0], params)
        return _painted(sample, partners[0], params, _union(above))

    def mix(
        self,
        sample: Sample,
        partners: Sequence[Sample],
        params: Params,
        targets: Mapping[str, Target],
    ) -> Sample:
        """Returns the sample with the objects that are pasted, and without what they cover."""
        above = self._pasted(sample, partners[0], params)
        values = {
            name: self._mixed(kind, name, (sample, partners[0]), params, above)
            for name, kind in targets.items()
        }
        return _painted(sample, partners[0], params, _union(above)).replace(targets=values)

    def _mixed(
        self,
        kind: Target,
        name: str,
        parents: tuple[Sample, Sample],
        params: Params,
        above: InstanceSet,
    ) -> Any:
        """Returns the value of a target of a sample and its partner, and of what is pasted."""
        one, other = (parent.targets[name] for parent in parents)
        if isinstance(kind, Mask):
            moved = kind.move(other, _motion(*parents, params))
            return np.where(_union(above), moved, one)
        if not isinstance(kind, (Boxes, Instances)):
            return kind.mix([one, other], self.weights(params))
        below = self._left(_objects(parents[0]), _union(above))
        merged = InstanceSet.joined([below, above])
        return merged.boxes if isinstance(kind, Boxes) else merged

    def _left(self, below: InstanceSet, pasted: np.ndarray) -> InstanceSet:
        """Returns the objects that are seen enough, without the pixels that are covered."""
        planes = np.where(pasted, np.uint8(0), below.planes)
        return below.covering(planes, self.min_visible * below.areas())

    def _pasted(self, sample: Sample, partner: Sample, params: Params) -> InstanceSet:
        """Returns the objects that are pasted, where they lie then."""
        motion = _motion(sample, partner, params)
        whole = _objects(partner).take(params["objects"])
        grown = abs(float(np.linalg.det(motion.matrix)))
        planes = motion.moved(whole.planes, outside=0)
        least = self.min_visible * grown * whole.areas()
        return whole.covering(planes, least, moved=not motion.stays)


def _painted(sample: Sample, partner: Sample, params: Params, pasted: np.ndarray) -> Sample:
    """Returns a sample that shows the other image where pixels `(H, W)` are pasted."""
    from dsbuilder.images.encoding import resize

    if not pasted.any():
        return sample
    top, left, height, width = params["place"]
    other = resize(partner.image, (height, width))
    other = other[:, ::-1] if params["flip"] else other
    rows, columns = np.nonzero(pasted)
    image = sample.image.copy(order="C")
    image[rows, columns] = other[rows - top, columns - left]
    return sample.replace(image=image)


def _of_objects(targets: Mapping[str, Target]) -> str:
    """Returns the name of the one target that says what objects there are."""
    names = [name for name, kind in targets.items() if isinstance(kind, (Boxes, Instances))]
    if len(names) != 1:
        raise PluginError(
            "expected one target of instances or boxes, which says what is pasted, found "
            f"{', '.join(names) or 'none'}. Read one of them alone, or remove the mixer."
        )
    return names[0]


def _objects(sample: Sample) -> InstanceSet:
    """Returns the objects of a sample; of boxes the masks are these themselves."""
    name = _of_objects(sample.positional)
    value = sample.targets[name]
    return value if isinstance(value, InstanceSet) else _filled(value, _size(sample))


def _filled(boxes: BoxSet, size: tuple[int, int]) -> InstanceSet:
    """Returns boxes as objects that fill them, each of one pixel at least."""
    height, width = size

    def masks() -> Iterator[np.ndarray]:
        for left, top, right, bottom in boxes.corners * (width, height, width, height):
            mask = np.zeros(size, bool)
            first_row, first_column = min(round(top), height - 1), min(round(left), width - 1)
            rows = slice(first_row, max(round(bottom), first_row + 1))
            mask[rows, first_column : max(round(right), first_column + 1)] = True
            yield mask

    return InstanceSet(boxes=boxes, planes=pack(masks(), size), outlines=((),) * len(boxes))


def _crowds(boxes: BoxSet) -> np.ndarray:
    """Returns which objects are groups that are not told apart, `(n,)`."""
    flags = boxes.attributes.get(_CROWD, np.zeros(len(boxes), np.int64))
    return np.asarray(flags == 1, bool)


def _union(objects: InstanceSet) -> np.ndarray:
    """Returns the pixels that any of some objects covers."""
    return np.asarray(objects.planes.any(axis=0), bool)


def _motion(sample: Sample, partner: Sample, params: Params) -> Motion:
    """Returns where the pixels of the other image go."""
    before, (top, left, height, width) = _size(partner), params["place"]
    return Motion.of_box(
        before,
        (0, 0, *before),
        (top, left, height, width),
        _size(sample),
        mirrored=params["flip"],
    )


def _size(sample: Sample) -> tuple[int, int]:
    return sample.image.shape[0], sample.image.shape[1]
