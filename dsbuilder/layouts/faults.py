"""What is wrong with a list or a table: all of it at once, up to a limit.

A list of a million lines may have the same mistake in a hundred of them; whoever corrects it wants
to see them together, and not all if there are thousands.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dsbuilder.errors import DataError

LIMIT = 20


class Faults:
    """Collects errors while reading goes on."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._limit = limit
        self._messages: list[str] = []

    def add(self, message: str) -> None:
        """Takes note of an error.

        Raises:
          DataError: it is the last that is reported; carries all.
        """
        self._messages.append(message)
        if len(self._messages) == self._limit:
            self._messages.append(
                f"There may be more: only the first {self._limit} errors are shown."
            )
            self.check()

    @contextmanager
    def collecting(self, where: str = "", advice: str = "") -> Iterator[None]:
        """Takes note of a DataError that is raised inside, and goes on behind.

        Args:
          where: what its message begins with, such as file and line.
          advice: what it ends with.
        """
        try:
            yield
        except DataError as error:
            before = f"{where}: " if where else ""
            self.add(f"{before}{error}{' ' + advice if advice else ''}")

    def check(self) -> None:
        """Raises a DataError of all that was noted, one a line; nothing if there is none."""
        if self._messages:
            raise DataError("\n".join(self._messages))
