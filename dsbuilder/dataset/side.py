"""One side of a comparison: a dataset, or a build that is only planned, reduced to what decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dsbuilder.cache import quarantine
from dsbuilder.records import example
from dsbuilder.sample import SampleSpec, Target
from dsbuilder.targets import ClassLabel

if TYPE_CHECKING:
    from dsbuilder.dataset.opened import Dataset


@dataclass(frozen=True, slots=True)
class Row:
    """One sample.

    Attributes:
      split: where it is.
      fingerprint: of everything that determines its bytes.
      parents, source: keys and content hashes of its records, the root first.
    """

    split: str
    fingerprint: str
    parents: tuple[str, ...]
    source: tuple[str, ...]


_Place = tuple[str, int, int]

Labels = Callable[[str], Mapping[str, str]]
"""Returns the labels of a record as text, by target name; empty where they are not known."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two datasets.

    Attributes:
      resolved: the pipeline as plain data.
      stages: by id, as in a manifest.
      packages: versions by package.
      signature: of every sample.
      stored: how samples are stored: codec, image, quality.
      rows: samples by key.
      set_aside: why a sample could not be made, by key.
      labels: see `Labels`.
    """

    resolved: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    packages: Mapping[str, str]
    signature: SampleSpec
    stored: Mapping[str, Any]
    rows: Mapping[str, Row]
    set_aside: Mapping[str, str]
    labels: Labels

    @cached_property
    def split_of(self) -> Mapping[str, str]:
        """The split of every record that something is made of, by its key."""
        return {row.parents[0]: row.split for row in self.rows.values() if row.parents}


def side_of(dataset: "Dataset") -> Side:
    """Returns a dataset as a side.

    Raises:
      CacheError: a file of it is missing or damaged.
    """
    known = dataset.manifest
    rows: dict[str, Row] = {}
    places: dict[str, _Place] = {}
    for split in dataset.splits:
        for shard, entry in dataset.entries(split):
            rows[entry.key] = Row(split, entry.fingerprint, entry.parents, entry.source)
            if len(entry.parents) == 1:  # its labels are those of its record
                places[entry.parents[0]] = (shard.stem, entry.offset, entry.length)
    aside = quarantine.read(dataset.path)
    return Side(
        resolved=dataset.pipeline.sections,
        stages=known.stages,
        packages=known.packages,
        signature=known.signature,
        stored={"codec": known.codec, "image": known.image, "quality": known.quality},
        rows=rows,
        set_aside={row["key"]: f"{row['stage']}: {row['exception']}" for row in aside},
        labels=lambda key: _labels(dataset, places.get(key)),
    )


def _labels(dataset: "Dataset", place: _Place | None) -> Mapping[str, str]:
    if place is None:
        return {}
    stem, offset, length = place
    features = example.decode(dataset.codec.open(dataset.path, stem).read(offset, length))
    kinds = dataset.signature.targets.items()
    # In pixel coordinates two can look alike in words and differ all the same.
    return {n: _label(kind, n, features) for n, kind in kinds if not kind.positional}


def _label(kind: Target, name: str, features: Mapping[str, Any]) -> str:
    if isinstance(kind, ClassLabel):  # also where it is soft: a record has one class
        return kind.names[int(features[name][0])]
    return kind.show(kind.decode(name, features))
