"""What a dataset, its version and its shards may be called: one grammar, wherever one is read.

Names of these become names of files and folders. Names of targets have their grammar in
`targets/stored.py`, keys in `layouts/keys.py`; classes are called anything, and no path is made of
a class but through `layouts/file_names.py`.
"""

import re

MANIFEST = "metadata.json"
"""What the manifest of a dataset is called, which lies in the folder of each."""

CARD, REPORT = "README.md", "report.html"
CROISSANT, SAMPLES = "croissant.json", "samples.jsonl"
PAGES = (CARD, REPORT, CROISSANT, SAMPLES)
"""What lies beside for people and for catalogs of datasets, and has no checksum."""

DATASET = r"[a-z][a-z0-9_]*"
VERSION = r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}"
_PLACE = re.compile(r"#([0-9]{5,})-of-([0-9]{5,})")
_FILE = re.compile(r"[^/\\\0]+")


def dataset_fault(name: str) -> str | None:
    """Says what is wrong with the name of a dataset; None if nothing is."""
    if re.fullmatch(DATASET, name):
        return None
    return f"expected small letters, digits and underscores, found '{name}'."


def version_fault(version: str) -> str | None:
    """Says what is wrong with a version; None if nothing is."""
    return (
        None
        if re.fullmatch(VERSION, version)
        else f"expected x.y.z, such as 1.0.0, found '{version}'."
    )


def stem(name: str, split: str, index: int, count: int) -> str:
    """Returns what the files of a shard are named after."""
    return f"{name}-{split}#{index:05d}-of-{count:05d}"


def is_stem(text: str, *, name: str, split: str) -> bool:
    """Whether a text is what a shard of a split of a dataset is named after."""
    front = f"{name}-{split}"
    return text.startswith(front) and _PLACE.fullmatch(text.removeprefix(front)) is not None


def is_file(text: str) -> bool:
    """Whether a text is the name of a file in a folder: no path, and no hidden one."""
    return _FILE.fullmatch(text) is not None and not text.startswith(".")
