"""Which keys a record may have."""

from collections.abc import Callable, Sequence

from dsbuilder.errors import DataError
from dsbuilder.formats.layout import is_utf8, printable
from dsbuilder.sample import Record

# `//` stands before what is appended to the key of a derived sample, hence no slash at the end.
_FAULTS: Sequence[tuple[str, Callable[[str], bool]]] = (
    ("an empty one", lambda key: not key),
    ("'//' in it", lambda key: "//" in key),
    ("a slash at its start", lambda key: key.startswith("/")),
    ("a slash at its end", lambda key: key.endswith("/")),
    ("a backslash in it", lambda key: "\\" in key),
    ("a NUL in it", lambda key: "\0" in key),
    ("broken bytes in it", lambda key: not is_utf8(key)),
)


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
        fault = _fault(key)
        if fault:
            raise DataError(
                f"record '{printable(key)}': expected a key in UTF-8 such as 'class/image.png', "
                f"found {fault}. Rename the file, or correct the source's records()."
            )


def _fault(key: str) -> str | None:
    """Says what is wrong with a key."""
    return next((fault for fault, is_there in _FAULTS if is_there(key)), None)


def _twice(records: Sequence[Record], key: str) -> str:
    first, second, *_ = sorted(str(each.path or "no file") for each in records if each.key == key)
    return (
        f"record '{printable(key)}': expected each key once, found it for {first} and for "
        f"{second}. Remove one of them, or correct the source's records()."
    )
