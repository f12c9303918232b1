"""Which keys a record may have."""

from collections.abc import Sequence

from dsbuilder.errors import DataError, printable
from dsbuilder.layouts.keys import fault
from dsbuilder.sample import Record


def check_keys(records: Sequence[Record]) -> None:
    """Checks that keys are unique and can stand in a dataset.

    Raises:
      DataError: a key is empty, not UTF-8, there twice, has an empty part, a backslash or a NUL.
    """
    seen: set[str] = set()
    for record in records:
        key = record.key
        if key in seen:
            raise DataError(_twice(records, key))
        seen.add(key)
        wrong = fault(key)
        if wrong:
            raise DataError(
                f"record '{printable(key)}': expected a key in UTF-8 such as 'class/image.png', "
                f"found {wrong}. Rename the file, or correct what the source lists."
            )


def _twice(records: Sequence[Record], key: str) -> str:
    first, second, *_ = sorted(str(each.path or "no file") for each in records if each.key == key)
    return (
        f"record '{printable(key)}': expected each key once, found it for {first} and for "
        f"{second}. Remove one of them, or correct what the source lists."
    )
