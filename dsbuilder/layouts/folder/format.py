"""What the path of an image says in this layout: class/image, or split/class/image."""

from collections.abc import Sequence

from dsbuilder.layouts.splits import split_named

METADATA = "metadata.csv"
"""The table, beside the images of a split, of what folders cannot say."""


def depth_of(images: Sequence[str], classes: Sequence[str] | None) -> int:
    """Returns how many folders stand above a class folder: 1 where the top ones are splits."""
    tops = {key.partition("/")[0] for key in images if "/" in key}
    are_classes = classes is not None and tops <= set(classes)
    return int(bool(tops) and not are_classes and all(split_named(top) for top in tops))


def label_of(key: str, depth: int) -> str:
    """Returns the class folder that a path names."""
    return key.split("/", depth + 1)[depth]
