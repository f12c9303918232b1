"""The checks of each kind of plugin, in one table, and what tries a plugin by them."""

from collections.abc import Iterator, Mapping
from typing import Any

from dsbuilder.plugin import (
    Exporter,
    Inspector,
    Loss,
    Metric,
    Mixer,
    ModelBuilder,
    Schedule,
    Source,
    Synthesizer,
    Transform,
)
from dsbuilder.testing.batches import TWIN
from dsbuilder.testing.cost import COST
from dsbuilder.testing.exporting import check_exporter
from dsbuilder.testing.images import EMPTY, SIDES, SMALL, WEIGHTS
from dsbuilder.testing.inspecting import FINDINGS
from dsbuilder.testing.laws import check_declaration, check_options
from dsbuilder.testing.making import CHECKS as MAKING
from dsbuilder.testing.making import FIRST
from dsbuilder.testing.models import check_model
from dsbuilder.testing.places import MOTION, PLACES
from dsbuilder.testing.processes import LISTING, PROCESSES
from dsbuilder.testing.promises import Check, ContractError
from dsbuilder.testing.sources import CATALOG
from dsbuilder.testing.training import check_loss, check_metric, check_schedule

_ALL = (
    Check(
        name="declaration",
        promises="the class is decorated, and its docstring describes every option",
        run=check_declaration,
    ),
    Check(
        name="options",
        promises="options are the same when they are written down and read again",
        run=check_options,
    ),
)
_FIRST = (*_ALL, *FIRST, COST)  # what is slow is told before it is asked often
CHECKS: Mapping[type, tuple[Check, ...]] = {
    Transform: (*_FIRST, SIDES, MOTION, *MAKING, PLACES, EMPTY, SMALL, TWIN, PROCESSES),
    Mixer: (*_FIRST, WEIGHTS, *MAKING, EMPTY, SMALL, TWIN, PROCESSES),
    Synthesizer: (*_FIRST, *MAKING, PROCESSES),
    Source: (*_ALL, CATALOG, LISTING),
    Inspector: (*_ALL, FINDINGS),
    Exporter: (
        *_ALL,
        Check(
            name="export",
            promises="each kind of target is written, the same each time, or refused with a reason",
            run=check_exporter,
        ),
    ),
    ModelBuilder: (
        *_ALL,
        Check(
            name="outputs",
            promises="build() returns an uncompiled model of the outputs that tasks ask for",
            run=check_model,
        ),
    ),
    Loss: (
        *_ALL,
        Check(
            name="losses",
            promises="compute() returns a finite number of each sample",
            run=check_loss,
        ),
    ),
    Metric: (
        *_ALL,
        Check(
            name="metrics",
            promises="numpy and Keras, whole and in batches, come to the same",
            run=check_metric,
        ),
    ),
    Schedule: (
        *_ALL,
        Check(
            name="shares",
            promises="share() is 0 or more in every step, and always the same",
            run=check_schedule,
        ),
    ),
}
"""Base class of a kind -> its checks, in the order in which they are tried."""


def checks_of(plugin: Any) -> tuple[Check, ...]:
    """Returns the checks of a plugin's kind.

    Raises:
      AssertionError: it is of none.
    """
    for base, checks in CHECKS.items():
        if isinstance(plugin, base):
            return checks
    raise AssertionError(f"expected an object of a plugin's class, found {type(plugin).__name__}.")


def check_plugin(plugin: Any) -> None:
    """Checks a plugin of any kind by the laws of its kind.

    Raises:
      ContractError: it breaks one; says which, and on what.
    """
    for check in checks_of(plugin):
        check.on(plugin)


def outcomes(plugin: Any) -> Iterator[tuple[Check, ContractError | None]]:
    """Yields every check of a plugin, with what it says where the plugin does not pass.

    One that is slow or keeps memory is asked no more: it would be for minutes.
    """
    for check in checks_of(plugin):
        try:
            check.on(plugin)
        except ContractError as error:
            yield check, error
            if check is COST:
                return
        else:
            yield check, None
