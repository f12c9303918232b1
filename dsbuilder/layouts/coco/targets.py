"""The targets of COCO sets: what categories and, beside an export of ours, its sidecar say."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from dsbuilder.errors import DataError, instead, shortened, tallied
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.boxes import sides
from dsbuilder.layouts.classes import BACKGROUND
from dsbuilder.layouts.coco.annotation import CROWD, Id, is_number
from dsbuilder.layouts.coco.format import CocoFile
from dsbuilder.layouts.coco.kinds import KINDS
from dsbuilder.layouts.sidecar import Sidecar
from dsbuilder.plugin import Boxes, Instances, Keypoints, Mask, Target, Text

_IGNORE = "ignore"
_TAKEN = ("bbox", "box", "label", "segmentation", CROWD)

Files = Sequence[CocoFile]


def named(
    option: str, files: Files, stated: Sidecar | None, *, ignore: str | None
) -> tuple[str, Target]:
    """Returns name and target that an option of the source reads: those of the sidecar, if any.

    Args:
      option: a key of `format.KINDS`.
      files: those of all splits.
      ignore: the category of pixels of masks that are of no known class, as a user says; then what
        the sidecar says of the classes does not count.

    Raises:
      DataError: the files do not have what such a target needs, or not what the sidecar says.
    """
    if option == "objects":
        return _boxes(files, sidecar.first(stated, Boxes))
    if option == "instances":
        return _instances(files, sidecar.first(stated, Instances))
    if option == "mask":
        return _mask(files, sidecar.first(stated, Mask), ignore)
    if option == "keypoints":
        return _keypoints(files, sidecar.first(stated, Keypoints))
    return sidecar.first(stated, Text) or (option, Text())


def _boxes(files: Files, stated: tuple[str, Boxes] | None) -> tuple[str, Boxes]:
    if stated is not None:
        _check_stated(files, stated[1].names)
        return stated
    names = _categories(files)
    kinds: Any = tuple({CROWD: "int64", **_attributes(files)}.items())
    return "objects", Boxes(names=names, attributes=kinds, numbers=_numbers(files, names))


def _instances(files: Files, stated: tuple[str, Instances] | None) -> tuple[str, Instances]:
    if stated is not None:
        _check_stated(files, stated[1].names)
        return stated
    names = _categories(files)
    found = {name: kind for name, kind in _attributes(files).items() if name not in Instances.own}
    kinds: Any = tuple({CROWD: "int64", **found}.items())
    return "instances", Instances(names=names, attributes=kinds, numbers=_numbers(files, names))


def _mask(files: Files, stated: tuple[str, Mask] | None, ignore: str | None) -> tuple[str, Mask]:
    if stated is not None and ignore is None:
        _check_stated(files, (*stated[1].names, *mask_categories(stated[1]).values()))
        return stated
    names = _categories(files)
    classes = (BACKGROUND, *(each for each in names if each != BACKGROUND))
    if ignore is not None and ignore not in classes:
        raise DataError(
            f"{files[0].path.parent}: expected the category '{ignore}' of `ignore`, found "
            f"{shortened(classes)}. Correct it."
        )
    target = Mask(names=classes, ignore=classes.index(ignore) if ignore else None)
    return ("mask" if stated is None else stated[0]), target


def mask_categories(target: Mask) -> dict[int, str]:
    """Returns the category of every id of a mask that has one, in the order of the categories.

    None has the class 0 if it is called background: it is what no segment covers. Pixels to ignore
    have one of their own, which is called `ignore` unless they have a class or a class that name.
    """
    names = dict(enumerate(target.names))
    if names[0] == BACKGROUND:
        del names[0]
    if target.ignore is not None and target.ignore >= len(target.names):
        free = (_IGNORE, *(f"{_IGNORE} {number}" for number in range(2, len(target.names) + 3)))
        names[target.ignore] = next(name for name in free if name not in target.names)
    return names


def _keypoints(files: Files, stated: tuple[str, Keypoints] | None) -> tuple[str, Keypoints]:
    for file in files:
        for category in file.categories:
            if category.fault:
                raise DataError(f"{file.path}: category '{category.name}': {category.fault}")
    kinds = {
        (category.keypoints, category.edges): category.name
        for file in files
        for category in file.categories
        if category.keypoints
    }
    if len(kinds) != 1:
        found, missing = shortened(kinds.values()), "category with keypoints"
        problem = instead("keypoints of one kind of object", found, missing=missing)
        raise DataError(
            f"{files[0].path}: {problem}. Leave `keypoints` out, or make a file with "
            "one of these categories."
        )
    ((names, edges),) = kinds
    if stated is None:
        return "keypoints", Keypoints(names=names, swaps=sides(names), edges=edges)
    if names != stated[1].names:
        raise sidecar.misfit(str(files[0].path), names)
    return stated


def _check_stated(files: Files, known: Sequence[str]) -> None:
    """Raises a DataError if a file has categories that the sidecar does not know."""
    for file in files:
        others = [each.name for each in file.categories if each.name not in known]
        if others:
            raise sidecar.misfit(str(file.path), others)


def _categories(files: Files) -> tuple[str, ...]:
    """Returns the class names of all files, in the order of their ids."""
    ids: dict[str, tuple[bool, Id]] = {}
    for category in (each for file in files for each in file.categories):
        ids[category.name] = min(ids.get(category.name, category.order), category.order)
    if not ids:
        shown = shortened(file.path.name for file in files)
        raise DataError(f"{files[0].path.parent}: there are no categories in {shown}.")
    return tuple(sorted(ids, key=lambda name: (ids[name], name)))


def _numbers(files: Files, names: Sequence[str]) -> tuple[int, ...]:
    """Returns the ids that all files have for the classes; none where they are 1, 2, 3, ..."""
    pairs = {(each.name, each.id) for file in files for each in file.categories}
    ids = dict(pairs)
    if len(ids) != len(pairs) or not all(isinstance(number, int) for number in ids.values()):
        return ()  # one class under two numbers, or texts for numbers
    numbers = tuple(int(ids[name]) for name in names)
    return () if numbers == tuple(range(1, len(names) + 1)) else numbers


def _attributes(files: Files) -> dict[str, str]:
    """Returns name -> `int64`, `float32` or `string` of the attributes that every object has.

    Others, and those whose values are of several kinds, are left out.
    """
    types: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    total = 0
    for file in files:
        for annotation in (each for found in file.annotations.values() for each in found):
            total += 1
            for name, value in annotation.attributes.items():
                types.setdefault(name, set()).add(_type(value))
                counts[name] += 1
    common = {name: _common(types[name]) for name, count in counts.items() if count == total}
    return {name: common[name] for name in sorted(common) if common[name] and _is_free(name)}


def notes(files: Files, target: Target) -> list[str]:
    """Returns a note on the attributes that objects have and their target has not, if any."""
    if not isinstance(target, (Boxes, Instances)):
        return []
    seen = {
        name
        for file in files
        for annotations in file.annotations.values()
        for annotation in annotations
        for name in annotation.attributes
    }
    left = sorted(seen - {name for name, _ in target.attributes})
    kept = (
        "attributes that not every object has, or of several types, or whose name is taken, are "
        "not read"
    )
    return [f"{kept}: {shortened(left)}"] if left else []


_READ_OF_IMAGES = frozenset(("id", "file_name", "width", "height"))
_READ = frozenset(
    (
        *("id", "image_id", "category_id", "iscrowd", "area", "attributes", "num_keypoints"),
        *(kind.key for kind in KINDS.values()),
    )
)


def unread_keys(files: Iterable[CocoFile]) -> list[str]:
    """Returns notes on the keys of images and annotations that nothing reads, with counts."""
    images, annotations = Counter[str](), Counter[str]()
    for file in files:
        images.update(file.image_keys)
        for entries in file.annotations.values():
            for annotation in entries:
                annotations.update(annotation.found.keys())
    left = {
        "images": {key: count for key, count in images.items() if key not in _READ_OF_IMAGES},
        "annotations": {key: count for key, count in annotations.items() if key not in _READ},
    }
    return [
        f"keys of {part} that nothing reads: {tallied(keys)}" for part, keys in left.items() if keys
    ]


def _is_free(name: str) -> bool:
    return bool(name.strip()) and "/" not in name and name not in _TAKEN


def _type(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    is_plain = isinstance(value, bool) or is_number(value)
    return ("int64" if isinstance(value, int) else "float32") if is_plain else ""


def _common(types: set[str]) -> str:
    """Returns the one type that holds values of all; empty if there is none."""
    if types == {"int64", "float32"}:
        return "float32"
    return next(iter(types)) if len(types) == 1 else ""
