"""Class names in id order: checked, counted, and put in order."""

from collections.abc import Collection, Iterable, Sequence

from dsbuilder.errors import DataError

BACKGROUND = "background"
"""What pixels are called that nothing covers, the class 0 of most masks."""


def check_classes(classes: Sequence[str] | None) -> None:
    """Raises a ValueError unless given class names are at least two, and each there once."""
    if classes is None:
        return
    if len(classes) < 2:
        raise ValueError(f"classes: expected at least two names, found {len(classes)}.")
    twice = [name for index, name in enumerate(classes) if name in classes[:index]]
    if twice:
        raise ValueError(f"classes: expected each name once, found '{twice[0]}' twice.")


def class_names(found: Iterable[str], classes: Sequence[str] | None) -> tuple[str, ...]:
    """Returns class names in id order: `classes` where given, else what was found, sorted."""
    return tuple(sorted(set(found)) if classes is None else classes)


def check_class_count(found: Collection[str], *, where: str, noun: str) -> None:
    """Raises a DataError unless at least two classes were found, called `noun` in the message."""
    if len(found) < 2:
        only = "".join(f"one ('{name}')" for name in found) or "none"
        raise DataError(
            f"{where}: expected at least two {noun}, found {only}. "
            "A classification needs two: add another, or check the path."
        )
