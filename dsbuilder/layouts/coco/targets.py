"""The targets of COCO sets: classes of all files, and what our own exports say of them."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from dsbuilder.errors import shortened
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco import values as coco_values
from dsbuilder.layouts.sides import sides
from dsbuilder.layouts.signature import read_targets
from dsbuilder.plugin import Boxes, DataError, Keypoints, Mask, Target

BACKGROUND = "background"
CROWD = "iscrowd"

_log = logging.getLogger(__name__)
_TAKEN = ("bbox", "box", "label", "segmentation", CROWD)

Documents = Sequence[coco.Document]


def boxes(documents: Documents, attributes: Mapping[str, str]) -> Boxes:
    """Returns the target of boxes, with the numbers that the files give its classes.

    Args:
      attributes: their types by name.
    """
    names = _categories(documents)
    kinds: Any = tuple(attributes.items())
    return Boxes(names=names, attributes=kinds, numbers=_numbers(documents, names))


def mask(documents: Documents, ignore: str | None) -> Mask:
    """Returns the target of masks.

    Args:
      ignore: the category of pixels that are of no known class, as a user says; then what the files
        say themselves does not count.

    Raises:
      DataError: there is no such category, or files say of classes what their categories do not.
    """
    names = _categories(documents)
    stated = _stated(documents, "mask")
    if isinstance(stated, Mask) and ignore is None:
        return _stated_mask(documents, names, stated)
    classes = (BACKGROUND, *(each for each in names if each != BACKGROUND))
    if ignore is not None and ignore not in classes:
        raise DataError(
            f"{documents[0].path.parent}: expected the category '{ignore}' of `ignore`, found "
            f"{shortened(classes)}. Correct it."
        )
    return Mask(names=classes, ignore=classes.index(ignore) if ignore else None)


def _stated_mask(documents: Documents, names: Sequence[str], stated: Mask) -> Mask:
    """Returns the target that the files state; one category beside its classes is to ignore."""
    others = [name for name in names if name not in stated.names]
    if len(others) > int(stated.ignore is not None):
        raise DataError(
            f"{documents[0].path}: expected the categories that info.{coco.OWN} names, found "
            f"{shortened(others)} beside them. Remove info.{coco.OWN}."
        )
    return stated


def keypoints(documents: Documents) -> Keypoints:
    """Returns the target of keypoints; what is left and right their names say, or the files.

    Raises:
      DataError: there are keypoints of no kind of object, or of several.
    """
    kinds = {
        (category.keypoints, category.edges): category.name
        for document in documents
        for category in document.categories
        if category.keypoints
    }
    if len(kinds) != 1:
        found = shortened(kinds.values()) if kinds else "none"
        raise DataError(
            f"{documents[0].path}: expected keypoints of one kind of object, found {found}. "
            "Leave `keypoints` out, or make a file with one of these categories."
        )
    ((names, edges),) = kinds
    stated = _stated(documents, "keypoints")
    swaps = stated.swaps if isinstance(stated, Keypoints) else sides(names)
    return Keypoints(names=names, swaps=swaps, edges=edges)


def attributes(documents: Documents) -> dict[str, str]:
    """Returns the type of each attribute that all objects have, and reports the others.

    Where the files state them, these are all; else `iscrowd` is the first of them.
    """
    stated = _stated(documents, "objects")
    if isinstance(stated, Boxes):
        return dict(stated.attributes)
    found = coco_values.attributes(documents)
    kept = {
        name: each
        for name, each in found.items()
        if name.strip() and "/" not in name and name not in _TAKEN
    }
    seen = {
        name
        for document in documents
        for annotations in document.annotations.values()
        for annotation in annotations
        for name in annotation.attributes
    }
    if seen - kept.keys():
        _log.warning(
            "%s: attributes that not every object has, or of several types, are not read: %s.",
            documents[0].path.parent,
            shortened(sorted(seen - kept.keys())),
        )
    return {CROWD: "int64", **kept}


def _stated(documents: Documents, name: str) -> Target | None:
    """Returns what all files, exported by us, say of a target; None if none does.

    Raises:
      DataError: one says something else than another, or nothing that can be read.
    """
    first, *rest = documents
    for document in rest:
        if document.stated != first.stated:
            raise DataError(
                f"{document.path}: expected the same in info.{coco.OWN} as in {first.path.name}, "
                "found something else. Export both anew, or remove it in both."
            )
    return stated_by(first).get(name)


def stated_by(document: coco.Document) -> dict[str, Target]:
    """Returns the targets of which a file, exported by us, says what they are.

    Raises:
      DataError: what it says is none.
    """
    if document.stated is None:
        return {}
    return read_targets(json.dumps(document.stated), f"{document.path}: info.{coco.OWN}")


def _categories(documents: Documents) -> tuple[str, ...]:
    """Returns the class names of all files, in the order of their ids."""
    ids: dict[str, tuple[bool, coco.Id]] = {}
    for category in (each for document in documents for each in document.categories):
        ids[category.name] = min(ids.get(category.name, category.order), category.order)
    if not ids:
        files = shortened(document.path.name for document in documents)
        raise DataError(f"{documents[0].path.parent}: expected categories in {files}, found none.")
    return tuple(sorted(ids, key=lambda name: (ids[name], name)))


def _numbers(documents: Documents, names: Sequence[str]) -> tuple[int, ...]:
    """Returns the ids that all files have for the classes; none where they are 1, 2, 3, ..."""
    pairs = {(each.name, each.id) for document in documents for each in document.categories}
    ids = dict(pairs)
    if len(ids) != len(pairs) or not all(isinstance(number, int) for number in ids.values()):
        return ()  # one class under two numbers, or texts for numbers
    numbers = tuple(int(ids[name]) for name in names)
    return () if numbers == tuple(range(1, len(names) + 1)) else numbers
