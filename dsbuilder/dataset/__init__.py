"""A built dataset as a user opens it: its samples, its checks, its history, and its stream.

opened.py        `Dataset`, and `load`
explanation.py   how one sample came to be
verification.py  whether everything of it is as it was built
difference.py    which samples two of them differ in, and why
side.py          what of a dataset, or of a planned one, such a comparison needs
causes.py        what of two pipelines differs, and which samples it reaches
"""

from dsbuilder.dataset.difference import Change, Difference
from dsbuilder.dataset.explanation import Explanation
from dsbuilder.dataset.opened import Dataset, load, opened

__all__ = ["Change", "Dataset", "Difference", "Explanation", "load", "opened"]
