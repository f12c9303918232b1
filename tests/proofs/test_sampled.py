"""A seeded sample of each heavy proof; `make proof NAME=...` runs one whole."""

import importlib

import pytest
import tools

from proofs import kills, mutations, power_cuts, tampering
from proofs.__main__ import WHOLE

pytestmark = pytest.mark.slow


def test_some_kills_and_resumes_give_equal_sums() -> None:
    assert kills.run(5, 7)


@tools.needs_libfuse
def test_after_some_power_cuts_every_dataset_verifies() -> None:
    assert power_cuts.run(3, 1)


def test_some_hundred_damaged_files_give_a_listing_or_a_clear_error() -> None:
    assert mutations.run(450, 0)


def test_some_hundred_tampered_datasets_give_an_answer_or_a_clear_error() -> None:
    assert tampering.run(160, 0, models=False)


@pytest.mark.parametrize("name", WHOLE)
def test_every_proof_can_be_run_by_its_name(name: str) -> None:
    assert callable(importlib.import_module(f"proofs.{name}").run)
