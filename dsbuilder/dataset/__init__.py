"""A built dataset opened: its samples, its checks, its history.

stored.py        `StoredDataset`, and `load`; its samples as an exporter sees them
split_samples.py the samples of a split as a sequence
meant.py         what was meant by a path at which no dataset lies
variants.py      what of its train split is original and what a variant
explanation.py   how one sample came to be
browsing.py      its samples page by page, those that fit a question
sample_rows.py   its samples as lines: key, split and labels
croissant.py     Croissant metadata over these lines, and over the images of an export
verification.py  whether everything of it is as it was built
difference.py    which samples two of them differ in, or one and a planned build, and why
causes.py        what of two pipelines differs, and which samples it reaches
"""

from dsbuilder.dataset.difference import Change, Difference, diff
from dsbuilder.dataset.explanation import Explanation, explain
from dsbuilder.dataset.stored import ExportableDataset, StoredDataset, load
from dsbuilder.dataset.verification import examine, find_problems

__all__ = [
    "Change",
    "Difference",
    "Explanation",
    "ExportableDataset",
    "StoredDataset",
    "diff",
    "examine",
    "explain",
    "find_problems",
    "load",
]
