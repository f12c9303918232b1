"""How the files of one sample become its raw labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dsbuilder.layouts import cells
from dsbuilder.layouts.classes import name_of_number
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.webdataset.format import (
    CLASS,
    JSON,
    KEY,
    TEXT,
    TarSample,
    mask_endings,
)
from dsbuilder.plugin import ClassLabel, DataError, Mask, MultiLabel, Target, did_you_mean


@dataclass(frozen=True, kw_only=True)
class ExportedLabels:
    """The labels of what an export of ours wrote.

    Attributes:
      targets: targets by name.
    """

    targets: Mapping[str, Target]

    @property
    def endings(self) -> set[str]:
        """The endings that are read, beside the image's."""
        return {CLASS, TEXT, JSON, *self.masks}

    @property
    def masks(self) -> set[str]:
        """The endings of masks."""
        return set(self._masks.values())

    @cached_property
    def _masks(self) -> Mapping[str, str]:
        return mask_endings(self.targets)

    def key(self, sample: TarSample) -> str:
        """Returns the key of a sample in the exported dataset."""
        key = sample.member(JSON, KEY)
        if not isinstance(key, str):
            raise DataError(f".{JSON}: {KEY}: expected a text, found {key!r}.")
        return key

    def raws(self, sample: TarSample) -> dict[str, Any]:
        """Returns the raw labels of a sample by target name.

        Raises:
          DataError: a file is missing or holds something else.
        """
        return {name: self._raw(sample, name, kind) for name, kind in self.targets.items()}

    def _raw(self, sample: TarSample, name: str, target: Target) -> Any:
        if isinstance(target, Mask):
            return _mask(sample, self._masks[name])
        found, weights = sample.member(JSON, name), f"{name}_weights"
        is_weighed = isinstance(target, MultiLabel)
        is_weighed = is_weighed or (isinstance(target, ClassLabel) and target.soft)
        if not is_weighed or weights not in sample.json(JSON):
            return found
        values = sample.member(JSON, weights)
        if not isinstance(values, list) or len(values) != len(target.class_names):
            raise DataError(
                f".{JSON}: {weights}: expected {len(target.class_names)} weights, found {values!r}."
            )
        return dict(zip(target.class_names, values, strict=True))


@dataclass(frozen=True, kw_only=True)
class LabelPlaces:
    """Which file of a sample, or which key of its JSON, holds which label.

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

    @property
    def masks(self) -> set[str]:
        """The ending of the masks, if there are any."""
        return {self.places["mask"].lower()} if "mask" in self.places else set()

    def key(self, sample: TarSample) -> str:
        """Returns the name of a sample."""
        return sample.name

    def raws(self, sample: TarSample) -> dict[str, Any]:
        """Returns the raw labels of a sample by target name.

        Raises:
          DataError: a file is missing or holds something else.
        """
        makers: Mapping[str, Callable[[TarSample, str], Any]] = {
            "label": lambda sample, place: _named(_cell(sample, place), self.classes),
            "labels": self._labels,
            "value": lambda sample, place: cells.values([_cell(sample, place)]),
            "text": lambda sample, place: cells.text(_cell(sample, place)),
            "mask": self._mask,
        }
        raws = {}
        for role, place in self.places.items():
            try:
                raws[role] = makers[role](sample, place)
            except DataError as error:
                raise DataError(f"{role}: {error}") from None
        return raws

    def _labels(self, sample: TarSample, place: str) -> list[str]:
        found = _cell(sample, place)
        listed = found.split(",") if isinstance(found, str) else found
        if not isinstance(listed, list):
            raise DataError(f"expected a list of classes, found {cells.shown(found)}.")
        return [_named(each, self.labels_classes) for each in listed if each != ""]

    def _mask(self, sample: TarSample, place: str) -> dict[str, Any]:
        values = None if self.mask_names is None else self.mask_names.values
        found = _mask(sample, place.lower())
        return found if values is None else {**found, "values": values}


def _mask(sample: TarSample, ending: str) -> dict[str, Any]:
    """Returns the place of a file, as the raw label of a mask says it."""
    found = sample.file(ending)
    return {"path": str(sample.path), "offset": found.offset, "length": found.length}


def _cell(sample: TarSample, place: str) -> Any:
    """Returns a text, or a value of JSON."""
    ending, _, key = place.partition(":")
    ending = ending.lower()
    if key:
        return sample.member(ending, key)
    is_json = ending.rpartition(".")[2] == JSON
    return sample.json(ending) if is_json else sample.text(ending)


def _named(cell: Any, classes: tuple[str, ...] | None) -> str:
    """Returns the name of a class; a number is its place among names that are known."""
    name = cells.text(cell).strip()
    if not name:
        raise DataError("expected a class, found an empty text.")
    if classes is None or name in classes:
        return name
    if name.isdecimal():
        return name_of_number(int(name), classes)
    raise DataError(f"expected a class, found '{name}'.{did_you_mean(name, classes)}")
