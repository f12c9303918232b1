"""What of a folder speaks for images in class folders, and what against it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.folder.format import depth_of, label_of
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.splits import SPLIT_WORDS
from dsbuilder.plugin import Signs

_PART_WORDS = frozenset(
    (
        *("annotation", "annotations", "ann", "anns", "gt", "groundtruth", "label", "labels"),
        *("image", "images", "img", "imgs", "jpegimages"),
        *("mask", "masks", "segmentation", "segmentationclass", "segmentationobject"),
    )
)
"""Names, in small letters, of folders that are a part of a layout and seldom a class."""


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for images in class folders, and what against it."""
    seen = glance(folder)
    images = seen.images
    depth = depth_of(images, None)
    strays = [key for key in images if key.count("/") <= depth]
    labels = sorted({label_of(key, depth) for key in images if key.count("/") > depth})
    shown = seen.count(len(images), "image")
    if not images:
        return Signs(reason="no image lies in it")
    if strays:
        reason = f"{len(strays)} of {shown} in no class folder, such as '{strays[0]}'"
        return Signs(reason=reason)
    splits = sorted({key.partition("/")[0] for key in images}) if depth else []
    below = f" below {', '.join(splits)}" if splits else ""
    if len(labels) == 1:
        return _of_one_class(seen, labels[0], depth, f"{shown} in one class folder alone{below}")
    found = f"{shown} in {seen.count(len(labels), 'class folder')}{below}: {shortened(labels)}"
    return Signs(
        reason=found,
        evidence="arranged",
        contradictions=list(_contradictions(seen, labels, depth)),
        options={"path": "."},
        comments={"path": f"{seen.count(len(labels), 'class', 'classes')}: {shortened(labels)}"},
    )


def _of_one_class(seen: Glance, label: str, depth: int, reason: str) -> Signs:
    """Returns what speaks for a single class, whose folder may be any that holds images."""
    against = list(_contradictions(seen, [label], depth))
    beside = [path for path in seen.label_files if path != sidecar.NAME]
    if beside and not against:
        against = [f"{shortened(beside, limit=3)} may say more than the folder does"]
    return Signs(
        reason=f"{reason}, '{label}'",
        evidence="possible",
        contradictions=against,
        options={"path": "."},
        comments={"path": f"1 class, '{label}'; a training of a classifier needs two"},
    )


def _contradictions(seen: Glance, labels: Sequence[str], depth: int) -> Iterator[str]:
    parts = [label for label in labels if label.lower() in _PART_WORDS]
    notes = seen.ending("json", "xml", "txt", "csv", "tsv", "jsonl", "parquet")
    deep = [key for key in seen.images if key.count("/") > depth + 1]
    if parts:
        yield f"{shortened(parts)} is rather a part of another layout than a class"
    elif all(label.lower().startswith(tuple(SPLIT_WORDS)) for label in labels):
        yield "by their names these are splits, or parts of another layout"
    if len(notes) * 2 > len(seen.images):
        yield f"{seen.count(len(notes), 'file')} of text may say more than folders do"
    elif len(deep) * 2 > len(seen.images):
        yield f"most lie deeper, such as '{deep[0]}'"
    elif len(labels) * 3 > len(seen.images) * 2:
        yield "hardly more images than folders"
