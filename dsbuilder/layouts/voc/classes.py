"""The classes of Pascal VOC sets: what `labelmap.txt`, an option, or VOC itself says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.layouts.signature import read_targets
from dsbuilder.layouts.voc import format as voc
from dsbuilder.plugin import Boxes, DataError, Mask, Target

LABELMAP = "labelmap.txt"


@dataclass(frozen=True, kw_only=True)
class Classes:
    """What is known of classes before an XML file is read.

    Attributes:
      objects: those of boxes in id order; None for all that are found.
      attributes: those of `voc.ATTRIBUTES` that boxes have.
      mask_names: those of masks in id order.
      ignore: the id of pixels of masks that do not count; None if there is none.
      values: id by color in masks; None where stored values are the ids.
      files: what all this was read from.
    """

    objects: tuple[str, ...] | None = None
    attributes: tuple[str, ...] = voc.ATTRIBUTES
    mask_names: tuple[str, ...]
    ignore: int | None = voc.VOID
    values: Mapping[str, int] | None = None
    files: frozenset[str] = frozenset()

    @property
    def mask(self) -> Mask:
        """The target of masks."""
        return Mask(names=self.mask_names, ignore=self.ignore)


def classes_of(folder: Path, given: Sequence[str] | None) -> Classes:
    """Returns the classes of a set.

    Args:
      given: names in id order, without the background, which count before `labelmap.txt`.

    Raises:
      DataError: `labelmap.txt` is wrong.
    """
    path = folder / LABELMAP
    if given is None and path.is_file():
        return _of_labelmap(path)
    names = None if given is None else _without_background(given)
    return Classes(objects=names, mask_names=(voc.BACKGROUND, *(names or voc.CLASSES)))


def _of_labelmap(path: Path) -> Classes:
    colors, stated = voc.read_labelmap(path), stated_by(path)
    mask, objects = stated.get("mask"), stated.get("objects")
    names: tuple[str, ...] = tuple(colors)
    ignore: int | None = voc.VOID
    if isinstance(mask, Mask):
        names, ignore = mask.names, mask.ignore
    ids = {name: number for number, name in enumerate(names)}
    void = {} if ignore is None else {voc.VOID_COLOR: ignore}
    known = {color: ids[name] for name, color in colors.items() if name in ids}
    boxes = objects if isinstance(objects, Boxes) else None
    return Classes(
        objects=_without_background(colors) if boxes is None else boxes.names,
        attributes=voc.ATTRIBUTES if boxes is None else _attributes(path, boxes),
        mask_names=names,
        ignore=ignore,
        values={"#{:02x}{:02x}{:02x}".format(*rgb): n for rgb, n in {**void, **known}.items()},
        files=frozenset((LABELMAP,)),
    )


def stated_by(path: Path) -> dict[str, Target]:
    """Returns the targets of which a `labelmap.txt`, exported by us, says what they are.

    Raises:
      DataError: it is missing, or what it says is none.
    """
    found = voc.read_stated(path)
    return {} if found is None else read_targets(found[1], f"{path}:{found[0]}")


def _attributes(path: Path, stated: Boxes) -> tuple[str, ...]:
    names = tuple(name for name, _ in stated.attributes)
    unknown = sorted(set(names) - set(voc.ATTRIBUTES))
    if unknown:
        raise DataError(
            f"{path}: expected attributes of boxes, {' and '.join(voc.ATTRIBUTES)}, found "
            f"'{unknown[0]}'. Correct or remove the line that begins with {voc.OWN.strip()}."
        )
    return names


def _without_background(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name != voc.BACKGROUND)
