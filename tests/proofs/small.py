"""A dataset of every kind of target, small enough to be damaged ten thousand times."""

from conftest import ALL_KINDS

PIPELINE = (
    "name: kinds\n"
    "synthesize: [{use: all_kinds, count: 8, splits: {train: 0.5, test: 0.5}}]\n"
    "cache: {image: png}\n"
)

__all__ = ["ALL_KINDS", "PIPELINE"]
