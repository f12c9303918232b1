"""Whether a plugin makes in another process, at another time, what it makes in this one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from dsbuilder.plugin import Sample, Source, generator
from dsbuilder.testing.cases import SIZES, cases_of
from dsbuilder.testing.elsewhere import ElsewhereError, elsewhere
from dsbuilder.testing.making import Maker
from dsbuilder.testing.promises import Check, ContractError

_DRAWS = 3
_LISTED = 200
_ADVICE = (
    "Use neither the process id, nor the clock, nor hash(), nor the order of a set: take "
    "randomness from the generator of draw(), and sort what has no order."
)


class _Made(NamedTuple):
    """What was made of one case: in words, what was drawn as JSON, and hashes."""

    shown: str
    params: str
    image: str
    targets: str


def check_processes(plugin: Maker) -> None:
    """Checks that another process draws and makes the same."""
    for here, there in zip(_made(plugin), _elsewhere(_made, plugin), strict=True):
        for what in ("params", "image", "targets"):
            one, two = getattr(here, what), getattr(there, what)
            if one == two:
                continue
            found = f"{one} and {two}" if what == "params" else "others"
            raise ContractError(
                f"expected the same {what} in another process, at another time, found {found}. "
                f"{_ADVICE}",
                shown=here.shown,
            )


def check_listing(plugin: Source) -> None:
    """Checks that another process lists the same records."""
    here, there = _listed(plugin), _elsewhere(_listed, plugin)
    apart = next((pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]), None)
    assert apart is None and len(here) == len(there), (
        f"expected the same listing in another process, at another time, found "
        f"{apart or (len(here), len(there))}. {_ADVICE}"
    )


def _elsewhere(function: Any, plugin: Any) -> Any:
    try:
        return elsewhere(function, plugin)
    except ElsewhereError as error:
        raise AssertionError(
            f"expected the same in another process, found an error there: {error}. {_ADVICE}"
        ) from error


def _made(plugin: Maker) -> list[_Made]:
    found = []
    for case in cases_of(plugin, SIZES[:1]):
        for seed in range(_DRAWS):
            params = case.draw(case.fresh(), generator("kit", seed))
            sample = case.make(case.fresh(), params)
            written = json.dumps(params, sort_keys=True)
            image = sample.image.tobytes() + repr(sample.image.shape).encode()
            found.append(_Made(case.shown, written, _hash(image), _hash(_flat(sample))))
    return found


def _listed(plugin: Source) -> list[Any]:
    listing = plugin.open().scan()
    records = [record.to_json() for record in islice(listing.records, _LISTED)]
    return [*records, sorted(listing.targets), list(listing.notes)]


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _flat(value: Any) -> bytes:
    """Returns targets as bytes, which are equal where they are."""
    if isinstance(value, Sample):
        return _flat(value.targets)
    if isinstance(value, Mapping):
        return b"".join(name.encode() + _flat(value[name]) for name in sorted(value))
    if is_dataclass(value):
        return b"".join(_flat(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tobytes() + repr(value.shape).encode()
    return repr(value).encode()


PROCESSES = Check(
    name="processes",
    promises="another process makes the same at another time",
    run=check_processes,
)
LISTING = Check(
    name="processes",
    promises="another process lists the same at another time",
    run=check_listing,
)
