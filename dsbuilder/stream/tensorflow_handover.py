"""What a feed makes, handed to TensorFlow's threads, and ended before the interpreter is.

A thread of TensorFlow that is inside Python when the interpreter shuts down never comes back, and
whoever waits for it, as the iterator of a script's module level does when it is freed, waits for
ever. (A call that begins later is refused by TensorFlow, which does no harm.) So at exit no further
batch is begun, and the one that is being made is waited for, though not for ever.
"""

import contextlib
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import TypeVar

Value = TypeVar("Value")

_HANGING_S = 5.0
"""For how long it is waited at exit for a batch, and for threads to leave Python."""

_LOOK_S = 0.01


class Handover:
    """Passes on what a feed makes.

    Attributes:
      failure: exception that a feed has ended with, which TensorFlow tells as one of its own.

    Args:
      shared: whether all threads may be in feeds at once, since each has one of its own. Else one
        is at a time: stages are not made for several.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self.failure: Exception | None = None
        self._state = _State(shared=shared)
        # Runs at exit, or when no dataset needs this any more; then nothing is open.
        weakref.finalize(self, self._state.end)

    def is_over(self) -> bool:
        """Whether the interpreter ends, so that no batch is to be waited for."""
        return self._state.ending

    def through(self, batches: Iterator[Value]) -> Iterator[Value]:
        """Yields what `batches` does, until the interpreter ends."""
        state, opened, self.failure = self._state, object(), None
        state.opened.add(opened)
        try:
            while True:
                with state.inside(opened):
                    if state.ending:
                        return
                    try:
                        batch = next(batches)
                    except StopIteration:
                        return
                    except Exception as error:
                        self.failure = error
                        raise
                yield batch
                del batch  # a slot of memory that others wait for, it may be
        finally:
            state.opened.discard(opened)


class _State:
    """What the end needs to know.

    Attributes:
      making: lock that is held while a batch is made; None where several may be.
      ending: whether no more shall be.
      opened: one object for each iterator that is not at its end.
      busy: those of them that wait for a batch.
    """

    def __init__(self, *, shared: bool) -> None:
        self.making = None if shared else threading.Lock()
        self.ending = False
        self.opened: set[object] = set()
        self.busy: set[object] = set()

    @contextlib.contextmanager
    def inside(self, opened: object) -> Iterator[None]:
        with self.making or contextlib.nullcontext():
            self.busy.add(opened)
            try:
                yield
            finally:
                self.busy.discard(opened)

    def end(self) -> None:
        opened, self.ending = bool(self.opened), True
        deadline = time.monotonic() + _HANGING_S
        while (self.busy or (opened and _is_entered())) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)


def _is_entered() -> bool:
    """Whether a thread that Python did not start is in Python, as one of TensorFlow's is at times.

    Python knows such a thread from its call to its return, and no longer.
    """
    own = {
        each.ident
        for each in threading.enumerate()
        if not isinstance(each, threading._DummyThread)  # a thread of others that was here once
    }
    return any(thread not in own for thread in sys._current_frames())
