"""Bounds of numbers in a pipeline file, and how an error says that one is outside."""

MOST = 1_000_000_000
"""What nobody counts to; larger numbers fit into no index."""


def check_at_least_1(option: str, value: int | None) -> None:
    """Raises ValueError for a number below 1 or above `MOST`; None is no number."""
    if value is not None and value < 1:
        raise ValueError(f"{option}: expected 1 or more, found {value}.")
    if value is not None and value > MOST:
        raise ValueError(f"{option}: expected at most {MOST:,}, found {value}.")


def check_above_0(option: str, value: float) -> None:
    """Raises ValueError for a number of 0 or below."""
    if value <= 0:
        raise ValueError(f"{option}: expected more than 0, found {value:g}.")
