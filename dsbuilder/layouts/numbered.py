"""Classes that a layout stores as numbers: MNIST and its relatives say 3, not 'Dress'."""

from collections.abc import Iterable, Sequence

from dsbuilder.errors import DataError


def name_of(number: int, classes: Sequence[str] | None) -> str:
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


def class_names(found: Iterable[str], classes: Sequence[str] | None) -> tuple[str, ...]:
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
