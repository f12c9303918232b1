"""Whether two samples are the same, and if not, what of them differs."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from dsbuilder.sample import Sample


def difference(one: Sample, two: Sample) -> str | None:
    """Says what of two samples is not the same; None if all is."""
    if one.image.shape != two.image.shape or one.image.dtype != two.image.dtype:
        return f"images {_form(one)} and {_form(two)}"
    if one.image.tobytes() != two.image.tobytes():
        return "different images"
    for name in {**one.targets, **two.targets}:
        if not is_same(one.targets.get(name), two.targets.get(name)):
            return f"different '{name}': {one.targets.get(name)!r} and {two.targets.get(name)!r}"
    return None


def _form(sample: Sample) -> str:
    return f"{'x'.join(map(str, sample.image.shape))} {sample.image.dtype}"


def is_same(one: Any, two: Any) -> bool:
    """Whether two targets are equal; a number that is none equals itself."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(is_same(one[name], two[name]) for name in one)
    if isinstance(one, (list, tuple)) and type(one) is type(two):
        return len(one) == len(two) and all(map(is_same, one, two))
    if is_dataclass(one) and type(one) is type(two):
        names = [each.name for each in fields(one)]
        return all(is_same(getattr(one, name), getattr(two, name)) for name in names)
    if isinstance(one, np.ndarray) or isinstance(two, np.ndarray):
        floats = np.asarray(one).dtype.kind == "f" and np.asarray(two).dtype.kind == "f"
        return np.array_equal(one, two, equal_nan=floats)
    return bool(one == two) or bool(one != one and two != two)
