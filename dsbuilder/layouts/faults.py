"""What is wrong with lists and tables, noted while reading goes on.

A list of a million lines may have a mistake in a hundred of them. Each makes one record unreadable,
which is listed with its error; so a user sees all of them, and a build goes on without them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsbuilder.errors import DataError
from dsbuilder.plugin import Record
from dsbuilder.plugin.sources import told

FEW = 0.1
"""The share of entries that may be wrong of what is still a list, and a set of images."""


@dataclass(kw_only=True)
class Faults:
    """Takes note of errors, and of the records that they belong to.

    Attributes:
      root: the folder that places in keys are relative to.
    """

    root: Path = Path()
    _messages: list[str] = field(default_factory=list)
    _records: dict[str, Record] = field(default_factory=dict)

    def add(self, where: str, message: str, record: Record | None = None) -> None:
        """Takes note of an error.

        Args:
          where: what its message begins with, such as file and line; empty if that is in it.
          record: the record that cannot be read, as far as it is known; None if only its place is,
            which then is its key.
        """
        text = f"{where}: {message}" if where else message
        self._messages.append(text)
        wrong = record or Record(key=self._key_of(where))
        before = self._records.get(wrong.key, wrong)
        error = text if before.error is None else f"{before.error} {text}"
        self._records[wrong.key] = replace(before, error=error)

    def _key_of(self, where: str) -> str:
        """Returns file and line as a key, with slashes alone between its parts."""
        with suppress(ValueError):
            return Path(where).relative_to(self.root).as_posix()
        return Path(where).name

    @contextmanager
    def collecting(
        self, where: str = "", advice: str = "", *, record: Record | None = None
    ) -> Iterator[None]:
        """Takes note of a DataError that is raised inside, and goes on behind.

        Args:
          where, record: see `add`.
          advice: what the message ends with.
        """
        try:
            yield
        except DataError as error:
            self.add(where, f"{error}{' ' + advice if advice else ''}", record)

    def check(self) -> None:
        """Raises a DataError of all that was noted, one a line; nothing if there is none."""
        if self._messages:
            raise DataError(told(self._messages))

    def check_few(self, of: int) -> None:
        """Raises a DataError if more is wrong than some records of a set, which a build sets aside.

        Args:
          of: number of entries that nothing is wrong with.
        """
        if len(self._messages) > of * FEW:
            self.check()

    def sound(self, records: Sequence[Record]) -> list[Record]:
        """Returns the records without those that something is wrong with.

        Raises:
          DataError: something is wrong with all of them.
        """
        kept = [each for each in records if each.key not in self._records]
        if not kept:
            self.check()
        return kept

    def unsound(self) -> list[Record]:
        """Returns the records that something is wrong with, each with its error."""
        return list(self._records.values())
