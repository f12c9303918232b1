"""How the files of one sample become its image and its raw labels."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsbuilder.errors import shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts import cells, numbered
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.webdataset import tar
from dsbuilder.layouts.webdataset.format import Part, Sample
from dsbuilder.plugin import ClassLabel, DataError, Mask, MultiLabel, Target, did_you_mean

JSON = "json"
KEY = "key"

_EXPORTED = ("cls", "txt", JSON)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The files of one sample, each read when it is asked for.

    Attributes:
      path: the tar file.
    """

    path: Path
    sample: Sample
    parsed: dict[str, Any] = field(default_factory=dict)

    def place(self, ending: str) -> dict[str, Any]:
        """Returns where a file lies, as the raw label of a mask says it."""
        part = self._part(ending)
        return {"path": str(self.path), "offset": part.offset, "length": part.size}

    def text(self, ending: str) -> str:
        """Returns a text in UTF-8, without the line ends at its end."""
        part = self._part(ending)
        try:
            return tar.content(self.path, part.offset, part.size).decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f".{ending}: expected text in UTF-8, found {error}.") from None

    def json(self, ending: str) -> Any:
        """Returns the value of a file of JSON."""
        if ending not in self.parsed:
            try:
                self.parsed[ending] = json.loads(self.text(ending))
            except (ValueError, RecursionError) as error:
                raise DataError(f".{ending}: expected JSON, found an error: {error}.") from None
        return self.parsed[ending]

    def member(self, ending: str, key: str) -> Any:
        """Returns the value of a key of an object in JSON."""
        found = self.json(ending)
        if not isinstance(found, dict) or key not in found:
            hint = did_you_mean(key, found) if isinstance(found, dict) else ""
            raise DataError(f".{ending}: expected the key '{key}', found none.{hint}")
        return found[key]

    def _part(self, ending: str) -> Part:
        if ending not in self.sample.parts:
            found = ", ".join(f".{each}" for each in self.sample.parts)
            raise DataError(f"expected a file that ends in '.{ending}', found {found}.")
        return self.sample.parts[ending]


def image_of(sample: Sample, wanted: str | None, masks: Collection[str]) -> str | None:
    """Returns the ending of a sample's image, None if it has none.

    Args:
      wanted: the ending that the image has, if it is known.
      masks: endings that are no image's.

    Raises:
      DataError: it may be one of several.
    """
    if wanted is not None:
        return wanted if wanted in sample.parts else None
    plain = [each for each in sample.parts if each in IMAGE_EXTENSIONS and each not in masks]
    longer = [
        each
        for each in sample.parts
        if each.rpartition(".")[2] in IMAGE_EXTENSIONS and each not in masks
    ]
    found = plain or longer
    if len(found) > 1:
        raise DataError(f"expected one image, found {shortened(found)}. Say which with `image`.")
    return found[0] if found else None


def exported(contents: Contents, targets: Mapping[str, Target]) -> tuple[str, dict[str, Any]]:
    """Returns the key and the raw labels of a sample that an export of ours wrote."""
    key = contents.member(JSON, KEY)
    if not isinstance(key, str):
        raise DataError(f".{JSON}: {KEY}: expected a text, found {key!r}.")
    raws = {name: _exported(contents, name, target) for name, target in targets.items()}
    return key, raws


def _exported(contents: Contents, name: str, target: Target) -> Any:
    if isinstance(target, Mask):
        return contents.place(f"{name}.png")
    found, weights = contents.member(JSON, name), f"{name}_weights"
    is_weighed = isinstance(target, MultiLabel) or (isinstance(target, ClassLabel) and target.soft)
    if not is_weighed or weights not in contents.json(JSON):
        return found
    values = contents.member(JSON, weights)
    if not isinstance(values, list) or len(values) != len(target.class_names):
        raise DataError(
            f".{JSON}: {weights}: expected {len(target.class_names)} weights, found {values!r}."
        )
    return dict(zip(target.class_names, values, strict=True))


def read_of_export(targets: Mapping[str, Target]) -> set[str]:
    """Returns the endings that hold what an export of ours wrote, beside the image."""
    masks = {f"{name}.png" for name, kind in targets.items() if isinstance(kind, Mask)}
    return {*_EXPORTED, *masks}


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Which file of a sample, or which key of its JSON, holds what.

    Attributes:
      places: role (`label`, `labels`, `value`, `text`, `mask`) -> `cls`, or `json:key`.
      classes, labels_classes: names in id order, where they are known.
      mask_names: what the values in masks are.
    """

    places: Mapping[str, str]
    classes: tuple[str, ...] | None
    labels_classes: tuple[str, ...] | None
    mask_names: MaskNames | None

    @property
    def endings(self) -> set[str]:
        """The endings that are read."""
        return {place.partition(":")[0].lower() for place in self.places.values()}

    def raws(self, contents: Contents) -> dict[str, Any]:
        """Returns the raw labels of a sample by target name.

        Raises:
          DataError: a file is missing or holds something else.
        """
        makers: Mapping[str, Callable[[Contents, str], Any]] = {
            "label": lambda contents, place: _named(_cell(contents, place), self.classes),
            "labels": self._labels,
            "value": lambda contents, place: cells.values([_cell(contents, place)]),
            "text": lambda contents, place: cells.text(_cell(contents, place)),
            "mask": self._mask,
        }
        raws = {}
        for role, place in self.places.items():
            try:
                raws[role] = makers[role](contents, place)
            except DataError as error:
                raise DataError(f"{role}: {error}") from None
        return raws

    def _labels(self, contents: Contents, place: str) -> list[str]:
        found = _cell(contents, place)
        listed = found.split(",") if isinstance(found, str) else found
        if not isinstance(listed, list):
            raise DataError(f"expected a list of classes, found {cells.shown(found)}.")
        return [_named(each, self.labels_classes) for each in listed if each != ""]

    def _mask(self, contents: Contents, place: str) -> dict[str, Any]:
        values = None if self.mask_names is None else self.mask_names.values
        found = contents.place(place.lower())
        return found if values is None else {**found, "values": values}


def _cell(contents: Contents, place: str) -> Any:
    """Returns a text, or a value of JSON."""
    ending, _, key = place.partition(":")
    ending = ending.lower()
    if key:
        return contents.member(ending, key)
    is_json = ending.rpartition(".")[2] == JSON
    return contents.json(ending) if is_json else contents.text(ending)


def _named(cell: Any, classes: tuple[str, ...] | None) -> str:
    """Returns the name of a class; a number is its place among names that are known."""
    name = cells.text(cell).strip()
    if not name:
        raise DataError("expected a class, found an empty text.")
    if classes is None or name in classes:
        return name
    if name.isdecimal():
        return numbered.name_of(int(name), classes)
    raise DataError(f"expected a class, found '{name}'.{did_you_mean(name, classes)}")
