"""Masks, instances, boxes and keypoints that go through albumentations in one call with the pixels.

A copy of the object is called just as without targets, so the pixels and what is drawn are the
same; a `Compose` around it only brings boxes and keypoints into albumentations' own form and back.
An index goes along with every box and point, so that attributes follow and what is dropped is
known. Keypoints are those of pixel centers there: half a pixel less than ours. The masks of
instances go as planes of bits (`images/bit_planes.py`), each of them a mask to albumentations.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.builtin.transforms.albumentations_bending import straighten
from dsbuilder.builtin.transforms.albumentations_drawn import leaves
from dsbuilder.builtin.transforms.albumentations_recipe import Recipe, library, reseed
from dsbuilder.plugin import Boxes, Instances, Keypoints, Mask, Sample, Target

_NEAREST = (0, 6)  # OpenCV's INTER_NEAREST and INTER_NEAREST_EXACT
_REFLECTING = (2, 4)  # OpenCV's BORDER_REFLECT and BORDER_REFLECT_101
_HALF = 0.5

# Small triangles spread over the image, by the place of their first corner: a flip turns each of
# them, a shuffle of tiles or a wave only some.
_PLACES = np.array([[0.2, 0.2], [0.8, 0.3], [0.45, 0.55], [0.3, 0.8], [0.7, 0.7]])
_TRIANGLE = np.array([[0.0, 0.0], [0.04, 0.0], [0.0, 0.04]])
_MARKERS = (_PLACES[:, None] + _TRIANGLE).reshape(-1, 2)

NOT_CARRIED: Mapping[str, Mapping[str, str]] = {
    "Morphological": {
        "boxes": "it gives each of them the box around all",
        "mask": "it grows and shrinks ids by their number, whatever the picture shows",
        "instances": "it grows and shrinks masks by their number, whatever the picture shows",
    },
    "RandomGridShuffle": {"boxes": "it tears them apart"},
}
"""What a class declares to carry along and does not, by kind, and why.

Of everything else a test shows on pictures of places that it is carried truly; what bends an image,
by arithmetic of ours (`albumentations_bending.py`).
"""


def not_carried(leaf: Any) -> Mapping[str, str]:
    """Returns why a transform does not carry kinds that it declares, by kind."""
    return NOT_CARRIED.get(type(leaf).__name__, {})


def check(recipe: Recipe, kinds: Mapping[str, Target]) -> None:
    """Raises a ValueError unless an object can take targets of these kinds with an image."""
    for leaf in leaves(recipe.transform):
        for name, kind in kinds.items():
            if reason := not_carried(leaf).get(kind.kind):
                raise ValueError(
                    f"A.{type(leaf).__name__}: expected a transform that carries the target "
                    f"'{name}' ({kind.kind}) along, found that {reason}. Use another one."
                )
    _check_masks(recipe, [kind for kind in kinds.values() if isinstance(kind, (Mask, Instances))])
    if any(isinstance(kind, Keypoints) for kind in kinds.values()):
        _check_borders(recipe)


def _check_masks(recipe: Recipe, masks: Sequence[Mask | Instances]) -> None:
    """Refuses what would make other masks than nearest neighbors do, or others than all take."""
    ids = [kind for kind in masks if isinstance(kind, Mask)]
    if len({kind.outside for kind in ids}) > 1:
        raise ValueError(
            f"{recipe.name}: expected masks that all ignore the same id, found "
            f"{', '.join(f'{kind.ignore}' for kind in ids)}. Use one id in all of them."
        )
    for leaf in leaves(recipe.transform) if masks else ():
        if getattr(leaf, "mask_interpolation", 0) not in _NEAREST:
            raise ValueError(
                f"{recipe.name}: mask_interpolation: expected nearest, since ids have nothing "
                "between them, found another. Remove it."
            )
    if len(ids) < len(masks):
        _check_fills(recipe)


def _check_fills(recipe: Recipe) -> None:
    """Refuses values that are filled into masks: of instances these would be objects."""
    for leaf in leaves(recipe.transform):
        for option in ("fill_mask", "mask_drop_value"):
            if getattr(leaf, option, None) not in (None, 0, 0.0):
                raise ValueError(
                    f"{recipe.name}: {option}: expected 0 where there are instances, found "
                    f"{getattr(leaf, option)!r}. Remove it."
                )


def _check_borders(recipe: Recipe) -> None:
    """Refuses borders that reflect: albumentations gives a point back once for every reflection."""
    module = library()
    for leaf in leaves(recipe.transform):
        reflects = getattr(leaf, "border_mode", None) in _REFLECTING
        if reflects and isinstance(leaf, module.DualTransform):
            raise ValueError(
                f"{recipe.name}: border_mode: expected constant, replicate or wrap where there are "
                "keypoints, found one that reflects them. Change it."
            )


@dataclass(frozen=True)
class Carrier:
    """An albumentations object that carries the targets of a sample along.

    Attributes:
      transform: the object.
      around: a composition that brings boxes and keypoints into its form; None where there are
        none.
      recipe: what the object is a copy of.
      kinds: kinds of the targets, by name.
      most: number of masks that it can take, planes of instances among them.
    """

    transform: Any
    around: Any
    recipe: Recipe
    kinds: Mapping[str, Target]
    most: int

    @classmethod
    def of(cls, recipe: Recipe, kinds: Mapping[str, Target], most: int) -> "Carrier":
        """Returns the carrier of some kinds of target."""
        transform = copy.deepcopy(recipe.transform)
        masks = [kind for kind in kinds.values() if isinstance(kind, Mask)]
        transform.add_targets({_mask(place): "mask" for place in range(most)})
        for leaf in leaves(transform):
            straighten(leaf)
            if masks and getattr(leaf, "fill_mask", None) == 0:  # its default
                leaf.fill_mask = masks[0].outside
        return cls(transform, _around(transform, kinds), recipe, kinds, most)

    def run(self, sample: Sample, seed: int) -> Sample:
        """Returns the transformed sample; two calls with one seed give the same bytes."""
        data = self._given(sample)
        with self.recipe.lock:
            reseed(self.transform, seed)
            result = self._call(data)
        image = result["image"]
        image = np.ascontiguousarray(image if image.ndim == 3 else image[..., None])
        moved = dict(self._taken(sample, result, (image.shape[0], image.shape[1])))
        return sample.replace(image=image, targets={**sample.targets, **moved})

    def _call(self, data: dict[str, Any]) -> dict[str, Any]:
        references, around = self.recipe.references, self.around
        if around is not None:
            around.preprocess(data)
        result: dict[str, Any] = self.transform(force_apply=True, **data, **references)
        if around is not None:
            result = around.postprocess(result)
        return result

    def _named(self, kind: type[Target]) -> list[str]:
        return [name for name, each in self.kinds.items() if isinstance(each, kind)]

    def _given(self, sample: Sample) -> dict[str, Any]:
        """Returns what albumentations is called with."""
        data: dict[str, Any] = {"image": sample.image}
        masks = masks_of(sample, self.kinds)
        data.update({_mask(place): mask for place, mask in enumerate(masks)})
        boxes = [sample.targets[name].corners for name in self._named(Boxes)]
        if sum(map(len, boxes)):
            data["bboxes"] = _indexed(np.concatenate(boxes))
        sides = np.array(sample.image.shape[1::-1], np.float64)
        points = [sample.targets[name].points.reshape(-1, 2) for name in self._named(Keypoints)]
        if sum(map(len, points)):
            shown = np.concatenate([*points, _MARKERS]) * sides - _HALF
            data["keypoints"] = _indexed(shown)
        return data

    def _taken(
        self, sample: Sample, result: Mapping[str, Any], size: tuple[int, int]
    ) -> Iterator[tuple[str, Any]]:
        """Yields the targets that came back, by name."""
        count, names = len(masks_of(sample, self.kinds)), self._named(Mask)
        masks = [np.ascontiguousarray(result[_mask(n)]).reshape(size) for n in range(count)]
        yield from zip(names, masks, strict=False)
        yield from self._instances(sample, masks[len(names) :], size)
        yield from self._boxes(sample, result.get("bboxes"))
        yield from self._keypoints(sample, result.get("keypoints"), size)

    def _instances(
        self, sample: Sample, found: list[np.ndarray], size: tuple[int, int]
    ) -> Iterator[tuple[str, Any]]:
        """Yields instances, of the mask that shows what came from outside, and their planes.

        What came from outside is filled as masks are: it belongs to no object. Whether anything
        moved is not known: an object whose mask came back the same by chance, as that of one in
        the middle does from a mirror, keeps a box and polygons that may lie elsewhere.
        """
        start = 1
        for name in self._named(Instances):
            value = sample.targets[name]
            end = start + len(value.planes)
            planes = np.array(found[start:end], np.uint8).reshape(-1, *size)
            yield name, value.covering(np.where(found[0] != 0, np.uint8(0), planes))
            start = end

    def _boxes(self, sample: Sample, found: np.ndarray | None) -> Iterator[tuple[str, Any]]:
        start = 0
        for name in self._named(Boxes):
            value = sample.targets[name]
            corners, places = _those(found, start, len(value), 4)
            start += len(value)
            yield name, value.take(places, corners.clip(0.0, 1.0))

    def _keypoints(
        self, sample: Sample, found: np.ndarray | None, size: tuple[int, int]
    ) -> Iterator[tuple[str, Any]]:
        start = 0
        names = self._named(Keypoints)
        count = sum(sample.targets[name].visibility.size for name in names)
        mirrored = _mirrored(*_those(found, count, len(_MARKERS), 2))
        for name in names:
            value, kind = sample.targets[name], self.kinds[name]
            pixels = np.full((value.visibility.size, 2), np.nan)
            moved, places = _those(found, start, len(pixels), 2)
            pixels[places] = _inside(moved + _HALF, size)
            start += len(pixels)
            placed = pixels.reshape(value.points.shape)
            if isinstance(kind, Keypoints):
                yield name, kind.placed(value, placed, size, mirrored=mirrored)


def masks_of(sample: Sample, kinds: Mapping[str, Target]) -> list[np.ndarray]:
    """Returns what albumentations is given as masks.

    Those come first; where there are instances a mask of zeros, which shows what came from outside,
    and their planes.
    """
    masks = [sample.targets[name] for name, kind in kinds.items() if isinstance(kind, Mask)]
    objects = [sample.targets[name] for name, kind in kinds.items() if isinstance(kind, Instances)]
    shown = [np.zeros(sample.image.shape[:2], np.uint8)] if objects else []
    return [*masks, *shown, *(plane for value in objects for plane in value.planes)]


def _mask(place: int) -> str:
    return f"mask_{place}"


def _around(transform: Any, kinds: Mapping[str, Target]) -> Any:
    """Returns the composition that brings boxes and keypoints into form; None if there are none."""
    module = library()
    params: dict[str, Any] = {}
    if any(isinstance(kind, Boxes) for kind in kinds.values()):
        params["bbox_params"] = module.BboxParams(
            format="albumentations",
            clip=True,
            filter_invalid_bboxes=True,
            min_area=Boxes.least_area,
            min_visibility=Boxes.least_visible,
        )
    if any(isinstance(kind, Keypoints) for kind in kinds.values()):
        params["keypoint_params"] = module.KeypointParams(format="xy", remove_invisible=False)
    return module.Compose([transform], **params) if params else None


def _indexed(values: np.ndarray) -> np.ndarray:
    """Returns rows with their number as a last column, float32."""
    numbers = np.arange(len(values), dtype=np.float32)[:, None]
    return np.concatenate([values.astype(np.float32), numbers], axis=1)


def _those(
    found: np.ndarray | None, start: int, count: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the values and the places of those rows that were given from `start` on."""
    if found is None or not len(found):
        return np.zeros((0, width)), np.zeros(0, np.int64)
    numbers = np.rint(found[:, -1]).astype(np.int64) - start
    own = (numbers >= 0) & (numbers < count)
    return found[own, :width].astype(np.float64), numbers[own]


def _inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Moves what is less than half a pixel outside to the edge: resizes there are not centerd."""
    sides = np.array(size[::-1], np.float64)
    near = points.clip(0.0, sides)
    return np.where(np.abs(points - near) <= _HALF, near, points)


def _mirrored(markers: np.ndarray, places: np.ndarray) -> bool:
    """Whether most of the triangles that came back whole are turned over."""
    corners = np.full(_MARKERS.shape, np.nan)
    corners[places] = markers
    first, second, third = corners.reshape(-1, 3, 2).swapaxes(0, 1)
    one, other = second - first, third - first
    areas = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return bool((areas < 0).sum() > (areas > 0).sum())
