"""What may be an option's type, and which part of a type may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from dsbuilder.option import unsettable
from dsbuilder.plugin import Range, Stage
from dsbuilder.registry import discover


@dataclass(frozen=True)
class Nested:
    sizes: list[int]


@dataclass(frozen=True)
class Right:
    sizes: tuple[int, ...]


@pytest.mark.parametrize(
    "wanted",
    [
        *(int, str | None, Path, Any, Range, Literal["a", 1], tuple[int, ...], Right),
        *(tuple[str, tuple[float, bool]], Mapping[str, tuple[Path, Path]], dict[str, Any]),
        *(tuple[Stage, ...], Mapping[str, Range] | None),
    ],
)
def test_what_yaml_can_say_may_be_an_option(wanted) -> None:
    assert unsettable(wanted, (Stage, Range)) is None


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        (list[int], list[int]),
        (tuple[int, set[str]], set[str]),
        (Mapping[int, str], Mapping[int, str]),
        (Mapping[str, Sequence[int]] | None, Sequence[int]),
        (np.ndarray, np.ndarray),
        (bytes | str, bytes),
        (Nested, list[int]),
        (tuple, tuple),
    ],
)
def test_the_part_that_nothing_binds_to_is_named(wanted, part) -> None:
    assert unsettable(wanted, (Stage, Range)) == part


def test_nothing_of_ours_is_refused() -> None:
    assert not discover([Path(__file__).parents[2] / "plugins"]).broken
