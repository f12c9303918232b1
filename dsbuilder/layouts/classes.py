"""Class names in id order: checked, counted, and put in order.

Some layouts store classes as numbers: MNIST and its relatives say 3, not 'Dress'.
"""

from collections.abc import Collection, Iterable, Sequence

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import FEW
from dsbuilder.plugin import Record
from dsbuilder.plugin.sources import check_some_read

BACKGROUND = "background"
"""What pixels are called that nothing covers, the class 0 of most masks."""


def check_classes(classes: Sequence[str] | None) -> None:
    """Raises a ValueError unless given class names are at least one, and each there once."""
    if classes is None:
        return
    if not classes:
        raise ValueError("classes: at least one name is needed, such as cat.")
    twice = [name for index, name in enumerate(classes) if name in classes[:index]]
    if twice:
        raise ValueError(f"classes: expected each name once, found '{twice[0]}' twice.")


def class_names(found: Iterable[str], classes: Sequence[str] | None) -> tuple[str, ...]:
    """Returns class names in id order: `classes` where given, else what was found, sorted."""
    return tuple(sorted(set(found)) if classes is None else classes)


def check_class_count(
    found: Collection[str],
    *,
    where: str,
    noun: str,
    wrong: Sequence[Record] = (),
    of: int = 0,
) -> None:
    """Raises a DataError unless a class was found; classes are called `noun` in the message.

    One alone is enough to build a dataset of; a training of a classifier refuses it.

    Args:
      wrong: records that cannot be read: they are the reason where there are more than a few, and
        not two classes.
      of: number of records that can be read.
    """
    if len(found) < 2 and len(wrong) > FEW * of:
        check_some_read(wrong)
    if not found:
        raise DataError(f"{where}: there are no {noun}. Add one, or check the path.")


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
