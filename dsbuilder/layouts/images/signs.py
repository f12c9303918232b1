"""What of a folder speaks for images without labels, and what against it.

Any folder of images may be read so. It is proposed where nothing else could be meant: images lie at
the top, below splits, or in folders called after what holds images, and nothing lies beside them
that may label them.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.tree import extension
from dsbuilder.plugin import DataError, Signs

_IMAGE_WORDS = frozenset(("images", "image", "img", "imgs", "jpegimages", "photos", "pictures"))
_MOST_BESIDE, _MOST_LOOKED_AT = 20, 20


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for images without labels, and what against it."""
    seen = glance(folder)
    images = seen.images
    if not images:
        return Signs(reason="no image lies in it")
    shown = seen.count(len(images), "image")
    stated = None
    with contextlib.suppress(DataError):
        stated = sidecar.read(folder)
    if stated is not None and not stated.targets:
        return Signs(
            reason=f"{shown}, which {sidecar.NAME} says have no labels",
            evidence="declared",
            contradictions=list(_contradictions(seen, ())),
            options={"path": "."},
        )
    return Signs(
        reason=f"{shown}, of which nothing says a label",
        evidence="possible",
        contradictions=list(_contradictions(seen, list(stated.targets) if stated else ())),
        options={"path": "."},
        comments={"path": _remark(folder)},
    )


def _remark(folder: Path) -> str:
    """Says that there are no labels, and of folders beside this one that may be classes with it."""
    with contextlib.suppress(OSError):
        here = folder.resolve()
        beside = sorted(each for each in here.parent.iterdir() if each.is_dir() and each != here)
        others = [each.name for each in beside[:_MOST_BESIDE] if _holds_images(each)]
        if others:
            shown = shortened(others, limit=2)
            return f"no labels; if it and {shown} are classes, give the folder above"
    return "no labels"


def _holds_images(folder: Path) -> bool:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        first = itertools.islice(entries, _MOST_LOOKED_AT)
        return any(extension(entry.name) in IMAGE_EXTENSIONS for entry in first)
    return False


def _contradictions(seen: Glance, stated: Sequence[str]) -> Iterator[str]:
    if stated:
        yield f"{sidecar.NAME} tells of labels: {shortened(stated)}"
    notes = [path for path in seen.label_files if path.rpartition("/")[2] != sidecar.NAME]
    if notes:
        yield f"{shortened(notes, limit=3)} may label them"
    folders = sorted({each for path in seen.images for each in _telling(path)})
    if folders:
        yield f"the folders that they lie in may say what they show: {shortened(folders, limit=3)}"


def _telling(path: str) -> list[str]:
    """Returns the folders of an image that are neither a split nor called a place of images."""
    return [
        each
        for each in path.split("/")[:-1]
        if split_named(each) is None and each.lower() not in _IMAGE_WORDS
    ]
