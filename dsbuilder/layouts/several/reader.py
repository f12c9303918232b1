"""Several sources as one, each whole or with a share of its records."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import (
    Boxes,
    Catalog,
    DataError,
    Instances,
    Listing,
    Record,
    Source,
    Target,
    did_you_mean,
    source,
)

_UNITED = frozenset({"class", "multi_label", "boxes", "instances"})
"""Kinds of target whose raw labels are names, so that their classes can be united."""


@source("several")
@dataclass(frozen=True, kw_only=True)
class Several(Source):
    """Reads several sources as one; each has a name, which stands before its keys.

        source:
          use: several
          sources:
            photos: {use: folder, path: photos}
            web: {use: list, path: web, list: web/labels.csv}
          shares: {web: 0.25}

    All must have the same targets. Classes are united: those of the first source keep their ids,
    new ones of the next follow in their order, also those of records that a share leaves out; the
    classes of masks must be the same. What a share keeps is decided by a hash of each key alone, so
    that a file that is added changes nothing for the others; a larger share keeps all that a
    smaller one keeps. Records of equally named groups are one group, also across sources.

    Attributes:
      sources: name -> source. The key of a record is `name/` and its key in the source.
      shares: name -> the share of its records that is kept, in (0, 1]; 1 for those left out.
    """

    of_folder: ClassVar[bool] = False
    sources: Mapping[str, Source]
    shares: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.sources) < 2:
            raise ValueError(f"sources: expected at least two, found {len(self.sources)}.")
        wrong = [name for name in self.sources if not _is_name(name)]
        if wrong:
            raise ValueError(f"sources: expected a name without slashes, found '{wrong[0]}'.")
        for name, share in self.shares.items():
            if name not in self.sources:
                hint = did_you_mean(name, self.sources)
                raise ValueError(f"shares: expected names of sources, found '{name}'.{hint}")
            if not 0 < share <= 1:
                raise ValueError(
                    f"shares: expected a share in (0, 1] of '{name}', found {share:g}."
                )

    def open(self) -> Catalog:
        """Returns the catalog of all sources.

        Raises (when it is listed):
          DataError: a source is not what its options promise, a share keeps nothing of one, or
            sources have different targets.
        """
        return _SeveralCatalog(self)


class _SeveralCatalog(Catalog):
    def __init__(self, source: Several) -> None:
        self._shares = source.shares
        self._catalogs = {name: each.open() for name, each in source.sources.items()}

    def scan(self) -> Listing:
        catalogs = self._catalogs
        kept = {name: self._kept(name, each) for name, each in catalogs.items()}
        # The classes of all records count, also of those that a share leaves out: so a share that
        # changes changes no id.
        targets = {name: each.targets for name, each in catalogs.items()}
        _check_alike(targets)
        sizes = {each.size for each in catalogs.values()}
        return Listing(
            records=[record for each in kept.values() for record in each],
            targets={
                target: _united(target, {name: each[target] for name, each in targets.items()})
                for target in next(iter(targets.values()))
            },
            notes=[*self._left_out(kept), *_notes_of(catalogs)],
            corrected=sum(each.corrected for each in catalogs.values()),
            size=next(iter(sizes)) if len(sizes) == 1 else None,
        )

    def _kept(self, name: str, catalog: Catalog) -> Sequence[Record]:
        """Returns the records of a source that its share keeps."""
        found = [replace(each, key=f"{name}/{each.key}") for each in catalog.records]
        share = self._shares.get(name, 1.0)
        kept = [each for each in found if _place(each.key) < share]
        if not kept:
            raise DataError(
                f"several: expected records of '{name}', found none of {len(found)} in its share "
                f"of {share:g}. Raise the share, or leave the source out."
            )
        return kept

    def _left_out(self, kept: Mapping[str, Sequence[Record]]) -> Iterator[str]:
        for name, records in kept.items():
            total = len(self._catalogs[name].records)
            if len(records) < total:
                yield (
                    f"{total - len(records)} of {total} records of '{name}' were left out, by its "
                    f"share of {self._shares[name]:g}"
                )

    def watches(self) -> Sequence[Path] | None:
        watched = [each.watches() for each in self._catalogs.values()]
        if any(paths is None for paths in watched):
            return None
        return [path for paths in watched for path in paths or ()]

    def read(self, record: Record) -> bytes | np.ndarray:
        name, own = _own(record)
        return self._catalogs[name].read(own)

    def identity(self, record: Record) -> str | None:
        name, own = _own(record)
        return self._catalogs[name].identity(own)


def _notes_of(catalogs: Mapping[str, Catalog]) -> Iterator[str]:
    """Yields the notes of all sources, each with the name of its source before it."""
    for name, catalog in catalogs.items():
        yield from (f"{name}: {note}" for note in catalog.notes)


def _is_name(name: str) -> bool:
    return bool(name.strip()) and not set(name) & set("/\\\0") and name not in (".", "..")


def _place(key: str) -> float:
    """Returns a number in [0, 1) that depends on the key alone."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _own(record: Record) -> tuple[str, Record]:
    """Returns the name of a record's source, and the record as the source knows it."""
    name, _, key = record.key.partition("/")
    return name, replace(record, key=key)


def _check_alike(found: Mapping[str, Mapping[str, Target]]) -> None:
    (first, targets), *rest = found.items()
    for name, others in rest:
        if others.keys() != targets.keys():
            raise DataError(
                "several: expected the same targets of every source, found "
                f"{', '.join(targets)} in '{first}' and {', '.join(others)} in '{name}'. "
                "Set options of the sources so that they agree."
            )


def _united(target: str, found: Mapping[str, Target]) -> Target:
    """Returns one target of all sources, the same but for its classes, which are united."""
    (first, one), *rest = found.items()
    for name, other in rest:
        if _bare(other) != _bare(one):
            raise DataError(
                f"several: expected the target '{target}' to be the same in every source, found "
                f"{one!r} in '{first}' and {other!r} in '{name}'. Set options of the sources so "
                "that they agree."
            )
    if one.kind not in _UNITED:
        return one
    names = dict.fromkeys(name for each in found.values() for name in each.class_names)
    return _named(one, tuple(names))


def _bare(target: Target) -> Any:
    return _named(target, ()) if target.kind in _UNITED else target


def _named(target: Any, names: tuple[str, ...]) -> Target:
    is_numbered = isinstance(target, (Boxes, Instances))
    numbers: dict[str, Any] = {"numbers": ()} if is_numbered else {}  # of one source
    renamed: Target = replace(target, names=names, **numbers)
    return renamed
