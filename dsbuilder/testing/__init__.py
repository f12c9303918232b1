"""The contract kit: what every plugin promises, as checks that an author's own tests can call.

    from dsbuilder.testing import check_plugin

    def test_salt_pepper_keeps_the_contract() -> None:
        check_plugin(SaltPepper(density=Range(0.1, 0.2)))

It needs no test framework: a broken promise is an AssertionError that says which, on which image,
and what to do; `dsbuilder plugins test FILE` says the same. Laws for all kinds: the class is
declared as `dsbuilder.plugin` asks for, its help names every option, and its options survive being
written down and read again. For those that draw: params are JSON values, the same generator draws
the same, and the same params make the same bytes, whatever was made between, and in whichever
process.
"""

from dsbuilder.testing.cases import noise
from dsbuilder.testing.kinds import CHECKS, check_plugin, outcomes
from dsbuilder.testing.laws import check_declaration, check_options
from dsbuilder.testing.models import check_learning, check_model
from dsbuilder.testing.promises import Check, ContractError

__all__ = [
    "CHECKS",
    "Check",
    "ContractError",
    "check_declaration",
    "check_learning",
    "check_model",
    "check_options",
    "check_plugin",
    "noise",
    "outcomes",
]
