"""The contract kit: what every plugin promises, as checks that an author's own tests can call.

    from dsbuilder.testing import check_plugin

    def test_salt_pepper_keeps_the_contract() -> None:
        check_plugin(SaltPepper(density=Range(0.1, 0.2)))

It needs no test framework: a broken promise is an AssertionError that says which and how. Laws
for all kinds: the class is declared as `dsbuilder.plugin` asks for, its help names every option,
and its options survive being written down and read again. For those that draw: params are JSON
values, the same generator draws the same, and the same params make the same bytes, whatever was
made between.
"""

from dsbuilder.testing.exporting import check_exporter
from dsbuilder.testing.kinds import (
    check_inspector,
    check_mixer,
    check_plugin,
    check_source,
    check_synthesizer,
    check_transform,
    noise,
)
from dsbuilder.testing.laws import check_declaration, check_options
from dsbuilder.testing.models import check_learning, check_model
from dsbuilder.testing.training import check_loss, check_metric, check_schedule

__all__ = [
    "check_declaration",
    "check_exporter",
    "check_inspector",
    "check_learning",
    "check_loss",
    "check_metric",
    "check_mixer",
    "check_model",
    "check_options",
    "check_plugin",
    "check_schedule",
    "check_source",
    "check_synthesizer",
    "check_transform",
    "noise",
]
