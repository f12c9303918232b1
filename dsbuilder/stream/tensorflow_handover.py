"""What a feed makes, handed to TensorFlow's threads, and ended before the interpreter is.

A thread of TensorFlow that is inside Python when the interpreter shuts down never comes back, and
whoever waits for it, as the iterator of a script's module level does when it is freed, waits for
ever. (A call that begins later is refused by TensorFlow, which does no harm.) So at exit no further
batch is begun, and the one that is being made is waited for.
"""

import threading
import time
import weakref
from collections.abc import Iterator
from typing import TypeVar

Value = TypeVar("Value")

_LEAVING_S = 0.1
"""For how long a thread that has got its last batch may take to leave Python."""


class Handover:
    """Passes on what a feed makes, to one thread at a time: its stages are not made for several."""

    def __init__(self) -> None:
        self._state = _State()
        # Runs at exit, or when no dataset needs this any more; then nothing is open.
        weakref.finalize(self, self._state.end)

    def is_over(self) -> bool:
        """Whether the interpreter ends, so that no batch is to be waited for."""
        return self._state.ending

    def through(self, batches: Iterator[Value]) -> Iterator[Value]:
        """Yields what `batches` does, until the interpreter ends."""
        state, opened = self._state, object()
        state.opened.add(opened)
        try:
            while True:
                with state.making:
                    if state.ending:
                        return
                    try:
                        batch = next(batches)
                    except StopIteration:
                        return
                yield batch
                del batch  # a slot of memory that others wait for, it may be
        finally:
            state.opened.discard(opened)


class _State:
    """What the end needs to know.

    Attributes:
      making: held while a batch is made.
      ending: whether no more shall be.
      opened: one object for each iterator that is not at its end.
    """

    def __init__(self) -> None:
        self.making = threading.Lock()
        self.ending = False
        self.opened: set[object] = set()

    def end(self) -> None:
        opened, self.ending = bool(self.opened), True
        with self.making:
            pass
        if opened:
            time.sleep(_LEAVING_S)
