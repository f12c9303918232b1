"""What of a folder speaks for lists of texts, or for texts in the names of files."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.layouts.faults import FEW, Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.ocr import format as ocr
from dsbuilder.layouts.sidecar import stated_targets
from dsbuilder.layouts.tables import cut
from dsbuilder.paths import Inside
from dsbuilder.plugin import DataError, Signs, Text

_MOST_LISTS = 20
_TRIED = 20
_TEXTS = 0.3
"""The share of different texts from which on they are no classes."""


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for lists that pair images with texts, or for names that hold texts."""
    seen = glance(folder)
    lists = [path for path in seen.files if PurePosixPath(path).name in ocr.LISTS]
    return _of_lists(folder, lists, seen) if lists else _of_names(seen)


def _of_lists(folder: Path, lists: Sequence[str], seen: Glance) -> Signs:
    texts: list[str] = []
    images: set[str] = set()
    absent: list[str] = []
    faults = Faults(root=folder)
    try:
        for path in lists[:_MOST_LISTS]:
            above = path[: path.rfind("/") + 1]
            pairs = list(ocr.read_pairs(folder / path, faults))
            texts += [pair.text for pair in pairs]
            images.update(f"{above}{each.image}" for each in pairs)
            images.update(f"{above}{ocr.IMAGES}{each.image}" for each in pairs)
            inside = Inside(folder / above)
            absent += [pair.image for pair in pairs[:_TRIED] if not _lies_there(inside, pair.image)]
        faults.check_few(of=len(texts))
    except DataError as error:
        return Signs(reason=str(error).splitlines()[0])
    named = f"{shortened(lists)} with {seen.count(len(texts), 'line')}"
    if len(absent) > len(texts) * FEW or not texts:
        found = f", but '{absent[0]}' does not lie there" if absent else ""
        return Signs(reason=f"{named}{found}")
    return Signs(
        reason=f"{named}, each an image and its text",
        evidence="declared",
        explained=seen.share(images) if len(lists) <= _MOST_LISTS else 1.0,
        contradictions=_contradictions(folder, texts),
        options={"path": "."},
        comments={"path": f"{len(texts)} texts, such as {cut(texts[0])}"},
    )


def _contradictions(folder: Path, texts: Sequence[str]) -> list[str]:
    """Texts that repeat are rather classes, unless an export of ours states that they are texts."""
    different = len(set(texts))
    if different > _TEXTS * len(texts):
        return []
    are_texts = any(isinstance(each, Text) for each in stated_targets(folder).values())
    return [] if are_texts else [f"only {different} are different, as classes are"]


def _lies_there(inside: Inside, image: str) -> bool:
    try:
        ocr.located(inside, image)
    except DataError:
        return False
    return True


def _of_names(seen: Glance) -> Signs:
    """Says whether the names of all images hold a text that differs from name to name."""
    for form in ocr.NAME_FORMS:
        try:
            texts = [ocr.named_text(path, form) for path in seen.images]
        except DataError:
            continue
        if len(set(texts)) > _TEXTS * max(len(texts), 4):
            return Signs(
                reason=f"the names of {seen.count(len(texts), 'image')} may hold texts, such as "
                f"{cut(texts[0])}",
                evidence="possible",
                contradictions=["nothing says so"],
                options={"path": ".", "form": form},
            )
    return Signs(reason=f"no list called {' or '.join(ocr.LISTS)} lies in it")
