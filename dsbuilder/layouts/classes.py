"""Class names in id order: checked, counted, and put in order.

Some layouts store classes as numbers: MNIST and its relatives say 3, not 'Dress'.
"""

from collections.abc import Collection, Iterable, Sequence

from dsbuilder.errors import DataError
from dsbuilder.plugin import Record
from dsbuilder.plugin.sources import check_some_read

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


def check_class_count(
    found: Collection[str], *, where: str, noun: str, wrong: Sequence[Record] = ()
) -> None:
    """Raises a DataError unless at least two classes were found, called `noun` in the message.

    Args:
      wrong: records that cannot be read: they are the reason, where there are any.
    """
    if len(found) < 2:
        check_some_read(wrong)
        problem = f"there are no {noun}"
        if found:
            problem = f"expected at least two {noun}, found one ('{next(iter(found))}')"
        raise DataError(
            f"{where}: {problem}. A classification needs two: add another, or check the path."
        )


def name_of_number(number: int, classes: Sequence[str] | None) -> str:
    """Returns the name of a class: the one `classes` has there, else the number as text.

    Raises:
      DataError: `classes` has no such place.
    """
    if classes is None:
        return str(number)
    if not 0 <= number < len(classes):
        raise DataError(
            f"expected a label from 0 to {len(classes) - 1}, the places of `classes`, found "
            f"{number}. Correct it or add the class."
        )
    return classes[number]


def numbered_names(found: Iterable[str], classes: Sequence[str] | None) -> tuple[str, ...]:
    """Returns class names in id order: `classes` where given, else what was found.

    Names that are all numbers are sorted as numbers, so that 2 comes before 10; others as text.
    """
    if classes is not None:
        return tuple(classes)
    names = sorted(set(found))
    try:
        return tuple(sorted(names, key=int))
    except ValueError:
        return tuple(names)
